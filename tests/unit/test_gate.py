"""The gate to Graph: one row parks the whole tenant, until the latest time that anybody named."""

import asyncio
from datetime import timedelta

from shared.records.gate import GraphGate
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
