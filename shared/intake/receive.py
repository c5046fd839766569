"""The webhook's use case: check every notification, store the genuine ones, count the rest."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.intake.heard import Heard
from shared.intake.lifecycle import note_lifecycle
from shared.intake.messages import HintQueue
from shared.intake.notifications import Discard, Expected, Received, read_notifications
from shared.ports import Clock
from shared.records.subscriptions import SubscriptionBook
from shared.telemetry import event

log = logging.getLogger(__name__)

KNOW_FOR = timedelta(seconds=60)
ASK_AGAIN_AFTER = timedelta(seconds=5)


class KnownSubscriptions:
    """Our subscription ids, remembered for a minute; an unknown id asks again, but not more often than every 5 s."""

    def __init__(self, book: SubscriptionBook, clock: Clock) -> None:
        self._book = book
        self._clock = clock
        self._ids: frozenset[str] = frozenset()
        self._read_at: datetime | None = None

    async def ids(self, *, not_older_than: timedelta = KNOW_FOR) -> frozenset[str]:
        """Lower-case ids of our subscriptions. Raises RetryLater when storage is away."""
        now = self._clock.now()
        if self._read_at is None or not timedelta() <= now - self._read_at <= not_older_than:
            self._ids = frozenset(kept.id.lower() for kept in await self._book.all())
            self._read_at = now
        return self._ids


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveNotifications:
    """Takes one POST body."""

    tenant_id: str
    client_states: tuple[bytes, ...]
    book: SubscriptionBook
    known: KnownSubscriptions
    hints: HintQueue
    heard: Heard
    clock: Clock

    async def receive(self, body: bytes) -> Received:
        """Returns only after every genuine hint is stored. Raises BadInput for a body that is no collection, RetryLater
        when storage is away (the sender must then try again)."""
        received = self._read(body, await self.known.ids())
        if Discard.UNKNOWN_SUBSCRIPTION in received.discarded:
            received = self._read(body, await self.known.ids(not_older_than=ASK_AGAIN_AFTER))
        await self.hints.send(received.hints)
        for lifecycle in received.lifecycle:
            await note_lifecycle(self.book, lifecycle, self.clock.now())
        await self.heard.note(received.heard_of, self.clock.now())
        for reason, count in received.discarded.items():
            event(log, "notification.discarded", level=logging.WARNING, reason=reason.value, count=count)
        if received.hints or received.lifecycle:
            event(log, "notification.received", hints=len(received.hints), lifecycle=len(received.lifecycle))
        return received

    def _read(self, body: bytes, known: frozenset[str]) -> Received:
        expected = Expected(tenant_id=self.tenant_id, client_states=self.client_states, subscription_ids=known)
        return read_notifications(body, expected, self.clock.now())
