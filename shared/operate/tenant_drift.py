"""What a person may see of the tenant's setup: whether it is still as it was made."""

from dataclasses import dataclass
from typing import Any

from shared.records.tenant_setup import SetupBook

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowDrift:
    """Read-only. ``looks`` says whether the timer looks at all."""

    book: SetupBook
    looks: bool

    async def show(self) -> Json:
        """``state``: never_looked, as_wanted, drifted or unreadable; ``at`` in UTC; the changes as lines of text."""
        kept = await self.book.drift()
        found: Json = {"state": "never_looked", "at": None, "changes": 0, "lines": []} if kept is None else dict(kept)
        return {"looks": self.looks, **found}
