"""The simulated tenant without a wire: the product's own Graph clients over the tenant's own endpoints, in one process.

It takes the place of ``shared.clients.graph.transport.Transport`` only: paths, queries, bodies, refusals and their
meaning are the real ones on both sides.
"""

import copy
import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Never, Protocol
from urllib.parse import parse_qsl, urlsplit

from pydantic_core import to_json

from local.tenant.http.app import endpoints
from local.tenant.http.query import Query, read_query
from local.tenant.http.request import Endpoint, GraphRequest
from local.tenant.http.request import Reply as TenantReply
from local.tenant.http.wire import Version
from local.tenant.model.gate import Call, Caller
from local.tenant.model.operations import Operation
from local.tenant.model.refusal import AnswerLost, GraphRefusal
from local.tenant.model.tenant import TenantModel
from shared.clients.graph.answers import Reply
from shared.clients.graph.transport import Transport
from shared.clients.graph.values import Json
from shared.errors import RetryLater
from shared.ports import Clock
from tests.safety.accidents import Accidents, Io

BASE = "https://graph.invalid"
CALLER = Caller()


class Onlooker(Protocol):
    """Hears of what the product asks of the tenant."""

    def asked(self, operation: str, segments: tuple[str, ...]) -> None:
        """A request was answered."""
        ...

    def posted(self, managed_device_id: str, code: str | None) -> None:
        """A wipe arrives, with an administrator's code if it has one."""
        ...

    def read_groups(self, *, readable: bool) -> None:
        """The groups of an owner or a device were asked for."""
        ...


def _kind(endpoint: Endpoint) -> str:
    if endpoint.operation in (Operation.CHECK_MEMBER_GROUPS, Operation.CHECK_DEVICE_GROUPS):
        return "graph.groups"
    if endpoint.operation is Operation.WIPE:
        return "graph.wipe"
    return "graph.read" if endpoint.method == "GET" else "graph.write"


class Path:
    """What stands in for msgraph's request builders: attributes become segments, ``by_..._id`` an id."""

    def __init__(self, version: Version, segments: tuple[str, ...] = ()) -> None:
        self._version: Version = version
        self._segments = segments

    def __getattr__(self, name: str) -> Any:
        """Called once for each name: the path that follows is kept as an attribute, but for those with an id."""
        if name.startswith("by_"):
            return self._with
        following = self._with(_camel(name))
        self.__dict__[name] = following
        return following

    def _with(self, segment: str) -> "Path":
        return Path(self._version, (*self._segments, segment))

    @property
    def parts(self) -> tuple[Version, tuple[str, ...]]:
        """Version and segments."""
        return self._version, self._segments


V1 = Path("v1.0")


@functools.cache  # the few that the product asks for
def _beta(path: str) -> Path:
    return Path("beta", tuple(path.split("/")))


@functools.cache  # the names of msgraph's builders that the product uses
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One endpoint: what kind of I/O it is, and where in its path which parameters are."""

    endpoint: Endpoint
    kind: str
    parameters: tuple[tuple[str, int], ...]
    call: Call
    """What the gate hears of a request that names nobody."""

    def values(self, path: tuple[str, ...]) -> dict[str, str]:
        """The parameters of a path that leads here."""
        return {name: path[at] for name, at in self.parameters}


class Routes:
    """Finds the endpoint of a path. What is written out goes before a parameter, as it does in the table."""

    def __init__(self, table: Iterable[Endpoint]) -> None:
        self._routes: dict[tuple[str, Version, tuple[str, ...]], Route] = {}
        places: dict[int, set[tuple[int, ...]]] = {}
        for endpoint in table:
            segments = endpoint.path.strip("/").split("/")
            parameters = tuple((part[1:-1], at) for at, part in enumerate(segments) if part.startswith("{"))
            places.setdefault(len(segments), set()).add(tuple(at for _, at in parameters))
            call = Call(operation=endpoint.operation, caller=CALLER, writes=endpoint.method != "GET")
            route = Route(endpoint=endpoint, kind=_kind(endpoint), parameters=parameters, call=call)
            for version in endpoint.versions:
                self._routes.setdefault((endpoint.method, version, _blank(segments, route.parameters)), route)
        self._places = {length: sorted(each, key=len) for length, each in places.items()}
        """Where parameters may be in a path of so many segments."""

    def find(self, method: str, version: Version, path: tuple[str, ...]) -> Route | None:
        """The first endpoint that the path may mean."""
        for places in self._places.get(len(path), ()):
            pattern = path if not places else tuple(["" if at in places else part for at, part in enumerate(path)])
            route = self._routes.get((method, version, pattern))
            if route is not None:
                return route
        return None


def _blank(segments: Sequence[str], parameters: tuple[tuple[str, int], ...]) -> tuple[str, ...]:
    """The path without what is different each time."""
    places = {at for _, at in parameters}
    return tuple("" if at in places else part for at, part in enumerate(segments))


@functools.cache
def routes() -> Routes:
    """The same for every tenant."""
    return Routes(endpoints())


@functools.lru_cache(maxsize=4096)  # within one history the same few paths are asked for again and again
def _route(method: str, version: Version, path: tuple[str, ...]) -> Route | None:
    return routes().find(method, version, path)


class InProcessTransport(Transport):
    """Transport over a tenant in memory: all but what goes over a wire is the product's own."""

    def __init__(
        self,
        model: TenantModel,
        clock: Clock,
        accidents: Accidents,
        onlooker: Onlooker,
    ) -> None:
        super().__init__(_never_opened, clock, _nobody_counts)
        self._model = model
        self._onlooker = onlooker
        self._accidents = accidents

    def with_clock(self, clock: Clock) -> "InProcessTransport":
        """The same for an instance with another clock."""
        other = copy.copy(self)
        other._clock = clock
        return other

    @property
    def v1(self) -> Any:
        """Paths of v1.0."""
        return V1

    def beta(self, path: str, **parameters: str) -> Any:
        """A path of beta, in which ``{name}`` stands for a parameter."""
        if not parameters:
            return _beta(path)
        segments = (parameters.get(part[1:-1], part) if part[:1] == "{" else part for part in path.split("/"))
        return Path("beta", tuple(segments))

    async def prepare(self, method: str, builder: Any, body: Json, headers: Mapping[str, str]) -> Any:
        """A request, ready to go."""
        await self._accidents.before(Io(kind="token", name="token"))
        request: Request = self._request(method, builder, body=body)
        return replace(request, headers=dict(headers))

    async def ask(
        self,
        operation: str,
        builder: Any,
        query: Mapping[str, str] | None = None,
        *,
        raw: Mapping[str, str] | None = None,
        page_size: int | None = None,
    ) -> Reply:
        """One GET, its answer not judged."""
        request: Request = self._request("GET", builder, query)
        return await self._exchange(operation, replace(request, query={**request.query, **(raw or {})}))

    async def follow(self, operation: str, link: str, *, page_size: int | None = None) -> Reply:
        """GET what a link of Graph's leads to."""
        return await self._exchange(operation, self._next(operation, link))

    def holds(self, link: str) -> bool:
        """Whether the link leads to this very Graph."""
        return link.startswith(f"{BASE}/")

    async def send_once(self, operation: str, request: Any) -> Reply:
        """Send a prepared request; a lost answer raises ConnectionError."""
        return await self._answer(operation, request)

    def _request(
        self, method: str, builder: Any, query: Mapping[str, str] | None = None, body: Json | None = None
    ) -> Any:
        options = {f"${name}": value for name, value in (query or {}).items()}
        content = b"" if body is None else json.dumps(body).encode()
        return Request(method=method, path=builder, query=options, content=content)

    def _next(self, operation: str, next_link: str) -> Any:
        parts = urlsplit(next_link)
        version, *segments = parts.path.strip("/").split("/")
        assert version in ("v1.0", "beta"), next_link
        path = Path(version, tuple(segments))
        return Request(method="GET", path=path, query=dict(parse_qsl(parts.query)), content=b"")

    async def _exchange(self, operation: str, request: Any) -> Reply:
        try:
            return await self._answer(operation, request)
        except ConnectionError as lost:
            raise RetryLater(f"{operation}: {lost}") from lost

    async def _answer(self, operation: str, request: Request) -> Reply:
        version, segments = request.path.parts
        route = _route(request.method, version, segments)
        assert route is not None, f"the tenant has no {request.method} {version}/{'/'.join(segments)}"
        kind = route.kind
        io = Io(kind=kind, name=operation)
        if (instead := await self._accidents.before(io)) is not None:
            if kind == "graph.groups":
                self._onlooker.read_groups(readable=False)
            return instead
        if kind == "graph.groups":
            self._onlooker.read_groups(readable=True)
        if kind == "graph.wipe":
            self._onlooker.posted(segments[-2], request.headers.get("x-msft-approval-code"))
        reply = self._apply(route, request)
        self._onlooker.asked(operation, segments)
        if (instead := await self._accidents.after(io)) is not None:
            return instead
        return reply

    def _apply(self, route: Route, request: Request) -> Reply:
        endpoint, (version, segments) = route.endpoint, request.path.parts
        graph = GraphRequest(
            tenant=self._model,
            operation=endpoint.operation,
            version=version,
            path=route.values(segments),
            query=_query(tuple(request.query.items())),
            headers=request.headers,
            caller=CALLER,
            base=BASE,
            url_path=f"/{version}/{'/'.join(segments)}",
            content=request.content,
        )
        about = endpoint.about(graph)
        call = route.call
        if about:
            call = Call(operation=call.operation, caller=call.caller, about=about, writes=call.writes)
        try:
            reply = self._model.gate.perform(call, lambda: endpoint.handle(graph))
        except GraphRefusal as no:
            return _refused(no)
        except AnswerLost as lost:
            raise ConnectionError("the answer was lost") from lost
        return _as_sent(reply)


@functools.lru_cache(maxsize=512)  # the product asks the same few questions again and again
def _query(options: tuple[tuple[str, str], ...]) -> Query:
    return read_query(dict(options))


def _as_sent(reply: TenantReply) -> Reply:
    content = b"" if reply.body is None else to_json(reply.body)
    return Reply(status=reply.status, content=content, retry_after=reply.headers.get("Retry-After"))


def _refused(no: GraphRefusal) -> Reply:
    error = {"error": {"code": no.code, "message": no.message}}
    return Reply(
        status=no.status,
        content=to_json(error),
        retry_after=no.headers.get("Retry-After"),
        approval_code=no.headers.get("x-msft-approval-code"),
    )


def _never_opened() -> Never:
    raise AssertionError("nothing goes over a wire here")


def _nobody_counts(_operation: str, _status: int) -> None:
    """The tenant counts by itself."""
