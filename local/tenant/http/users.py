"""users: reading and the few writes that are used, group checks and the devices of a user."""

from datetime import datetime

from local.tenant.http.delta_query import changes
from local.tenant.http.entra_devices import DEVICE_SHAPE, GroupIds
from local.tenant.http.managed_device_shape import MANAGED_DEVICE_SHAPE
from local.tenant.http.request import (
    NO_CONTENT,
    Body,
    Endpoint,
    GraphRequest,
    Handler,
    Reply,
    names,
    names_in_filter,
)
from local.tenant.http.shape import OfTenant, Shape, listed, many, one
from local.tenant.http.wire import Json, moment
from local.tenant.model.licences import Licences
from local.tenant.model.operations import Operation
from local.tenant.model.users import User

_ABOUT = names("user")
_ABOUT_FILTER = names_in_filter({"userPrincipalName": "user", "id": "user"})


class UserChanges(Body):
    """Body of PATCH users/{id}, reduced to what is used."""

    usage_location: str | None = None
    account_enabled: bool | None = None
    display_name: str | None = None
    office_location: str | None = None


class UserEndpoints:
    """Endpoints under /users."""

    def endpoints(self) -> list[Endpoint]:
        """The table."""
        of = Operation
        return [
            Endpoint(
                method="GET",
                path="/users",
                operation=of.USERS_LIST,
                handle=self._list,
                about=_ABOUT_FILTER,
            ),
            Endpoint(method="GET", path="/users/delta", operation=of.USERS_DELTA, handle=self._delta),
            _of_user("GET", "", of.USERS_GET, self._get),
            _of_user("PATCH", "", of.USERS_UPDATE, self._update),
            _of_user("POST", "/checkMemberGroups", of.CHECK_MEMBER_GROUPS, self._check_groups),
            _of_user("GET", "/managedDevices", of.USERS_MANAGED_DEVICES, self._list_managed_devices),
            _of_user("GET", "/ownedDevices", of.USERS_OWNED_DEVICES, self._owned_devices),
            _of_user("GET", "/registeredDevices", of.USERS_OWNED_DEVICES, self._owned_devices),
        ]

    def _list(self, request: GraphRequest) -> Reply:
        size = min(request.query.top or 100, 999)
        page = request.tenant.users.page(request.query.conditions, start=request.query.start, size=size)
        return listed(request, page, USER_SHAPE, "users")

    def _get(self, request: GraphRequest) -> Reply:
        return one(request, request.tenant.users.get(request.path["id"]), USER_SHAPE, "users")

    def _delta(self, request: GraphRequest) -> Reply:
        return changes(request, request.tenant.users_log, USER_SHAPE, "users")

    def _update(self, request: GraphRequest) -> Reply:
        body = request.body(UserChanges)
        request.tenant.users.update(
            request.path["id"],
            usage_location=body.usage_location,
            enabled=body.account_enabled,
            display_name=body.display_name,
            office=body.office_location,
        )
        return NO_CONTENT

    def _check_groups(self, request: GraphRequest) -> Reply:
        found = request.tenant.groups.memberships(request.path["id"], request.body(GroupIds).group_ids)
        return Reply(body={"@odata.context": request.context("Collection(Edm.String)"), "value": found})

    def _list_managed_devices(self, request: GraphRequest) -> Reply:
        devices = request.tenant.managed_devices.of_user(request.path["id"])
        return many(request, devices, MANAGED_DEVICE_SHAPE, "managedDevices")

    def _owned_devices(self, request: GraphRequest) -> Reply:
        user = request.tenant.users.get(request.path["id"])
        return many(request, request.tenant.entra_devices.owned_by(user.id), DEVICE_SHAPE, "directoryObjects")


def _nothing(_user: User) -> Json:
    return None


def _assigned_licences(user: User) -> Json:
    return [
        {"skuId": held.sku_id, "disabledPlans": sorted(held.disabled_plan_ids)}
        for held in user.licences
        if held.error is None
    ]


def _assigned_plans(user: User, licences: Licences) -> Json:
    """Plans are Enabled as soon as they are assigned, provisioned or not; lost ones stay as Deleted."""
    assigned = {held.sku_id: held.assigned_at for held in user.licences}
    plans: dict[str, Json] = {}
    for detail in licences.details_of(user):
        for state in detail.plans:
            if state.status != "Disabled":
                at = assigned[detail.sku.product.sku_id]
                plans[state.plan.id] = _plan(state.plan.id, state.plan.service, "Enabled", at)
    lost = [_plan(plan.plan_id, plan.service, "Deleted", plan.removed_at) for plan in user.removed_plans]
    return [*plans.values(), *lost]


def _plan(plan_id: str, service: str, status: str, at: datetime) -> Json:
    return {
        "assignedDateTime": moment(at),
        "capabilityStatus": status,
        "service": service,
        "servicePlanId": plan_id,
    }


def _assignment_states(user: User) -> Json:
    return [
        {
            "skuId": held.sku_id,
            "assignedByGroup": held.by_group,
            "disabledPlans": sorted(held.disabled_plan_ids),
            "error": held.error or "None",
            "state": "Active" if held.error is None else "Error",
            "lastUpdatedDateTime": moment(held.assigned_at),
        }
        for held in user.licences
    ]


def _of_user(method: str, tail: str, operation: Operation, handle: Handler) -> Endpoint:
    return Endpoint(method=method, path=f"/users/{{id}}{tail}", operation=operation, handle=handle, about=_ABOUT)


USER_SHAPE = Shape[User](
    type_name="user",
    properties={
        "id": lambda user: user.id,
        "businessPhones": lambda _: [],
        "displayName": lambda user: user.display_name,
        "mail": lambda user: user.upn,
        "userPrincipalName": lambda user: user.upn,
        "givenName": _nothing,
        "jobTitle": _nothing,
        "mobilePhone": _nothing,
        "officeLocation": lambda user: user.office or None,
        "preferredLanguage": _nothing,
        "surname": _nothing,
        "accountEnabled": lambda user: user.enabled,
        "assignedLicenses": _assigned_licences,
        "assignedPlans": OfTenant(lambda user, tenant: _assigned_plans(user, tenant.licences)),
        "createdDateTime": lambda user: moment(user.created_at),
        "department": _nothing,
        "employeeId": _nothing,
        "licenseAssignmentStates": _assignment_states,
        "usageLocation": lambda user: user.usage_location,
        "userType": lambda user: user.user_type,
    },
    always_null=frozenset(
        {
            "city",
            "companyName",
            "country",
            "deletedDateTime",
            "employeeType",
            "externalUserState",
            "mailNickname",
            "onPremisesExtensionAttributes",
            "onPremisesImmutableId",
            "onPremisesSamAccountName",
            "onPremisesSyncEnabled",
            "postalCode",
            "preferredDataLocation",
            "signInActivity",
            "state",
        }
    ),
    only_when_selected=frozenset(
        {
            "accountEnabled",
            "assignedLicenses",
            "assignedPlans",
            "createdDateTime",
            "department",
            "employeeId",
            "licenseAssignmentStates",
            "usageLocation",
            "userType",
        }
    ),
)
"""microsoft.graph.user; what decides about licences comes only when it is selected."""
