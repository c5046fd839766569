"""How many devices Intune counts, how many of them as non-compliant, and what was usual: one row for all instances."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from statistics import median_low

from shared.domain.facts import Fleet
from shared.domain.policy import Policy
from shared.ports import Clock, Row, Tenant
from shared.records.ledger import Document, Ledger, document_of
from shared.rules.guardrails import unusual

_PARTITION, _KEY = "facts", "fleet"
DAYS = 7
"""What is usual is the median of so many days before today, each with its lowest count."""


class FleetBook:
    """The counts with their daily history."""

    def __init__(self, ledger: Ledger, tenant: Tenant, policy: Policy, clock: Clock) -> None:
        self._ledger = ledger
        self._tenant = tenant
        self._policy = policy
        self._clock = clock

    async def known(self) -> Fleet | None:
        """What was counted last, however long ago; None for nothing, and for a row that cannot be understood."""
        return _understood(await self._ledger.row(_PARTITION, _KEY))

    async def look(self, *, at_most: timedelta) -> Fleet:
        """Counts not older than ``at_most``; asks Graph when there are none. Raises RetryLater, AccessDenied, Unexpected."""
        row = await self._ledger.row(_PARTITION, _KEY)
        kept = _understood(row)
        if kept is not None and timedelta() <= self._clock.now() - kept.read_at <= at_most:
            return kept
        counted = await self._tenant.fleet()
        if row is None or kept is None:
            # nothing there, or nothing that can be understood
            document = self._with(None, counted)
            await self._ledger.replace(_PARTITION, _KEY, document)
            return _fleet(document)
        written: list[Document] = []

        def with_count(documents: Mapping[str, Document]) -> Mapping[str, Document]:
            written[:] = [self._with(documents.get(_KEY), counted)]
            return {_KEY: written[0]}

        await self._ledger.change(_PARTITION, (_KEY,), with_count, read={_KEY: row})
        return _fleet(written[0])

    async def accept(self) -> None:
        """A person thawed: so many non-compliant devices are as they should be, until they become fewer."""

        def as_it_is(documents: Mapping[str, Document]) -> Mapping[str, Document]:
            known = documents.get(_KEY)
            if known is None or unusual(_fleet(known), self._policy) is None:
                return {}
            return {_KEY: {**known, "accepted": known["noncompliant"]}}

        if await self.known() is not None:
            await self._ledger.change(_PARTITION, (_KEY,), as_it_is)

    def _with(self, document: Document | None, counted: Fleet) -> Document:
        """The document with a new count. What a person accepted ends when the count is as usual again."""
        today = f"{counted.read_at.astimezone(UTC):%Y-%m-%d}"
        days: dict[str, int] = dict((document or {}).get("days", {}))
        days[today] = min(counted.noncompliant, days.get(today, counted.noncompliant))
        fresh: Document = {
            "read_at": counted.read_at.isoformat(),
            "enrolled": counted.enrolled,
            "noncompliant": counted.noncompliant,
            "days": {day: days[day] for day in sorted(days)[-DAYS - 1 :]},
            "accepted": 0,
        }
        still = unusual(_fleet(fresh), self._policy) is not None
        return {**fresh, "accepted": (document or {}).get("accepted", 0) if still else 0}


def _understood(row: Row | None) -> Fleet | None:
    try:
        return None if row is None else _fleet(document_of(row))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _fleet(document: Document) -> Fleet:
    read_at = datetime.fromisoformat(document["read_at"])
    days: Mapping[str, int] = document["days"]
    today = f"{read_at.astimezone(UTC):%Y-%m-%d}"
    before = [days[day] for day in sorted(days) if day < today][-DAYS:]
    return Fleet(
        read_at=read_at,
        enrolled=int(document["enrolled"]),
        noncompliant=int(document["noncompliant"]),
        usual=median_low(before) if before else days.get(today, int(document["noncompliant"])),
        accepted=int(document.get("accepted", 0)),
    )
