"""No case runs in circles and none waits for ever: in a world that stands still each one comes to rest."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.case import Case, move
from shared.domain.effects import (
    Answer,
    Done,
    Refused,
    WipeAccepted,
    WipeAnswer,
    WipeNeedsApproval,
    WipeNotSent,
    WipeRefused,
    WipeUnknown,
)
from shared.domain.facts import MISSING, Compliance, Facts, Freeze
from shared.domain.policy import Mode, Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.after_wipe import after_answer
from shared.rules.answers import changes_by
from shared.rules.decide import RULES, decide
from tests.arbitrary import cases, facts, policies, times
from tests.builders import (
    NOW,
    OTHER,
    OTHER_ID,
    a_budget,
    a_device,
    a_fleet,
    a_licensed_user,
    a_returned_device,
    a_user,
    all_facts,
    an_approval_request,
    an_autopilot_device,
    an_owners_device,
    spb,
    staging_user,
    tenant_facts,
    users,
)
from tests.case_builders import a_case, a_policy, an_unenrolled_case

pytestmark = pytest.mark.long

MOST_MOVES = 20
"""As many as one step makes before it leaves the rest to the next message."""
MOST_LOOKS = 60 * 24 * 4 + 100
"""One each quarter of an hour for 60 days."""
REFUSALS = [
    Refused(code="CountViolation", message="no available licenses"),
    Refused(code="BadRequest", message="no"),
]
WIPE_ANSWERS: list[WipeAnswer] = [
    WipeAccepted(),
    WipeRefused(status=403, code="Forbidden", message="no"),
    WipeUnknown(why="504"),
    WipeNeedsApproval(status=403, code="request-1", message="ApprovalRequired"),
    WipeNeedsApproval(status=409, code=None, message="An active Approval Request already exists"),
    WipeNotSent(why="no token"),
]


def _one_move(case: Case, read: Facts, policy: Policy, now: datetime, answers: tuple[Answer, WipeAnswer]) -> Case:
    """As a step does it: decide, move, carry out what was asked, and take its answer into the case."""
    decision = decide(replace(case), read, policy, now)
    case = move(case, decision, at=now)[0]
    if decision.to is CaseState.WIPE_SENT and decision.changes.get("wipe") is not None and case.wipe is not None:
        sent_now = case.wipe.sent_at == now and case.wipe.outcome is None
        return move(case, after_answer(case, answers[1], now), at=now)[0] if sent_now else case
    if decision.effect is None:
        return case
    answered = replace(case, **dict(changes_by(case, decision.effect, answers[0])))
    return case if answered == case else replace(answered, due_at=now)


def _waits_or_rests(case: Case, now: datetime) -> bool:
    return case.state.rests or (case.due_at is not None and case.due_at > now)


@settings(max_examples=600, deadline=None)
@given(st.data())
def test_a_case_waits_or_rests_after_a_few_moves(data: st.DataObject):
    policy = data.draw(policies)
    case, read, now = data.draw(cases(list(RULES), policy)), data.draw(facts()), data.draw(times)
    answers = data.draw(st.sampled_from([Done(), *REFUSALS])), data.draw(st.sampled_from(WIPE_ANSWERS))

    path = [case.state]
    for _ in range(MOST_MOVES):
        case = _one_move(case, read, policy, now, answers)
        path.append(case.state)
        if _waits_or_rests(case, now):
            return
    pytest.fail(" -> ".join(path))


LICENSED, UNLICENSED = users(a_licensed_user(), staging_user()), users(a_user(), staging_user())
WORLDS: dict[str, Facts] = {
    "all is well": all_facts(),
    "the owner enrolled it": all_facts(device=an_owners_device()),
    "the licence never arrives": all_facts(users=UNLICENSED, plans=()),
    "the licence arrives": all_facts(users=UNLICENSED),
    "the owner is gone": all_facts(users={**users(staging_user()), **dict.fromkeys(UNLICENSED, MISSING)}),
    "the owner is disabled": all_facts(users=users(a_licensed_user(enabled=False), staging_user())),
    "not registered": all_facts(autopilot=()),
    "wrong profile": all_facts(autopilot=(an_autopilot_device(profile_status="failed"),)),
    "tenant not ready": all_facts(tenant=tenant_facts(mdm_authority="sccm")),
    "approved by a second administrator": all_facts(admin_requests=(an_approval_request(status="approved"),)),
    "rejected by a second administrator": all_facts(admin_requests=(an_approval_request(status="rejected"),)),
    "never checks in": all_facts(device=a_device(last_sync_at=None)),
    "frozen": all_facts(freeze=Freeze(frozen=True)),
    "budget spent": all_facts(budget=a_budget(last_day=25)),
    "wiped recently": all_facts(budget=a_budget(serial_wiped_at=NOW)),
    "moved to somebody else": all_facts(device=a_device(user_id=OTHER_ID, user_principal_name=OTHER)),
    "came back": all_facts(same_serial=(a_returned_device(compliance=Compliance.COMPLIANT),)),
    "came back ill": all_facts(same_serial=(a_returned_device(compliance=Compliance.NONCOMPLIANT),)),
    "left Intune": all_facts(device=MISSING, same_serial=()),
    **{f"compliance {each}": all_facts(device=a_device(compliance=each)) for each in Compliance},
    **{
        f"management state {each}": all_facts(
            device=a_device(management_state=each), same_serial=(a_device(management_state=each),)
        )
        for each in ("wipePending", "wipeFailed", "wipeCanceled", "unhealthy")
    },
}


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("mode", [Mode.REPORT, Mode.APPROVE, Mode.AUTO])
def test_every_case_comes_to_rest_within_a_bound(world: str, mode: Mode):
    policy, stuck = a_policy(mode=mode), list[str]()
    for start in (*(a_case(state, policy) for state in RULES), an_unenrolled_case()):
        # a wipe that never leaves is tried for weeks: once per world is enough
        answers = WIPE_ANSWERS if start.state is CaseState.CLEARED_TO_WIPE else WIPE_ANSWERS[:-1]
        for answer in answers:
            end, now = _run(start, WORLDS[world], policy, answer)
            if not end.state.rests or now - NOW > timedelta(days=40):
                stuck.append(f"{start.state} -> {end.state} ({end.says}) at {now}")
            if end.wipe == start.wipe:
                break  # no wipe was asked for, so no other answer makes a difference

    assert stuck == []


def _run(case: Case, read: Facts, policy: Policy, wipe_answer: WipeAnswer) -> tuple[Case, datetime]:
    """The case 60 days later, or when it came to rest; the device checks in every day unless it never does."""
    now = NOW
    for _ in range(MOST_LOOKS):
        if now >= NOW + timedelta(days=60) or case.state.rests:
            break
        case = _one_move(case, _as_read_at(read, case, now), policy, now, (Done(), wipe_answer))
        now = max(now, case.due_at or now)
    return case, now


def _as_read_at(read: Facts, case: Case, now: datetime) -> Facts:
    read = replace(read, fleet=a_fleet(read_at=now))
    if case.bound and case.owner is not None and read.autopilot:
        upn = case.owner.user_principal_name
        read = replace(read, autopilot=tuple(replace(each, user_principal_name=upn) for each in read.autopilot))
    if read.tenant is not None:
        read = replace(read, tenant=replace(read.tenant, read_at=now))
    device = read.device
    if device is None or device is MISSING or device.last_sync_at is None:
        return read
    return replace(read, device=replace(device, last_sync_at=now))


def test_a_case_waits_for_a_seat_as_long_as_it_takes_and_then_goes_on_by_itself():
    full = all_facts(users=UNLICENSED, plans=(), tenant=tenant_facts(skus=(spb(used=5),)))

    waiting, now = _run(a_case(), full, a_policy(), WipeAccepted())
    going_on = _one_move(waiting, all_facts(users=UNLICENSED, plans=()), a_policy(), now, (Done(), WipeAccepted()))

    assert waiting.state is CaseState.AWAITING_SEAT
    assert now >= NOW + timedelta(days=60)
    assert going_on.state is CaseState.AWAITING_LICENCE


@pytest.mark.parametrize(
    ("mode", "reason"), [(Mode.APPROVE, Reason.APPROVAL_EXPIRED), (Mode.AUTO, Reason.WIPE_NOT_SENT)]
)
def test_a_wipe_that_never_leaves_is_tried_again_and_at_last_given_to_a_person(mode: Mode, reason: Reason):
    policy = a_policy(mode=mode)
    case = a_case(CaseState.CLEARED_TO_WIPE, policy)

    end, now = _run(case, all_facts(), policy, WipeNotSent(why="no token"))

    assert (end.state, end.reason) == (CaseState.NEEDS_PERSON, reason)
    assert end.wipe is not None
    assert end.wipe.sent_at is None
    assert end.wipe.number > 50
    assert now - case.opened_at < timedelta(days=32)


@pytest.mark.parametrize("mode", [Mode.APPROVE, Mode.AUTO])
def test_a_case_that_was_under_way_in_report_mode_gets_its_licence_when_the_mode_is_raised(mode: Mode):
    unlicensed = all_facts(users=UNLICENSED)
    reporting = a_case(CaseState.CHECKING_LICENCE, licence_seen_at=None)
    answers = (Done(), WipeAccepted())
    watching = _one_move(reporting, unlicensed, a_policy(mode=Mode.REPORT), NOW, answers)

    policy, path, case, now = a_policy(mode=mode), [watching.state], watching, NOW
    while case.licence is None and len(path) < MOST_MOVES:
        now = max(now, case.due_at or now)
        case = _one_move(case, _as_read_at(unlicensed, case, now), policy, now, answers)
        path.append(case.state)

    assert watching.would_do == ("assign SPB to DEF456@contoso.example",)
    assert path[-3:] == [CaseState.CHECKING_READINESS, CaseState.CHECKING_LICENCE, CaseState.AWAITING_LICENCE]
    assert case.would_do == ()


def test_a_lost_answer_is_never_answered_by_a_second_wipe():
    policy = a_policy(mode=Mode.AUTO)

    end, _ = _run(a_case(CaseState.CLEARED_TO_WIPE, policy), all_facts(same_serial=()), policy, WipeUnknown(why="504"))

    assert end.state is CaseState.NEEDS_PERSON
    assert end.wipe is not None
    assert (end.wipe.number, end.wipe.outcome) == (1, "unknown")
