"""Intune managed devices: reads, look-ups whose every row is checked again, the check-in and the wipe."""

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime

from shared.clients.graph.approval_requests import approval_requests
from shared.clients.graph.enrolment_failures import enrolment_failures
from shared.clients.graph.managed_device import EVERYTHING, LONG_AGO, STABLE, managed_device
from shared.clients.graph.rounds import delta_page, list_page
from shared.clients.graph.transport import Transport
from shared.clients.graph.values import (
    Json,
    is_guid,
    is_path_id,
    is_serial_number,
    is_user_key,
    link,
    quoted,
    rows,
    same,
    text,
)
from shared.clients.graph.wipe import wipe
from shared.clients.graph.wipe_audits import wipe_audits
from shared.domain.effects import Answer, Refused, WipeAnswer, WipeBacking
from shared.domain.facts import (
    MISSING,
    AdminApprovalRequest,
    Compliance,
    EnrolmentFailure,
    ManagedDevice,
    Missing,
    PolicyState,
    SettingState,
    WipeAudit,
)
from shared.domain.pages import DeviceChange, FoundDevice, Page
from shared.errors import Unexpected

MOST_PAGES_OF_A_LOOKUP = 200
"""Intune ignores a filter that it does not support and returns the whole tenant: a limit to that."""

OF_A_CHANGE = "id,deviceId,isCompliant,isManaged"
"""What of a device object is tracked."""

OF_A_SWEEP = "id,azureADDeviceId,complianceState"
MOST_IN_A_PAGE = "1000"


class GraphDevices:
    """The port Devices over Graph."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def read(self, managed_device_id: str) -> ManagedDevice | Missing:
        """From beta; see the port."""
        if not is_path_id(managed_device_id):
            return MISSING
        device = self._transport.beta("deviceManagement/managedDevices/{id}", id=managed_device_id)
        row = await self._transport.read("devices.read", device, {"select": EVERYTHING})
        return _the_one(managed_device_id, row)

    async def reread(self, managed_device_id: str) -> ManagedDevice | Missing:
        """From v1.0; see the port."""
        if not is_path_id(managed_device_id):
            return MISSING
        device = self._transport.v1.device_management.managed_devices.by_managed_device_id(managed_device_id)
        row = await self._transport.read("devices.reread", device, {"select": STABLE})
        return _the_one(managed_device_id, row)

    async def policy_states(self, managed_device_id: str) -> tuple[PolicyState, ...]:
        """See the port. Raises RetryLater, AccessDenied or Unexpected."""
        if not is_path_id(managed_device_id):
            return ()
        device = self._transport.v1.device_management.managed_devices.by_managed_device_id(managed_device_id)
        states = device.device_compliance_policy_states
        found = await self._transport.all_rows("devices.policy_states", states, missing_is_empty=True)
        return tuple(map(_policy_state, found))

    async def with_serial_number(self, serial_number: str) -> tuple[ManagedDevice, ...]:
        """Compared trimmed, in any case; () without a request when no serial number could look like that."""
        wanted = serial_number.strip()
        if not is_serial_number(wanted):
            return ()
        found = await self._found("devices.with_serial_number", f"serialNumber eq {quoted(wanted)}")
        return _newest_first(each for each in found if same(each.serial_number, wanted))

    async def with_entra_device(self, entra_device_id: str) -> tuple[ManagedDevice, ...]:
        """Newest enrolment first; () without a request when it is not a GUID."""
        if not is_guid(entra_device_id):
            return ()
        found = await self._found("devices.with_entra_device", f"azureADDeviceId eq {quoted(entra_device_id)}")
        return _newest_first(each for each in found if same(each.entra_device_id, entra_device_id))

    async def of_user(self, user_id: str) -> tuple[ManagedDevice, ...]:
        """Newest enrolment first; () for a user who is not there. Raises RetryLater, AccessDenied or Unexpected."""
        if not is_user_key(user_id):
            return ()
        builder = self._transport.v1.users.by_user_id(user_id).managed_devices
        query = {"select": STABLE}
        found = await self._transport.all_rows("devices.of_user", builder, query, missing_is_empty=True)
        return _newest_first(each for row in found if same((each := managed_device(row)).user_id, user_id))

    async def enrolled_since(self, since: datetime) -> AsyncIterator[ManagedDevice]:
        """In the order of Graph's pages; see the port."""
        whole_second = since.astimezone(UTC).replace(microsecond=0, tzinfo=None)
        query = {"select": STABLE, "filter": f"enrolledDateTime gt {whole_second.isoformat()}Z"}
        builder = self._transport.v1.device_management.managed_devices
        async for page in self._transport.pages("devices.enrolled_since", builder, query):
            for device in map(managed_device, page):
                if device.enrolled_at is not None and device.enrolled_at > since:
                    yield device

    async def sync(self, managed_device_id: str) -> Answer:
        """See the port. Raises RetryLater, AccessDenied or Unexpected."""
        if not is_path_id(managed_device_id):
            return Refused(code="invalid_id", message="not the id of a managed device")
        device = self._transport.v1.device_management.managed_devices.by_managed_device_id(managed_device_id)
        return await self._transport.write("devices.sync", "POST", device.sync_device)

    async def wipe(
        self, managed_device_id: str, backing: WipeBacking, *, not_after: datetime | None = None
    ) -> WipeAnswer:
        """See the port and wipe.py."""
        return await wipe(self._transport, managed_device_id, backing, not_after=not_after)

    async def approval_requests(self) -> tuple[AdminApprovalRequest, ...]:
        """See the port and approval_requests.py."""
        return await approval_requests(self._transport)

    async def wipe_audits(self) -> tuple[WipeAudit, ...]:
        """See the port and wipe_audits.py."""
        return await wipe_audits(self._transport)

    async def enrolment_failures(self) -> tuple[EnrolmentFailure, ...]:
        """See the port and enrolment_failures.py."""
        return await enrolment_failures(self._transport)

    async def changes(self, link: str | None) -> Page[DeviceChange]:
        """See the port. Raises ResyncNeeded, RetryLater, AccessDenied or Unexpected."""
        query = {"select": OF_A_CHANGE}
        builder = self._transport.v1.devices.delta
        return await delta_page(self._transport, "devices.changes", builder, query, link, _change)

    async def noncompliant(self, link: str | None) -> Page[FoundDevice]:
        """See the port: a filter that Intune ignores returns the whole tenant. Raises what ``changes`` raises."""
        query = {"select": OF_A_SWEEP, "filter": "complianceState eq 'noncompliant'", "top": MOST_IN_A_PAGE}
        builder = self._transport.v1.device_management.managed_devices
        return await list_page(self._transport, "devices.noncompliant", builder, query, link, _found_device)

    async def _found(self, operation: str, condition: str) -> list[ManagedDevice]:
        builder = self._transport.v1.device_management.managed_devices
        query = {"select": STABLE, "filter": condition}
        found = await self._transport.all_rows(operation, builder, query, most=MOST_PAGES_OF_A_LOOKUP)
        return [managed_device(row) for row in found]


def _policy_state(row: Json) -> PolicyState:
    settings = rows(row, "settingStates")
    return PolicyState(
        name=text(row, "displayName"),
        state=text(row, "state"),
        settings=tuple(SettingState(name=text(each, "setting"), state=text(each, "state")) for each in settings),
    )


def _the_one(managed_device_id: str, row: Json | Missing) -> ManagedDevice | Missing:
    if isinstance(row, Missing):
        return MISSING
    device = managed_device(row)
    if not same(device.id, managed_device_id):
        raise Unexpected("Graph returned another device than the one asked for")
    return device


def _newest_first(devices: Iterable[ManagedDevice]) -> tuple[ManagedDevice, ...]:
    return tuple(sorted(devices, key=lambda each: each.enrolled_at or LONG_AGO, reverse=True))


def _change(row: Json) -> tuple[DeviceChange, ...]:
    compliant, managed = row.get("isCompliant"), row.get("isManaged")
    change = DeviceChange(
        entra_device_id=link(row, "deviceId"),
        compliant=compliant if isinstance(compliant, bool) else None,
        managed=managed if isinstance(managed, bool) else None,
        removed="@removed" in row,
    )
    return (change,)


def _found_device(row: Json) -> tuple[FoundDevice, ...]:
    """() for a row that was not asked for, or that has no id to act on."""
    managed_device_id = text(row, "id")
    if text(row, "complianceState") != Compliance.NONCOMPLIANT or not is_guid(managed_device_id):
        return ()
    return (FoundDevice(managed_device_id=managed_device_id, entra_device_id=link(row, "azureADDeviceId")),)
