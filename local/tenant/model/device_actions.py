"""Remote actions on enrolled devices. A 204 means queued: what follows happens on the clock, once the device is online."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from local.tenant.model.approvals import ApprovalHeaders, Approvals
from local.tenant.model.compliance import Compliance
from local.tenant.model.entra_devices import EntraDevices
from local.tenant.model.machines import Machine, Machines, Place, WipeEnd
from local.tenant.model.managed_devices import ActionResult, ManagedDevice, ManagedDevices
from local.tenant.model.signal import Signal
from local.tenant.model.troubleshooting import RemoteAction, Troubleshooting
from local.tenant.model.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class WipeFlags:
    """The body of a wipe. All False is a factory reset to OOBE that keeps the Autopilot registration."""

    keep_enrollment_data: bool = False
    keep_user_data: bool = False
    use_protected_wipe: bool = False

    @property
    def resets(self) -> bool:
        """Whether the computer ends at OOBE, outside management."""
        return not (self.keep_enrollment_data or self.keep_user_data)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """An action on its way to a device: what runs once the device is reached."""

    managed_device_id: str
    action_id: str
    run: Callable[[str, str], None]


class DeviceActions:
    """Wipe, retire, sync and the others. ``wiped`` tells id and serial number of each accepted wipe."""

    def __init__(
        self,
        world: World,
        machines: Machines,
        devices: ManagedDevices,
        entra_devices: EntraDevices,
        compliance: Compliance,
        approvals: Approvals,
        troubleshooting: Troubleshooting,
    ) -> None:
        self._world = world
        self._machines = machines
        self._devices = devices
        self._entra_devices = entra_devices
        self._compliance = compliance
        self._approvals = approvals
        self._troubleshooting = troubleshooting
        self._waiting: dict[str, list[_Job]] = {}
        self.wiped = Signal[str, str]()
        machines.came_online.connect(self._reach)
        machines.went_offline.connect(self._go_silent)

    def wipe(self, managed_device_id: str, flags: WipeFlags, *, application_id: str, approval: ApprovalHeaders) -> None:
        """POST managedDevices/{id}/wipe. Raises 404, and what Multi Admin Approval answers."""
        device = self._devices.require(managed_device_id)
        self._approvals.check(f"wipe {device.id} {flags}", approval, application_id)
        self.wiped.emit(device.id, device.serial)
        action_id = self._queue(device, "factoryReset", "wipePending", application_id)
        end = self._issue_wipe if flags.resets else self._end_harmlessly
        self._send(device, _Job(managed_device_id=device.id, action_id=action_id, run=end))
        self._machines.wipe_accepted.emit(device.machine)

    def wiped_by_others(self, managed_device_id: str, upn: str | None) -> None:
        """A wipe that did not come through this Graph: from a person in the portal, or from another application."""
        device = self._devices.require(managed_device_id)
        action_id = self._queue(device, "factoryReset", "wipePending", "portal", by=upn or "")
        self._send(device, _Job(managed_device_id=device.id, action_id=action_id, run=self._issue_wipe))

    def retire(self, managed_device_id: str, *, application_id: str) -> None:
        """POST managedDevices/{id}/retire: removes the Entra join as well. Raises 404."""
        device = self._devices.require(managed_device_id)
        action_id = self._queue(device, "removeCompanyData", "retirePending", application_id)
        self._send(device, _Job(managed_device_id=device.id, action_id=action_id, run=self._retire))

    def simple(self, managed_device_id: str, action: str, *, application_id: str) -> None:
        """POST cleanWindowsDevice, rebootNow, shutDown or remoteLock: the enrolment stays. Raises 404."""
        device = self._devices.require(managed_device_id)
        action_id = self._queue(device, action, device.management_state, application_id)
        self._send(device, _Job(managed_device_id=device.id, action_id=action_id, run=self._end_harmlessly))

    def sync(self, managed_device_id: str) -> None:
        """POST managedDevices/{id}/syncDevice: an online device checks in at once. Raises 404."""
        device = self._devices.require(managed_device_id)
        machine = self._machines.require(device.machine)
        if machine.online:
            self._devices.check_in(device.id)
            self._compliance.mend_by_sync(machine)

    def delete(self, managed_device_id: str) -> None:
        """DELETE managedDevices/{id}: the record is gone at once, and a wipe still on its way is lost. Raises 404."""
        device = self._devices.require(managed_device_id)
        self._forget(device)
        machine = self._machines.require(device.machine)
        if machine.place is Place.ENROLLED and machine.managed_device_id == device.id:
            self._machines.update(replace(machine, managed_device_id=None, place=Place.UNMANAGED))

    def _queue(
        self, device: ManagedDevice, action: str, management_state: str, application_id: str, *, by: str = ""
    ) -> str:
        now, action_id = self._world.now(), self._world.ids.guid()
        others = tuple(a for a in device.actions if a.name != action)
        result = ActionResult(name=action, state="pending", started_at=now, updated_at=now)
        self._devices.store.put(
            device.id, replace(device, management_state=management_state, actions=(*others, result))
        )
        audit = RemoteAction(
            id=action_id,
            action=action,
            state="pending",
            managed_device_id=device.id,
            device_name=device.name,
            owner_upn=device.upn,
            requested_at=now,
            requested_by_app=application_id,
            requested_by_user=by,
        )
        self._troubleshooting.action_requested(audit)
        return action_id

    def _send(self, device: ManagedDevice, job: _Job) -> None:
        machine = self._machines.require(device.machine)
        self._waiting.setdefault(machine.name, []).append(job)
        if machine.online:
            self._reach(machine.name)

    def _reach(self, name: str) -> None:
        """The device is online and takes what waits for it; half of the wipe delay passes on the way."""
        machine = self._machines.require(name)
        if machine.managed_device_id is not None:
            self._devices.check_in(machine.managed_device_id)
        for job in self._waiting.pop(name, []):
            self._world.clock.after(self._world.delays.wipe / 2, lambda job=job: self._run(job))

    def _run(self, job: _Job) -> None:
        if self._devices.store.get(job.managed_device_id) is not None:
            job.run(job.managed_device_id, job.action_id)

    def _go_silent(self, name: str) -> None:
        machine = self._machines.require(name)
        if machine.managed_device_id is not None:
            self._devices.check_in(machine.managed_device_id, online=False)

    def _issue_wipe(self, managed_device_id: str, action_id: str) -> None:
        device = self._devices.require(managed_device_id)
        machine = self._machines.require(device.machine)
        if machine.wipe_ends is not WipeEnd.DONE:
            self._stop_wipe(device, machine, action_id)
        elif machine.managed_device_id == device.id and machine.place is not Place.RESETTING:
            self._update(device, "factoryReset", "active", "wipeIssued")
            self._machines.move(machine.name, Place.RESETTING)
            self._world.clock.after(
                self._world.delays.wipe / 2, lambda: self._complete_wipe(device.id, machine.name, action_id)
            )

    def _stop_wipe(self, device: ManagedDevice, machine: Machine, action_id: str) -> None:
        """The wipe fails or is cancelled, once; the next one is not told to."""
        failed = machine.wipe_ends is WipeEnd.FAILED
        state = "failed" if failed else "canceled"
        self._update(device, "factoryReset", state, "wipeFailed" if failed else "wipeCanceled")
        self._troubleshooting.action_ended(action_id, state)
        self._machines.update(replace(machine, wipe_ends=WipeEnd.DONE))

    def _complete_wipe(self, managed_device_id: str, name: str, action_id: str) -> None:
        self._troubleshooting.action_ended(action_id, "done")
        device = self._devices.store.get(managed_device_id)
        if device is not None:
            self._update(device, "factoryReset", "done", "wipeIssued")
            self._world.clock.after(self._world.delays.record_removal, lambda: self._forget_if_there(managed_device_id))
        machine = self._machines.require(name)
        self._machines.update(replace(machine, managed_device_id=None, logged_on=()))
        self._machines.move(name, Place.OOBE)

    def _retire(self, managed_device_id: str, action_id: str) -> None:
        device = self._devices.require(managed_device_id)
        machine = self._machines.require(device.machine)
        self._troubleshooting.action_ended(action_id, "done")
        self._forget(device)
        self._entra_devices.delete(device.entra_device_id)
        self._machines.update(replace(machine, managed_device_id=None, place=Place.UNMANAGED))

    def _end_harmlessly(self, managed_device_id: str, action_id: str) -> None:
        device = self._devices.require(managed_device_id)
        self._troubleshooting.action_ended(action_id, "done")
        pending = next((a.name for a in reversed(device.actions) if a.state == "pending"), None)
        if pending is not None:
            state = "managed" if pending == "factoryReset" else device.management_state
            self._update(device, pending, "done", state)

    def _update(self, device: ManagedDevice, action: str, state: str, management_state: str) -> None:
        now = self._world.now()
        actions = tuple(replace(a, state=state, updated_at=now) if a.name == action else a for a in device.actions)
        self._devices.store.put(device.id, replace(device, actions=actions, management_state=management_state))

    def _forget_if_there(self, managed_device_id: str) -> None:
        device = self._devices.store.get(managed_device_id)
        if device is not None:
            self._forget(device)

    def _forget(self, device: ManagedDevice) -> None:
        """Remove the record; the device object stays, unmanaged, unless a newer enrolment took it over."""
        self._devices.store.remove(device.id)
        machine = self._machines.require(device.machine)
        if machine.managed_device_id in {None, device.id}:
            self._entra_devices.mirror(device.entra_device_id, compliant=False, managed=False)
