"""What is true for the whole tenant: MDM authority, bought products, enrolment configurations."""

from dataclasses import dataclass

from shared.clients.graph.configurations import (
    DEFAULT_RESTRICTIONS,
    LIMIT,
    RESTRICTION,
    STATUS_PAGE,
    device_limit,
    of_type,
    platform_restriction,
    status_page,
)
from shared.clients.graph.transport import Transport
from shared.clients.graph.values import Json, inner, rows, text, whole, word
from shared.domain.facts import Fleet, Missing, Sku, TenantFacts, Unreadable
from shared.errors import AccessDenied, Unexpected
from shared.ports import Clock

_WIPE_POLICY_TYPES = frozenset({"deviceWipe", "deviceWipes"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is only read when the settings make it decisive."""

    group_ids: tuple[str, ...] = ()
    """Groups that the settings name."""
    approval_policies: bool = False
    """Whether Multi Admin Approval covers device wipes."""


class GraphTenant:
    """The port Tenant over Graph."""

    def __init__(self, transport: Transport, clock: Clock, asked: Asked | None = None) -> None:
        self._transport = transport
        self._clock = clock
        self._also = asked or Asked()

    async def facts(self) -> TenantFacts:
        """``read_at`` is the time before the first request. Raises RetryLater, AccessDenied or Unexpected."""
        read_at = self._clock.now()
        authority, skus = await self._mdm_authority(), await self._skus()
        rows = await self._configurations()
        restrictions = (platform_restriction(row) for row in rows if of_type(row, RESTRICTION, DEFAULT_RESTRICTIONS))
        return TenantFacts(
            read_at=read_at,
            mdm_authority=authority,
            skus=skus,
            status_pages=tuple(status_page(row) for row in rows if of_type(row, STATUS_PAGE)),
            device_limits=tuple(device_limit(row) for row in rows if of_type(row, LIMIT)),
            platform_restrictions=tuple(each for each in restrictions if each is not None),
            missing_groups=await self._missing_groups(),
            wipes_need_approval=await self._wipes_need_approval() if self._also.approval_policies else None,
        )

    async def fleet(self) -> Fleet:
        """``read_at`` is the time before the first request. Raises RetryLater, AccessDenied or Unexpected."""
        read_at, management = self._clock.now(), self._transport.v1.device_management
        managed = await self._transport.read(
            "tenant.enrolled_devices", management.managed_device_overview, {"select": "enrolledDeviceCount"}
        )
        states = await self._transport.read(
            "tenant.noncompliant_devices",
            management.device_compliance_policy_device_state_summary,
            {"select": "nonCompliantDeviceCount"},
        )
        return Fleet(
            read_at=read_at,
            enrolled=_count(managed, "enrolledDeviceCount"),
            noncompliant=_count(states, "nonCompliantDeviceCount"),
        )

    async def _mdm_authority(self) -> str:
        query = {"select": "id,mobileDeviceManagementAuthority"}  # never comes unless it is selected
        found = await self._transport.all_rows("tenant.organization", self._transport.v1.organization, query)
        return next((text(row, "mobileDeviceManagementAuthority") for row in found), "") or "unknown"

    async def _skus(self) -> tuple[Sku, ...]:
        found = await self._transport.all_rows("tenant.skus", self._transport.v1.subscribed_skus)
        return tuple(bought_sku(row) for row in found)

    async def _configurations(self) -> tuple[Json, ...]:
        """Every enrolment configuration with its assignments; which kind each is, its own type says."""
        builder = self._transport.beta("deviceManagement/deviceEnrollmentConfigurations")
        return await self._transport.all_rows("tenant.configurations", builder, {"expand": "assignments"})

    async def _missing_groups(self) -> frozenset[str] | Unreadable:
        missing = set[str]()
        for group_id in self._also.group_ids:
            builder = self._transport.v1.groups.by_group_id(group_id)
            try:
                found = await self._transport.read("tenant.group", builder, {"select": "id"})
            except AccessDenied as denied:
                return Unreadable(why=str(denied))
            if isinstance(found, Missing):
                missing.add(group_id)
        return frozenset(missing)

    async def _wipes_need_approval(self) -> bool | Unreadable:
        builder = self._transport.beta("deviceManagement/operationApprovalPolicies")
        try:
            found = await self._transport.all_rows("tenant.approval_policies", builder)
        except AccessDenied as denied:
            return Unreadable(why=str(denied))
        return any(text(row, "policyType") in _WIPE_POLICY_TYPES for row in found)


def _count(row: Json | Missing, name: str) -> int:
    """A number that must be there: none at all is not zero."""
    value = None if isinstance(row, Missing) else row.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Unexpected(f"Graph returned no {name}")
    return value


def bought_sku(row: Json) -> Sku:
    """One subscribedSku. Only units in the state ``enabled`` are seats: those in grace are about to end."""
    plans = {
        plan: text(each, "servicePlanName")
        for each in rows(row, "servicePlans")
        if (plan := word(each, "servicePlanId"))
    }
    return Sku(
        id=text(row, "skuId"),
        part_number=text(row, "skuPartNumber"),
        plan_ids=frozenset(plans),
        seats=whole(inner(row, "prepaidUnits"), "enabled"),
        used=whole(row, "consumedUnits"),
        enabled=text(row, "capabilityStatus") == "Enabled",
        plan_names=plans,
    )
