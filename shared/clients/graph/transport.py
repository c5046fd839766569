"""Sends requests to Graph and judges the answers: natively, without kiota's middleware, models or retries."""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from shared.clients.graph.answers import APPROVAL_CODE, Reply, json_object, refusal, write_answer
from shared.clients.graph.faults import as_ours
from shared.clients.graph.values import Json, rows, text
from shared.domain.effects import Answer
from shared.domain.facts import MISSING, Missing
from shared.errors import HandoverError, RetryLater, Unexpected
from shared.ports import Clock

if TYPE_CHECKING:  # see connection.py
    import httpx
    from kiota_abstractions.base_request_builder import BaseRequestBuilder
    from kiota_abstractions.request_information import RequestInformation
    from msgraph.graph_service_client import GraphServiceClient

    from shared.clients.graph.connection import Connection

OnRequest = Callable[[str, int], None]
"""Told the operation and the status of each request; 0 when there was no answer."""

Query = Mapping[str, str]
"""OData options without their dollar: ``{"select": "id,userId", "filter": "..."}``."""

MOST_PAGES = 1000
_UNQUOTED = ",'()"
"""What may stand in a query as it is, and makes our requests readable in a log."""
_CLAIMS = re.compile(r'bearer\b.*?\bclaims="([^"]+)"', re.IGNORECASE)
"""In the WWW-Authenticate of a 401, when access was evaluated anew (continuous access evaluation)."""


class Transport:
    """One tenant's Graph, opened at the first request. Nothing is repeated, save when a 401 wants claims."""

    def __init__(self, open_connection: "Callable[[], Connection]", clock: Clock, on_request: OnRequest) -> None:
        self._open = open_connection
        self._clock = clock
        self._on_request = on_request
        self._connection: Connection | None = None

    @property
    def v1(self) -> "GraphServiceClient":
        """msgraph's request builders for v1.0."""
        return self._connected().v1

    def beta(self, path: str, **parameters: str) -> "BaseRequestBuilder":
        """A request builder for a path of beta, in which ``{name}`` stands for the parameter of that name."""
        from kiota_abstractions.base_request_builder import BaseRequestBuilder

        connection = self._connected()
        template = "{+beta}/" + path
        return BaseRequestBuilder(
            connection.adapter, template, {"beta": f"{connection.endpoint.url}/beta", **parameters}
        )

    def v1_url(self, path: str) -> str:
        """The whole address of something in v1.0, for a body that refers to it."""
        return f"{self._connected().endpoint.url}/v1.0/{path}"

    async def read(self, operation: str, builder: "BaseRequestBuilder", query: Query | None = None) -> Json | Missing:
        """GET one thing; MISSING on 404. Raises RetryLater, AccessDenied or Unexpected."""
        return await self._get(operation, self._request("GET", builder, query))

    async def pages(
        self,
        operation: str,
        builder: "BaseRequestBuilder",
        query: Query | None = None,
        *,
        most: int = MOST_PAGES,
        missing_is_empty: bool = False,
    ) -> AsyncIterator[tuple[Json, ...]]:
        """GET a list page by page, empty pages included, until Graph names no next one.

        Raises what ``read`` raises, and Unexpected after ``most`` pages, when the next page would take our
        token to another host, and on 404 unless ``missing_is_empty``.
        """
        request = self._request("GET", builder, query)
        for _ in range(most):
            body = await self._get(operation, request)
            if isinstance(body, Missing):
                if missing_is_empty:
                    return
                raise Unexpected(f"{operation}: Graph answered 404 to a list")
            if not isinstance(body.get("value"), list):
                raise RetryLater(f"{operation}: Graph answered without a list")
            yield rows(body, "value")
            if not (next_link := text(body, "@odata.nextLink")):
                return
            request = self._next(operation, next_link)
        raise Unexpected(f"{operation}: more than {most} pages")

    async def ask(
        self,
        operation: str,
        builder: "BaseRequestBuilder",
        query: Query | None = None,
        *,
        raw: Mapping[str, str] | None = None,
        page_size: int | None = None,
    ) -> Reply:
        """One GET, its answer not judged. ``raw`` are options that have no name of OData's. Raises RetryLater or AccessDenied."""
        request = self._request("GET", builder, query)
        for name, value in (raw or {}).items():
            request.url += f"{'&' if '?' in request.url else '?'}{name}={quote(value, safe=_UNQUOTED)}"
        return await self._exchange(operation, _sized(request, page_size))

    async def follow(self, operation: str, link: str, *, page_size: int | None = None) -> Reply:
        """GET what a link of Graph's leads to. Raises Unexpected before anything is sent if it leads to another host."""
        return await self._exchange(operation, _sized(self._next(operation, link), page_size))

    def holds(self, link: str) -> bool:
        """Whether our token may go where the link leads: to this very Graph."""
        return self._connected().endpoint.holds(link)

    async def all_rows(
        self,
        operation: str,
        builder: "BaseRequestBuilder",
        query: Query | None = None,
        *,
        most: int = MOST_PAGES,
        missing_is_empty: bool = False,
    ) -> tuple[Json, ...]:
        """Every row of every page. Raises what ``pages`` raises."""
        found: list[Json] = []
        async for page in self.pages(operation, builder, query, most=most, missing_is_empty=missing_is_empty):
            found += page
        return tuple(found)

    async def write(
        self, operation: str, method: str, builder: "BaseRequestBuilder", body: Json | None = None
    ) -> Answer:
        """A write that may be repeated. Raises RetryLater, AccessDenied or Unexpected."""
        reply = await self.send(operation, method, builder, body)
        return write_answer(reply, operation, self._clock.now())

    async def send(self, operation: str, method: str, builder: "BaseRequestBuilder", body: Json | None = None) -> Reply:
        """One request, its answer not judged. Raises RetryLater or AccessDenied when there is none."""
        return await self._exchange(operation, self._request(method, builder, body=body))

    def failure(self, reply: Reply, operation: str) -> HandoverError:
        """The error to raise for a reply that the caller cannot use."""
        return refusal(reply, operation, self._clock.now())

    async def prepare(
        self, method: str, builder: "BaseRequestBuilder", body: Json, headers: Mapping[str, str]
    ) -> "httpx.Request":
        """A request with its token, ready to go. Raises anything; whatever it is, nothing has been sent."""
        request = self._request(method, builder, body=body)
        for name, value in headers.items():
            request.headers.try_add(name, value)
        return await self._connected().adapter.convert_to_native_async(request)

    def now(self) -> datetime:
        """The time by our own clock, UTC."""
        return self._clock.now()

    async def send_once(self, operation: str, request: "httpx.Request") -> Reply:
        """Send a prepared request exactly once, past kiota, which repeats it when a 401 asks for claims.

        Raises httpx's own errors: the caller has to tell what never left from what may have arrived.
        """
        return await self._counted(operation, self._connected().http.send(request))

    async def close(self) -> None:
        """Close what was opened; the next request opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    def _connected(self) -> "Connection":
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    async def _get(self, operation: str, request: "RequestInformation") -> Json | Missing:
        reply = await self._exchange(operation, request)
        if reply.ok:
            return json_object(reply, operation)
        if reply.status == 404:
            return MISSING
        raise refusal(reply, operation, self._clock.now())

    def _request(
        self, method: str, builder: "BaseRequestBuilder", query: Query | None = None, body: Json | None = None
    ) -> "RequestInformation":
        """A builder's request without msgraph's models: they load a thousand modules and add properties."""
        from kiota_abstractions.method import Method
        from kiota_abstractions.request_information import RequestInformation

        path_template = builder.url_template.partition("{?")[0]  # the options of a query are added below
        request = RequestInformation(Method(method), path_template, builder.path_parameters.copy())
        request.headers.try_add("Accept", "application/json")
        if body is not None:
            request.set_stream_content(json.dumps(body).encode(), "application/json")
        self._connected().adapter.set_base_url_for_request_information(request)
        # kiota would encode the "$" of the names, which a middleware that we do not use has to mend.
        options = [f"${name}={quote(value, safe=_UNQUOTED)}" for name, value in (query or {}).items()]
        request.url = request.url + ("?" + "&".join(options) if options else "")
        return request

    def _next(self, operation: str, next_link: str) -> "RequestInformation":
        from kiota_abstractions.method import Method
        from kiota_abstractions.request_information import RequestInformation

        if not self._connected().endpoint.holds(next_link):
            raise Unexpected(f"{operation}: the next page is on another host")
        request = RequestInformation(Method.GET)
        request.url = next_link
        request.headers.try_add("Accept", "application/json")
        return request

    async def _exchange(self, operation: str, request: "RequestInformation") -> Reply:
        try:
            return await self._counted(operation, self._sent(request))
        except Exception as error:
            ours = as_ours(error, operation)
            if ours is None:
                raise
            raise ours from error

    async def _sent(self, request: "RequestInformation") -> "httpx.Response":
        """Past kiota's adapter, whose spans and options cost more than they tell; like it, once more when a 401 wants claims."""
        response = await self._sent_with_token(request, {})
        if response.status_code == 401 and (claims := _CLAIMS.match(response.headers.get("WWW-Authenticate", ""))):
            return await self._sent_with_token(request, {"claims": claims[1]})
        return response

    async def _sent_with_token(self, request: "RequestInformation", context: dict[str, str]) -> "httpx.Response":
        connection = self._connected()
        await connection.provider.authenticate_request(request, context)
        assert request.http_method is not None
        method, headers = request.http_method.value, request.request_headers
        http = connection.http
        return await http.send(http.build_request(method, request.url, headers=headers, content=request.content))

    async def _counted(self, operation: str, sending: "Awaitable[httpx.Response]") -> Reply:
        status = 0
        try:
            response = await sending
            status = response.status_code
            return Reply(
                status=status,
                content=response.content,
                retry_after=response.headers.get("Retry-After"),
                approval_code=response.headers.get(APPROVAL_CODE),
            )
        finally:
            with suppress(Exception):  # counting must never change what happened, least of all to a wipe
                self._on_request(operation, status)


def _sized(request: "RequestInformation", page_size: int | None) -> "RequestInformation":
    """The request with a wish for a page size, which Graph may ignore."""
    if page_size is not None:
        request.headers.try_add("Prefer", f"odata.maxpagesize={page_size}")
    return request
