"""Events and audits of Intune: enrolment failures, Autopilot deployments, remote actions, the audit log."""

from collections.abc import Callable
from typing import TypeVar

from local.tenant.http.request import BETA, BOTH, Endpoint, GraphRequest, Reply
from local.tenant.http.shape import Shape, listed
from local.tenant.http.wire import Json, moment
from local.tenant.model.filters import Filterable, Table, holds, supported
from local.tenant.model.operations import Operation
from local.tenant.model.paging import Page
from local.tenant.model.refusal import Service
from local.tenant.model.troubleshooting import AuditEvent, AutopilotDeployment, EnrolmentFailure, RemoteAction

T = TypeVar("T")
_ACTIONS: Table[RemoteAction] = {
    "action": Filterable(operators=frozenset({"eq"}), value_of=lambda action: action.action),
    "managedDeviceId": Filterable(operators=frozenset({"eq"}), value_of=lambda action: action.managed_device_id),
    "requestDateTime": Filterable(
        operators=frozenset({"gt", "ge", "lt", "le"}), value_of=lambda action: action.requested_at
    ),
}
_AUDITS: Table[AuditEvent] = {
    "activityDateTime": Filterable(operators=frozenset({"gt", "ge", "lt", "le"}), value_of=lambda event: event.at),
}


class TroubleshootingEndpoints:
    """Endpoints that read what Intune wrote down."""

    def endpoints(self) -> list[Endpoint]:
        """The table."""
        of = Operation
        rows = (
            ("troubleshootingEvents", of.TROUBLESHOOTING_EVENTS, self._failures, BOTH),
            ("autopilotEvents", of.AUTOPILOT_EVENTS, self._deployments, BETA),
            ("remoteActionAudits", of.REMOTE_ACTION_AUDITS, self._actions, BETA),
            ("auditEvents", of.AUDIT_EVENTS, self._audits, BOTH),
        )
        return [
            Endpoint(
                method="GET",
                path=f"/deviceManagement/{name}",
                operation=operation,
                handle=handle,
                versions=versions,
            )
            for name, operation, handle, versions in rows
        ]

    def _failures(self, request: GraphRequest) -> Reply:
        return _listed(request, tuple(request.tenant.troubleshooting.failures), _FAILURE, {})

    def _deployments(self, request: GraphRequest) -> Reply:
        return _listed(request, tuple(request.tenant.troubleshooting.deployments), _DEPLOYMENT, {})

    def _actions(self, request: GraphRequest) -> Reply:
        return _listed(request, request.tenant.troubleshooting.remote_actions(), _ACTION, _ACTIONS)

    def _audits(self, request: GraphRequest) -> Reply:
        return _listed(request, tuple(request.tenant.troubleshooting.audits), _AUDIT, _AUDITS)


def _listed(request: GraphRequest, rows: tuple[T, ...], shape: Shape[T], table: Table[T]) -> Reply:
    """Rows that meet the filter; one that is not supported is ignored, as Intune does."""
    conditions = request.query.conditions
    if conditions and supported(conditions, table):
        rows = tuple(row for row in rows if holds(row, conditions, table))
    return listed(request, Page(rows=rows), shape, f"deviceManagement/{shape.type_name}")


def _duration(of: Callable[[AutopilotDeployment], float]) -> Callable[[AutopilotDeployment], Json]:
    return lambda deployment: f"PT{of(deployment):.0f}S"


_FAILURE = Shape[EnrolmentFailure](
    type_name="enrollmentTroubleshootingEvent",
    service=Service.INTUNE,
    properties={
        "@odata.type": lambda _: "#microsoft.graph.enrollmentTroubleshootingEvent",
        "id": lambda failure: failure.id,
        "eventDateTime": lambda failure: moment(failure.at),
        "correlationId": lambda failure: failure.correlation_id,
        "managedDeviceIdentifier": lambda failure: failure.managed_device_id,
        "operatingSystem": lambda failure: failure.operating_system,
        "osVersion": lambda _: "",
        "userId": lambda failure: failure.user_id,
        "deviceId": lambda failure: failure.entra_device_id,
        "enrollmentType": lambda failure: failure.enrollment_type,
        "failureCategory": lambda failure: failure.category,
        "failureReason": lambda failure: failure.reason,
    },
)
_DEPLOYMENT = Shape[AutopilotDeployment](
    type_name="deviceManagementAutopilotEvent",
    service=Service.INTUNE,
    properties={
        "id": lambda deployment: deployment.id,
        "deviceId": lambda deployment: deployment.entra_device_id,
        "eventDateTime": lambda deployment: moment(deployment.ended_at),
        "deviceRegisteredDateTime": lambda deployment: moment(deployment.started_at),
        "enrollmentStartDateTime": lambda deployment: moment(deployment.started_at),
        "enrollmentType": lambda _: "azureADJoinedWithAutopilotProfile",
        "deviceSerialNumber": lambda deployment: deployment.serial,
        "managedDeviceName": lambda deployment: deployment.device_name,
        "userId": lambda deployment: deployment.user_id,
        "userPrincipalName": lambda deployment: deployment.upn,
        "windowsAutopilotDeploymentProfileDisplayName": lambda deployment: deployment.profile_name,
        "enrollmentState": lambda deployment: deployment.enrollment_state,
        "deploymentState": lambda deployment: deployment.state,
        "deviceSetupStatus": lambda _: "success",
        "accountSetupStatus": lambda deployment: deployment.state,
        "deploymentStartDateTime": lambda deployment: moment(deployment.started_at),
        "deploymentEndDateTime": lambda deployment: moment(deployment.ended_at),
        "deploymentDuration": _duration(lambda d: (d.ended_at - d.started_at).total_seconds()),
        "deploymentTotalDuration": _duration(lambda d: (d.ended_at - d.started_at).total_seconds()),
        "enrollmentFailureDetails": lambda deployment: deployment.failure_details,
    },
)
_ACTION = Shape[RemoteAction](
    type_name="remoteActionAudit",
    service=Service.INTUNE,
    properties={
        "id": lambda action: action.id,
        "deviceDisplayName": lambda action: action.device_name,
        "userName": lambda _: "",
        "initiatedByUserPrincipalName": lambda action: action.requested_by_user,
        "action": lambda action: action.action,
        "requestDateTime": lambda action: moment(action.requested_at),
        "deviceOwnerUserPrincipalName": lambda action: action.owner_upn,
        "deviceIMEI": lambda _: "",
        "actionState": lambda action: action.state,
        "managedDeviceId": lambda action: action.managed_device_id,
        "deviceActionCategory": lambda _: "single",
        "bulkDeviceActionId": lambda _: "",
    },
)
_AUDIT = Shape[AuditEvent](
    type_name="auditEvent",
    service=Service.INTUNE,
    properties={
        "id": lambda event: event.id,
        "displayName": lambda event: event.activity,
        "componentName": lambda event: event.component,
        "activity": lambda event: event.activity,
        "activityDateTime": lambda event: moment(event.at),
        "activityType": lambda event: event.activity,
        "activityOperationType": lambda _: "Action",
        "activityResult": lambda _: "Success",
        "correlationId": lambda event: event.correlation_id,
        "category": lambda _: "Device",
        "actor": lambda event: {
            "auditActorType": "ItPro",
            "userPermissions": [],
            "applicationId": event.application_id,
            "applicationDisplayName": "Handover",
            "userPrincipalName": None,
            "servicePrincipalName": None,
            "ipAddress": None,
            "userId": None,
        },
        "resources": lambda event: [
            {
                "displayName": event.resource_name,
                "auditResourceType": event.resource_type,
                "resourceId": event.resource_id,
                "modifiedProperties": [],
            }
        ],
    },
)
