"""Named locks with an expiry, for work that one instance at a time should do."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from shared.records.ledger import Document, Ledger

_PARTITION = "lock"


class Locks:
    """Take and give back. A holder that died loses its lock when the time is over."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def take(self, name: str, *, holder: str, now: datetime, lasts: timedelta) -> bool:
        """True when ``holder`` now holds the lock until ``now + lasts``."""
        taken = False

        def claim(documents: Mapping[str, Document]) -> Mapping[str, Document]:
            nonlocal taken
            current = documents.get(name)
            taken = current is None or current["holder"] == holder or datetime.fromisoformat(current["until"]) <= now
            return {name: {"holder": holder, "until": (now + lasts).isoformat()}} if taken else {}

        await self._ledger.change(_PARTITION, (name,), claim)
        return taken

    async def give_back(self, name: str, *, holder: str, now: datetime) -> None:
        """Free the lock if ``holder`` still has it."""

        def free(documents: Mapping[str, Document]) -> Mapping[str, Document]:
            current = documents.get(name)
            return {name: {"holder": "", "until": now.isoformat()}} if current and current["holder"] == holder else {}

        await self._ledger.change(_PARTITION, (name,), free)
