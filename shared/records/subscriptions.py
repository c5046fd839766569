"""Which Graph subscriptions are ours: their ids and expiry, by the resource they watch."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.names import SUBSCRIPTIONS
from shared.ports import Ids, Rows
from shared.records.ledger import Document, Ledger

_PARTITION = "subscription"
_SWEEP, _ASKED = "sweep", "asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSubscription:
    """One subscription of ours. ``asked_to_renew``: Graph sent a lifecycle notification about it."""

    resource: str
    id: str
    expires_at: datetime
    renewed_at: datetime
    made_with: str = ""
    """Fingerprint of the notification URL and client state that it was made with; neither can be changed later."""
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
                made_with=str(document.get("made_with", "")),
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
            "made_with": subscription.made_with,
            "asked_to_renew": subscription.asked_to_renew,
        }
        await self._ledger.change(_PARTITION, (key,), lambda _: {key: document})

    async def ask_to_renew(self, subscription_id: str) -> None:
        """Note that Graph wants this one renewed; unknown ids are ignored."""
        for kept in await self.all():
            if kept.id.lower() == subscription_id.lower() and not kept.asked_to_renew:
                await self._ask(_key(kept.resource), kept.id)

    async def _ask(self, key: str, subscription_id: str) -> None:
        def ask(documents: Mapping[str, Document]) -> Mapping[str, Document]:
            current = documents.get(key)
            # it may have been made anew meanwhile, under another id
            return {key: current | {"asked_to_renew": True}} if current and current["id"] == subscription_id else {}

        await self._ledger.change(_PARTITION, (key,), ask)

    async def ask_to_sweep(self, at: datetime) -> None:
        """Note that something was missed, so that the next tick of the sweep does not wait for its time."""

        def later(documents: Mapping[str, Document]) -> Mapping[str, Document]:
            noted = documents.get(_ASKED)
            return {} if noted and datetime.fromisoformat(noted["at"]) >= at else {_ASKED: {"at": at.isoformat()}}

        await self._ledger.change(_SWEEP, (_ASKED,), later)

    async def sweep_asked_at(self) -> datetime | None:
        """When a sweep was asked for last, or None."""
        noted = await self._ledger.read(_SWEEP, _ASKED)
        return None if noted is None else datetime.fromisoformat(noted["at"])

    async def forget(self, resource: str) -> None:
        """Graph no longer knows it."""
        await self._rows.delete(SUBSCRIPTIONS, _PARTITION, _key(resource))


def _key(resource: str) -> str:
    return resource.strip("/").replace("/", "|")
