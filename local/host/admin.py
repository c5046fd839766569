"""The host's own HTTP routes, as in the real host: its status, and running one function by hand."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from local.host.http import has_key
from local.host.invocations import describe


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Numbers since the start. `running`: every invocation from receipt to settlement, every timer due."""

    functions: Sequence[str]
    running: int
    completed: int
    failed: int
    poisoned: int
    state: str = field(default="Running", init=False)
    version: str = field(default="local", init=False)


class UnknownFunction(Exception):
    """The app has no function of that name."""


class NotRunnable(Exception):
    """The function cannot be run by hand; the text says why."""


class _Invocation(BaseModel):
    input: str = ""


class Hosting(Protocol):
    """What the admin routes need of the host."""

    @property
    def key(self) -> str: ...

    @property
    def app_dir(self) -> Path: ...

    async def settled(self) -> Status:
        """The numbers of this moment, nothing received left out."""
        ...

    async def idle(self) -> bool:
        """Whether nothing runs or waits to run."""
        ...

    async def run(self, name: str, text: str) -> None:
        """Run one function. Raises UnknownFunction, NotRunnable, or what the function raises."""
        ...


def admin_routes(host: Hosting) -> list[BaseRoute]:
    """`GET /admin/host/status[?idle]` and `POST /admin/functions/{name}`; from another machine with the key only.

    `idle` in the answer is asked for by `?idle`, as it costs a look at every queue. Unlike the real host, a run is
    over when it is answered: 202, or 500 with the error.
    """

    def allowed(request: Request) -> bool:
        return _is_this_machine(request) or has_key(request, host.key)

    async def get_status(request: Request) -> Response:
        if not allowed(request):
            return Response(status_code=401)
        idle = {"idle": await host.idle()} if "idle" in request.query_params else {}
        return JSONResponse({**asdict(await host.settled()), **idle})

    async def run_function(request: Request) -> Response:
        if not allowed(request):
            return Response(status_code=401)
        # A web page cannot send this type across sites without asking first; the real host wants it as well.
        if not request.headers.get("content-type", "").startswith("application/json"):
            return Response(status_code=415)
        try:
            invocation = _Invocation.model_validate_json(await request.body())
        except ValidationError:
            return PlainTextResponse('the body must be {"input": "..."}', status_code=400)
        try:
            await host.run(request.path_params["name"], invocation.input)
        except UnknownFunction:
            return Response(status_code=404)
        except NotRunnable as error:
            return PlainTextResponse(str(error), status_code=400)
        except Exception as error:
            return PlainTextResponse(describe(error, host.app_dir), status_code=500)
        return Response(status_code=202)

    return [
        Route("/admin/host/status", get_status, methods=["GET"]),
        Route("/admin/functions/{name}", run_function, methods=["POST"]),
    ]


def _is_this_machine(request: Request) -> bool:
    return request.client is not None and ip_address(request.client.host).is_loopback
