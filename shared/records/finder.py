"""Where to find cases by state and by name without looking at all of them: derived rows that hold nothing but a case's id.

They are written after the case and may lag behind, so whoever reads them looks at the case itself; a row too many
leads to a case that says otherwise, and is left out.
"""

import re
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, replace
from datetime import datetime

from shared.domain.case import Case
from shared.domain.states import CaseState
from shared.ports import Gone, Put, Rows
from shared.records.overview_rows import OverviewRows
from shared.records.worklist_line import Listed, line_of, shown_state

_NAMES, _OPEN, _ENDED = "name|", "open|", "ended|"
_LAST_SECOND = 9_999_999_999
_MOST_OF_A_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """Leads to a case; ``key`` is where to go on after it."""

    key: str
    case_id: str

    @property
    def entered_second(self) -> int:
        """Of a row under a state: when the case came into it, in seconds since 1970."""
        return _LAST_SECOND - int(self.key[:10])


class CaseFinder:
    """The way from a state, a serial number, a device's name or an owner to cases."""

    def __init__(self, rows: Rows) -> None:
        self._rows = OverviewRows(rows)

    async def add(self, lines: Collection[Listed]) -> None:
        """List these cases under their states."""
        await self._rows.change([_row_of(line) for line in lines])

    def in_state(self, state: CaseState, *, after: str = "", most: int | None = None) -> AsyncIterator[Pointer]:
        """Cases in a state, those that came into it last first."""
        return self._pointers(_in(state), "", after, most)

    def named(self, beginning: str, *, after: str = "", most: int | None = None) -> AsyncIterator[Pointer]:
        """Cases whose serial number, device name or owner begins so, whatever its case."""
        return self._pointers(_NAMES, _written(beginning)[:_MOST_OF_A_NAME], after, most)

    async def _pointers(self, kind: str, beginning: str, after: str, most: int | None) -> AsyncIterator[Pointer]:
        later = after and kind + after
        async for row in self._rows.beginning_with(kind + beginning, after=later, most=most):
            yield Pointer(key=row.key.removeprefix(kind), case_id=str(row.data["case"]))

    async def mend(self, lines: Collection[Listed], *, before: datetime) -> int:
        """Make the rows of the open states say what the lines, of all open cases, say; returns how many were wrong.

        Cases that moved since ``before`` are left alone: whoever moved them is about to write.
        """
        settled = {_row_key(line): line for line in lines if line.moved_at < before}
        moving = {line.case_id for line in lines if line.moved_at >= before}
        there, left_over = set[str](), list[Gone]()
        async for pointer in self._pointers("", _OPEN, "", None):
            there.add(pointer.key)
            under = replace(pointer, key=pointer.key.split("|", 2)[2])
            older = under.entered_second < before.timestamp() and pointer.case_id not in moving
            if older and pointer.key not in settled:
                left_over.append(Gone(key=pointer.key))
        missing = [_row_of(line) for key, line in settled.items() if key not in there]
        await self._rows.change([*missing, *left_over])
        return len(missing) + len(left_over)


def pointers_moved(before: Case | None, after: Case) -> list[Put | Gone]:
    """The rows that come and go when a case moves; ``before`` is None for a new one."""
    come, gone = line_of(after), None if before is None else _listed_as(before)
    old, new = set[str](), set[str]()
    if gone is None or _names(gone) != _names(come):
        old, new = set[str]() if gone is None else _name_keys(gone), _name_keys(come)
    changes: list[Put | Gone] = [Put(key=key, data={"case": after.id}) for key in sorted(new - old)]
    if gone is None or _row_key(gone) != _row_key(come):
        changes.append(_row_of(come))
        changes += [] if gone is None else [Gone(key=_row_key(gone))]
    return changes + [Gone(key=key) for key in sorted(old - new)]


def state_key(line: Listed) -> str:
    """The key of a case's pointer under its state."""
    entered = line.entered_at or line.moved_at
    return f"{_LAST_SECOND - int(entered.timestamp()):010}-{line.case_id}"


def _row_key(line: Listed) -> str:
    return _in(line.state) + state_key(line)


def _row_of(line: Listed) -> Put:
    return Put(key=_row_key(line), data={"case": line.case_id})


def _in(state: CaseState) -> str:
    """Open and ended ones apart, since all open ones are compared with the worklist."""
    return f"{_ENDED if state.ended else _OPEN}{shown_state(state).value}|"


def _listed_as(case: Case) -> Listed:
    """The line by which a case is listed; one whose wipe is sent is listed as it was when that was intended."""
    line = line_of(case)
    if case.state is CaseState.WIPE_SENT and case.wipe is not None:
        return replace(line, entered_at=case.wipe.admin_approved_at or case.wipe.intended_at)
    return line


def _names(line: Listed) -> tuple[str, ...]:
    return line.serial_number, line.device, line.owner, line.owner_id


def _name_keys(line: Listed) -> set[str]:
    written = {_written(text)[:_MOST_OF_A_NAME] for text in _names(line)}
    return {f"{_NAMES}{name}|{line.case_id}" for name in written if name}


def _written(text: str) -> str:
    """A name as it can stand in a key: without what a key must not hold, and without the bar that ends it."""
    return re.sub(r"[^a-z0-9@._ -]", lambda match: f"={ord(match[0]):x}=", text.strip().lower())
