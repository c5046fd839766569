"""Drives every Graph port method over a made-up network, so that each module which a Graph call needs is loaded, or missed.

The build runs it as a program to learn what of msgraph is reachable, the tests to prove that nothing is missing.
Runs in the target Python with nothing but the app and its packages.
"""

import asyncio
import inspect
import json
import sys
import typing
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from types import TracebackType

import httpx
from azure.core.credentials import AccessToken

from shared.clients.graph.client import Graph
from shared.clients.system import SystemClock
from shared.domain.effects import Justified, WipeBacking
from shared.domain.tenant_setup import Kind, Remembered
from shared.errors import HandoverError
from shared.settings import Settings

ID = "0d1f6d4c-1111-4a6b-9f55-000000000001"
TIME = datetime(2026, 3, 2, 8, tzinfo=UTC)
_ROW = {
    "id": ID,
    "serialNumber": ID,
    "azureADDeviceId": ID,
    "deviceId": ID,
    "skuId": ID,
    "enrolledDateTime": "2026-03-03T08:00:00Z",
}
_THING = {**_ROW, "expirationDateTime": "2026-03-03T08:00:00Z", "value": [_ROW]}
_CLAIMS = 'Bearer error="insufficient_claims", claims="e30="'

Answer = Callable[[httpx.Request], httpx.Response]


class WalkFailed(Exception):
    """A Graph call did not go out, or ended in something that is no error of ours."""


def _second_page(request: httpx.Request) -> httpx.Response:
    """A thing that is a list as well, with one more page."""
    more = {} if "page" in request.url.params else {"@odata.nextLink": f"https://{request.url.host}/v1.0/more?page=2"}
    return httpx.Response(200, json={**_THING, **more})


def _dropped(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError("the connection was closed", request=request)


def _status(status: int, **headers: str) -> Answer:
    body = {"error": {"code": "Wrong", "message": "Validation: it is wrong."}}
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: httpx.Response(status, json=body, headers=sent)


ANSWERS: dict[str, Answer] = {
    "200": _second_page,
    "200 without JSON": lambda _: httpx.Response(200, content=b"<html>"),
    "204": lambda _: httpx.Response(204),
    "302": _status(302, Location="https://elsewhere.example/"),
    "400": _status(400),
    "401": _status(401),
    "401 that asks for claims": _status(401, WWW_Authenticate=_CLAIMS),
    "403": _status(403),
    "404": _status(404),
    "409": _status(409),
    "429": _status(429, Retry_After="2"),
    "503": _status(503),
    "dropped": _dropped,
}


class _Token:
    """A credential that always has a token."""

    async def get_token(self, *_: str, **__: typing.Any) -> AccessToken:  # Any: the protocol's own
        return AccessToken("a-token", 4102444800)

    async def close(self) -> None:
        """Nothing to close."""

    async def __aenter__(self) -> typing.Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Nothing to close."""


def methods() -> Iterator[tuple[str, str]]:
    """Every port of Graph and each of its methods, read from the ports themselves: a new one is walked by itself."""
    for port, protocol in typing.get_type_hints(Graph).items():
        for name, _ in inspect.getmembers(protocol, inspect.isfunction):
            if not name.startswith("_"):
                yield port, name


async def walk() -> dict[str, int]:
    """Call every method with every kind of answer; how many requests each sent. Raises WalkFailed."""
    sent: dict[str, int] = {}
    for port, name in methods():
        for answer in ANSWERS:
            requests = await _call(port, name, answer)
            sent[f"{port}.{name}"] = sent.get(f"{port}.{name}", 0) + requests
    return sent


async def _call(port: str, name: str, kind: str) -> int:
    requests = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal requests
        requests += 1
        return ANSWERS[kind](request)

    settings = Settings.model_validate(
        {
            "graph_base_url": "https://graph.example",
            "tenant_id": ID,
            "mail_from": ID,
            "exclusion_group": ID,
            "expect_multi_admin_approval": True,
        }
    )
    graph = Graph(settings, SystemClock(), credential=_Token(), network=httpx.MockTransport(answer))
    method = getattr(getattr(graph, port), name)
    try:
        await _run(method(**_arguments(method)))
    except HandoverError:
        pass
    except Exception as error:
        raise WalkFailed(f"{port}.{name}, answered with {kind}: {type(error).__name__}: {error}") from error
    finally:
        await graph.close()
    if not requests:
        # the wipe makes a value of everything, a missing module included
        raise WalkFailed(f"{port}.{name}, answered with {kind}: no request went out")
    return requests


async def _run(call: Awaitable[object] | AsyncIterator[object]) -> None:
    if isinstance(call, AsyncIterator):
        async for _ in call:
            pass
    else:
        await call


def _arguments(method: Callable[..., object]) -> dict[str, object]:
    """One value per parameter, by its type. An id is good for everything that is text."""
    values: dict[object, object] = {
        str: ID,
        datetime: TIME,
        str | None: None,
        datetime | None: None,
        tuple[str, ...]: (ID,),
        WipeBacking: Justified(text=ID),
        Remembered: Remembered(ids=((Kind.DEVICE_GROUP, ID, ID),)),
    }
    hints = typing.get_type_hints(method)
    try:
        return {name: values[hints[name]] for name in inspect.signature(method).parameters}
    except KeyError as unknown:
        raise WalkFailed(f"{method.__qualname__} has a parameter of type {unknown}: give the walk a value") from None


def main() -> None:
    """Print, as JSON, how many requests each method sent and which modules are loaded after all of them."""
    sent = asyncio.run(walk())
    files = {name: getattr(module, "__file__", None) for name, module in sorted(sys.modules.items())}
    print(json.dumps({"requests": sent, "modules": files}))


if __name__ == "__main__":
    main()
