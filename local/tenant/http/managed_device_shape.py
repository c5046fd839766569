"""How a managed device is written: every property of v1.0 and the ones of beta that matter here."""

from collections.abc import Callable

from local.tenant.http.shape import OfTenant, Property, Shape
from local.tenant.http.wire import LONG_AGO, NEVER, Json, moment
from local.tenant.model.managed_devices import ManagedDevice
from local.tenant.model.refusal import Service

_ALWAYS: dict[str, Json] = {
    "activationLockBypassCode": None,
    "androidSecurityPatchLevel": "",
    "configurationManagerClientEnabledFeatures": None,
    "deviceCategoryDisplayName": "Unknown",
    "deviceHealthAttestationState": None,
    "deviceRegistrationState": "registered",
    "easActivated": True,
    "easActivationDateTime": LONG_AGO,
    "exchangeAccessState": "none",
    "exchangeAccessStateReason": "none",
    "exchangeLastSuccessfulSyncDateTime": LONG_AGO,
    "freeStorageSpaceInBytes": 0,
    "iccid": "",
    "imei": "",
    "isEncrypted": True,
    "isSupervised": False,
    "jailBroken": "Unknown",
    "meid": "",
    "partnerReportedThreatState": "unknown",
    "phoneNumber": "",
    "remoteAssistanceSessionErrorDetails": None,
    "remoteAssistanceSessionUrl": None,
    "requireUserEnrollmentApproval": None,
    "subscriberCarrier": "",
    "totalStorageSpaceInBytes": 0,
    "wiFiMacAddress": "",
}
_ALWAYS_ON_BETA: dict[str, Json] = {
    "chassisType": "unknown",
    "lostModeState": "disabled",
    "roleScopeTagIds": [],
    "windowsActiveMalwareCount": 0,
    "windowsRemediatedMalwareCount": 0,
}
_ONLY_BY_ID: dict[str, Json] = {
    "ethernetMacAddress": "00155D4A0B01",
    "notes": "",
    "physicalMemoryInBytes": 17179869184,
    "udid": "",
}
"""Empty in lists; ``notes`` and the memory even by id, unless they are selected."""


def _identifying() -> dict[str, Callable[[ManagedDevice], Json]]:
    return {
        "id": lambda device: device.id,
        "userId": lambda device: device.user_id,
        "deviceName": lambda device: device.name,
        "managedDeviceName": lambda device: f"{device.name}_Windows_{device.enrolled_at:%m/%d/%Y_%I:%M %p}",
        "managedDeviceOwnerType": lambda device: device.ownership,
        "operatingSystem": lambda device: device.operating_system,
        "osVersion": lambda device: device.os_version,
        "azureADRegistered": lambda _: True,
        "azureADDeviceId": lambda device: device.entra_device_id,
        "easDeviceId": lambda device: device.serial,
        "emailAddress": lambda device: device.upn,
        "manufacturer": lambda device: device.manufacturer,
        "model": lambda device: device.model,
        "serialNumber": lambda device: device.serial,
        "userDisplayName": lambda device: device.user_display_name,
        "userPrincipalName": lambda device: device.upn,
    }


def _managing() -> dict[str, Property[ManagedDevice]]:
    return {
        "enrolledDateTime": lambda device: moment(device.enrolled_at),
        "lastSyncDateTime": OfTenant(lambda device, tenant: moment(tenant.managed_devices.last_sync_at(device))),
        "complianceState": lambda device: device.compliance,
        "complianceGracePeriodExpirationDateTime": lambda device: moment(device.grace_expires_at) or NEVER,
        "managementAgent": lambda device: device.management_agent,
        "managementState": lambda device: device.management_state,
        "managementCertificateExpirationDate": lambda device: moment(
            device.enrolled_at.replace(year=device.enrolled_at.year + 1, day=1)
        ),
        "deviceEnrollmentType": lambda device: device.enrollment_type,
        "enrollmentProfileName": lambda device: device.profile_name,
        "deviceActionResults": lambda device: [
            {
                "@odata.type": "#microsoft.graph.deviceActionResult",
                "actionName": action.name,
                "actionState": action.state,
                "startDateTime": moment(action.started_at),
                "lastUpdatedDateTime": moment(action.updated_at),
            }
            for action in device.actions
        ],
    }


def _beta_properties() -> dict[str, Callable[[ManagedDevice], Json]]:
    return {
        "joinType": lambda device: device.join_type,
        "deviceType": lambda device: device.device_type,
        "skuFamily": lambda device: device.sku_family,
        "autopilotEnrolled": lambda device: device.autopilot_enrolled,
        "enrolledByUserPrincipalName": lambda device: device.enrolled_by,
        "usersLoggedOn": lambda device: [
            {"userId": log_on.user_id, "lastLogOnDateTime": moment(log_on.at)} for log_on in device.logged_on
        ],
        "ownerType": lambda device: device.ownership,
        "azureActiveDirectoryDeviceId": lambda device: device.entra_device_id,
        "aadRegistered": lambda _: True,
        **{name: _constant(value) for name, value in _ALWAYS_ON_BETA.items()},
    }


def _constant(value: Json) -> Callable[[ManagedDevice], Json]:
    return lambda _: value


_ON_BETA = _beta_properties()
MANAGED_DEVICE_SHAPE = Shape[ManagedDevice](
    type_name="managedDevice",
    service=Service.INTUNE,
    properties={
        **_identifying(),
        **_managing(),
        **{name: _constant(value) for name, value in (_ALWAYS | _ONLY_BY_ID).items()},
        **_ON_BETA,
    },
    beta_only=frozenset(_ON_BETA),
    hidden_in_lists=frozenset(_ONLY_BY_ID) - {"physicalMemoryInBytes"},
    only_when_selected=frozenset({"notes", "physicalMemoryInBytes"}),
)
"""microsoft.graph.managedDevice."""
