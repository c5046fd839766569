"""How many cases there are of each kind, kept while they move, so that nobody has to count them: derived, never decided on.

Every figure is a sum over the lines of the worklist, so a move changes it by the difference of two lines, and the
supervisor, who reads all lines anyway, finds and mends what a worker that died left wrong.
"""

import json
import zlib
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from shared.errors import AlreadyThere, Changed, RetryLater
from shared.names import OVERVIEW
from shared.ports import Gone, Ids, Put, Row, Rows, Value, Write
from shared.records.json_form import compact
from shared.records.ledger import MOST_TRIES, Document
from shared.records.overview_rows import PARTITION, OverviewRows
from shared.records.worklist_line import Listed, shown_state

_FIGURES, _SUSPECTED = "figures|", "suspected"
SHARDS = 8
"""Rows that the sum is spread over. Each process writes one that it wrote before, so that it knows what is in it; those that
meet go on to another one."""
OPEN = "open"
KEPT_MONTHS = 13
WITHIN = ((timedelta(days=1), "1 day"), (timedelta(days=3), "3 days"), (timedelta(days=7), "7 days"))
LONGER = "longer"
PROVEN = "proven"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """All figures, by a name like ``open state watching`` or ``2026-03 from sweep``."""

    figures: Mapping[str, int]

    def of(self, when: str, what: str) -> dict[str, int]:
        """The figures of one kind: ``when`` is ``open`` or a month as YYYY-MM, ``what`` is state, from or within."""
        prefix = f"{when} {what} "
        return {name.removeprefix(prefix): n for name, n in self.figures.items() if name.startswith(prefix) and n > 0}


def tally(line: Listed) -> Counter[str]:
    """What one line adds to the figures."""
    when = f"{line.moved_at:%Y-%m}" if line.state.ended else OPEN
    found = Counter({f"{when} state {shown_state(line.state).value}": 1})
    if line.heard_from:
        found[f"{when} from {line.heard_from}"] = 1
    if line.state.value == PROVEN and line.opened_at is not None:
        took = line.moved_at - line.opened_at
        found[f"{when} minutes {PROVEN}"] = round(took.total_seconds() / 60)
        found[f"{when} within {next((name for most, name in WITHIN if took <= most), LONGER)}"] = 1
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shard:
    """One row of the sum, as it was read or written last."""

    etag: str | None
    figures: Mapping[str, int]


class CaseCounts:
    """The figures as rows."""

    def __init__(self, rows: Rows, ids: Ids) -> None:
        self._rows = rows
        self._ids = ids
        self._overview = OverviewRows(rows)
        self._known: dict[int, _Shard] = {}
        self._busy = set[int]()
        self._first: int | None = None

    async def read(self) -> Counts:
        """All figures now: one request, however many cases there are."""
        return Counts(figures=(await self._read())[0])

    async def moved(self, before: Listed | None, after: Listed, beside: Sequence[Put | Gone] = ()) -> None:
        """A case moved; ``before`` is None for a new one. What changes ``beside`` in the overview is written together with it.

        Raises RetryLater.
        """
        change = _difference(Counter() if before is None else tally(before), tally(after))
        if change:
            await self._add(change, after.moved_at, beside)
        elif beside:
            await self._overview.change(beside)

    async def mend(self, counted: Mapping[str, int], when: str, now: datetime) -> dict[str, int]:
        """Correct what differs from a count of all lines of ``when``; returns by how much.

        Cases move while they are counted, so only a difference that was there already at the last look is believed.
        """
        figures, suspected = await self._read()
        kept = {name: n for name, n in figures.items() if name.startswith(f"{when} ")}
        differs = _difference(Counter(kept), Counter(counted))
        wrong = {name: n for name, n in differs.items() if suspected.get(name) == n}
        if wrong:
            await self._add(wrong, now)
        others = {name: n for name, n in suspected.items() if not name.startswith(f"{when} ")}
        doubted = others | {name: n for name, n in differs.items() if name not in wrong}
        if doubted != suspected:
            await self._rows.upsert(OVERVIEW, PARTITION, _FIGURES + _SUSPECTED, _data(doubted, ""))
        return wrong

    async def _read(self) -> tuple[Counter[str], dict[str, int]]:
        """The sum, and what the last look doubted of it."""
        total, suspected = Counter[str](), dict[str, int]()
        async for row in self._overview.beginning_with(_FIGURES, most=SHARDS + 1):
            if row.key == _FIGURES + _SUSPECTED:
                suspected = _figures(row)
            else:
                total.update(_figures(row))
        return total, suspected

    async def _add(self, change: Mapping[str, int], now: datetime, beside: Sequence[Put | Gone] = ()) -> None:
        for _ in range(MOST_TRIES):
            with self._one_shard() as number:
                known = self._known.pop(number, None) or _shard(await self._row(number))
                write_id, figures = self._ids.new(), _added(known.figures, change, now)
                write = Write(key=_key(number), data=_data(figures, write_id), expect=known.etag)
                try:
                    [etag, *_] = await self._rows.write(OVERVIEW, PARTITION, [write, *beside])
                except (Changed, AlreadyThere):
                    row = await self._row(number)
                    if row is not None and row.data.get("write_id") == write_id:  # ours: its answer was lost
                        return
                    if known.etag != _shard(row).etag:  # written by another process: leave it that one
                        self._first = number + 1
                        continue
                    await self._overview.change_each(beside)  # a row beside it was not there any more
                    beside = ()
                    continue
                self._known[number] = _Shard(etag=etag, figures=figures)
                return
        raise RetryLater("the figures are written by too many at once")

    @contextmanager
    def _one_shard(self) -> Generator[int]:
        """One that nothing else in this process writes at this moment, if there is one; better one whose contents are known."""
        if self._first is None:
            self._first = zlib.crc32(self._ids.new().encode())
        others = [(self._first + n) % SHARDS for n in range(SHARDS)]
        number = next((n for n in (*self._known, *others) if n not in self._busy), others[0])
        self._busy.add(number)
        try:
            yield number
        finally:
            self._busy.discard(number)

    async def _row(self, number: int) -> Row | None:
        return await self._rows.get(OVERVIEW, PARTITION, _key(number))


def _key(number: int) -> str:
    return f"{_FIGURES}{number}"


def _shard(row: Row | None) -> _Shard:
    return _Shard(etag=None if row is None else row.etag, figures={} if row is None else _figures(row))


def _added(figures: Mapping[str, int], change: Mapping[str, int], now: datetime) -> dict[str, int]:
    """The figures with a change, without those of months long past."""
    first = now.year * 12 + now.month - 1 - KEPT_MONTHS
    oldest = f"{first // 12:04}-{first % 12 + 1:02}"
    total = Counter(figures)
    total.update(change)
    # "open" sorts behind every month
    return {name: n for name, n in sorted(total.items()) if n and name >= oldest}


def _data(figures: Mapping[str, int], write_id: str) -> dict[str, Value]:
    return {"body": compact({"figures": figures}), "write_id": write_id}


def _figures(row: Row) -> dict[str, int]:
    """The figures in a row; one that holds nonsense counts nothing, until it is mended."""
    try:
        document: object = json.loads(str(row.data.get("body")))
    except ValueError:
        return {}
    figures = cast("Document", document).get("figures") if isinstance(document, dict) else None
    known = cast("dict[str, object]", figures) if isinstance(figures, dict) else {}
    return {name: n for name, n in known.items() if isinstance(n, int)}


def _difference(before: Counter[str], after: Counter[str]) -> dict[str, int]:
    return {name: change for name in {*before, *after} if (change := after[name] - before[name])}
