"""The tenant gate: after a 429 nobody of us calls Graph before the named time. One row parks the whole tenant.

When the time has come one caller goes ahead and tries; the others wait until it came through, or until it took too long.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.errors import RetryLater
from shared.records.ledger import Document, Ledger

_PARTITION, _KEY = "gate", "graph"

GATE_WITHOUT_A_TIME = timedelta(seconds=30)
"""How long the gate stays closed when Graph says "too many requests" and not for how long."""
TRY_FOR = timedelta(seconds=30)
"""How long the others wait for the one that tries; if it is not heard of by then, another one tries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """May we call Graph now? ``wait_until`` says when to ask again, None is yes; ``tries`` marks the one that goes ahead."""

    wait_until: datetime | None = None
    tries: bool = False


class GraphGate:
    """Closed until a time, and then opened by the first who comes through."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def closed_until(self, now: datetime) -> datetime | None:
        """When Graph may be called again, or None when it may be called now. Only looks: see ``enter``."""
        return _wait_until(await self._ledger.read(_PARTITION, _KEY), now)

    async def enter(self, now: datetime) -> Passage:
        """Ask before calling Graph. Whoever is told that it ``tries`` says ``came_through`` or ``close`` afterwards."""
        document = await self._ledger.read(_PARTITION, _KEY)
        if document is None or document.get("open", False):
            return Passage()
        if until := _wait_until(document, now):
            return Passage(wait_until=until)
        found: list[Passage] = []

        def try_it(documents: Mapping[str, Document]) -> Mapping[str, Document]:
            current = documents.get(_KEY, {"open": True})
            until = _wait_until(current, now)
            tries = until is None and not current.get("open", False)
            found[:] = [Passage(wait_until=until, tries=tries)]
            return {_KEY: {**current, "tried_until": (now + TRY_FOR).isoformat()}} if tries else {}

        await self._ledger.change(_PARTITION, (_KEY,), try_it)
        return found[0]

    async def close_if_throttled(self, error: RetryLater, now: datetime) -> None:
        """Close it for as long as Graph asked, when that is what the error says."""
        if error.throttled:
            await self.close(now + (error.after or GATE_WITHOUT_A_TIME))

    async def came_through(self, now: datetime) -> None:
        """Graph answered the one that tried: the gate is open for all, unless somebody closed it again meanwhile."""

        def open_it(documents: Mapping[str, Document]) -> Mapping[str, Document]:
            current = documents.get(_KEY)
            closed = current is None or current.get("open", False) or datetime.fromisoformat(current["until"]) > now
            return {} if current is None or closed else {_KEY: {"until": current["until"], "open": True}}

        await self._ledger.change(_PARTITION, (_KEY,), open_it)

    async def still_closed(self, until: datetime, now: datetime) -> None:
        """The one that tried got no answer: the others wait for longer. Changes nothing when the gate is open."""

        def again(documents: Mapping[str, Document]) -> Mapping[str, Document]:
            current = documents.get(_KEY)
            if current is None or current.get("open", False) or datetime.fromisoformat(current["until"]) > now:
                return {}
            return {_KEY: {"until": until.isoformat()}}

        await self._ledger.change(_PARTITION, (_KEY,), again)

    async def close(self, until: datetime) -> None:
        """Keep the gate closed at least until this time."""

        def later(documents: Mapping[str, Document]) -> Mapping[str, Document]:
            current = documents.get(_KEY)
            if current is not None and datetime.fromisoformat(current["until"]) >= until:
                return {}
            return {_KEY: {"until": until.isoformat()}}

        await self._ledger.change(_PARTITION, (_KEY,), later)


def _wait_until(document: Document | None, now: datetime) -> datetime | None:
    if document is None or document.get("open", False):
        return None
    times = [datetime.fromisoformat(document["until"])]
    if "tried_until" in document:
        times.append(datetime.fromisoformat(document["tried_until"]))
    return max((time for time in times if time > now), default=None)
