"""What Handover made in the tenant: a journal that only grows, the ids, the file that was applied, and the last look at drift."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.domain.tenant_setup import Change, Kind, Remembered
from shared.errors import BadInput
from shared.names import LEDGERS
from shared.ports import Ids, Rows, Write
from shared.records.json_form import JsonForm
from shared.records.ledger import Document, Ledger

_PARTITION, _JOURNAL = "tenant-setup", "tenant-setup-journal"
_THINGS, _BEGUN, _FILE, _DRIFT = "things", "begun", "file", "drift"
MOST_CHARACTERS = 30_000
"""What fits into one property of a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupEntry:
    """One line of the journal. ``what``: begun, done or failed."""

    at: datetime
    by: str
    what: str
    change: Change
    id: str = ""
    why: str = ""


_ENTRY = JsonForm(SetupEntry)


class SetupBook:
    """Reads and writes all of it."""

    def __init__(self, rows: Rows, ids: Ids) -> None:
        self._rows = rows
        self._ids = ids
        self._ledger = Ledger(rows, ids)

    async def remembered(self) -> Remembered:
        """The ids of what is ours. Raises ValueError for a row that holds no such list: it must not look empty."""
        document = await self._ledger.read(_PARTITION, _THINGS) or {}
        return Remembered(ids=tuple((Kind(kind), name, thing) for kind, name, thing in document.get("ids", ())))

    async def remember(self, kind: Kind, name: str, thing_id: str) -> None:
        """From now on this is ours; its creation is no longer under way."""
        key = _key(kind, name)

        def update(documents: Mapping[str, Document]) -> Mapping[str, Document]:
            ids: list[list[str]] = [
                each for each in documents.get(_THINGS, {}).get("ids", []) if each[:2] != [kind.value, name]
            ]
            begun = {each: at for each, at in documents.get(_BEGUN, {}).items() if each != key}
            return {_THINGS: {"ids": [*ids, [kind.value, name, thing_id]]}, _BEGUN: begun}

        await self._ledger.change(_PARTITION, (_THINGS, _BEGUN), update)

    async def begun_at(self, kind: Kind, name: str) -> datetime | None:
        """When the creation of this was begun that nobody heard the end of."""
        at = (await self._ledger.read(_PARTITION, _BEGUN) or {}).get(_key(kind, name))
        return None if at is None else datetime.fromisoformat(at)

    async def begin(self, kind: Kind, name: str, at: datetime) -> None:
        """It is about to be created."""

        def update(documents: Mapping[str, Document]) -> Mapping[str, Document]:
            return {_BEGUN: {**documents.get(_BEGUN, {}), _key(kind, name): at.isoformat()}}

        await self._ledger.change(_PARTITION, (_BEGUN,), update)

    async def write_down(self, entry: SetupEntry) -> None:
        """Append a line to the journal."""
        key = f"{entry.at:%Y%m%dT%H%M%S%f}-{self._ids.new()}"
        await self._rows.write(
            LEDGERS, _JOURNAL, [Write(key=key, data={"body": _ENTRY.dump_json(entry).decode()}, expect=None)]
        )

    async def journal(self) -> AsyncIterator[SetupEntry]:
        """Every line, oldest first."""
        async for row in self._rows.scan(LEDGERS, _JOURNAL):
            yield _ENTRY.validate_json(str(row.data["body"]))

    async def keep_file(self, text: str) -> None:
        """The file that is applied: what a look at drift compares with. Raises BadInput when it is too long."""
        if len(json.dumps(text)) > MOST_CHARACTERS:
            raise BadInput(f"the file is longer than {MOST_CHARACTERS} characters")
        await self._ledger.replace(_PARTITION, _FILE, {"text": text})

    async def kept_file(self) -> str | None:
        """The file that was applied last, or None."""
        text = (await self._ledger.read(_PARTITION, _FILE) or {}).get("text")
        return text if isinstance(text, str) else None

    async def keep_drift(self, document: Mapping[str, Any]) -> None:  # Any: JSON
        """What the last look found."""
        await self._ledger.replace(_PARTITION, _DRIFT, dict(document))

    async def drift(self) -> Document | None:
        """What the last look found, or None."""
        return await self._ledger.read(_PARTITION, _DRIFT)


def _key(kind: Kind, name: str) -> str:
    return f"{kind.value}: {name}"
