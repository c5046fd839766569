"""WIPE_SENT and WIPE_UNKNOWN: what the answer means, and how the device is read when there was none."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.domain.case import Case
from shared.domain.effects import WipeAccepted, WipeNotSent, WipeRefused, WipeUnknown
from shared.domain.facts import MISSING, ActionResult, Facts, ManagedDevice, Missing
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.after_wipe import (
    LOOK_AGAIN_AFTER,
    LOOK_FOR_WIPE_AFTER,
    MOST_NOT_SENT,
    OWN_POLL_AFTER,
    after_answer,
    look_for_wipe,
)
from shared.rules.holding import hold_or_go
from shared.rules.wipe_signs import wipe_seen
from tests.builders import A_SECOND, NOW, SENT_AT, a_device, all_facts, an_approval_request
from tests.case_builders import a_case, a_policy, an_approval, an_attempt, moved

SENT = a_case(CaseState.WIPE_SENT)
UNKNOWN = a_case(CaseState.WIPE_UNKNOWN)
A_DAY_LATER = SENT_AT + timedelta(hours=24)


def _outcome(case: Case) -> str | None:
    assert case.wipe is not None
    return case.wipe.outcome


def test_an_accepted_wipe_waits_for_the_device_to_return():
    decision = after_answer(SENT, WipeAccepted(), NOW)

    assert (decision.to, decision.reason) == (CaseState.AWAITING_RETURN, Reason.WIPE_ACCEPTED)
    assert decision.due == NOW + OWN_POLL_AFTER
    assert moved(SENT, decision).wipe == an_attempt(sent_at=SENT_AT, outcome="accepted")


@pytest.mark.parametrize(
    ("message", "says"), [("not allowed", "not allowed"), ("", "Forbidden"), ("it's “no”", "it's “no”")]
)
def test_a_clean_refusal_is_given_to_a_person(message: str, says: str):
    decision = after_answer(SENT, WipeRefused(status=403, code="Forbidden", message=message), NOW)

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.WIPE_REFUSED)
    assert decision.says == f"Intune refused the wipe: {says}. Nothing was wiped."
    assert decision.evidence == {"status": 403, "code": "Forbidden"}
    assert _outcome(moved(SENT, decision)) == "refused"


def test_a_wipe_that_did_not_leave_is_cleared_again_with_its_approval_unused():
    decision = after_answer(SENT, WipeNotSent(why="no token"), NOW)

    assert (decision.to, decision.reason) == (CaseState.CLEARED_TO_WIPE, Reason.WIPE_NOT_SENT)
    assert (decision.evidence, decision.due) == ({"why": "no token"}, NOW + LOOK_AGAIN_AFTER)
    after = moved(SENT, decision)
    assert after.wipe == an_attempt(sent_at=None, outcome="not sent")
    assert after.approval == an_approval(SENT, a_policy(), used=False)


def test_the_next_attempt_of_a_wipe_that_did_not_leave_has_a_nonce_of_its_own():
    again = moved(SENT, after_answer(SENT, WipeNotSent(why="no connection"), NOW))

    wipe = moved(again, hold_or_go(again, all_facts(), a_policy(), NOW)).wipe

    assert wipe is not None
    assert (wipe.number, wipe.nonce, wipe.sent_at, wipe.outcome) == (2, "nonce-2", None, None)


def test_a_wipe_that_did_not_leave_makes_up_no_approval():
    case = a_case(CaseState.WIPE_SENT, None, approval=None)

    assert moved(case, after_answer(case, WipeNotSent(why="no token"), NOW)).approval is None


def test_any_other_answer_is_unknown_and_is_only_looked_into():
    decision = after_answer(SENT, WipeUnknown(why="504"), NOW)

    assert (decision.to, decision.reason) == (CaseState.WIPE_UNKNOWN, Reason.WIPE_ANSWER_LOST)
    assert decision.evidence == {"why": "504"}
    assert decision.due == NOW + LOOK_FOR_WIPE_AFTER
    assert _outcome(moved(SENT, decision)) == "unknown"


def test_a_worker_that_stopped_while_sending_makes_the_answer_unknown():
    decision = look_for_wipe(SENT, Facts(), a_policy(), NOW)

    assert (decision.to, decision.reason) == (CaseState.WIPE_UNKNOWN, Reason.WIPE_ANSWER_LOST)
    assert decision.effect is None
    assert _outcome(moved(SENT, decision)) == "unknown"


def _action(name: str = "factoryReset", state: str = "pending", started_at: datetime | None = SENT_AT) -> ActionResult:
    return ActionResult(name=name, state=state, started_at=started_at)


@pytest.mark.parametrize(
    ("device", "seen"),
    [
        (a_device(management_state="wipePending"), True),
        (a_device(management_state="wipeIssued"), True),
        (a_device(management_state="managed"), False),
        (a_device(management_state="retirePending"), False),
        (a_device(management_state="somethingNew"), False),
        *(
            (a_device(actions=(_action(state=state),)), seen)
            for state, seen in (
                ("pending", True),
                ("active", True),
                ("done", True),
                ("failed", False),
                ("canceled", False),
                ("none", False),
                ("notSupported", False),
                ("somethingNew", False),
            )
        ),
        (a_device(actions=(_action("Wipe"),)), True),
        (a_device(actions=(_action("FACTORYRESET"),)), True),
        (a_device(actions=(_action("syncDevice"),)), False),
        (a_device(actions=(_action(started_at=None),)), False),
        (a_device(actions=(_action(started_at=SENT_AT - timedelta(minutes=5)),)), True),
        (a_device(actions=(_action(started_at=SENT_AT - timedelta(minutes=5, seconds=1)),)), False),
        (a_device(actions=(_action("syncDevice"), _action())), True),
    ],
)
def test_only_signs_of_our_own_wipe_are_believed(device: ManagedDevice, seen: bool):
    assert wipe_seen(device, SENT_AT) is seen


@pytest.mark.parametrize(
    ("device", "evidence"),
    [
        (MISSING, {"record": "gone"}),
        (a_device(management_state="wipeIssued"), {"management state": "wipeIssued"}),
    ],
)
def test_a_wipe_that_shows_on_the_device_was_accepted(device: ManagedDevice | Missing, evidence: dict[str, str]):
    decision = look_for_wipe(UNKNOWN, Facts(device=device), a_policy(), NOW)

    assert (decision.to, decision.reason) == (CaseState.AWAITING_RETURN, Reason.WIPE_SEEN)
    assert evidence.items() <= dict(decision.evidence).items()
    assert _outcome(moved(UNKNOWN, decision)) == "accepted"


@pytest.mark.parametrize("state", ["wipeFailed", "wipeCanceled"])
def test_a_wipe_that_failed_on_the_device_is_given_to_a_person_who_may_start_again(state: str):
    decision = look_for_wipe(UNKNOWN, Facts(device=a_device(management_state=state)), a_policy(), NOW)

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.WIPE_FAILED_ON_DEVICE)
    assert decision.evidence["management state"] == state
    assert _outcome(moved(UNKNOWN, decision)) == "failed"


@pytest.mark.parametrize("device", [a_device(), None])
def test_without_a_sign_it_reads_less_and_less_often_and_sends_nothing(device: ManagedDevice | None):
    looks, now = list[timedelta](), SENT_AT
    while (decision := look_for_wipe(UNKNOWN, Facts(device=device), a_policy(), now)).to is CaseState.WIPE_UNKNOWN:
        assert decision.due is not None
        assert decision.effect is None
        assert len(looks) < 100
        looks.append(decision.due - now)
        now = decision.due

    assert looks[:4] == [timedelta(minutes=minutes) for minutes in (5, 5, 10, 20)]
    assert len(looks) < 15
    assert now == A_DAY_LATER + timedelta(minutes=1)
    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.WIPE_NEVER_SEEN)
    assert decision.says.startswith("24 hours after the lost answer")


@pytest.mark.parametrize(
    ("at", "to"),
    [(A_DAY_LATER, CaseState.WIPE_UNKNOWN), (A_DAY_LATER + A_SECOND, CaseState.NEEDS_PERSON)],
)
def test_a_day_without_a_sign_is_given_to_a_person(at: datetime, to: CaseState):
    assert look_for_wipe(UNKNOWN, Facts(device=a_device()), a_policy(), at).to is to


def test_a_clock_that_runs_backwards_only_waits():
    at = SENT_AT - timedelta(days=3)

    decision = look_for_wipe(UNKNOWN, Facts(device=a_device()), a_policy(), at)

    assert (decision.to, decision.due) == (CaseState.WIPE_UNKNOWN, at + LOOK_FOR_WIPE_AFTER)


def test_an_attempt_without_a_time_counts_from_the_last_move():
    case = a_case(CaseState.WIPE_UNKNOWN, None, wipe=an_attempt(sent_at=None))

    assert look_for_wipe(case, Facts(device=a_device()), a_policy(), A_DAY_LATER).to is CaseState.WIPE_UNKNOWN
    later = A_DAY_LATER + A_SECOND
    assert look_for_wipe(case, Facts(device=a_device()), a_policy(), later).to is CaseState.NEEDS_PERSON


def test_a_lost_answer_to_the_second_request_never_leads_back_to_waiting_for_the_approval():
    attempt = an_attempt(sent_at=SENT_AT, admin_asked_at=SENT_AT, admin_code="request-1", admin_approved_at=SENT_AT)
    case = a_case(CaseState.WIPE_UNKNOWN, wipe=attempt)
    facts = Facts(device=a_device(), admin_requests=(an_approval_request(status="approved"),))

    assert look_for_wipe(case, facts, a_policy(), NOW).to is CaseState.WIPE_UNKNOWN


def test_a_wipe_that_cannot_leave_for_a_day_is_left_to_a_person() -> None:
    tired = an_attempt(number=MOST_NOT_SENT)
    decision = after_answer(a_case(CaseState.WIPE_SENT, wipe=tired), WipeNotSent(why="no token"), NOW)

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.WIPE_NOT_SENT)
    assert decision.changes["wipe"] == replace(tired, sent_at=None, outcome="not sent")
