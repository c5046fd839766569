"""Groups, deployment profiles and Enrollment Status Pages: what makes a tenant ready, read and written. Mostly beta.

Sources: the resources windowsAutopilotDeploymentProfile, windows10EnrollmentCompletionPageConfiguration and group of Microsoft
Graph; "Dynamic membership rules" of Microsoft Entra ID.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from shared.clients.graph.answers import json_object
from shared.clients.graph.configurations import STATUS_PAGE, of_type, status_page
from shared.clients.graph.transport import Query, Transport
from shared.clients.graph.values import Json, inner, is_path_id, own_id, quoted, rows, text, whole, word, words
from shared.domain.facts import Missing
from shared.domain.tenant_setup import (
    MARKER,
    Assigned,
    FoundGroup,
    FoundProfile,
    FoundStatusPage,
    FoundTenant,
    Kind,
    Remembered,
    WantedGroup,
    WantedProfile,
    WantedStatusPage,
)
from shared.errors import Unexpected

if TYPE_CHECKING:  # see connection.py
    from kiota_abstractions.base_request_builder import BaseRequestBuilder

_PROFILES = "deviceManagement/windowsAutopilotDeploymentProfiles"
_CONFIGURATIONS = "deviceManagement/deviceEnrollmentConfigurations"
_GROUP_FIELDS = "id,displayName,description,membershipRule,membershipRuleProcessingState,assignedLicenses"
_MADE = f"Made by Handover from tenant.toml. {MARKER}"
_ENTRA = "#microsoft.graph.azureADWindowsAutopilotDeploymentProfile"
_JOINS = {_ENTRA: "entra", "#microsoft.graph.activeDirectoryWindowsAutopilotDeploymentProfile": "hybrid"}


class GraphTenantSetup:
    """The port TenantSetup over Graph."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def found(self, remembered: Remembered, group_names: tuple[str, ...]) -> FoundTenant:
        """Six requests, and one for each remembered group that the lists do not show; see the port."""
        profiles = await self.profiles()
        pages = await self._rows("setup.configurations", self._beta(_CONFIGURATIONS), {"expand": "assignments"})
        organization = await self._rows(
            "setup.organization", self._transport.v1.organization, {"select": "id,mobileDeviceManagementAuthority"}
        )
        skus = await self._rows("setup.skus", self._transport.v1.subscribed_skus)
        found_pages = (found_page(row) for row in pages if of_type(row, STATUS_PAGE))
        return FoundTenant(
            mdm_authority=next((text(row, "mobileDeviceManagementAuthority") for row in organization), "") or "unknown",
            groups=await self._groups(remembered, group_names),
            profiles=profiles,
            status_pages=tuple(page for page in found_pages if page is not None),
            sku_ids=tuple((text(row, "skuPartNumber"), text(row, "skuId")) for row in skus),
            remembered=remembered,
        )

    async def profiles(self) -> tuple[FoundProfile, ...]:
        """One request; see the port."""
        rows = await self._rows("setup.profiles", self._beta(_PROFILES), {"expand": "assignments"})
        return tuple(found_profile(row) for row in rows)

    async def _groups(self, remembered: Remembered, names: tuple[str, ...]) -> tuple[FoundGroup, ...]:
        builder = self._transport.v1.groups
        named = f"displayName in ({','.join(quoted(name) for name in names)})"
        found = list(await self._rows("setup.groups", builder, {"filter": named, "select": _GROUP_FIELDS}))
        dynamic = "groupTypes/any(c:c eq 'DynamicMembership')"
        found += await self._rows("setup.groups", builder, {"filter": dynamic, "select": _GROUP_FIELDS, "top": "999"})
        seen = {text(row, "id") for row in found}
        for kind, _, group_id in remembered.ids:
            if kind in (Kind.DEVICE_GROUP, Kind.LICENCE_GROUP) and group_id not in seen and is_path_id(group_id):
                row = await self._transport.read(
                    "setup.group", builder.by_group_id(group_id), {"select": _GROUP_FIELDS}
                )
                found += [] if isinstance(row, Missing) else [row]
        return tuple({each.id: each for each in map(found_group, found)}.values())

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
            return await self._create("setup.create_profile", self._beta(_PROFILES), body)
        await self._write("setup.update_profile", "PATCH", self._beta(_PROFILES, profile_id), body)
        return profile_id

    async def assign_profile(self, profile_id: str, group_id: str) -> None:
        """See the port."""
        builder = self._beta(_PROFILES, profile_id, "/assignments")
        await self._write("setup.assign_profile", "POST", builder, {"target": _group_target(group_id)})

    async def put_status_page(self, wanted: WantedStatusPage, page_id: str | None) -> str:
        """See the port."""
        body = page_body(wanted, new=page_id is None)
        if page_id is None:
            return await self._create("setup.create_configuration", self._beta(_CONFIGURATIONS), body)
        await self._write("setup.update_configuration", "PATCH", self._beta(_CONFIGURATIONS, page_id), body)
        return page_id

    async def assign_status_page(self, page_id: str, assigned: Assigned) -> None:
        """See the port."""
        body = {"enrollmentConfigurationAssignments": [{"target": target} for target in targets(assigned)]}
        await self._write("setup.assign_configuration", "POST", self._beta(_CONFIGURATIONS, page_id, "/assign"), body)

    async def set_priority(self, page_id: str, priority: int) -> None:
        """See the port."""
        builder = self._beta(_CONFIGURATIONS, page_id, "/setPriority")
        await self._write("setup.set_priority", "POST", builder, {"priority": priority})

    def _beta(self, collection: str, thing_id: str = "", tail: str = "") -> "BaseRequestBuilder":
        if not thing_id:
            return self._transport.beta(collection)
        if not is_path_id(thing_id):
            raise Unexpected("an id of Graph's cannot stand in a path")
        return self._transport.beta(f"{collection}/{{id}}{tail}", id=thing_id)

    async def _rows(
        self, operation: str, builder: "BaseRequestBuilder", query: Query | None = None
    ) -> tuple[Json, ...]:
        return await self._transport.all_rows(operation, builder, query)

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
        "@odata.type": _ENTRA,
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


def found_group(row: Json) -> FoundGroup:
    """One group."""
    return FoundGroup(
        id=own_id(row),
        name=text(row, "displayName"),
        description=text(row, "description"),
        rule=text(row, "membershipRule"),
        rule_is_on=text(row, "membershipRuleProcessingState") == "On",
        sku_ids=frozenset(text(each, "skuId") for each in rows(row, "assignedLicenses")),
    )


def found_profile(row: Json) -> FoundProfile:
    """One deployment profile, its settings in the new form or else in the old one."""
    new, old = inner(row, "outOfBoxExperienceSetting"), inner(row, "outOfBoxExperienceSettings")
    skips = new.get("keyboardSelectionPageSkipped") if new else old.get("skipKeyboardSelectionPage")
    return FoundProfile(
        id=own_id(row),
        name=text(row, "displayName"),
        description=text(row, "description"),
        join=_JOINS.get(text(row, "@odata.type")),
        usage=word(new or old, "deviceUsageType"),
        user_type=word(new or old, "userType"),
        language=text(row, "locale") or text(row, "language") or "os-default",
        device_name_template=text(row, "deviceNameTemplate"),
        allow_pre_provisioning=row.get("preprovisioningAllowed") is True or row.get("enableWhiteGlove") is True,
        skip_keyboard_page=skips is True,
        assigned=_assigned(row),
    )


def found_page(row: Json) -> FoundStatusPage | None:
    """One Enrollment Status Page; None for the default one."""
    page = status_page(row)
    if page.is_default:
        return None
    return FoundStatusPage(
        id=own_id(row),
        name=page.name,
        description=text(row, "description"),
        blocks_use=page.blocks_use,
        timeout_minutes=whole(row, "installProgressTimeoutInMinutes"),
        allow_reset_on_error=row.get("allowDeviceResetOnInstallFailure") is True,
        allow_log_collection=row.get("allowLogCollectionOnInstallFailure") is True,
        error_message=text(row, "customErrorMessage"),
        priority=page.priority,
        tracks_every_app=not words(row, "selectedMobileAppIds"),
        assigned=_assigned(row),
    )


def _assigned(row: Json) -> Assigned:
    held = [inner(each, "target") for each in rows(row, "assignments")]
    kinds = {text(each, "@odata.type").removeprefix("#microsoft.graph.") for each in held}
    return Assigned(
        all_devices="allDevicesAssignmentTarget" in kinds,
        all_users="allLicensedUsersAssignmentTarget" in kinds,
        group_ids=_ids(held, "groupAssignmentTarget"),
        excluded_group_ids=_ids(held, "exclusionGroupAssignmentTarget"),
        filtered=any(text(each, "deviceAndAppManagementAssignmentFilterType") not in ("", "none") for each in held),
    )


def _ids(held: list[Json], kind: str) -> frozenset[str]:
    of_kind = (each for each in held if text(each, "@odata.type") == f"#microsoft.graph.{kind}")
    return frozenset(group.lower() for each in of_kind if (group := word(each, "groupId")))
