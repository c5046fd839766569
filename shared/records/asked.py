"""What we were asked to look at, and when we last looked: so that repeats of one hint cost one look, and none is lost.

Two looks answer any number of hints: the first at once; and, if we were asked again after it, one more when a while has
passed. That second look is a hint of its own, sent with a delay; the row remembers that it is on its way.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.domain.hint import Subject
from shared.records.ledger import Document, Ledger

_PARTITIONS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The row of one subject."""

    looked_at: datetime | None = None
    case_id: str | None = None
    """The case that the last look led to; empty when it found none, None while it lasts, or when it was not for one."""
    serial_number: str | None = None
    again_at: datetime | None = None
    """When the second look comes."""
    again_by: str | None = None
    """The message that had it sent."""

    def is_younger_than(self, age: timedelta, now: datetime) -> bool:
        """Somebody looked less than this long ago, by a clock that is not ahead of ours."""
        return self.looked_at is not None and timedelta() <= now - self.looked_at < age


class AskedBook:
    """Rows by subject."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def begin_to_look(
        self, subject: Subject, key: str, now: datetime, *, unless_within: timedelta
    ) -> tuple[bool, Asked]:
        """Whether the caller is to look now, and what is known if it is not: of all who ask at once, one looks."""
        partition, row = _place(subject, key)
        found: list[tuple[bool, Asked]] = []

        def begin(documents: Mapping[str, Document]) -> Mapping[str, Document]:
            asked = _asked(documents.get(row, {}))
            begins = not asked.is_younger_than(unless_within, now)
            found[:] = [(begins, asked)]
            return {row: _document(replace(asked, looked_at=now, case_id=None, serial_number=None))} if begins else {}

        await self._ledger.change(partition, (row,), begin)
        return found[0]

    async def found(self, subject: Subject, key: str, case_id: str, serial_number: str | None) -> None:
        """Where the look led to: a case, or none (an empty text)."""
        await self._note(subject, key, lambda asked: replace(asked, case_id=case_id, serial_number=serial_number))

    async def ask_again(self, subject: Subject, key: str, at: datetime, now: datetime, by: str | None) -> bool:
        """Note that a second look comes at this time; False when one is on its way already.

        ``by`` is the message that asks: when it is delivered once more, nobody knows whether it had the look sent.
        """
        noted: list[bool] = []

        def ask(asked: Asked) -> Asked:
            coming = asked.again_at is not None and asked.again_at > now and (by is None or asked.again_by != by)
            noted[:] = [not coming]
            return asked if coming else replace(asked, again_at=at, again_by=by)

        await self._note(subject, key, ask)
        return noted[0]

    async def not_asked_again(self, subject: Subject, key: str) -> None:
        """The second look could not be sent."""
        await self._note(subject, key, lambda asked: replace(asked, again_at=None, again_by=None))

    async def _note(self, subject: Subject, key: str, update: Callable[[Asked], Asked]) -> None:
        partition, row = _place(subject, key)

        def note(documents: Mapping[str, Document]) -> Mapping[str, Document]:
            before = _asked(documents.get(row, {}))
            after = update(before)
            return {} if after == before else {row: _document(after)}

        await self._ledger.change(partition, (row,), note)


def _place(subject: Subject, key: str) -> tuple[str, str]:
    """Serial numbers may hold what a row's key must not."""
    digest = hashlib.sha256(f"{subject.value}:{key.strip().lower()}".encode()).hexdigest()
    return f"asked-{int(digest[:8], 16) % _PARTITIONS:x}", digest[:40]


def _asked(document: Document) -> Asked:
    return Asked(
        looked_at=_time(document.get("looked_at")),
        case_id=document.get("case_id"),
        serial_number=document.get("serial_number"),
        again_at=_time(document.get("again_at")),
        again_by=document.get("again_by"),
    )


def _document(asked: Asked) -> Document:
    return {
        "looked_at": None if asked.looked_at is None else asked.looked_at.isoformat(),
        "case_id": asked.case_id,
        "serial_number": asked.serial_number,
        "again_at": None if asked.again_at is None else asked.again_at.isoformat(),
        "again_by": asked.again_by,
    }


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
