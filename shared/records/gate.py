"""The tenant gate: after a 429 nobody of us calls Graph before the named time. One row parks the whole tenant."""

from collections.abc import Mapping
from datetime import datetime

from shared.records.ledger import Document, Ledger

_PARTITION, _KEY = "gate", "graph"


class GraphGate:
    """Closed until a time."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def closed_until(self, now: datetime) -> datetime | None:
        """When Graph may be called again, or None when it may be called now."""
        document = await self._ledger.read(_PARTITION, _KEY)
        until = None if document is None else datetime.fromisoformat(document["until"])
        return until if until is not None and until > now else None

    async def close(self, until: datetime) -> None:
        """Keep the gate closed at least until this time."""

        def later(documents: Mapping[str, Document]) -> Mapping[str, Document]:
            current = documents.get(_KEY)
            if current is not None and datetime.fromisoformat(current["until"]) >= until:
                return {}
            return {_KEY: {"until": until.isoformat()}}

        await self._ledger.change(_PARTITION, (_KEY,), later)
