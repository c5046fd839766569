"""CLEARED_TO_WIPE: a clearance that does not fit, a freeze or a spent budget holds the wipe."""

from datetime import datetime, timedelta

import pytest

from shared.domain.case import Case, Readings, WipeAttempt
from shared.domain.facts import Facts, Freeze, WipeBudget
from shared.domain.policy import Mode, Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.clearing import BY_POLICY
from shared.rules.guardrails import device_holds, what_holds
from shared.rules.holding import LOOK_AGAIN_AFTER, clearance_unfit, hold_or_go
from tests.builders import A_SECOND, NOW, a_budget, a_fleet, all_facts
from tests.case_builders import a_case, a_policy, an_approval, an_attempt, an_owner, moved

CLEARED = a_case(CaseState.CLEARED_TO_WIPE)
SOON = NOW + LOOK_AGAIN_AFTER
DAY = timedelta(days=1)


def _approved(policy: Policy | None = None, **fields: object) -> Case:
    approval = an_approval(CLEARED, policy or a_policy(), **fields)
    return a_case(CaseState.CLEARED_TO_WIPE, None, approval=approval)


def test_a_good_clearance_and_free_guardrails_write_the_wipe_down_before_it_is_sent():
    decision = hold_or_go(CLEARED, all_facts(budget=a_budget(last_hour=1, last_day=2)), a_policy(), NOW)

    assert (decision.to, decision.reason) == (CaseState.WIPE_INTENDED, Reason.GUARDRAILS_PASSED)
    assert decision.evidence == {
        "nonce": "nonce-2",
        "wipes in the last hour": 1,
        "in the last day": 2,
        "devices": 5000,
        "non-compliant": 50,
        "usually": 50,
    }
    assert decision.due is None
    assert moved(CLEARED, decision).wipe == WipeAttempt(
        number=1, nonce="nonce-2", intended_at=NOW, allowed_by="admin@contoso.example"
    )


def test_every_attempt_has_its_own_number_and_nonce():
    case = a_case(CaseState.CLEARED_TO_WIPE, None, wipe=an_attempt(number=1, nonce="nonce-1"))

    wipe = moved(case, hold_or_go(case, all_facts(), a_policy(), NOW)).wipe

    assert wipe is not None
    assert (wipe.number, wipe.nonce, wipe.sent_at, wipe.outcome) == (2, "nonce-2", None, None)


@pytest.mark.parametrize(
    ("case", "policy", "reason"),
    [
        (a_case(CaseState.CLEARED_TO_WIPE, None, approval=None), a_policy(), Reason.APPROVAL_NEEDED),
        (_approved(used=True), a_policy(), Reason.APPROVAL_NEEDED),
        (_approved(expires_at=NOW - A_SECOND), a_policy(), Reason.APPROVAL_EXPIRED),
        (_approved(proposal="of something else"), a_policy(), Reason.APPROVAL_NO_LONGER_FITS),
        (_approved(proposal=""), a_policy(), Reason.APPROVAL_NO_LONGER_FITS),
        (_approved(), a_policy(wipes_per_day=26), Reason.APPROVAL_NO_LONGER_FITS),
        (_approved(), a_policy(excluded_devices=frozenset({"x"})), Reason.APPROVAL_NO_LONGER_FITS),
        (_approved(by=BY_POLICY), a_policy(), Reason.APPROVAL_NEEDED),
        (
            _approved(a_policy(mode=Mode.AUTO), by=BY_POLICY),
            a_policy(mode=Mode.APPROVE),
            Reason.APPROVAL_NO_LONGER_FITS,
        ),
        (_approved(), a_policy(mode=Mode.REPORT), Reason.APPROVAL_NO_LONGER_FITS),
        (
            a_case(
                CaseState.CLEARED_TO_WIPE,
                None,
                owner=an_owner(user_id="another"),
                approval=an_approval(CLEARED, a_policy()),
            ),
            a_policy(),
            Reason.APPROVAL_NO_LONGER_FITS,
        ),
    ],
)
def test_a_clearance_that_does_not_cover_this_wipe_goes_back_to_a_person(case: Case, policy: Policy, reason: Reason):
    decision = hold_or_go(case, all_facts(), policy, NOW)

    assert (decision.to, decision.reason) == (CaseState.AWAITING_APPROVAL, reason)
    assert decision.due == NOW + DAY
    after = moved(case, decision)
    assert after.approval is None
    assert after.proposal is not None
    assert after.wipe is None


def test_an_approval_holds_to_the_very_second_it_expires():
    assert clearance_unfit(_approved(expires_at=NOW), a_policy(), NOW) is None
    assert clearance_unfit(_approved(expires_at=NOW), a_policy(), NOW + A_SECOND) is not None


def test_in_auto_mode_an_expired_clearance_is_given_anew_without_a_pause():
    policy = a_policy(mode=Mode.AUTO)
    case = _approved(policy, by=BY_POLICY, expires_at=NOW - A_SECOND)

    decision = hold_or_go(case, all_facts(), policy, NOW)

    assert (decision.to, decision.due) == (CaseState.AWAITING_APPROVAL, None)
    assert decision.says == "The approval by auto mode expired."


def test_a_wipe_is_not_sent_in_a_mode_that_changes_nothing():
    policy = a_policy(mode=Mode.REPORT)

    decision = hold_or_go(_approved(policy), all_facts(), policy, NOW)

    assert (decision.to, decision.due) == (CaseState.CLEARED_TO_WIPE, SOON)
    assert decision.says == "The mode is report; no wipe is sent in it."


@pytest.mark.parametrize(
    ("freeze", "says"),
    [
        (Freeze(frozen=True, by="admin@contoso.example"), "All wipes are frozen by admin@contoso.example."),
        (Freeze(frozen=True), "All wipes are frozen."),
        (None, "All wipes are frozen."),
    ],
)
def test_a_freeze_or_a_switch_that_was_not_read_holds_the_wipe(freeze: Freeze | None, says: str):
    decision = hold_or_go(CLEARED, all_facts(freeze=freeze), a_policy(), NOW)

    assert (decision.to, decision.reason, decision.due) == (CaseState.CLEARED_TO_WIPE, Reason.FROZEN, SOON)
    assert decision.says == says


@pytest.mark.parametrize("facts", [all_facts(budget=None), all_facts(nonce=None)])
def test_a_budget_that_was_not_read_holds_the_wipe(facts: Facts):
    decision = hold_or_go(CLEARED, facts, a_policy(), NOW)

    assert (decision.to, decision.reason) == (CaseState.CLEARED_TO_WIPE, Reason.WIPE_BUDGET_SPENT)


@pytest.mark.parametrize(
    ("budget", "says"),
    [
        (a_budget(last_hour=5), "5 of 5 wipes in an hour are used; waiting."),
        (a_budget(last_hour=6), "6 of 5 wipes in an hour are used; waiting."),
        (a_budget(last_day=25), "25 of 25 wipes in a day are used; waiting."),
        (a_budget(in_flight=10), "10 of 10 wipes not yet back are used; waiting."),
    ],
)
def test_a_spent_budget_holds_the_wipe(budget: WipeBudget, says: str):
    decision = hold_or_go(CLEARED, all_facts(budget=budget), a_policy(), NOW)

    assert (decision.to, decision.reason) == (CaseState.CLEARED_TO_WIPE, Reason.WIPE_BUDGET_SPENT)
    assert decision.says == says


def test_one_wipe_below_every_limit_is_allowed():
    budget = a_budget(last_hour=4, last_day=24, in_flight=9)

    assert hold_or_go(CLEARED, all_facts(budget=budget), a_policy(), NOW).to is CaseState.WIPE_INTENDED


@pytest.mark.parametrize("limit", ["wipes_per_hour", "wipes_per_day", "wipes_in_flight"])
def test_a_limit_of_zero_allows_no_wipe(limit: str):
    assert what_holds(a_budget(), a_fleet(), None, a_policy(**{limit: 0}), NOW) is not None


@pytest.mark.parametrize(
    ("frees_at", "due"),
    [(None, SOON), (NOW - DAY, SOON), (SOON, SOON), (NOW + timedelta(minutes=40), NOW + timedelta(minutes=40))],
)
def test_it_looks_again_when_the_budget_frees_but_never_at_once(frees_at: datetime | None, due: datetime):
    budget = a_budget(last_hour=5, frees_at=frees_at)

    assert hold_or_go(CLEARED, all_facts(budget=budget), a_policy(), NOW).due == due


@pytest.mark.parametrize(
    ("frees_at", "due"),
    [
        (None, SOON),
        (NOW + timedelta(hours=1), NOW + timedelta(hours=1)),
        (NOW + timedelta(hours=20), NOW + timedelta(hours=4)),
    ],
)
def test_the_limit_of_a_day_is_looked_at_again_when_it_frees_or_after_some_hours(
    frees_at: datetime | None, due: datetime
):
    budget = a_budget(last_day=25, day_frees_at=frees_at, frees_at=NOW + timedelta(minutes=40))

    assert hold_or_go(CLEARED, all_facts(budget=budget), a_policy(), NOW).due == due


@pytest.mark.parametrize(
    ("ago", "allowed"),
    [
        (30 * DAY, True),
        (30 * DAY - A_SECOND, False),
        (timedelta(), False),
        (-DAY, False),  # a clock that ran backwards
    ],
)
def test_a_serial_number_is_wiped_once_in_thirty_days(ago: timedelta, allowed: bool):
    budget = a_budget(serial_wiped_at=NOW - ago)

    decision = hold_or_go(CLEARED, all_facts(budget=budget), a_policy(), NOW)

    assert (decision.to is CaseState.WIPE_INTENDED) is allowed
    if not allowed:
        assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.SERIAL_WIPED_RECENTLY)


def test_a_recent_wipe_is_told_in_days():
    spent = device_holds(a_budget(serial_wiped_at=NOW - 12 * DAY), a_policy(), NOW)

    assert spent is not None
    assert (spent.reason, spent.says) == (
        Reason.SERIAL_WIPED_RECENTLY,
        "This serial number was wiped 12 days ago; once in 30 days is allowed.",
    )


@pytest.mark.parametrize(
    "readings", [None, Readings(count=2, first_at=NOW - 9 * DAY, last_at=NOW - 4 * DAY - A_SECOND)]
)
def test_a_case_that_waited_too_long_gathers_its_evidence_anew(readings: Readings | None):
    case = a_case(CaseState.CLEARED_TO_WIPE, None, readings=readings)

    decision = hold_or_go(case, all_facts(), a_policy(), NOW)

    assert (decision.to, decision.reason) == (CaseState.WATCHING, Reason.EVIDENCE_TOO_OLD)
    assert decision.says == (
        "The device was last read as non-compliant more than 4 days ago; watching it anew. Nothing was sent."
    )
    after = moved(case, decision)
    assert (after.readings, after.approval, after.proposal, after.notice) == (None, None, None, None)


def test_four_days_after_the_last_reading_the_evidence_still_counts():
    readings = Readings(count=2, first_at=NOW - 9 * DAY, last_at=NOW - 4 * DAY)

    decision = hold_or_go(a_case(CaseState.CLEARED_TO_WIPE, None, readings=readings), all_facts(), a_policy(), NOW)

    assert decision.to is CaseState.WIPE_INTENDED
