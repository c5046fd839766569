"""The legs of a sweep: what each reads of Graph, what of it is worth a hint, and what the round remembers of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TypeVar

from shared.domain.hint import Cause, Hint, Subject
from shared.domain.pages import DeviceChange, FoundDevice, Page
from shared.ports import Autopilot, Clock, Devices, Directory
from shared.records.cases import CaseStore
from shared.records.sweep_progress import MOST_CHANGED, Leg, Round, SweepProgress
from shared.upkeep.known_cases import KnownCases, known_cases
from shared.upkeep.pace import Pace, Service

T = TypeVar("T")

LIST_EVERY = timedelta(hours=1)
"""Everything that is non-compliant is read this often, whatever the changes say: Microsoft nowhere promises that a change of
isCompliant comes with /devices/delta, and a device can become non-compliant by the mere passing of time."""
SOURCE = "sweep"

Visited = tuple[Round, Sequence[Hint], dict[Leg, str | None]]
"""The round after a page, what to tell, and the links to remember."""

_COSTS: Mapping[Leg, tuple[Service, int]] = {
    Leg.DEVICES: (Service.DIRECTORY, 1),
    Leg.NONCOMPLIANT: (Service.INTUNE, 1),
    Leg.USERS: (Service.DIRECTORY, 2),
    Leg.MEMBERS: (Service.DIRECTORY, 3),
    Leg.REGISTRATIONS: (Service.ENROLMENT, 1),
}


@dataclass(kw_only=True)
class Visit:
    """What one run of the timer has done and learnt so far."""

    pace: Pace
    told: int = 0
    known: KnownCases | None = None
    _begun_anew: set[Leg] = field(default_factory=set[Leg])

    def may_begin_anew(self, leg: Leg) -> bool:
        """Once in a run; a leg that cannot even begin is left to the next round."""
        again = leg in self._begun_anew
        self._begun_anew.add(leg)
        return not again


@dataclass(frozen=True, slots=True, kw_only=True)
class Legs:
    """All of them, over the ports."""

    devices: Devices
    directory: Directory
    autopilot: Autopilot
    cases: CaseStore
    progress: SweepProgress
    clock: Clock
    group_ids: tuple[str, ...] = ()
    """Groups whose new members are looked for."""

    def costs(self, leg: Leg) -> tuple[Service, int]:
        """Who answers a page, and how many units it takes."""
        return _COSTS[leg]

    def wants(self, leg: Leg, at: Round) -> bool:
        """Whether this round reads the leg at all, or more of it."""
        match leg:
            case Leg.NONCOMPLIANT:
                now = self.clock.now()
                lately = at.listed_at is not None and timedelta() <= now - at.listed_at < LIST_EVERY
                return at.link is not None or at.list_wanted or not lately
            case Leg.MEMBERS:
                return bool(self.group_ids)
            case Leg.REGISTRATIONS:
                return False
            case _:
                return True

    async def visit(self, leg: Leg, at: Round, visit: Visit) -> Visited:
        """Read one page. Raises ResyncNeeded, RetryLater, AccessDenied or Unexpected."""
        match leg:
            case Leg.DEVICES:
                return await self._changed_devices(at)
            case Leg.NONCOMPLIANT:
                return await self._noncompliant(at, visit)
            case Leg.USERS | Leg.MEMBERS | Leg.REGISTRATIONS:
                return await self._people(leg, at, visit)

    def anew(self, leg: Leg, at: Round) -> Round:
        """The leg begins anew, or is left out; what it would have told of the devices, the list of the non-compliant tells."""
        return replace(at, link=None, list_wanted=at.list_wanted or leg is Leg.DEVICES)

    async def _changed_devices(self, at: Round) -> Visited:
        link = at.link or await self.progress.delta_link(Leg.DEVICES)
        page = await self.devices.changes(link)
        turned = [row.entra_device_id.lower() for row in page.rows if _turned(row) and row.entra_device_id]
        changed = tuple(dict.fromkeys((*at.changed, *turned)))[:MOST_CHANGED]
        wanted = at.list_wanted or link is None or any(map(_turned, page.rows))
        return _onto(replace(at, changed=changed, list_wanted=wanted), Leg.DEVICES, page, ())

    async def _noncompliant(self, at: Round, visit: Visit) -> Visited:
        now = self.clock.now()
        if at.link is None:
            at = replace(at, listing_since=now)
        page = await self.devices.noncompliant(at.link)
        known = await self._known(visit)
        changed = frozenset(at.changed)
        hints = [
            Hint(subject=Subject.MANAGED_DEVICE, key=key, cause=Cause.NONCOMPLIANT, source=SOURCE, at=now)
            for row in page.rows
            if known.is_news(row.managed_device_id, changed=_of(row) in changed, now=now)
            for key in (row.managed_device_id.lower(),)
        ]
        at, hints_, links = _onto(at, Leg.NONCOMPLIANT, page, hints)
        if page.next_link is None:
            at = replace(at, listed_at=at.listing_since, list_wanted=False)
        return at, hints_, links

    async def _people(self, leg: Leg, at: Round, visit: Visit) -> Visited:
        """Users who may have what their case waits for. From a fresh start nothing is known of the time before: all who wait."""
        link = at.link or await self.progress.delta_link(leg)
        if leg is Leg.USERS:
            page, cause = await self.directory.changed_users(link), Cause.USER_CHANGED
        else:
            page, cause = await self.directory.changed_members(self.group_ids, link), Cause.GROUP_CHANGED
        if link is not None and not page.rows:
            return _onto(at, leg, page, ())
        waiting = (await self._known(visit)).waiting_owners
        users = sorted(waiting if link is None else waiting.intersection(page.rows))
        now = self.clock.now()
        return _onto(
            at, leg, page, [Hint(subject=Subject.USER, key=user, cause=cause, source=SOURCE, at=now) for user in users]
        )

    async def _known(self, visit: Visit) -> KnownCases:
        if visit.known is None:
            visit.known = await known_cases(self.cases, self.clock.now())
        return visit.known


def _onto(at: Round, leg: Leg, page: Page[T], hints: Sequence[Hint]) -> Visited:
    at = replace(at, link=page.next_link, pages=at.pages + 1, rows=at.rows + len(page.rows), told=at.told + len(hints))
    return at, hints, {} if page.delta_link is None else {leg: page.delta_link}


def _turned(change: DeviceChange) -> bool:
    return change.turned_noncompliant


def _of(row: FoundDevice) -> str:
    return (row.entra_device_id or "").lower()
