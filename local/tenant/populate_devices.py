"""Puts the computers of a scenario into a tenant: each with its enrolment, device object and registration."""

from dataclasses import replace
from datetime import datetime, timedelta

from local.tenant.model.autopilot import AutopilotIdentity
from local.tenant.model.autopilot_profiles import AutopilotProfile
from local.tenant.model.compliance import GRACE, failing_settings
from local.tenant.model.entra_devices import EntraDevice
from local.tenant.model.machines import Machine, Place
from local.tenant.model.managed_devices import LogOn, ManagedDevice
from local.tenant.model.tenant import TenantModel
from local.tenant.populate_blank import LONG_AGO
from local.tenant.scenario import DeviceEntry, RegistrationEntry


class Computers:
    """Puts one computer after another into a tenant. Nobody is notified of what was always there."""

    def __init__(self, model: TenantModel) -> None:
        self._model = model
        self._ids = model.world.ids
        self._start = model.clock.start

    def put(self, entry: DeviceEntry) -> None:
        """Put a computer in, as it is at the start."""
        machine = Machine(
            name=entry.unique_name,
            serial=entry.serial,
            operating_system=entry.os,
            manufacturer=entry.manufacturer,
            model=entry.model,
            ownership=entry.ownership,
            management_agent=entry.management_agent,
            online=entry.online,
            entra_device_id=self._ids.guid(),
            logged_on=entry.logged_on,
            defects=entry.defects,
            mended_by=entry.mended_by,
            mended_after=entry.mended_after,
            wipe_ends=entry.wipe_ends,
            esp=entry.esp,
            keeps_entra_device_id=entry.keeps_entra_device_id,
        )
        registration = self._registration(entry)
        device = None if entry.enrolled_by is None else self._enrolment(entry, machine, registration)
        if device is not None:
            machine = replace(machine, managed_device_id=device.id, place=Place.ENROLLED)
            self._model.managed_devices.store.seed(device.id, device)
        self._model.machines.store.seed(machine.name, machine)
        self._put_entra_device(entry, machine, device)
        if registration is not None:
            self._put_registration(machine, registration)
        if device is not None and device.compliance != "compliant":
            self._model.compliance.mend_by_time(machine)
        if device is not None and device.compliance == "inGracePeriod":
            self._model.compliance.end_grace_later(device.id)

    def _enrolment(self, entry: DeviceEntry, machine: Machine, registration: RegistrationEntry | None) -> ManagedDevice:
        user = self._model.users.require(entry.enrolled_by or "")
        at = entry.enrolled_at
        profile = self._profile(registration)
        people = [self._model.users.require(upn).id for upn in entry.logged_on]
        return ManagedDevice(
            id=self._ids.guid(),
            machine=machine.name,
            serial=entry.serial,
            entra_device_id=machine.entra_device_id or "",
            name=machine.name,
            enrolled_at=at if isinstance(at, datetime) else self._start + at,
            checked_in_at=self._start + entry.last_sync,
            online=entry.online,
            user_id=user.id,
            upn=user.upn,
            user_display_name=user.display_name,
            enrolled_by=user.upn,
            compliance=entry.compliance,
            failing=failing_settings(entry.compliance, entry.failing),
            grace_expires_at=self._start + GRACE if entry.compliance == "inGracePeriod" else None,
            management_agent=entry.management_agent,
            ownership=entry.ownership,
            operating_system=entry.os,
            os_version=machine.os_version,
            manufacturer=entry.manufacturer,
            model=entry.model,
            profile_name="" if profile is None else profile.name,
            enrollment_type=entry.enrollment_type,
            join_type=entry.join_type or ("azureADJoined" if entry.ownership == "company" else "azureADRegistered"),
            device_type=entry.device_type,
            sku_family=entry.sku_family,
            autopilot_enrolled=profile is not None,
            logged_on=tuple(
                LogOn(user_id=person, at=self._start - timedelta(hours=1 + 24 * i)) for i, person in enumerate(people)
            ),
        )

    def _put_entra_device(self, entry: DeviceEntry, machine: Machine, device: ManagedDevice | None) -> None:
        state = None if device is None else device.compliance in {"compliant", "inGracePeriod"}
        self._model.entra_devices.seed(
            EntraDevice(
                id=self._ids.guid(),
                device_id=machine.entra_device_id or "",
                name=machine.name,
                machine=machine.name,
                operating_system=entry.os,
                os_version=machine.os_version,
                registered_at=self._start - LONG_AGO,
                is_compliant=state,
                is_managed=device is not None,
                ownership="Company" if entry.ownership == "company" else "Personal",
                trust_type="AzureAd" if entry.ownership == "company" else "Workplace",
                owner_ids=() if device is None else (device.user_id,),
                recovery_keys=entry.recovery_keys,
            )
        )

    def _registration(self, entry: DeviceEntry) -> RegistrationEntry | None:
        if entry.autopilot == "default":
            fits = entry.os == "Windows" and entry.ownership == "company"
            return RegistrationEntry() if fits else None
        return entry.autopilot

    def _profile(self, registration: RegistrationEntry | None) -> AutopilotProfile | None:
        if registration is None or registration.profile == "-":
            return None
        if registration.profile is not None:
            return self._model.profiles.named(registration.profile)
        return next(self._model.profiles.store.values(), None)

    def _put_registration(self, machine: Machine, registration: RegistrationEntry) -> None:
        profile = self._profile(registration)
        user = None if registration.user is None else self._model.users.find(registration.user)
        identity = AutopilotIdentity(
            id=self._ids.guid(),
            serial=machine.serial,
            entra_device_id=machine.entra_device_id or "",
            registered_at=self._start - LONG_AGO,
            manufacturer=machine.manufacturer,
            model=machine.model,
            group_tag=registration.group_tag,
            upn="" if user is None else user.upn,
            addressable_name="" if user is None else user.display_name,
            managed_device_id=machine.managed_device_id,
            enrollment_state=registration.state
            or ("notContacted" if machine.managed_device_id is None else "enrolled"),
            profile_id=None if profile is None else profile.id,
            profile_status="notAssigned" if profile is None else registration.status,
            remediation_state=registration.remediation,
            profile_detail=registration.detail,
            userless_status=registration.userless,
        )
        self._model.autopilot.store.seed(identity.id, identity)
