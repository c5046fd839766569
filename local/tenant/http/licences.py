"""Licences of a user, and subscribedSkus: what the tenant bought."""

from local.tenant.http.request import Body, Endpoint, GraphRequest, Reply, names
from local.tenant.http.shape import OfTenant, Shape, many, one
from local.tenant.http.users import USER_SHAPE
from local.tenant.http.wire import Json
from local.tenant.model.licences import LicenceDetail, LicenceToAdd, PlanState
from local.tenant.model.operations import Operation
from local.tenant.model.products import SubscribedSku

_ABOUT = names("user")


class AddedLicence(Body):
    """One entry of addLicenses."""

    sku_id: str
    disabled_plans: tuple[str, ...] = ()


class AssignLicense(Body):
    """Body of assignLicense: both lists are mandatory."""

    add_licenses: tuple[AddedLicence, ...]
    remove_licenses: tuple[str, ...]


class LicenceEndpoints:
    """Endpoints about licences under /users, and /subscribedSkus."""

    def endpoints(self) -> list[Endpoint]:
        """The table."""
        of = Operation
        return [
            Endpoint(
                method="POST",
                path="/users/{id}/assignLicense",
                operation=of.ASSIGN_LICENSE,
                handle=self._assign,
                about=_ABOUT,
            ),
            Endpoint(
                method="GET",
                path="/users/{id}/licenseDetails",
                operation=of.USERS_LICENSE_DETAILS,
                handle=self._details,
                about=_ABOUT,
            ),
            Endpoint(
                method="POST",
                path="/users/{id}/reprocessLicenseAssignment",
                operation=of.REPROCESS_LICENSE,
                handle=self._reprocess,
                about=_ABOUT,
            ),
            Endpoint(method="GET", path="/subscribedSkus", operation=of.SUBSCRIBED_SKUS_LIST, handle=self._skus),
            Endpoint(method="GET", path="/subscribedSkus/{id}", operation=of.SUBSCRIBED_SKUS_GET, handle=self._get_sku),
        ]

    def _assign(self, request: GraphRequest) -> Reply:
        body = request.body(AssignLicense)
        add = [
            LicenceToAdd(sku_id=each.sku_id, disabled_plan_ids=frozenset(plan.lower() for plan in each.disabled_plans))
            for each in body.add_licenses
        ]
        user = request.tenant.licences.assign(request.path["id"], add=add, remove=body.remove_licenses)
        return one(request, user, USER_SHAPE, "users")

    def _details(self, request: GraphRequest) -> Reply:
        details = request.tenant.licences.details(request.path["id"])
        return many(request, details, _DETAIL, f"users('{request.path['id']}')/licenseDetails")

    def _reprocess(self, request: GraphRequest) -> Reply:
        user = request.tenant.licences.retry_group_errors(request.path["id"])
        return one(request, user, USER_SHAPE, "users")

    def _skus(self, request: GraphRequest) -> Reply:
        return many(request, request.tenant.skus.bought(), _SKU, "subscribedSkus")

    def _get_sku(self, request: GraphRequest) -> Reply:
        sku = request.tenant.skus.get(request.path["id"], request.tenant.organization.id)
        return one(request, sku, _SKU, "subscribedSkus")


def _prepaid(sku: SubscribedSku) -> Json:
    """The seats, under the state that the subscription is in."""
    column = {"Enabled": "enabled", "Warning": "warning", "LockedOut": "lockedOut"}
    units = dict.fromkeys(("enabled", "suspended", "warning", "lockedOut"), 0)
    return units | {column.get(sku.capability_status, "suspended"): sku.seats}


def _plan(state: PlanState) -> Json:
    return {
        "servicePlanId": state.plan.id,
        "servicePlanName": state.plan.name,
        "provisioningStatus": state.status,
        "appliesTo": "User",
    }


_DETAIL = Shape[LicenceDetail](
    type_name="licenseDetails",
    properties={
        "id": lambda detail: f"licence-{detail.sku.product.sku_id}",
        "skuId": lambda detail: detail.sku.product.sku_id,
        "skuPartNumber": lambda detail: detail.sku.product.part_number,
        "servicePlans": lambda detail: [_plan(state) for state in detail.plans],
    },
)


_SKU = Shape[SubscribedSku](
    type_name="subscribedSku",
    properties={
        "id": OfTenant(lambda sku, tenant: f"{tenant.organization.id}_{sku.product.sku_id}"),
        "accountId": OfTenant(lambda _, tenant: tenant.organization.id),
        "accountName": lambda _: "contoso",
        "appliesTo": lambda _: "User",
        "capabilityStatus": lambda sku: sku.capability_status,
        "consumedUnits": lambda sku: sku.consumed,
        "prepaidUnits": _prepaid,
        "servicePlans": lambda sku: [_plan(PlanState(plan=plan, status="Success")) for plan in sku.product.plans],
        "skuId": lambda sku: sku.product.sku_id,
        "skuPartNumber": lambda sku: sku.product.part_number,
        "subscriptionIds": lambda _: [],
    },
)
"""microsoft.graph.subscribedSku."""
