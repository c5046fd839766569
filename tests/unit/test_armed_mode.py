"""Mode auto holds for some days; without a last day, after it or too long before it a person has to approve."""

from datetime import UTC, date, datetime, timedelta

import pytest

from shared.domain.case import Case, proposal_of
from shared.domain.policy import Mode, Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.clearing import BY_POLICY, ask_or_clear
from shared.rules.decide import decide
from tests.builders import NOW, all_facts
from tests.case_builders import a_case, a_policy, an_approval
from tests.fakes import story
from tests.fakes.people import ADA
from tests.fakes.world import World

S = CaseState
DAY = timedelta(days=1)
EVENING = datetime(2026, 3, 12, 23, 59, 59, tzinfo=UTC)


def armed(until: date | None, days: int = 7) -> Policy:
    return Policy(mode=Mode.AUTO, auto_until=until, armed_days=days)


@pytest.mark.parametrize(
    ("policy", "now", "why"),
    [
        (armed(date(2026, 3, 12)), EVENING, None),
        (armed(date(2026, 3, 12)), EVENING + timedelta(seconds=1), "Auto mode expired on 2026-03-12"),
        (armed(date(2026, 3, 12)), EVENING - 7 * DAY, None),
        (armed(date(2026, 3, 12)), EVENING - 8 * DAY, "Auto mode is to last until 2026-03-12, more than 7 days ahead"),
        (armed(date(2026, 3, 12), days=8), EVENING - 8 * DAY, None),
        (armed(None), EVENING, "Auto mode has no last day (HANDOVER_AUTO_UNTIL)"),
    ],
)
def test_auto_is_auto_only_in_the_days_before_its_last(policy: Policy, now: datetime, why: str | None) -> None:
    effective = policy.as_of(now)

    assert (effective.mode, effective.why_not_auto) == (Mode.AUTO if why is None else Mode.APPROVE, why)
    assert effective.as_of(now) == effective


@pytest.mark.parametrize("mode", [Mode.OFF, Mode.REPORT, Mode.APPROVE])
def test_no_other_mode_needs_a_last_day(mode: Mode) -> None:
    assert Policy(mode=mode).as_of(NOW) == Policy(mode=mode)


def cleared_by_auto_mode(policy: Policy) -> Case:
    case = a_case(S.CLEARED_TO_WIPE)
    return a_case(S.CLEARED_TO_WIPE, policy, approval=an_approval(case, policy, by=BY_POLICY))


def test_what_auto_mode_cleared_waits_for_a_person_when_it_has_expired() -> None:
    policy = a_policy(mode=Mode.AUTO, auto_until=NOW.date() - DAY)

    decision = decide(cleared_by_auto_mode(policy), all_facts(), policy, NOW)

    assert (decision.to, decision.reason) == (S.AWAITING_APPROVAL, Reason.MODE_EXPIRED)
    assert decision.says == "Auto mode expired on 2026-03-04; a person has to approve the wipe."


def test_the_last_look_before_a_wipe_knows_that_auto_mode_has_expired() -> None:
    policy = a_policy(mode=Mode.AUTO, auto_until=NOW.date() - DAY)
    case = a_case(S.WIPE_INTENDED, policy, approval=an_approval(a_case(S.CLEARED_TO_WIPE), policy, by=BY_POLICY))

    decision = decide(case, all_facts(), policy, NOW)

    assert (decision.to, decision.reason) == (S.CLEARED_TO_WIPE, Reason.MODE_EXPIRED)


def test_who_is_asked_although_the_mode_says_auto_reads_why() -> None:
    policy = a_policy(mode=Mode.AUTO, auto_until=None).as_of(NOW)

    decision = ask_or_clear(a_case(S.BINDING), policy, NOW, so_far="The owner is bound.")

    assert decision.to is S.AWAITING_APPROVAL
    assert decision.says.endswith("Auto mode has no last day (HANDOVER_AUTO_UNTIL).")


async def test_a_case_that_comes_to_its_wipe_after_the_last_day_is_asked_and_can_be_approved() -> None:
    world = World(Mode.AUTO, auto_until=story.START.date())
    await world.hear_of_device()
    await world.live(until=story.START + 5 * DAY)
    case = await world.case()
    assert (case.state, world.devices.wiped.total()) == (S.AWAITING_APPROVAL, 0)

    status = await world.services.look.status()
    assert (status["mode"], status["why_not_auto"]) == ("approve", "Auto mode expired on 2026-03-02")
    shown = await world.services.look.case(case.id)
    assert shown is not None
    assert shown["to_approve"]["proposal"] == proposal_of(case, world.policy.as_of(world.clock.now()).version)

    await world.services.operate.approve(case.id, shown["to_approve"]["proposal"], ADA)
    await world.live()
    assert (await world.case()).state is S.PROVEN
    assert world.devices.wiped.total() == 1
