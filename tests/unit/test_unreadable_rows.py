"""A row that this version cannot read, after a rollback say, holds up nothing but its own case, and stays as it is."""

import logging
from collections.abc import Mapping
from datetime import timedelta

import pytest

from shared.domain.states import CaseState
from shared.errors import Unreadable
from shared.names import CASES, WORKLIST
from shared.operate.search_terms import Asked
from shared.ports import Row, Value
from tests.fakes import story
from tests.fakes.world import World

ODD = "device-0"
"""Before the other in the order of ids."""


async def a_world(state: CaseState = CaseState.WATCHING) -> World:
    """Two cases that are long overdue; a newer version wrote one of them."""
    world = World()
    for case_id in (ODD, story.CASE_ID):
        await world.put(story.case_in(state, world.policy, world.clock.now(), id=case_id))
    row = world.rows.table(CASES)[ODD, "case"]
    await rewrite(world, CASES, row, {"body": str(row.data["body"]).replace(state.value, "state_of_tomorrow")})
    world.clock.set(world.clock.now() + timedelta(days=4))
    return world


async def rewrite(world: World, table: str, row: Row, changes: Mapping[str, Value]) -> None:
    await world.rows.upsert(table, row.partition, row.key, {**row.data, **changes})


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]


async def test_it_is_not_read_as_something_else() -> None:
    world = await a_world()

    with pytest.raises(Unreadable, match="this version cannot read the row"):
        await world.cases.load(ODD)


async def test_the_supervisor_goes_on_with_the_others_and_leaves_the_line_of_that_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = await a_world()
    before = dict(world.rows.table(CASES)[ODD, "case"].data)

    assert await world.services.supervise.run() == 1

    assert "case.unreadable" in events(caplog)
    assert ("open", ODD) in world.rows.table(WORKLIST)
    assert dict(world.rows.table(CASES)[ODD, "case"].data) == before


async def test_a_line_of_the_worklist_that_cannot_be_read_hides_no_other(caplog: pytest.LogCaptureFixture) -> None:
    world = await a_world()
    await rewrite(world, WORKLIST, world.rows.table(WORKLIST)["open", ODD], {"reason": "a_reason_of_tomorrow"})

    assert await world.services.supervise.run() == 1
    found, after = await world.services.search.find(Asked(which="open", most=1))

    assert "worklist.unreadable" in events(caplog)
    assert [line.case_id for line in found] == [story.CASE_ID]
    assert after is not None


async def test_it_does_not_stop_the_reading_of_returned_devices() -> None:
    world = await a_world(CaseState.AWAITING_RETURN)

    assert await world.services.watch_returns.run() == 0


async def test_a_step_that_is_given_up_for_it_ends_there(caplog: pytest.LogCaptureFixture) -> None:
    world = await a_world()

    await world.services.advance.give_up(ODD, 1)

    assert "case.unreadable" in events(caplog)
