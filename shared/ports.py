"""What the use cases need of the outside world. Implementations are in shared/clients/ and, for tests, in tests/fakes/."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # a port has no values: what it carries is loaded by whoever makes it
    from shared.domain.effects import Answer, WipeAnswer, WipeBacking
    from shared.domain.facts import (
        AdminApprovalRequest,
        AutopilotDevice,
        EnrolmentFailure,
        Fleet,
        LicenceGroup,
        ManagedDevice,
        Missing,
        PlanStatus,
        PolicyState,
        TenantFacts,
        User,
        WipeAudit,
    )
    from shared.domain.pages import DeviceChange, FoundDevice, ListedRegistration, Page
    from shared.domain.registration import HardwareHash, ImportedHash, RegisteredPc, SyncOfAutopilot
    from shared.domain.tenant_setup import (
        Assigned,
        FoundProfile,
        FoundTenant,
        MobilityPolicy,
        Remembered,
        WantedGroup,
        WantedProfile,
        WantedStatusPage,
    )

Value = str | int | float | bool | datetime


class Clock(Protocol):
    """The time, always UTC."""

    def now(self) -> datetime:
        """The current time, timezone-aware, UTC."""
        ...


class Ids(Protocol):
    """Random identifiers: nonces, write ids, correlation ids."""

    def new(self) -> str:
        """A fresh identifier of 32 hexadecimal digits, never seen before."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One stored row and the ETag it was read with."""

    partition: str
    key: str
    data: Mapping[str, Value]
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One conditional write: ``expect`` is the ETag the row must have, None when it must not exist yet."""

    key: str
    data: Mapping[str, Value]
    expect: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """One write whatever is there, among others; only derived rows may be written so."""

    key: str
    data: Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """One row that is deleted, among others; it has to be there, and only derived rows may go so."""

    key: str


class Rows(Protocol):
    """Rows with ETags in tables of partitions. Every write is conditional, but ``upsert`` and ``Put``, which only derived rows
    may use.

    Every method raises RetryLater when storage is busy or away and AccessDenied when it refuses us.
    """

    async def get(self, table: str, partition: str, key: str) -> Row | None:
        """The row, or None."""
        ...

    async def write(self, table: str, partition: str, writes: Sequence[Write | Put | Gone]) -> list[str]:
        """Write 1 to 100 rows of one partition, all or none; the new ETags in order, "" for a deleted row.

        Raises Changed when an expected ETag does not match (or the row is gone) and AlreadyThere when a new row
        exists. Either may be our own earlier write whose answer was lost: the caller re-reads and compares its
        write id.
        """
        ...

    async def upsert(self, table: str, partition: str, key: str, data: Mapping[str, Value]) -> None:
        """Write a derived row (an index, a counter's view) whatever is there."""
        ...

    async def delete(self, table: str, partition: str, key: str, *, expect: str | None = None) -> None:
        """Delete the row; a row that is already gone is fine. Raises Changed when ``expect`` does not match."""
        ...

    def scan(
        self,
        table: str,
        partition: str | None = None,
        *,
        key_prefix: str = "",
        after: str = "",
        most: int | None = None,
    ) -> AsyncIterator[Row]:
        """Rows in key order of one partition (or of all), page by page; ``key_prefix`` keeps keys that start with it,
        ``after`` those that come later than it. ``most``: so many at most (1 to 1000), and no more are read for it."""
        ...


class Messages(Protocol):
    """Queues of text messages: at least once, in no order, invisible until their delay has passed."""

    async def send(self, queue: str, body: str, *, delay: timedelta = timedelta()) -> None:
        """Store one message (at most 48 KiB UTF-8) that never expires; delays over 7 days are cut to 7 days.

        Raises RetryLater when storage is busy or away.
        """
        ...

    async def measure(self, queue: str) -> QueueSize:
        """How full a queue is. Raises RetryLater when storage is busy or away, AccessDenied when it refuses us."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSize:
    """``messages`` is about how many there are, those that are still invisible included. ``oldest_at`` is when the message
    that is next was put there, None when none is visible; a delayed message was put there that long before it is due."""

    messages: int
    oldest_at: datetime | None


class Devices(Protocol):
    """Intune managed devices. Reads raise RetryLater or AccessDenied; a missing device is MISSING, never an error."""

    async def read(self, managed_device_id: str) -> ManagedDevice | Missing:
        """One device with everything known about it, beta fields included."""
        ...

    async def reread(self, managed_device_id: str) -> ManagedDevice | Missing:
        """The fence: the same device from v1.0 alone, read right before a wipe."""
        ...

    async def with_serial_number(self, serial_number: str) -> tuple[ManagedDevice, ...]:
        """Every enrolment with exactly this serial number, newest enrolment first; every row is re-checked."""
        ...

    async def policy_states(self, managed_device_id: str) -> tuple[PolicyState, ...]:
        """Every compliance policy on the device with its settings; () when the device is gone."""
        ...

    async def with_entra_device(self, entra_device_id: str) -> tuple[ManagedDevice, ...]:
        """Every enrolment of this Entra device id (not object id); every row is re-checked."""
        ...

    async def of_user(self, user_id: str) -> tuple[ManagedDevice, ...]:
        """Every enrolment of this user; every row is re-checked."""
        ...

    def enrolled_since(self, since: datetime) -> AsyncIterator[ManagedDevice]:
        """Enrolments later than ``since``, page by page; every row is re-checked."""
        ...

    async def sync(self, managed_device_id: str) -> Answer:
        """Ask the device to check in now."""
        ...

    async def wipe(
        self, managed_device_id: str, backing: WipeBacking, *, not_after: datetime | None = None
    ) -> WipeAnswer:
        """ONE wipe POST for exactly one device: no retry, no redirect. Never raises: the answer is a value.

        Path and body do not depend on ``backing``, which is a header. WipeNotSent when a token could only be had after
        ``not_after``: what was read before is too old by then.
        """
        ...

    async def approval_requests(self) -> tuple[AdminApprovalRequest, ...]:
        """The requests of Intune's Multi Admin Approval, in no order; whose they are has to be told by their text."""
        ...

    async def wipe_audits(self) -> tuple[WipeAudit, ...]:
        """Every wipe that Intune's record of remote actions holds, in no order; every row is re-checked."""
        ...

    async def enrolment_failures(self) -> tuple[EnrolmentFailure, ...]:
        """Every failed enrolment that Intune keeps, of any device and user, in no order."""
        ...

    async def changes(self, link: str | None) -> Page[DeviceChange]:
        """One page of what changed in the directory's device objects; None begins a round with what changes from now on.

        Raises ResyncNeeded when ``link`` is not good any more.
        """
        ...

    async def noncompliant(self, link: str | None) -> Page[FoundDevice]:
        """One page of the enrolments that Intune calls non-compliant; every row is re-checked. Raises ResyncNeeded."""
        ...


class Directory(Protocol):
    """Users and their licences."""

    async def user(self, id_or_upn: str) -> User | Missing:
        """One user by id or UPN."""
        ...

    async def plans(self, user_id: str) -> tuple[PlanStatus, ...]:
        """The service plans of all of the user's licences with their provisioning status."""
        ...

    async def set_usage_location(self, user_id: str, country: str) -> Answer:
        """Set the two-letter usage location."""
        ...

    async def assign_licence(
        self,
        user_id: str,
        sku_id: str,
        *,
        disabled_plan_ids: tuple[str, ...] = (),
        remove_sku_ids: tuple[str, ...] = (),
    ) -> Answer:
        """Add one licence with these plans off, and take others away in the same write: both or neither.

        Adding is harmless to repeat. Refused carries Graph's code and message.
        """
        ...

    async def remove_licences(self, user_id: str, sku_ids: tuple[str, ...]) -> Answer:
        """Take directly assigned licences away, all or none."""
        ...

    async def licence_group(self, group_id: str) -> LicenceGroup | Missing:
        """A group with the products that its members inherit."""
        ...

    async def add_to_group(self, group_id: str, user_id: str) -> Answer:
        """Make the user a member; Done also for one who is a member already."""
        ...

    async def reprocess_licences(self, user_id: str) -> Answer:
        """Have the user's group licences worked out again; it takes minutes until that shows."""
        ...

    async def groups_of_user(self, user_id: str, group_ids: tuple[str, ...]) -> frozenset[str] | Missing:
        """Which of the groups (at most 20) the user is in, through other groups as well; ids in lower case."""
        ...

    async def groups_of_device(self, entra_device_id: str, group_ids: tuple[str, ...]) -> frozenset[str] | Missing:
        """The same of a device; MISSING unless exactly one device object has this device id (not object id)."""
        ...

    async def recovery_keys(self, entra_device_id: str) -> int:
        """How many BitLocker recovery keys of the device Entra ID keeps; the keys themselves are not read."""
        ...

    async def changed_users(self, link: str | None) -> Page[str]:
        """One page of the ids of users whose licences changed; None begins with what changes from now on. Raises ResyncNeeded."""
        ...

    async def changed_members(self, group_ids: tuple[str, ...], link: str | None) -> Page[str]:
        """One page of the ids of users who joined or left one of the groups; see ``changed_users``."""
        ...

    async def touch(self, id_or_upn: str, note: str) -> Answer:
        """Write a note into the office location of a test user, so that Graph has a change to tell of."""
        ...


class Autopilot(Protocol):
    """Windows Autopilot registrations."""

    async def with_serial_number(self, serial_number: str) -> tuple[AutopilotDevice, ...]:
        """Registrations with exactly this serial number (trimmed, any case), each read by id, profile included."""
        ...

    async def read(self, autopilot_id: str) -> AutopilotDevice | Missing:
        """One registration with its assigned user and deployment profile."""
        ...

    async def bind(self, autopilot_id: str, user_principal_name: str, display_name: str) -> Answer:
        """Assign the registration to a user; repeating it is harmless."""
        ...

    async def listed(self, link: str | None) -> Page[ListedRegistration]:
        """One page of all registrations, without their users' UPNs. Raises ResyncNeeded."""
        ...


class Tenant(Protocol):
    """What is true for the whole tenant."""

    async def facts(self) -> TenantFacts:
        """MDM authority, bought SKUs and Enrollment Status Pages, read now (three requests)."""
        ...

    async def fleet(self) -> Fleet:
        """The number of managed and of non-compliant devices, counted by Intune (two requests), without what is usual."""
        ...


class Mail(Protocol):
    """Mail from the one mailbox that is configured."""

    async def send(self, *, to: str, subject: str, html: str) -> Answer:
        """Hand one mail to one address over for delivery; Refused when there is no such mailbox or address.

        Done does not say that it arrived. Repeating it sends it again. Raises RetryLater or AccessDenied.
        """
        ...


class Chat(Protocol):
    """The operators' channel in a chat program."""

    async def post(self, card: Mapping[str, object]) -> Answer:
        """Post one card. Raises RetryLater when it could not be posted now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphSubscription:
    """A Graph change-notification subscription as Graph knows it."""

    id: str
    resource: str
    expires_at: datetime
    notification_url: str = ""


class Subscriptions(Protocol):
    """Graph change-notification subscriptions."""

    async def create(
        self, *, resource: str, change_type: str, notification_url: str, client_state: str, expires_at: datetime
    ) -> GraphSubscription | str:
        """Create one (Graph calls the notification URL first). If Graph says one exists, the id it names is returned.

        Raises HandshakeFailed when the URL gave Graph no proper answer: no more than a slow start may be behind it.
        """
        ...

    async def renew(self, subscription_id: str, expires_at: datetime) -> GraphSubscription | Missing:
        """One PATCH of the expiry; MISSING when Graph no longer knows it."""
        ...

    async def delete(self, subscription_id: str) -> None:
        """Delete it; gone already is fine."""
        ...

    async def all(self) -> tuple[GraphSubscription, ...]:
        """All subscriptions of this app, those that nobody remembers included. Graph allows 25 such lists in 20 seconds."""
        ...


class TenantReader(Protocol):
    """Device and licence groups, deployment profiles and Enrollment Status Pages, only read: all that the app may do."""

    async def found(self, remembered: Remembered, group_names: tuple[str, ...]) -> FoundTenant:
        """What is there: every profile and status page, the groups of these names, all dynamic groups, what is remembered.

        Raises RetryLater, AccessDenied or Unexpected.
        """
        ...

    async def profiles(self) -> tuple[FoundProfile, ...]:
        """Every deployment profile. Raises RetryLater, AccessDenied or Unexpected."""
        ...


class TenantSetup(TenantReader, Protocol):
    """The same, made and changed under an administrator's sign-in.

    Every method raises RetryLater, AccessDenied or Unexpected; Unexpected carries Graph's code and message.
    """

    async def put_group(self, wanted: WantedGroup, group_id: str | None) -> str:
        """Make the group, or change that one's rule; its id."""
        ...

    async def license_group(self, group_id: str, sku_ids: tuple[str, ...]) -> None:
        """Give products to the members of the group; harmless to repeat."""
        ...

    async def put_profile(self, wanted: WantedProfile, profile_id: str | None) -> str:
        """Make the deployment profile, or change that one; its id."""
        ...

    async def assign_profile(self, profile_id: str, group_id: str) -> None:
        """Assign the profile to one more group."""
        ...

    async def put_status_page(self, wanted: WantedStatusPage, page_id: str | None) -> str:
        """Make the Enrollment Status Page, or change that one; its id."""
        ...

    async def assign_status_page(self, page_id: str, assigned: Assigned) -> None:
        """Replace all assignments of the page by these, which must hold no filter."""
        ...

    async def set_priority(self, page_id: str, priority: int) -> None:
        """Give the page this priority; those in between move by one."""
        ...


class MobilityPolicies(Protocol):
    """What only a signed-in administrator may read."""

    async def intune(self) -> MobilityPolicy | Missing:
        """Intune's policy of automatic enrolment: scope, groups, discovery URL. Raises RetryLater, AccessDenied, Unexpected."""
        ...


class Registrations(Protocol):
    """Registers PCs with Windows Autopilot by their hardware hash.

    Every method raises RetryLater, AccessDenied or Unexpected.
    """

    async def send(self, pc: HardwareHash, import_id: str) -> str:
        """Hand one hash over; the id of the import. Repeating it makes a second import of the same PC."""
        ...

    def imports(self) -> AsyncIterator[ImportedHash]:
        """Every import that Intune still shows, page by page."""
        ...

    def registered(self) -> AsyncIterator[RegisteredPc]:
        """Every registration with the state of its profile, page by page."""
        ...

    async def sync_state(self) -> SyncOfAutopilot:
        """When Intune last fetched the registrations from the Autopilot service, and whether it does so now."""
        ...

    async def sync(self) -> Answer:
        """Have them fetched now: Refused while that runs already; RetryLater within ten minutes of the last time."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The outside world, real or simulated."""

    rows: Rows
    messages: Messages
    devices: Devices
    directory: Directory
    autopilot: Autopilot
    tenant: Tenant
    subscriptions: Subscriptions
    mail: Mail
    chat: Chat
    clock: Clock
    ids: Ids
    close: Callable[[], Awaitable[None]]
    setup: TenantReader | None = None
    """Left out where nobody looks for drift."""
