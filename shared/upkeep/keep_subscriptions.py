"""Keeps the Graph subscriptions alive: created when missing, renewed well before they end, made anew when Graph forgot them.

One PATCH is the only renewal, and one instance at a time does it: a reauthorize beside a PATCH within ten minutes can
corrupt a subscription ("Lifecycle notifications", Microsoft Graph docs).
"""

import hashlib
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.domain.effects import Done
from shared.domain.facts import Missing
from shared.errors import HandoverError, HandshakeFailed, RetryLater
from shared.ports import Clock, Directory, GraphSubscription, Ids, Subscriptions
from shared.records.locks import Locks
from shared.records.subscriptions import KeptSubscription, SubscriptionBook
from shared.telemetry import event
from shared.upkeep.silence import SILENT_AFTER, Sound, judge

log = logging.getLogger(__name__)

LASTS = timedelta(days=28)
"""Users and groups: under 29 days (41,760 minutes) at most."""
RENEW_BEFORE_END = timedelta(days=7)
NOT_TWICE_WITHIN = timedelta(minutes=10)
LOCK_LASTS = timedelta(minutes=4)
HANDSHAKES = 3
COMPARE_EVERY = timedelta(hours=1)
SEEN_IN_LISTS_AFTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """Makes a harmless change to a test user, of which Graph must then tell."""

    directory: Directory
    user: str

    async def touch(self, now: datetime) -> bool:
        """Whether the change was made. Raises RetryLater, AccessDenied or Unexpected."""
        return isinstance(await self.directory.touch(self.user, f"Handover {now:%Y-%m-%d %H:%M}"), Done)


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
    probe: Probe | None = None

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
            try:
                await self._compare(self.notification_url, self.client_state)
            except HandoverError as error:
                event(log, "subscription.failed", level=logging.ERROR, resource="all", why=str(error))
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
        if kept is not None and (why := _must_be_made_anew(kept, _fingerprint(url, client_state))):
            await self._make_anew(kept, url, client_state, why)
        elif kept is not None and _wants_renewal(kept, now):
            renewed = await self.subscriptions.renew(kept.id, now + LASTS)
            if isinstance(renewed, Missing):
                await self._make_anew(kept, url, client_state, "Graph forgot it")
            else:
                await self.book.keep(_renewed(kept, renewed, now))
                event(log, "subscription.renewed", resource=resource, expires_at=renewed.expires_at.isoformat())
        elif kept is not None:
            await self._listen(kept, url, client_state)
        else:
            await self._create(resource, url, client_state)

    async def _listen(self, kept: KeptSubscription, url: str, client_state: str) -> None:
        """Prove that it tells something; make it anew, once, when it does not."""
        now = self.clock.now()
        heard_at = (await self.book.heard()).get(kept.id.lower())
        can_probe = self.probe is not None and kept.resource == "users"
        sound = judge(kept, heard_at, can_probe=can_probe, now=now)
        if sound is Sound.PROBE and self.probe is not None:
            await self.book.mark(kept, probed_at=now)
            if not await self.probe.touch(now):
                event(log, "subscription.probe_failed", level=logging.ERROR, resource=kept.resource)
        elif sound is Sound.SILENT:
            await self._is_silent(kept, heard_at, url, client_state)

    async def _is_silent(self, kept: KeptSubscription, heard_at: datetime | None, url: str, client_state: str) -> None:
        now = self.clock.now()
        told = kept.silent_told_at is not None and now - kept.silent_told_at < SILENT_AFTER
        if not told:
            since = heard_at or kept.created_at or kept.renewed_at
            event(
                log,
                "subscription.silent",
                level=logging.ERROR,
                resource=kept.resource,
                since=since.isoformat(),
                probed=kept.probed_at is not None,
            )
            await self.book.mark(kept, silent_told_at=now)
        if heard_at is not None or not kept.made_for_silence:
            await self._make_anew(kept, url, client_state, "it told nothing", made_for_silence=True, silent_told_at=now)

    async def _make_anew(self, kept: KeptSubscription, url: str, client_state: str, why: str, **fields: object) -> None:
        """What happens between its end and the new one's beginning, and what it may have missed, the sweep finds."""
        await self._remove(kept, why)
        await self.book.ask_to_sweep(self.clock.now())
        await self._create(kept.resource, url, client_state, **fields)

    async def _create(self, resource: str, url: str, client_state: str, **fields: object) -> None:
        created = await self._created(resource, url, client_state)
        if isinstance(created, str):
            # Ours, made by a run that stopped before it could note the id, with a secret that nobody can ask for.
            await self.subscriptions.delete(created)
            event(log, "subscription.not_known", level=logging.WARNING, resource=resource)
            created = await self._created(resource, url, client_state)
        if isinstance(created, str):
            raise RetryLater("Graph still names a subscription that was deleted")
        now = self.clock.now()
        made = KeptSubscription(
            resource=resource,
            id=created.id,
            expires_at=created.expires_at,
            renewed_at=now,
            made_with=_fingerprint(url, client_state),
            created_at=now,
        )
        await self.book.keep(replace(made, **fields))
        event(log, "subscription.created", resource=resource, expires_at=created.expires_at.isoformat())

    async def _created(self, resource: str, url: str, client_state: str) -> GraphSubscription | str:
        """Graph calls the URL first. A start from cold takes longer than it waits, and is over with the first call."""
        for _ in range(HANDSHAKES - 1):
            with suppress(HandshakeFailed):
                return await self._asked_for(resource, url, client_state)
        return await self._asked_for(resource, url, client_state)

    async def _asked_for(self, resource: str, url: str, client_state: str) -> GraphSubscription | str:
        return await self.subscriptions.create(
            resource=resource,
            change_type="updated,deleted",
            notification_url=url,
            client_state=client_state,
            expires_at=self.clock.now() + LASTS,
        )

    async def _remove(self, kept: KeptSubscription, why: str = "it is not declared any more") -> None:
        await self.subscriptions.delete(kept.id)
        await self.book.forget(kept.resource)
        event(log, "subscription.removed", resource=kept.resource, why=why)

    async def _compare(self, url: str, client_state: str) -> None:
        """With what Graph has: it forgets subscriptions without a word, and keeps some that are in no row of ours and so
        tell of everything twice, with ids that the webhook discards."""
        now, compared_at = self.clock.now(), await self.book.compared_at()
        if compared_at is not None and timedelta() <= now - compared_at < COMPARE_EVERY:
            return
        await self.book.note_compared(now)
        found = await self.subscriptions.all()
        kept = {one.id.lower(): one for one in await self.book.all()}
        for stray in found:
            if stray.notification_url == url and stray.id.lower() not in kept:
                await self.subscriptions.delete(stray.id)
                event(log, "subscription.stray", level=logging.WARNING, resource=stray.resource)
        for gone in kept.keys() - {one.id.lower() for one in found}:
            # a list may lag behind what was just made
            if now - (kept[gone].created_at or kept[gone].renewed_at) >= SEEN_IN_LISTS_AFTER:
                await self._make_anew(kept[gone], url, client_state, "Graph does not list it any more")


def _renewed(kept: KeptSubscription, renewed: GraphSubscription, now: datetime) -> KeptSubscription:
    return replace(kept, expires_at=renewed.expires_at, renewed_at=now, asked_to_renew=False)


def _must_be_made_anew(kept: KeptSubscription, made_with: str) -> str | None:
    """Why, or None. Graph lets neither URL nor client state be changed, and would go on with the old one."""
    if kept.made_with != made_with:
        return "the URL or the client state is another one now"
    return "Graph removed it" if kept.asked_to_recreate else None


def _fingerprint(url: str, client_state: str) -> str:
    return hashlib.sha256(f"{url}\n{client_state}".encode()).hexdigest()[:32]


def _wants_renewal(kept: KeptSubscription, now: datetime) -> bool:
    if timedelta() <= now - kept.renewed_at < NOT_TWICE_WITHIN:
        return False
    return kept.asked_to_renew or kept.expires_at - now < RENEW_BEFORE_END
