"""Groups, deployment profiles and Enrollment Status Pages: made and changed under an administrator's sign-in. Mostly beta.

Sources: as in tenant_reader.py, and the action setPriority of deviceEnrollmentConfiguration.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from shared.clients.graph.answers import json_object
from shared.clients.graph.configurations import STATUS_PAGE
from shared.clients.graph.tenant_reader import CONFIGURATIONS, ENTRA_PROFILE, PROFILES, GraphTenantReader
from shared.clients.graph.values import Json, own_id
from shared.domain.tenant_setup import MARKER, Assigned, WantedGroup, WantedProfile, WantedStatusPage

if TYPE_CHECKING:  # see connection.py
    from kiota_abstractions.base_request_builder import BaseRequestBuilder

_MADE = f"Made by Handover from tenant.toml. {MARKER}"


class GraphTenantSetup(GraphTenantReader):
    """The port TenantSetup over Graph."""

    async def put_group(self, wanted: WantedGroup, group_id: str | None) -> str:
        """See the port."""
        body = group_body(wanted, new=group_id is None)
        if group_id is None:
            return await self._create("setup.create_group", self._transport.v1.groups, body)
        await self._write("setup.update_group", "PATCH", self._transport.v1.groups.by_group_id(group_id), body)
        return group_id

    async def license_group(self, group_id: str, sku_ids: tuple[str, ...]) -> None:
        """See the port."""
        add = [{"skuId": sku_id, "disabledPlans": list[str]()} for sku_id in sku_ids]
        body: dict[str, object] = {"addLicenses": add, "removeLicenses": list[str]()}
        builder = self._transport.v1.groups.by_group_id(group_id).assign_license
        await self._write("setup.license_group", "POST", builder, body)

    async def put_profile(self, wanted: WantedProfile, profile_id: str | None) -> str:
        """See the port."""
        body = profile_body(wanted, new=profile_id is None)
        if profile_id is None:
            return await self._create("setup.create_profile", self._beta(PROFILES), body)
        await self._write("setup.update_profile", "PATCH", self._beta(PROFILES, profile_id), body)
        return profile_id

    async def assign_profile(self, profile_id: str, group_id: str) -> None:
        """See the port."""
        builder = self._beta(PROFILES, profile_id, "/assignments")
        await self._write("setup.assign_profile", "POST", builder, {"target": _group_target(group_id)})

    async def put_status_page(self, wanted: WantedStatusPage, page_id: str | None) -> str:
        """See the port."""
        body = page_body(wanted, new=page_id is None)
        if page_id is None:
            return await self._create("setup.create_configuration", self._beta(CONFIGURATIONS), body)
        await self._write("setup.update_configuration", "PATCH", self._beta(CONFIGURATIONS, page_id), body)
        return page_id

    async def assign_status_page(self, page_id: str, assigned: Assigned) -> None:
        """See the port."""
        body = {"enrollmentConfigurationAssignments": [{"target": target} for target in targets(assigned)]}
        await self._write("setup.assign_configuration", "POST", self._beta(CONFIGURATIONS, page_id, "/assign"), body)

    async def set_priority(self, page_id: str, priority: int) -> None:
        """See the port."""
        builder = self._beta(CONFIGURATIONS, page_id, "/setPriority")
        await self._write("setup.set_priority", "POST", builder, {"priority": priority})

    async def _create(self, operation: str, builder: "BaseRequestBuilder", body: Json) -> str:
        reply = await self._transport.send(operation, "POST", builder, body)
        if not reply.ok:
            raise self._transport.failure(reply, operation)
        return own_id(json_object(reply, operation))

    async def _write(self, operation: str, method: str, builder: "BaseRequestBuilder", body: Json) -> None:
        reply = await self._transport.send(operation, method, builder, body)
        if not reply.ok:
            raise self._transport.failure(reply, operation)


def group_body(wanted: WantedGroup, *, new: bool) -> dict[str, object]:
    """A security group; with a rule a dynamic one, whose members Entra ID finds."""
    body: dict[str, object] = {}
    if wanted.rule:
        body |= {"membershipRule": wanted.rule, "membershipRuleProcessingState": "On"}
    if new:
        nickname = re.sub(r"[^a-z0-9]", "", wanted.name.lower())[:50] or "group"
        body |= {
            "displayName": wanted.name,
            "description": _MADE,
            "mailEnabled": False,
            "mailNickname": f"handover-{nickname}",
            "securityEnabled": True,
            "groupTypes": ["DynamicMembership"] if wanted.rule else [],
        }
    return body


def profile_body(wanted: WantedProfile, *, new: bool) -> dict[str, object]:
    """User-driven, Entra joined, standard user: the one profile that the readiness gate accepts."""
    body: dict[str, object] = {
        "@odata.type": ENTRA_PROFILE,
        "displayName": wanted.name,
        "language": wanted.language,
        "locale": wanted.language,
        "deviceNameTemplate": wanted.device_name_template,
        "deviceType": "windowsPc",
        "hardwareHashExtractionEnabled": True,
        "preprovisioningAllowed": wanted.allow_pre_provisioning,
        "outOfBoxExperienceSetting": {
            "deviceUsageType": "singleUser",
            "userType": "standard",
            "privacySettingsHidden": True,
            "eulaHidden": True,
            "escapeLinkHidden": True,
            "keyboardSelectionPageSkipped": wanted.skip_keyboard_page,
        },
    }
    return body | ({"description": _MADE, "roleScopeTagIds": ["0"]} if new else {})


def page_body(wanted: WantedStatusPage, *, new: bool) -> dict[str, object]:
    """A page that blocks use; see configurations.status_page for the property that is stored inverted."""
    body: dict[str, object] = {
        "@odata.type": f"#microsoft.graph.{STATUS_PAGE}",
        "displayName": wanted.name,
        "showInstallationProgress": True,
        "blockDeviceSetupRetryByUser": False,
        "allowDeviceUseOnInstallFailure": False,
        "allowDeviceResetOnInstallFailure": wanted.allow_reset_on_error,
        "allowLogCollectionOnInstallFailure": wanted.allow_log_collection,
        "customErrorMessage": wanted.error_message,
        "installProgressTimeoutInMinutes": wanted.timeout_minutes,
        "selectedMobileAppIds": [],
        "trackInstallProgressForAutopilotOnly": True,
        "disableUserStatusTrackingAfterFirstUser": True,
    }
    return body | ({"description": _MADE, "roleScopeTagIds": ["0"]} if new else {})


def targets(assigned: Assigned) -> Iterable[dict[str, object]]:
    """The assignment targets of Graph for all of it."""
    if assigned.all_devices:
        yield {"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget"}
    if assigned.all_users:
        yield {"@odata.type": "#microsoft.graph.allLicensedUsersAssignmentTarget"}
    yield from (_group_target(group_id) for group_id in sorted(assigned.group_ids))
    for group_id in sorted(assigned.excluded_group_ids):
        yield {"@odata.type": "#microsoft.graph.exclusionGroupAssignmentTarget", "groupId": group_id}


def _group_target(group_id: str) -> dict[str, object]:
    return {"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": group_id}
