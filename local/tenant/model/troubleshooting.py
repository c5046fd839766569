"""What Intune writes down: enrolment failures, Autopilot deployments, remote actions and its audit log."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from local.tenant.model.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentFailure:
    """An enrollmentTroubleshootingEvent."""

    id: str
    at: datetime
    correlation_id: str
    user_id: str
    entra_device_id: str
    managed_device_id: str | None
    category: str
    reason: str
    operating_system: str
    enrollment_type: str = "windowsAzureADJoin"


@dataclass(frozen=True, slots=True, kw_only=True)
class AutopilotDeployment:
    """A deviceManagementAutopilotEvent: one run of the Enrollment Status Page."""

    id: str
    started_at: datetime
    ended_at: datetime
    serial: str
    device_name: str
    entra_device_id: str
    user_id: str
    upn: str
    profile_name: str
    state: Literal["success", "failure"]
    enrollment_state: str
    failure_details: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteAction:
    """A remoteActionAudit; it outlives the device record."""

    id: str
    action: str
    state: str
    managed_device_id: str
    device_name: str
    owner_upn: str
    requested_at: datetime
    requested_by_app: str
    requested_by_user: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One entry of Intune's audit log."""

    id: str
    at: datetime
    activity: str
    component: str
    application_id: str
    resource_id: str
    resource_name: str
    resource_type: str
    correlation_id: str


class Troubleshooting:
    """The logs of the tenant, oldest first."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.failures: list[EnrolmentFailure] = []
        self.deployments: list[AutopilotDeployment] = []
        self.audits: list[AuditEvent] = []
        self._actions: dict[str, RemoteAction] = {}

    def remote_actions(self) -> tuple[RemoteAction, ...]:
        """GET (beta) remoteActionAudits."""
        return tuple(self._actions.values())

    def action_requested(self, action: RemoteAction) -> None:
        """Write down a remote action and its audit entry."""
        self._actions[action.id] = action
        self.audited(
            activity=f"{action.action} ManagedDevice",
            component="ManagedDevice",
            application_id=action.requested_by_app,
            resource=(action.managed_device_id, action.device_name),
        )

    def action_ended(self, action_id: str, state: str) -> None:
        """Write down how a remote action ended."""
        self._actions[action_id] = replace(self._actions[action_id], state=state)

    def audited(self, *, activity: str, component: str, application_id: str, resource: tuple[str, str]) -> None:
        """Write an audit entry about a resource, given as id and name."""
        entry = AuditEvent(
            id=self._world.ids.guid(),
            at=self._world.now(),
            activity=activity,
            component=component,
            application_id=application_id,
            resource_id=resource[0],
            resource_name=resource[1],
            resource_type=component,
            correlation_id=self._world.ids.guid(),
        )
        self.audits.append(entry)
