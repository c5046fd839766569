"""Limits and freshness in general: more wipes, a lower limit or an older reading never permit what was not permitted before."""

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.case import Case, Readings
from shared.domain.facts import Facts, Fleet, WipeBudget
from shared.domain.policy import Policy
from shared.domain.states import CaseState
from shared.rules.fence import check_fence
from shared.rules.guardrails import what_holds
from shared.rules.holding import hold_or_go
from tests.builders import NOW, a_budget, a_device, a_fleet, all_facts, an_autopilot_device
from tests.case_builders import a_case, a_policy, an_approval, an_attempt

SMALL = st.integers(0, 4)
AGES = st.sampled_from((0, 9, 11, 16, 60, 23 * 60, 25 * 60, 3 * 1440, 4 * 1440 - 1, 5 * 1440, 40 * 1440)).map(
    lambda minutes: timedelta(minutes=minutes)
)
policies = st.builds(
    Policy,
    wipes_per_hour=SMALL,
    wipes_per_day=SMALL,
    wipes_in_flight=SMALL,
    serial_wipes_per_year=SMALL,
    site_wipes_per_hour=SMALL,
    wipes_per_day_percent=st.integers(1, 100),
    spike_percent=st.integers(1, 100),
    spike_devices=st.integers(1, 100),
    spike_factor=st.integers(1, 10),
    spike_floor=st.integers(0, 10),
)
budgets = st.builds(
    a_budget,
    last_hour=SMALL,
    last_day=SMALL,
    in_flight=SMALL,
    serial_last_year=SMALL,
    site_last_hour=SMALL,
    serial_wiped_at=st.none() | AGES.map(lambda age: NOW - 8 * age),
    user_wiped_at=st.none() | AGES.map(lambda age: NOW - 2 * age),
)
fleets = st.builds(
    a_fleet,
    read_at=AGES.map(lambda age: NOW - age),
    enrolled=st.sampled_from([0, 1, 50, 200, 5000]),
    noncompliant=st.sampled_from([0, 3, 6, 11, 40, 400]),
    usual=st.sampled_from([0, 3, 40]),
    accepted=st.sampled_from([0, 0, 30]),
)
MORE_COUNTED = ("last_hour", "last_day", "in_flight", "serial_last_year", "site_last_hour")
LOWER_IS_LESS = (
    "wipes_per_hour", "wipes_per_day", "wipes_in_flight", "serial_wipes_per_year", "site_wipes_per_hour", "wipes_per_day_percent",
    "spike_percent", "spike_devices", "spike_factor", "spike_floor",
)  # fmt: skip
HIGHER_IS_LESS = ("serial_rest", "user_rest")


def permits(budget: WipeBudget, fleet: Fleet, policy: Policy) -> bool:
    """Every ramp is over: each policy has one of its own, which begins with few wipes and not with none."""
    over = frozenset({policy.ramp_version})
    return what_holds(replace(budget, ramped=over), fleet, None, policy, NOW) is None


@settings(max_examples=200, deadline=None)
@given(budgets, fleets, policies, st.sampled_from(MORE_COUNTED))
def test_more_recorded_wipes_never_permit_more(budget: WipeBudget, fleet: Fleet, policy: Policy, which: str) -> None:
    more = replace(budget, **{which: getattr(budget, which) + 1})
    assert permits(budget, fleet, policy) or not permits(more, fleet, policy)


@settings(max_examples=100, deadline=None)
@given(budgets, fleets, policies, AGES, st.sampled_from(["serial_wiped_at", "user_wiped_at"]))
def test_a_wipe_that_was_later_never_permits_more(
    budget: WipeBudget, fleet: Fleet, policy: Policy, later: timedelta, which: str
) -> None:
    wiped_at: datetime | None = getattr(budget, which)
    nearer = replace(budget, **{which: NOW - later if wiped_at is None else min(NOW, wiped_at + later)})
    assert permits(budget, fleet, policy) or not permits(nearer, fleet, policy)


@settings(max_examples=200, deadline=None)
@given(budgets, fleets, policies, st.sampled_from(LOWER_IS_LESS), st.integers(1, 3))
def test_a_lower_limit_never_permits_more(
    budget: WipeBudget, fleet: Fleet, policy: Policy, which: str, by: int
) -> None:
    lower = replace(policy, **{which: max(0, getattr(policy, which) - by)})
    assert permits(budget, fleet, policy) or not permits(budget, fleet, lower)


@settings(max_examples=100, deadline=None)
@given(budgets, fleets, policies, st.sampled_from(HIGHER_IS_LESS), AGES)
def test_a_longer_rest_never_permits_more(
    budget: WipeBudget, fleet: Fleet, policy: Policy, which: str, by: timedelta
) -> None:
    longer = replace(policy, **{which: getattr(policy, which) + by})
    assert permits(budget, fleet, policy) or not permits(budget, fleet, longer)


@settings(max_examples=100, deadline=None)
@given(budgets, fleets, policies, AGES, st.integers(1, 500))
def test_an_older_count_of_devices_or_more_that_are_non_compliant_never_permit_more(
    budget: WipeBudget, fleet: Fleet, policy: Policy, age: timedelta, more: int
) -> None:
    for worse in (replace(fleet, read_at=fleet.read_at - age), replace(fleet, noncompliant=fleet.noncompliant + more)):
        assert permits(budget, fleet, policy) or not permits(budget, worse, policy)


# --- freshness


def _story(
    device: timedelta, ready: timedelta, first: timedelta, last: timedelta, approval: timedelta
) -> tuple[Case, Facts, Policy]:
    """The case right before its wipe, each of its readings so old."""
    policy = a_policy()
    readings = Readings(count=2, first_at=NOW - last - first, last_at=NOW - last)
    case = a_case(
        CaseState.WIPE_INTENDED, policy, readings=readings, ready_at=NOW - ready, wipe=an_attempt(sent_at=None)
    )
    given_at = NOW - approval
    case = replace(
        case, approval=an_approval(case, policy, at=given_at, expires_at=given_at + policy.approval_valid_for)
    )
    facts = all_facts(device=a_device(last_sync_at=NOW - device), budget=a_budget(), fleet=a_fleet(read_at=NOW))
    return case, facts, policy


def _sends(case: Case, facts: Facts, policy: Policy) -> bool:
    return check_fence(case, facts, policy, NOW).to is CaseState.WIPE_SENT


def _intends(case: Case, facts: Facts, policy: Policy) -> bool:
    cleared = replace(case, state=CaseState.CLEARED_TO_WIPE, wipe=None)
    return hold_or_go(cleared, facts, policy, NOW).to is CaseState.WIPE_INTENDED


@settings(max_examples=300, deadline=None)
@given(st.tuples(AGES, AGES, AGES, AGES, AGES), st.integers(0, 4), AGES, st.booleans())
def test_what_was_read_or_said_longer_ago_never_permits_more(
    ages: tuple[timedelta, timedelta, timedelta, timedelta, timedelta], which: int, by: timedelta, red: bool
) -> None:
    """``red``: somebody else has the registration by now, which is looked at when the readiness is old."""
    older = [age + by if place == which else age for place, age in enumerate(ages)]
    new, old = _story(*ages), _story(older[0], older[1], older[2], older[3], older[4])
    if red:
        theirs = (an_autopilot_device(user_principal_name="other@contoso.example"),)
        new, old = ((case, replace(facts, autopilot=theirs), policy) for case, facts, policy in (new, old))
    assert _sends(*new) or not _sends(*old) or which == 2, "first_at longer ago is more evidence, not less"
    assert _intends(*new) or not _intends(*old) or which == 2
