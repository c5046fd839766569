"""The kill switch: the last word counts, and a switch that cannot be read is on."""

import pytest

from shared.domain.facts import Freeze
from shared.names import LEDGERS
from shared.records.freeze import FreezeSwitch
from shared.records.ledger import Ledger
from tests.fakes.clock import FixedClock
from tests.fakes.ids import CountingIds
from tests.fakes.rows import FakeRows

NOW = FixedClock().now()


def switch_in(rows: FakeRows) -> FreezeSwitch:
    return FreezeSwitch(Ledger(rows, CountingIds()))


async def test_a_switch_that_nobody_touched_is_off() -> None:
    assert await switch_in(FakeRows()).read() == Freeze(frozen=False)


async def test_whoever_freezes_or_thaws_last_is_named() -> None:
    switch = switch_in(FakeRows())
    await switch.set(frozen=True, by="Ada", why="a strange evening", at=NOW)
    assert await switch.read() == Freeze(frozen=True, by="Ada", why="a strange evening", at=NOW)
    await switch.set(frozen=False, by="Bob", why="all clear", at=NOW)
    assert await switch.read() == Freeze(frozen=False, by="Bob", why="all clear", at=NOW, thawed_at=NOW)


async def test_a_switch_is_the_same_for_every_instance() -> None:
    rows = FakeRows()
    await switch_in(rows).set(frozen=True, by="Ada", why="wait", at=NOW)
    assert (await switch_in(rows).read()).frozen


async def test_a_switch_that_cannot_be_reached_is_on() -> None:
    rows = FakeRows()
    rows.away = True
    assert (await switch_in(rows).read()).frozen


@pytest.mark.parametrize(
    "body", ["", "not JSON", "[]", "5", "null", "{}", '{"frozen": 0}', '{"frozen": null}', '{"frozen": "no"}']
)
async def test_a_switch_that_cannot_be_understood_is_on(body: str) -> None:
    rows = FakeRows()
    await rows.upsert(LEDGERS, "switch", "freeze", {"body": body, "write_id": ""})
    assert (await switch_in(rows).read()).frozen


async def test_a_row_without_its_text_is_on() -> None:
    rows = FakeRows()
    await rows.upsert(LEDGERS, "switch", "freeze", {"write_id": ""})
    assert (await switch_in(rows).read()).frozen


async def test_a_switch_that_cannot_be_understood_can_be_set_anew() -> None:
    rows = FakeRows()
    await rows.upsert(LEDGERS, "switch", "freeze", {"body": "not JSON", "write_id": ""})
    await switch_in(rows).set(frozen=False, by="Ada", why="looked at everything", at=NOW)
    assert not (await switch_in(rows).read()).frozen
