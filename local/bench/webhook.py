"""The webhook under load: so many notifications a second, all about different users, with Azurite behind it.

Requests go out by the clock, whether or not earlier ones were answered, and latency counts from when a request was due: a
receiver that stalls cannot hide it. The receiver has one core; the load and Azurite have the other.
"""

import asyncio
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx

from local.azurite import Azurite
from local.package.target import REPOSITORY
from shared.clients.storage.connect import Storage
from shared.clients.system import RandomIds
from shared.names import HINTS, QUEUES, TABLES
from shared.records.subscriptions import KeptSubscription, SubscriptionBook
from shared.settings import Settings

PER_SECOND = 10_000
SECONDS = 60
PER_POST = (10, 100)
CONNECTIONS = 48
SLOW_AFTER = 2.9
"""Seconds after which Graph calls an answer slow."""
TENANT_ID = "0d1f6d4c-1111-4a6b-9f55-000000000001"
SUBSCRIPTION_ID = "0d1f6d4c-2222-4a6b-9f55-000000000002"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One minute of load. Times in milliseconds from when the request was due; ``cpu`` of the receiver."""

    receiver: str
    per_post: int
    offered: int
    accepted: int
    refused: int
    lost: int
    messages: int
    seconds: float
    p50: float
    p99: float
    longest: float
    slow: int
    cpu_per_thousand: float
    """Milliseconds of CPU time of the receiver for 1,000 notifications."""


def measure(*, seconds: int = SECONDS, per_second: int = PER_SECOND) -> list[Load]:
    """The product and the receiver without checks, in turns, at each number of notifications per POST."""
    return [
        asyncio.run(_one(kind, per_post, seconds, per_second)) for per_post in PER_POST for kind in ("plain", "product")
    ]


async def _one(kind: str, per_post: int, seconds: int, per_second: int) -> Load:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {(os.cpu_count() or 1) - 1})  # Azurite inherits it
    secret = secrets.token_urlsafe(32)
    with Azurite() as azurite:
        settings = {
            "AzureWebJobsStorage": azurite.connection_string,
            "HANDOVER_TENANT_ID": TENANT_ID,
            "HANDOVER_CLIENT_STATE": secret,
        }
        storage = Storage(Settings.model_validate({"tenant_id": TENANT_ID, "storage": azurite.connection_string}))
        try:
            await _prepare(storage)
            with _Receiver(kind, settings) as receiver:
                return await _load(receiver, storage, secret, kind, per_post, seconds, per_second)
        finally:
            await storage.close()


async def _prepare(storage: Storage) -> None:
    await storage.rows.ensure_tables(TABLES)
    await storage.messages.ensure_queues(QUEUES)
    now = datetime.now(UTC)
    kept = KeptSubscription(resource="users", id=SUBSCRIPTION_ID, expires_at=now + timedelta(days=28), renewed_at=now)
    await SubscriptionBook(storage.rows, RandomIds()).keep(kept)


class _Receiver:
    """The receiver's process, from its start to its end."""

    def __init__(self, kind: str, settings: Mapping[str, str]) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._command = [sys.executable, "-m", "local.bench.receiver", kind, str(self.port)]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HANDOVER_")}
        self._environment = {**kept, **settings}

    def __enter__(self) -> "_Receiver":
        # its standard error is its log: a line a second at most
        self._process = subprocess.Popen(
            self._command, env=self._environment, cwd=REPOSITORY, stderr=subprocess.DEVNULL
        )
        for _ in range(600):
            try:
                httpx.get(f"http://127.0.0.1:{self.port}/counted", timeout=1).raise_for_status()
                return self
            except httpx.HTTPError:
                time.sleep(0.05)
        raise RuntimeError("the receiver did not start within 30 seconds")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()


async def _load(
    receiver: _Receiver, storage: Storage, secret: str, kind: str, per_post: int, seconds: int, per_second: int
) -> Load:
    generator = _Generator(receiver.port, secret, per_post)
    await generator.run(per_second // per_post, 1)  # warms up: connections, imports, the subscription's id
    before = await _counted(receiver)
    generator.forget()
    began = time.perf_counter()
    await generator.run(per_second // per_post, seconds)
    took = time.perf_counter() - began
    after = await _counted(receiver)
    accepted = generator.statuses.count(202) * per_post
    stored_messages = (await storage.messages.measure(HINTS)).messages
    if stored_messages != after["messages"]:
        raise RuntimeError(f"storage holds {stored_messages} messages, the receiver saw {after['messages']} stored")
    times = sorted(generator.times)
    return Load(
        receiver=kind,
        per_post=per_post,
        offered=len(times) * per_post,
        accepted=accepted,
        refused=(len(times) - generator.statuses.count(202)) * per_post,
        lost=accepted - int(after["references"] - before["references"]),
        messages=int(after["messages"] - before["messages"]),
        seconds=took,
        p50=1000 * times[len(times) // 2],
        p99=1000 * times[len(times) * 99 // 100],
        longest=1000 * times[-1],
        slow=sum(each > SLOW_AFTER for each in times),
        cpu_per_thousand=1_000_000 * (after["cpu"] - before["cpu"]) / (len(times) * per_post),
    )


async def _counted(receiver: _Receiver) -> dict[str, float]:
    async with httpx.AsyncClient() as client:
        return (await client.get(f"http://127.0.0.1:{receiver.port}/counted")).json()


class _Generator:
    """Sends requests when they are due, over connections that stay open. Written on sockets: a client library would be
    the slowest part of the measurement."""

    def __init__(self, port: int, secret: str, per_post: int) -> None:
        self.times: list[float] = []
        self.statuses: list[int] = []
        self._port = port
        self._secret = secret
        self._per_post = per_post
        self._users = 0

    def forget(self) -> None:
        """Start counting anew; the users go on, so that no two notifications are about the same one."""
        self.times, self.statuses = [], []

    async def run(self, posts_per_second: int, seconds: int) -> None:
        """Send so many requests, evenly; returns when all are answered."""
        due: asyncio.Queue[float | None] = asyncio.Queue()
        workers = [asyncio.create_task(self._work(due)) for _ in range(CONNECTIONS)]
        loop = asyncio.get_running_loop()
        began = loop.time() + 0.1
        for number in range(posts_per_second * seconds):
            at = began + number / posts_per_second
            if (early := at - loop.time()) > 0.001:
                await asyncio.sleep(early)
            due.put_nowait(at)
        for _ in workers:
            due.put_nowait(None)
        await asyncio.gather(*workers)

    async def _work(self, due: "asyncio.Queue[float | None]") -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        clock = asyncio.get_running_loop().time
        while (at := await due.get()) is not None:
            body = self._body()
            head = (
                "POST /api/notifications HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            self.statuses.append(int(answer[9:12]))
            if length := _content_length(answer):
                await reader.readexactly(length)
            self.times.append(clock() - at)
        writer.close()

    def _body(self) -> bytes:
        first, self._users = self._users, self._users + self._per_post
        items = ",".join(
            self._item(f"{number:08x}-0000-4000-8000-000000000000") for number in range(first, self._users)
        )
        return f'{{"value":[{items}]}}'.encode()

    def _item(self, user: str) -> str:
        """As Graph writes one, byte for byte about as long."""
        return (
            f'{{"changeType":"updated","clientState":"{self._secret}","resource":"Users/{user}","resourceData":'
            f'{{"@odata.type":"#Microsoft.Graph.User","@odata.id":"Users/{user}","id":"{user}","organizationId":'
            f'"{TENANT_ID}","eventTime":"2026-03-02T22:24:31.3062901Z","sequenceNumber":0}},'
            f'"subscriptionExpirationDateTime":"2026-03-24T23:21:19.3554403+00:00","subscriptionId":'
            f'"{SUBSCRIPTION_ID}","tenantId":"{TENANT_ID}"}}'
        )


def _content_length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"content-length:")
    return int(rest.split(b"\r\n", 1)[0]) if found else 0
