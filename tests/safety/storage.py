"""Tables and queues in memory, with every call a place where accidents happen and others go on."""

import random
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from local.tenant.model.clock import SimClock
from shared.clients.storage.messages import check_body, whole_seconds
from shared.errors import RetryLater
from shared.names import QUEUES
from shared.ports import Gone, Put, Row, Value, Write
from tests.fakes.rows import FakeRows
from tests.safety.accidents import Accident, Accidents, Io


class RowOnlooker(Protocol):
    """Hears of what the product reads."""

    def read_row(self, table: str, partition: str, *, readable: bool) -> None:
        """A row was asked for."""
        ...


class SimulatedRows:
    """The port Rows."""

    def __init__(self, rows: FakeRows, accidents: Accidents, onlooker: RowOnlooker) -> None:
        self.rows = rows
        self._accidents = accidents
        self._onlooker = onlooker

    async def get(self, table: str, partition: str, key: str) -> Row | None:
        """The row, or None."""
        io = Io(kind="rows.get", name=f"get {table}")
        try:
            await self._accidents.before(io)
        except RetryLater:
            self._onlooker.read_row(table, partition, readable=False)
            raise
        self._onlooker.read_row(table, partition, readable=True)
        row = await self.rows.get(table, partition, key)
        await self._accidents.after(io)
        return row

    async def write(self, table: str, partition: str, writes: Sequence[Write | Put | Gone]) -> list[str]:
        """Write rows of one partition, all or none."""
        io = Io(kind="rows.write", name=f"write {table}")
        await self._accidents.before(io)
        etags = await self.rows.write(table, partition, writes)
        self._accidents.own_conflict(io, new=isinstance(writes[0], Write) and writes[0].expect is None)
        await self._accidents.after(io)
        return etags

    async def upsert(self, table: str, partition: str, key: str, data: Mapping[str, Value]) -> None:
        """Write a row whatever is there."""
        io = Io(kind="rows.upsert", name=f"upsert {table}")
        await self._accidents.before(io)
        await self.rows.upsert(table, partition, key, data)
        await self._accidents.after(io)

    async def delete(self, table: str, partition: str, key: str, *, expect: str | None = None) -> None:
        """Delete the row."""
        io = Io(kind="rows.delete", name=f"delete {table}")
        await self._accidents.before(io)
        await self.rows.delete(table, partition, key, expect=expect)
        await self._accidents.after(io)

    async def scan(
        self,
        table: str,
        partition: str | None = None,
        *,
        key_prefix: str = "",
        after: str = "",
        most: int | None = None,
    ) -> AsyncIterator[Row]:
        """Rows in key order."""
        io = Io(kind="rows.scan", name=f"scan {table}")
        await self._accidents.before(io)
        async for row in self.rows.scan(table, partition, key_prefix=key_prefix, after=after, most=most):
            yield row
        await self._accidents.after(io)


MOST_DELIVERIES = 5
"""After so many the message goes to the poison queue, as in host.json."""


@dataclass(slots=True, kw_only=True, eq=False)
class Message:
    """One stored message. While it is worked on it is invisible, and comes again unless it is deleted."""

    number: int
    queue: str
    body: str
    visible_at: datetime
    taken: int = 0


class SimulatedQueues:
    """The port Messages, and what the Functions host does with a queue."""

    def __init__(self, clock: SimClock, accidents: Accidents, rng: random.Random) -> None:
        self._clock = clock
        self._accidents = accidents
        self._rng = rng
        self._sent = 0
        self.messages: list[Message] = []
        self._soonest: datetime | None = None

    async def send(self, queue: str, body: str, *, delay: timedelta = timedelta()) -> None:
        """Store one message."""
        check_body(body)
        io = Io(kind="queue.send", name=f"send {queue}")
        await self._accidents.before(io)
        self.put(queue, body, delay)
        if io.accident is Accident.TWICE:
            self.put(queue, body, delay)
        await self._accidents.after(io)

    def put(self, queue: str, body: str, delay: timedelta = timedelta(), *, poisoned: bool = False) -> None:
        """A message lies in the queue: ours, or anybody's who can write there, be it in the poison queue beside it."""
        assert queue in QUEUES, queue
        visible_at = self._clock.now() + timedelta(seconds=whole_seconds(delay))
        taken = MOST_DELIVERIES if poisoned else 0
        self._sent += 1
        self.messages.append(Message(number=self._sent, queue=queue, body=body, visible_at=visible_at, taken=taken))
        self._look()

    def take(self) -> Message | None:
        """Any message that is visible now, invisible from here on for as long as the host holds it."""
        now = self._clock.now()
        visible = [message for message in self.messages if message.visible_at <= now]
        if not visible:
            return None
        message = self._rng.choice(visible)
        message.taken += 1
        message.visible_at = now + timedelta(minutes=10)
        self._look()
        return message

    def delete(self, message: Message) -> None:
        """It was handled."""
        if message in self.messages:
            self.messages.remove(message)
            self._look()

    def give_back(self, message: Message, after: timedelta) -> None:
        """It was not handled: it is visible again a little later."""
        message.visible_at = self._clock.now() + after
        self._look()

    def next_visible(self) -> datetime | None:
        """When the next message can be taken."""
        return self._soonest

    def some_visible(self) -> bool:
        """Whether a message can be taken now."""
        return self._soonest is not None and self._soonest <= self._clock.now()

    def _look(self) -> None:
        self._soonest = min((message.visible_at for message in self.messages), default=None)
