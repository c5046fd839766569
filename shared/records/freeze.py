"""The kill switch. It takes effect without a deployment and is read right before every wipe."""

from collections.abc import Mapping
from datetime import datetime

from shared.domain.facts import Freeze
from shared.errors import HandoverError
from shared.records.ledger import Document, Ledger

_PARTITION, _KEY = "switch", "freeze"
HANDOVER = "Handover"
"""Who froze when no person did."""


class FreezeSwitch:
    """Reads and sets the freeze."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def read(self) -> Freeze:
        """The switch as it is now; one that cannot be read is frozen."""
        try:
            document = await self._ledger.read(_PARTITION, _KEY)
            if document is None:
                return Freeze(frozen=False)
            at = document.get("at")
            thawed_at = document.get("thawed_at")
            return Freeze(
                frozen=document["frozen"] is not False,
                by=document.get("by"),
                why=document.get("why"),
                at=None if at is None else datetime.fromisoformat(at),
                thawed_at=None if thawed_at is None else datetime.fromisoformat(thawed_at),
            )
        except (HandoverError, ValueError, KeyError, TypeError):
            return Freeze(frozen=True, why="the switch could not be read")

    async def set(self, *, frozen: bool, by: str, why: str, at: datetime, by_id: str | None = None) -> None:
        """Freeze or thaw, even a switch that cannot be read; the last writer wins, whoever it is."""
        thawed_at = (await self.read()).thawed_at if frozen else at
        document = _document(frozen, by, why, at, thawed_at) | {"by_id": by_id}
        await self._ledger.replace(_PARTITION, _KEY, document)

    async def freeze_by_itself(self, *, why: str, at: datetime) -> bool:
        """Freeze for Handover; whether this call did it. A switch that is on, or that cannot be read, stays as it is."""
        did = False

        def freeze(documents: Mapping[str, Document]) -> Mapping[str, Document]:
            nonlocal did
            current = documents.get(_KEY)
            did = current is None or current.get("frozen", True) is False
            thawed_at = None if current is None else current.get("thawed_at")
            return {_KEY: _document(True, HANDOVER, why, at, None) | {"thawed_at": thawed_at}} if did else {}

        try:
            await self._ledger.change(_PARTITION, (_KEY,), freeze)
        except (ValueError, KeyError, TypeError):
            return False
        return did


def _document(frozen: bool, by: str, why: str, at: datetime, thawed_at: datetime | None) -> Document:
    thawed = None if thawed_at is None else thawed_at.isoformat()
    return {"frozen": frozen, "by": by, "why": why, "at": at.isoformat(), "thawed_at": thawed}
