"""How far the sweep has come: one round, page by page, and the links that the next rounds of changes begin with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.errors import Unexpected
from shared.records.json_form import JsonForm
from shared.records.ledger import Document, Ledger

_PARTITION, _ROUND = "sweep", "round"
MOST_CHARACTERS = 30_000
"""What fits into one property of a row."""
MOST_CHANGED = 400
"""Of the ids that a round remembers."""


class Leg(StrEnum):
    """One source that a sweep reads, in the order in which a round reads them."""

    DEVICES = "devices"
    """What changed in the directory's device objects."""
    NONCOMPLIANT = "noncompliant"
    """Every enrolment that Intune calls non-compliant."""
    USERS = "users"
    """Users whose licences changed."""
    MEMBERS = "members"
    """Users who joined or left a group that is subscribed to."""
    REGISTRATIONS = "registrations"
    """Autopilot registrations that were given to somebody."""

    @property
    def after(self) -> "Leg | None":
        """The next leg of a round, or None."""
        legs = list(Leg)
        return next(iter(legs[legs.index(self) + 1 :]), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Where the round stands that is under way, or how the last one ended. ``leg`` None: none is under way."""

    leg: Leg | None = None
    link: str | None = None
    """The page to read next; None: the leg's first."""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    list_wanted: bool = True
    """Something may have turned non-compliant: read them all."""
    listed_at: datetime | None = None
    """When the last complete reading of the non-compliant began."""
    listing_since: datetime | None = None
    list_pages: int = 0
    """Of that reading."""
    registered_at: datetime | None = None
    """When the last complete reading of the registrations ended."""
    changed: tuple[str, ...] = ()
    """Entra device ids that turned non-compliant in this round, lower case; past MOST_CHANGED none is added."""
    stumbles: int = 0
    """Runs in a row that ended at this page with "try later"."""
    pages: int = 0
    rows: int = 0
    told: int = 0


_READ = JsonForm(Round)


class SweepProgress:
    """Reads and saves the round and the links together."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def round(self) -> Round:
        """The round as it was saved last; a new one for none, and for what another version of the product wrote."""
        try:
            document = await self._ledger.read(_PARTITION, _ROUND)
            return Round() if document is None else _READ.validate_python(document)
        except ValueError:
            return Round()

    async def delta_link(self, leg: Leg) -> str | None:
        """Where the next round of changes of this leg begins, or None."""
        try:
            document = await self._ledger.read(_PARTITION, f"link-{leg.value}")
        except ValueError:
            return None
        link = None if document is None else document.get("link")
        return link if isinstance(link, str) else None

    def check(self, at: Round, links: Mapping[Leg, str | None]) -> None:
        """Raises Unexpected for a link that no row can hold."""
        if any(len(link or "") > MOST_CHARACTERS for link in (at.link, *links.values())):
            raise Unexpected("Graph's link to the next page is longer than a row can hold")

    async def save(self, at: Round, links: Mapping[Leg, str | None] | None = None) -> None:
        """Save both, or neither: a round never forgets what the changes before a new link asked for."""
        written: dict[str, Document] = {_ROUND: _READ.dump_python(at)}
        written |= {f"link-{leg.value}": {"link": link} for leg, link in (links or {}).items()}
        await self._ledger.change(_PARTITION, tuple(written), lambda _: written)
