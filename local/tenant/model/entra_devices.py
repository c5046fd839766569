"""Device objects of the directory, which mirror what Intune says about compliance and management."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from local.tenant.model.filters import Condition, Filterable, Table, holds, supported
from local.tenant.model.paging import Page, page_of
from local.tenant.model.refusal import bad_request, resource_not_found
from local.tenant.model.store import Store
from local.tenant.model.users import User, Users
from local.tenant.model.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class EntraDevice:
    """One device object. ``id`` is the object id; ``device_id`` is what Intune calls azureADDeviceId."""

    id: str
    device_id: str
    name: str
    operating_system: str
    registered_at: datetime
    machine: str = ""
    """The name of the computer that it stands for."""
    os_version: str = ""
    enabled: bool = True
    is_compliant: bool | None = None
    is_managed: bool | None = None
    ownership: str = "Company"
    trust_type: str = "AzureAd"
    owner_ids: tuple[str, ...] = ()
    physical_ids: tuple[str, ...] = ()
    recovery_keys: int = 1
    """How many BitLocker recovery keys of the device are kept."""


FILTERABLE: Table[EntraDevice] = {
    "id": Filterable(operators=frozenset({"eq", "in"}), value_of=lambda device: device.id),
    "deviceId": Filterable(operators=frozenset({"eq", "in"}), value_of=lambda device: device.device_id),
    "displayName": Filterable(operators=frozenset({"eq", "in", "startswith"}), value_of=lambda device: device.name),
    "isCompliant": Filterable(operators=frozenset({"eq"}), value_of=lambda device: device.is_compliant),
    "isManaged": Filterable(operators=frozenset({"eq"}), value_of=lambda device: device.is_managed),
    "operatingSystem": Filterable(
        operators=frozenset({"eq", "startswith"}), value_of=lambda device: device.operating_system
    ),
}


class EntraDevices:
    """The device objects of the directory."""

    def __init__(self, world: World, users: Users) -> None:
        self._world = world
        self._users = users
        self.store = Store[EntraDevice](world.clock, world.replica)
        self._id_of_device_id: dict[str, str] = {}

    def seed(self, device: EntraDevice) -> None:
        """Put a device object that was there before time began."""
        self.store.seed(device.id, device)
        self._id_of_device_id[device.device_id] = device.id

    def find(self, device_id: str) -> EntraDevice | None:
        """The device object with this deviceId (azureADDeviceId), as it truly is."""
        object_id = self._id_of_device_id.get(device_id)
        return None if object_id is None else self.store.get(object_id)

    def create(self, device: EntraDevice) -> None:
        """Register a device now."""
        self._id_of_device_id[device.device_id] = device.id
        self.store.put(device.id, device)

    def mirror(
        self,
        device_id: str,
        *,
        compliant: bool | None,
        managed: bool,
        owner_id: str | None = None,
        name: str | None = None,
    ) -> None:
        """Copy what Intune says; an owner or name that is None stays as it is."""
        device = self.find(device_id)
        if device is None:
            return
        changed = replace(
            device,
            is_compliant=compliant,
            is_managed=managed,
            owner_ids=device.owner_ids if owner_id is None else (owner_id,),
            name=device.name if name is None else name,
        )
        if changed != device:
            self.store.put(device.id, changed)

    def delete(self, device_id: str) -> None:
        """Remove the object with this deviceId, if it is there."""
        device = self.find(device_id)
        if device is not None:
            self.store.remove(device.id)

    def get(self, object_id: str) -> EntraDevice:
        """GET devices/{object id}. Raises 404."""
        device = self.store.read(object_id)
        if device is None:
            raise resource_not_found(object_id)
        return device

    def page(self, conditions: Sequence[Condition] | None, *, start: int, size: int) -> Page[EntraDevice]:
        """GET devices. Raises 400 for what cannot be filtered."""
        if conditions is None or not supported(conditions, FILTERABLE):
            raise bad_request("Invalid filter clause", code="Request_UnsupportedQuery")
        rows = [device for device in self.store.readable() if holds(device, conditions, FILTERABLE)]
        return page_of(rows, self._world.replica, start=start, size=size)

    def owners(self, object_id: str) -> tuple[User, ...]:
        """GET devices/{object id}/registeredOwners (and registeredUsers). Raises 404."""
        found = (self._users.store.read(owner_id) for owner_id in self.get(object_id).owner_ids)
        return tuple(user for user in found if user is not None)

    def owned_by(self, user_id: str) -> tuple[EntraDevice, ...]:
        """The device objects whose registered owner this user is."""
        return tuple(device for device in self.store.readable() if user_id in device.owner_ids)
