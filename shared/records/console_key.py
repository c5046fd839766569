"""The key with which the console signs its forms: made once, kept in a row of ours, the same for all instances."""

import secrets
from collections.abc import Mapping

from shared.records.ledger import Document, Ledger

_PARTITION, _KEY = "console", "form-key"
BYTES = 32


class ConsoleKey:
    """Reads the key, and makes it when there is none."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._known: bytes | None = None

    async def read(self) -> bytes:
        """The key; read once for each process. A row that cannot be understood is written anew: open forms end with it."""
        if self._known is None:
            self._known = _key(await self._kept()) or await self._make()
        return self._known

    async def _kept(self) -> Document | None:
        try:
            return await self._ledger.read(_PARTITION, _KEY)
        except ValueError:
            return {}

    async def _make(self) -> bytes:
        """Of two instances that make one at once, the first one's key is the key."""
        fresh: Document = {"key": secrets.token_bytes(BYTES).hex()}
        found: list[Document] = []

        def keep(documents: Mapping[str, Document]) -> Mapping[str, Document]:
            there = documents.get(_KEY)
            found[:] = [fresh if _key(there) is None or there is None else there]
            return {_KEY: fresh} if found[0] is fresh else {}

        try:
            await self._ledger.change(_PARTITION, (_KEY,), keep)
        except ValueError:
            await self._ledger.replace(_PARTITION, _KEY, fresh)
            found[:] = [fresh]
        return bytes.fromhex(found[0]["key"])


def _key(document: Document | None) -> bytes | None:
    try:
        key = bytes.fromhex(str((document or {}).get("key", "")))
    except ValueError:
        return None
    return key if len(key) == BYTES else None
