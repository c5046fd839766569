"""Rows in Azure Table storage."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shared.clients.storage.entities import check_key, entity_of, row_of
from shared.clients.storage.errors import within
from shared.errors import AlreadyThere, Changed
from shared.ports import Gone, Put, Row, Value, Write

if TYPE_CHECKING:  # imported with the first client: 0.25 s
    from azure.core.async_paging import AsyncItemPaged
    from azure.data.tables import TableEntity
    from azure.data.tables.aio import TableClient, TableServiceClient

CALL_SECONDS = 10.0
"""For one call with its one retry; the transport itself gives up after 1 s of connecting or 5 s of silence."""
MOST_WRITES = 100

_ALSO_INSERTS = ("GET", "PUT", "DELETE", "POST")
"""What the SDK may send again when the connection broke. By itself it leaves out POST: inserts and transactions."""


class AzureRows:
    """The port Rows over one storage account.

    A write whose answer was lost is sent once more. All writes but those of derived rows are conditional, so it cannot happen
    twice; but the repetition may be answered with Changed or AlreadyThere because of our own first attempt. Hence
    the rule of the port: re-read and compare the write id. A write that fails with RetryLater may have happened too.
    """

    def __init__(self, service: "TableServiceClient") -> None:
        from azure.core import MatchConditions  # noqa: PLC0415  # see above

        self._service = service
        self._tables: dict[str, TableClient] = {}
        self._if_unchanged = MatchConditions.IfNotModified

    async def ensure_tables(self, names: Iterable[str]) -> None:
        """Create the tables that are missing."""
        for name in names:
            try:
                await within(CALL_SECONDS, self._table(name).create_table())
            except AlreadyThere:
                continue

    async def get(self, table: str, partition: str, key: str) -> Row | None:
        """The row, or None. Raises ValueError for an impossible key."""
        check_key(partition)
        check_key(key)
        try:
            return row_of(await within(CALL_SECONDS, self._table(table).get_entity(partition, key)))
        except Changed:  # 404: the row is not there
            return None

    async def write(self, table: str, partition: str, writes: Sequence[Write | Put | Gone]) -> list[str]:
        """Write 1 to 100 rows of one partition, all or none; the new ETags in order, "" for a deleted row.

        Raises Changed, AlreadyThere, and ValueError for what storage cannot keep or for a key given twice.
        """
        if not 1 <= len(writes) <= MOST_WRITES or len({write.key for write in writes}) != len(writes):
            raise ValueError(f"1 to {MOST_WRITES} different rows can be written together")
        operations = [self._operation(partition, write) for write in writes]
        kind, entity, conditions = operations[0]
        if len(operations) > 1 or kind in ("upsert", "delete"):  # alone, a deletion of nothing would be fine
            sending = self._table(table).submit_transaction(operations, retry_on_methods=_ALSO_INSERTS)
            return [str(answer.get("etag") or "") for answer in await within(CALL_SECONDS, sending)]
        if kind == "create":
            alone = self._table(table).create_entity(entity, retry_on_methods=_ALSO_INSERTS)
        else:
            alone = self._table(table).update_entity(entity, **conditions)
        return [str((await within(CALL_SECONDS, alone))["etag"])]

    async def upsert(self, table: str, partition: str, key: str, data: Mapping[str, Value]) -> None:
        """Write a derived row whatever is there. Raises ValueError for what storage cannot keep."""
        entity = entity_of(partition, key, data)
        await within(CALL_SECONDS, self._table(table).upsert_entity(entity, mode="replace"))

    async def delete(self, table: str, partition: str, key: str, *, expect: str | None = None) -> None:
        """Delete the row; a row that is already gone is fine. Raises Changed when ``expect`` does not match."""
        check_key(partition)
        check_key(key)
        await within(CALL_SECONDS, self._table(table).delete_entity(partition, key, **self._conditions(expect)))

    async def scan(
        self,
        table: str,
        partition: str | None = None,
        *,
        key_prefix: str = "",
        after: str = "",
        most: int | None = None,
    ) -> AsyncIterator[Row]:
        """Rows in key order, page by page; a page is read when the one before is used up."""
        pages, given = self._query(table, partition, key_prefix, after, most).by_page(), 0
        while (page := await within(CALL_SECONDS, anext(pages, None))) is not None:
            async for entity in page:
                row = row_of(entity)
                if row.key.startswith(key_prefix):
                    yield row
                    given += 1
                    if given == most:
                        return

    def _query(
        self, table: str, partition: str | None, key_prefix: str, after: str, most: int | None
    ) -> "AsyncItemPaged[TableEntity]":
        conditions = list[str]()
        values = dict[str, str]()
        if partition is not None:
            conditions.append("PartitionKey eq @partition")
            values["partition"] = partition
        if after:
            conditions.append("RowKey gt @after")
            values["after"] = after
        if key_prefix:
            conditions.append("RowKey ge @first")
            values["first"] = key_prefix
            if (beyond := _beyond(key_prefix)) is not None:
                conditions.append("RowKey lt @beyond")
                values["beyond"] = beyond
        if not conditions:
            return self._table(table).list_entities(results_per_page=most)
        return self._table(table).query_entities(" and ".join(conditions), parameters=values, results_per_page=most)

    def _operation(self, partition: str, write: Write | Put | Gone) -> tuple[str, dict[str, object], dict[str, Any]]:
        if isinstance(write, Gone):
            return "delete", entity_of(partition, write.key, {}), {}
        entity = entity_of(partition, write.key, write.data)
        if isinstance(write, Put):
            return "upsert", entity, {"mode": "replace"}
        if write.expect is None:
            return "create", entity, {}
        return "update", entity, {"mode": "replace", **self._conditions(write.expect)}

    def _conditions(self, expect: str | None) -> dict[str, Any]:
        """Keyword arguments of the SDK, hence Any."""
        return {} if expect is None else {"etag": expect, "match_condition": self._if_unchanged}

    def _table(self, name: str) -> "TableClient":
        if name not in self._tables:
            self._tables[name] = self._service.get_table_client(name)
        return self._tables[name]


def _beyond(prefix: str) -> str | None:
    """A key that comes after every key with this prefix, or None when there is none. Others may come before it too.

    The service orders keys by UTF-16 code units: surrogates, of which U+10000 and above are made, sort below U+E000.
    """
    last = ord(prefix[-1])
    if last in (0xFFFF, 0x10FFFF):
        return None
    return prefix[:-1] + chr(0xE000 if last == 0xD7FF else last + 1)
