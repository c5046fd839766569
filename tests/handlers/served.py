"""The API's handlers behind their routes, as the Functions host puts them, without a host."""

import asyncio
from collections.abc import Mapping

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from handlers import api, openapi, parked, report
from tests.handlers.arguments import Handler, answer, request
from tests.worker.triggers import TRIGGERS

API = {name: trigger for name, trigger in TRIGGERS.items() if trigger.where.startswith("v1/")}
HANDLERS: dict[str, Handler] = {
    name: getattr(module, name) for name in API for module in (api, openapi, parked, report) if hasattr(module, name)
}


def served() -> Starlette:
    """An ASGI app of the whole API."""
    """The handlers behind their routes, as the Functions host puts them."""

    def endpoint(name: str) -> object:
        async def answer_it(got: Request) -> Response:
            given = request(
                await got.body(),
                method=got.method,
                headers=dict(got.headers),
                query=dict(got.query_params),
                route=got.path_params,
            )
            answered = answer(await HANDLERS[name](given))
            return Response(answered.body, status_code=answered.status, headers=dict(answered.headers))

        return answer_it

    return Starlette(
        routes=[
            Route(f"/api/{trigger.where}", endpoint(name), methods=list(trigger.methods))  # pyright: ignore[reportArgumentType]  # a coroutine of a request
            for name, trigger in API.items()
        ]
    )


class _InProcess(httpx.BaseTransport):
    """Sends requests to an ASGI app, one after the other, as a program without an event loop does."""

    def __init__(self, app: Starlette) -> None:
        self._app = app

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The app's answer."""

        async def ask() -> httpx.Response:
            again = httpx.Request(request.method, request.url, headers=request.headers, content=request.read())
            answered = await httpx.ASGITransport(self._app).handle_async_request(again)
            return httpx.Response(answered.status_code, headers=answered.headers, content=await answered.aread())

        return asyncio.run(ask())


def client(headers: Mapping[str, str] | None = None) -> httpx.Client:
    """A client of the whole API."""
    return httpx.Client(transport=_InProcess(served()), base_url="http://handover.example", headers=headers)
