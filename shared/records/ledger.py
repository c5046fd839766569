"""One small JSON document in the ledgers table, changed by compare-and-swap. Budgets, switches, gates and locks are built on it."""

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

from shared.errors import AlreadyThere, Changed, RetryLater
from shared.names import LEDGERS
from shared.ports import Ids, Row, Rows, Write
from shared.records.json_form import compact

Document = dict[str, Any]
"""JSON object; each record module knows its own fields."""

MOST_TRIES = 10


class Ledger:
    """Documents by partition and key, all in one table."""

    def __init__(self, rows: Rows, ids: Ids, table: str = LEDGERS) -> None:
        self._rows = rows
        self._ids = ids
        self._table = table

    async def read(self, partition: str, key: str) -> Document | None:
        """The document, or None when it was never written. Raises ValueError for a row that holds none."""
        row = await self.row(partition, key)
        return None if row is None else document_of(row)

    async def row(self, partition: str, key: str) -> Row | None:
        """The row that holds the document, whatever it holds, or None; for ``change``, which need not read it again then."""
        return await self._rows.get(self._table, partition, key)

    async def read_all(self, partition: str) -> dict[str, Document]:
        """Every document of the partition by its key, in one scan. Raises ValueError for a row that holds none."""
        return {row.key: document_of(row) async for row in self._rows.scan(self._table, partition)}

    async def change(
        self,
        partition: str,
        keys: tuple[str, ...],
        update: Callable[[Mapping[str, Document]], Mapping[str, Document]],
        *,
        read: Mapping[str, Row] | None = None,
    ) -> None:
        """Read documents of one partition, compute their new contents and write those together.

        ``update`` gets the documents that exist and returns the ones to write (none: nothing is written). It may run
        several times, so it must be pure. ``read``: as the rows were read a moment ago; whatever changed since is found by
        its ETag, and read anew. Raises RetryLater after losing 10 races in a row.
        """
        for _ in range(MOST_TRIES):
            rows, read = await self._all(partition, keys) if read is None else read, None
            documents = {key: document_of(row) for key, row in rows.items()}
            changed = update(documents)
            if not changed:
                return
            write_id = self._ids.new()
            writes = [
                Write(
                    key=key,
                    data={"body": compact(document), "write_id": write_id},
                    expect=rows[key].etag if key in rows else None,
                )
                for key, document in changed.items()
            ]
            try:
                await self._rows.write(self._table, partition, writes)
            except (Changed, AlreadyThere):
                if await self._is_ours(partition, writes[0].key, write_id):
                    return
                continue
            return
        raise RetryLater(f"the {partition} record is written by too many at once")

    async def replace(self, partition: str, key: str, document: Document) -> None:
        """Write the document whatever is there, even a row that holds none; the last writer wins."""
        data = {"body": compact(document), "write_id": self._ids.new()}
        await self._rows.upsert(LEDGERS, partition, key, data)

    async def _all(self, partition: str, keys: tuple[str, ...]) -> Mapping[str, Row]:
        return {key: row for key in keys if (row := await self.row(partition, key)) is not None}

    async def _is_ours(self, partition: str, key: str, write_id: str) -> bool:
        row = await self._rows.get(self._table, partition, key)
        return row is not None and row.data.get("write_id") == write_id


def document_of(row: Row) -> Document:
    """What a row holds. Raises ValueError: a row that is there but holds no object must not look like one that was never written."""
    document: object = json.loads(str(row.data["body"]))
    if not isinstance(document, dict):
        raise ValueError(f"the row {row.key} holds no JSON object")
    return cast("Document", document)
