"""Notes when notifications of a subscription arrive, at most once an hour in each process: the webhook has no time for more."""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta

from shared.errors import HandoverError
from shared.records.subscriptions import SubscriptionBook

NOTE_EVERY = timedelta(hours=1)
NOTE_SECONDS = 0.3
"""Graph is waiting, and has been for the time that its notifications took to be stored."""


class Heard:
    """One process's memory of what it noted."""

    def __init__(self, book: SubscriptionBook) -> None:
        self._book = book
        self._noted: dict[str, datetime] = {}

    async def note(self, subscription_ids: Iterable[str], now: datetime) -> None:
        """Note them, if it is time. Storage that is away costs the note, never the notifications."""
        for subscription_id in subscription_ids:
            noted = self._noted.get(subscription_id)
            if noted is not None and timedelta() <= now - noted < NOTE_EVERY:
                continue
            self._noted[subscription_id] = now  # first, so that of many requests at once one writes
            try:
                async with asyncio.timeout(NOTE_SECONDS):
                    await self._book.note_heard(subscription_id, now)
            except (HandoverError, TimeoutError):
                del self._noted[subscription_id]
                return
