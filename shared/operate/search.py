"""Lists of cases, page by page: by state, by serial number, device or owner, or all of them. No page reads them all."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from shared.domain.case import Case
from shared.domain.states import CaseState
from shared.errors import BadInput
from shared.operate.search_terms import Asked
from shared.ports import Clock
from shared.records.cases import CaseStore, Listed
from shared.records.finder import Pointer, state_key
from shared.records.json_form import JsonForm
from shared.records.worklist_line import line_of
from shared.rules.approving import same_person

Json = dict[str, Any]

MOST_ON_A_PAGE = 100
MOST_LOOKED_AT = 400
"""Cases that are read for one page that has a filter; a page may be short, or empty, and have a next one."""
WHICH = ("all", "open", "ended")
_KEY = re.compile(r"[^/\\\\#?\x00-\x1f\x7f-\x9f]{1,500}")
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)
_LINES = JsonForm(list[Listed])


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Finds cases."""

    cases: CaseStore
    clock: Clock

    async def page(self, asked: Asked) -> Json:
        """One page as plain JSON values; see ``find``."""
        lines, following = await self.find(asked)
        return {"cases": _LINES.dump_python(lines), "next": following}

    async def find(self, asked: Asked) -> tuple[list[Listed], str | None]:
        """One page, newest move first, and what to give as ``after`` for the next one; None: there is none.

        Raises BadInput for a question that makes no sense.
        """
        _check(asked)
        if beginning := asked.serial or asked.device or asked.user or asked.name:
            found, following = await self._pointed(
                asked, self.cases.finder.named(beginning, after=asked.after, most=MOST_LOOKED_AT)
            )
        elif asked.state is not None:
            found, following = await self._pointed(
                asked, self.cases.finder.in_state(asked.state, after=asked.after, most=MOST_LOOKED_AT)
            )
        else:
            found, following = await self._of_worklist(asked)
        return sorted(found, key=lambda line: line.moved_at, reverse=True), following

    async def _pointed(self, asked: Asked, pointers: AsyncIterator[Pointer]) -> tuple[list[Listed], str | None]:
        """Read the cases that were pointed at, some at a time, until the page is full."""
        found = dict[str, Listed]()
        waiting, looked, last = list[Pointer](), 0, ""
        async for pointer in pointers:
            waiting.append(pointer)
            looked, last = looked + 1, pointer.key
            if len(waiting) + len(found) >= asked.most:
                found |= await self._read(asked, waiting)
                waiting = []
            if len(found) >= asked.most:
                return list(found.values()), last
        found |= await self._read(asked, waiting)
        return list(found.values()), last if looked == MOST_LOOKED_AT else None

    async def _read(self, asked: Asked, pointers: list[Pointer]) -> dict[str, Listed]:
        stored = await asyncio.gather(*(self.cases.load_readable(pointer.case_id) for pointer in pointers))
        return {
            each.case.id: line_of(each.case)
            for pointer, each in zip(pointers, stored, strict=True)
            if each is not None and _fits(each.case, asked, pointer)
        }

    async def _of_worklist(self, asked: Asked) -> tuple[list[Listed], str | None]:
        place, _, after = asked.after.partition(".")
        month = place if _MONTH.fullmatch(place) else asked.month or f"{self.clock.now():%Y-%m}"
        found = list[Listed]()
        if asked.which != "ended" and place in ("", "open"):
            lines = await self.cases.open_page(after=after, most=_so_many(asked))
            for line in lines:
                if asked.reason in (None, line.reason):
                    found.append(line)
                if len(found) == asked.most:
                    return found, f"open.{line.case_id}"
            if len(lines) == _so_many(asked):
                return found, f"open.{lines[-1].case_id}"
            after = ""
        if asked.which == "open":
            return found, None
        lines = await self.cases.ended_page(month, after=after, most=_so_many(asked))
        for line in lines:
            if asked.reason in (None, line.reason):
                found.append(line)
            if len(found) == asked.most:
                return found, f"{month}.{line.case_id}"
        return found, f"{month}.{lines[-1].case_id}" if len(lines) == _so_many(asked) else None


def _so_many(asked: Asked) -> int:
    return asked.most if asked.reason is None else MOST_LOOKED_AT


def _fits(case: Case, asked: Asked, pointer: Pointer) -> bool:
    line = line_of(case)
    if asked.state is not None and case.state is not asked.state:
        return False
    by_name = asked.serial or asked.device or asked.user or asked.name
    if not by_name and case.state is not CaseState.WIPE_SENT and state_key(line) != pointer.key:
        return False  # a row that was left behind; the case's own row will come, or has come
    return (
        _begins(line.serial_number, asked.serial)
        and _begins(line.device, asked.device)
        and (_begins(line.owner, asked.user) or same_person(line.owner_id, asked.user))
        and any(_begins(text, asked.name) for text in (line.serial_number, line.device, line.owner, line.owner_id))
        and asked.reason in (None, case.reason)
        and (asked.which == "all" or case.state.ended is (asked.which == "ended"))
    )


def _begins(text: str, beginning: str) -> bool:
    return text.strip().lower().startswith(beginning.strip().lower())


def _check(asked: Asked) -> None:
    if asked.which not in WHICH:
        raise BadInput(f"which must be one of {', '.join(WHICH)}")
    if not 1 <= asked.most <= MOST_ON_A_PAGE:
        raise BadInput(f"most must be a number from 1 to {MOST_ON_A_PAGE}")
    if asked.month is not None and _MONTH.fullmatch(asked.month) is None:
        raise BadInput("month must be like 2026-03")
    if asked.after and (_KEY.fullmatch(asked.after) is None or any("\ud800" <= c <= "\udfff" for c in asked.after)):
        raise BadInput("after must be the next of the page before")
    if any(len(text) > 320 for text in (asked.serial, asked.device, asked.user, asked.name)):
        raise BadInput("serial, device and user have 320 characters at most")
