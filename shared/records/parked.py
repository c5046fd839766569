"""Input that cannot be used, kept with its reason so that nothing is lost and a person can mend and replay it."""

import logging
from dataclasses import dataclass
from datetime import datetime

from shared.names import PARKED
from shared.ports import Ids, Rows
from shared.telemetry import event

log = logging.getLogger(__name__)

MOST_CHARACTERS = 30_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedInput:
    """One message that was set aside."""

    source: str
    key: str
    reason: str
    body: str
    at: datetime


class ParkingLot:
    """Where unusable messages rest."""

    def __init__(self, rows: Rows, ids: Ids) -> None:
        self._rows = rows
        self._ids = ids

    async def park(self, source: str, body: str, reason: str, at: datetime) -> None:
        """Keep the first 30,000 characters of a message; ``source`` is the queue it came from."""
        key = f"{at:%Y%m%dT%H%M%S}-{self._ids.new()}"
        await self._rows.upsert(PARKED, source, key, {"reason": reason, "body": body[:MOST_CHARACTERS], "at": at})
        event(log, "input.parked", level=logging.WARNING, source=source, why=reason)

    async def everything(self) -> list[ParkedInput]:
        """All parked messages, by source and age."""
        return [
            ParkedInput(
                source=row.partition,
                key=row.key,
                reason=str(row.data["reason"]),
                body=str(row.data["body"]),
                at=datetime.fromisoformat(str(row.data["at"])),
            )
            async for row in self._rows.scan(PARKED)
        ]
