"""The legs of a sweep: what each reads of Graph, what of it is worth a hint, and what the round remembers of it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from shared.domain.case import case_id_for_autopilot
from shared.domain.facts import Missing
from shared.domain.hint import Cause, Hint, Subject
from shared.domain.pages import DeviceChange, FoundDevice, ListedRegistration, Page
from shared.ports import Autopilot, Clock, Devices, Directory
from shared.records.cases import CaseStore
from shared.records.sweep_progress import MOST_CHANGED, Leg, Round, SweepProgress
from shared.upkeep.known_cases import TELL_AGAIN_AFTER, KnownCases, known_cases
from shared.upkeep.pace import Pace, Service

T = TypeVar("T")

LIST_EVERY = timedelta(hours=1)
"""Everything that is non-compliant is read this often, whatever the changes say: Microsoft nowhere promises that a change of
isCompliant comes with /devices/delta, and a device can become non-compliant by the mere passing of time."""
REGISTRATIONS_EVERY = timedelta(hours=6)
MOST_REGISTRATIONS = 100
"""Hints of one page: each costs a look-up or two. The rest is told in the next round that reads them."""
MOST_READ_BY_ID = 20
"""Of a page: the list is known to leave the UPN out, and may leave the name out as well. Which ones are read changes with the
round, so that all have their turn."""
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
    reads_registrations: bool = False

    def costs(self, leg: Leg) -> tuple[Service, int]:
        """Who answers a page, and how many units it takes."""
        return _COSTS[leg]

    def wants(self, leg: Leg, at: Round) -> bool:
        """Whether this round reads the leg at all, or more of it."""
        match leg:
            case Leg.NONCOMPLIANT:
                return at.link is not None or at.list_wanted or self._is_old(at.listed_at, LIST_EVERY)
            case Leg.MEMBERS:
                return bool(self.group_ids)
            case Leg.REGISTRATIONS:
                return self.reads_registrations and (at.link is not None or self._is_old(at.registered_at))
            case _:
                return True

    def _is_old(self, at: datetime | None, every: timedelta = REGISTRATIONS_EVERY) -> bool:
        return at is None or not timedelta() <= self.clock.now() - at < every

    async def visit(self, leg: Leg, at: Round, visit: Visit) -> Visited:
        """Read one page. Raises ResyncNeeded, RetryLater, AccessDenied or Unexpected."""
        match leg:
            case Leg.DEVICES:
                return await self._changed_devices(at)
            case Leg.NONCOMPLIANT:
                return await self._noncompliant(at, visit)
            case Leg.USERS | Leg.MEMBERS:
                return await self._people(leg, at, visit)
            case Leg.REGISTRATIONS:
                return await self._registrations(at, visit)

    def anew(self, leg: Leg, at: Round) -> Round:
        """The leg begins anew, or is left out; what it would have told of the devices, the list of the non-compliant tells."""
        return replace(at, link=None, list_wanted=at.list_wanted or leg is Leg.DEVICES)

    async def _changed_devices(self, at: Round) -> Visited:
        link = at.link or await self.progress.delta_link(Leg.DEVICES)
        page = await self.devices.changes(link)
        turned = list(filter(_turned, page.rows))
        named = tuple(dict.fromkeys(row.entra_device_id.lower() for row in turned if row.entra_device_id))
        if link is not None and self._are_told_one_by_one(at, page, len(turned)) and len(named) == len(turned):
            now = self.clock.now()
            hints = [
                Hint(subject=Subject.ENTRA_DEVICE, key=key, cause=Cause.NONCOMPLIANT, source=SOURCE, at=now)
                for key in named
            ]
            return _onto(at, Leg.DEVICES, page, hints)
        changed = tuple(dict.fromkeys((*at.changed, *named)))[:MOST_CHANGED]
        wanted = at.list_wanted or link is None or bool(turned)
        return _onto(replace(at, changed=changed, list_wanted=wanted), Leg.DEVICES, page, ())

    def _are_told_one_by_one(self, at: Round, page: Page[DeviceChange], turned: int) -> bool:
        """Whether the round's only page of changes names fewer devices than the list of the non-compliant has pages.

        Whoever takes such a hint finds the device by one request. Graph counts the requests within a JSON batch one by one
        against its limits, so for more devices the list is the cheaper way.
        """
        whole = at.link is None and page.next_link is None
        return whole and not at.list_wanted and turned < at.list_pages

    async def _noncompliant(self, at: Round, visit: Visit) -> Visited:
        now = self.clock.now()
        if at.link is None:
            at = replace(at, listing_since=now, list_pages=0)
        page = await self.devices.noncompliant(at.link)
        at = replace(at, list_pages=at.list_pages + 1)
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

    async def _registrations(self, at: Round, visit: Visit) -> Visited:
        """PCs not yet enrolled that were given to somebody else than their case knows."""
        page, known, now = await self.autopilot.listed(at.link), await self._known(visit), self.clock.now()
        rows = [row for row in page.rows if _may_be_given(row, known)]
        hidden = [row for row in rows if row.addressed_to is None]
        hidden.sort(key=lambda row: hashlib.sha256(f"{at.started_at}{row.autopilot_id}".encode()).digest())
        named = [(row, row.addressed_to) for row in rows if row.addressed_to]
        named += [(row, user) for row in hidden[:MOST_READ_BY_ID] if (user := await self._user_of(row, visit))]
        given = [row for row, user in named if await self._is_given_anew(row, user, now)]
        hints = [
            Hint(subject=Subject.SERIAL_NUMBER, key=row.serial_number, cause=Cause.USER_ASSIGNED, source=SOURCE, at=now)
            for row in given[:MOST_REGISTRATIONS]
        ]
        at, told, links = _onto(at, Leg.REGISTRATIONS, page, hints)
        if page.next_link is None:
            at = replace(at, registered_at=now)
        return at, told, links

    async def _user_of(self, row: ListedRegistration, visit: Visit) -> str | None:
        if not visit.pace.may_ask(Service.ENROLMENT):
            return None
        registered = await self.autopilot.read(row.autopilot_id)
        return None if isinstance(registered, Missing) else registered.user_principal_name

    async def _is_given_anew(self, row: ListedRegistration, user: str, now: datetime) -> bool:
        """``user`` is a name or a UPN, as Intune had it."""
        stored = await self.cases.load(case_id_for_autopilot(row.autopilot_id))
        if stored is None:
            return True
        case = stored.case
        owner = () if case.owner is None else (case.owner.display_name, case.owner.user_principal_name)
        same = user.casefold() in [each.casefold() for each in owner]
        return case.state.ended and not same and now - case.moved_at >= TELL_AGAIN_AFTER

    async def _known(self, visit: Visit) -> KnownCases:
        if visit.known is None:
            visit.known = await known_cases(self.cases, self.clock.now())
        return visit.known


def _may_be_given(row: ListedRegistration, known: KnownCases) -> bool:
    listed = known.by_id.get(case_id_for_autopilot(row.autopilot_id))
    return row.managed_device_id is None and row.serial_number != "" and (listed is None or listed.state.ended)


def _onto(at: Round, leg: Leg, page: Page[T], hints: Sequence[Hint]) -> Visited:
    at = replace(at, link=page.next_link, pages=at.pages + 1, rows=at.rows + len(page.rows), told=at.told + len(hints))
    return at, hints, {} if page.delta_link is None else {leg: page.delta_link}


def _turned(change: DeviceChange) -> bool:
    return change.turned_noncompliant


def _of(row: FoundDevice) -> str:
    return (row.entra_device_id or "").lower()
