"""Sign-in at OOBE and what comes of it: a new enrolment under the user who signed in, or a recorded failure."""

from dataclasses import dataclass, replace
from datetime import timedelta

from local.tenant.model.autopilot import Autopilot, AutopilotIdentity
from local.tenant.model.autopilot_profiles import AutopilotProfile, AutopilotProfiles
from local.tenant.model.compliance import Compliance
from local.tenant.model.enrolment_configurations import EnrolmentConfigurations
from local.tenant.model.entra_devices import EntraDevice, EntraDevices
from local.tenant.model.licences import Licences
from local.tenant.model.machines import Esp, Machine, Machines, Place
from local.tenant.model.managed_devices import LogOn, ManagedDevice, ManagedDevices
from local.tenant.model.troubleshooting import AutopilotDeployment, EnrolmentFailure, Troubleshooting
from local.tenant.model.users import User, Users
from local.tenant.model.world import World

NO_LICENCE = "0x80180018"
"""MENROLL_E_USERLICENSE: the user who signs in has no licence for Intune."""
NOT_ALLOWED = "0x80180013"
"""MENROLL_E_DEVICECAPREACHED: the user has enrolled as many devices as they may."""
_ESP_TAKES = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intune:
    """The areas that an enrolment touches."""

    users: Users
    licences: Licences
    entra_devices: EntraDevices
    machines: Machines
    devices: ManagedDevices
    compliance: Compliance
    autopilot: Autopilot
    profiles: AutopilotProfiles
    configurations: EnrolmentConfigurations
    troubleshooting: Troubleshooting


class Enrolment:
    """People signing in on computers."""

    def __init__(self, world: World, intune: Intune) -> None:
        self._world = world
        self._in = intune
        intune.machines.at_oobe.connect(self._show_sign_in_page)
        intune.licences.provisioned.connect(self._let_refused_user_try_again)

    def sign_in(self, serial_or_name: str, upn: str, esp: Esp | None = None) -> None:
        """Somebody signs in: at OOBE the computer enrols, in use they log on, and during a wipe they wait for OOBE."""
        machine = self._in.machines.require(serial_or_name)
        if esp is not None:
            machine = replace(machine, esp=esp)
            self._in.machines.update(machine)
        if machine.place is Place.OOBE:
            self._enrol(machine, upn)
        elif machine.place is Place.RESETTING or self._is_being_wiped(machine):
            self._in.machines.update(replace(machine, next_user=upn))
        else:
            self._log_on(machine, upn)

    def re_enrol(self, serial_or_name: str, upn: str) -> None:
        """Somebody enrols the computer again by hand: a new record at once, without any wipe from us."""
        machine = self._in.machines.require(serial_or_name)
        if machine.managed_device_id is not None:
            self._in.devices.store.remove(machine.managed_device_id)
        fresh = replace(machine, managed_device_id=None, place=Place.OOBE)
        self._in.machines.update(fresh)
        self._enrol(fresh, upn)

    def _show_sign_in_page(self, name: str) -> None:
        machine = self._in.machines.require(name)
        if machine.next_user is not None:
            upn = machine.next_user
            self._in.machines.update(replace(machine, next_user=None))
            self.sign_in(name, upn)
        elif not machine.nobody_signs_in:
            self._world.clock.after(self._world.delays.sign_in, lambda: self._assigned_user_signs_in(name))

    def _assigned_user_signs_in(self, name: str) -> None:
        machine = self._in.machines.require(name)
        identity = self._in.autopilot.with_serial(machine.serial)
        if machine.place is Place.OOBE and identity is not None and identity.upn:
            self._enrol(machine, identity.upn)

    def _let_refused_user_try_again(self, user_id: str) -> None:
        user = self._in.users.find(user_id)
        for machine in tuple(self._in.machines.store.values()):
            if machine.refused_user is None or user is None or machine.place is not Place.OOBE:
                continue
            if machine.refused_user.lower() == user.upn.lower():
                self._world.clock.after(
                    self._world.delays.sign_in,
                    lambda name=machine.name, upn=user.upn: self._try_again(name, upn),
                )

    def _try_again(self, name: str, upn: str) -> None:
        machine = self._in.machines.require(name)
        if machine.place is Place.OOBE:
            self._enrol(machine, upn)

    def _is_being_wiped(self, machine: Machine) -> bool:
        device = self._in.devices.store.get(machine.managed_device_id or "")
        return device is not None and device.management_state in {"wipePending", "wipeIssued"}

    def _log_on(self, machine: Machine, upn: str) -> None:
        user = self._in.users.find(upn)
        device = self._in.devices.store.get(machine.managed_device_id or "")
        if user is None or device is None:
            return
        others = tuple(log_on for log_on in device.logged_on if log_on.user_id != user.id)
        now = LogOn(user_id=user.id, at=self._world.now())
        self._in.devices.store.put(device.id, replace(device, logged_on=(now, *others)))
        known = tuple(other for other in machine.logged_on if other.lower() != upn.lower())
        self._in.machines.update(replace(machine, logged_on=(user.upn, *known)))

    def _enrol(self, machine: Machine, upn: str) -> None:
        user = self._in.users.find(upn)
        identity = self._in.autopilot.with_serial(machine.serial)
        refusal = self._refusal(user)
        if user is None or refusal is not None:
            self._refuse(machine, upn, user, identity, *(refusal or ("userValidation", "User not found")))
            return
        profile = None if identity is None else self._in.profiles.store.get(identity.profile_id or "")
        device = self._new_enrolment(machine, user, profile)
        self._in.devices.store.put(device.id, device)
        self._in.machines.update(
            replace(
                machine,
                managed_device_id=device.id,
                entra_device_id=device.entra_device_id,
                place=Place.ENROLLED,
                logged_on=(user.upn,),
                refused_user=None,
                esp=Esp.SUCCESS,
            )
        )
        self._in.compliance.mirror(device)
        self._tell_autopilot(identity, device)
        self._run_status_page(machine, device)

    def _refusal(self, user: User | None) -> tuple[str, str] | None:
        """Why this user may not enrol, as failureCategory and failureReason."""
        if user is None or not user.enabled:
            return "userValidation", "User does not exist or is disabled"
        if not self._in.licences.can_enrol_automatically(user):
            return "userValidation", f"User has no licence for Intune enrolment ({NO_LICENCE})"
        if self._in.configurations.windows_blocked:
            return "enrollmentRestrictionsEnforced", f"Windows may not enrol ({NOT_ALLOWED})"
        enrolled = sum(device.user_id == user.id for device in self._in.devices.store.values())
        if enrolled >= self._in.configurations.device_limit:
            return "enrollmentRestrictionsEnforced", f"Device limit reached ({NOT_ALLOWED})"
        return None

    def _refuse(
        self,
        machine: Machine,
        upn: str,
        user: User | None,
        identity: AutopilotIdentity | None,
        category: str,
        reason: str,
    ) -> None:
        self._in.machines.update(replace(machine, refused_user=upn))
        if identity is not None:
            self._in.autopilot.store.put(identity.id, replace(identity, enrollment_state="failed"))
        failure = EnrolmentFailure(
            id=self._world.ids.guid(),
            at=self._world.now(),
            correlation_id=self._world.ids.guid(),
            user_id="" if user is None else user.id,
            entra_device_id=machine.entra_device_id or "",
            managed_device_id=None,
            category=category,
            reason=reason,
            operating_system=machine.operating_system,
        )
        self._in.troubleshooting.failures.append(failure)

    def _new_enrolment(self, machine: Machine, user: User, profile: AutopilotProfile | None) -> ManagedDevice:
        now = self._world.now()
        hybrid = profile is not None and profile.join == "hybrid"
        return ManagedDevice(
            id=self._world.ids.guid(),
            machine=machine.name,
            serial=machine.serial,
            entra_device_id=self._entra_device_id(machine),
            name=machine.name,
            enrolled_at=now,
            checked_in_at=now,
            online=machine.online,
            user_id=user.id,
            upn=user.upn,
            user_display_name=user.display_name,
            enrolled_by=user.upn,
            management_agent=machine.management_agent,
            ownership=machine.ownership,
            operating_system=machine.operating_system,
            os_version=machine.os_version,
            manufacturer=machine.manufacturer,
            model=machine.model,
            profile_name="" if profile is None else profile.name,
            join_type="hybridAzureADJoined" if hybrid else "azureADJoined",
            autopilot_enrolled=profile is not None,
            logged_on=(LogOn(user_id=user.id, at=now),),
        )

    def _entra_device_id(self, machine: Machine) -> str:
        """The device object is used again by default; a new one is registered when it must be."""
        kept = machine.entra_device_id
        if kept is not None and machine.keeps_entra_device_id and self._in.entra_devices.find(kept) is not None:
            return kept
        device = EntraDevice(
            id=self._world.ids.guid(),
            device_id=self._world.ids.guid(),
            name=machine.name,
            machine=machine.name,
            operating_system=machine.operating_system,
            os_version=machine.os_version,
            registered_at=self._world.now(),
        )
        self._in.entra_devices.create(device)
        return device.device_id

    def _tell_autopilot(self, identity: AutopilotIdentity | None, device: ManagedDevice) -> None:
        if identity is not None:
            changed = replace(
                identity,
                managed_device_id=device.id,
                entra_device_id=device.entra_device_id,
                enrollment_state="enrolled",
                last_contacted_at=self._world.now(),
            )
            self._in.autopilot.store.put(identity.id, changed)

    def _run_status_page(self, machine: Machine, device: ManagedDevice) -> None:
        """The Enrollment Status Page runs; only a device that passes it is evaluated for compliance."""
        takes = min(_ESP_TAKES, self._world.delays.compliance)
        deployment = AutopilotDeployment(
            id=self._world.ids.guid(),
            started_at=self._world.now(),
            ended_at=self._world.now() + takes,
            serial=device.serial,
            device_name=device.name,
            entra_device_id=device.entra_device_id,
            user_id=device.user_id,
            upn=device.upn,
            profile_name=device.profile_name,
            state="success" if machine.esp is Esp.SUCCESS else "failure",
            enrollment_state="enrolled",
            failure_details="" if machine.esp is Esp.SUCCESS else "Apps failed to install (0x81036502)",
        )
        self._world.clock.after(takes, lambda: self._in.troubleshooting.deployments.append(deployment))
        if machine.esp is Esp.SUCCESS:
            self._in.compliance.evaluate_later(device.id)
