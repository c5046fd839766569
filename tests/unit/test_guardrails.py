"""Each guardrail by itself: what it holds, what it freezes, and what it lets through."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.effects import FreezeWipes
from shared.domain.facts import Facts, Fleet, Freeze, PastWipe, WipeBudget
from shared.domain.policy import Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.guardrails import (
    FLEET_AT_MOST,
    errors_hold,
    fleet_holds,
    ramp_holds,
    returns_hold,
    spike_of,
    what_holds,
    wipes_a_day,
)
from shared.rules.holding import LOOK_AGAIN_AFTER, hold_or_go
from tests.builders import A_SECOND, NOW, a_budget, a_fleet, all_facts
from tests.case_builders import a_case, a_policy

S = CaseState
P = Policy()
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
CLEARED = a_case(S.CLEARED_TO_WIPE)


def wiped(
    count: int, *, ago: timedelta = 10 * DAY, back_after: timedelta | None = HOUR, **fields: object
) -> list[PastWipe]:
    """So many wipes that went well under the default policy, unless told otherwise."""
    at = NOW - ago
    back_at = None if back_after is None else at + back_after
    good = PastWipe(at=at, policy=P.ramp_version, outcome="accepted", back_at=back_at, verified=True)
    return [replace(good, **fields)] * count


def ramped(**fields: object) -> WipeBudget:
    return a_budget(**{"ramped": frozenset({a_policy().ramp_version, P.ramp_version}), **fields})


@pytest.mark.parametrize(
    "fleet",
    [
        None,
        a_fleet(read_at=NOW - FLEET_AT_MOST - A_SECOND),
        a_fleet(read_at=NOW + FLEET_AT_MOST + A_SECOND),
        a_fleet(enrolled=0),
        a_fleet(noncompliant=-1),
    ],
)
def test_devices_that_are_not_counted_hold_every_wipe_and_freeze_none(fleet: Fleet | None) -> None:
    hold = fleet_holds(fleet, P, NOW)

    assert hold is not None
    assert (hold.reason, hold.freezes) == (Reason.FLEET_UNKNOWN, False)
    assert fleet_holds(a_fleet(read_at=NOW - FLEET_AT_MOST), P, NOW) is None


@pytest.mark.parametrize(
    ("fleet", "why"),
    [
        (a_fleet(enrolled=100, noncompliant=5, usual=0), None),
        (a_fleet(enrolled=100, noncompliant=6, usual=6), "6 of 100 devices are non-compliant, more than 5 %."),
        (a_fleet(enrolled=10, noncompliant=5, usual=0), None),
        (a_fleet(enrolled=10, noncompliant=6, usual=6), "6 of 10 devices are non-compliant, more than 5 %."),
        (a_fleet(enrolled=100_000, noncompliant=3000, usual=2900), None),
        (
            a_fleet(enrolled=100_000, noncompliant=3001, usual=2900),
            "3001 of 100000 devices are non-compliant, more than 100 above the usual 2900.",
        ),
        (a_fleet(enrolled=5000, noncompliant=60, usual=20), None),
        (
            a_fleet(enrolled=5000, noncompliant=61, usual=20),
            "61 of 5000 devices are non-compliant, more than 3 times the usual 20.",
        ),
        (a_fleet(enrolled=5000, noncompliant=15, usual=0), None),
        (
            a_fleet(enrolled=5000, noncompliant=16, usual=0),
            "16 of 5000 devices are non-compliant, more than 3 times the usual 0.",
        ),
    ],
)
def test_a_spike_is_a_large_share_or_many_more_than_usual_but_never_a_few(fleet: Fleet, why: str | None) -> None:
    assert spike_of(fleet, P) == why


@pytest.mark.parametrize(
    ("noncompliant", "accepted", "spike"),
    [(600, 0, True), (600, 600, False), (660, 600, False), (661, 600, True), (12, 7, False), (13, 7, True)],
)
def test_what_a_person_accepted_is_no_spike_until_it_grows_by_a_tenth(
    noncompliant: int, accepted: int, spike: bool
) -> None:
    enrolled = 1000 if noncompliant > 100 else 100
    fleet = a_fleet(enrolled=enrolled, noncompliant=noncompliant, usual=0, accepted=accepted)

    assert (spike_of(fleet, P) is not None) is spike


@pytest.mark.parametrize(("enrolled", "allowed"), [(1, 1), (199, 1), (200, 2), (2500, 25), (100_000, 25)])
def test_in_a_day_no_more_than_one_in_a_hundred_devices_is_wiped_but_one_is(enrolled: int, allowed: int) -> None:
    assert wipes_a_day(P, enrolled) == allowed
    assert wipes_a_day(replace(P, wipes_per_day=0), enrolled) == 0


Fields = dict[str, Any]  # Any: fields of PastWipe, each of its own type
FAILED: Fields = {"outcome": "failed"}
UNKNOWN: Fields = {"outcome": "unknown", "verified": False}


@pytest.mark.parametrize(
    ("wipes", "held", "freezes"),
    [
        ([], False, False),
        (wiped(10), False, False),
        ([*wiped(9), *wiped(1, **FAILED)], True, True),
        ([*wiped(10), *wiped(1, **FAILED)], False, False),
        ([*wiped(9), *wiped(2, **FAILED)], True, True),
        ([*wiped(18), *wiped(2, **FAILED)], False, False),
        ([*wiped(17), *wiped(3, **FAILED)], True, True),
        ([*wiped(3, **FAILED), *wiped(20)], False, False),
        ([*wiped(9), *wiped(1, back_after=None, **UNKNOWN)], True, False),
        ([*wiped(19), *wiped(1, back_after=None, **UNKNOWN)], False, False),
        ([*wiped(19), *wiped(2, back_after=None, **UNKNOWN)], True, True),
        ([*wiped(9), *wiped(2, **UNKNOWN)], False, False),  # both are back: nothing is in doubt any more
        ([*wiped(9), *wiped(2, back_after=None, outcome="unknown")], False, False),  # a person closed both cases
    ],
)
def test_the_error_budget_is_none_at_first_and_a_tenth_later(
    wipes: Sequence[PastWipe], held: bool, freezes: bool
) -> None:
    hold = errors_hold(wipes, P)

    assert (hold is not None, hold is not None and hold.freezes) == (held, freezes)
    assert hold is None or hold.reason is Reason.ERROR_BUDGET_SPENT


@pytest.mark.parametrize(
    ("wipes", "held"),
    [
        (wiped(4, back_after=None), False),
        (wiped(5, back_after=None), True),
        (wiped(5, back_after=None, ago=timedelta(hours=72)), False),
        (wiped(5, back_after=timedelta(hours=72)), False),
        (wiped(5, back_after=timedelta(hours=72, seconds=1)), True),
        ([*wiped(18), *wiped(2, back_after=None)], False),
        ([*wiped(17), *wiped(3, back_after=None)], True),
        ([*wiped(3, back_after=None), *wiped(20)], False),
        ([*wiped(5), *wiped(5, back_after=None, **FAILED)], False),
    ],
)
def test_too_few_returns_freeze(wipes: Sequence[PastWipe], held: bool) -> None:
    hold = returns_hold(wipes, P, NOW)

    assert (hold is not None) is held
    assert hold is None or (hold.reason, hold.freezes) == (Reason.RETURN_RATE_LOW, True)


def test_only_wipes_after_the_last_thaw_count_as_errors_and_returns() -> None:
    budget = ramped(wipes=(*wiped(9, back_after=None), *wiped(3, **FAILED)))

    assert what_holds(budget, a_fleet(), NOW - 11 * DAY, P, NOW) is not None
    assert what_holds(budget, a_fleet(), NOW - 10 * DAY, P, NOW) is None


OPEN: Fields = {"verified": False}


@pytest.mark.parametrize(
    ("wipes", "says"),
    [
        ([], None),
        (wiped(1, **OPEN), "step 2 of 4 begins when all 1 devices"),
        (wiped(1), None),
        ([*wiped(1), *wiped(1, **OPEN)], None),
        ([*wiped(2), *wiped(1, **OPEN)], "step 3 of 4 begins when all 3 devices"),
        (wiped(3), None),
        ([*wiped(3), *wiped(3, **OPEN)], None),
        ([*wiped(6), *wiped(1, **OPEN)], "step 4 of 4 begins when all 7 devices"),
        ([*wiped(7), *wiped(7, **OPEN)], None),
        ([*wiped(14), *wiped(1, **OPEN)], "the time after the last step begins when all 15 devices"),
        (wiped(15), None),
        ([*wiped(15), *wiped(5, **OPEN)], None),
        (wiped(4, policy="another", **OPEN), None),
        (wiped(4, **(OPEN | FAILED)), None),
    ],
)
def test_a_step_of_the_ramp_waits_for_every_device_before_it(wipes: Sequence[PastWipe], says: str | None) -> None:
    hold = ramp_holds(a_budget(wipes=tuple(wipes)), P)

    assert (hold is None) is (says is None)
    assert hold is None or (hold.reason is Reason.RAMP_STEP and says is not None and says in hold.says)


def test_a_ramp_that_is_over_stays_over() -> None:
    assert ramp_holds(ramped(wipes=tuple(wiped(5, **OPEN))), P) is None


def test_to_arm_auto_mode_again_does_not_begin_the_ramp_anew_but_any_other_wish_does() -> None:
    assert replace(P, auto_until=NOW.date(), armed_days=3).ramp_version == P.ramp_version
    assert replace(P, wipes_per_hour=4).ramp_version != P.ramp_version


@pytest.mark.parametrize(
    ("budget", "state", "reason", "due"),
    [
        (ramped(serial_last_year=2), S.NEEDS_PERSON, Reason.SERIAL_WIPED_OFTEN, None),
        (ramped(serial_last_year=1), S.WIPE_INTENDED, Reason.GUARDRAILS_PASSED, None),
        (
            ramped(user_wiped_at=NOW - 6 * DAY),
            S.CLEARED_TO_WIPE,
            Reason.USER_WIPED_RECENTLY,
            NOW + DAY,
        ),
        (ramped(user_wiped_at=NOW - 7 * DAY), S.WIPE_INTENDED, Reason.GUARDRAILS_PASSED, None),
        (
            ramped(site_last_hour=3, site_frees_at=NOW + timedelta(minutes=50)),
            S.CLEARED_TO_WIPE,
            Reason.SITE_BUSY,
            NOW + timedelta(minutes=50),
        ),
        (ramped(site_last_hour=2), S.WIPE_INTENDED, Reason.GUARDRAILS_PASSED, None),
        (
            ramped(wipes=tuple(wiped(6, back_after=None))),
            S.CLEARED_TO_WIPE,
            Reason.RETURN_RATE_LOW,
            NOW + LOOK_AGAIN_AFTER,
        ),
    ],
)
def test_a_held_case_says_why_and_when_it_looks_again(
    budget: WipeBudget, state: S, reason: Reason, due: object
) -> None:
    decision = hold_or_go(CLEARED, all_facts(budget=budget), a_policy(), NOW)

    assert (decision.to, decision.reason, decision.due) == (state, reason, due)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (all_facts(fleet=a_fleet(noncompliant=251)), Reason.SPIKE),
        (all_facts(budget=ramped(wipes=tuple(wiped(2, **FAILED)))), Reason.ERROR_BUDGET_SPENT),
        (all_facts(budget=ramped(wipes=tuple(wiped(5, back_after=None)))), Reason.RETURN_RATE_LOW),
    ],
)
def test_what_freezes_asks_for_the_freeze_and_says_why(facts: Facts, reason: Reason) -> None:
    decision = hold_or_go(CLEARED, facts, a_policy(), NOW)

    assert (decision.to, decision.reason) == (S.CLEARED_TO_WIPE, reason)
    assert decision.effect == FreezeWipes(reason=reason, why=decision.says)


def test_a_freeze_by_handover_names_its_reason_in_every_case_it_holds() -> None:
    frozen = Freeze(frozen=True, by="Handover", why="251 of 5000 devices are non-compliant, more than 5 %.")

    decision = hold_or_go(CLEARED, all_facts(freeze=frozen), a_policy(), NOW)

    assert decision.says == "All wipes are frozen by Handover: 251 of 5000 devices are non-compliant, more than 5 %."
