"""How many cases there are of each kind, kept while they move, so that nobody has to count them: derived, never decided on.

Every figure is a sum over the lines of the worklist, so a move changes it by the difference of two lines, and the
supervisor, who reads all lines anyway, finds and mends what a worker that died left wrong.
"""

import json
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from shared.names import OVERVIEW
from shared.ports import Ids, Rows
from shared.records.ledger import Document, Ledger
from shared.records.worklist_line import Listed, shown_state

_PARTITION, _SUSPECTED = "counts", "suspected"
SHARDS = 8
"""Rows that the sum is spread over, so that cases that move at once do not wait for each other."""
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


class CaseCounts:
    """The figures as rows."""

    def __init__(self, rows: Rows, ids: Ids) -> None:
        self._rows = rows
        self._ledger = Ledger(rows, ids, OVERVIEW)

    async def read(self) -> Counts:
        """All figures now: one request, however many cases there are."""
        total = Counter[str]()
        async for row in self._rows.scan(OVERVIEW, _PARTITION, most=SHARDS + 1):
            if row.key != _SUSPECTED:
                total.update(_figures(_json(row.data.get("body"))))
        return Counts(figures=total)

    async def moved(self, before: Listed | None, after: Listed) -> None:
        """A case moved; ``before`` is None for a new one."""
        change = _difference(Counter() if before is None else tally(before), tally(after))
        if change:
            await self._add(str(zlib.crc32(after.case_id.encode()) % SHARDS), change, after.moved_at)

    async def mend(self, counted: Mapping[str, int], when: str, now: datetime) -> dict[str, int]:
        """Correct what differs from a count of all lines of ``when``; returns by how much.

        Cases move while they are counted, so only a difference that was there already at the last look is believed.
        """
        kept = {name: n for name, n in (await self.read()).figures.items() if name.startswith(f"{when} ")}
        differs = _difference(Counter(kept), Counter(counted))
        row = await self._rows.get(OVERVIEW, _PARTITION, _SUSPECTED)
        suspected = {} if row is None else _figures(_json(row.data.get("body")))
        wrong = {name: n for name, n in differs.items() if suspected.get(name) == n}
        if wrong:
            await self._add("0", wrong, now)
        others = {name: n for name, n in suspected.items() if not name.startswith(f"{when} ")}
        doubted = others | {name: n for name, n in differs.items() if name not in wrong}
        if doubted != suspected:
            await self._write(_SUSPECTED, doubted)
        return wrong

    async def _add(self, shard: str, change: Mapping[str, int], now: datetime) -> None:
        first = now.year * 12 + now.month - 1 - KEPT_MONTHS
        oldest = f"{first // 12:04}-{first % 12 + 1:02}"

        def add(documents: Mapping[str, Document]) -> Mapping[str, Document]:
            figures = Counter(_figures(documents.get(shard)))
            figures.update(change)
            # "open" sorts behind every month
            return {shard: {"figures": {name: n for name, n in sorted(figures.items()) if n and name >= oldest}}}

        try:
            await self._ledger.change(_PARTITION, (shard,), add)
        except ValueError:  # the row holds nonsense; it begins anew, and the supervisor finds what is missing
            await self._write(shard, {})

    async def _write(self, key: str, figures: Mapping[str, int]) -> None:
        body = json.dumps({"figures": dict(figures)}, separators=(",", ":"))
        await self._rows.upsert(OVERVIEW, _PARTITION, key, {"body": body, "write_id": ""})


def _json(text: object) -> object:
    try:
        return json.loads(str(text))
    except ValueError:
        return None


def _figures(document: object) -> dict[str, int]:
    """The figures in a document; a row that holds nonsense counts nothing, until it is mended."""
    figures = cast("Document", document).get("figures") if isinstance(document, dict) else None
    known = cast("dict[str, object]", figures) if isinstance(figures, dict) else {}
    return {name: n for name, n in known.items() if isinstance(n, int)}


def _difference(before: Counter[str], after: Counter[str]) -> dict[str, int]:
    return {name: change for name in {*before, *after} if (change := after[name] - before[name])}
