"""Autopilot deployment profiles and whom they are assigned to."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from local.tenant.model.refusal import Service, intune_bad_request, resource_not_found
from local.tenant.model.store import Store
from local.tenant.model.world import World

Join = Literal["entra", "hybrid"]
Usage = Literal["singleUser", "shared"]
UserType = Literal["standard", "administrator"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AutopilotProfile:
    """One deployment profile. ``group_ids`` is None when it is assigned to all devices."""

    id: str
    name: str
    created_at: datetime
    join: Join = "entra"
    usage: Usage = "singleUser"
    user_type: UserType = "standard"
    group_ids: tuple[str, ...] | None = None
    description: str = ""
    language: str = "os-default"
    name_template: str = ""
    pre_provisioning: bool = False
    skips_keyboard: bool = True


class AutopilotProfiles:
    """The deployment profiles of the tenant."""

    def __init__(self, world: World) -> None:
        self.store = Store[AutopilotProfile](world.clock, world.replica)

    def profiles(self) -> tuple[AutopilotProfile, ...]:
        """GET (beta) windowsAutopilotDeploymentProfiles."""
        return tuple(self.store.readable())

    def get(self, profile_id: str) -> AutopilotProfile:
        """GET (beta) windowsAutopilotDeploymentProfiles/{id}. Raises 404."""
        profile = self.store.read(profile_id)
        if profile is None:
            raise resource_not_found(profile_id, Service.INTUNE)
        return profile

    def create(self, profile: AutopilotProfile) -> None:
        """POST (beta) windowsAutopilotDeploymentProfiles: it is assigned to nobody yet."""
        self.store.put(profile.id, profile)

    def assign(self, profile_id: str, group_id: str) -> None:
        """POST (beta) .../assignments to one more group. Raises 404, and 400 for a group that has it already."""
        profile = self.get(profile_id)
        if group_id in (profile.group_ids or ()):
            raise intune_bad_request("The profile is already assigned to this group.")
        self.store.put(profile.id, replace(profile, group_ids=(*(profile.group_ids or ()), group_id)))

    def named(self, name: str) -> AutopilotProfile:
        """The profile with that display name. Raises KeyError."""
        for profile in self.store.values():
            if profile.name == name:
                return profile
        raise KeyError(f"no Autopilot profile is named {name!r}")

    def edit(
        self,
        name: str,
        *,
        join: Join | None = None,
        usage: Usage | None = None,
        user_type: UserType | None = None,
    ) -> None:
        """Change a profile, as an administrator would in the portal; what is None stays."""
        profile = self.named(name)
        changed = replace(
            profile,
            join=join or profile.join,
            usage=usage or profile.usage,
            user_type=user_type or profile.user_type,
        )
        self.store.put(profile.id, changed)
