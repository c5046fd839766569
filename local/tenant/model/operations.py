"""Every operation of Graph that the tenant knows, and the application permissions that allow each: any one of a row.

Source: the permissions reference of Microsoft Graph. An empty row is an operation that no application may call.
"""

from enum import StrEnum

_USER_READ = "User.Read.All User.ReadWrite.All Directory.Read.All Directory.ReadWrite.All User.ReadBasic.All"
_USER_DEVICES = "User.Read.All User.ReadWrite.All Directory.Read.All Directory.ReadWrite.All"
_USER_WRITE = "User.ReadWrite.All Directory.ReadWrite.All"
_LICENCE_READ = f"LicenseAssignment.Read.All LicenseAssignment.ReadWrite.All {_USER_DEVICES}"
_LICENCE_WRITE = "LicenseAssignment.ReadWrite.All User.ReadWrite.All Directory.ReadWrite.All"
_SKU_READ = (
    "LicenseAssignment.Read.All LicenseAssignment.ReadWrite.All Organization.Read.All Organization.ReadWrite.All "
    "Directory.Read.All Directory.ReadWrite.All"
)
_GROUP_READ = "GroupMember.Read.All Group.Read.All Group.ReadWrite.All Directory.Read.All Directory.ReadWrite.All"
_MEMBERS_READ = "GroupMember.Read.All GroupMember.ReadWrite.All Group.Read.All Group.ReadWrite.All Directory.Read.All"
_GROUP_CREATE = "Group.ReadWrite.All Directory.ReadWrite.All"
_GROUP_WRITE = "GroupMember.ReadWrite.All Group.ReadWrite.All Directory.ReadWrite.All"
_MEMBERSHIP_READ = _GROUP_READ
_ENTRA_DEVICE_READ = "Device.Read.All Device.ReadWrite.All Directory.Read.All Directory.ReadWrite.All"
_MANAGED_READ = "DeviceManagementManagedDevices.Read.All DeviceManagementManagedDevices.ReadWrite.All"
_MANAGED_WRITE = "DeviceManagementManagedDevices.ReadWrite.All"
_PRIVILEGED = "DeviceManagementManagedDevices.PrivilegedOperations.All"
_SERVICE_READ = "DeviceManagementServiceConfig.Read.All DeviceManagementServiceConfig.ReadWrite.All"
_SERVICE_WRITE = "DeviceManagementServiceConfig.ReadWrite.All"
_ORGANIZATION_READ = f"{_SERVICE_READ} Organization.Read.All Directory.Read.All User.Read.All"
_AUDIT_READ = "DeviceManagementApps.Read.All DeviceManagementApps.ReadWrite.All"
_APPROVAL_READ = "DeviceManagementRBAC.Read.All DeviceManagementRBAC.ReadWrite.All"
_SUBSCRIBE = f"{_USER_READ} Group.Read.All GroupMember.Read.All Device.Read.All"


class Operation(StrEnum):
    """The name that faults and counts use."""

    USERS_LIST = "users.list"
    USERS_GET = "users.get"
    USERS_UPDATE = "users.update"
    USERS_DELTA = "users.delta"
    USERS_LICENSE_DETAILS = "users.licenseDetails"
    USERS_MANAGED_DEVICES = "users.managedDevices"
    USERS_OWNED_DEVICES = "users.ownedDevices"
    ASSIGN_LICENSE = "assignLicense"
    REPROCESS_LICENSE = "reprocessLicenseAssignment"
    CHECK_MEMBER_GROUPS = "checkMemberGroups"
    CHECK_DEVICE_GROUPS = "devices.checkMemberGroups"
    RECOVERY_KEYS_LIST = "recoveryKeys.list"
    SEND_MAIL = "sendMail"
    SEND_ACTIVITY = "sendActivityNotification"
    GROUPS_LIST = "groups.list"
    GROUPS_GET = "groups.get"
    GROUPS_DELTA = "groups.delta"
    GROUPS_CREATE = "groups.create"
    GROUPS_UPDATE = "groups.update"
    GROUPS_ASSIGN_LICENSE = "groups.assignLicense"
    GROUP_MEMBERS_LIST = "groups.members.list"
    GROUP_MEMBERS_ADD = "groups.members.add"
    GROUP_MEMBERS_REMOVE = "groups.members.remove"
    SUBSCRIBED_SKUS_LIST = "subscribedSkus.list"
    SUBSCRIBED_SKUS_GET = "subscribedSkus.get"
    DEVICES_LIST = "devices.list"
    DEVICES_GET = "devices.get"
    DEVICES_DELTA = "devices.delta"
    DEVICES_OWNERS = "devices.registeredOwners"
    DEVICES_USERS = "devices.registeredUsers"
    MANAGED_DEVICES_LIST = "managedDevices.list"
    MANAGED_DEVICES_GET = "managedDevices.get"
    MANAGED_DEVICES_DELETE = "managedDevices.delete"
    MANAGED_DEVICES_POLICY_STATES = "managedDevices.deviceCompliancePolicyStates"
    MANAGED_DEVICES_USERS = "managedDevices.users"
    MANAGED_DEVICES_SET_USER = "managedDevices.users.add"
    MANAGED_DEVICE_OVERVIEW = "managedDeviceOverview.get"
    COMPLIANCE_STATE_SUMMARY = "deviceCompliancePolicyDeviceStateSummary.get"
    SYNC_DEVICE = "syncDevice"
    WIPE = "wipe"
    RETIRE = "retire"
    CLEAN_WINDOWS_DEVICE = "cleanWindowsDevice"
    REBOOT_NOW = "rebootNow"
    SHUT_DOWN = "shutDown"
    REMOTE_LOCK = "remoteLock"
    TROUBLESHOOTING_EVENTS = "troubleshootingEvents.list"
    AUTOPILOT_EVENTS = "autopilotEvents.list"
    REMOTE_ACTION_AUDITS = "remoteActionAudits.list"
    AUDIT_EVENTS = "auditEvents.list"
    AUTOPILOT_LIST = "windowsAutopilotDeviceIdentities.list"
    AUTOPILOT_GET = "windowsAutopilotDeviceIdentities.get"
    AUTOPILOT_DELETE = "windowsAutopilotDeviceIdentities.delete"
    AUTOPILOT_PROFILE = "windowsAutopilotDeviceIdentities.deploymentProfile"
    ASSIGN_USER = "assignUserToDevice"
    UNASSIGN_USER = "unassignUserFromDevice"
    UPDATE_PROPERTIES = "updateDeviceProperties"
    ALLOW_NEXT_ENROLLMENT = "allowNextEnrollment"
    PROFILES_LIST = "windowsAutopilotDeploymentProfiles.list"
    PROFILES_GET = "windowsAutopilotDeploymentProfiles.get"
    PROFILES_CREATE = "windowsAutopilotDeploymentProfiles.create"
    PROFILES_UPDATE = "windowsAutopilotDeploymentProfiles.update"
    PROFILES_ASSIGN = "windowsAutopilotDeploymentProfiles.assignments.create"
    PROFILES_ASSIGNMENTS = "windowsAutopilotDeploymentProfiles.assignments"
    PROFILES_DEVICES = "windowsAutopilotDeploymentProfiles.assignedDevices"
    IMPORTS_CREATE = "importedWindowsAutopilotDeviceIdentities.create"
    IMPORTS_LIST = "importedWindowsAutopilotDeviceIdentities.list"
    IMPORTS_GET = "importedWindowsAutopilotDeviceIdentities.get"
    AUTOPILOT_SETTINGS_GET = "windowsAutopilotSettings.get"
    AUTOPILOT_SETTINGS_SYNC = "windowsAutopilotSettings.sync"
    CONFIGURATIONS_LIST = "deviceEnrollmentConfigurations.list"
    CONFIGURATIONS_GET = "deviceEnrollmentConfigurations.get"
    CONFIGURATIONS_CREATE = "deviceEnrollmentConfigurations.create"
    CONFIGURATIONS_UPDATE = "deviceEnrollmentConfigurations.update"
    CONFIGURATIONS_ASSIGN = "deviceEnrollmentConfigurations.assign"
    CONFIGURATIONS_SET_PRIORITY = "deviceEnrollmentConfigurations.setPriority"
    CONFIGURATIONS_ASSIGNMENTS = "deviceEnrollmentConfigurations.assignments"
    ORGANIZATION_LIST = "organization.list"
    ORGANIZATION_GET = "organization.get"
    SET_MDM_AUTHORITY = "setMobileDeviceManagementAuthority"
    APPROVAL_POLICIES = "operationApprovalPolicies.list"
    APPROVAL_REQUESTS_LIST = "operationApprovalRequests.list"
    APPROVAL_REQUESTS_GET = "operationApprovalRequests.get"
    MDM_POLICIES = "mobileDeviceManagementPolicies"
    SUBSCRIPTIONS_CREATE = "subscriptions.create"
    SUBSCRIPTIONS_LIST = "subscriptions.list"
    SUBSCRIPTIONS_GET = "subscriptions.get"
    SUBSCRIPTIONS_UPDATE = "subscriptions.update"
    SUBSCRIPTIONS_DELETE = "subscriptions.delete"
    SUBSCRIPTIONS_REAUTHORIZE = "subscriptions.reauthorize"
    BATCH = "batch"


_NEEDS: dict[Operation, str] = {
    Operation.USERS_LIST: _USER_READ,
    Operation.USERS_GET: _USER_READ,
    Operation.USERS_UPDATE: _USER_WRITE,
    Operation.USERS_DELTA: _USER_DEVICES,
    Operation.USERS_LICENSE_DETAILS: _LICENCE_READ,
    Operation.USERS_MANAGED_DEVICES: _MANAGED_READ,
    Operation.USERS_OWNED_DEVICES: _USER_DEVICES,
    Operation.ASSIGN_LICENSE: _LICENCE_WRITE,
    Operation.REPROCESS_LICENSE: _USER_WRITE,
    Operation.CHECK_MEMBER_GROUPS: _MEMBERSHIP_READ,
    Operation.CHECK_DEVICE_GROUPS: _MEMBERSHIP_READ,
    Operation.RECOVERY_KEYS_LIST: "BitlockerKey.ReadBasic.All BitlockerKey.Read.All",
    Operation.SEND_MAIL: "Mail.Send",
    Operation.SEND_ACTIVITY: "TeamsActivity.Send TeamsActivity.Send.User",
    Operation.GROUPS_LIST: _GROUP_READ,
    Operation.GROUPS_GET: _GROUP_READ,
    Operation.GROUPS_DELTA: _GROUP_READ,
    Operation.GROUPS_CREATE: _GROUP_CREATE,
    Operation.GROUPS_UPDATE: _GROUP_CREATE,
    Operation.GROUPS_ASSIGN_LICENSE: "LicenseAssignment.ReadWrite.All Directory.ReadWrite.All",
    Operation.GROUP_MEMBERS_LIST: _MEMBERS_READ,
    Operation.GROUP_MEMBERS_ADD: _GROUP_WRITE,
    Operation.GROUP_MEMBERS_REMOVE: _GROUP_WRITE,
    Operation.SUBSCRIBED_SKUS_LIST: _SKU_READ,
    Operation.SUBSCRIBED_SKUS_GET: _SKU_READ,
    Operation.DEVICES_LIST: _ENTRA_DEVICE_READ,
    Operation.DEVICES_GET: _ENTRA_DEVICE_READ,
    Operation.DEVICES_DELTA: "Device.Read.All",
    Operation.DEVICES_OWNERS: _ENTRA_DEVICE_READ,
    Operation.DEVICES_USERS: _ENTRA_DEVICE_READ,
    Operation.MANAGED_DEVICES_LIST: _MANAGED_READ,
    Operation.MANAGED_DEVICES_GET: _MANAGED_READ,
    Operation.MANAGED_DEVICES_DELETE: _MANAGED_WRITE,
    Operation.MANAGED_DEVICES_POLICY_STATES: _MANAGED_READ,
    Operation.MANAGED_DEVICES_USERS: _MANAGED_READ,
    Operation.MANAGED_DEVICES_SET_USER: _MANAGED_WRITE,
    Operation.MANAGED_DEVICE_OVERVIEW: _MANAGED_READ,
    Operation.COMPLIANCE_STATE_SUMMARY: (
        "DeviceManagementConfiguration.Read.All DeviceManagementConfiguration.ReadWrite.All"
    ),
    Operation.SYNC_DEVICE: _PRIVILEGED,
    Operation.WIPE: f"{_PRIVILEGED} {_MANAGED_WRITE}",
    Operation.RETIRE: _PRIVILEGED,
    Operation.CLEAN_WINDOWS_DEVICE: _PRIVILEGED,
    Operation.REBOOT_NOW: _PRIVILEGED,
    Operation.SHUT_DOWN: _PRIVILEGED,
    Operation.REMOTE_LOCK: _PRIVILEGED,
    Operation.TROUBLESHOOTING_EVENTS: _MANAGED_READ,
    Operation.AUTOPILOT_EVENTS: _MANAGED_READ,
    Operation.REMOTE_ACTION_AUDITS: f"{_MANAGED_READ} DeviceManagementConfiguration.Read.All",
    Operation.AUDIT_EVENTS: _AUDIT_READ,
    Operation.AUTOPILOT_LIST: _SERVICE_READ,
    Operation.AUTOPILOT_GET: _SERVICE_READ,
    Operation.AUTOPILOT_DELETE: _SERVICE_WRITE,
    Operation.AUTOPILOT_PROFILE: _SERVICE_READ,
    Operation.ASSIGN_USER: _SERVICE_WRITE,
    Operation.UNASSIGN_USER: _SERVICE_WRITE,
    Operation.UPDATE_PROPERTIES: _SERVICE_WRITE,
    Operation.ALLOW_NEXT_ENROLLMENT: _SERVICE_WRITE,
    Operation.PROFILES_LIST: _SERVICE_READ,
    Operation.PROFILES_GET: _SERVICE_READ,
    Operation.PROFILES_CREATE: _SERVICE_WRITE,
    Operation.PROFILES_UPDATE: _SERVICE_WRITE,
    Operation.PROFILES_ASSIGN: _SERVICE_WRITE,
    Operation.PROFILES_ASSIGNMENTS: _SERVICE_READ,
    Operation.PROFILES_DEVICES: _SERVICE_READ,
    Operation.IMPORTS_CREATE: _SERVICE_WRITE,
    Operation.IMPORTS_LIST: _SERVICE_READ,
    Operation.IMPORTS_GET: _SERVICE_READ,
    Operation.AUTOPILOT_SETTINGS_GET: _SERVICE_READ,
    Operation.AUTOPILOT_SETTINGS_SYNC: _SERVICE_WRITE,
    Operation.CONFIGURATIONS_LIST: _SERVICE_READ,
    Operation.CONFIGURATIONS_GET: _SERVICE_READ,
    Operation.CONFIGURATIONS_CREATE: _SERVICE_WRITE,
    Operation.CONFIGURATIONS_UPDATE: _SERVICE_WRITE,
    Operation.CONFIGURATIONS_ASSIGN: _SERVICE_WRITE,
    Operation.CONFIGURATIONS_SET_PRIORITY: _SERVICE_WRITE,
    Operation.CONFIGURATIONS_ASSIGNMENTS: _SERVICE_READ,
    Operation.ORGANIZATION_LIST: _ORGANIZATION_READ,
    Operation.ORGANIZATION_GET: f"{_SERVICE_READ} User.Read.All",
    Operation.SET_MDM_AUTHORITY: _SERVICE_WRITE,
    Operation.APPROVAL_POLICIES: _APPROVAL_READ,
    Operation.APPROVAL_REQUESTS_LIST: _APPROVAL_READ,
    Operation.APPROVAL_REQUESTS_GET: _APPROVAL_READ,
    Operation.MDM_POLICIES: "",
    Operation.SUBSCRIPTIONS_CREATE: _SUBSCRIBE,
    Operation.SUBSCRIPTIONS_LIST: _SUBSCRIBE,
    Operation.SUBSCRIPTIONS_GET: _SUBSCRIBE,
    Operation.SUBSCRIPTIONS_UPDATE: _SUBSCRIBE,
    Operation.SUBSCRIPTIONS_DELETE: _SUBSCRIBE,
    Operation.SUBSCRIPTIONS_REAUTHORIZE: _SUBSCRIBE,
}

ROLES: dict[Operation, frozenset[str]] = {operation: frozenset(roles.split()) for operation, roles in _NEEDS.items()}
"""The application permissions that allow an operation."""

DELEGATED: dict[Operation, frozenset[str]] = ROLES | {
    Operation.MDM_POLICIES: frozenset({"Policy.Read.All", "Policy.ReadWrite.MobilityManagement"}),
    Operation.GROUPS_ASSIGN_LICENSE: frozenset(
        {"LicenseAssignment.ReadWrite.All", "Group.ReadWrite.All", "Directory.ReadWrite.All"}
    ),
}
"""The delegated permissions that allow it to a signed-in administrator: the same names, and what no application may do."""

EVERY_ROLE = frozenset(
    {
        "AuditLog.Read.All",
        "BitlockerKey.ReadBasic.All",
        "Device.Read.All",
        "DeviceManagementApps.Read.All",
        "DeviceManagementConfiguration.Read.All",
        "DeviceManagementManagedDevices.PrivilegedOperations.All",
        "DeviceManagementManagedDevices.Read.All",
        "DeviceManagementManagedDevices.ReadWrite.All",
        "DeviceManagementRBAC.Read.All",
        "DeviceManagementServiceConfig.Read.All",
        "DeviceManagementServiceConfig.ReadWrite.All",
        "GroupMember.Read.All",
        "GroupMember.ReadWrite.All",
        "LicenseAssignment.Read.All",
        "LicenseAssignment.ReadWrite.All",
        "Mail.Send",
        "TeamsActivity.Send",
        "User.Read.All",
        "User.ReadWrite.All",
    }
)
"""What the default identity holds."""

_INTUNE_PREFIXES = (
    "managedDevice",
    "deviceCompliance",
    "windowsAutopilot",
    "deviceEnrollment",
    "importedWindowsAutopilot",
    "operationApproval",
    "troubleshootingEvents",
    "autopilotEvents",
    "remoteActionAudits",
    "auditEvents",
)
_NAMED_OTHERWISE = frozenset(
    {
        Operation.SYNC_DEVICE,
        Operation.WIPE,
        Operation.RETIRE,
        Operation.CLEAN_WINDOWS_DEVICE,
        Operation.REBOOT_NOW,
        Operation.SHUT_DOWN,
        Operation.REMOTE_LOCK,
        Operation.ASSIGN_USER,
        Operation.UNASSIGN_USER,
        Operation.UPDATE_PROPERTIES,
        Operation.ALLOW_NEXT_ENROLLMENT,
        Operation.USERS_MANAGED_DEVICES,
    }
)
_INTUNE = _NAMED_OTHERWISE | {operation for operation in Operation if operation.startswith(_INTUNE_PREFIXES)}


def is_intune(operation: Operation) -> bool:
    """Whether Intune answers (and words the errors), not the directory."""
    return operation in _INTUNE
