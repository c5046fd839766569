"""Hardware hashes on their way into the Autopilot service, which checks them; Intune shows what it took after a sync.

Source of the error codes: Michael Niehaus, "What happens when you register a device with Windows Autopilot?".
"""

import base64
import binascii
from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from local.tenant.model.autopilot import Autopilot, AutopilotIdentity
from local.tenant.model.entra_devices import EntraDevice, EntraDevices
from local.tenant.model.paging import Page, page_of
from local.tenant.model.refusal import GraphRefusal, Service, intune_bad_request, resource_not_found
from local.tenant.model.signal import Signal
from local.tenant.model.store import Store
from local.tenant.model.world import World

SHORTEST_HASH = 2048
MOST_WRITES, WINDOW = 100, timedelta(seconds=20)
"""Of one application in one tenant. Source: "Microsoft Graph service-specific throttling limits", Intune."""

INVALID_HASH = (802, "InvalidZtdHardwareHash")
ALREADY_ASSIGNED = (806, "ZtdDeviceAlreadyAssigned")
OTHER_TENANT = (808, "ZtdDeviceAssignedToOtherTenant")


@dataclass(frozen=True, slots=True, kw_only=True)
class HardwareImport:
    """One importedWindowsAutopilotDeviceIdentity."""

    id: str
    serial: str
    hash: str
    group_tag: str = ""
    upn: str = ""
    import_id: str = ""
    product_key: str = ""
    status: str = "pending"
    error_code: int = 0
    error_name: str = ""
    registration_id: str = ""


class HardwareImports:
    """Imports, oldest first, and the registrations that wait for a sync."""

    def __init__(self, world: World, autopilot: Autopilot, entra_devices: EntraDevices) -> None:
        self._world = world
        self._autopilot = autopilot
        self._entra_devices = entra_devices
        self.store = Store[HardwareImport](world.clock, world.replica)
        self.of_other_tenants: set[str] = set()
        """Serial numbers that another tenant has registered, lower case."""
        self.registered = Signal[()]()
        self._taken: dict[str, HardwareImport] = {}
        self._writes: deque[datetime] = deque()

    def post(self, arrived: HardwareImport) -> HardwareImport:
        """POST importedWindowsAutopilotDeviceIdentities. Raises 429, and 400 for a hash that is not base64 or none."""
        self._throttle()
        if not arrived.serial.strip() or _decoded(arrived.hash) is None:
            raise intune_bad_request("Cannot convert a value to target type 'Edm.Binary' because of conversion error.")
        self.store.put(arrived.id, arrived)
        self._world.clock.after(self._world.delays.hash_import, lambda: self._check(arrived.id))
        return arrived

    def get(self, import_id: str) -> HardwareImport:
        """GET importedWindowsAutopilotDeviceIdentities/{id}. Raises 404."""
        found = self.store.read(import_id)
        if found is None:
            raise resource_not_found(import_id, Service.INTUNE)
        return found

    def page(self, *, start: int, size: int) -> Page[HardwareImport]:
        """GET importedWindowsAutopilotDeviceIdentities."""
        return page_of(self.store.readable(), self._world.replica, start=start, size=size)

    def show_in_intune(self) -> None:
        """A sync ended: what the Autopilot service took shows in Intune, each with a device object of its own."""
        taken, self._taken = self._taken, {}
        for each in taken.values():
            device = EntraDevice(
                id=self._world.ids.guid(),
                device_id=self._world.ids.guid(),
                name=each.serial,
                operating_system="Windows",
                registered_at=self._world.now(),
                physical_ids=(f"[OrderID]:{each.group_tag}",) if each.group_tag else (),
            )
            self._entra_devices.create(device)
            identity = AutopilotIdentity(
                id=each.registration_id,
                serial=each.serial,
                entra_device_id=device.device_id,
                registered_at=self._world.now(),
                group_tag=each.group_tag,
                upn=each.upn,
            )
            self._autopilot.store.put(identity.id, identity)
        self.registered.emit()

    def _throttle(self) -> None:
        now = self._world.now()
        while self._writes and now - self._writes[0] >= WINDOW:
            self._writes.popleft()
        if len(self._writes) >= MOST_WRITES:
            wait = int((self._writes[0] + WINDOW - now).total_seconds()) + 1
            raise GraphRefusal(
                status=429,
                code="TooManyRequests",
                message="Too many writes.",
                headers={"Retry-After": str(wait)},
                service=Service.INTUNE,
            )
        self._writes.append(now)

    def _check(self, import_id: str) -> None:
        arrived = self.get(import_id)
        code, name = self._refusal(arrived)
        if code:
            self.store.put(arrived.id, replace(arrived, status="error", error_code=code, error_name=name))
            return
        done = replace(arrived, status="complete", registration_id=self._world.ids.guid())
        self.store.put(arrived.id, done)
        self._taken[arrived.serial.casefold()] = done

    def _refusal(self, arrived: HardwareImport) -> tuple[int, str]:
        serial = arrived.serial.casefold()
        if len(_decoded(arrived.hash) or b"") < SHORTEST_HASH:
            return INVALID_HASH
        if serial in self.of_other_tenants:
            return OTHER_TENANT
        if serial in self._taken or self._autopilot.with_serial(arrived.serial) is not None:
            return ALREADY_ASSIGNED
        return 0, ""


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True) or None
    except (binascii.Error, ValueError):
        return None
