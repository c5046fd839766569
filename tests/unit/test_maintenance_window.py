"""Wipes are sent within the hours of the policy: a cleared one waits for them, and so does one that is written down."""

from datetime import timedelta

import pytest

from shared.domain.policy import Mode
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.domain.weekly_hours import WeeklyHours
from shared.rules.binding import after_binding
from shared.rules.clearing import approval_expires
from shared.rules.fence import check_fence
from shared.rules.holding import hold_or_go
from tests.builders import NOW, all_facts
from tests.case_builders import a_case, a_policy, moved

# NOW is Thursday, 2026-03-05 09:00 UTC
LATER_TODAY = WeeklyHours.parse("Thu 20:00-22:00", "UTC")
SATURDAY = WeeklyHours.parse("Sat 00:00-24:00", "UTC")
OPEN = WeeklyHours.parse("Thu 09:00-09:01", "UTC")


def test_a_cleared_wipe_waits_until_the_hours_begin():
    policy = a_policy(wipe_hours=LATER_TODAY)
    case = a_case(CaseState.CLEARED_TO_WIPE, policy)

    decision = hold_or_go(case, all_facts(), policy, NOW)

    assert (decision.to, decision.reason) == (CaseState.CLEARED_TO_WIPE, Reason.OUTSIDE_MAINTENANCE_WINDOW)
    assert decision.says == "Outside the hours for wipes; they begin at 2026-03-05 20:00 UTC."
    assert decision.due == NOW + timedelta(hours=11)


def test_within_the_hours_it_goes():
    policy = a_policy(wipe_hours=OPEN)

    assert hold_or_go(a_case(CaseState.CLEARED_TO_WIPE, policy), all_facts(), policy, NOW).to is CaseState.WIPE_INTENDED


def test_a_wipe_that_is_written_down_when_the_hours_end_is_not_sent():
    policy = a_policy(wipe_hours=OPEN)
    case = a_case(CaseState.WIPE_INTENDED, policy)

    assert check_fence(case, all_facts(), policy, NOW).to is CaseState.WIPE_SENT
    late = check_fence(case, all_facts(), policy, NOW + timedelta(minutes=1))
    assert (late.to, late.reason) == (CaseState.CLEARED_TO_WIPE, Reason.OUTSIDE_MAINTENANCE_WINDOW)
    assert late.says.endswith("Nothing was sent.")


@pytest.mark.parametrize(("hours", "runs_from"), [(None, 0), (OPEN, 0), (LATER_TODAY, 11), (SATURDAY, 39)])
def test_an_approval_runs_from_the_first_hour_at_which_the_wipe_may_be_sent(hours: WeeklyHours | None, runs_from: int):
    expires = approval_expires(a_case(), a_policy(wipe_hours=hours), NOW)

    assert expires == NOW + timedelta(hours=runs_from + 24)


def test_the_owner_is_told_of_the_first_moment_at_which_it_can_really_happen():
    policy = a_policy(tells_owner=True, wipe_hours=SATURDAY, mode=Mode.AUTO)
    case = a_case(CaseState.BINDING, bound=True)

    notice = moved(case, after_binding(case, all_facts(), policy, NOW)).notice

    assert notice is not None
    assert notice.wipe_not_before == NOW + timedelta(hours=39)
