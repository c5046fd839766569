"""What a page costs does not grow with the number of cases: counters, indexes and the cases that are shown, no more."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from shared.bootstrap import build, install
from shared.domain.policy import Mode
from shared.domain.states import CaseState
from shared.ports import Row, Rows
from tests.fakes import story
from tests.fakes.world import World
from tests.handlers.console import ADA, get

S = CaseState
STATES = (S.AWAITING_APPROVAL, S.NEEDS_PERSON, S.WATCHING)


class CountedRows:
    """The port Rows; ``read`` counts the rows that were read."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.read = 0
        self.places: list[tuple[object, ...]] = []
        """Table, partition, and key or beginning of keys, of each question."""

    async def get(self, table: str, partition: str, key: str) -> Row | None:
        self.read += 1
        self.places.append((table, partition, key))
        return await self._rows.get(table, partition, key)

    async def scan(self, *given: Any, **options: Any) -> AsyncIterator[Row]:
        self.places.append((*given, options.get("key_prefix", "")))
        async for row in self._rows.scan(*given, **options):
            self.read += 1
            yield row

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rows, name)


async def world_with(cases: int) -> tuple[World, CountedRows]:
    world = World(Mode.APPROVE, development_principal=ADA)
    now = world.clock.now()
    for number in range(cases):
        state = STATES[number % len(STATES)]
        await world.put(
            story.case_in(
                state,
                world.policy,
                now,
                id=f"device-{number:05}",
                serial_number=f"5CG{number:05}",
                moved_at=now - timedelta(minutes=number),
                entered_at=now - timedelta(minutes=number),
            )
        )
    rows = CountedRows(world.rows)
    install(build(world.settings, replace(world.ports(), rows=rows)))
    return world, rows


PAGES = ("", "report", "cases", "cases?state=watching", "cases?q=5CG", "cases?q=5CG00003", "tenant", "parked")


async def rows_read(cases: int) -> dict[str, int]:
    """How many rows each page reads."""
    _, rows = await world_with(cases)
    found: dict[str, int] = {}
    try:
        await get()  # the key of the forms is read once
        for path in PAGES:
            rows.read = 0
            assert (await get(path)).status == 200
            found[path] = rows.read
    finally:
        install(None)
    return found


async def test_a_page_reads_no_more_of_many_cases_than_of_some() -> None:
    some, many = await rows_read(620), await rows_read(930)
    assert {path: count for path, count in many.items() if count > some[path]} == {}
    assert max(many.values()) < 520


async def test_the_overview_reads_the_switch_and_the_figures_once_so_that_frame_and_page_say_the_same() -> None:
    _, rows = await world_with(3)
    try:
        await get()
        rows.places.clear()
        await get()
    finally:
        install(None)
    assert rows.places.count(("ledgers", "switch", "freeze")) == 1
    assert rows.places.count(("overview", "all", "figures|")) == 1


async def test_a_report_that_is_not_whole_says_so() -> None:
    await world_with(30)
    assert "the latest" not in (await get("report")).text
    install(None)
    await world_with(90)
    page = await get("report")
    install(None)
    assert "These are the latest cases of each state" in page.text
    assert "the latest 75 cases" in page.text


async def test_those_that_wait_longest_come_first() -> None:
    await world_with(60)
    try:
        page = await get()
    finally:
        install(None)
    shown = [
        a["href"] for tag, a in page.tags if tag == "a" and str(a.get("href")).startswith("/api/console/cases/device-")
    ]
    waiting = [number for number in range(60) if STATES[number % 3] is not S.WATCHING]
    assert shown == [f"/api/console/cases/device-{number:05}" for number in reversed(waiting)][:8]
