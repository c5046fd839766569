"""Where to find cases by state and by name without looking at all of them: derived rows that hold nothing but a case's id.

They are written after the case and may lag behind, so whoever reads them looks at the case itself; a row too many
leads to a case that says otherwise, and is left out.
"""

import re
from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from shared.domain.case import Case
from shared.domain.states import CaseState
from shared.names import OVERVIEW
from shared.ports import Rows
from shared.records.worklist_line import Listed, line_of, shown_state

_NAMES = "names"
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
        self._rows = rows

    async def moved(self, before: Case | None, after: Case) -> None:
        """Keep up with a case that moved: the new rows first, so that it is never hidden."""
        old = set[str]() if before is None else _names(before)
        new = _names(after)
        for term in sorted(new - old):
            await self._rows.upsert(OVERVIEW, _NAMES, _name_key(term, after.id), {"case": after.id})
        gone, come = None if before is None else _listed_as(before), line_of(after)
        if gone is None or state_key(gone) != state_key(come):
            await self.add(come)
            if gone is not None:
                await self.drop(gone.state, state_key(gone)[1])
        for term in sorted(old - new):
            await self._rows.delete(OVERVIEW, _NAMES, _name_key(term, after.id))

    async def add(self, line: Listed) -> None:
        """List the case under its state."""
        await self._rows.upsert(OVERVIEW, *state_key(line), {"case": line.case_id})

    async def drop(self, state: CaseState, key: str) -> None:
        """Take a row away from a state."""
        await self._rows.delete(OVERVIEW, _in(state), key)

    async def in_state(self, state: CaseState, *, after: str = "", most: int | None = None) -> AsyncIterator[Pointer]:
        """Cases in a state, those that came into it last first."""
        async for row in self._rows.scan(OVERVIEW, _in(state), after=after, most=most):
            yield Pointer(key=row.key, case_id=str(row.data["case"]))

    async def named(self, beginning: str, *, after: str = "", most: int | None = None) -> AsyncIterator[Pointer]:
        """Cases whose serial number, device name or owner begins so, whatever its case."""
        async for row in self._rows.scan(
            OVERVIEW, _NAMES, key_prefix=_written(beginning)[:_MOST_OF_A_NAME], after=after, most=most
        ):
            yield Pointer(key=row.key, case_id=str(row.data["case"]))

    async def mend(self, lines: Collection[Listed], states: Iterable[CaseState], *, before: datetime) -> int:
        """Make the rows of these states say what the lines say; returns how many were wrong.

        Cases that moved since ``before`` are left alone: whoever moved them is about to write.
        """
        settled = {state_key(line): line for line in lines if line.moved_at < before}
        moving = {line.case_id for line in lines if line.moved_at >= before}
        wrong, there = 0, set[tuple[str, str]]()
        for state in states:
            async for pointer in self.in_state(state):
                there.add((_in(state), pointer.key))
                older = pointer.entered_second < before.timestamp() and pointer.case_id not in moving
                if older and (_in(state), pointer.key) not in settled:
                    await self.drop(state, pointer.key)
                    wrong += 1
        for key in settled.keys() - there:
            await self.add(settled[key])
            wrong += 1
        return wrong


def state_key(line: Listed) -> tuple[str, str]:
    """Partition and key of a case under its state."""
    entered = line.entered_at or line.moved_at
    return _in(line.state), f"{_LAST_SECOND - int(entered.timestamp()):010}-{line.case_id}"


def _in(state: CaseState) -> str:
    return f"state-{shown_state(state).value}"


def _listed_as(case: Case) -> Listed:
    """The line by which a case is listed; one whose wipe is sent is listed as it was when that was intended."""
    line = line_of(case)
    if case.state is CaseState.WIPE_SENT and case.wipe is not None:
        return replace(line, entered_at=case.wipe.admin_approved_at or case.wipe.intended_at)
    return line


def _names(case: Case) -> set[str]:
    line = line_of(case)
    return {
        written for text in (line.serial_number, line.device, line.owner, line.owner_id) if (written := _written(text))
    }


def _name_key(written: str, case_id: str) -> str:
    return f"{written[:_MOST_OF_A_NAME]}|{case_id}"


def _written(text: str) -> str:
    """A name as it can stand in a key: without what a key must not hold, and without the bar that ends it."""
    return re.sub(r"[^a-z0-9@._ -]", lambda match: f"={ord(match[0]):x}=", text.strip().lower())
