"""Input that cannot be used, kept with its reason so that nothing is lost and a person can mend and replay it."""

import logging
import re
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from shared.names import PARKED
from shared.ports import Ids, Row, Rows, Value, Write
from shared.telemetry import event, pseudonym

log = logging.getLogger(__name__)

MOST_CHARACTERS = 30_000
_ID = re.compile(r"([a-z]+(?:-[a-z]+)*)\.(\d{8}T\d{6}-[0-9a-f]{32})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What a person did about it: ``replayed`` or ``discarded``."""

    how: str
    by: str
    at: datetime
    why: str = ""
    by_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedInput:
    """One message that was set aside. ``source`` is the queue it came from; ``cut``: only its beginning was kept."""

    source: str
    key: str
    reason: str
    body: str
    at: datetime
    cut: bool = False
    settled: Settled | None = None
    etag: str = ""

    @property
    def id(self) -> str:
        """Its name in the API."""
        return f"{self.source}.{self.key}"


class ParkingLot:
    """Where unusable messages rest."""

    def __init__(self, rows: Rows, ids: Ids) -> None:
        self._rows = rows
        self._ids = ids

    async def park(self, source: str, body: str, reason: str, at: datetime) -> None:
        """Keep the first 30,000 characters of a message; ``source`` is the queue it came from."""
        key = f"{at:%Y%m%dT%H%M%S}-{self._ids.new()}"
        cut = len(body) > MOST_CHARACTERS
        await self._rows.upsert(
            PARKED, source, key, {"reason": reason, "body": body[:MOST_CHARACTERS], "at": at, "cut": cut}
        )
        event(log, "input.parked", level=logging.WARNING, source=source, reason=reason, key=key)

    async def find(self, parked_id: str) -> ParkedInput | None:
        """One of them by its id; None for an id that nothing has or can have."""
        if (match := _ID.fullmatch(parked_id)) is None:
            return None
        row = await self._rows.get(PARKED, match[1], match[2])
        return None if row is None else _parked(row)

    async def page(self, sources: tuple[str, ...], *, after: str = "", most: int, settled: bool) -> list[ParkedInput]:
        """The oldest of these sources, one source after the other, that come after this id; settled ones or open ones."""
        match = _ID.fullmatch(after)
        past_source, past_key = (match[1], match[2]) if match is not None else ("", "")
        found: list[ParkedInput] = []
        for source in sorted(sources):
            if source < past_source:
                continue
            async for row in self._rows.scan(PARKED, source, after=past_key if source == past_source else ""):
                if ("settled" in row.data) is not settled:
                    continue
                if len(found) == most:
                    return found
                found.append(_parked(row))
        return found

    async def settle(self, parked: ParkedInput, settled: Settled, *, keep_body: bool) -> None:
        """Write down what was done about it. Raises Changed when somebody else was first."""
        data: dict[str, Value] = {
            "reason": parked.reason,
            "body": parked.body if keep_body else "",
            "at": parked.at,
            "cut": parked.cut,
            "settled": settled.how,
            "settled_by": settled.by,
            "settled_by_id": settled.by_id,
            "settled_at": settled.at,
            "settled_why": settled.why,
        }
        await self._rows.write(PARKED, parked.source, [Write(key=parked.key, data=data, expect=parked.etag)])
        event(
            log,
            "input.settled",
            level=logging.WARNING,
            how=settled.how,
            source=parked.source,
            key=parked.key,
            by=pseudonym(settled.by),
        )

    async def everything(self) -> list[ParkedInput]:
        """All parked messages, by source and age."""
        return [_parked(row) async for row in self._rows.scan(PARKED)]


def _parked(row: Row) -> ParkedInput:
    data = row.data
    settled = None
    if "settled" in data:
        settled = Settled(
            how=str(data["settled"]),
            by=str(data["settled_by"]),
            at=cast("datetime", data["settled_at"]),
            why=str(data["settled_why"]),
            by_id=str(data.get("settled_by_id", "")),
        )
    return ParkedInput(
        source=row.partition,
        key=row.key,
        reason=str(data["reason"]),
        body=str(data["body"]),
        at=cast("datetime", data["at"]),
        cut=data.get("cut") is True,
        settled=settled,
        etag=row.etag,
    )
