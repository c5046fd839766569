"""Applies a plan: exactly what was planned, nothing when the tenant has changed since, and each step in the journal."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from shared.domain.tenant_setup import (
    Action,
    Assigned,
    Change,
    DesiredTenant,
    Kind,
    WantedGroup,
)
from shared.errors import Changed, HandoverError, RetryLater
from shared.ports import Clock, Ids, TenantSetup
from shared.records.locks import Locks
from shared.records.tenant_setup import SetupBook, SetupEntry
from shared.rules.tenant_plan import group_for, page_for
from shared.tenant_setup.plan_tenant import Planned, PlanTenant

SHOWS_WITHIN = timedelta(minutes=5)
"""What Graph has created shows in its lists after this time at the latest; nothing is created a second time before."""
LOCKED_FOR = timedelta(minutes=10)


Tell = Callable[[Change], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeReady:
    """The use case behind plan and apply."""

    planner: PlanTenant
    setup: TenantSetup
    book: SetupBook
    locks: Locks
    clock: Clock
    ids: Ids

    async def plan(self, desired: DesiredTenant, take_over: frozenset[str] = frozenset()) -> Planned:
        """See PlanTenant."""
        return await self.planner.plan(desired, take_over)

    async def apply(self, planned: Planned, *, text: str, who: str, tell: Tell = lambda _: None) -> int:
        """Make what was planned; how many changes were made. ``text`` is the file, kept to look for drift later.

        Raises Changed when the tenant is no longer what was planned with, and what Graph's calls raise; what was done
        until then is written down, and the next plan goes on from there.
        """
        holder = self.ids.new()
        if not await self.locks.take("tenant-setup", holder=holder, now=self.clock.now(), lasts=LOCKED_FOR):
            raise RetryLater("the tenant is being set up by somebody else now")
        try:
            now = await self.plan(planned.desired, planned.take_over)
            if now.changes != planned.changes:
                raise Changed("The tenant has changed since the plan was made: plan again.")
            await self.book.keep_file(text)
            steps = _Steps(use_case=self, planned=now, who=who)
            for change in now.to_make:
                await steps.make(change)
                tell(change)
            return len(now.to_make)
        finally:
            await self.locks.give_back("tenant-setup", holder=holder, now=self.clock.now())


@dataclass(slots=True, kw_only=True)
class _Steps:
    """Makes one change after the other, and knows the ids of what it made."""

    use_case: MakeReady
    planned: Planned
    who: str

    async def make(self, change: Change) -> None:
        """One change, journalled before and after."""
        book = self.use_case.book
        if change.action is Action.CREATE:
            await self._not_twice(change)
        await self._write_down("begun", change)
        try:
            thing_id = await self._made(change)
        except HandoverError as error:
            await self._write_down("failed", change, why=str(error)[:500])
            raise
        await book.remember(change.kind, change.name, thing_id)
        await self._write_down("done", change, thing_id=thing_id)

    async def _not_twice(self, change: Change) -> None:
        """A creation whose end nobody heard may only not show yet."""
        now = self.use_case.clock.now()
        begun = await self.use_case.book.begun_at(change.kind, change.name)
        if begun is not None and now - begun < SHOWS_WITHIN:
            wait = begun + SHOWS_WITHIN - now
            raise RetryLater(f'{change.kind.value} "{change.name}" may have been created a moment ago', wait)
        await self.use_case.book.begin(change.kind, change.name, now)

    async def _write_down(self, what: str, change: Change, *, thing_id: str = "", why: str = "") -> None:
        at = self.use_case.clock.now()
        entry = SetupEntry(at=at, by=self.who, what=what, change=change, id=thing_id, why=why)
        await self.use_case.book.write_down(entry)

    async def _made(self, change: Change) -> str:
        match change.kind:
            case Kind.DEVICE_GROUP | Kind.LICENCE_GROUP:
                return await self._group(change)
            case Kind.PROFILE:
                return await self._profile(change)
            case Kind.STATUS_PAGE:
                return await self._page(change)
            case Kind.MDM_AUTHORITY | Kind.AUTOMATIC_ENROLMENT:
                raise AssertionError("this is left to a person")

    async def _group(self, change: Change) -> str:
        desired, setup = self.planned.desired, self.use_case.setup
        groups: tuple[WantedGroup, ...] = (desired.device_group, *desired.licence_groups)
        wanted = next(each for each in groups if each.name == change.name)
        if change.action is Action.LICENSE:
            group_id = await self._id_of(change)
            lacking = change.fields[0].after.split(", ")
            await setup.license_group(
                group_id, tuple(sku for part, sku in self.planned.found.sku_ids if part in lacking)
            )
            return group_id
        return await setup.put_group(wanted, change.id)

    async def _profile(self, change: Change) -> str:
        setup = self.use_case.setup
        if change.action is not Action.ASSIGN:
            return await setup.put_profile(self.planned.desired.profile, change.id)
        profile_id = await self._id_of(change)
        await setup.assign_profile(profile_id, await self._device_group())
        return profile_id

    async def _page(self, change: Change) -> str:
        setup, wanted = self.use_case.setup, self.planned.desired.status_page
        if change.action in (Action.CREATE, Action.UPDATE):
            return await setup.put_status_page(wanted, change.id)
        page_id = await self._id_of(change)
        if change.action is Action.SET_PRIORITY:
            await setup.set_priority(page_id, int(change.fields[0].after))
            return page_id
        page = page_for(self.planned.desired, self.planned.found, self.planned.take_over).found
        held = Assigned() if page is None else page.assigned
        if wanted.all_devices:
            await setup.assign_status_page(page_id, replace(held, all_devices=True))
        else:
            groups = held.group_ids | {await self._device_group()}
            await setup.assign_status_page(page_id, replace(held, group_ids=groups))
        return page_id

    async def _id_of(self, change: Change) -> str:
        """The id of a thing that was there, or that this very apply made."""
        return change.id or await self._remembered(change.kind, change.name)

    async def _device_group(self) -> str:
        wanted = self.planned.desired.device_group
        group = group_for(wanted, Kind.DEVICE_GROUP, self.planned.found, self.planned.take_over).found
        return group.id if group is not None else await self._remembered(Kind.DEVICE_GROUP, wanted.name)

    async def _remembered(self, kind: Kind, name: str) -> str:
        thing_id = (await self.use_case.book.remembered()).id_of(kind, name)
        assert thing_id is not None, f"{name} was not made"
        return thing_id
