"""Dynamic groups of Autopilot devices find their members, and registrations get the profile of their groups.

Only what a request changed is looked at: a scenario's own groups and registrations stay as they were written.
"""

import re
from dataclasses import replace

from local.tenant.model.autopilot import Autopilot, AutopilotIdentity
from local.tenant.model.autopilot_profiles import AutopilotProfile, AutopilotProfiles
from local.tenant.model.entra_devices import EntraDevices
from local.tenant.model.groups import Group, Groups
from local.tenant.model.world import World

_RULE = re.compile(r"\(device\.devicePhysicalIds-any\(_-eq\"\[OrderID\]:(?P<tag>[^\"]+)\"\)\)", re.IGNORECASE)
_WITHOUT_PROFILE = frozenset({"notAssigned", "pending"})


class AutopilotAssignment:
    """Looks again after a request changed groups, profiles or registrations."""

    def __init__(
        self,
        world: World,
        groups: Groups,
        profiles: AutopilotProfiles,
        autopilot: Autopilot,
        entra_devices: EntraDevices,
    ) -> None:
        self._world = world
        self._groups = groups
        self._profiles = profiles
        self._autopilot = autopilot
        self._entra_devices = entra_devices

    def look_again_later(self) -> None:
        """Something changed: members and profiles follow after a while."""
        self._world.clock.after(self._world.delays.dynamic_group, self.look_again)

    def look_again(self) -> None:
        """Find the members of every dynamic group, then the profile of every registration without one."""
        for group in tuple(self._groups.store.values()):
            self._fill(group)
        for identity in tuple(self._autopilot.store.values()):
            profile = self._profile_for(identity) if identity.profile_status in _WITHOUT_PROFILE else None
            if profile is not None:
                assigned = replace(identity, profile_id=profile.id, profile_status="assignedUnkownSyncState")
                self._autopilot.store.put(identity.id, assigned)

    def _fill(self, group: Group) -> None:
        rule = _RULE.fullmatch("".join(group.rule.split()))
        if rule is None or not group.rule_is_on:
            return
        tagged = (each for each in self._autopilot.store.values() if each.group_tag.lower() == rule["tag"].lower())
        members = tuple(member for each in tagged if (member := self._object_id(each)) is not None)
        if members != group.member_ids:
            self._groups.store.put(group.id, replace(group, member_ids=members))

    def _profile_for(self, identity: AutopilotIdentity) -> AutopilotProfile | None:
        """Of several profiles the oldest."""
        member = self._object_id(identity)
        for profile in sorted(self._profiles.store.values(), key=lambda each: each.created_at):
            if profile.group_ids is None:
                return profile
            groups = (self._groups.store.get(group_id) for group_id in profile.group_ids)
            if any(group is not None and member in group.member_ids for group in groups):
                return profile
        return None

    def _object_id(self, identity: AutopilotIdentity) -> str | None:
        device = self._entra_devices.find(identity.entra_device_id)
        return None if device is None else device.id
