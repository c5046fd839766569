"""Cases as rows: the row and its new journal entries are written together, or not at all.

A write whose answer is lost can be retried by the storage SDK into a 409 or 412 for *our own* write, so every save
carries a random write id and a lost race is only believed after the row was read again.
"""

import json
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import lru_cache
from typing import TypeVar

from shared.domain.case import Case, Decision, JournalEntry
from shared.domain.states import CaseState
from shared.errors import AlreadyThere, Changed, HandoverError, Unreadable
from shared.names import CASES, WORKLIST
from shared.ports import Ids, Row, Rows, Value, Write
from shared.records.counts import CaseCounts
from shared.records.finder import CaseFinder, pointers_moved
from shared.records.json_form import JsonForm
from shared.records.worklist_line import Listed, data_of, line_in, line_of
from shared.telemetry import event

log = logging.getLogger(__name__)

_CASE = JsonForm(Case)
_ENTRY = JsonForm(JournalEntry)
_FIELDS = tuple(field.name for field in fields(Case))
T = TypeVar("T")
_CASE_KEY = "case"
_JOURNAL = "journal-"
_OPEN = "open"
MOST_REMEMBERED = 200
"""Bodies that were read lately with what they say: a case that waits is read again and again, unchanged. Some 4 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A case as it was read or written, with the ETag that the next save must meet."""

    case: Case
    etag: str


class CaseStore:
    """Loads and saves cases. Every save is conditional."""

    def __init__(self, rows: Rows, ids: Ids) -> None:
        self._rows = rows
        self._ids = ids
        self.counts = CaseCounts(rows, ids)
        self.finder = CaseFinder(rows)

    async def load(self, case_id: str) -> Stored | None:
        """The case as it is now, or None. Raises Unreadable."""
        row = await self._rows.get(CASES, case_id, _CASE_KEY)
        return None if row is None else _stored(row)

    async def load_readable(self, case_id: str) -> Stored | None:
        """The same for whoever looks at many: one that cannot be read is told, and passed over."""
        try:
            return await self.load(case_id)
        except Unreadable as error:
            event(log, "case.unreadable", level=logging.ERROR, case=case_id, why=str(error))
            return None

    async def is_there(self, case_id: str) -> bool:
        """Whether there is such a case, be it readable or not."""
        return await self._rows.get(CASES, case_id, _CASE_KEY) is not None

    async def open(self, case: Case, entry: JournalEntry) -> Stored:
        """Write a new case; the worklist first, so that a crash in between cannot hide it. Raises AlreadyThere."""
        await self._rows.upsert(WORKLIST, _OPEN, case.id, data_of(line_of(case)))
        stored = await self._write(None, case, [entry])
        await self._keep_up(None, case)
        return stored

    async def save(self, stored: Stored, case: Case, entries: Sequence[JournalEntry]) -> Stored:
        """Write the moved case and its journal entries together. Raises Changed when somebody else was first.

        A case that is opened again is put on the worklist first, so that a crash in between cannot hide it.
        """
        again = stored.case.state.ended and not case.state.ended
        if again:
            await self._rows.upsert(WORKLIST, _OPEN, case.id, data_of(line_of(case)))
        saved = await self._write(stored, case, entries)
        if case.state is CaseState.WIPE_SENT:
            # nothing comes between this note and the wipe; a line that lags behind is found when it is due
            return saved
        await self._list(case)
        if again:
            await self._rows.delete(WORKLIST, _ended(stored.case), case.id)
        await self._keep_up(stored.case, case)
        return saved

    async def _keep_up(self, before: Case | None, after: Case) -> None:
        """What lists and counts are made from; a case never waits for it, and the supervisor mends what is left out."""
        try:
            beside = pointers_moved(before, after)
            await self.counts.moved(None if before is None else line_of(before), line_of(after), beside)
        except HandoverError as error:
            event(log, "overview.behind", case=after.id, error=type(error).__name__)

    async def _list(self, case: Case) -> None:
        """Write the case's line where it belongs, and only then take it away from where it was."""
        if case.state.ended:
            await self._rows.upsert(WORKLIST, _ended(case), case.id, data_of(line_of(case)))
            await self._rows.delete(WORKLIST, _OPEN, case.id)
        else:
            await self._rows.upsert(WORKLIST, _OPEN, case.id, data_of(line_of(case)))

    async def _write(self, stored: Stored | None, case: Case, entries: Sequence[JournalEntry]) -> Stored:
        write_id = self._ids.new()
        writes = [Write(key=_CASE_KEY, data=_row(case, write_id), expect=None if stored is None else stored.etag)]
        writes += _journal(entries, None if stored is None else stored.case, case)
        try:
            etags = await self._rows.write(CASES, case.id, writes)
        except (Changed, AlreadyThere):
            row = await self._rows.get(CASES, case.id, _CASE_KEY)
            if row is None or row.data.get("write_id") != write_id:
                raise
            etags = [row.etag]
        _tell(case, entries)
        return Stored(case=case, etag=etags[0])

    async def journal(self, case_id: str) -> list[JournalEntry]:
        """Every entry of the case, oldest first."""
        return [
            _ENTRY.validate_json(str(row.data["body"]))
            async for row in self._rows.scan(CASES, case_id, key_prefix=_JOURNAL)
        ]

    async def replayed(self, case_id: str) -> Case | None:
        """The case as its journal alone tells it: every change of every save, applied in order; None without a journal."""
        fields: dict[str, object] = {}
        async for row in self._rows.scan(CASES, case_id, key_prefix=_JOURNAL):
            fields |= json.loads(str(row.data.get("changes", "{}")))
        return _CASE.validate_python(fields) if fields else None

    def open_cases(self) -> AsyncIterator[Listed]:
        """The worklist: every case that has not ended. A line that cannot be read is told, and passed over."""
        return self._every_line(_OPEN)

    async def open_page(self, *, after: str, most: int) -> list[Listed]:
        """So many lines of the worklist after this case id, in the order of ids."""
        return await self._lines(_OPEN, after, most)

    async def ended_page(self, month: str, *, after: str, most: int) -> list[Listed]:
        """The same of the cases that ended in a month, given as YYYY-MM."""
        return await self._lines(f"ended-{month}", after, most)

    async def _lines(self, partition: str, after: str, most: int) -> list[Listed]:
        """So many; fewer only at the end."""
        found = list[Listed]()
        while (wanted := most - len(found)) > 0:
            rows = [row async for row in self._rows.scan(WORKLIST, partition, after=after, most=wanted)]
            found += [line for row in rows if (line := _line(row)) is not None]
            if len(rows) < wanted:
                break
            after = rows[-1].key
        return found

    def ended_cases(self, month: str) -> AsyncIterator[Listed]:
        """Cases that ended in a month, given as YYYY-MM."""
        return self._every_line(f"ended-{month}")

    async def _every_line(self, partition: str) -> AsyncIterator[Listed]:
        async for row in self._rows.scan(WORKLIST, partition):
            if (line := _line(row)) is not None:
                yield line

    async def mend_worklist(self, stored: Stored | None, case_id: str) -> None:
        """Make the worklist say what the case's row says; a line without a row is removed."""
        if stored is None:
            await self._rows.delete(WORKLIST, _OPEN, case_id)
        else:
            await self._list(stored.case)


def changed_fields(before: Case | None, after: Case) -> str:
    """The fields of the case that a save changes, as a JSON object; all of them for a new case."""
    changed = None if before is None else [name for name in _FIELDS if getattr(before, name) != getattr(after, name)]
    return _CASE.dump_json(after, only=changed).decode()


def _journal(entries: Sequence[JournalEntry], before: Case | None, after: Case) -> Iterator[Write]:
    """The entries as rows; the last one holds what the whole save changes."""
    for entry in entries:
        data: dict[str, Value] = {"body": _dump(_ENTRY, entry)}
        if entry is entries[-1]:
            data["changes"] = changed_fields(before, after)
        yield Write(key=f"{_JOURNAL}{entry.sequence:08d}", data=data, expect=None)


def _tell(case: Case, entries: Sequence[JournalEntry]) -> None:
    """Every move, once it is stored; the workbook and the alerts of infra/ count these. What was only repeated is told, too."""
    for entry in entries:
        event(
            log,
            "case.moved",
            case=case.id,
            state=entry.to_state.value,
            before=None if entry.from_state is None else entry.from_state.value,
            reason=entry.reason.value,
            version=entry.sequence,
            open_hours=round((entry.at - case.opened_at).total_seconds() / 3600, 2),
        )


def reopened(case: Case, *, at: datetime, decision: Decision, who: str) -> tuple[Case, JournalEntry]:
    """A new episode of an ended case, begun by a new hint; nothing of the last episode's wipe is carried over.

    The journal goes on, so stale messages of the last episode stay stale. Raises ValueError for a case still open.
    """
    if not case.state.ended:
        raise ValueError(f"{case.id} has not ended")
    again = replace(
        case,
        state=CaseState.OPENED,
        reason=decision.reason,
        says=decision.says,
        version=case.version + 1,
        episode=case.episode + 1,
        opened_at=at,
        moved_at=at,
        entered_at=at,
        due_at=decision.due,
        owner=None,
        readings=None,
        licence=None,
        licence_seen_at=None,
        bound=False,
        binding_refused=None,
        proposal=None,
        approval=None,
        ready_at=None,
        checks=(),
        would_do=(),
        stumbles=0,
        wipe=None,
        returned_device_id=None,
        returned_at=None,
        autopilot_id=None,
        notice=None,
        licence_losses=0,
        reclaim=None,
        **dict(decision.changes),
    )
    entry = JournalEntry(
        sequence=again.version,
        at=at,
        from_state=case.state,
        to_state=CaseState.OPENED,
        reason=decision.reason,
        says=decision.says,
        who=who,
        evidence=decision.evidence,
    )
    return again, entry


def _stored(row: Row) -> Stored:
    try:
        return Stored(case=_case(str(row.data["body"])), etag=row.etag)
    except (KeyError, ValueError) as error:
        raise Unreadable(f"this version cannot read the row ({type(error).__name__})") from error


def _line(row: Row) -> Listed | None:
    try:
        return line_in(row)
    except (KeyError, ValueError, TypeError) as error:
        event(log, "worklist.unreadable", level=logging.ERROR, case=row.key, why=type(error).__name__)
        return None


@lru_cache(maxsize=MOST_REMEMBERED)
def _case(body: str) -> Case:
    return _CASE.validate_json(body)


def _row(case: Case, write_id: str) -> dict[str, Value]:
    return {"body": _dump(_CASE, case), "write_id": write_id, "state": case.state.value, "version": case.version}


def _dump(form: JsonForm[T], value: T) -> str:
    return form.dump_json(value).decode()


def _ended(case: Case) -> str:
    return f"ended-{case.moved_at:%Y-%m}"
