"""devices: the directory's device objects and their delta."""

from local.tenant.http.delta_query import changes
from local.tenant.http.directory_objects import USER_OBJECT
from local.tenant.http.request import Body, Endpoint, GraphRequest, Handler, Reply, names, names_in_filter
from local.tenant.http.shape import Shape, listed, many, one
from local.tenant.http.wire import Json, moment
from local.tenant.model.entra_devices import EntraDevice
from local.tenant.model.operations import Operation

_ABOUT = names("entra_device")
_ABOUT_FILTER = names_in_filter({"deviceId": "entra_device", "id": "entra_device"})


class GroupIds(Body):
    """Body of checkMemberGroups."""

    group_ids: tuple[str, ...]


class EntraDeviceEndpoints:
    """Endpoints under /devices."""

    def endpoints(self) -> list[Endpoint]:
        """The table."""
        of = Operation
        return [
            Endpoint(
                method="GET",
                path="/devices",
                operation=of.DEVICES_LIST,
                handle=self._list,
                about=_ABOUT_FILTER,
            ),
            Endpoint(method="GET", path="/devices/delta", operation=of.DEVICES_DELTA, handle=self._delta),
            _of_device("", of.DEVICES_GET, self._get),
            _of_device("/registeredOwners", of.DEVICES_OWNERS, self._owners),
            _of_device("/registeredUsers", of.DEVICES_USERS, self._owners),
            Endpoint(
                method="POST",
                path="/devices/{id}/checkMemberGroups",
                operation=of.CHECK_DEVICE_GROUPS,
                handle=self._check_groups,
                about=_ABOUT,
            ),
            Endpoint(
                method="GET",
                path="/informationProtection/bitlocker/recoveryKeys",
                operation=of.RECOVERY_KEYS_LIST,
                handle=self._recovery_keys,
                about=_ABOUT_FILTER,
            ),
        ]

    def _list(self, request: GraphRequest) -> Reply:
        size = min(request.query.top or 100, 999)
        page = request.tenant.entra_devices.page(request.query.conditions, start=request.query.start, size=size)
        return listed(request, page, DEVICE_SHAPE, "devices")

    def _get(self, request: GraphRequest) -> Reply:
        return one(request, request.tenant.entra_devices.get(request.path["id"]), DEVICE_SHAPE, "devices")

    def _check_groups(self, request: GraphRequest) -> Reply:
        device = request.tenant.entra_devices.get(request.path["id"])
        found = request.tenant.groups.memberships_of(device.id, request.body(GroupIds).group_ids)
        return Reply(body={"@odata.context": request.context("Collection(Edm.String)"), "value": found})

    def _recovery_keys(self, request: GraphRequest) -> Reply:
        """Without the keys; only ``deviceId eq`` can be filtered by."""
        page = request.tenant.entra_devices.page(request.query.conditions, start=0, size=999)
        keys: list[Json] = [
            {"id": f"{device.id}-{n}", "deviceId": device.device_id, "createdDateTime": moment(device.registered_at)}
            for device in page.rows
            for n in range(device.recovery_keys)
        ]
        return Reply(body={"@odata.context": request.context("informationProtection"), "value": keys})

    def _delta(self, request: GraphRequest) -> Reply:
        return changes(request, request.tenant.devices_log, DEVICE_SHAPE, "devices")

    def _owners(self, request: GraphRequest) -> Reply:
        owners = request.tenant.entra_devices.owners(request.path["id"])
        return many(request, owners, USER_OBJECT, "directoryObjects")


def _of_device(tail: str, operation: Operation, handle: Handler) -> Endpoint:
    return Endpoint(method="GET", path=f"/devices/{{id}}{tail}", operation=operation, handle=handle, about=_ABOUT)


DEVICE_SHAPE = Shape[EntraDevice](
    type_name="device",
    always_null=frozenset(
        {
            "complianceExpirationDateTime",
            "deviceCategory",
            "deviceMetadata",
            "deviceVersion",
            "enrollmentProfileName",
            "enrollmentType",
            "isRooted",
            "manufacturer",
            "mdmAppId",
            "model",
            "onPremisesSyncEnabled",
        }
    ),
    properties={
        "id": lambda device: device.id,
        "deletedDateTime": lambda _: None,
        "accountEnabled": lambda device: device.enabled,
        "approximateLastSignInDateTime": lambda device: moment(device.registered_at),
        "deviceId": lambda device: device.device_id,
        "deviceOwnership": lambda device: device.ownership,
        "displayName": lambda device: device.name,
        "isCompliant": lambda device: device.is_compliant,
        "isManaged": lambda device: device.is_managed,
        "managementType": lambda device: "MDM" if device.is_managed else None,
        "operatingSystem": lambda device: device.operating_system,
        "operatingSystemVersion": lambda device: device.os_version,
        "physicalIds": lambda device: list(device.physical_ids),
        "profileType": lambda _: "RegisteredDevice",
        "registrationDateTime": lambda device: moment(device.registered_at),
        "trustType": lambda device: device.trust_type,
    },
)
"""microsoft.graph.device."""
