"""organization, the approval objects of Intune, and the MDM policies that no application may read."""

from local.tenant.http.request import BETA, BOTH, Endpoint, GraphRequest, Reply
from local.tenant.http.shape import Shape, many, one
from local.tenant.http.wire import Json, moment
from local.tenant.model.approvals import ApprovalPolicy, ApprovalRequest
from local.tenant.model.mobility import INTUNE_APP
from local.tenant.model.operations import Operation
from local.tenant.model.organization import Organization
from local.tenant.model.refusal import Service, resource_not_found

_POLICIES = "/deviceManagement/operationApprovalPolicies"
_REQUESTS = "/deviceManagement/operationApprovalRequests"
_MDM = "/policies/mobileDeviceManagementPolicies"


class OrganizationEndpoints:
    """Endpoints about the tenant as a whole."""

    def endpoints(self) -> list[Endpoint]:
        """The table."""
        of = Operation
        authority = "/organization/{id}/setMobileDeviceManagementAuthority"
        rows = (
            ("GET", "/organization", of.ORGANIZATION_LIST, self._list, BOTH),
            ("GET", "/organization/{id}", of.ORGANIZATION_GET, self._get, BOTH),
            ("POST", authority, of.SET_MDM_AUTHORITY, self._set_authority, BOTH),
            ("GET", _POLICIES, of.APPROVAL_POLICIES, self._policies, BETA),
            ("GET", _REQUESTS, of.APPROVAL_REQUESTS_LIST, self._requests, BETA),
            ("GET", f"{_REQUESTS}/{{id}}", of.APPROVAL_REQUESTS_GET, self._request, BETA),
            ("GET", _MDM, of.MDM_POLICIES, self._mobility_policies, BETA),
            ("GET", f"{_MDM}/{{id}}", of.MDM_POLICIES, self._mobility_policy, BETA),
            ("PATCH", f"{_MDM}/{{id}}", of.MDM_POLICIES, _never, BETA),
            ("GET", f"{_MDM}/{{id}}/includedGroups", of.MDM_POLICIES, _never, BETA),
        )
        return [
            Endpoint(method=method, path=path, operation=operation, handle=handle, versions=versions)
            for method, path, operation, handle, versions in rows
        ]

    def _mobility_policies(self, request: GraphRequest) -> Reply:
        return Reply(body={"@odata.context": request.context(_MDM[1:]), "value": [self._mobility(request)]})

    def _mobility_policy(self, request: GraphRequest) -> Reply:
        if request.path["id"].lower() != INTUNE_APP:
            raise resource_not_found(request.path["id"])
        return Reply(body=self._mobility(request))

    def _mobility(self, request: GraphRequest) -> dict[str, Json]:
        policy = request.tenant.mobility
        written: dict[str, Json] = {
            "id": INTUNE_APP,
            "displayName": "Microsoft Intune",
            "description": "",
            "appliesTo": policy.applies_to,
            "isValid": policy.is_valid,
            "discoveryUrl": policy.discovery_url,
            "complianceUrl": "https://portal.manage.microsoft.com/?portalAction=Compliance",
            "termsOfUseUrl": "https://portal.manage.microsoft.com/TermsofUse.aspx",
        }
        if "includedGroups" in request.query.expand:
            groups = (request.tenant.groups.find(group_id) for group_id in policy.group_ids)
            written["includedGroups"] = [{"id": each.id, "displayName": each.name} for each in groups if each]
        return written

    def _list(self, request: GraphRequest) -> Reply:
        return many(request, (request.tenant.organization,), _ORGANIZATION, "organization")

    def _get(self, request: GraphRequest) -> Reply:
        request.tenant.organization.require(request.path["id"])
        return one(request, request.tenant.organization, _ORGANIZATION, "organization")

    def _set_authority(self, request: GraphRequest) -> Reply:
        return Reply(body={"value": request.tenant.organization.set_mdm_authority(request.path["id"])})

    def _policies(self, request: GraphRequest) -> Reply:
        return many(request, request.tenant.approvals.policies(), _POLICY, _POLICIES[1:])

    def _requests(self, request: GraphRequest) -> Reply:
        return many(request, request.tenant.approvals.requests(), _REQUEST, _REQUESTS[1:])

    def _request(self, request: GraphRequest) -> Reply:
        return one(request, request.tenant.approvals.get(request.path["id"]), _REQUEST, _REQUESTS[1:])


def _never(_request: GraphRequest) -> Reply:
    raise AssertionError("no permission that anybody is given here allows this operation")


def _domains(organization: Organization) -> Json:
    return [
        {
            "name": organization.domain,
            "isDefault": True,
            "isInitial": False,
            "type": "Managed",
            "capabilities": "Email",
        }
    ]


_ORGANIZATION = Shape[Organization](
    type_name="organization",
    properties={
        "id": lambda organization: organization.id,
        "displayName": lambda organization: organization.name,
        "tenantType": lambda _: "AAD",
        "verifiedDomains": _domains,
        "mobileDeviceManagementAuthority": lambda organization: organization.mdm_authority,
    },
    only_when_selected=frozenset({"mobileDeviceManagementAuthority"}),
)
_POLICY = Shape[ApprovalPolicy](
    type_name="operationApprovalPolicy",
    service=Service.INTUNE,
    properties={
        "id": lambda policy: policy.id,
        "displayName": lambda _: "Device wipes need a second administrator",
        "policyType": lambda _: "deviceWipe",
        "policyPlatform": lambda _: "notApplicable",
    },
)
_REQUEST = Shape[ApprovalRequest](
    type_name="operationApprovalRequest",
    service=Service.INTUNE,
    properties={
        "id": lambda request: request.id,
        "status": lambda request: request.status,
        "requestDateTime": lambda request: moment(request.requested_at),
        "expirationDateTime": lambda request: moment(request.expires_at),
        "requestJustification": lambda request: request.justification,
        "requestor": lambda request: {"application": {"id": request.application_id}},
        "approver": lambda request: {"user": {"displayName": request.approver}} if request.approver else None,
        "approvalJustification": lambda _: "",
    },
)
