"""Groups, deployment profiles and Enrollment Status Pages as Graph has them: what a look at the tenant needs. Mostly beta.

Sources: the resources windowsAutopilotDeploymentProfile, windows10EnrollmentCompletionPageConfiguration and group of Microsoft
Graph; "Dynamic membership rules" of Microsoft Entra ID.
"""

from typing import TYPE_CHECKING

from shared.clients.graph.configurations import STATUS_PAGE, of_type, status_page
from shared.clients.graph.transport import Query, Transport
from shared.clients.graph.values import Json, inner, is_path_id, own_id, quoted, rows, text, whole, word, words
from shared.domain.facts import Missing
from shared.domain.tenant_setup import (
    Assigned,
    FoundGroup,
    FoundProfile,
    FoundStatusPage,
    FoundTenant,
    Kind,
    Remembered,
)
from shared.errors import Unexpected

if TYPE_CHECKING:  # see connection.py
    from kiota_abstractions.base_request_builder import BaseRequestBuilder

PROFILES = "deviceManagement/windowsAutopilotDeploymentProfiles"
CONFIGURATIONS = "deviceManagement/deviceEnrollmentConfigurations"
ENTRA_PROFILE = "#microsoft.graph.azureADWindowsAutopilotDeploymentProfile"

_GROUP_FIELDS = "id,displayName,description,membershipRule,membershipRuleProcessingState,assignedLicenses"
_JOINS = {ENTRA_PROFILE: "entra", "#microsoft.graph.activeDirectoryWindowsAutopilotDeploymentProfile": "hybrid"}


class GraphTenantReader:
    """The port TenantReader over Graph."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def found(self, remembered: Remembered, group_names: tuple[str, ...]) -> FoundTenant:
        """Six requests, and one for each remembered group that the lists do not show; see the port."""
        profiles = await self.profiles()
        pages = await self._rows("setup.configurations", self._beta(CONFIGURATIONS), {"expand": "assignments"})
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
        rows = await self._rows("setup.profiles", self._beta(PROFILES), {"expand": "assignments"})
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
