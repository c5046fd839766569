"""Which Graph subscriptions are ours: their ids and expiry, by the resource they watch."""

from dataclasses import dataclass, replace
from datetime import datetime

from shared.names import SUBSCRIPTIONS
from shared.ports import Ids, Rows
from shared.records.ledger import Ledger

_PARTITION = "subscription"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSubscription:
    """One subscription of ours. ``asked_to_renew``: Graph sent a lifecycle notification about it."""

    resource: str
    id: str
    expires_at: datetime
    renewed_at: datetime
    asked_to_renew: bool = False


class SubscriptionBook:
    """Remembers subscriptions by resource."""

    def __init__(self, rows: Rows, ids: Ids) -> None:
        self._rows = rows
        self._ledger = Ledger(rows, ids, SUBSCRIPTIONS)

    async def all(self) -> list[KeptSubscription]:
        """Every subscription of ours."""
        keys = [row.key async for row in self._rows.scan(SUBSCRIPTIONS, _PARTITION)]
        kept = [await self._ledger.read(_PARTITION, key) for key in keys]
        return [
            KeptSubscription(
                resource=document["resource"],
                id=document["id"],
                expires_at=datetime.fromisoformat(document["expires_at"]),
                renewed_at=datetime.fromisoformat(document["renewed_at"]),
                asked_to_renew=bool(document.get("asked_to_renew", False)),
            )
            for document in kept
            if document is not None
        ]

    async def keep(self, subscription: KeptSubscription) -> None:
        """Remember it in place of an earlier one for the same resource."""
        key = _key(subscription.resource)
        document = {
            "resource": subscription.resource,
            "id": subscription.id,
            "expires_at": subscription.expires_at.isoformat(),
            "renewed_at": subscription.renewed_at.isoformat(),
            "asked_to_renew": subscription.asked_to_renew,
        }
        await self._ledger.change(_PARTITION, (key,), lambda _: {key: document})

    async def ask_to_renew(self, subscription_id: str) -> None:
        """Note that Graph wants this one renewed; unknown ids are ignored."""
        for kept in await self.all():
            if kept.id.lower() == subscription_id.lower() and not kept.asked_to_renew:
                await self.keep(replace(kept, asked_to_renew=True))

    async def forget(self, resource: str) -> None:
        """Graph no longer knows it."""
        await self._rows.delete(SUBSCRIPTIONS, _PARTITION, _key(resource))


def _key(resource: str) -> str:
    return resource.strip("/").replace("/", "|")
