"""The overview and the lists with 100,000 cases on Azurite: how long the app takes for them, beside a scan of them all."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from handlers import console
from local.azurite import Azurite
from local.bench.chapters import put
from local.host.bindings import http_answer, http_argument
from local.package.target import REPOSITORY
from local.storage import make as make_storage
from shared.bootstrap import build, connect, install
from shared.domain.case import Case, JournalEntry, Owner
from shared.domain.hint import Cause
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.errors import AlreadyThere, RetryLater
from shared.names import WORKLIST
from shared.operate.principals import Principal, Role
from shared.operate.search import Asked
from shared.ports import Rows, Write
from shared.records.counts import tally
from shared.records.worklist_line import Listed, data_of, line_of
from shared.services import Services
from shared.settings import Settings

CASES = 100_000
WAITING = 300
"""Of them wait for an approval; they exist as whole cases, too, because a list reads those that it shows."""
TIMES = 30
TITLE = "## Overview and lists of 100,000 cases"
PAGE = REPOSITORY / "docs" / "benchmarks.md"
_PLAYED = "bench;Reader"
_STATES = (CaseState.WATCHING, CaseState.AWAITING_SEAT, CaseState.NOT_READY, CaseState.AWAITING_RETURN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """One question, asked some times: milliseconds."""

    what: str
    median: float
    longest: float


async def measure(connection_string: str) -> list[Took]:
    """Fill the storage account, and ask."""
    await make_storage(connection_string)
    given = {"tenant_id": "0" * 36, "storage": connection_string, "mode": "report", "development_principal": _PLAYED}
    settings = Settings.model_validate(given)
    ports = connect(settings)
    services = build(settings, ports)
    install(services)
    try:
        await _fill(ports.rows, services)
        return [await _ask(what, ask, times) for what, ask, times in _questions(services)]
    finally:
        install(None)
        await services.close()


def _questions(services: Services) -> Iterator[tuple[str, Callable[[], Awaitable[Any]], int]]:
    who = Principal(id="bench", name="bench", roles=frozenset(Role))
    waiting, search = Asked(state=CaseState.AWAITING_APPROVAL), services.search
    yield "overview (kept counters)", lambda: services.overview.show(who), TIMES
    yield "status (kept counters)", services.look.status, TIMES
    yield (
        "50 open cases, a page in the middle",
        lambda: search.page(Asked(which="open", after="open.device-050000")),
        TIMES,
    )
    yield f"50 of {WAITING} that wait for an approval, newest first", lambda: search.page(waiting), TIMES
    yield "one case by its serial number", lambda: search.page(Asked(serial="SN000007")), TIMES
    yield "the console's overview, a page of HTML", lambda: _page(""), TIMES
    yield "the console's list of cases", lambda: _page("cases"), TIMES
    yield "for comparison: counting by reading every line", lambda: _count(services), 2


async def _page(path: str) -> None:
    """A page of the console, from the handler that answers for it."""
    route = {"path": path} if path else {}
    asked = http_argument(method="GET", url="https://bench.example/", headers={}, query={}, route=route, body=b"")
    if (answer := http_answer(await console.answer(asked))).status != HTTPStatus.OK:
        raise RuntimeError(f"the console answered {answer.status}")


async def _count(services: Services) -> int:
    return sum([1 async for _ in services.look.cases.open_cases()])


async def _ask(what: str, ask: Callable[[], Awaitable[Any]], times: int) -> Took:
    await ask()
    took: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        await ask()
        took.append((time.perf_counter() - began) * 1000)
    return Took(what=what, median=sorted(took)[len(took) // 2], longest=max(took))


async def _fill(rows: Rows, services: Services) -> None:
    """Rows as the product writes them, a hundred at a time; whole cases only of those that wait for an approval."""
    now = datetime.now(UTC).replace(microsecond=0)
    store, figures = services.look.cases, Counter[str]()
    lines, writes = list[Listed](), list[Write]()
    for number in range(CASES):
        case = _case(number, now)
        line = line_of(case)
        figures.update(tally(line))
        if case.state is CaseState.AWAITING_APPROVAL:
            await store.open(case, _entry(case))
            continue
        lines.append(line)
        writes.append(Write(key=case.id, data=data_of(line), expect=None))
    for start in range(0, len(lines), 100):
        await _patiently(partial(rows.write, WORKLIST, "open", writes[start : start + 100]))
        await _patiently(partial(store.finder.add, lines[start : start + 100]))
    for _ in range(2):  # as the supervisor does: a difference is believed when it is seen twice
        await store.counts.mend(figures, "open", now)


async def _patiently(write: Callable[[], Awaitable[object]]) -> None:
    """Azurite takes ever longer for it: what was sent twice was written the first time."""
    for _ in range(20):
        with contextlib.suppress(RetryLater):
            with contextlib.suppress(AlreadyThere):
                await write()
            return
    raise RuntimeError("Azurite does not take the rows")


def _case(number: int, now: datetime) -> Case:
    waits = number % (CASES // WAITING) == 7
    state = CaseState.AWAITING_APPROVAL if waits else _STATES[number % len(_STATES)]
    at = now - timedelta(minutes=number)
    return Case(
        id=f"device-{number:06}",
        state=state,
        reason=Reason.APPROVAL_NEEDED if waits else Reason.HINT_TAKEN,
        says="A case of the bench.",
        version=1,
        episode=1,
        cause=Cause.NONCOMPLIANT,
        heard_from=("graph", "device-events", "sweep")[number % 3],
        opened_at=at,
        moved_at=at,
        entered_at=at,
        due_at=None,
        serial_number=f"SN{number:06}",
        owner=Owner(
            user_id=f"id-{number}", user_principal_name=f"u{number}@contoso.example", display_name="U", source="bench"
        ),
    )


def _entry(case: Case) -> JournalEntry:
    return JournalEntry(
        sequence=1,
        at=case.moved_at,
        from_state=None,
        to_state=case.state,
        reason=case.reason,
        says=case.says,
        who="bench",
        evidence={},
    )


def section(measured: list[Took]) -> str:
    """The chapter of docs/benchmarks.md."""
    lines = [
        TITLE,
        "",
        "Inside the app, storage (Azurite, another process of the same machine) included. Goal: the overview in 200 ms.",
        "",
        "| question | median ms | longest ms |",
        "|---|---|---|",
        *(f"| {each.what} | {each.median:.0f} | {each.longest:.0f} |" for each in measured),
        "",
    ]
    return "\n".join(lines)


def write(page: Path = PAGE) -> None:
    """Measure, and put the chapter into the page in place of the one before."""
    with Azurite() as azurite:
        measured = asyncio.run(measure(azurite.connection_string))
    put(page, TITLE, section(measured))


if __name__ == "__main__":
    write()
