"""The simulated tenant without a wire: the product's own Graph clients over the tenant's own endpoints, in one process.

It takes the place of ``shared.clients.graph.transport.Transport`` only: paths, queries, bodies, refusals and their
meaning are the real ones on both sides.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from local.tenant.http.app import endpoints
from local.tenant.http.query import read_query
from local.tenant.http.request import Endpoint, GraphRequest
from local.tenant.http.request import Reply as TenantReply
from local.tenant.http.wire import Version
from local.tenant.model.gate import Call, Caller
from local.tenant.model.refusal import AnswerLost, GraphRefusal
from local.tenant.model.tenant import TenantModel
from shared.clients.graph.answers import Reply, json_object, refusal, write_answer
from shared.clients.graph.values import Json, rows, text
from shared.domain.effects import Answer
from shared.domain.facts import MISSING, Missing
from shared.errors import HandoverError, RetryLater, Unexpected
from shared.ports import Clock
from tests.safety.accidents import Accidents, Io

BASE = "https://graph.invalid"
CALLER = Caller()


class Path:
    """What stands in for msgraph's request builders: attributes become segments, ``by_..._id`` an id."""

    def __init__(self, version: Version, segments: tuple[str, ...] = ()) -> None:
        self._version: Version = version
        self._segments = segments

    def __getattr__(self, name: str) -> Any:
        if name.startswith("by_"):
            return self._with
        return self._with(_camel(name))

    def _with(self, segment: str) -> "Path":
        return Path(self._version, (*self._segments, segment))

    @property
    def parts(self) -> tuple[Version, tuple[str, ...]]:
        """Version and segments."""
        return self._version, self._segments


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A prepared request."""

    method: str
    path: Path
    query: Mapping[str, str]
    content: bytes
    headers: dict[str, str] = field(default_factory=dict[str, str])


class Routes:
    """Finds the endpoint of a path."""

    def __init__(self, table: "list[Endpoint]") -> None:
        self._table: dict[tuple[str, Version, int], list[tuple[tuple[str, ...], Endpoint]]] = {}
        for endpoint in table:
            segments = tuple(endpoint.path.strip("/").split("/"))
            for version in endpoint.versions:
                self._table.setdefault((endpoint.method, version, len(segments)), []).append((segments, endpoint))

    def find(self, method: str, version: Version, path: tuple[str, ...]) -> tuple[Endpoint, dict[str, str]] | None:
        """The endpoint and the values of its path's parameters."""
        for segments, endpoint in self._table.get((method, version, len(path)), ()):
            if all(part.startswith("{") or part == given for part, given in zip(segments, path, strict=True)):
                values = {
                    part[1:-1].partition(":")[0]: given
                    for part, given in zip(segments, path, strict=True)
                    if part.startswith("{")
                }
                return endpoint, values
        return None


class InProcessTransport:
    """The methods of Transport over a tenant in memory."""

    def __init__(
        self, model: TenantModel, clock: Clock, accidents: Accidents, answered: Callable[[str, tuple[str, ...]], None]
    ) -> None:
        self._model = model
        self._answered = answered
        self._clock = clock
        self._accidents = accidents
        self._routes = Routes(list(endpoints(model, None)))  # pyright: ignore[reportArgumentType]  # nobody subscribes

    @property
    def v1(self) -> Path:
        """Paths of v1.0."""
        return Path("v1.0")

    def beta(self, path: str, **parameters: str) -> Path:
        """A path of beta, in which ``{name}`` stands for a parameter."""
        return Path(
            "beta", tuple(parameters.get(part[1:-1], part) if part[:1] == "{" else part for part in path.split("/"))
        )

    async def read(self, operation: str, builder: Path, query: Mapping[str, str] | None = None) -> Json | Missing:
        """GET one thing."""
        return await self._get(operation, builder, _dollars(query))

    async def pages(
        self,
        operation: str,
        builder: Path,
        query: Mapping[str, str] | None = None,
        *,
        most: int = 1000,
        missing_is_empty: bool = False,
    ) -> AsyncIterator[tuple[Json, ...]]:
        """GET a list page by page."""
        options = _dollars(query)
        for _ in range(most):
            body = await self._get(operation, builder, options)
            if isinstance(body, Missing):
                if missing_is_empty:
                    return
                raise Unexpected(f"{operation}: Graph answered 404 to a list")
            yield rows(body, "value")
            if not (next_link := text(body, "@odata.nextLink")):
                return
            options = dict(parse_qsl(urlsplit(next_link).query))
        raise Unexpected(f"{operation}: more than {most} pages")

    async def all_rows(
        self,
        operation: str,
        builder: Path,
        query: Mapping[str, str] | None = None,
        *,
        most: int = 1000,
        missing_is_empty: bool = False,
    ) -> tuple[Json, ...]:
        """Every row of every page."""
        pages = self.pages(operation, builder, query, most=most, missing_is_empty=missing_is_empty)
        return tuple([row async for page in pages for row in page])

    async def write(self, operation: str, method: str, builder: Path, body: Json | None = None) -> Answer:
        """A write that may be repeated."""
        reply = await self.send(operation, method, builder, body)
        return write_answer(reply, operation, self._clock.now())

    async def send(self, operation: str, method: str, builder: Path, body: Json | None = None) -> Reply:
        """One request, its answer not judged."""
        content = b"" if body is None else json.dumps(body).encode()
        try:
            return await self._exchange(operation, Request(method=method, path=builder, query={}, content=content))
        except ConnectionError as lost:
            raise RetryLater(f"{operation}: {lost}") from lost

    def failure(self, reply: Reply, operation: str) -> HandoverError:
        """The error to raise for a reply that the caller cannot use."""
        return refusal(reply, operation, self._clock.now())

    async def prepare(self, method: str, builder: Path, body: Json, headers: Mapping[str, str]) -> Request:
        """A request, ready to go."""
        await self._accidents.before(Io(kind="token", name="token"))
        content = json.dumps(body).encode()
        return Request(method=method, path=builder, query={}, content=content, headers=dict(headers))

    def now(self) -> datetime:
        """The time."""
        return self._clock.now()

    async def send_once(self, operation: str, request: Request) -> Reply:
        """Send a prepared request; a lost answer raises ConnectionError."""
        return await self._exchange(operation, request)

    async def _get(self, operation: str, builder: Path, options: Mapping[str, str]) -> Json | Missing:
        try:
            reply = await self._exchange(operation, Request(method="GET", path=builder, query=options, content=b""))
        except ConnectionError as lost:
            raise RetryLater(f"{operation}: {lost}") from lost
        if reply.ok:
            return json_object(reply, operation)
        if reply.status == 404:
            return MISSING
        raise refusal(reply, operation, self._clock.now())

    async def _exchange(self, operation: str, request: Request) -> Reply:
        version, segments = request.path.parts
        found = self._routes.find(request.method, version, segments)
        assert found is not None, f"the tenant has no {request.method} {version}/{'/'.join(segments)}"
        endpoint, values = found
        kind = "graph.wipe" if segments[-1] == "wipe" else "graph.read" if request.method == "GET" else "graph.write"
        io = Io(kind=kind, name=operation)
        if (instead := await self._accidents.before(io)) is not None:
            return instead
        reply = self._apply(version, endpoint, values, request)
        self._answered(operation, segments)
        if (instead := await self._accidents.after(io)) is not None:
            return instead
        return reply

    def _apply(self, version: Version, endpoint: Endpoint, values: dict[str, str], request: Request) -> Reply:
        graph = GraphRequest(
            operation=endpoint.operation,
            version=version,
            path=values,
            query=read_query(dict(request.query)),
            headers=request.headers,
            caller=CALLER,
            base=BASE,
            url_path=f"/{version}/{'/'.join(request.path.parts[1])}",
            content=request.content,
        )
        call = Call(
            operation=endpoint.operation,
            caller=CALLER,
            about=endpoint.about(graph),
            writes=endpoint.method != "GET",
        )
        try:
            reply = self._model.gate.perform(call, lambda: endpoint.handle(graph))
        except GraphRefusal as no:
            return _refused(no)
        except AnswerLost as lost:
            raise ConnectionError("the answer was lost") from lost
        return _as_sent(reply)


def _as_sent(reply: TenantReply) -> Reply:
    content = b"" if reply.body is None else json.dumps(reply.body).encode()
    return Reply(status=reply.status, content=content, retry_after=reply.headers.get("Retry-After"))


def _refused(no: GraphRefusal) -> Reply:
    error = {"error": {"code": no.code, "message": no.message}}
    return Reply(status=no.status, content=json.dumps(error).encode(), retry_after=no.headers.get("Retry-After"))


def _dollars(query: Mapping[str, str] | None) -> dict[str, str]:
    return {f"${name}": value for name, value in (query or {}).items()}
