"""Queues of the storage accounts that the connections name: clients, sending, word of what was sent."""

import asyncio
import contextlib
import importlib
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

from local.host.bindings import MessageEncoding, encode_body
from local.host.configuration import connection_string

if TYPE_CHECKING:  # see load_libraries
    from azure.storage.queue import QueueMessage
    from azure.storage.queue.aio import QueueClient, QueueServiceClient


async def load_libraries() -> None:
    """Import the storage client and its transport: a quarter of the host's start, which no HTTP request has to wait for."""
    for name in ("azure.storage.queue.aio", "aiohttp"):
        await asyncio.to_thread(importlib.import_module, name)


class QueueStorage:
    """All queues of one host. Clients do not decode: one undecodable message must not spoil its batch."""

    def __init__(self, environ: Mapping[str, str], encoding: MessageEncoding) -> None:
        self.encoding: MessageEncoding = encoding
        self._environ = environ
        self._services: dict[str, QueueServiceClient] = {}
        self._clients: dict[tuple[str, str], QueueClient] = {}
        self._watchers: defaultdict[tuple[str, str], list[Callable[[], None]]] = defaultdict(list)

    def check(self, connection: str) -> None:
        """Raises HostError when the connection is missing or of a kind that this host does not do."""
        connection_string(self._environ, connection)

    def client(self, connection: str, queue: str) -> "QueueClient":
        """A client of one queue, which need not exist; its message text is what is stored."""
        account = connection_string(self._environ, connection)
        if (account, queue) not in self._clients:
            self._clients[account, queue] = self._service(account).get_queue_client(queue)
        return self._clients[account, queue]

    def _service(self, account: str) -> "QueueServiceClient":
        from azure.storage.queue.aio import QueueServiceClient  # noqa: PLC0415  # see load_libraries

        if account not in self._services:
            # Storage on this machine answers at once or is away: the SDK's pauses of 15 s would hide that.
            self._services[account] = QueueServiceClient.from_connection_string(
                account,
                initial_backoff=1,
                increment_base=1,
                random_jitter_range=0,
                retry_total=2,
                use_env_settings=False,
            )
        return self._services[account]

    async def send(self, connection: str, queue: str, body: bytes) -> None:
        """Put one message on a queue, encoded as host.json says; else as `send_text`."""
        await self.send_text(connection, queue, encode_body(body, self.encoding))

    async def send_text(self, connection: str, queue: str, text: str) -> None:
        """Put one text on a queue as it is, making the queue if it is missing, and wake its listener."""
        client = self.client(connection, queue)
        try:
            await client.send_message(text)
        except ResourceNotFoundError:
            await _create(client)
            await client.send_message(text)
        for wake in self._watchers[connection_string(self._environ, connection), queue]:
            wake()

    def watch(self, connection: str, queue: str, wake: Callable[[], None]) -> None:
        """Call `wake` whenever this host has put a message on that queue."""
        self._watchers[connection_string(self._environ, connection), queue].append(wake)

    async def close(self) -> None:
        """Close all connections."""
        await asyncio.gather(*(service.close() for service in self._services.values()))
        self._services.clear()
        self._clients.clear()


async def receive(client: "QueueClient", *, count: int, invisible_for: timedelta) -> "list[QueueMessage]":
    """Up to `count` messages in exactly one request, which is not tried again."""
    pages = client.receive_messages(
        messages_per_page=count, visibility_timeout=int(invisible_for.total_seconds()), retry_total=0
    ).by_page()
    page = await anext(pages, None)
    return [message async for message in page] if page is not None else []


async def _create(client: "QueueClient") -> None:
    with contextlib.suppress(ResourceExistsError):  # somebody else was faster
        await client.create_queue()
