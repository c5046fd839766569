"""A Graph on a plank: answers that a test lays out, every request kept, no network."""

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import httpx
from azure.core.credentials import AccessToken

from shared.clients.graph.client import Graph
from shared.settings import Settings

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
BASE = "https://graph.example"
DEVICE = "0d1f6d4c-1111-4a6b-9f55-000000000001"
USER = "5f0c2a7e-2222-4d0e-8a01-000000000002"
REGISTRATION = "9a4b3c2d-3333-4c1f-b0f2-000000000003"
MAILBOX = "it@contoso.example"
SUBSCRIPTION = "7e6d5c4b-4444-4e3d-a1c3-000000000004"


class FixedClock:
    """It is always 2026-03-02 08:00 UTC."""

    def now(self) -> datetime:
        return NOW


@dataclass
class Tokens:
    """A credential that hands out one token, or fails as it is told."""

    fails_with: Exception | None = None
    asked_for: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    claims: list[str | None] = field(default_factory=list[str | None])
    closed: bool = False

    async def get_token(
        self,
        *scopes: str,
        claims: str | None = None,
        **_: Any,  # Any: the protocol's own
    ) -> AccessToken:
        self.asked_for.append(scopes)
        self.claims.append(claims)
        if self.fails_with is not None:
            raise self.fails_with
        return AccessToken("the-token", int(NOW.timestamp()) + 100 * 365 * 86400)

    async def close(self) -> None:
        self.closed = True

    async def __aenter__(self) -> "Tokens":
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.close()


Answering = Callable[[httpx.Request], httpx.Response]


@dataclass
class Wire(httpx.AsyncBaseTransport):
    """Answers with what ``answer`` makes of a request, and keeps the request."""

    answer: Answering
    requests: list[httpx.Request] = field(default_factory=list[httpx.Request])

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.answer(request)

    @property
    def targets(self) -> list[str]:
        """What was asked for, without the host."""
        return [request.url.raw_path.decode() for request in self.requests]

    @property
    def bodies(self) -> list[object]:
        return [json.loads(request.content) if request.content else None for request in self.requests]


def always(status: int, body: object = None, headers: Mapping[str, str] | None = None) -> Answering:
    """The same answer for every request; a body of bytes goes out as it is."""

    def answer(request: httpx.Request) -> httpx.Response:
        if isinstance(body, bytes):
            return httpx.Response(status, content=body, headers=headers)
        return httpx.Response(status, json=body, headers=headers) if body is not None else httpx.Response(status)

    return answer


def in_turn(*answers: Answering) -> Answering:
    """One answer after the other; one request too many is an error."""
    left = iter(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        return next(left)(request)

    return answer


def raising(error: Exception) -> Answering:
    """No answer but an exception of the network."""

    def answer(request: httpx.Request) -> httpx.Response:
        raise error

    return answer


def page(*rows: object, next_link: str | None = None) -> Answering:
    """One page of a list."""
    body: dict[str, object] = {"value": list(rows)}
    return always(200, body if next_link is None else {**body, "@odata.nextLink": next_link})


def error(status: int, code: str = "Wrong", message: str = "It is wrong.", **headers: str) -> Answering:
    """Graph's error body; header names with underscores for hyphens."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return always(status, {"error": {"code": code, "message": message}}, sent)


def settings_for(base_url: str, **more: object) -> Settings:
    """The settings a Graph client needs, whatever the environment holds."""
    needed = {"graph_base_url": base_url, "tenant_id": SUBSCRIPTION, "mail_from": MAILBOX}
    return Settings.model_validate({**needed, **more})


@asynccontextmanager
async def graph_over(
    answer: Answering,
    *,
    tokens: Tokens | None = None,
    on_request: Callable[[str, int], None] | None = None,
    base_url: str = BASE,
    **settings: object,
) -> AsyncGenerator[tuple[Graph, Wire], None]:
    """A Graph whose answers are laid out."""
    wire = Wire(answer)
    graph = Graph(
        settings_for(base_url, **settings),
        FixedClock(),
        credential=tokens or Tokens(),
        network=wire,
        on_request=on_request,
    )
    try:
        yield graph, wire
    finally:
        await graph.close()
