"""The story with one mishap at every single call to the outside world in turn: it always ends, and wipes at most once."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest

from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.errors import RetryLater
from tests.fakes import story
from tests.fakes.interference import Call, Interference, WorkerDied
from tests.fakes.world import World

pytestmark = pytest.mark.long

Mishap = Callable[[], Awaitable[None]]
Beginning = Callable[[World], Awaitable[None]]

DELAY_BY_A_MISHAP = timedelta(minutes=45)
A_DAY_OF_READING = timedelta(days=1, hours=4)


async def the_worker_dies() -> None:
    raise WorkerDied


async def it_has_to_be_tried_later() -> None:
    raise RetryLater("away for a moment")


async def with_a_hint(world: World) -> None:
    await world.hear_of_device()


async def with_a_case_but_no_message(world: World) -> None:
    world.most_deliveries = 1  # what a worker had in hand is lost with it
    await world.put(story.case_in(CaseState.OPENED, world.policy, world.clock.now()))


async def each_mishap(
    mishap: Mishap, beginning: Beginning, *, after: bool = False
) -> AsyncIterator[tuple[World, Call, timedelta]]:
    """The story told once for each call, with the mishap at that call, and how much longer it took."""
    undisturbed, calls = await _told(Interference(lambda _: False, mishap), beginning)
    for number in range(1, calls + 1):
        interference = Interference(lambda call, number=number: call.number == number, mishap, after=after)
        world, _ = await _told(interference, beginning)
        if interference.struck_at is not None:  # not so for the end of a scan that nobody read to its end
            yield world, interference.struck_at, world.clock.now() - undisturbed.clock.now()


async def _told(interference: Interference, beginning: Beginning) -> tuple[World, int]:
    world = World()
    await beginning(world)
    await world.live(world.another_worker(interference))
    return world, len(interference.calls)


async def ended_well(world: World, call: Call, delay: timedelta) -> bool:
    """Proven after one wipe and in time. Only a wipe that was noted but never sent may be left to a person: then False."""
    case = await world.case()
    if case.state is CaseState.NEEDS_PERSON:
        assert case.reason is Reason.WIPE_NEVER_SEEN, call
        assert world.devices.wiped.total() == 0, call
        assert delay <= A_DAY_OF_READING, call
        return False
    assert case.state is CaseState.PROVEN, call
    assert world.devices.wiped == {story.DEVICE_ID: 1}, call
    assert delay <= DELAY_BY_A_MISHAP, call
    return True


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_worker_that_dies_anywhere_leaves_a_case_that_ends_with_one_wipe(after: bool) -> None:
    ends = [await ended_well(*told) async for told in each_mishap(the_worker_dies, with_a_hint, after=after)]
    assert len(ends) > 60
    assert ends.count(False) == 2  # between the note "sent" and the POST: nobody can know, so it is not sent again


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_storage_or_graph_away_at_any_one_call_delays_the_end_but_never_repeats_the_wipe(after: bool) -> None:
    ends = [
        await ended_well(*told)
        async for told in each_mishap(it_has_to_be_tried_later, with_a_hint, after=after)
        if told[1].name != "devices.wipe"  # the port never raises: its answer is a value
    ]
    assert len(ends) > 60
    assert ends.count(False) <= 2  # as above


async def test_the_supervisor_alone_brings_a_case_to_its_end_whose_messages_are_lost_with_their_workers() -> None:
    ends = [await ended_well(*told) async for told in each_mishap(the_worker_dies, with_a_case_but_no_message)]
    assert len(ends) > 60
    assert ends.count(False) == 2
