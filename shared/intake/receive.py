"""The webhook's use case: check every notification, store the genuine ones, count the rest."""

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from shared.errors import HandoverError, RetryLater
from shared.intake.heard import Heard
from shared.intake.lifecycle import note_lifecycle
from shared.intake.notifications import Discard, Expected, Received, read_notifications
from shared.intake.packing import HintQueue
from shared.intake.tally import Tally
from shared.ports import Clock
from shared.records.subscriptions import SubscriptionBook
from shared.telemetry import event

log = logging.getLogger(__name__)

KNOW_FOR = timedelta(seconds=60)
ASK_AGAIN_AFTER = timedelta(seconds=5)
USE_AT_MOST = timedelta(hours=1)
"""How old our ids may be when storage does not say which they are now."""
READ_SECONDS = 1.0
ANSWER_SECONDS = 2.3
"""Graph waits 3 s, and calls who is slow too often slow. Whatever is not stored by then is answered with 503."""


class KnownSubscriptions:
    """Our subscription ids, remembered for a minute; an unknown id asks again, but not more often than every 5 s.

    All who ask at once share one reading. Ids are never evidence, so old ones serve while tables are away.
    """

    def __init__(self, book: SubscriptionBook, clock: Clock) -> None:
        self._book = book
        self._clock = clock
        self._ids: frozenset[str] = frozenset()
        self._read_at: datetime | None = None
        self._reading: asyncio.Task[HandoverError | None] | None = None

    async def ids(self, *, not_older_than: timedelta = KNOW_FOR) -> frozenset[str]:
        """Lower-case ids of our subscriptions. Raises RetryLater when storage is away and we know none."""
        if self._are_known(not_older_than):
            return self._ids
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        # a reading that takes its time goes on, for those who come next
        await asyncio.wait([self._reading], timeout=READ_SECONDS)
        failed = (
            self._reading.result() if self._reading.done() else RetryLater("the subscriptions were not read in time")
        )
        if failed is None or self._are_known(USE_AT_MOST):
            return self._ids
        raise RetryLater("our subscriptions are not known") from failed

    def _are_known(self, not_older_than: timedelta) -> bool:
        return self._read_at is not None and timedelta() <= self._clock.now() - self._read_at <= not_older_than

    async def _read(self) -> HandoverError | None:
        """Returns what went wrong: nobody may be left to whom it could be raised."""
        now = self._clock.now()
        try:
            self._ids, self._read_at = frozenset([kept.id.lower() for kept in await self._book.all()]), now
        except HandoverError as error:
            return error
        return None


class Tallies:
    """What came in, for the log: sums, at most once a second."""

    def __init__(self) -> None:
        self._received = Tally(_tell_received)
        self._discarded = {reason: Tally(partial(_tell_discarded, reason)) for reason in Discard}

    def count(self, received: Received) -> None:
        """Count one POST."""
        for reason, count in received.discarded.items():
            self._discarded[reason].add(count=count)
        if received.hints or received.lifecycle:
            self._received.add(posts=1, hints=len(received.hints), lifecycle=len(received.lifecycle))


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
    tallies: Tallies = field(default_factory=Tallies)

    async def receive(self, body: bytes) -> Received:
        """Returns only after every genuine hint is stored. Raises BadInput for a body that is no collection, RetryLater
        when storage is away or slow (the sender must then try again)."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                received = await self._sort(body)
                await self.hints.send(received.hints)
                for lifecycle in received.lifecycle:
                    await note_lifecycle(self.book, lifecycle, self.clock.now())
        except TimeoutError as error:
            raise RetryLater("storage is too slow") from error
        await self.heard.note(received.heard_of, self.clock.now())
        self.tallies.count(received)
        return received

    async def _sort(self, body: bytes) -> Received:
        received = self._read(body, await self.known.ids())
        if Discard.UNKNOWN_SUBSCRIPTION in received.discarded:
            received = self._read(body, await self.known.ids(not_older_than=ASK_AGAIN_AFTER))
        return received

    def _read(self, body: bytes, known: frozenset[str]) -> Received:
        expected = Expected(tenant_id=self.tenant_id, client_states=self.client_states, subscription_ids=known)
        return read_notifications(body, expected, self.clock.now())


def _tell_received(sums: Counter[str]) -> None:
    event(log, "notification.received", posts=sums["posts"], hints=sums["hints"], lifecycle=sums["lifecycle"])


def _tell_discarded(reason: Discard, sums: Counter[str]) -> None:
    event(log, "notification.discarded", level=logging.WARNING, reason=reason.value, count=sums["count"])
