"""How far each PC of a delivery has come, so that a run that died goes on where it was. The delivery is named by its content."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from shared.domain.registration import PcProgress
from shared.names import LEDGERS
from shared.ports import Ids, Row, Rows, Write
from shared.records.json_form import JsonForm
from shared.records.ledger import Ledger

_PC = JsonForm(PcProgress)
MOST_IN_A_WRITE = 100

T = TypeVar("T")


class RegistrationProgress:
    """Loads and saves the PCs of one delivery. One process at a time: see Locks."""

    def __init__(self, rows: Rows, ids: Ids, digest: str) -> None:
        self._rows = rows
        self._ledger = Ledger(rows, ids)
        self._partition = f"registration-{digest}"
        self._etags: dict[str, str] = {}
        self._pcs: dict[str, PcProgress] = {}

    @property
    def pcs(self) -> tuple[PcProgress, ...]:
        """Every PC as it was loaded or saved last, in the order of the file."""
        return tuple(sorted(self._pcs.values(), key=lambda pc: pc.line))

    async def load(self) -> None:
        """Read what is there."""
        async for row in self._rows.scan(LEDGERS, self._partition, key_prefix="pc-"):
            self._keep(row)

    async def save(self, pcs: Sequence[PcProgress]) -> None:
        """Write these, 100 at a time, in the order given. Raises Changed or AlreadyThere when another process writes."""
        for chunk in chunks(pcs, MOST_IN_A_WRITE):
            writes = [
                Write(
                    key=_key(pc.serial_number),
                    data={"body": _PC.dump_json(pc).decode()},
                    expect=self._etags.get(_key(pc.serial_number)),
                )
                for pc in chunk
            ]
            etags = await self._rows.write(LEDGERS, self._partition, writes)
            for pc, write, etag in zip(chunk, writes, etags, strict=True):
                self._etags[write.key], self._pcs[write.key] = etag, pc

    async def asked_to_sync_at(self) -> datetime | None:
        """When this delivery had Intune sync, or None."""
        at = (await self._ledger.read(self._partition, "sync") or {}).get("at")
        return None if at is None else datetime.fromisoformat(at)

    async def keep_sync(self, at: datetime | None) -> None:
        """Intune was asked to sync for this delivery; None: it has to be asked again."""
        await self._ledger.replace(self._partition, "sync", {"at": None if at is None else at.isoformat()})

    def _keep(self, row: Row) -> None:
        self._etags[row.key] = row.etag
        self._pcs[row.key] = _PC.validate_json(str(row.data["body"]))


def chunks(items: Sequence[T], size: int) -> Iterable[Sequence[T]]:
    """The items in runs of at most ``size``."""
    return (items[start : start + size] for start in range(0, len(items), size))


def _key(serial_number: str) -> str:
    return f"pc-{serial_number.lower()}"
