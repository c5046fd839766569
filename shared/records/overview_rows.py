"""Where lists and figures are kept: all in one partition, so that what one move changes in them is one transaction.

It takes 2,000 rows a second, and a move changes about three of them. Everything here is derived.
"""

from collections.abc import AsyncIterator, Sequence

from shared.errors import Changed
from shared.names import OVERVIEW
from shared.ports import Gone, Put, Row, Rows

PARTITION = "all"
MOST_TOGETHER = 100


class OverviewRows:
    """Reads and writes them."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def change(self, changes: Sequence[Put | Gone]) -> None:
        """Write these rows, as many as possible together; one that should go, and is gone already, is fine."""
        for start in range(0, len(changes), MOST_TOGETHER):
            together = changes[start : start + MOST_TOGETHER]
            try:
                await self._rows.write(OVERVIEW, PARTITION, together)
            except Changed:
                await self.change_each(together)

    async def change_each(self, changes: Sequence[Put | Gone]) -> None:
        """One after the other, the new ones first, so that no case is hidden meanwhile."""
        for change in changes:
            if isinstance(change, Put):
                await self._rows.upsert(OVERVIEW, PARTITION, change.key, change.data)
        for change in changes:
            if isinstance(change, Gone):
                await self._rows.delete(OVERVIEW, PARTITION, change.key)

    def beginning_with(self, prefix: str, *, after: str = "", most: int | None = None) -> AsyncIterator[Row]:
        """Rows in the order of their keys; see Rows.scan."""
        return self._rows.scan(OVERVIEW, PARTITION, key_prefix=prefix, after=after, most=most)
