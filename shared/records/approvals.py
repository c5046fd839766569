"""How many wipes a person approved today: one row for each person and day, changed by compare-and-swap."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime

from shared.records.ledger import Document, Ledger

_PARTITION = "approvals"


class ApprovalBook:
    """Counts approvals over the whole tenant, whichever instance they came to."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def note(self, who: str, proposal: str, now: datetime) -> int | None:
        """Note that this person approves this proposal; which of theirs it is on this UTC day, counted from 1.

        The same proposal counts once a day, whatever became of it. None: the row holds nonsense, so nobody knows.
        """
        key, number = _key(who, now), list[int]()

        def add(documents: Mapping[str, Document]) -> Mapping[str, Document]:
            known: object = documents.get(key, {"proposals": []}).get("proposals")
            if not isinstance(known, list):
                raise ValueError("no list of proposals")
            noted = [str(one) for one in known]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # whatever is in it is compared as text
            fresh = proposal not in noted
            number[:] = [len(noted) + 1 if fresh else noted.index(proposal) + 1]
            return {key: {"proposals": [*noted, proposal]}} if fresh else {}

        try:
            await self._ledger.change(_PARTITION, (key,), add)
        except ValueError:
            return None
        return number[0]


def _key(who: str, now: datetime) -> str:
    person = hashlib.sha256(who.strip().casefold().encode()).hexdigest()[:32]
    return f"{now.astimezone(UTC):%Y-%m-%d}-{person}"
