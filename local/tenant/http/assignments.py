"""Assignments of profiles and enrolment configurations: to groups or to everybody."""

from typing import Literal

from pydantic import Field

from local.tenant.http.request import Body
from local.tenant.http.wire import Json


class Target(Body):
    """A target in the body of an assignment."""

    odata_type: Literal[
        "#microsoft.graph.groupAssignmentTarget",
        "#microsoft.graph.exclusionGroupAssignmentTarget",
        "#microsoft.graph.allDevicesAssignmentTarget",
        "#microsoft.graph.allLicensedUsersAssignmentTarget",
    ] = Field(alias="@odata.type")
    group_id: str | None = None

    @property
    def kind(self) -> str:
        """The type without its namespace."""
        return self.odata_type.removeprefix("#microsoft.graph.")


class NewAssignment(Body):
    """One assignment in a body."""

    odata_type: str | None = Field(None, alias="@odata.type")
    target: Target


def targets(
    owner_id: str, group_ids: tuple[str, ...] | None, *, everybody: str, excluded: tuple[str, ...] = ()
) -> list[Json]:
    """The assignments of the object ``owner_id``; no groups (None) means the target type ``everybody``."""
    not_for = [_assignment(f"{owner_id}_{g}", "exclusionGroupAssignmentTarget", {"groupId": g}) for g in excluded]
    if group_ids is None:
        return [_assignment(owner_id, everybody, {}), *not_for]
    return [_assignment(f"{owner_id}_{g}", "groupAssignmentTarget", {"groupId": g}) for g in group_ids] + not_for


def _assignment(assignment_id: str, target: str, more: dict[str, Json]) -> Json:
    return {
        "id": f"{assignment_id}_0",
        "source": "direct",
        "sourceId": assignment_id,
        "target": {
            "@odata.type": f"#microsoft.graph.{target}",
            "deviceAndAppManagementAssignmentFilterId": None,
            "deviceAndAppManagementAssignmentFilterType": "none",
        }
        | more,
    }
