"""The kill switch. It takes effect without a deployment and is read right before every wipe."""

from datetime import datetime

from shared.domain.facts import Freeze
from shared.errors import HandoverError
from shared.records.ledger import Ledger

_PARTITION, _KEY = "switch", "freeze"


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
            return Freeze(
                frozen=document["frozen"] is not False,
                by=document.get("by"),
                why=document.get("why"),
                at=None if at is None else datetime.fromisoformat(at),
            )
        except (HandoverError, ValueError, KeyError, TypeError):
            return Freeze(frozen=True, why="the switch could not be read")

    async def set(self, *, frozen: bool, by: str, why: str, at: datetime) -> None:
        """Freeze or thaw, even a switch that cannot be read; the last writer wins, whoever it is."""
        document = {"frozen": frozen, "by": by, "why": why, "at": at.isoformat()}
        await self._ledger.replace(_PARTITION, _KEY, document)
