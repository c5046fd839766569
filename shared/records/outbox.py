"""What operators are to be told: one row for each matter, inserted once, so that it is told once; kept as a record."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.operators import OperatorNotice
from shared.errors import AlreadyThere
from shared.names import OUTBOX
from shared.ports import Row, Rows, Write
from shared.records.json_form import JsonForm

_NOTICE = JsonForm(OperatorNotice)
GIVE_UP_AFTER = timedelta(days=1)
"""A notice that could not be sent for so long is no news any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One notice and where it stands."""

    notice: OperatorNotice
    sent_by: frozenset[str]
    """The channels that have it."""
    done: bool
    etag: str


class Outbox:
    """Rows by the month of their matter, so that the ones still to be sent are found among few."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def put(self, notice: OperatorNotice) -> bool:
        """Keep the notice; False when this matter was kept before."""
        try:
            await self._rows.write(OUTBOX, _month(notice.at), [Write(key=notice.key, data=_data(notice), expect=None)])
        except AlreadyThere:
            return False
        return True

    async def read(self, month: str, key: str) -> Entry | None:
        """One notice."""
        row = await self._rows.get(OUTBOX, month, key)
        return None if row is None else _entry(row)

    async def waiting(self, now: datetime) -> AsyncIterator[Entry]:
        """Every notice of the last day that is not sent."""
        for month in dict.fromkeys((_month(now - GIVE_UP_AFTER), _month(now))):
            async for row in self._rows.scan(OUTBOX, month):
                entry = _entry(row)
                if not entry.done and now - entry.notice.at < GIVE_UP_AFTER:
                    yield entry

    async def mark(self, entry: Entry, *, sent_by: frozenset[str], done: bool) -> None:
        """Write how far the notice has come. Raises Changed when another sender was first."""
        data = _data(entry.notice) | {"sent_by": ",".join(sorted(sent_by)), "done": done}
        await self._rows.write(
            OUTBOX, _month(entry.notice.at), [Write(key=entry.notice.key, data=data, expect=entry.etag)]
        )


def place_of(notice: OperatorNotice) -> tuple[str, str]:
    """Month and key: where the notice is read again."""
    return _month(notice.at), notice.key


def _month(at: datetime) -> str:
    return f"{at:%Y-%m}"


def _data(notice: OperatorNotice) -> dict[str, str | bool]:
    return {"body": _NOTICE.dump_json(notice).decode(), "sent_by": "", "done": False}


def _entry(row: Row) -> Entry:
    return Entry(
        notice=_NOTICE.validate_json(str(row.data["body"])),
        sent_by=frozenset(str(row.data["sent_by"]).split(",")) - {""},
        done=row.data["done"] is True,
        etag=row.etag,
    )
