"""Locks: one holder at a time, and none for ever."""

import asyncio
from datetime import timedelta

from shared.errors import Changed
from shared.records.ledger import Ledger
from shared.records.locks import Locks
from tests.fakes.clock import FixedClock
from tests.fakes.ids import CountingIds
from tests.fakes.interference import Interference
from tests.fakes.rows import FakeRows

NOW = FixedClock().now()
A_MINUTE = timedelta(minutes=1)
A_SECOND = timedelta(seconds=1)


def locks_in(rows: FakeRows) -> Locks:
    return Locks(Ledger(rows, CountingIds()))


async def test_a_free_lock_is_taken_and_nobody_else_gets_it_until_its_time_is_over() -> None:
    locks = locks_in(FakeRows())
    assert await locks.take("work", holder="a", now=NOW, lasts=A_MINUTE)
    assert not await locks.take("work", holder="b", now=NOW + A_MINUTE - A_SECOND, lasts=A_MINUTE)
    assert await locks.take("work", holder="b", now=NOW + A_MINUTE, lasts=A_MINUTE)
    assert not await locks.take("work", holder="a", now=NOW + A_MINUTE, lasts=A_MINUTE)


async def test_its_holder_can_hold_on() -> None:
    locks = locks_in(FakeRows())
    await locks.take("work", holder="a", now=NOW, lasts=A_MINUTE)
    assert await locks.take("work", holder="a", now=NOW + 30 * A_SECOND, lasts=A_MINUTE)
    assert not await locks.take("work", holder="b", now=NOW + A_MINUTE, lasts=A_MINUTE)


async def test_a_lock_given_back_is_free_at_once() -> None:
    locks = locks_in(FakeRows())
    await locks.take("work", holder="a", now=NOW, lasts=A_MINUTE)
    await locks.give_back("work", holder="a", now=NOW)
    assert await locks.take("work", holder="b", now=NOW, lasts=A_MINUTE)


async def test_only_its_holder_can_give_it_back() -> None:
    locks = locks_in(FakeRows())
    await locks.take("work", holder="a", now=NOW, lasts=A_MINUTE)
    await locks.give_back("work", holder="b", now=NOW)
    await locks.give_back("never taken", holder="b", now=NOW)
    assert not await locks.take("work", holder="b", now=NOW, lasts=A_MINUTE)


async def test_locks_of_different_names_have_nothing_to_do_with_each_other() -> None:
    locks = locks_in(FakeRows())
    assert await locks.take("work", holder="a", now=NOW, lasts=A_MINUTE)
    assert await locks.take("other work", holder="b", now=NOW, lasts=A_MINUTE)


async def test_of_many_who_want_it_at_once_one_gets_it() -> None:
    rows, ids = FakeRows(), CountingIds()
    wants = (Locks(Ledger(rows, ids)).take("work", holder=f"h{n}", now=NOW, lasts=A_MINUTE) for n in range(8))
    assert sum(await asyncio.gather(*wants)) == 1


async def test_a_lost_answer_does_not_lose_the_lock() -> None:
    rows = FakeRows()

    async def answer_changed() -> None:
        raise Changed("our own write")

    lost = Interference(lambda call: call.name == "rows.write", answer_changed, after=True)
    locks = Locks(Ledger(lost.around("rows", rows), CountingIds()))
    assert await locks.take("work", holder="a", now=NOW, lasts=A_MINUTE)
    assert not await locks_in(rows).take("work", holder="b", now=NOW, lasts=A_MINUTE)
