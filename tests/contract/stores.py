"""The storages that must keep the same promises, each with a switch that takes it away and brings it back."""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from azure.storage.queue import QueueMessage, TextBase64DecodePolicy
from azure.storage.queue.aio import QueueClient

from shared.clients.storage.connect import Storage
from shared.names import QUEUES, TABLES
from shared.ports import Messages, Rows
from shared.settings import Settings
from tests.contract.wire import Wire
from tests.fakes.clock import FixedClock
from tests.fakes.messages import FakeMessages
from tests.fakes.rows import FakeRows

TENANT = "11111111-2222-3333-4444-555555555555"


class RowStore(Protocol):
    """Rows under test."""

    @property
    def rows(self) -> Rows: ...

    async def go_away(self) -> None: ...

    async def come_back(self) -> None: ...


@dataclass(frozen=True, slots=True)
class FakeRowStore:
    """Rows in memory."""

    rows: FakeRows

    async def go_away(self) -> None:
        self.rows.away = True

    async def come_back(self) -> None:
        self.rows.away = False


@dataclass(frozen=True, slots=True)
class AzuriteRowStore:
    """Rows in Azurite, behind a wire."""

    rows: Rows
    wire: Wire

    async def go_away(self) -> None:
        await self.wire.cut()

    async def come_back(self) -> None:
        await self.wire.mend()


class MessageStore(Protocol):
    """Messages under test."""

    @property
    def messages(self) -> Messages: ...

    async def take(self, queue: str) -> list[str]: ...

    async def go_away(self) -> None: ...

    async def come_back(self) -> None: ...


@dataclass(frozen=True, slots=True)
class FakeMessageStore:
    """Messages in memory."""

    messages: FakeMessages

    async def take(self, queue: str) -> list[str]:
        return self.messages.take(queue)

    async def go_away(self) -> None:
        self.messages.away = True

    async def come_back(self) -> None:
        self.messages.away = False


@dataclass(frozen=True, slots=True)
class AzuriteMessageStore:
    """Messages in Azurite, behind a wire; what is stored is read past the wire."""

    messages: Messages
    wire: Wire
    account: str

    async def take(self, queue: str) -> list[str]:
        return [str(message.content) for message in await self.take_whole(queue)]

    async def take_whole(self, queue: str) -> list[QueueMessage]:
        """The visible messages with everything the service says about them; they are deleted."""
        policy = TextBase64DecodePolicy()
        async with QueueClient.from_connection_string(self.account, queue, message_decode_policy=policy) as client:
            found = [message async for message in client.receive_messages()]
            for message in found:
                await client.delete_message(message)
            return found

    async def go_away(self) -> None:
        await self.wire.cut()

    async def come_back(self) -> None:
        await self.wire.mend()


def fake_rows() -> FakeRowStore:
    return FakeRowStore(FakeRows())


def fake_messages() -> FakeMessageStore:
    return FakeMessageStore(FakeMessages(FixedClock()))


@asynccontextmanager
async def azurite_rows(account: str) -> AsyncGenerator[AzuriteRowStore]:
    """All tables, in a fresh account."""
    async with Wire(_origin(account, "Table")) as wire:
        storage = Storage(_settings(_through(account, "Table", wire)))
        try:
            await storage.rows.ensure_tables(TABLES)
            yield AzuriteRowStore(storage.rows, wire)
        finally:
            await storage.close()


@asynccontextmanager
async def azurite_messages(account: str) -> AsyncGenerator[AzuriteMessageStore]:
    """All queues, in a fresh account."""
    async with Wire(_origin(account, "Queue")) as wire:
        storage = Storage(_settings(_through(account, "Queue", wire)))
        try:
            await storage.messages.ensure_queues(QUEUES)
            yield AzuriteMessageStore(storage.messages, wire, account)
        finally:
            await storage.close()


def _settings(connection_string: str) -> Settings:
    return Settings.model_validate({"tenant_id": TENANT, "storage": connection_string})


def _origin(account: str, service: str) -> str:
    found = re.search(rf"{service}Endpoint=(http://[^/;]+)", account)
    assert found is not None, "a connection string of Azurite names its endpoints"
    return found[1]


def _through(account: str, service: str, wire: Wire) -> str:
    return account.replace(_origin(account, service), wire.url)
