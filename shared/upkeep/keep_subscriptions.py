"""Keeps the Graph subscriptions alive: created when missing, renewed well before they end, made anew when Graph forgot them.

One PATCH is the only renewal, and one instance at a time does it: a reauthorize beside a PATCH within ten minutes can
corrupt a subscription ("Lifecycle notifications", Microsoft Graph docs).
"""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.facts import Missing
from shared.errors import HandoverError
from shared.ports import Clock, GraphSubscription, Ids, Subscriptions
from shared.records.locks import Locks
from shared.records.subscriptions import KeptSubscription, SubscriptionBook
from shared.telemetry import event

log = logging.getLogger(__name__)

LASTS = timedelta(days=28)
"""Users and groups: under 29 days (41,760 minutes) at most."""
RENEW_BEFORE_END = timedelta(days=7)
NOT_TWICE_WITHIN = timedelta(minutes=10)
LOCK_LASTS = timedelta(minutes=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepSubscriptions:
    """One round over all declared subscriptions."""

    resources: Sequence[str]
    notification_url: str | None
    client_state: str | None
    subscriptions: Subscriptions
    book: SubscriptionBook
    locks: Locks
    clock: Clock
    ids: Ids

    async def run(self) -> None:
        """Bring every declared subscription into order. A failure of one is logged and does not stop the others."""
        if self.notification_url is None or self.client_state is None:
            return
        holder, now = self.ids.new(), self.clock.now()
        if not await self.locks.take("subscriptions", holder=holder, now=now, lasts=LOCK_LASTS):
            return
        try:
            kept = {subscription.resource: subscription for subscription in await self.book.all()}
            for resource in (*self.resources, *sorted(kept.keys() - set(self.resources))):
                try:
                    await self._put_in_order(resource, kept.get(resource), self.notification_url, self.client_state)
                except HandoverError as error:
                    event(log, "subscription.failed", level=logging.ERROR, resource=resource, why=str(error))
            event(log, "subscriptions.checked", declared=len(self.resources), kept=len(await self.book.all()))
        finally:
            await self.locks.give_back("subscriptions", holder=holder, now=self.clock.now())

    async def _put_in_order(self, resource: str, kept: KeptSubscription | None, url: str, client_state: str) -> None:
        if resource in self.resources:
            await self._keep(resource, kept, url, client_state)
        elif kept is not None:
            await self._remove(kept)

    async def _keep(self, resource: str, kept: KeptSubscription | None, url: str, client_state: str) -> None:
        now = self.clock.now()
        made_with = _fingerprint(url, client_state)
        if kept is not None and kept.made_with != made_with:
            await self._remove(kept)
            kept = None
        if kept is not None:
            if not _wants_renewal(kept, now):
                return
            renewed = await self.subscriptions.renew(kept.id, now + LASTS)
            if not isinstance(renewed, Missing):
                await self._remember(resource, renewed, made_with, "subscription.renewed")
                return
            await self.book.forget(resource)
        created = await self.subscriptions.create(
            resource=resource,
            change_type="updated,deleted",
            notification_url=url,
            client_state=client_state,
            expires_at=now + LASTS,
        )
        if isinstance(created, GraphSubscription):
            await self._remember(resource, created, made_with, "subscription.created")
            return
        # Graph names one that exists already: ours, created by a run that stopped before it could note the id.
        adopted = await self.subscriptions.renew(created, now + LASTS)
        if isinstance(adopted, GraphSubscription):
            await self._remember(resource, adopted, made_with, "subscription.adopted")

    async def _remove(self, kept: KeptSubscription) -> None:
        """One that is not declared any more, or was made with another URL or client state."""
        await self.subscriptions.delete(kept.id)
        await self.book.forget(kept.resource)
        event(log, "subscription.removed", resource=kept.resource)

    async def _remember(self, resource: str, known: GraphSubscription, made_with: str, what: str) -> None:
        now, expires_at = self.clock.now(), known.expires_at
        await self.book.keep(
            KeptSubscription(resource=resource, id=known.id, expires_at=expires_at, renewed_at=now, made_with=made_with)
        )
        event(log, what, resource=resource, expires_at=expires_at.isoformat())


def _fingerprint(url: str, client_state: str) -> str:
    return hashlib.sha256(f"{url}\n{client_state}".encode()).hexdigest()[:32]


def _wants_renewal(kept: KeptSubscription, now: datetime) -> bool:
    if timedelta() <= now - kept.renewed_at < NOT_TWICE_WITHIN:
        return False
    return kept.asked_to_renew or kept.expires_at - now < RENEW_BEFORE_END
