"""Whatever goes wrong on the way, afterwards every non-compliant device has exactly one case."""

import contextlib
import random
from datetime import timedelta

import pytest

from shared.domain.case import Case
from shared.domain.facts import Compliance
from shared.domain.hint import Cause, Hint, Subject
from shared.errors import HandoverError, RetryLater
from tests.fakes.interference import Interference, WorkerDied, die
from tests.fakes.world import World
from tests.upkeep.sweeping import EVERY, MINUTE, cases_of, device_id, hints_in_the_queue, sweep_and_take, tenant_of

DEVICES, BAD = 60, 40


async def take_everything(world: World) -> None:
    """Every hint in the queue, as often as it lies there."""
    for hint in hints_in_the_queue(world):
        await world.services.take_hint.open_or_wake(hint)


async def expect_one_case_each(world: World) -> None:
    bad = [each.id for each in world.devices.devices.values() if each.compliance is Compliance.NONCOMPLIANT]
    assert await cases_of(world) == {f"device-{each}": 1 for each in bad}
    for each in bad:
        case: Case = await world.case(f"device-{each}")
        assert (case.episode, case.version) == (1, 1)


async def sweep_until_done(world: World) -> None:
    """A tick a minute for two hours, as the timer does; what a tick raises is the host's to log."""
    for _ in range(120):
        try:
            await world.services.sweep.run()
            await take_everything(world)
        except HandoverError:
            pass
        world.clock.move(MINUTE)


def event(number: int, world: World) -> Hint:
    """An event about one device."""
    return Hint(
        subject=Subject.MANAGED_DEVICE,
        key=device_id(number),
        cause=Cause.NONCOMPLIANT,
        source="test",
        at=world.clock.now(),
    )


@pytest.mark.parametrize("seed", range(5))
async def test_a_fifth_of_the_events_lost_the_rest_five_times_late_and_in_disorder(seed: int) -> None:
    world, chance = tenant_of(DEVICES, noncompliant=BAD), random.Random(seed)  # to be repeated, not to be secret
    arriving = [number for number in range(BAD) if chance.random() > 0.2 for _ in range(5)]
    chance.shuffle(arriving)
    for index, number in enumerate(arriving):
        await world.services.take_hint.open_or_wake(event(number, world))
        if index % 10 == 0:
            await world.services.sweep.run()
            world.clock.move(timedelta(minutes=chance.choice((0, 1, 30))))
    await sweep_until_done(world)
    await expect_one_case_each(world)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("nth", range(1, 60, 3))
async def test_a_host_killed_at_any_call_to_the_world(nth: int, after: bool) -> None:
    world = tenant_of(DEVICES, noncompliant=BAD)
    world.devices.noncompliant_page_size = 10
    killed = Interference(lambda call: call.number == nth, die, after=after)
    with contextlib.suppress(WorkerDied):
        await world.another_worker(killed).sweep.run()
    assert killed.struck_at is not None or nth > 40
    await sweep_until_done(world)
    await expect_one_case_each(world)


async def test_a_killed_run_is_continued_at_the_page_it_was_at() -> None:
    world = tenant_of(DEVICES, noncompliant=BAD)
    world.devices.noncompliant_page_size = 10
    killed = Interference(lambda call: call.name == "devices.noncompliant" and call.nth == 3, die)
    with pytest.raises(WorkerDied):
        await world.another_worker(killed).sweep.run()
    assert (world.devices.changed.reads, world.devices.noncompliant_reads) == (1, 2)
    await sweep_until_done(world)
    assert world.devices.noncompliant_reads <= 2 + 2 + 2 * 4  # the rest of this list, and those of the next two hours
    await expect_one_case_each(world)


async def test_storage_away_for_a_minute() -> None:
    world = tenant_of(DEVICES, noncompliant=BAD)
    world.rows.away = True
    with pytest.raises(RetryLater):
        await world.services.sweep.run()
    world.clock.move(MINUTE)
    world.rows.away = False
    await sweep_until_done(world)
    await expect_one_case_each(world)


@pytest.mark.parametrize("name", ["rows.write", "rows.get", "messages.send"])
async def test_storage_that_fails_in_the_middle(name: str) -> None:
    world = tenant_of(DEVICES, noncompliant=BAD)
    world.devices.noncompliant_page_size = 10

    async def away() -> None:
        raise RetryLater("storage is away")

    for nth in range(1, 12):
        failing = Interference(lambda call, nth=nth: call.name == name and call.nth == nth, away)
        with contextlib.suppress(RetryLater):
            await world.another_worker(failing).sweep.run()
        world.clock.move(timedelta(minutes=7))
    await sweep_until_done(world)
    await expect_one_case_each(world)


async def test_graph_throttled_for_ten_minutes_costs_one_request_in_all_that_time() -> None:
    world = tenant_of(DEVICES, noncompliant=BAD)
    world.devices.changed.answers = [RetryLater("429", timedelta(minutes=10), throttled=True)]
    for _ in range(10):
        assert await sweep_and_take(world) == []
        world.clock.move(MINUTE)
    assert world.devices.changed.reads == 1
    await sweep_until_done(world)
    await expect_one_case_each(world)


async def test_a_token_that_expired_while_devices_turned() -> None:
    world = tenant_of(DEVICES)
    await sweep_until_done(world)
    for number in range(BAD):
        world.devices.turn(device_id(number), Compliance.NONCOMPLIANT)
    world.devices.changed.forget()
    await sweep_until_done(world)
    await expect_one_case_each(world)


async def test_changes_that_are_told_again_and_again_in_any_order() -> None:
    world, chance = tenant_of(DEVICES), random.Random(1)  # see above
    await sweep_until_done(world)
    for number in range(BAD):
        world.devices.turn(device_id(number), Compliance.NONCOMPLIANT)
    told = world.devices.changed.changes * 3
    chance.shuffle(told)
    world.devices.changed.changes.extend(told)
    world.devices.changed.page_size = 7
    await sweep_until_done(world)
    await expect_one_case_each(world)


async def test_two_instances_at_once() -> None:
    world = tenant_of(DEVICES, noncompliant=BAD)
    world.devices.noncompliant_page_size = 10
    second = world.another_worker()
    meanwhile = Interference(lambda call: call.name == "devices.noncompliant" and call.nth == 2, second.sweep.run)
    await world.another_worker(meanwhile).sweep.run()
    assert meanwhile.struck_at is not None
    assert world.devices.noncompliant_reads == 4
    await sweep_until_done(world)
    await expect_one_case_each(world)


async def test_an_instance_that_lost_its_lock_stops() -> None:
    world = tenant_of(DEVICES, noncompliant=BAD)
    world.devices.noncompliant_page_size = 10

    async def slow() -> None:
        world.clock.move(timedelta(minutes=7))
        await world.another_worker().sweep.run()

    stalled = Interference(lambda call: call.name == "devices.noncompliant" and call.nth == 2, slow)
    await world.another_worker(stalled).sweep.run()
    await sweep_until_done(world)
    await expect_one_case_each(world)


async def test_a_run_ends_in_time_and_the_next_goes_on() -> None:
    world = tenant_of(DEVICES, noncompliant=BAD)
    world.devices.noncompliant_page_size = 10

    async def takes_its_time() -> None:
        world.clock.move(timedelta(minutes=5))

    slow = Interference(lambda call: call.name == "devices.noncompliant" and call.nth == 2, takes_its_time)
    await world.another_worker(slow).sweep.run()
    assert world.devices.noncompliant_reads == 2
    await sweep_until_done(world)
    await expect_one_case_each(world)


async def test_nothing_is_told_of_devices_that_are_fine_however_often_it_runs() -> None:
    world = tenant_of(DEVICES)
    for _ in range(20):
        assert await sweep_and_take(world) == []
        world.clock.move(EVERY)
    assert await cases_of(world) == {}
