"""Messages in Azure Storage queues."""

import math
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.clients.storage.errors import within
from shared.errors import AlreadyThere, BadInput
from shared.ports import QueueSize

if TYPE_CHECKING:  # imported with the first client: 0.5 s
    from azure.storage.queue.aio import QueueClient, QueueServiceClient

CALL_SECONDS = 2.0
"""For one call with its one retry: a webhook must answer Graph within 3 s, and says 503 when storage is away."""
MOST_BYTES = 48 * 1024
"""Of UTF-8: as base64 that is the 64 KiB which the service takes."""
LONGEST_DELAY = timedelta(days=7)

_NEVER = -1


class AzureMessages:
    """The port Messages over one storage account. Bodies are base64, which the Functions host expects by default.

    A message whose acceptance was not heard of is sent once more: it may then come twice.
    """

    def __init__(self, service: "QueueServiceClient") -> None:
        self._service = service
        self._queues: dict[str, QueueClient] = {}

    async def ensure_queues(self, names: Iterable[str]) -> None:
        """Create the queues that are missing."""
        for name in names:
            try:
                await within(CALL_SECONDS, self._queue(name).create_queue())
            except AlreadyThere:
                continue

    async def send(self, queue: str, body: str, *, delay: timedelta = timedelta()) -> None:
        """Store one message that never expires, invisible for the delay (whole seconds, rounded up, 7 days at most).

        Raises BadInput for a body that is no UTF-8 text of at most 48 KiB and RetryLater, within 2 seconds, when
        storage is busy or away.
        """
        check_body(body)
        seconds = whole_seconds(delay)
        sending = self._queue(queue).send_message(body, visibility_timeout=seconds, time_to_live=_NEVER)
        await within(CALL_SECONDS, sending)

    async def measure(self, queue: str) -> QueueSize:
        """How full a queue is: two requests. Raises RetryLater, AccessDenied."""
        client = self._queue(queue)
        properties = await within(CALL_SECONDS, client.get_queue_properties())
        peeked = await within(CALL_SECONDS, client.peek_messages(max_messages=1))
        return QueueSize(
            messages=properties.approximate_message_count or 0,
            oldest_at=None if not peeked else peeked[0].inserted_on,
        )

    def _queue(self, name: str) -> "QueueClient":
        if name not in self._queues:
            from azure.storage.queue import TextBase64EncodePolicy  # noqa: PLC0415  # see above

            client = self._service.get_queue_client(name, message_encode_policy=TextBase64EncodePolicy())
            self._queues[name] = client
        return self._queues[name]


def check_body(body: str) -> None:
    """Raises BadInput for text that is no valid Unicode or longer than 48 KiB of UTF-8."""
    try:
        size = len(body.encode())
    except UnicodeEncodeError as error:
        raise BadInput("a message must be valid Unicode") from error
    if size > MOST_BYTES:
        raise BadInput(f"a message must not be longer than {MOST_BYTES} bytes")


def whole_seconds(delay: timedelta) -> int:
    """The delay as queues take it: rounded up to whole seconds, 0 to 7 days."""
    return math.ceil(min(max(delay, timedelta()), LONGEST_DELAY).total_seconds())
