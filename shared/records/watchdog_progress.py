"""How far the watchdog has judged the wipes that Intune wrote down: one row."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.records.ledger import Ledger

_PARTITION, _KEY = "watchdog", "wipes"
MOST_SEEN = 300
"""What fits into one property of a row; newest are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Wipes before ``since`` are settled; ``seen`` are those after it that have been judged, by audit id, with their times."""

    since: datetime
    seen: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    kept: bool = False
    """It was read from the row as it is here."""


class WatchdogProgress:
    """Reads and saves it. Only one instance at a time runs the timer."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def read(self, now: datetime, look_back: timedelta) -> Judged:
        """As it was saved last. None saved: from now on; a row that cannot be understood: ``look_back``, nothing of it judged."""
        try:
            document = await self._ledger.read(_PARTITION, _KEY)
            if document is None:
                return Judged(since=now)
            seen: Mapping[str, str] = document["seen"]
            judged = Judged(
                since=datetime.fromisoformat(document["since"]),
                seen={audit: datetime.fromisoformat(at) for audit, at in seen.items()},
                kept=True,
            )
            # a time without its zone cannot be compared
            return judged if judged.since.tzinfo is not None else Judged(since=now - look_back)
        except (ValueError, KeyError, TypeError, AttributeError):
            return Judged(since=now - look_back)

    async def save(self, judged: Judged) -> None:
        """Save it, whatever is there; what is settled is forgotten."""
        newest = sorted(judged.seen.items(), key=lambda each: each[1], reverse=True)[:MOST_SEEN]
        seen = {audit: at.isoformat() for audit, at in newest if at >= judged.since}
        await self._ledger.replace(_PARTITION, _KEY, {"since": judged.since.isoformat(), "seen": seen})
