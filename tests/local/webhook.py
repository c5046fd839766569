"""An endpoint that hears change notifications, on a real socket of this machine."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


class _Server(uvicorn.Server):
    """Leaves signals to pytest."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class Webhook:
    """Remembers what it was told. ``status`` is its answer to notifications; validations are answered rightly until told."""

    def __init__(self) -> None:
        self.notifications: list[dict[str, Any]] = []
        self.validations: list[str] = []
        self.status = 202
        self._validation: tuple[int, str, str | None] = (200, "text/plain", None)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/api/notifications"

    def answer_validation(self, status: int, content_type: str, *, body: str | None = None) -> None:
        """Answer validation requests like this from now on; no body means the token."""
        self._validation = (status, content_type, body)

    def close(self) -> None:
        """Give the socket another address, where nobody listens."""
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))

    async def until_heard(self, count: int) -> None:
        """Wait until so many notifications have come, at most five seconds."""
        async with asyncio.timeout(5):
            while len(self.notifications) < count:
                await asyncio.sleep(0.01)  # polling: the tenant delivers from a task of its own

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[Self]:
        """Listen for as long as the context lasts."""
        listening = self._socket
        listening.bind(("127.0.0.1", 0))
        routes = [Route("/api/notifications{rest:path}", self._hear, methods=["POST"])]
        server = _Server(uvicorn.Config(Starlette(routes=routes), log_config=None, lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:
            await asyncio.sleep(0.005)
        try:
            yield self
        finally:
            server.should_exit = True
            await serving
            self._socket.close()

    async def _hear(self, request: Request) -> Response:
        token = request.query_params.get("validationToken")
        if token is not None:
            self.validations.append(token)
            status, content_type, body = self._validation
            return Response(token if body is None else body, status, media_type=content_type)
        self.notifications += (await request.json())["value"]
        return Response(status_code=self.status)
