"""Windows Autopilot registrations and the user that each is assigned to."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from local.tenant.model.autopilot_profiles import AutopilotProfile, AutopilotProfiles
from local.tenant.model.filters import Condition, Filterable, Table, holds, supported
from local.tenant.model.licences import Licences
from local.tenant.model.paging import Page, page_of
from local.tenant.model.refusal import Service, intune_bad_request, resource_not_found
from local.tenant.model.store import Store
from local.tenant.model.users import Users
from local.tenant.model.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class AutopilotIdentity:
    """One registration; it outlives every enrolment of the computer."""

    id: str
    serial: str
    entra_device_id: str
    registered_at: datetime
    manufacturer: str = ""
    model: str = ""
    group_tag: str = ""
    display_name: str = ""
    upn: str = ""
    addressable_name: str = ""
    managed_device_id: str | None = None
    enrollment_state: str = "notContacted"
    last_contacted_at: datetime | None = None
    profile_id: str | None = None
    profile_status: str = "notAssigned"
    profile_detail: str = "none"
    remediation_state: str = "noRemediationRequired"
    userless_status: str = "unknown"


FILTERABLE: Table[AutopilotIdentity] = {
    "serialNumber": Filterable(operators=frozenset({"contains"}), value_of=lambda identity: identity.serial),
    "groupTag": Filterable(operators=frozenset({"contains"}), value_of=lambda identity: identity.group_tag),
    "model": Filterable(operators=frozenset({"contains"}), value_of=lambda identity: identity.model),
    "manufacturer": Filterable(operators=frozenset({"contains"}), value_of=lambda identity: identity.manufacturer),
}


class Autopilot:
    """The registrations of the tenant."""

    def __init__(self, world: World, users: Users, licences: Licences, profiles: AutopilotProfiles) -> None:
        self._world = world
        self._users = users
        self._licences = licences
        self._profiles = profiles
        self.store = Store[AutopilotIdentity](world.clock, world.replica)
        self._by_serial = self.store.index(lambda identity: identity.serial)

    def get(self, autopilot_id: str) -> AutopilotIdentity:
        """GET windowsAutopilotDeviceIdentities/{id}. Raises 404."""
        identity = self.store.read(autopilot_id)
        if identity is None:
            raise resource_not_found(autopilot_id, Service.INTUNE)
        return identity

    def page(self, conditions: Sequence[Condition] | None, *, start: int, size: int) -> Page[AutopilotIdentity]:
        """GET windowsAutopilotDeviceIdentities: the user is empty in every row. Raises 400 for ``eq`` filters."""
        if conditions is None or not supported(conditions, FILTERABLE):
            raise intune_bad_request()
        rows = [i for i in self.store.readable() if holds(i, conditions, FILTERABLE)]
        found = page_of(rows, self._world.replica, start=start, size=size)
        return replace(found, rows=tuple(replace(row, upn="", addressable_name="") for row in found.rows))

    def profile_of(self, autopilot_id: str) -> AutopilotProfile | None:
        """The deployment profile that reached the registration, or None. Raises 404 for the registration."""
        identity = self.get(autopilot_id)
        return None if identity.profile_id is None else self._profiles.store.read(identity.profile_id)

    def assign_user(self, autopilot_id: str, *, upn: str | None, addressable_name: str | None) -> None:
        """POST .../assignUserToDevice. Raises 404, and an opaque 400 unless both are given and the user is licensed."""
        identity = self._require(autopilot_id)
        user = self._users.find(upn) if upn else None
        if user is None or not addressable_name or not self._licences.has_intune(user):
            raise intune_bad_request()
        self.store.put(identity.id, replace(identity, upn=user.upn, addressable_name=addressable_name))

    def unassign_user(self, autopilot_id: str) -> None:
        """POST .../unassignUserFromDevice. Raises 404."""
        identity = self._require(autopilot_id)
        self.store.put(identity.id, replace(identity, upn="", addressable_name=""))

    def update_properties(
        self,
        autopilot_id: str,
        *,
        upn: str | None = None,
        addressable_name: str | None = None,
        group_tag: str | None = None,
        display_name: str | None = None,
    ) -> None:
        """POST .../updateDeviceProperties: what is None stays. Raises 404, and 400 for an unlicensed user."""
        identity = self._require(autopilot_id)
        if upn:
            self.assign_user(autopilot_id, upn=upn, addressable_name=addressable_name)
            identity = self._require(autopilot_id)
        changed = replace(
            identity,
            group_tag=identity.group_tag if group_tag is None else group_tag,
            display_name=identity.display_name if display_name is None else display_name,
        )
        self.store.put(identity.id, changed)

    def allow_next_enrollment(self, autopilot_id: str) -> None:
        """POST (beta) .../allowNextEnrollment: unblocks userless enrolment. Raises 404."""
        identity = self._require(autopilot_id)
        self.store.put(identity.id, replace(identity, userless_status="allowed"))

    def delete(self, autopilot_id: str) -> None:
        """DELETE windowsAutopilotDeviceIdentities/{id}: the computer is no longer registered. Raises 404."""
        self.store.remove(self._require(autopilot_id).id)

    def with_serial(self, serial: str) -> AutopilotIdentity | None:
        """The registration with exactly this serial number, as it truly is."""
        return next(iter(self._by_serial.find(serial)), None)

    def of_profile(self, profile_id: str) -> tuple[AutopilotIdentity, ...]:
        """The registrations that a deployment profile reached."""
        return tuple(identity for identity in self.store.readable() if identity.profile_id == profile_id)

    def _require(self, autopilot_id: str) -> AutopilotIdentity:
        identity = self.store.get(autopilot_id)
        if identity is None:
            raise resource_not_found(autopilot_id, Service.INTUNE)
        return identity
