"""A wire between the product and Azurite that a test can cut, silence, or let lose an answer."""

import asyncio
from types import TracebackType
from typing import Self

from aiohttp import ClientSession, DummyCookieJar, web
from yarl import URL

_PER_CONNECTION = {"connection", "content-length", "host", "keep-alive", "transfer-encoding"}


class Wire:
    """An HTTP proxy on a port of its own in front of one service. Requests reach the service byte for byte."""

    def __init__(self, target: str) -> None:
        self.answers_to_lose = 0
        """So many next requests reach the service, but then the connection breaks."""
        self.failures_to_claim = 0
        """So many next requests reach the service, but are answered with ``claimed_status``."""
        self.claimed_status = 503
        self.answers_to_break = 0
        """So many next requests reach the service, but the connection breaks within the answer."""
        self.silent = False
        """Requests are taken, but neither passed on nor answered."""
        self.requests = 0
        """How many requests reached the service."""
        self._target = target
        self._port = 0
        self._was_cut = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._session: ClientSession | None = None

    @property
    def url(self) -> str:
        """Where the product finds the service; the port stays the same when the wire was cut and mended."""
        return f"http://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        added = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")  # by the library, and not as it was signed
        self._session = ClientSession(auto_decompress=False, cookie_jar=DummyCookieJar(), skip_auto_headers=added)
        await self.mend()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.cut()
        if self._session is not None:
            await self._session.close()

    async def mend(self) -> None:
        """Take connections again."""
        self._was_cut.clear()
        app = web.Application(client_max_size=8 * 1024 * 1024)
        app.router.add_route("*", "/{anything:.*}", self._pass_on)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()
        self._port = int(self._runner.addresses[0][1])

    async def cut(self) -> None:
        """Refuse connections, and break those that are open."""
        self._was_cut.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        if self.silent:
            await self._was_cut.wait()
            return web.Response(status=502)
        body = await request.read()
        self.requests += 1
        answer = await self._answer(request, body)
        if self.answers_to_lose > 0:
            self.answers_to_lose -= 1
            assert request.transport is not None
            request.transport.abort()
        if self.answers_to_break > 0:
            self.answers_to_break -= 1
            return await _half(request, answer)
        if self.failures_to_claim > 0:
            self.failures_to_claim -= 1
            return web.Response(status=self.claimed_status, headers={"Retry-After": "17"})
        return answer

    async def _answer(self, request: web.Request, body: bytes) -> web.Response:
        assert self._session is not None
        url = URL(self._target + request.raw_path, encoded=True)  # as it was signed
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in _PER_CONNECTION]
        async with self._session.request(request.method, url, headers=headers, data=body or None) as answer:
            kept = [(name, value) for name, value in answer.headers.items() if name.lower() not in _PER_CONNECTION]
            return web.Response(status=answer.status, headers=kept, body=await answer.read())


async def _half(request: web.Request, answer: web.Response) -> web.StreamResponse:
    """The head of the answer, which promises more than follows."""
    begun = web.StreamResponse(status=answer.status, headers={**answer.headers, "Content-Length": "1000"})
    await begun.prepare(request)
    await begun.write(b"{")
    assert request.transport is not None
    request.transport.close()
    return begun
