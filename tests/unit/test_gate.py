"""The gate to Graph: one row parks the whole tenant, until the latest time that anybody named."""

import asyncio
from datetime import timedelta

from shared.records.gate import TRY_FOR, GraphGate, Passage
from shared.records.ledger import Ledger
from tests.fakes.clock import FixedClock
from tests.fakes.ids import CountingIds
from tests.fakes.rows import FakeRows

NOW = FixedClock().now()
A_MINUTE = timedelta(minutes=1)
A_SECOND = timedelta(seconds=1)


def gate_in(rows: FakeRows, ids: CountingIds | None = None) -> GraphGate:
    return GraphGate(Ledger(rows, ids or CountingIds()))


async def test_a_gate_that_nobody_closed_is_open() -> None:
    assert await gate_in(FakeRows()).closed_until(NOW) is None


async def test_a_closed_gate_is_closed_for_every_instance_until_its_time() -> None:
    rows = FakeRows()
    await gate_in(rows).close(NOW + A_MINUTE)
    assert await gate_in(rows).closed_until(NOW) == NOW + A_MINUTE
    assert await gate_in(rows).closed_until(NOW + A_MINUTE - A_SECOND) == NOW + A_MINUTE
    assert await gate_in(rows).closed_until(NOW + A_MINUTE) is None


async def test_a_later_time_keeps_it_closed_for_longer() -> None:
    gate = gate_in(FakeRows())
    await gate.close(NOW + A_MINUTE)
    await gate.close(NOW + 2 * A_MINUTE)
    assert await gate.closed_until(NOW) == NOW + 2 * A_MINUTE


async def test_an_earlier_time_does_not_open_it() -> None:
    gate = gate_in(FakeRows())
    await gate.close(NOW + 2 * A_MINUTE)
    await gate.close(NOW + A_MINUTE)
    assert await gate.closed_until(NOW) == NOW + 2 * A_MINUTE


async def test_of_all_who_close_it_at_once_the_latest_time_counts() -> None:
    rows, ids = FakeRows(), CountingIds()
    await asyncio.gather(*(gate_in(rows, ids).close(NOW + minutes * A_MINUTE) for minutes in (3, 1, 5, 2, 4)))
    assert await gate_in(rows).closed_until(NOW) == NOW + 5 * A_MINUTE


async def half_open(rows: FakeRows) -> GraphGate:
    """A gate whose time has just come."""
    gate = gate_in(rows)
    await gate.close(NOW)
    return gate


async def test_an_open_gate_lets_everybody_in() -> None:
    assert await gate_in(FakeRows()).enter(NOW) == Passage()


async def test_a_closed_gate_lets_nobody_in() -> None:
    gate = gate_in(FakeRows())
    await gate.close(NOW + A_MINUTE)
    assert await gate.enter(NOW) == Passage(wait_until=NOW + A_MINUTE)


async def test_when_its_time_has_come_one_tries_and_the_others_wait() -> None:
    rows, ids = FakeRows(), CountingIds()
    await gate_in(rows, ids).close(NOW)
    passages = await asyncio.gather(*(gate_in(rows, ids).enter(NOW) for _ in range(8)))
    assert sum(passage.tries for passage in passages) == 1
    assert [p.wait_until for p in passages if not p.tries] == [NOW + TRY_FOR] * 7
    assert await gate_in(rows, ids).closed_until(NOW) == NOW + TRY_FOR


async def test_once_one_came_through_all_may_go() -> None:
    gate = await half_open(FakeRows())
    assert (await gate.enter(NOW)).tries
    await gate.came_through(NOW + A_SECOND)
    assert [await gate.enter(NOW + A_SECOND) for _ in range(3)] == [Passage()] * 3


async def test_one_that_is_not_heard_of_is_followed_by_another() -> None:
    gate = await half_open(FakeRows())
    assert (await gate.enter(NOW)).tries
    assert await gate.enter(NOW + TRY_FOR - A_SECOND) == Passage(wait_until=NOW + TRY_FOR)
    assert (await gate.enter(NOW + TRY_FOR)).tries


async def test_one_that_is_told_to_wait_closes_it_for_all() -> None:
    gate = await half_open(FakeRows())
    await gate.enter(NOW)
    await gate.close(NOW + 5 * A_MINUTE)
    await gate.came_through(NOW + A_SECOND)
    assert await gate.enter(NOW + A_MINUTE) == Passage(wait_until=NOW + 5 * A_MINUTE)


async def test_one_that_got_no_answer_keeps_the_others_waiting_but_never_closes_an_open_gate() -> None:
    gate = await half_open(FakeRows())
    await gate.enter(NOW)
    await gate.still_closed(NOW + A_MINUTE, NOW)
    assert await gate.enter(NOW + TRY_FOR) == Passage(wait_until=NOW + A_MINUTE)
    assert (await gate.enter(NOW + A_MINUTE)).tries
    await gate.came_through(NOW + A_MINUTE)
    await gate.still_closed(NOW + 9 * A_MINUTE, NOW + A_MINUTE)
    assert await gate.enter(NOW + A_MINUTE) == Passage()
