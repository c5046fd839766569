"""The count of devices: kept with its days, a freeze on a spike, once, and what a person's thaw accepts."""

import logging
from datetime import timedelta

import pytest

from shared.domain.facts import Fleet, WipeTarget
from shared.domain.policy import Mode
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.errors import AccessDenied, RetryLater, Unexpected
from shared.names import LEDGERS
from shared.records.fleet import DAYS
from tests.fakes import story
from tests.fakes.people import ADA
from tests.fakes.world import World

S = CaseState
DAY = timedelta(days=1)
NOW = timedelta()


async def counted(world: World, noncompliant: int, after: timedelta = DAY) -> Fleet:
    world.clock.move(after)
    world.tenant.noncompliant = noncompliant
    return await world.fleet.look(at_most=NOW)


async def test_what_is_usual_is_the_median_of_the_days_before_each_with_its_lowest_count() -> None:
    world = World()
    assert (await counted(world, 40)).usual == 40  # nothing else is known on the first day
    assert (await counted(world, 900, timedelta(hours=1))).usual == 40
    assert (await counted(world, 10)).usual == 40  # not 900
    for number in (20, 30, 700, 50, 60):
        fleet = await counted(world, number)
    assert fleet.usual == 30
    for number in (1, 2, 3, 4, 5, 6, 7):
        fleet = await counted(world, number)
    assert fleet.usual == 4  # of 60 and 1 to 6: older days are forgotten
    assert DAYS == 7


async def test_counts_are_shared_and_read_again_when_they_are_old() -> None:
    world = World()
    for _ in range(3):
        await world.fleet.look(at_most=timedelta(minutes=10))
    assert world.tenant.fleet_reads == 1
    world.clock.move(timedelta(minutes=10, seconds=1))
    await world.fleet.look(at_most=timedelta(minutes=10))
    assert world.tenant.fleet_reads == 2


@pytest.mark.parametrize(
    "body", ["no JSON", "[]", "{}", '{"read_at": 5}', '{"read_at": "2026-03-02T08:00:00+00:00", "days": 3}']
)
async def test_a_row_that_cannot_be_understood_is_nothing_known_and_counted_anew(body: str) -> None:
    world = World()
    await world.rows.upsert(LEDGERS, "facts", "fleet", {"body": body, "write_id": ""})
    assert await world.fleet.known() is None
    assert (await world.fleet.look(at_most=DAY)).noncompliant == world.tenant.noncompliant


@pytest.mark.parametrize("error", [AccessDenied("no role"), Unexpected("no count"), RetryLater("busy")])
async def test_counts_that_cannot_be_read_hold_the_wipe_and_freeze_nothing(error: Exception) -> None:
    world = World()
    await world.put(story.case_in(S.CLEARED_TO_WIPE, world.policy, world.clock.now()))
    world.tenant.fleet_answers = [error] * 3
    await world.step()
    case = await world.case()
    assert (case.state, case.reason) == (
        S.CLEARED_TO_WIPE,
        Reason.GRAPH_BUSY if isinstance(error, RetryLater) else Reason.FLEET_UNKNOWN,
    )
    assert not await world.services.watch_fleet.run()
    assert (world.devices.wiped.total(), (await world.freeze.read()).frozen) == (0, False)


async def test_the_wiper_does_not_pay_with_counts_that_are_too_old() -> None:
    world = World()
    await world.put_intended()
    world.clock.move(timedelta(minutes=16))
    await world.step()
    case = await world.case()
    assert (case.state, case.reason) == (S.CLEARED_TO_WIPE, Reason.FLEET_UNKNOWN)
    assert world.devices.wiped.total() == 0


async def test_a_spike_between_the_weighing_and_the_payment_freezes_and_holds() -> None:
    world = World()
    await world.put_intended()
    await counted(world, 900, timedelta(seconds=1))
    await world.step()
    case = await world.case()
    freeze = await world.freeze.read()
    assert (case.state, case.reason) == (S.CLEARED_TO_WIPE, Reason.SPIKE)
    assert (freeze.frozen, freeze.by, await world.paid_wipes()) == (True, "Handover", 0)


def freezes(caplog: pytest.LogCaptureFixture) -> int:
    return sum(record.getMessage() == "freeze.set" for record in caplog.records)


async def test_a_spike_freezes_once_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    world = World()
    assert not await world.services.watch_fleet.run()
    world.tenant.noncompliant = 900
    frozen = []
    for _ in range(5):
        world.clock.move(timedelta(minutes=15))
        frozen.append(await world.services.watch_fleet.run())
    freeze = await world.freeze.read()
    assert frozen == [True, False, False, False, False]
    assert (freeze.frozen, freeze.by) == (True, "Handover")
    assert freeze.why == "900 of 5000 devices are non-compliant, more than 5 %."
    assert freezes(caplog) == 1


async def test_in_mode_off_nothing_is_counted() -> None:
    world = World(Mode.OFF)
    world.tenant.noncompliant = 900
    assert not await world.services.watch_fleet.run()
    assert world.tenant.fleet_reads == 0


async def test_a_thaw_accepts_the_number_until_it_falls_and_a_new_spike_freezes_again() -> None:
    world = World()
    await world.services.watch_fleet.run()
    world.tenant.noncompliant = 900

    async def watched(after: timedelta = timedelta(hours=1)) -> bool:
        world.clock.move(after)
        return await world.services.watch_fleet.run()

    assert await watched()
    await world.services.operate.set_freeze(frozen=False, who=ADA, why="new compliance policy, on purpose")
    world.tenant.noncompliant = 950
    assert not await watched()
    world.tenant.noncompliant = 60
    assert not await watched()
    fleet = await world.fleet.known()
    assert fleet is not None and fleet.accepted == 0
    world.tenant.noncompliant = 900
    assert await watched()


async def test_a_thaw_lets_held_cases_go_on_at_once_longest_waiting_first() -> None:
    world = World()
    await world.services.watch_fleet.run()
    world.directory.users[story.OWNER_ID] = story.licensed_owner()
    held = await world.put(story.case_in(S.CLEARED_TO_WIPE, world.policy, world.clock.now()))
    await world.services.operate.set_freeze(frozen=True, who=ADA, why="wait")
    await world.step()
    assert (await world.case()).reason is Reason.FROZEN
    world.clock.move(timedelta(minutes=1))
    await world.services.operate.set_freeze(frozen=False, who=ADA, why="go on")
    case = await world.case()
    assert (case.reason, case.due_at, case.entered_at) == (Reason.GUARDRAIL_LIFTED, world.clock.now(), held.entered_at)
    assert case.says == "Ada thawed all wipes; this case is number 1 of those that go on."
    await world.step()
    assert (await world.case()).state is S.WIPE_INTENDED


async def test_wipes_that_fail_freeze_all_others_until_a_person_thaws() -> None:
    world = World()
    now = world.clock.now()
    await world.pay("failed-one")
    target = WipeTarget(serial_number=story.SERIAL_NUMBER)
    await world.budget.release(nonce="failed-one", target=target, now=now, failed=True)
    world.clock.move(timedelta(minutes=1))
    world.directory.users[story.OWNER_ID] = story.licensed_owner()
    await world.put(story.case_in(S.CLEARED_TO_WIPE, world.policy, world.clock.now()))
    await world.step()
    assert (await world.case()).reason is Reason.ERROR_BUDGET_SPENT
    assert (await world.freeze.read()).by == "Handover"
    world.clock.move(timedelta(minutes=1))
    await world.services.operate.set_freeze(frozen=False, who=ADA, why="a broken disk")
    await world.step()
    assert (await world.case()).state is S.WIPE_INTENDED
