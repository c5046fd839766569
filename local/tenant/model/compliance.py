"""Compliance of devices: what Intune says, its mirror in the directory, and the fixes that mend it without a wipe."""

from dataclasses import replace
from datetime import timedelta

from local.tenant.model.entra_devices import EntraDevices
from local.tenant.model.licences import Licences
from local.tenant.model.machines import Machine, Machines, MendedBy
from local.tenant.model.managed_devices import ComplianceState, ManagedDevice, ManagedDevices
from local.tenant.model.users import User, Users
from local.tenant.model.world import World

BUILT_IN_FAILURE = "DefaultDeviceCompliancePolicy.RequireUserExistence"
GRACE = timedelta(days=1)
_TIME_MENDS_AFTER = timedelta(hours=6)


def failing_settings(state: ComplianceState, named: tuple[str, ...] | None) -> tuple[str, ...]:
    """What fails on a device in that state, when a scenario does not name it: its enrolment user stands for nobody."""
    if named is not None:
        return named
    return (BUILT_IN_FAILURE,) if state in {"noncompliant", "inGracePeriod"} else ()


class Compliance:
    """The one place that changes a compliance state."""

    def __init__(
        self,
        world: World,
        users: Users,
        licences: Licences,
        entra_devices: EntraDevices,
        machines: Machines,
        devices: ManagedDevices,
    ) -> None:
        self._world = world
        self._users = users
        self._licences = licences
        self._entra_devices = entra_devices
        self._machines = machines
        self._devices = devices
        licences.provisioned.connect(self._mend_by_licence)

    def set(self, managed_device_id: str, state: ComplianceState, failing: tuple[str, ...] = ()) -> None:
        """Give an enrolment a compliance state; a device that is gone is left alone."""
        device = self._devices.store.get(managed_device_id)
        if device is None:
            return
        changed = replace(device, compliance=state, failing=failing, grace_expires_at=None)
        if state == "inGracePeriod":
            changed = replace(changed, grace_expires_at=self._world.now() + GRACE)
            self.end_grace_later(device.id)
        if changed != device:
            self._devices.store.put(device.id, changed)
        self.mirror(changed)

    def mirror(self, device: ManagedDevice) -> None:
        """Copy what Intune says of this enrolment to its device object."""
        self._entra_devices.mirror(
            device.entra_device_id,
            compliant=device.compliance in {"compliant", "inGracePeriod"},
            managed=True,
            owner_id=device.user_id or None,
            name=device.name,
        )

    def evaluate_later(self, managed_device_id: str) -> None:
        """Evaluate a new enrolment once the usual time has passed."""
        self._world.clock.after(self._world.delays.compliance, lambda: self.evaluate(managed_device_id))

    def evaluate(self, managed_device_id: str) -> None:
        """Compliant if the enrolment user exists and holds Intune, and nothing is wrong with the computer."""
        device = self._devices.store.get(managed_device_id)
        if device is None:
            return
        machine = self._machines.require(device.machine)
        user = self._users.find(device.user_id)
        licensed = user is not None and user.enabled and self._licences.has_intune(user)
        failing = (*machine.defects, *(() if licensed else (BUILT_IN_FAILURE,)))
        self.set(device.id, "noncompliant" if failing else "compliant", failing)

    def mend_by_sync(self, machine: Machine) -> None:
        """A device that only had to check in becomes compliant."""
        if machine.mended_by is MendedBy.SYNC:
            self._mend(machine)

    def mend_by_time(self, machine: Machine) -> None:
        """A device that only needs patience becomes compliant by itself."""
        if machine.mended_by is MendedBy.TIME:
            self._mend(machine, default=_TIME_MENDS_AFTER)

    def _mend_by_licence(self, user_id: str) -> None:
        user = self._users.find(user_id)
        if user is None or not self._licences.has_intune(user):
            return
        for machine in tuple(self._machines.store.values()):
            if machine.mended_by is MendedBy.LICENCE and self._stands_for(machine, user):
                self._mend(machine)

    def _stands_for(self, machine: Machine, user: User) -> bool:
        device = self._devices.store.get(machine.managed_device_id or "")
        enrolled_by = "" if device is None else device.user_id
        return enrolled_by == user.id or user.upn.lower() in {upn.lower() for upn in machine.logged_on}

    def _mend(self, machine: Machine, default: timedelta | None = None) -> None:
        delay = machine.mended_after or default or self._world.delays.compliance
        managed_device_id = machine.managed_device_id
        if managed_device_id is not None:
            self._world.clock.after(delay, lambda: self.set(managed_device_id, "compliant"))

    def end_grace_later(self, managed_device_id: str) -> None:
        """Let the grace period of a device that is in grace run out."""
        self._world.clock.after(GRACE, lambda: self._end_grace(managed_device_id))

    def _end_grace(self, managed_device_id: str) -> None:
        device = self._devices.store.get(managed_device_id)
        if device is not None and device.compliance == "inGracePeriod":
            self.set(managed_device_id, "noncompliant", device.failing)
