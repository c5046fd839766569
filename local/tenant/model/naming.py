"""Whom a request is about: finds the serial number behind any id, even of a record that is gone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from local.tenant.model.autopilot import Autopilot
from local.tenant.model.entra_devices import EntraDevices
from local.tenant.model.machines import Machines
from local.tenant.model.managed_devices import ManagedDevice, ManagedDevices
from local.tenant.model.users import Users

Kind = Literal["managed_device", "autopilot", "serial", "entra_device", "user"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """One thing that a request names."""

    kind: Kind
    value: str


class Names:
    """Resolves what requests name."""

    def __init__(
        self,
        users: Users,
        machines: Machines,
        devices: ManagedDevices,
        entra_devices: EntraDevices,
        autopilot: Autopilot,
    ) -> None:
        self._users = users
        self._machines = machines
        self._devices = devices
        self._entra_devices = entra_devices
        self._autopilot = autopilot
        self._gone: dict[str, str] = {}
        devices.store.on_change(self._remember)

    def serials(self, about: Sequence[Named]) -> tuple[str, ...]:
        """The serial numbers, in lower case, of the devices that are named; each once."""
        if not about:
            return ()
        found = (self._serial(named) for named in about)
        return tuple(dict.fromkeys(serial.casefold() for serial in found if serial))

    def users(self, about: Sequence[Named]) -> tuple[str, ...]:
        """The ids of the users that are named; each once."""
        values = [named.value for named in about if named.kind == "user"]
        if not values:
            return ()
        found = (self._users.find(value) for value in values)
        return tuple(dict.fromkeys(user.id for user in found if user is not None))

    def _serial(self, named: Named) -> str | None:
        match named.kind:
            case "serial":
                return named.value
            case "managed_device":
                device = self._devices.store.get(named.value)
                return self._gone.get(named.value.lower()) if device is None else device.serial
            case "autopilot":
                identity = self._autopilot.store.get(named.value)
                return None if identity is None else identity.serial
            case "entra_device":
                found = self._entra_devices.find(named.value) or self._entra_devices.store.get(named.value)
                machine = None if found is None else self._machines.store.get(found.machine)
                return None if machine is None else machine.serial
            case "user":
                return None

    def _remember(self, key: str, before: ManagedDevice | None, after: ManagedDevice | None) -> None:
        if before is not None and after is None:
            self._gone[key] = before.serial
