"""Apps written on the spot, hosts for them, and waiting, for the tests of the development host."""

import asyncio
import base64
import json
import sys
import textwrap
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

import httpx
from azure.core.exceptions import ResourceExistsError
from azure.storage.queue.aio import QueueClient

from local.host.host import Host

SAMPLE_APP = Path(__file__).parent / "sample_app"
KEY = "the key of these tests"

_HEAD = """
import asyncio
import typing
import azure.functions as func

app = func.FunctionApp()
calls = []
gate = asyncio.Event()
"""


def write_app(directory: Path, source: str, *, queues: Mapping[str, object] | None = None) -> Path:
    """Write an app; its source may use `app`, `calls` (a list for what it did) and `gate` (an asyncio.Event)."""
    (directory / "function_app.py").write_text(_HEAD + textwrap.dedent(source), "utf-8")
    host_json = {"version": "2.0", "extensions": {"queues": dict(queues or {})}}
    (directory / "host.json").write_text(json.dumps(host_json), "utf-8")
    return directory


def calls() -> list[object]:
    """What the functions of the app loaded last have noted."""
    return sys.modules["function_app"].calls


def open_gate() -> None:
    """Let the functions of the app loaded last go on that wait for `gate`."""
    sys.modules["function_app"].gate.set()


@asynccontextmanager
async def running(
    app_dir: Path,
    account: str = "",
    *,
    now: Callable[[], datetime] | None = None,
    state_dir: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> AsyncGenerator[tuple[Host, httpx.AsyncClient]]:
    """A started host of the app with `Storage` set to the account, and an HTTP client for it."""
    settings = {"Storage": account, "RECEIPTS": "receipts", **(environ or {})}
    host = Host(app_dir, environ=settings, now=now, poll_max_seconds=0.1, key=KEY, state_dir=state_dir)
    await host.start(port=0)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{host.port}") as client:
            yield host, client
    finally:
        await host.stop()


async def eventually(condition: Callable[[], bool | Awaitable[bool]], *, within: float = 10.0) -> None:
    """Wait until the condition holds; fail when it does not in time."""
    async with asyncio.timeout(within):
        while True:
            holds = condition()
            if await holds if isinstance(holds, Awaitable) else holds:
                return
            await asyncio.sleep(0.02)


class Queue:
    """One queue seen from outside the host, made on entry if need be. Texts are encoded as base64, as the host expects them."""

    def __init__(self, account: str, name: str) -> None:
        self._client = QueueClient.from_connection_string(account, name)

    async def __aenter__(self) -> "Queue":
        with suppress(ResourceExistsError):
            await self._client.create_queue()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def send(self, text: str) -> None:
        """Put one text on the queue."""
        await self._client.send_message(base64.b64encode(text.encode()).decode())

    async def send_raw(self, content: str) -> None:
        """Put one message on the queue as it is."""
        await self._client.send_message(content)

    async def clear(self) -> None:
        """Delete all messages, also those that somebody has received."""
        await self._client.clear_messages()

    async def count(self) -> int:
        """Messages on the queue, visible or not."""
        return (await self._client.get_queue_properties()).approximate_message_count or 0

    async def raw(self) -> list[str]:
        """The visible messages as they are stored."""
        return [str(message.content) for message in await self._client.peek_messages(max_messages=32)]

    async def texts(self) -> list[str]:
        """The visible messages."""
        return [base64.b64decode(content).decode() for content in await self.raw()]

    async def take(self, *, visible_after: timedelta) -> None:
        """Receive one message, as another host would, and leave it."""
        await self._client.receive_message(visibility_timeout=int(visible_after.total_seconds()))
