"""windowsAutopilotDeploymentProfiles and windowsAutopilotSettings, both on beta only."""

from local.tenant.http.assignments import targets
from local.tenant.http.request import BETA, NO_CONTENT, Endpoint, GraphRequest, Reply
from local.tenant.http.wire import Json, moment
from local.tenant.model.autopilot_profiles import AutopilotProfile
from local.tenant.model.operations import Operation
from local.tenant.model.tenant import TenantModel

_PROFILES = "/deviceManagement/windowsAutopilotDeploymentProfiles"
_SETTINGS = "/deviceManagement/windowsAutopilotSettings"
_TYPES = {
    "entra": "#microsoft.graph.azureADWindowsAutopilotDeploymentProfile",
    "hybrid": "#microsoft.graph.activeDirectoryWindowsAutopilotDeploymentProfile",
}


class AutopilotProfileEndpoints:
    """Endpoints about deployment profiles and the service settings."""

    def __init__(self, model: TenantModel) -> None:
        self._model = model

    def endpoints(self) -> list[Endpoint]:
        """The table."""
        of = Operation
        rows = (
            ("GET", _PROFILES, of.PROFILES_LIST, self._list),
            ("GET", f"{_PROFILES}/{{id}}", of.PROFILES_GET, self._get),
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
            profile_json(profile) | self._expanded(request, profile) for profile in self._model.profiles.profiles()
        ]
        return Reply(body={"@odata.context": request.context(_PROFILES[1:]), "value": profiles})

    def _get(self, request: GraphRequest) -> Reply:
        profile = self._model.profiles.get(request.path["id"])
        return Reply(body=profile_json(profile) | self._expanded(request, profile))

    def _expanded(self, request: GraphRequest, profile: AutopilotProfile) -> dict[str, Json]:
        if "assignments" not in request.query.expand:
            return {}
        return {"assignments": targets(profile.id, profile.group_ids, everybody="allDevicesAssignmentTarget")}

    def _assignments(self, request: GraphRequest) -> Reply:
        profile = self._model.profiles.get(request.path["id"])
        value = targets(profile.id, profile.group_ids, everybody="allDevicesAssignmentTarget")
        return Reply(body={"@odata.context": request.context("assignments"), "value": value})

    def _devices(self, request: GraphRequest) -> Reply:
        profile = self._model.profiles.get(request.path["id"])
        found = self._model.autopilot.of_profile(profile.id)
        value = [{"id": identity.id, "serialNumber": identity.serial} for identity in found]
        return Reply(body={"@odata.context": request.context("assignedDevices"), "value": value})

    def _settings(self, request: GraphRequest) -> Reply:
        state = self._model.autopilot_settings.get()
        return Reply(
            body={
                "@odata.context": request.context("deviceManagement/windowsAutopilotSettings/$entity"),
                "id": self._model.organization.id,
                "lastSyncDateTime": moment(state.synced_at),
                "lastManualSyncTriggerDateTime": moment(state.triggered_at),
                "syncStatus": state.status,
            }
        )

    def _sync(self, _request: GraphRequest) -> Reply:
        self._model.autopilot_settings.sync()
        return NO_CONTENT


def profile_json(profile: AutopilotProfile) -> dict[str, Json]:
    """A deployment profile; its old and its new form of the OOBE settings are both there."""
    shared: dict[str, Json] = {"deviceUsageType": profile.usage, "userType": profile.user_type}
    return {
        "@odata.type": _TYPES[profile.join],
        "id": profile.id,
        "displayName": profile.name,
        "description": "",
        "language": "os-default",
        "locale": "os-default",
        "createdDateTime": moment(profile.created_at),
        "lastModifiedDateTime": moment(profile.created_at),
        "outOfBoxExperienceSetting": shared
        | {
            "privacySettingsHidden": True,
            "eulaHidden": True,
            "keyboardSelectionPageSkipped": True,
            "escapeLinkHidden": True,
        },
        "outOfBoxExperienceSettings": shared
        | {
            "hidePrivacySettings": True,
            "hideEULA": True,
            "skipKeyboardSelectionPage": True,
            "hideEscapeLink": True,
        },
        "enrollmentStatusScreenSettings": None,
        "extractHardwareHash": True,
        "hardwareHashExtractionEnabled": True,
        "deviceNameTemplate": "",
        "deviceType": "windowsPc",
        "enableWhiteGlove": False,
        "preprovisioningAllowed": False,
        "roleScopeTagIds": ["0"],
        "managementServiceAppId": "",
    }
