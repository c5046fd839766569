"""What is true for the whole tenant: MDM authority, bought products, Enrollment Status Pages."""

from shared.clients.graph.transport import Transport
from shared.clients.graph.values import Json, inner, own_id, rows, text, whole, word
from shared.domain.facts import EnrolmentStatusPage, Sku, TenantFacts
from shared.ports import Clock

STATUS_PAGE = "windows10EnrollmentCompletionPageConfiguration"
"""Graph's name of an Enrollment Status Page: the configuration type, and with a prefix the OData type."""

_DEFAULT_STATUS_PAGE = "DefaultWindows10EnrollmentCompletionPageConfiguration"
_EVERYBODY = frozenset(
    {"#microsoft.graph.allDevicesAssignmentTarget", "#microsoft.graph.allLicensedUsersAssignmentTarget"}
)


class GraphTenant:
    """The port Tenant over Graph."""

    def __init__(self, transport: Transport, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock

    async def facts(self) -> TenantFacts:
        """``read_at`` is the time before the first request. Raises RetryLater, AccessDenied or Unexpected."""
        read_at = self._clock.now()
        return TenantFacts(
            read_at=read_at,
            mdm_authority=await self._mdm_authority(),
            skus=await self._skus(),
            status_pages=await self._status_pages(),
        )

    async def _mdm_authority(self) -> str:
        query = {"select": "id,mobileDeviceManagementAuthority"}  # never comes unless it is selected
        found = await self._transport.all_rows("tenant.organization", self._transport.v1.organization, query)
        return next((text(row, "mobileDeviceManagementAuthority") for row in found), "") or "unknown"

    async def _skus(self) -> tuple[Sku, ...]:
        found = await self._transport.all_rows("tenant.skus", self._transport.v1.subscribed_skus)
        return tuple(bought_sku(row) for row in found)

    async def _status_pages(self) -> tuple[EnrolmentStatusPage, ...]:
        builder = self._transport.beta("deviceManagement/deviceEnrollmentConfigurations")
        query = {"filter": f"deviceEnrollmentConfigurationType eq '{STATUS_PAGE}'", "expand": "assignments"}
        found = await self._transport.all_rows("tenant.status_pages", builder, query)
        return tuple(status_page(row) for row in found if text(row, "@odata.type").endswith(f".{STATUS_PAGE}"))


def bought_sku(row: Json) -> Sku:
    """One subscribedSku. Only units in the state ``enabled`` are seats: those in grace are about to end."""
    plans = rows(row, "servicePlans")
    return Sku(
        id=text(row, "skuId"),
        part_number=text(row, "skuPartNumber"),
        plan_ids=frozenset(plan for each in plans if (plan := word(each, "servicePlanId"))),
        seats=whole(inner(row, "prepaidUnits"), "enabled"),
        used=whole(row, "consumedUnits"),
        enabled=text(row, "capabilityStatus") == "Enabled",
        plan_names={plan: text(each, "servicePlanName") for each in plans if (plan := word(each, "servicePlanId"))},
    )


def status_page(row: Json) -> EnrolmentStatusPage:
    """One Enrollment Status Page with its assignments; ``group_ids`` leaves out groups that are excluded.

    ``blocks_use`` needs all three properties to say so. The portal's "Block device use until all apps and
    profiles are installed" is stored, inverted, in ``blockDeviceSetupRetryByUser``.
    """
    targets = [inner(each, "target") for each in rows(row, "assignments")]
    groups = [each for each in targets if text(each, "@odata.type").endswith(".groupAssignmentTarget")]
    return EnrolmentStatusPage(
        name=text(row, "displayName"),
        priority=whole(row, "priority"),
        blocks_use=row.get("showInstallationProgress") is True
        and row.get("allowDeviceUseOnInstallFailure") is False
        and row.get("blockDeviceSetupRetryByUser") is False,
        is_default=own_id(row).endswith(_DEFAULT_STATUS_PAGE),
        assigned_to_all=any(text(each, "@odata.type") in _EVERYBODY for each in targets),
        group_ids=frozenset(group for each in groups if (group := word(each, "groupId"))),
    )
