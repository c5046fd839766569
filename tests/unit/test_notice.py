"""GIVING_NOTICE: the owner is told and has time; a wipe that is not needed any more is called off; the owner may wait."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.case import Case, Notice, Readings
from shared.domain.effects import Matter, TellOwner
from shared.domain.facts import MISSING, Compliance
from shared.domain.policy import Mode, Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.errors import RetryLater
from shared.rules.binding import after_binding, await_approval
from shared.rules.fence import check_fence
from shared.rules.holding import hold_or_go
from shared.rules.notice import LOOK_AT_DEVICE_EVERY, calling_off, code_fits, defer, give_notice, may_defer
from tests.builders import A_SECOND, NOW, OWNER, OWNER_ID, SERIAL, a_device, a_fleet, all_facts
from tests.case_builders import CODE, a_case, a_notice, a_policy, an_owner, an_unenrolled_case, moved
from tests.fakes import story
from tests.fakes.people import ADA
from tests.fakes.story import attempt as attempt_of
from tests.fakes.world import World

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
TELLS = a_policy(tells_owner=True)
BOUND = a_case(CaseState.BINDING, bound=True)
WAITING = a_case(CaseState.GIVING_NOTICE, bound=True, notice=a_notice(wipe_not_before=NOW + DAY))
OVER = replace(WAITING, notice=a_notice())


def test_the_owner_is_told_before_a_wipe_and_gets_the_grace_of_the_policy():
    decision = after_binding(BOUND, all_facts(), TELLS, NOW)

    assert (decision.to, decision.reason) == (CaseState.GIVING_NOTICE, Reason.TELLING_OWNER)
    assert decision.says == "Telling DEF456 by mail that PC-0427 is going to be wiped, not before 2026-03-06 09:00 UTC."
    assert decision.effect == TellOwner(
        matter=Matter.WIPE_COMING,
        case_id=BOUND.id,
        user_id=OWNER_ID,
        user_principal_name=OWNER,
        display_name="DEF456",
        device_name="PC-0427",
        serial_number=SERIAL,
        happens_at=NOW + DAY,
        deferrals_left=2,
        deferral_code="2" * 64,
    )
    notice = moved(BOUND, decision).notice
    assert notice is not None
    assert (notice.wipe_not_before, notice.sent, notice.deferrals) == (NOW + DAY, False, 0)


def test_the_case_keeps_the_hash_of_the_code_and_not_the_code():
    after = moved(BOUND, after_binding(BOUND, all_facts(deferral_code=CODE), TELLS, NOW))

    assert CODE not in repr(after)
    assert code_fits(after, CODE)


@pytest.mark.parametrize("policy", [a_policy(), a_policy(tells_owner=True, grace=timedelta())])
def test_without_a_mailbox_or_without_a_grace_nobody_is_told(policy: Policy):
    decision = after_binding(BOUND, all_facts(), policy, NOW)

    assert (decision.to, decision.effect) == (CaseState.AWAITING_APPROVAL, None)


def test_the_owner_of_a_pc_that_nobody_has_enrolled_loses_nothing_and_is_not_told():
    decision = after_binding(an_unenrolled_case(CaseState.BINDING, bound=True), all_facts(), TELLS, NOW)

    assert (decision.to, decision.effect) == (CaseState.READY_TO_GO, None)


def test_the_mail_goes_to_the_owners_mail_address_when_the_directory_knows_one():
    case = replace(BOUND, owner=an_owner(mail_address="def@mail.example"))
    effect = after_binding(case, all_facts(), TELLS, NOW).effect

    assert isinstance(effect, TellOwner)
    assert effect.mail_address == "def@mail.example"


def test_while_the_owner_has_time_the_evidence_is_counted_on():
    case = replace(WAITING, readings=Readings(count=2, first_at=NOW - 2 * DAY, last_at=NOW - DAY))

    decision = give_notice(case, all_facts(), TELLS, NOW)

    assert (decision.to, decision.reason) == (CaseState.GIVING_NOTICE, Reason.OWNER_HAS_TIME)
    assert decision.says == "DEF456 was told; PC-0427 is not wiped before 2026-03-06 09:00 UTC."
    assert (decision.effect, decision.due) == (None, NOW + LOOK_AT_DEVICE_EVERY)
    assert moved(case, decision).readings == Readings(count=3, first_at=NOW - 2 * DAY, last_at=NOW)


def test_it_looks_again_at_the_very_end_of_the_owners_time():
    case = replace(WAITING, notice=a_notice(wipe_not_before=NOW + HOUR))

    assert give_notice(case, all_facts(), TELLS, NOW).due == NOW + HOUR


@pytest.mark.parametrize(
    ("mode", "to"), [(Mode.APPROVE, CaseState.AWAITING_APPROVAL), (Mode.AUTO, CaseState.CLEARED_TO_WIPE)]
)
def test_when_the_owners_time_is_over_the_wipe_is_asked_for_or_cleared(mode: Mode, to: CaseState):
    decision = give_notice(OVER, all_facts(), a_policy(tells_owner=True, mode=mode), NOW)

    assert decision.to is to
    assert decision.says.startswith("DEF456 was told and had time.")


def test_one_second_before_the_end_the_wipe_still_waits():
    case = replace(OVER, notice=a_notice(wipe_not_before=NOW + A_SECOND))

    assert give_notice(case, all_facts(), a_policy(tells_owner=True, mode=Mode.AUTO), NOW).to is CaseState.GIVING_NOTICE


@pytest.mark.parametrize("notice", [None, a_notice(sent=False), a_notice(matter=Matter.CONNECT_PERSONAL_DEVICE)])
def test_an_owner_whose_mail_was_perhaps_not_sent_is_told_and_gets_the_whole_time(notice: object):
    decision = give_notice(replace(WAITING, notice=notice), all_facts(), TELLS, NOW)

    assert isinstance(decision.effect, TellOwner)
    after = moved(WAITING, decision).notice
    assert after is not None
    assert (after.sent, after.wipe_not_before) == (False, NOW + DAY)


def test_a_refused_mail_is_a_persons_business_and_nothing_is_wiped():
    case = replace(WAITING, notice=a_notice(sent=False, refused="ErrorInvalidUser: no such mailbox"))

    decision = give_notice(case, all_facts(), TELLS, NOW)

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.OWNER_NOT_TOLD)
    assert "ErrorInvalidUser: no such mailbox" in decision.says
    assert moved(case, decision).notice is None


@pytest.mark.parametrize(
    ("compliance", "reason"),
    [
        (Compliance.COMPLIANT, Reason.MENDED_WITHOUT_WIPE),
        (Compliance.IN_GRACE_PERIOD, Reason.DEVICE_IN_GRACE_PERIOD),
    ],
)
def test_a_device_that_was_mended_is_not_wiped_and_its_owner_hears_of_it(compliance: Compliance, reason: Reason):
    decision = give_notice(WAITING, all_facts(device=a_device(compliance=compliance)), TELLS, NOW)

    assert (decision.to, decision.reason) == (CaseState.NO_ACTION_NEEDED, reason)
    assert isinstance(decision.effect, TellOwner)
    assert decision.effect.matter is Matter.WIPE_CALLED_OFF


def test_a_device_that_is_excluded_meanwhile_is_not_touched_and_its_owner_hears_of_it():
    policy = a_policy(tells_owner=True, excluded_devices=frozenset({"pc-0427"}))
    decision = give_notice(WAITING, all_facts(), policy, NOW)

    assert (decision.to, decision.reason) == (CaseState.REFUSED, Reason.DEVICE_EXCLUDED)
    assert isinstance(decision.effect, TellOwner)


def test_a_device_that_left_intune_ends_the_case():
    decision = give_notice(WAITING, all_facts(device=MISSING), TELLS, NOW)

    assert (decision.to, decision.reason, decision.effect) == (CaseState.NO_ACTION_NEEDED, Reason.DEVICE_GONE, None)


def test_an_owner_who_was_told_hears_as_well_when_the_device_is_mended_before_the_approval():
    case = a_case(CaseState.AWAITING_APPROVAL, bound=True, notice=a_notice())
    mended = all_facts(device=a_device(compliance=Compliance.COMPLIANT))

    effect = await_approval(case, mended, TELLS, NOW).effect

    assert isinstance(effect, TellOwner)
    assert effect.matter is Matter.WIPE_CALLED_OFF
    assert await_approval(replace(case, notice=None), mended, TELLS, NOW).effect is None


@pytest.mark.parametrize("compliance", [Compliance.UNKNOWN, Compliance.ERROR, Compliance.CONFLICT])
def test_a_compliance_that_is_not_known_leads_to_no_wipe_when_the_time_is_over(compliance: Compliance):
    facts = all_facts(device=a_device(compliance=compliance))

    decision = give_notice(OVER, facts, a_policy(tells_owner=True, mode=Mode.AUTO), NOW)

    assert (decision.to, decision.reason) == (CaseState.GIVING_NOTICE, Reason.COMPLIANCE_NOT_KNOWN)


def test_in_report_mode_the_case_ends_as_a_report():
    decision = give_notice(WAITING, all_facts(), a_policy(tells_owner=True, mode=Mode.REPORT), NOW)

    assert (decision.to, decision.effect) == (CaseState.REPORTED, None)


def test_a_case_of_thirty_days_is_given_to_a_person():
    decision = give_notice(replace(WAITING, opened_at=NOW - timedelta(days=30, seconds=1)), all_facts(), TELLS, NOW)

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.APPROVAL_EXPIRED)


def test_when_owners_are_no_longer_told_the_time_that_one_was_given_is_kept():
    waiting = give_notice(WAITING, all_facts(), a_policy(mode=Mode.AUTO), NOW)
    over = give_notice(replace(OVER, notice=None), all_facts(), a_policy(mode=Mode.AUTO), NOW)

    assert waiting.to is CaseState.GIVING_NOTICE
    assert (over.to, over.says.startswith("Owners are not told now.")) == (CaseState.CLEARED_TO_WIPE, True)


def test_an_approval_runs_from_the_end_of_the_owners_time():
    case = replace(OVER, notice=a_notice(wipe_not_before=NOW))
    approval = moved(case, give_notice(case, all_facts(), a_policy(tells_owner=True, mode=Mode.AUTO), NOW)).approval

    assert approval is not None
    assert approval.expires_at == NOW + DAY


def _cleared(policy: Policy, **fields: object) -> Case:
    return a_case(CaseState.CLEARED_TO_WIPE, policy, **fields)


def test_a_cleared_wipe_of_an_owner_who_was_never_told_waits_until_they_are():
    decision = hold_or_go(_cleared(TELLS), all_facts(), TELLS, NOW)

    assert decision.to is CaseState.GIVING_NOTICE
    assert isinstance(decision.effect, TellOwner)


def test_a_cleared_wipe_waits_for_the_owners_time():
    case = _cleared(TELLS, notice=a_notice(wipe_not_before=NOW + HOUR))

    decision = hold_or_go(case, all_facts(), TELLS, NOW)

    assert (decision.to, decision.reason, decision.due) == (
        CaseState.CLEARED_TO_WIPE,
        Reason.OWNER_HAS_TIME,
        NOW + HOUR,
    )
    assert (
        hold_or_go(case, all_facts(fleet=a_fleet(read_at=NOW + HOUR)), TELLS, NOW + HOUR).to is CaseState.WIPE_INTENDED
    )


def test_even_a_wipe_that_is_written_down_waits_for_the_owners_time():
    case = a_case(CaseState.WIPE_INTENDED, TELLS, notice=a_notice(wipe_not_before=NOW + HOUR))

    decision = check_fence(case, all_facts(), TELLS, NOW)

    assert (decision.to, decision.reason) == (CaseState.CLEARED_TO_WIPE, Reason.OWNER_HAS_TIME)


def test_putting_it_off_lets_the_owner_have_the_policys_time_once_more():
    decision = defer(WAITING, TELLS, NOW)

    assert (decision.to, decision.reason) == (CaseState.GIVING_NOTICE, Reason.OWNER_DEFERRED)
    assert decision.says == "DEF456 put the wipe off until 2026-03-07 09:00 UTC (deferral 1 of 2)."
    after = moved(WAITING, decision).notice
    assert after is not None
    assert (after.deferrals, after.wipe_not_before) == (1, NOW + 2 * DAY)
    assert code_fits(moved(WAITING, decision), CODE)


def test_time_that_is_over_is_put_off_from_now():
    case = replace(OVER, state=CaseState.AWAITING_APPROVAL, notice=a_notice(wipe_not_before=NOW - 3 * DAY))
    after = moved(case, defer(case, TELLS, NOW)).notice

    assert after is not None
    assert after.wipe_not_before == NOW + DAY


@pytest.mark.parametrize("state", list(CaseState))
def test_a_wipe_can_be_put_off_until_it_is_written_down(state: CaseState):
    allowed = {CaseState.GIVING_NOTICE, CaseState.AWAITING_APPROVAL, CaseState.CLEARED_TO_WIPE}

    assert may_defer(a_case(state, notice=a_notice()), TELLS) is (state in allowed)


@pytest.mark.parametrize(("deferrals", "allowed"), [(0, True), (1, True), (2, False), (3, False)])
def test_a_wipe_can_be_put_off_as_often_as_the_policy_says(deferrals: int, allowed: bool):
    assert may_defer(replace(WAITING, notice=a_notice(deferrals=deferrals)), TELLS) is allowed


@pytest.mark.parametrize("code", ["", "c0de", CODE.upper(), "d" * 64])
def test_only_the_very_code_fits(code: str):
    assert code_fits(WAITING, CODE)
    assert not code_fits(WAITING, code)


@pytest.mark.parametrize("code", ["", CODE])
def test_no_code_fits_a_case_without_one(code: str):
    assert not code_fits(replace(WAITING, notice=None), code)
    assert not code_fits(replace(WAITING, notice=a_notice(code_hash=None)), code)


def test_without_deferrals_in_the_policy_there_is_no_code():
    policy = a_policy(tells_owner=True, deferrals=0)
    decision = after_binding(BOUND, all_facts(), policy, NOW)

    assert isinstance(decision.effect, TellOwner)
    assert decision.effect.deferral_code is None
    after = moved(BOUND, decision).notice
    assert after is not None
    assert after.code_hash is None


@pytest.mark.parametrize("notice", [a_notice(), None, a_notice(sent=False)])
@pytest.mark.parametrize(
    ("wiped", "expects_it"),
    [
        (None, True),
        ({"outcome": "not sent"}, True),
        ({"sent_at": NOW, "outcome": "refused"}, True),
        ({"sent_at": NOW, "outcome": "failed"}, True),
        ({"sent_at": NOW}, False),
        ({"sent_at": NOW, "outcome": "unknown"}, False),
        ({"sent_at": NOW, "outcome": "accepted"}, False),
    ],
)
def test_only_who_still_expects_the_wipe_hears_that_it_does_not_come(
    notice: Notice | None, wiped: dict[str, object] | None, expects_it: bool
):
    attempt = None if wiped is None else replace(attempt_of(NOW), **wiped)
    case = a_case(CaseState.NEEDS_PERSON, notice=notice, wipe=attempt)
    told = notice is not None and notice.sent
    assert (calling_off(case, TELLS) is not None) is (told and expects_it)


async def test_an_owner_who_was_told_hears_that_a_person_cancelled_the_case():
    world = World(Mode.APPROVE, mail_from="helpdesk@contoso.example")
    now = world.clock.now()
    await world.put(story.case_in(CaseState.AWAITING_APPROVAL, world.policy, now, notice=a_notice()))
    cancelled = await world.services.operate.cancel(story.CASE_ID, ADA, "the PC was sold.")
    assert cancelled.says == "Cancelled by Ada: the PC was sold. The owner is told that the wipe is called off."
    assert [sent.subject for sent in world.mail.sent] == ["Your PC PC-0427 will not be reset"]


async def test_a_case_is_cancelled_though_its_owner_cannot_be_told():
    world = World(Mode.APPROVE, mail_from="helpdesk@contoso.example")
    now = world.clock.now()
    await world.put(story.case_in(CaseState.AWAITING_APPROVAL, world.policy, now, notice=a_notice()))
    world.mail.answers.append(RetryLater("503"))
    assert (await world.services.operate.cancel(story.CASE_ID, ADA, "sold")).state is CaseState.CANCELLED
    assert world.mail.sent == []
