"""Microsoft Graph in memory: the ports of devices, users, Autopilot, tenant and subscriptions over plain dicts.

They keep state and count writes. Answers other than the usual one are queued in the ``..._answers`` lists; an
exception in such a list is raised.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Generic, TypeVar

from shared.domain.effects import (
    AdminApproved,
    Answer,
    Done,
    WipeAccepted,
    WipeAnswer,
    WipeBacking,
    WipeNeedsApproval,
    WipeNotSent,
    WipeRefused,
)
from shared.domain.facts import (
    MISSING,
    AdminApprovalRequest,
    AutopilotDevice,
    Compliance,
    EnrolmentFailure,
    EnrolmentStatusPage,
    Fleet,
    HeldLicence,
    LicenceGroup,
    ManagedDevice,
    Missing,
    PlanStatus,
    PolicyState,
    SettingState,
    Sku,
    TenantFacts,
    User,
    WipeAudit,
)
from shared.domain.pages import DeviceChange, FoundDevice, ListedRegistration, Page
from shared.errors import ResyncNeeded
from shared.ports import Clock, GraphSubscription

T = TypeVar("T")


async def _next_answer(queued: list[T | Exception], usual: T) -> T:
    await asyncio.sleep(0)  # every call gives way to other tasks once, so that races are possible
    answer = queued.pop(0) if queued else usual
    if isinstance(answer, Exception):
        raise answer
    return answer


class FakeRound(Generic[T]):
    """One source of changes and the pages of its rounds; a link is the number of the change it begins with.

    ``page_size`` rows a page. ``forgotten``: links given before are not known any more. ``answers`` come first: an exception
    is raised, None is an empty page.
    """

    def __init__(self) -> None:
        self.changes: list[T] = []
        self.page_size = 100
        self.reads = 0
        self.answers: list[Exception | None] = []
        self._era = 0

    def forget(self) -> None:
        """Every link given so far is worthless."""
        self._era += 1

    async def page(self, link: str | None) -> Page[T]:
        self.reads += 1
        await asyncio.sleep(0)
        begin = len(self.changes) if link is None else self._number(link)
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return Page(rows=(), next_link=self._link(begin))
        end = begin + self.page_size
        rows, more = tuple(self.changes[begin:end]), end < len(self.changes)
        links = {"next_link" if more else "delta_link": self._link(end if more else len(self.changes))}
        return Page(rows=rows, **links)

    def _link(self, number: int) -> str:
        return f"https://graph.example/{self._era}/{number}"

    def _number(self, link: str) -> int:
        era, number = link.split("/")[-2:]
        if int(era) != self._era:
            raise ResyncNeeded("410")
        return int(number)


BUILT_IN_FAILS = (
    PolicyState(
        name="Default Device Compliance Policy",
        state="nonCompliant",
        settings=(SettingState(name="DefaultDeviceCompliancePolicy.RequireUserExistence", state="nonCompliant"),),
    ),
)


class FakeSecondAdmin:
    """Multi Admin Approval of wipes. ``names_code`` false: the answer does not say which request it filed."""

    def __init__(self, clock: Clock) -> None:
        self.requests: dict[str, AdminApprovalRequest] = {}
        self.names_code = True
        self.clock = clock

    def check(self, managed_device_id: str, backing: WipeBacking) -> WipeAnswer:
        if isinstance(backing, AdminApproved):
            request = self.requests.get(backing.code)
            if request is None or request.status != "approved" or managed_device_id not in request.justification:
                return WipeRefused(status=403, code="Forbidden", message="not an approved request")
            self.requests[request.id] = replace(request, status="completed")
            return WipeAccepted()
        if any(one.status == "needsApproval" for one in self.requests.values()):
            return WipeNeedsApproval(status=409, code=None, message="An active Approval Request already exists")
        code = f"request-{len(self.requests) + 1}"
        self.requests[code] = AdminApprovalRequest(
            id=code, status="needsApproval", justification=backing.text, requested_at=self.clock.now()
        )
        return WipeNeedsApproval(
            status=403, code=code if self.names_code else None, message="ApprovalRequired Approval is required."
        )

    def decide(self, status: str, by: str | None = "Second Admin") -> None:
        """The second administrator decides on what is open."""
        for one in list(self.requests.values()):
            if one.status == "needsApproval":
                self.requests[one.id] = replace(one, status=status, decided_by=by)


@dataclass
class FakeTroubleshooting:
    """Intune's record of failed enrolments."""

    failures: list[EnrolmentFailure] = field(default_factory=list[EnrolmentFailure])
    answers: list[tuple[EnrolmentFailure, ...] | Exception] = field(
        default_factory=list["tuple[EnrolmentFailure, ...] | Exception"]
    )
    reads: int = 0


class FakeDevices:
    """The port Devices. ``wiped`` and ``synced`` count the requests for each device; ``executed`` the wipes carried out."""

    def __init__(self, devices: Sequence[ManagedDevice] = ()) -> None:
        self.devices = {device.id: device for device in devices}
        self.wiped: Counter[str] = Counter()
        self.executed: Counter[str] = Counter()
        self.backings: list[WipeBacking] = []
        self.second_admin: FakeSecondAdmin | None = None
        self.approval_answers: list[tuple[AdminApprovalRequest, ...] | Exception] = []
        self.synced: Counter[str] = Counter()
        self.reads: Counter[str] = Counter()
        self.lists = 0
        self.finds = 0
        """How often a device was looked for by another id than its own."""
        self.find_answers: list[tuple[ManagedDevice, ...] | Exception] = []
        self.of_user_answers: list[tuple[ManagedDevice, ...] | Exception] = []
        self.wipe_answers: list[WipeAnswer | Exception] = []
        self.sync_answers: list[Answer | Exception] = []
        self.read_answers: list[ManagedDevice | Missing | Exception] = []
        self.when_wiped: Callable[[str], None] = lambda _: None
        """Called with the device id once a wipe was accepted."""
        self.changed = FakeRound[DeviceChange]()
        self.policies: dict[str, tuple[PolicyState, ...]] = {}
        """By device; without an entry the enrolment user does not exist any more."""
        self.policy_answers: list[tuple[PolicyState, ...] | Exception] = []
        self.policy_reads = 0
        self.noncompliant_page_size = 1000
        self.noncompliant_answers: list[Page[FoundDevice] | Exception] = []
        self.noncompliant_reads = 0
        self.troubleshooting = FakeTroubleshooting()
        self.audits: list[WipeAudit] = []
        self.audit_answers: list[tuple[WipeAudit, ...] | Exception] = []
        self.audit_reads = 0

    async def read(self, managed_device_id: str) -> ManagedDevice | Missing:
        self.reads[managed_device_id] += 1
        return await _next_answer(self.read_answers, self.devices.get(managed_device_id, MISSING))

    async def reread(self, managed_device_id: str) -> ManagedDevice | Missing:
        return await self.read(managed_device_id)

    async def policy_states(self, managed_device_id: str) -> tuple[PolicyState, ...]:
        self.policy_reads += 1
        usual = self.policies.get(managed_device_id, BUILT_IN_FAILS)
        return await _next_answer(self.policy_answers, usual if managed_device_id in self.devices else ())

    async def with_serial_number(self, serial_number: str) -> tuple[ManagedDevice, ...]:
        self.finds += 1
        wanted = serial_number.strip().lower()
        found = self._newest_first([d for d in self.devices.values() if d.serial_number.strip().lower() == wanted])
        return await _next_answer(self.find_answers, found)

    async def with_entra_device(self, entra_device_id: str) -> tuple[ManagedDevice, ...]:
        self.finds += 1
        wanted = entra_device_id.lower()
        found = self._newest_first([d for d in self.devices.values() if (d.entra_device_id or "").lower() == wanted])
        return await _next_answer(self.find_answers, found)

    async def of_user(self, user_id: str) -> tuple[ManagedDevice, ...]:
        wanted = user_id.lower()
        found = self._newest_first([d for d in self.devices.values() if (d.user_id or "").lower() == wanted])
        return await _next_answer(self.of_user_answers, found)

    async def enrolled_since(self, since: datetime) -> AsyncIterator[ManagedDevice]:
        self.lists += 1
        await asyncio.sleep(0)
        for device in list(self.devices.values()):
            if device.enrolled_at is not None and device.enrolled_at > since:
                yield device

    async def sync(self, managed_device_id: str) -> Answer:
        self.synced[managed_device_id] += 1
        return await _next_answer(self.sync_answers, Done())

    async def wipe(
        self, managed_device_id: str, backing: WipeBacking, *, not_after: datetime | None = None
    ) -> WipeAnswer:
        queued = bool(self.wipe_answers)
        answer = await _next_answer(self.wipe_answers, WipeAccepted())
        if isinstance(answer, WipeNotSent):
            return answer
        self.wiped[managed_device_id] += 1
        self.backings.append(backing)
        if self.second_admin is not None and not queued:
            answer = self.second_admin.check(managed_device_id, backing)
        if isinstance(answer, WipeAccepted):
            self.executed[managed_device_id] += 1
            self.change(managed_device_id, management_state="wipePending")
            self.when_wiped(managed_device_id)
        return answer

    async def approval_requests(self) -> tuple[AdminApprovalRequest, ...]:
        requests = () if self.second_admin is None else tuple(self.second_admin.requests.values())
        return await _next_answer(self.approval_answers, requests)

    async def wipe_audits(self) -> tuple[WipeAudit, ...]:
        self.audit_reads += 1
        return await _next_answer(self.audit_answers, tuple(self.audits))

    async def enrolment_failures(self) -> tuple[EnrolmentFailure, ...]:
        self.troubleshooting.reads += 1
        return await _next_answer(self.troubleshooting.answers, tuple(self.troubleshooting.failures))

    async def changes(self, link: str | None) -> Page[DeviceChange]:
        return await self.changed.page(link)

    async def noncompliant(self, link: str | None) -> Page[FoundDevice]:
        self.noncompliant_reads += 1
        rows = [
            FoundDevice(managed_device_id=d.id, entra_device_id=d.entra_device_id)
            for d in self.devices.values()
            if d.compliance is Compliance.NONCOMPLIANT
        ]
        begin = int(link or 0)
        end = begin + self.noncompliant_page_size
        page = Page(rows=tuple(rows[begin:end]), next_link=str(end) if end < len(rows) else None)
        return await _next_answer(self.noncompliant_answers, page)

    def turn(self, managed_device_id: str, compliance: Compliance) -> None:
        """Intune changes its mind about a device, and the directory's device object says so, too."""
        self.change(managed_device_id, compliance=compliance)
        device = self.devices[managed_device_id]
        compliant = compliance is Compliance.COMPLIANT
        self.changed.changes.append(
            DeviceChange(entra_device_id=device.entra_device_id, compliant=compliant, managed=True)
        )

    def change(self, managed_device_id: str, **fields: object) -> None:
        """Change fields of a device, if it is there."""
        if (device := self.devices.get(managed_device_id)) is not None:
            self.devices[managed_device_id] = replace(device, **fields)

    def _newest_first(self, found: list[ManagedDevice]) -> tuple[ManagedDevice, ...]:
        return tuple(
            sorted(found, key=lambda d: "" if d.enrolled_at is None else d.enrolled_at.isoformat(), reverse=True)
        )


class FakeTenant:
    """The port Tenant; ``reads`` counts how often it was asked."""

    def __init__(
        self,
        clock: Clock,
        skus: Sequence[Sku] = (),
        pages: Sequence[EnrolmentStatusPage] = (),
        authority: str = "intune",
    ) -> None:
        self.skus = {sku.id: sku for sku in skus}
        self.status_pages = tuple(pages)
        self.mdm_authority = authority
        self.more: dict[str, object] = {}
        """Other fields of the facts."""
        self.reads = 0
        self.answers: list[TenantFacts | Exception] = []
        self.enrolled, self.noncompliant = 5000, 50
        self.fleet_reads = 0
        self.fleet_answers: list[Fleet | Exception] = []
        self._clock = clock

    async def fleet(self) -> Fleet:
        self.fleet_reads += 1
        counted = Fleet(read_at=self._clock.now(), enrolled=self.enrolled, noncompliant=self.noncompliant)
        return await _next_answer(self.fleet_answers, counted)

    async def facts(self) -> TenantFacts:
        self.reads += 1
        facts = TenantFacts(
            read_at=self._clock.now(),
            mdm_authority=self.mdm_authority,
            skus=tuple(self.skus.values()),
            status_pages=self.status_pages,
        )
        facts = replace(facts, **self.more)
        return await _next_answer(self.answers, facts)


class FakeDirectory:
    """The port Directory. A licence takes a seat at once; its plans read Success when ``provisions`` is true."""

    def __init__(self, tenant: FakeTenant, users: Sequence[User] = ()) -> None:
        self.users = {user.id: user for user in users}
        self.statuses: dict[str, dict[tuple[str, str], str]] = {}
        self.assigned: Counter[tuple[str, str]] = Counter()
        self.located: Counter[tuple[str, str]] = Counter()
        self.provisions = True
        self.user_answers: list[User | Missing | Exception] = []
        self.assign_answers: list[Answer | Exception] = []
        self.removed: Counter[tuple[str, tuple[str, ...]]] = Counter()
        self.remove_answers: list[Answer | Exception] = []
        self.licence_groups: dict[str, LicenceGroup] = {}
        self.group_gives = True
        self.licence_group_answers: list[LicenceGroup | Missing | Exception] = []
        self.joined: Counter[tuple[str, str]] = Counter()
        self.join_answers: list[Answer | Exception] = []
        self.reprocessed: Counter[str] = Counter()
        self.reprocess_answers: list[Answer | Exception] = []
        self.location_answers: list[Answer | Exception] = []
        self.touched: Counter[str] = Counter()
        self.touch_answers: list[Answer | Exception] = []
        self.groups: dict[str, set[str]] = {}
        """Members of each group by id: user ids and Entra device ids, all lower case."""
        self.group_answers: list[frozenset[str] | Missing | Exception] = []
        self.asked_groups: Counter[str] = Counter()
        self.keys: Counter[str] = Counter()
        self.key_answers: list[int | Exception] = []
        self.users_changed = FakeRound[str]()
        self.members_changed = FakeRound[str]()
        self._tenant = tenant

    async def groups_of_user(self, user_id: str, group_ids: tuple[str, ...]) -> frozenset[str] | Missing:
        assert 0 < len(group_ids) <= 20
        self.asked_groups[user_id.lower()] += 1
        members = ((group.lower(), self.groups.get(group.lower(), set())) for group in group_ids)
        found = frozenset(group for group, who in members if user_id.lower() in who)
        return await _next_answer(self.group_answers, found)

    async def groups_of_device(self, entra_device_id: str, group_ids: tuple[str, ...]) -> frozenset[str] | Missing:
        return await self.groups_of_user(entra_device_id, group_ids)

    async def recovery_keys(self, entra_device_id: str) -> int:
        return await _next_answer(self.key_answers, self.keys[entra_device_id])

    async def user(self, id_or_upn: str) -> User | Missing:
        wanted = id_or_upn.lower()
        found = (u for u in self.users.values() if wanted in (u.id.lower(), u.user_principal_name.lower()))
        return await _next_answer(self.user_answers, next(found, MISSING))

    async def plans(self, user_id: str) -> tuple[PlanStatus, ...]:
        await asyncio.sleep(0)
        user = self.users.get(user_id)
        held = [self._tenant.skus[sku_id] for sku_id in user.sku_ids] if user is not None else []
        statuses = self.statuses.get(user_id, {})
        return tuple(
            PlanStatus(sku_id=sku.id, plan_id=plan, name=plan, status=statuses.get((sku.id, plan), "Success"))
            for sku in held
            for plan in sorted(sku.plan_ids)
        )

    async def set_usage_location(self, user_id: str, country: str) -> Answer:
        answer = await _next_answer(self.location_answers, Done())
        if isinstance(answer, Done):
            self.located[user_id, country] += 1
            self.users[user_id] = replace(self.users[user_id], usage_location=country)
        return answer

    async def assign_licence(
        self,
        user_id: str,
        sku_id: str,
        *,
        disabled_plan_ids: tuple[str, ...] = (),
        remove_sku_ids: tuple[str, ...] = (),
    ) -> Answer:
        answer = await _next_answer(self.assign_answers, Done())
        if isinstance(answer, Done):
            self.assigned[user_id, sku_id] += 1
            self._take(user_id, remove_sku_ids)
            self.give(user_id, HeldLicence(sku_id=sku_id, direct=True, disabled_plan_ids=frozenset(disabled_plan_ids)))
        return answer

    async def remove_licences(self, user_id: str, sku_ids: tuple[str, ...]) -> Answer:
        answer = await _next_answer(self.remove_answers, Done())
        if isinstance(answer, Done):
            self.removed[user_id, sku_ids] += 1
            self._take(user_id, sku_ids)
        return answer

    async def licence_group(self, group_id: str) -> LicenceGroup | Missing:
        return await _next_answer(self.licence_group_answers, self.licence_groups.get(group_id, MISSING))

    async def add_to_group(self, group_id: str, user_id: str) -> Answer:
        answer = await _next_answer(self.join_answers, Done())
        if isinstance(answer, Done):
            self.joined[group_id, user_id] += 1
            for sku_id, disabled in self.licence_groups[group_id].products if self.group_gives else ():
                self.give(
                    user_id,
                    HeldLicence(sku_id=sku_id, direct=False, group_id=group_id, disabled_plan_ids=disabled),
                )
        return answer

    async def reprocess_licences(self, user_id: str) -> Answer:
        self.reprocessed[user_id] += 1
        return await _next_answer(self.reprocess_answers, Done())

    def give(self, user_id: str, licence: HeldLicence) -> None:
        """The user has the licence now; a seat is taken for a product that they did not have."""
        user, sku = self.users[user_id], self._tenant.skus[licence.sku_id]
        if licence.sku_id not in user.sku_ids:
            self._tenant.skus[sku.id] = replace(sku, used=sku.used + 1)
            if not self.provisions:
                self.statuses[user_id] = {(sku.id, plan): "PendingInput" for plan in sku.plan_ids}
        same = (licence.sku_id, licence.direct)
        others = tuple(held for held in user.licences if (held.sku_id, held.direct) != same)
        self.users[user_id] = replace(
            user,
            sku_ids=tuple(dict.fromkeys((*user.sku_ids, licence.sku_id))),
            licences=(*others, licence),
            enabled_plan_ids=user.enabled_plan_ids | (sku.plan_ids - licence.disabled_plan_ids),
        )

    def _take(self, user_id: str, sku_ids: tuple[str, ...]) -> None:
        user = self.users[user_id]
        for sku_id in set(sku_ids) & set(user.sku_ids):
            sku = self._tenant.skus[sku_id]
            self._tenant.skus[sku_id] = replace(sku, used=sku.used - 1)
        left = tuple(sku_id for sku_id in user.sku_ids if sku_id not in sku_ids)
        plans = frozenset[str]().union(*(self._tenant.skus[sku_id].plan_ids for sku_id in left))
        self.users[user_id] = replace(
            user,
            sku_ids=left,
            licences=tuple(held for held in user.licences if held.sku_id not in sku_ids),
            enabled_plan_ids=plans,
        )

    async def changed_users(self, link: str | None) -> Page[str]:
        return await self.users_changed.page(link)

    async def changed_members(self, group_ids: tuple[str, ...], link: str | None) -> Page[str]:
        assert group_ids
        return await self.members_changed.page(link)

    async def touch(self, id_or_upn: str, note: str) -> Answer:
        answer = await _next_answer(self.touch_answers, Done())
        self.touched[id_or_upn] += 1
        return answer

    def provision(self, user_id: str) -> None:
        """Everything the user holds is ready now."""
        self.statuses.pop(user_id, None)


class FakeAutopilot:
    """The port Autopilot; ``bound`` counts the assignments of each registration."""

    def __init__(self, registrations: Sequence[AutopilotDevice] = ()) -> None:
        self.registrations = {registered.id: registered for registered in registrations}
        self.bound: Counter[str] = Counter()
        self.bind_answers: list[Answer | Exception] = []
        self.list_answers: list[Page[ListedRegistration] | Exception] = []

    async def with_serial_number(self, serial_number: str) -> tuple[AutopilotDevice, ...]:
        await asyncio.sleep(0)
        wanted = serial_number.strip().lower()
        return tuple(r for r in self.registrations.values() if r.serial_number.strip().lower() == wanted)

    async def read(self, autopilot_id: str) -> AutopilotDevice | Missing:
        await asyncio.sleep(0)
        return self.registrations.get(autopilot_id, MISSING)

    async def bind(self, autopilot_id: str, user_principal_name: str, display_name: str) -> Answer:
        answer = await _next_answer(self.bind_answers, Done())
        if isinstance(answer, Done):
            self.bound[autopilot_id] += 1
            registered = self.registrations[autopilot_id]
            self.registrations[autopilot_id] = replace(registered, user_principal_name=user_principal_name)
        return answer

    async def listed(self, link: str | None) -> Page[ListedRegistration]:
        rows = tuple(
            ListedRegistration(
                autopilot_id=each.id,
                serial_number=each.serial_number,
                addressed_to=each.user_principal_name and each.user_principal_name.partition("@")[0],
                managed_device_id=each.managed_device_id,
            )
            for each in self.registrations.values()
        )
        return await _next_answer(self.list_answers, Page(rows=rows))


class FakeSubscriptions:
    """The port Subscriptions, with the rule that a resource can be subscribed to once."""

    def __init__(self) -> None:
        self.existing: dict[str, GraphSubscription] = {}
        self.client_states: dict[str, str] = {}
        self.created = 0
        self.renewed: Counter[str] = Counter()
        self.lists = 0
        self.create_answers: list[GraphSubscription | str | Exception] = []

    async def create(
        self, *, resource: str, change_type: str, notification_url: str, client_state: str, expires_at: datetime
    ) -> GraphSubscription | str:
        there = next((one for one in self.existing.values() if one.resource == resource), None)
        if there is not None:
            return await _next_answer(self.create_answers, there.id)
        fresh = GraphSubscription(
            id=f"subscription-{self.created + 1}",
            resource=resource,
            expires_at=expires_at,
            notification_url=notification_url,
        )
        answer = await _next_answer(self.create_answers, fresh)
        if isinstance(answer, GraphSubscription):
            self.created += 1
            self.existing[answer.id] = answer
            self.client_states[answer.id] = client_state
        return answer

    async def renew(self, subscription_id: str, expires_at: datetime) -> GraphSubscription | Missing:
        await asyncio.sleep(0)
        if subscription_id not in self.existing:
            return MISSING
        self.renewed[subscription_id] += 1
        self.existing[subscription_id] = replace(self.existing[subscription_id], expires_at=expires_at)
        return self.existing[subscription_id]

    async def delete(self, subscription_id: str) -> None:
        await asyncio.sleep(0)
        self.existing.pop(subscription_id, None)

    async def all(self) -> tuple[GraphSubscription, ...]:
        self.lists += 1
        await asyncio.sleep(0)
        return tuple(self.existing.values())
