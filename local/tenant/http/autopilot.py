"""windowsAutopilotDeviceIdentities: registrations and the user each is assigned to."""

from collections.abc import Callable

from local.tenant.http.autopilot_profiles import profile_json
from local.tenant.http.request import (
    BETA,
    BOTH,
    NO_CONTENT,
    Body,
    Endpoint,
    GraphRequest,
    Handler,
    Reply,
    names,
    names_in_filter,
)
from local.tenant.http.shape import Render, Shape, listed, one
from local.tenant.http.wire import LONG_AGO, Json, Version, moment
from local.tenant.model.autopilot import AutopilotIdentity
from local.tenant.model.operations import Operation
from local.tenant.model.refusal import Service, resource_not_found

COLLECTION = "/deviceManagement/windowsAutopilotDeviceIdentities"
_EXPANDABLE = ("deploymentProfile", "intendedDeploymentProfile")


class AssignedUser(Body):
    """Body of assignUserToDevice; Graph does not say that both are needed, it just answers 400."""

    user_principal_name: str | None = None
    addressable_user_name: str | None = None


class Properties(AssignedUser):
    """Body of updateDeviceProperties."""

    group_tag: str | None = None
    display_name: str | None = None
    device_account_upn: str | None = None
    device_account_password: str | None = None
    device_friendly_name: str | None = None


class AutopilotEndpoints:
    """Endpoints about Autopilot registrations."""

    def endpoints(self) -> list[Endpoint]:
        """The table."""
        of = Operation
        return [
            Endpoint(
                method="GET",
                path=COLLECTION,
                operation=of.AUTOPILOT_LIST,
                handle=self._list,
                about=names_in_filter({"serialNumber": "serial"}),
            ),
            _of_identity("GET", "", of.AUTOPILOT_GET, self._get),
            _of_identity("DELETE", "", of.AUTOPILOT_DELETE, self._delete),
            _of_identity("POST", "/assignUserToDevice", of.ASSIGN_USER, self._assign),
            _of_identity("POST", "/unassignUserFromDevice", of.UNASSIGN_USER, self._unassign),
            _of_identity("POST", "/updateDeviceProperties", of.UPDATE_PROPERTIES, self._update),
            _of_identity("POST", "/allowNextEnrollment", of.ALLOW_NEXT_ENROLLMENT, self._allow, BETA),
            _of_identity("GET", "/deploymentProfile", of.AUTOPILOT_PROFILE, self._profile, BETA),
            _of_identity("GET", "/intendedDeploymentProfile", of.AUTOPILOT_PROFILE, self._profile, BETA),
        ]

    def _list(self, request: GraphRequest) -> Reply:
        query = request.query
        page = request.tenant.autopilot.page(query.conditions, start=query.start, size=min(query.top or 1000, 1000))
        expanded = self._expanded(request)
        return listed(request, page, _SHAPE, COLLECTION[1:], skip="skip", extra=expanded)

    def _get(self, request: GraphRequest) -> Reply:
        identity = request.tenant.autopilot.get(request.path["id"])
        return one(request, identity, _SHAPE, COLLECTION[1:], self._expanded(request))

    def _expanded(self, request: GraphRequest) -> Render[AutopilotIdentity] | None:
        """What adds the profiles that beta was asked to expand."""
        names = [name for name in _EXPANDABLE if name in request.query.expand and request.version == "beta"]

        def profiles(identity: AutopilotIdentity) -> dict[str, Json]:
            profile = request.tenant.autopilot.profile_of(identity.id)
            return dict.fromkeys(names, None if profile is None else profile_json(profile))

        return profiles if names else None

    def _delete(self, request: GraphRequest) -> Reply:
        request.tenant.autopilot.delete(request.path["id"])
        return NO_CONTENT

    def _assign(self, request: GraphRequest) -> Reply:
        body = request.body(AssignedUser)
        request.tenant.autopilot.assign_user(
            request.path["id"], upn=body.user_principal_name, addressable_name=body.addressable_user_name
        )
        return NO_CONTENT

    def _unassign(self, request: GraphRequest) -> Reply:
        request.tenant.autopilot.unassign_user(request.path["id"])
        return NO_CONTENT

    def _update(self, request: GraphRequest) -> Reply:
        body = request.body(Properties)
        request.tenant.autopilot.update_properties(
            request.path["id"],
            upn=body.user_principal_name,
            addressable_name=body.addressable_user_name,
            group_tag=body.group_tag,
            display_name=body.display_name,
        )
        return NO_CONTENT

    def _allow(self, request: GraphRequest) -> Reply:
        request.tenant.autopilot.allow_next_enrollment(request.path["id"])
        return NO_CONTENT

    def _profile(self, request: GraphRequest) -> Reply:
        profile = request.tenant.autopilot.profile_of(request.path["id"])
        if profile is None:
            raise resource_not_found(request.path["id"], Service.INTUNE)
        return Reply(body=profile_json(profile))


def _beta_properties() -> dict[str, Callable[[AutopilotIdentity], Json]]:
    return {
        "azureAdDeviceId": lambda identity: identity.entra_device_id,
        "deploymentProfileAssignmentStatus": lambda identity: identity.profile_status,
        "deploymentProfileAssignmentDetailedStatus": lambda identity: identity.profile_detail,
        "deploymentProfileAssignedDateTime": lambda identity: moment(identity.registered_at),
        "remediationState": lambda identity: identity.remediation_state,
        "remediationStateLastModifiedDateTime": lambda identity: moment(identity.registered_at),
        "userlessEnrollmentStatus": lambda identity: identity.userless_status,
    }


def _of_identity(
    method: str, tail: str, operation: Operation, handle: Handler, versions: frozenset[Version] = BOTH
) -> Endpoint:
    return Endpoint(
        method=method,
        path=f"{COLLECTION}/{{id}}{tail}",
        operation=operation,
        handle=handle,
        versions=versions,
        about=names("autopilot"),
    )


_ON_BETA = _beta_properties()
_SHAPE = Shape[AutopilotIdentity](
    type_name="windowsAutopilotDeviceIdentity",
    service=Service.INTUNE,
    properties={
        "id": lambda identity: identity.id,
        "groupTag": lambda identity: identity.group_tag,
        "purchaseOrderIdentifier": lambda _: "",
        "serialNumber": lambda identity: identity.serial,
        "productKey": lambda _: "",
        "manufacturer": lambda identity: identity.manufacturer,
        "model": lambda identity: identity.model,
        "enrollmentState": lambda identity: identity.enrollment_state,
        "lastContactedDateTime": lambda identity: moment(identity.last_contacted_at) or LONG_AGO,
        "addressableUserName": lambda identity: identity.addressable_name,
        "userPrincipalName": lambda identity: identity.upn,
        "resourceName": lambda _: "",
        "skuNumber": lambda _: "",
        "systemFamily": lambda _: "",
        "azureActiveDirectoryDeviceId": lambda identity: identity.entra_device_id,
        "managedDeviceId": lambda identity: identity.managed_device_id or "",
        "displayName": lambda identity: identity.display_name,
        **_ON_BETA,
    },
    beta_only=frozenset(_ON_BETA),
)
"""microsoft.graph.windowsAutopilotDeviceIdentity."""
