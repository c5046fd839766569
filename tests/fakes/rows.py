"""Rows in memory, with the rules of the real ones: tests/contract/test_rows.py holds both to the same promises."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from shared.clients.storage.entities import check_data, check_key
from shared.errors import AlreadyThere, Changed, RetryLater
from shared.names import TABLES
from shared.ports import Gone, Put, Row, Value, Write


class FakeRows:
    """The port Rows. ``away`` makes every call raise RetryLater, as a storage account that is down does.

    Every call gives way to other tasks once before it looks at anything, so that races are possible here as well;
    ``gives_way=False`` is for a caller that does so by itself.
    """

    def __init__(self, tables: Iterable[str] = TABLES, *, gives_way: bool = True) -> None:
        self.away = False
        self._gives_way = gives_way
        self._tables: dict[str, dict[tuple[str, str], Row]] = {name: {} for name in tables}
        self._writes = 0

    def table(self, table: str) -> Mapping[tuple[str, str], Row]:
        """What a table holds now, by partition and key, for a test to look at."""
        return self._tables[table]

    @property
    def writes(self) -> int:
        """How many rows were written or deleted so far."""
        return self._writes

    def clear(self, table: str) -> None:
        """Throw away what a table holds."""
        self._writes += 1
        self._tables[table].clear()

    async def get(self, table: str, partition: str, key: str) -> Row | None:
        """The row, or None."""
        check_key(partition)
        check_key(key)
        row = (await self._reach(table)).get((partition, key))
        return None if row is None else _copy(row)

    async def write(self, table: str, partition: str, writes: Sequence[Write | Put | Gone]) -> list[str]:
        """Write 1 to 100 rows of one partition, all or none."""
        if not 1 <= len(writes) <= 100 or len({write.key for write in writes}) != len(writes):
            raise ValueError("1 to 100 different rows can be written together")
        for write in writes:
            _check(partition, write.key, {} if isinstance(write, Gone) else write.data)
        rows = await self._reach(table)
        for write in writes:
            found = rows.get((partition, write.key))
            if isinstance(write, Gone) and found is None:
                raise Changed("there is no row to delete")
            if isinstance(write, Put | Gone):
                continue
            if write.expect is None and found is not None:
                raise AlreadyThere("the row exists")
            if write.expect is not None and (found is None or found.etag != write.expect):
                raise Changed("the row is not what was read")
        return [
            self._take(rows, partition, write.key)
            if isinstance(write, Gone)
            else self._put(rows, partition, write.key, write.data)
            for write in writes
        ]

    async def upsert(self, table: str, partition: str, key: str, data: Mapping[str, Value]) -> None:
        """Write a row whatever is there."""
        _check(partition, key, data)
        self._put(await self._reach(table), partition, key, data)

    async def delete(self, table: str, partition: str, key: str, *, expect: str | None = None) -> None:
        """Delete the row; a row that is already gone is fine."""
        check_key(partition)
        check_key(key)
        rows = await self._reach(table)
        found = rows.get((partition, key))
        if found is not None and expect is not None and found.etag != expect:
            raise Changed("the row is not what was read")
        self._take(rows, partition, key)

    async def scan(
        self,
        table: str,
        partition: str | None = None,
        *,
        key_prefix: str = "",
        after: str = "",
        most: int | None = None,
    ) -> AsyncIterator[Row]:
        """Rows in key order."""
        rows, given = await self._reach(table), 0
        places = [place for place in rows if partition in (None, place[0]) and place[1].startswith(key_prefix)]
        for place in sorted(places, key=_order):
            row = rows.get(place)  # another task may have deleted it meanwhile
            if row is None:
                continue
            if not after or _order(("", row.key)) > _order(("", after)):
                yield _copy(row)
                given += 1
                if given == most:
                    return

    async def _reach(self, table: str) -> dict[tuple[str, str], Row]:
        if self._gives_way:
            await asyncio.sleep(0)
        if self.away or table not in self._tables:
            raise RetryLater("storage is away" if self.away else f"there is no table {table}")
        return self._tables[table]

    def _take(self, rows: dict[tuple[str, str], Row], partition: str, key: str) -> str:
        self._writes += 1
        rows.pop((partition, key), None)
        return ""

    def _put(self, rows: dict[tuple[str, str], Row], partition: str, key: str, data: Mapping[str, Value]) -> str:
        self._writes += 1
        etag = f'W/"{self._writes}"'
        stored = {name: _as_stored(value) for name, value in data.items()}
        rows[partition, key] = Row(partition=partition, key=key, data=stored, etag=etag)
        return etag


def _check(partition: str, key: str, data: Mapping[str, Value]) -> None:
    check_key(partition)
    check_key(key)
    check_data(partition, key, data)


def _as_stored(value: Value) -> Value:
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def _copy(row: Row) -> Row:
    return Row(partition=row.partition, key=row.key, data=dict(row.data), etag=row.etag)


def _order(place: tuple[str, str]) -> tuple[bytes, bytes]:
    """Ordinal order of UTF-16 code units, as in Azure Tables."""
    return place[0].encode("utf-16-be"), place[1].encode("utf-16-be")
