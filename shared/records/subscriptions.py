"""Which Graph subscriptions are ours: their ids and expiry, by the resource they watch."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from shared.names import SUBSCRIPTIONS
from shared.ports import Ids, Rows
from shared.records.json_form import JsonForm
from shared.records.ledger import Document, Ledger

_PARTITION = "subscription"
_SWEEP, _ASKED = "sweep", "asked"
_COMPARED, _AT = "compared", "at"
_HEARD = "heard"


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
    asked_to_recreate: bool = False
    """Graph says that it has removed it."""
    created_at: datetime | None = None
    probed_at: datetime | None = None
    """When a change was made that it must tell of."""
    silent_told_at: datetime | None = None
    made_for_silence: bool = False
    """Made anew because the one before told nothing; not done twice."""


_READ = JsonForm(KeptSubscription)


class SubscriptionBook:
    """Remembers subscriptions by resource."""

    def __init__(self, rows: Rows, ids: Ids) -> None:
        self._rows = rows
        self._ledger = Ledger(rows, ids, SUBSCRIPTIONS)

    async def all(self) -> list[KeptSubscription]:
        """Every subscription of ours."""
        kept = await self._ledger.read_all(_PARTITION)
        return [_READ.validate_python(document) for document in kept.values()]

    async def keep(self, subscription: KeptSubscription) -> None:
        """Remember it in place of an earlier one for the same resource."""
        key = _key(subscription.resource)
        document: Document = _READ.dump_python(subscription)
        await self._ledger.change(_PARTITION, (key,), lambda _: {key: document})

    async def mark(self, kept: KeptSubscription, **fields: object) -> None:
        """Change some fields of this one, unless another took its place; what Graph asked for meanwhile stays."""
        written: Document = {
            name: value for name, value in _READ.dump_python(replace(kept, **fields)).items() if name in fields
        }
        await self._change(_key(kept.resource), kept.id, written)

    async def ask_to_renew(self, subscription_id: str) -> None:
        """Note that Graph wants this one renewed; unknown ids are ignored."""
        for kept in await self.all():
            if kept.id.lower() == subscription_id.lower() and not kept.asked_to_renew:
                await self._change(_key(kept.resource), kept.id, {"asked_to_renew": True})

    async def ask_to_recreate(self, subscription_id: str) -> None:
        """Note that Graph has removed this one; unknown ids are ignored."""
        for kept in await self.all():
            if kept.id.lower() == subscription_id.lower() and not kept.asked_to_recreate:
                await self._change(_key(kept.resource), kept.id, {"asked_to_recreate": True})

    async def _change(self, key: str, subscription_id: str, fields: Document) -> None:
        def change(documents: Mapping[str, Document]) -> Mapping[str, Document]:
            current = documents.get(key)
            # it may have been made anew meanwhile, under another id
            return {key: current | fields} if current and current["id"] == subscription_id else {}

        await self._ledger.change(_PARTITION, (key,), change)

    async def note_heard(self, subscription_id: str, at: datetime) -> None:
        """Note that a notification of this subscription arrived."""
        await self._rows.upsert(SUBSCRIPTIONS, _HEARD, subscription_id.lower(), {"at": at})

    async def heard(self) -> dict[str, datetime]:
        """When a notification of each subscription arrived last, to the hour, by its id in lower case."""
        return {row.key: cast("datetime", row.data["at"]) async for row in self._rows.scan(SUBSCRIPTIONS, _HEARD)}

    async def compared_at(self) -> datetime | None:
        """When our rows were compared with Graph's list last, or None."""
        noted = await self._ledger.read(_COMPARED, _AT)
        return None if noted is None else datetime.fromisoformat(noted["at"])

    async def note_compared(self, at: datetime) -> None:
        """Our rows were compared with Graph's list."""
        await self._ledger.change(_COMPARED, (_AT,), lambda _: {_AT: {"at": at.isoformat()}})

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
        """Graph no longer knows it. Whether anything was heard of it stays: its id never comes again."""
        await self._rows.delete(SUBSCRIPTIONS, _PARTITION, _key(resource))


def _key(resource: str) -> str:
    return resource.strip("/").replace("/", "|")
