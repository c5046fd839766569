"""One received queue message, from its function's run to its end: deleted, tried again, or moved to poison."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError, HttpResponseError

from local.host.app import Function, QueueTrigger
from local.host.bindings import QueueMetadata, decode_body, queue_argument
from local.host.configuration import QueueOptions
from local.host.invocations import Invoker
from local.host.storage import QueueStorage

if TYPE_CHECKING:  # see load_libraries
    from azure.storage.queue import QueueMessage
    from azure.storage.queue.aio import QueueClient

logger = logging.getLogger(__name__)

POISON_SUFFIX = "-poison"
_QUEUE_NAME_LENGTH_MAX = 63
_RENEWAL_RETRY = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """How long a received message is invisible, and when that is renewed while its function runs.

    The extension fixes both; host.json's visibilityTimeout is something else. Other values are for tests.
    """

    invisible_for: timedelta = timedelta(minutes=10)
    renew_every: timedelta = timedelta(minutes=5)

    @classmethod
    def of(cls, seconds: str | None) -> "Lease":
        """So many seconds, renewed after half of them; the extension's own without. Raises ValueError."""
        if not seconds:
            return cls()
        whole = timedelta(seconds=float(seconds))
        return cls(invisible_for=whole, renew_every=whole / 2)


@dataclass(slots=True)
class _Receipt:
    """What identifies a received message; each renewal brings a new pop receipt."""

    id: str
    pop_receipt: str


class MessageProcessor:
    """Runs one function for received messages, and settles them as the Storage Queues extension 5.x does.

    Success: outputs are sent, then the message is deleted. A failure brings it back after visibilityTimeout, or,
    at maxDequeueCount, moves it to the poison queue. Without a poison queue (the queue is one itself, or the
    name would be too long) a failed message stays invisible, which keeps it from a fast endless loop.
    """

    def __init__(
        self,
        function: Function,
        trigger: QueueTrigger,
        *,
        storage: QueueStorage,
        options: QueueOptions,
        invoker: Invoker,
        lease: Lease,
    ) -> None:
        self._function = function
        self._trigger = trigger
        self._storage = storage
        self._options = options
        self._invoker = invoker
        self._lease = lease
        self._poison = _poison_queue(trigger.queue)

    async def process(self, message: "QueueMessage") -> None:
        """Run the function and settle the message. When storage is away by then, the message comes back later."""
        receipt = _Receipt(message.id, str(message.pop_receipt))
        try:
            await self._process(message, receipt)
        except AzureError as error:
            self._log_unsettled(error)

    async def give_back(self, message: "QueueMessage") -> None:
        """Make the message visible again at once, without running the function."""
        try:
            await self._release(_Receipt(message.id, str(message.pop_receipt)), timedelta())
        except AzureError as error:
            self._log_unsettled(error)

    def _log_unsettled(self, error: AzureError) -> None:
        queue, kind = self._trigger.queue, type(error).__name__
        logger.warning("a message of queue %s is not settled (%s); it comes back", queue, kind)

    async def _process(self, message: "QueueMessage", receipt: _Receipt) -> None:
        content = str(message.content or "")
        dequeued = message.dequeue_count or 1
        try:
            body = decode_body(content, self._storage.encoding)
        except ValueError:
            await self._fail(content, receipt, "it is not base64", poison=True)
            return
        if self._poison and dequeued > self._options.max_dequeue_count:
            await self._fail(content, receipt, f"it was dequeued {dequeued} times", poison=True)
        elif await self._run(message, receipt, body):
            await self._delete(receipt)
        else:
            last = dequeued >= self._options.max_dequeue_count
            await self._fail(content, receipt, f"it failed {dequeued} times", poison=last)

    async def _run(self, message: "QueueMessage", receipt: _Receipt, body: bytes) -> bool:
        trigger = self._trigger
        argument = partial(queue_argument, _metadata(message), body, binary=trigger.binary, plain=trigger.plain)
        ended = asyncio.Event()
        renewal = asyncio.create_task(self._renew(receipt, ended))
        try:
            await self._invoker.call(self._function, argument)
        except Exception:  # already counted and logged; what is left is the message's fate
            return False
        finally:
            ended.set()
            await renewal  # never cut short: a renewal half done would leave us with a stale pop receipt
        return True

    async def _renew(self, receipt: _Receipt, ended: asyncio.Event) -> None:
        wait = self._lease.renew_every
        while not await _happens(ended, within=wait):
            try:
                await self._update(receipt, self._lease.invisible_for)
                wait = self._lease.renew_every
            except AzureError as error:
                if _is_gone(error):
                    return
                wait = min(self._lease.renew_every, _RENEWAL_RETRY)

    async def _fail(self, content: str, receipt: _Receipt, reason: str, *, poison: bool) -> None:
        """Copy to poison, then delete: a crash between the two leaves a second copy, never none. Or try again."""
        if self._poison is None:
            return
        if not poison:
            await self._release(receipt, self._options.visibility_timeout)
            return
        await self._storage.send_text(self._trigger.connection, self._poison, content)
        self._invoker.tally.poisoned += 1
        logger.error("a message of queue %s went to %s: %s", self._trigger.queue, self._poison, reason)
        await self._delete(receipt)

    @property
    def _client(self) -> "QueueClient":
        return self._storage.client(self._trigger.connection, self._trigger.queue)

    async def _update(self, receipt: _Receipt, invisible_for: timedelta) -> None:
        seconds = int(invisible_for.total_seconds())
        updated = await self._client.update_message(receipt.id, receipt.pop_receipt, visibility_timeout=seconds)
        receipt.pop_receipt = str(updated.pop_receipt)

    async def _release(self, receipt: _Receipt, invisible_for: timedelta) -> None:
        try:
            await self._update(receipt, invisible_for)
        except HttpResponseError as error:
            if not _is_gone(error):
                raise

    async def _delete(self, receipt: _Receipt) -> None:
        try:
            await self._client.delete_message(receipt.id, receipt.pop_receipt)
        except HttpResponseError as error:
            if not _is_gone(error):
                raise


async def _happens(event: asyncio.Event, *, within: timedelta) -> bool:
    try:
        await asyncio.wait_for(event.wait(), within.total_seconds())
    except TimeoutError:
        return False
    return True


def _poison_queue(queue: str) -> str | None:
    name = queue + POISON_SUFFIX
    return None if queue.endswith(POISON_SUFFIX) or len(name) > _QUEUE_NAME_LENGTH_MAX else name


def _is_gone(error: AzureError) -> bool:
    """The message was deleted, or received again by somebody else: it is no longer ours to settle."""
    return getattr(error, "status_code", None) == 404 or getattr(error, "error_code", None) == "PopReceiptMismatch"


def _metadata(message: "QueueMessage") -> QueueMetadata:
    now = datetime.now(UTC)
    return QueueMetadata(
        id=message.id,
        dequeue_count=message.dequeue_count or 1,
        pop_receipt=str(message.pop_receipt),
        inserted_on=message.inserted_on or now,
        expires_on=message.expires_on or datetime.max.replace(tzinfo=UTC),
        next_visible_on=message.next_visible_on or now,
    )
