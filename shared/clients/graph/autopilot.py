"""Windows Autopilot registrations with the deployment profile assigned to them, which only beta tells."""

from shared.clients.graph.rounds import list_page
from shared.clients.graph.transport import Transport
from shared.clients.graph.values import (
    Json,
    inner,
    is_path_id,
    is_serial_number,
    link,
    own_id,
    quoted,
    same,
    text,
    word,
)
from shared.domain.effects import Answer, Refused
from shared.domain.facts import MISSING, AutopilotDevice, Missing
from shared.domain.pages import ListedRegistration, Page
from shared.errors import Unexpected

MOST_PAGES_OF_A_LOOKUP = 200
"""If ever the filter is ignored, the whole tenant comes back."""

MOST_IN_A_PAGE = "999"

_JOIN_TYPES = {
    "#microsoft.graph.azureADWindowsAutopilotDeploymentProfile": "entra",
    "#microsoft.graph.activeDirectoryWindowsAutopilotDeploymentProfile": "hybrid",
}


class GraphAutopilot:
    """The port Autopilot over Graph."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def with_serial_number(self, serial_number: str) -> tuple[AutopilotDevice, ...]:
        """() without a request when no serial number could look like that; see the port.

        Intune knows no ``eq`` here and leaves the user out of lists: so ``contains``, then each by id.
        """
        wanted = serial_number.strip()
        if not is_serial_number(wanted):
            return ()
        builder = self._transport.beta("deviceManagement/windowsAutopilotDeviceIdentities")
        query = {"filter": f"contains(serialNumber,{quoted(wanted)})"}
        found = await self._transport.all_rows("autopilot.find", builder, query, most=MOST_PAGES_OF_A_LOOKUP)
        matches = [own_id(row) for row in found if same(text(row, "serialNumber"), wanted)]
        read = [await self.read(each) for each in dict.fromkeys(matches)]
        return tuple(each for each in read if not isinstance(each, Missing) and same(each.serial_number, wanted))

    async def read(self, autopilot_id: str) -> AutopilotDevice | Missing:
        """See the port. Raises RetryLater, AccessDenied or Unexpected."""
        if not is_path_id(autopilot_id):
            return MISSING
        builder = self._transport.beta("deviceManagement/windowsAutopilotDeviceIdentities/{id}", id=autopilot_id)
        row = await self._transport.read("autopilot.read", builder, {"expand": "deploymentProfile"})
        if isinstance(row, Missing):
            return MISSING
        device = autopilot_device(row)
        if not same(device.id, autopilot_id):
            raise Unexpected("Graph returned another Autopilot registration than the one asked for")
        return device

    async def bind(self, autopilot_id: str, user_principal_name: str, display_name: str) -> Answer:
        """See the port. Raises RetryLater, AccessDenied or Unexpected."""
        if not is_path_id(autopilot_id):
            return Refused(code="invalid_id", message="not the id of an Autopilot registration")
        registrations = self._transport.v1.device_management.windows_autopilot_device_identities
        builder = registrations.by_windows_autopilot_device_identity_id(autopilot_id).assign_user_to_device
        body = {"userPrincipalName": user_principal_name, "addressableUserName": display_name}
        return await self._transport.write("autopilot.bind", "POST", builder, body)

    async def listed(self, link: str | None) -> Page[ListedRegistration]:
        """See the port. Raises ResyncNeeded, RetryLater, AccessDenied or Unexpected."""
        builder = self._transport.v1.device_management.windows_autopilot_device_identities
        query = {"top": MOST_IN_A_PAGE}
        return await list_page(self._transport, "autopilot.listed", builder, query, link, _listed)


def autopilot_device(row: Json) -> AutopilotDevice:
    """One windowsAutopilotDeviceIdentity of beta, read by id. Raises Unexpected when it has no id."""
    profile = inner(row, "deploymentProfile")
    experience = inner(profile, "outOfBoxExperienceSetting") or inner(profile, "outOfBoxExperienceSettings")
    return AutopilotDevice(
        id=own_id(row),
        serial_number=text(row, "serialNumber").strip(),
        user_principal_name=word(row, "userPrincipalName"),
        managed_device_id=link(row, "managedDeviceId"),
        enrolment_state=text(row, "enrollmentState"),
        profile_status=text(row, "deploymentProfileAssignmentStatus"),
        remediation_state=text(row, "remediationState"),
        profile_name=word(profile, "displayName"),
        profile_join_type=_JOIN_TYPES.get(text(profile, "@odata.type")),
        profile_usage=word(experience, "deviceUsageType"),
        profile_user_type=word(experience, "userType"),
        profile_detail=text(row, "deploymentProfileAssignmentDetailedStatus"),
        userless_status=text(row, "userlessEnrollmentStatus"),
        entra_device_id=link(row, "azureActiveDirectoryDeviceId"),
    )


def _listed(row: Json) -> tuple[ListedRegistration, ...]:
    autopilot_id = text(row, "id")
    if not is_path_id(autopilot_id):
        return ()
    listed = ListedRegistration(
        autopilot_id=autopilot_id,
        serial_number=text(row, "serialNumber").strip(),
        addressed_to=word(row, "addressableUserName"),
        managed_device_id=link(row, "managedDeviceId"),
    )
    return (listed,)
