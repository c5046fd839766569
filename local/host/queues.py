"""The queue trigger's listener: polls one queue in batches, with back-off, as the Storage Queues extension 5.x."""

import asyncio
import contextlib
import logging
import random
from datetime import timedelta
from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError, ResourceNotFoundError

from local.host.app import Function, QueueTrigger
from local.host.configuration import HostError, QueueOptions
from local.host.invocations import Invoker
from local.host.messages import Lease, MessageProcessor
from local.host.storage import QueueStorage, receive

if TYPE_CHECKING:  # see load_libraries
    from azure.storage.queue import QueueMessage

logger = logging.getLogger(__name__)

POLLING_INTERVAL_MIN = timedelta(milliseconds=100)
_DOUBLINGS_MAX = 20


class Backoff:
    """Pauses between empty polls: minimum after a find, then doubling, give or take 20 %, to the maximum."""

    def __init__(self, minimum: timedelta, maximum: timedelta) -> None:
        self._minimum = min(minimum, maximum)
        self._maximum = maximum
        self._doublings = 0

    def reset(self) -> None:
        """A message was found."""
        self._doublings = 0

    def next(self) -> timedelta:
        """The pause before the next poll."""
        grown = self._minimum * 2 ** min(self._doublings, _DOUBLINGS_MAX) * random.uniform(0.8, 1.2)
        self._doublings += 1
        return max(self._minimum, min(grown, self._maximum))


class QueueListener:
    """Polls the queue of one function until it is told to stop.

    At most batchSize + newBatchThreshold messages run at once, since a batch is fetched when no more than
    newBatchThreshold are running. `backoff` gives the pauses between polls that find nothing.
    """

    def __init__(
        self,
        function: Function,
        *,
        storage: QueueStorage,
        options: QueueOptions,
        invoker: Invoker,
        backoff: Backoff,
        lease: Lease | None = None,
    ) -> None:
        if not isinstance(function.trigger, QueueTrigger):
            raise HostError(f"{function.name} has no queue trigger")
        self.queue = function.trigger.queue
        self._connection = function.trigger.connection
        self._storage = storage
        self._options = options
        self._tally = invoker.tally
        self._lease = lease or Lease()
        self._processor = MessageProcessor(
            function, function.trigger, storage=storage, options=options, invoker=invoker, lease=self._lease
        )
        self._backoff = backoff
        self._wake = asyncio.Event()
        self._found_nothing = False
        self._receiving = asyncio.Lock()
        self._processing: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._storage_is_away = False
        storage.watch(self._connection, self.queue, self.look)

    async def run(self) -> None:
        """Poll until `stop` was called and what was received is settled; cancelling abandons what runs."""
        try:
            while not self._stopping:
                self._wake.clear()
                self._found_nothing = False
                if await self._receive():
                    self._backoff.reset()
                    await self._until_running(self._options.threshold)
                else:
                    await self._pause()
            await self._until_running(0)
        finally:
            for task in self._processing:
                task.cancel()

    def stop(self) -> None:
        """Take no more messages; `run` returns once the running ones are settled."""
        self._stopping = True
        self._wake.set()

    def look(self) -> None:
        """A message was put on the queue: do not sleep on."""
        self._wake.set()

    def found_nothing(self) -> bool:
        """Whether nothing of the queue is running, and the last look at it, after every call of `look`, found nothing."""
        return self._found_nothing and not self._wake.is_set() and not self._processing

    async def received(self) -> None:
        """Wait until a receive in flight is over and its messages are counted as running."""
        async with self._receiving:
            pass

    async def has_visible(self) -> bool:
        """Whether a message waits to be received; also when that cannot be known just now."""
        client = self._storage.client(self._connection, self.queue)
        try:
            return bool(await client.peek_messages(max_messages=1, retry_total=0))
        except ResourceNotFoundError:
            return False
        except AzureError:
            return True

    async def _receive(self) -> bool:
        async with self._receiving:
            messages = await self._poll()
            for message in messages:
                self._start(message)
            self._found_nothing = not messages and not self._storage_is_away
        return bool(messages)

    async def _poll(self) -> "list[QueueMessage]":
        client = self._storage.client(self._connection, self.queue)
        try:
            messages = await receive(client, count=self._options.batch_size, invisible_for=self._lease.invisible_for)
        except ResourceNotFoundError:
            messages = []  # a missing queue is polled: whoever sends the first message makes it
        except AzureError as error:
            if not self._storage_is_away:
                logger.warning("queue %s cannot be read (%s); trying on", self.queue, type(error).__name__)
            self._storage_is_away = True
            return []
        if self._storage_is_away:
            logger.info("queue %s can be read again", self.queue)
        self._storage_is_away = False
        return messages

    def _start(self, message: "QueueMessage") -> None:
        # A message that arrives while stopping goes back, so that it need not wait for its lease to end.
        work = self._processor.give_back(message) if self._stopping else self._processor.process(message)
        task = asyncio.create_task(work)
        self._tally.running += 1
        self._processing.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._processing.discard(task)
        self._tally.running -= 1

    async def _until_running(self, count: int) -> None:
        while len(self._processing) > count:
            await asyncio.wait(self._processing, return_when=asyncio.FIRST_COMPLETED)

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), self._backoff.next().total_seconds())
