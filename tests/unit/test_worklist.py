"""The worklist beside the rows: a worker may die between any two writes, and no case is hidden or shown twice for ever."""

from datetime import timedelta

import pytest

from shared.domain.states import CaseState
from shared.upkeep.supervise import VERIFY_AFTER
from tests.fakes import story
from tests.fakes.interference import Interference, WorkerDied, die
from tests.fakes.people import ADA
from tests.fakes.world import World

S = CaseState
A_DAY = timedelta(days=1)


async def open_ids(world: World) -> list[str]:
    return [listed.case_id async for listed in world.cases.open_cases()]


async def ended_ids(world: World) -> list[str]:
    return [listed.case_id async for listed in world.cases.ended_cases(f"{story.START:%Y-%m}")]


async def ended() -> World:
    """DEF456's case was cancelled a day ago."""
    world = World()
    await world.put(story.case_in(S.WATCHING, world.policy, world.clock.now()))
    await world.services.operate.cancel(story.CASE_ID, ADA, "sold")
    world.clock.move(A_DAY)
    return world


async def test_a_case_is_listed_as_open_or_as_ended_and_never_as_both() -> None:
    world = await ended()
    assert (await open_ids(world), await ended_ids(world)) == ([], [story.CASE_ID])
    await world.services.take_hint.open_or_wake(world.hint())
    assert (await open_ids(world), await ended_ids(world)) == ([story.CASE_ID], [])


@pytest.mark.parametrize("nth", range(1, 5))
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_reopened_case_is_not_hidden_by_a_worker_that_dies(nth: int, after: bool) -> None:
    """The hint comes again and finds an open case, so only the worklist can bring its step back."""
    world = await ended()
    names = ("rows.write", "rows.upsert", "rows.delete", "messages.send")
    at = Interference(
        lambda call: call.name in names and sum(c.name in names for c in at.calls) == nth, die, after=after
    )
    with pytest.raises(WorkerDied):
        await world.another_worker(at).take_hint.open_or_wake(world.hint())
    await world.services.take_hint.open_or_wake(world.hint())
    await world.live(until=world.clock.now() + timedelta(hours=1))
    assert (await world.case()).state is S.WATCHING
    assert await open_ids(world) == [story.CASE_ID]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", ["rows.upsert", "rows.delete"])
async def test_an_ended_case_whose_worker_died_is_listed_as_ended_by_the_supervisor(name: str, after: bool) -> None:
    world = World()
    await world.put(story.case_in(S.WATCHING, world.policy, world.clock.now()))
    at = Interference(lambda call: call.name == name, die, after=after)
    with pytest.raises(WorkerDied):
        await world.another_worker(at).operate.cancel(story.CASE_ID, ADA, "sold")
    world.clock.move(VERIFY_AFTER)
    await world.services.supervise.run()
    assert (await open_ids(world), await ended_ids(world)) == ([], [story.CASE_ID])


async def test_the_supervisor_lists_the_end_before_it_takes_the_open_line_away() -> None:
    world = World()
    await world.put(story.case_in(S.WATCHING, world.policy, world.clock.now()))
    at = Interference(lambda call: call.name == "rows.upsert", die)
    with pytest.raises(WorkerDied):
        await world.another_worker(at).operate.cancel(story.CASE_ID, ADA, "sold")
    world.clock.move(VERIFY_AFTER)
    again = Interference(lambda call: call.name == "rows.delete", die)
    with pytest.raises(WorkerDied):
        await world.another_worker(again).supervise.run()
    assert await ended_ids(world) == [story.CASE_ID]


async def test_a_reopened_case_came_into_its_state_when_it_was_reopened() -> None:
    world = await ended()
    await world.services.take_hint.open_or_wake(world.hint())
    assert (await world.case()).entered_at == world.clock.now()
