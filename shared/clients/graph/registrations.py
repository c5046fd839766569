"""Hardware hashes go to Windows Autopilot: imports, the tenant-wide sync, and the registrations that come of it."""

from collections.abc import AsyncIterator

from shared.clients.graph.answers import json_object
from shared.clients.graph.transport import Transport
from shared.clients.graph.values import Json, inner, moment, own_id, text, whole
from shared.domain.effects import Answer
from shared.domain.facts import Missing
from shared.domain.registration import HardwareHash, ImportedHash, RegisteredPc, SyncOfAutopilot
from shared.errors import Unexpected

_SETTINGS = "deviceManagement/windowsAutopilotSettings"


class GraphRegistrations:
    """The port Registrations over Graph."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def send(self, pc: HardwareHash, import_id: str) -> str:
        """See the port. The owner is not in it: Intune assigns nobody who has no licence yet."""
        builder = self._transport.v1.device_management.imported_windows_autopilot_device_identities
        operation = "registrations.send"
        reply = await self._transport.send(operation, "POST", builder, import_body(pc, import_id))
        if not reply.ok:
            raise self._transport.failure(reply, operation)
        return own_id(json_object(reply, operation))

    async def imports(self) -> AsyncIterator[ImportedHash]:
        """See the port."""
        builder = self._transport.v1.device_management.imported_windows_autopilot_device_identities
        async for page in self._transport.pages("registrations.imports", builder, {"top": "999"}):
            for row in page:
                yield imported_hash(row)

    async def registered(self) -> AsyncIterator[RegisteredPc]:
        """See the port: beta, because only that shows whether a profile is assigned."""
        builder = self._transport.beta("deviceManagement/windowsAutopilotDeviceIdentities")
        async for page in self._transport.pages("registrations.listed", builder, {"top": "999"}):
            for row in page:
                yield RegisteredPc(
                    id=own_id(row),
                    serial_number=text(row, "serialNumber").strip(),
                    profile_status=text(row, "deploymentProfileAssignmentStatus"),
                    group_tag=text(row, "groupTag"),
                )

    async def sync_state(self) -> SyncOfAutopilot:
        """See the port."""
        row = await self._transport.read("registrations.sync_state", self._transport.beta(_SETTINGS))
        if isinstance(row, Missing):
            raise Unexpected("registrations.sync_state: Graph has no Autopilot settings")
        return SyncOfAutopilot(
            synced_at=moment(row, "lastSyncDateTime"),
            asked_at=moment(row, "lastManualSyncTriggerDateTime"),
            running=text(row, "syncStatus") == "inProgress",
        )

    async def sync(self) -> Answer:
        """See the port."""
        return await self._transport.write("registrations.sync", "POST", self._transport.beta(f"{_SETTINGS}/sync"))


def import_body(pc: HardwareHash, import_id: str) -> dict[str, object]:
    """One importedWindowsAutopilotDeviceIdentity."""
    body: dict[str, object] = {
        "@odata.type": "#microsoft.graph.importedWindowsAutopilotDeviceIdentity",
        "serialNumber": pc.serial_number,
        "hardwareIdentifier": pc.hash,
        "importId": import_id,
    }
    if pc.group_tag:
        body["groupTag"] = pc.group_tag
    if pc.product_key:
        body["productKey"] = pc.product_key
    return body


def imported_hash(row: Json) -> ImportedHash:
    """One import as Graph shows it."""
    state = inner(row, "state")
    return ImportedHash(
        id=own_id(row),
        serial_number=text(row, "serialNumber").strip(),
        import_id=text(row, "importId"),
        status=text(state, "deviceImportStatus"),
        error_code=whole(state, "deviceErrorCode"),
        error_name=text(state, "deviceErrorName"),
    )
