"""Messages in memory, with the rules of the real ones: tests/contract/test_messages.py holds both to them."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.clients.storage.messages import check_body, whole_seconds
from shared.errors import RetryLater
from shared.names import QUEUES
from shared.ports import Clock, QueueSize


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One message and the time from which it can be taken."""

    body: str
    visible_at: datetime
    inserted_on: datetime


class FakeMessages:
    """The port Messages. ``away`` makes every call raise RetryLater, as a storage account that is down does."""

    def __init__(self, clock: Clock, queues: Iterable[str] = QUEUES) -> None:
        self.away = False
        self.queues: dict[str, list[Waiting]] = {name: [] for name in queues}
        self._clock = clock

    async def send(self, queue: str, body: str, *, delay: timedelta = timedelta()) -> None:
        """Store one message."""
        check_body(body)
        await asyncio.sleep(0)
        if self.away or queue not in self.queues:
            raise RetryLater("storage is away" if self.away else f"there is no queue {queue}")
        visible_at = self._clock.now() + timedelta(seconds=whole_seconds(delay))
        self.queues[queue].append(Waiting(body=body, visible_at=visible_at, inserted_on=self._clock.now()))

    async def measure(self, queue: str) -> QueueSize:
        """How full a queue is; one that was not made is empty."""
        await asyncio.sleep(0)
        if self.away:
            raise RetryLater("storage is away")
        waiting = self.queues.get(queue, [])
        visible = [message.inserted_on for message in waiting if message.visible_at <= self._clock.now()]
        return QueueSize(messages=len(waiting), oldest_at=min(visible, default=None))

    def take(self, queue: str) -> list[str]:
        """Remove and return the messages that are visible now, oldest first."""
        now = self._clock.now()
        taken = [message.body for message in self.queues[queue] if message.visible_at <= now]
        self.queues[queue] = [message for message in self.queues[queue] if message.visible_at > now]
        return taken
