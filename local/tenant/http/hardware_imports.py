"""importedWindowsAutopilotDeviceIdentities: hardware hashes that are handed over."""

from typing import Literal

from pydantic import Field

from local.tenant.http.request import Body, Endpoint, GraphRequest, Reply
from local.tenant.http.wire import Json
from local.tenant.model.hardware_imports import HardwareImport
from local.tenant.model.operations import Operation

_COLLECTION = "/deviceManagement/importedWindowsAutopilotDeviceIdentities"


class NewImport(Body):
    """Body of a POST."""

    odata_type: Literal["#microsoft.graph.importedWindowsAutopilotDeviceIdentity"] | None = Field(
        None, alias="@odata.type"
    )
    serial_number: str
    hardware_identifier: str
    group_tag: str = ""
    product_key: str = ""
    import_id: str = ""
    assigned_user_principal_name: str | None = None


class HardwareImportEndpoints:
    """Endpoints about imports."""

    def endpoints(self) -> list[Endpoint]:
        """The table."""
        of = Operation
        return [
            Endpoint(method="GET", path=_COLLECTION, operation=of.IMPORTS_LIST, handle=self._list),
            Endpoint(method="POST", path=_COLLECTION, operation=of.IMPORTS_CREATE, handle=self._post),
            Endpoint(method="GET", path=f"{_COLLECTION}/{{id}}", operation=of.IMPORTS_GET, handle=self._get),
        ]

    def _list(self, request: GraphRequest) -> Reply:
        size = min(request.query.top or 1000, 1000)
        page = request.tenant.hardware_imports.page(start=request.query.start, size=size)
        body: dict[str, Json] = {"@odata.context": request.context(_COLLECTION[1:])}
        if page.next_start is not None:
            body["@odata.nextLink"] = request.link(skip=str(page.next_start))
        return Reply(body=body | {"value": [_written(each) for each in page.rows]})

    def _get(self, request: GraphRequest) -> Reply:
        return Reply(body=_written(request.tenant.hardware_imports.get(request.path["id"])))

    def _post(self, request: GraphRequest) -> Reply:
        body = request.body(NewImport)
        arrived = HardwareImport(
            id=request.tenant.world.ids.guid(),
            serial=body.serial_number,
            hash=body.hardware_identifier,
            group_tag=body.group_tag,
            upn=body.assigned_user_principal_name or "",
            import_id=body.import_id,
            product_key=body.product_key,
        )
        return Reply(status=201, body=_written(request.tenant.hardware_imports.post(arrived)))


def _written(each: HardwareImport) -> dict[str, Json]:
    return {
        "id": each.id,
        "serialNumber": each.serial,
        "productKey": each.product_key,
        "hardwareIdentifier": None,  # Intune does not give it back
        "importId": each.import_id,
        "groupTag": each.group_tag,
        "assignedUserPrincipalName": each.upn,
        "state": {
            "deviceImportStatus": each.status,
            "deviceRegistrationId": each.registration_id,
            "deviceErrorCode": each.error_code,
            "deviceErrorName": each.error_name,
        },
    }
