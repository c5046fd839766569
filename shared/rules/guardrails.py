"""The limits on wipes, as pure checks of what was counted. Every one of them is asked when a wipe is weighed, and again when
it is paid for. What is not known stands in the way."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate

from shared.domain.facts import Fleet, PastWipe, WipeBudget
from shared.domain.policy import Policy
from shared.domain.reasons import Reason
from shared.rules.decisions import in_words
from shared.rules.wipe_signs import NEEDS_APPROVAL

FLEET_AT_MOST = timedelta(minutes=15)
"""How old the count of devices may be when a wipe is weighed."""
LATEST = 20
"""Error budget and return rate look at so many wipes."""
FEWEST_RETURNS = 5
"""Fewer wipes than this are no rate."""
NOT_WIPED = ("failed", NEEDS_APPROVAL)
"""Nobody has to come back from these."""
ONE_YEAR = timedelta(days=365)
LOOK_AT_THE_DAY_EVERY = timedelta(hours=4)
"""A case that waits for the limit of a day looks so often, not every quarter of an hour: each look is a line in its journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """What stands in the way of one more wipe."""

    reason: Reason
    says: str
    until: datetime | None = None
    """When it ends by itself, if that is known."""
    freezes: bool = False
    """All wipes are frozen because of it: a person has to thaw."""
    asks: bool = False
    """Waiting does not help this device: its case goes to a person."""


def what_holds(
    budget: WipeBudget, fleet: Fleet | None, thawed_at: datetime | None, policy: Policy, now: datetime
) -> Hold | None:
    """The first guardrail that stands in the way of one more wipe, or None. ``thawed_at``: when a person last thawed."""
    since = [wipe for wipe in budget.wipes if thawed_at is None or wipe.at > thawed_at]
    return (
        fleet_holds(fleet, policy, now)
        or errors_hold(since, policy)
        or returns_hold(since, policy, now)
        or device_holds(budget, policy, now)
        or ramp_holds(budget, policy)
        or _limits_hold(budget, fleet, policy, now)
    )


def fleet_holds(fleet: Fleet | None, policy: Policy, now: datetime) -> Hold | None:
    """The devices are not counted, or unusually many are non-compliant: then not they are broken, but a policy."""
    if fleet is None or abs(now - fleet.read_at) > FLEET_AT_MOST or fleet.enrolled <= 0 or fleet.noncompliant < 0:
        says = "How many devices there are, and how many are non-compliant, could not be read; unsure means stop."
        return Hold(reason=Reason.FLEET_UNKNOWN, says=says)
    if spike := spike_of(fleet, policy):
        return Hold(reason=Reason.SPIKE, says=f"{spike} All wipes are frozen until a person thaws them.", freezes=True)
    return None


def spike_of(fleet: Fleet, policy: Policy) -> str | None:
    """Why so many non-compliant devices are a spike, in words; None while they are as usual, few, or accepted by a person."""
    accepted = fleet.accepted + max(policy.spike_floor, fleet.accepted // 10) if fleet.accepted else 0
    return None if fleet.noncompliant <= accepted else unusual(fleet, policy)


def unusual(fleet: Fleet, policy: Policy) -> str | None:
    """The same, whatever a person accepted."""
    many, usual = fleet.noncompliant, fleet.usual
    if many <= policy.spike_floor:
        return None
    counted = f"{many} of {fleet.enrolled} devices are non-compliant"
    if many * 100 > policy.spike_percent * fleet.enrolled:
        return f"{counted}, more than {policy.spike_percent} %."
    if many > usual + policy.spike_devices:
        return f"{counted}, more than {policy.spike_devices} above the usual {usual}."
    if many > policy.spike_factor * max(usual, policy.spike_floor):
        return f"{counted}, more than {policy.spike_factor} times the usual {usual}."
    return None


def wipes_a_day(policy: Policy, enrolled: int) -> int:
    """The limit in 24 hours: the setting, but no more than its share of all devices, which is at least one."""
    return min(policy.wipes_per_day, max(1, enrolled * policy.wipes_per_day_percent // 100))


def errors_hold(wipes: Sequence[PastWipe], policy: Policy) -> Hold | None:
    """Too many wipes failed, or their answers were lost and the device has not told yet."""
    unknown = sum(wipe.outcome == "unknown" and not wipe.verified and wipe.back_at is None for wipe in wipes)
    if unknown > policy.unknown_wipes:
        return Hold(
            reason=Reason.ERROR_BUDGET_SPENT,
            says=f"Of {unknown} wipes nobody knows whether they happened; {policy.unknown_wipes} is allowed. "
            "All wipes are frozen until a person thaws them.",
            freezes=True,
        )
    latest = wipes[-LATEST:]
    failed = sum(wipe.outcome == "failed" for wipe in latest)
    allowed = 0 if len(wipes) <= policy.error_free_wipes else len(latest) * policy.error_percent // 100
    counted = f"Of the last {len(latest)} wipes {failed} failed and {unknown} are in doubt; {allowed} may be."
    if failed > allowed:
        return Hold(
            reason=Reason.ERROR_BUDGET_SPENT,
            says=f"{counted} All wipes are frozen until a person thaws them.",
            freezes=True,
        )
    if failed + unknown > allowed:
        return Hold(reason=Reason.ERROR_BUDGET_SPENT, says=f"{counted} Waiting until the doubt is settled.")
    return None


def returns_hold(wipes: Sequence[PastWipe], policy: Policy, now: datetime) -> Hold | None:
    """Too few of the wiped devices came back in time."""
    due = [wipe for wipe in wipes if wipe.outcome not in NOT_WIPED and now - wipe.at > policy.back_within][-LATEST:]
    back = sum(wipe.back_at is not None and wipe.back_at - wipe.at <= policy.back_within for wipe in due)
    if len(due) < FEWEST_RETURNS or back * 100 >= policy.back_percent * len(due):
        return None
    return Hold(
        reason=Reason.RETURN_RATE_LOW,
        says=f"Only {back} of the last {len(due)} wiped devices came back within {in_words(policy.back_within)}; "
        f"{policy.back_percent} % have to. All wipes are frozen until a person thaws them.",
        freezes=True,
    )


def device_holds(budget: WipeBudget, policy: Policy, now: datetime) -> Hold | None:
    """This device, its owner or its site had wipes enough."""
    wiped_at, user_at = budget.serial_wiped_at, budget.user_wiped_at
    if wiped_at is not None and now - wiped_at < policy.serial_rest:
        says = f"This serial number was wiped {in_words(now - wiped_at)} ago; once in {in_words(policy.serial_rest)} is allowed."
        return Hold(reason=Reason.SERIAL_WIPED_RECENTLY, says=says, asks=True)
    if budget.serial_last_year >= policy.serial_wipes_per_year:
        says = f"This serial number was wiped {budget.serial_last_year} times in a year; {policy.serial_wipes_per_year} are allowed."
        return Hold(reason=Reason.SERIAL_WIPED_OFTEN, says=says, asks=True)
    if user_at is not None and now - user_at < policy.user_rest:
        says = f"A device of this owner was wiped {in_words(now - user_at)} ago; once in {in_words(policy.user_rest)} is allowed."
        return Hold(reason=Reason.USER_WIPED_RECENTLY, says=says, until=user_at + policy.user_rest)
    if budget.site_last_hour >= policy.site_wipes_per_hour:
        says = f"{budget.site_last_hour} of {policy.site_wipes_per_hour} wipes in an hour at the owner's office are used; waiting."
        return Hold(reason=Reason.SITE_BUSY, says=says, until=budget.site_frees_at)
    return None


def ramp_holds(budget: WipeBudget, policy: Policy) -> Hold | None:
    """A policy begins with few wipes; the next step is taken when every device of those before is proven."""
    if policy.ramp_version in budget.ramped:
        return None
    wiped = wiped_on_ramp(budget.wipes, policy)
    step, before = next(_steps(len(wiped), policy), (len(policy.ramp), sum(policy.ramp)))
    open_ones = sum(not wipe.verified for wipe in wiped[:before])
    if not open_ones:
        return None
    what = f"step {step + 1} of {len(policy.ramp)}" if step < len(policy.ramp) else "the time after the last step"
    return Hold(
        reason=Reason.RAMP_STEP,
        says=f"This policy is new: {what} begins when all {before} devices wiped so far are back, compliant and their "
        f"owners'; {open_ones} {'is' if open_ones == 1 else 'are'} not yet.",
    )


def wiped_on_ramp(wipes: Sequence[PastWipe], policy: Policy) -> list[PastWipe]:
    """The wipes under this policy, oldest first; those that failed wiped nothing."""
    return [wipe for wipe in wipes if wipe.policy == policy.ramp_version and wipe.outcome != "failed"]


def ramp_is_over(wipes: Sequence[PastWipe], policy: Policy) -> bool:
    """Every step was taken, and every device of them is proven."""
    wiped = wiped_on_ramp(wipes, policy)[: sum(policy.ramp)]
    return len(wiped) == sum(policy.ramp) and all(wipe.verified for wipe in wiped)


def _steps(done: int, policy: Policy) -> Iterator[tuple[int, int]]:
    """The step in which the next wipe falls, and how many wipes the steps before it had."""
    for step, upto in enumerate(accumulate(policy.ramp)):
        if done < upto:
            yield step, upto - policy.ramp[step]


def _limits_hold(budget: WipeBudget, fleet: Fleet | None, policy: Policy, now: datetime) -> Hold | None:
    enrolled = 0 if fleet is None else fleet.enrolled
    limits = (
        (budget.last_hour, policy.wipes_per_hour, "in an hour", budget.frees_at),
        (budget.last_day, wipes_a_day(policy, enrolled), "in a day", _within_hours(budget.day_frees_at, now)),
        (budget.in_flight, policy.wipes_in_flight, "not yet back", budget.frees_at),
    )
    for used, allowed, what, frees_at in limits:
        if used >= allowed:
            says = f"{used} of {allowed} wipes {what} are used; waiting."
            return Hold(reason=Reason.WIPE_BUDGET_SPENT, says=says, until=frees_at)
    return None


def _within_hours(frees_at: datetime | None, now: datetime) -> datetime | None:
    """A day is long: the limit may be raised meanwhile, or a wipe that was not sent be given back."""
    return None if frees_at is None else min(frees_at, now + LOOK_AT_THE_DAY_EVERY)
