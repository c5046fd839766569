"""windowsAutopilotDeploymentProfiles and windowsAutopilotSettings, both on beta only."""

from dataclasses import replace
from typing import Literal

from pydantic import Field

from local.tenant.http.assignments import NewAssignment, targets
from local.tenant.http.request import BETA, NO_CONTENT, Body, Endpoint, GraphRequest, Reply
from local.tenant.http.wire import Json, moment
from local.tenant.model.autopilot_profiles import AutopilotProfile
from local.tenant.model.operations import Operation
from local.tenant.model.refusal import intune_bad_request

_PROFILES = "/deviceManagement/windowsAutopilotDeploymentProfiles"
_SETTINGS = "/deviceManagement/windowsAutopilotSettings"
_TYPES = {
    "entra": "#microsoft.graph.azureADWindowsAutopilotDeploymentProfile",
    "hybrid": "#microsoft.graph.activeDirectoryWindowsAutopilotDeploymentProfile",
}


class Experience(Body):
    """outOfBoxExperienceSetting in a body."""

    odata_type: str | None = Field(None, alias="@odata.type")
    device_usage_type: Literal["singleUser", "shared"] = "singleUser"
    user_type: Literal["standard", "administrator"] = "standard"
    privacy_settings_hidden: bool = False
    eula_hidden: bool = Field(default=False, alias="eulaHidden")
    escape_link_hidden: bool = False
    keyboard_selection_page_skipped: bool = False


class ProfileFields(Body):
    """What POST and PATCH have in common. The type is needed: Intune cannot tell the properties of a profile without it."""

    odata_type: Literal[
        "#microsoft.graph.azureADWindowsAutopilotDeploymentProfile",
        "#microsoft.graph.activeDirectoryWindowsAutopilotDeploymentProfile",
    ] = Field(alias="@odata.type")
    description: str | None = None
    language: str | None = None
    locale: str | None = None
    device_name_template: str | None = None
    device_type: Literal["windowsPc"] = "windowsPc"
    hardware_hash_extraction_enabled: bool | None = None
    preprovisioning_allowed: bool | None = None
    role_scope_tag_ids: tuple[str, ...] | None = None


class ProfileChange(ProfileFields):
    """Body of a PATCH."""

    display_name: str | None = None
    out_of_box_experience_setting: Experience | None = None


class NewProfile(ProfileFields):
    """Body of a POST."""

    display_name: str
    out_of_box_experience_setting: Experience


class AutopilotProfileEndpoints:
    """Endpoints about deployment profiles and the service settings."""

    def endpoints(self) -> list[Endpoint]:
        """The table."""
        of = Operation
        rows = (
            ("GET", _PROFILES, of.PROFILES_LIST, self._list),
            ("GET", f"{_PROFILES}/{{id}}", of.PROFILES_GET, self._get),
            ("POST", _PROFILES, of.PROFILES_CREATE, self._create),
            ("PATCH", f"{_PROFILES}/{{id}}", of.PROFILES_UPDATE, self._update),
            ("POST", f"{_PROFILES}/{{id}}/assignments", of.PROFILES_ASSIGN, self._assign),
            ("GET", f"{_PROFILES}/{{id}}/assignments", of.PROFILES_ASSIGNMENTS, self._assignments),
            ("GET", f"{_PROFILES}/{{id}}/assignedDevices", of.PROFILES_DEVICES, self._devices),
            ("GET", _SETTINGS, of.AUTOPILOT_SETTINGS_GET, self._settings),
            ("POST", f"{_SETTINGS}/sync", of.AUTOPILOT_SETTINGS_SYNC, self._sync),
        )
        return [
            Endpoint(method=method, path=path, operation=operation, handle=handle, versions=BETA)
            for method, path, operation, handle in rows
        ]

    def _list(self, request: GraphRequest) -> Reply:
        profiles = [
            profile_json(profile) | self._expanded(request, profile) for profile in request.tenant.profiles.profiles()
        ]
        return Reply(body={"@odata.context": request.context(_PROFILES[1:]), "value": profiles})

    def _get(self, request: GraphRequest) -> Reply:
        profile = request.tenant.profiles.get(request.path["id"])
        return Reply(body=profile_json(profile) | self._expanded(request, profile))

    def _create(self, request: GraphRequest) -> Reply:
        body = request.body(NewProfile)
        fresh = AutopilotProfile(
            id=request.tenant.world.ids.guid(), name="", created_at=request.tenant.clock.now(), group_ids=()
        )
        request.tenant.profiles.create(changed_profile(fresh, body))
        return Reply(status=201, body=profile_json(request.tenant.profiles.get(fresh.id)))

    def _update(self, request: GraphRequest) -> Reply:
        body = request.body(ProfileChange)
        profile = request.tenant.profiles.get(request.path["id"])
        request.tenant.profiles.store.put(profile.id, changed_profile(profile, body))
        return Reply(body=profile_json(request.tenant.profiles.get(profile.id)))

    def _assign(self, request: GraphRequest) -> Reply:
        target = request.body(NewAssignment).target
        group = request.tenant.groups.find(target.group_id or "")
        if target.kind != "groupAssignmentTarget" or group is None:
            raise intune_bad_request()
        request.tenant.profiles.assign(request.path["id"], group.id)
        request.tenant.assignment.look_again_later()
        assigned = targets(request.path["id"], (group.id,), everybody="allDevicesAssignmentTarget")
        return Reply(status=201, body=assigned[0])

    def _expanded(self, request: GraphRequest, profile: AutopilotProfile) -> dict[str, Json]:
        if "assignments" not in request.query.expand:
            return {}
        return {"assignments": targets(profile.id, profile.group_ids, everybody="allDevicesAssignmentTarget")}

    def _assignments(self, request: GraphRequest) -> Reply:
        profile = request.tenant.profiles.get(request.path["id"])
        value = targets(profile.id, profile.group_ids, everybody="allDevicesAssignmentTarget")
        return Reply(body={"@odata.context": request.context("assignments"), "value": value})

    def _devices(self, request: GraphRequest) -> Reply:
        profile = request.tenant.profiles.get(request.path["id"])
        found = request.tenant.autopilot.of_profile(profile.id)
        value = [{"id": identity.id, "serialNumber": identity.serial} for identity in found]
        return Reply(body={"@odata.context": request.context("assignedDevices"), "value": value})

    def _settings(self, request: GraphRequest) -> Reply:
        state = request.tenant.autopilot_settings.get()
        return Reply(
            body={
                "@odata.context": request.context("deviceManagement/windowsAutopilotSettings/$entity"),
                "id": request.tenant.organization.id,
                "lastSyncDateTime": moment(state.synced_at),
                "lastManualSyncTriggerDateTime": moment(state.triggered_at),
                "syncStatus": state.status,
            }
        )

    def _sync(self, request: GraphRequest) -> Reply:
        request.tenant.autopilot_settings.sync()
        return NO_CONTENT


def changed_profile(profile: AutopilotProfile, body: ProfileChange | NewProfile) -> AutopilotProfile:
    """The profile with what the body says; what it leaves out stays."""
    experience = body.out_of_box_experience_setting
    template, allowed = body.device_name_template, body.preprovisioning_allowed
    changed = replace(
        profile,
        name=body.display_name or profile.name,
        description=profile.description if body.description is None else body.description,
        language=body.locale or profile.language,
        name_template=profile.name_template if template is None else template,
        pre_provisioning=profile.pre_provisioning if allowed is None else allowed,
        join="hybrid" if "activeDirectory" in body.odata_type else "entra",
    )
    if experience is None:
        return changed
    return replace(
        changed,
        usage=experience.device_usage_type,
        user_type=experience.user_type,
        skips_keyboard=experience.keyboard_selection_page_skipped,
    )


def profile_json(profile: AutopilotProfile) -> dict[str, Json]:
    """A deployment profile; its old and its new form of the OOBE settings are both there."""
    shared: dict[str, Json] = {"deviceUsageType": profile.usage, "userType": profile.user_type}
    return {
        "@odata.type": _TYPES[profile.join],
        "id": profile.id,
        "displayName": profile.name,
        "description": profile.description,
        "language": profile.language,
        "locale": profile.language,
        "createdDateTime": moment(profile.created_at),
        "lastModifiedDateTime": moment(profile.created_at),
        "outOfBoxExperienceSetting": shared
        | {
            "privacySettingsHidden": True,
            "eulaHidden": True,
            "keyboardSelectionPageSkipped": profile.skips_keyboard,
            "escapeLinkHidden": True,
        },
        "outOfBoxExperienceSettings": shared
        | {
            "hidePrivacySettings": True,
            "hideEULA": True,
            "skipKeyboardSelectionPage": profile.skips_keyboard,
            "hideEscapeLink": True,
        },
        "enrollmentStatusScreenSettings": None,
        "extractHardwareHash": True,
        "hardwareHashExtractionEnabled": True,
        "deviceNameTemplate": profile.name_template,
        "deviceType": "windowsPc",
        "enableWhiteGlove": profile.pre_provisioning,
        "preprovisioningAllowed": profile.pre_provisioning,
        "roleScopeTagIds": ["0"],
        "managementServiceAppId": "",
    }
