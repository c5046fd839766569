"""Products (SKUs) with their service plans, what of them the tenant bought, and which plans enrolment needs."""

from dataclasses import dataclass, replace

from local.tenant.model.refusal import resource_not_found

INTUNE_PLANS = frozenset(
    {
        "c1ec4a95-1f05-45b3-a911-aa3fa01094f5",  # INTUNE_A
        "3e170737-c728-4eae-bbb9-3f3360f7184c",  # INTUNE_A_VL
        "d216f254-796f-4dab-bbfa-710686e646b9",  # INTUNE_A_GOV
    }
)
ENTRA_PREMIUM_PLANS = frozenset(
    {
        "41781fb2-bc02-4b7c-bd55-b576c07bb09d",  # AAD_PREMIUM
        "eec0eb4f-6444-4f95-aba0-50c24d67f998",  # AAD_PREMIUM_P2
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePlan:
    """One service inside a product, with the name of the service that provisions it."""

    id: str
    name: str
    service: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A product with its plans."""

    sku_id: str
    part_number: str
    plans: tuple[ServicePlan, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscribedSku:
    """A product the tenant bought and how many of its seats are consumed."""

    product: Product
    seats: int
    consumed: int
    capability_status: str = "Enabled"

    @property
    def free(self) -> int:
        """Seats that can still be assigned."""
        return self.seats - self.consumed if self.capability_status == "Enabled" else 0


class SubscribedSkus:
    """What the tenant bought; consumed seats move with assignments."""

    def __init__(self, bought: list[SubscribedSku]) -> None:
        self._by_id = {sku.product.sku_id: sku for sku in bought}

    def bought(self) -> tuple[SubscribedSku, ...]:
        """Every product bought."""
        return tuple(self._by_id.values())

    def find(self, sku_id: str) -> SubscribedSku | None:
        """The product with that skuId, if it was bought."""
        return self._by_id.get(sku_id.lower())

    def get(self, subscribed_sku_id: str, tenant_id: str) -> SubscribedSku:
        """The product by its object id, which is ``{tenant id}_{skuId}``. Raises 404."""
        prefix, _, sku_id = subscribed_sku_id.partition("_")
        found = self.find(sku_id)
        if found is None or prefix.lower() != tenant_id.lower():
            raise resource_not_found(subscribed_sku_id)
        return found

    def by_part_number(self, part_number: str) -> SubscribedSku:
        """The product with that skuPartNumber. Raises KeyError when the tenant has not bought it."""
        for sku in self._by_id.values():
            if sku.product.part_number == part_number:
                return sku
        raise KeyError(part_number)

    def take(self, sku_id: str, seats: int) -> None:
        """Move the consumed seats by ``seats``, which may be negative."""
        sku = self._by_id[sku_id.lower()]
        self._by_id[sku_id.lower()] = replace(sku, consumed=sku.consumed + seats)

    def buy(self, sku_id: str, seats: int) -> None:
        """Add seats."""
        sku = self._by_id[sku_id.lower()]
        self._by_id[sku_id.lower()] = replace(sku, seats=sku.seats + seats)
