"""The journals of many cases for another system, as JSON Lines, page by page."""

import asyncio
import json
from dataclasses import dataclass

from shared.domain.case import JournalEntry
from shared.operate.search import Asked, Search
from shared.records.cases import CaseStore, Listed
from shared.records.json_form import JsonForm

_ENTRY = JsonForm(JournalEntry)


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Reads journals."""

    cases: CaseStore
    search: Search

    async def journals(self, asked: Asked) -> tuple[str, str | None]:
        """The journals of one page of cases, an entry a line, oldest first within a case; and where to go on, or None."""
        found, following = await self.search.find(asked)
        read = await asyncio.gather(*(self._lines(line) for line in found))
        return "".join(read), following

    async def _lines(self, line: Listed) -> str:
        named = {"case_id": line.case_id, "serial_number": line.serial_number}
        entries = await self.cases.journal(line.case_id)
        return "".join(json.dumps(named | _ENTRY.dump_python(entry)) + "\n" for entry in entries)
