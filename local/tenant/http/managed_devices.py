"""deviceManagement/managedDevices: reading and the primary user."""

from local.tenant.http.managed_device_shape import MANAGED_DEVICE_SHAPE
from local.tenant.http.references import Reference, id_in
from local.tenant.http.request import (
    BETA,
    BOTH,
    NO_CONTENT,
    Endpoint,
    GraphRequest,
    Handler,
    Reply,
    names,
    names_in_filter,
)
from local.tenant.http.shape import Shape, listed, many, one
from local.tenant.http.users import USER_SHAPE
from local.tenant.http.wire import Json, Version
from local.tenant.model.managed_devices import PolicyState
from local.tenant.model.operations import Operation

COLLECTION = "/deviceManagement/managedDevices"
_LARGEST_PAGE = 1000
_ABOUT = names("managed_device")
_ABOUT_FILTER = names_in_filter(
    {"serialNumber": "serial", "azureADDeviceId": "entra_device", "userPrincipalName": "user"}
)


class ManagedDeviceEndpoints:
    """Endpoints that read managed devices."""

    def endpoints(self) -> list[Endpoint]:
        """The table."""
        of = Operation
        return [
            Endpoint(
                method="GET",
                path=COLLECTION,
                operation=of.MANAGED_DEVICES_LIST,
                handle=self._list,
                about=_ABOUT_FILTER,
            ),
            _of_device("GET", "", of.MANAGED_DEVICES_GET, self._get),
            _of_device("DELETE", "", of.MANAGED_DEVICES_DELETE, self._delete),
            _of_device("GET", "/deviceCompliancePolicyStates", of.MANAGED_DEVICES_POLICY_STATES, self._policy_states),
            _of_device("GET", "/users", of.MANAGED_DEVICES_USERS, self._users),
            _of_device("POST", "/users/$ref", of.MANAGED_DEVICES_SET_USER, self._set_user, BETA),
        ]

    def _list(self, request: GraphRequest) -> Reply:
        query = request.query
        size = min(query.top or _LARGEST_PAGE, _LARGEST_PAGE)
        page = request.tenant.managed_devices.page(query.conditions, start=query.start, size=size)
        return listed(request, page, MANAGED_DEVICE_SHAPE, COLLECTION[1:], skip="skip")

    def _get(self, request: GraphRequest) -> Reply:
        device = request.tenant.managed_devices.get(request.path["id"])
        return one(request, device, MANAGED_DEVICE_SHAPE, COLLECTION[1:])

    def _delete(self, request: GraphRequest) -> Reply:
        request.tenant.actions.delete(request.path["id"])
        return NO_CONTENT

    def _policy_states(self, request: GraphRequest) -> Reply:
        states = request.tenant.managed_devices.policy_states(request.path["id"])
        return many(request, states, _POLICY_STATE, "deviceCompliancePolicyStates")

    def _users(self, request: GraphRequest) -> Reply:
        users = request.tenant.managed_devices.primary_users(request.path["id"])
        return many(request, users, USER_SHAPE, "users")

    def _set_user(self, request: GraphRequest) -> Reply:
        request.tenant.managed_devices.set_primary_user(request.path["id"], id_in(request.body(Reference)))
        return NO_CONTENT


def _of_device(
    method: str, tail: str, operation: Operation, handle: Handler, versions: frozenset[Version] = BOTH
) -> Endpoint:
    return Endpoint(
        method=method,
        path=f"{COLLECTION}/{{id}}{tail}",
        operation=operation,
        handle=handle,
        versions=versions,
        about=_ABOUT,
    )


def _setting_states(state: PolicyState) -> Json:
    return [
        {
            "setting": setting,
            "settingName": setting.partition(".")[2],
            "instanceDisplayName": None,
            "state": "nonCompliant",
            "errorCode": 0,
            "errorDescription": None,
            "currentValue": None,
            "sources": [],
        }
        for setting in state.failing
    ]


_POLICY_STATE = Shape[PolicyState](
    type_name="deviceCompliancePolicyState",
    properties={
        "id": lambda state: state.id,
        "displayName": lambda state: (
            "Default Device Compliance Policy" if state.policy == "DefaultDeviceCompliancePolicy" else state.policy
        ),
        "platformType": lambda _: "windows10AndLater",
        "settingCount": lambda state: max(1, len(state.failing)),
        "settingStates": _setting_states,
        "state": lambda state: "compliant" if state.compliant else "nonCompliant",
        "version": lambda _: 1,
    },
)
