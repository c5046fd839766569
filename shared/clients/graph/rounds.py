"""Lists and delta rounds one page at a time, so that a sweep can stop after any page and go on from its link.

Source: "Use delta query to track changes in Microsoft Graph data": pages may be empty, rows may come twice and in any order;
a token lives seven days, and a round that cannot go on is answered with 410 or a code such as syncStateNotFound.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from shared.clients.graph.answers import Reply, json_object
from shared.clients.graph.transport import Query, Transport
from shared.clients.graph.values import Json, rows, text
from shared.domain.pages import Page
from shared.errors import ResyncNeeded, RetryLater, Unexpected

if TYPE_CHECKING:  # see connection.py
    from kiota_abstractions.base_request_builder import BaseRequestBuilder

T = TypeVar("T")

PAGE_SIZE = 999
FROM_NOW_ON = {"$deltatoken": "latest"}
"""A round without rows, whose link then tells what changed since; not documented for devices, so a 400 begins a whole round."""

_GONE = frozenset({400, 404, 410})
"""A link that is refused like this is never good again."""


async def list_page(
    transport: Transport,
    operation: str,
    builder: "BaseRequestBuilder",
    query: Query,
    link: str | None,
    read: Callable[[Json], tuple[T, ...]],
) -> Page[T]:
    """One page of a list. Raises ResyncNeeded for a link that is not good any more; else RetryLater, AccessDenied, Unexpected."""
    if link is not None:
        return _page(transport, operation, await _followed(transport, operation, link), read)
    return _page(transport, operation, await transport.ask(operation, builder, query), read)


async def delta_page(
    transport: Transport,
    operation: str,
    builder: "BaseRequestBuilder",
    query: Query,
    link: str | None,
    read: Callable[[Json], tuple[T, ...]],
) -> Page[T]:
    """One page of a delta round; None begins one from now on. Raises what ``list_page`` raises."""
    if link is not None:
        reply = await _followed(transport, operation, link)
    else:
        reply = await _begun(transport, operation, builder, query, FROM_NOW_ON)
        if reply.status == 400:
            reply = await _begun(transport, operation, builder, query, {})
    page = _page(transport, operation, reply, read)
    if (page.next_link is None) is (page.delta_link is None):
        raise RetryLater(f"{operation}: Graph answered without exactly one of nextLink and deltaLink")
    return page


async def _begun(
    transport: Transport, operation: str, builder: "BaseRequestBuilder", query: Query, raw: Mapping[str, str]
) -> Reply:
    return await transport.ask(operation, builder, query, raw=raw, page_size=PAGE_SIZE)


async def _followed(transport: Transport, operation: str, link: str) -> Reply:
    if not transport.holds(link):
        raise ResyncNeeded(f"{operation}: the link that was kept leads to another host")
    reply = await transport.follow(operation, link, page_size=PAGE_SIZE)
    if reply.status in _GONE:
        raise ResyncNeeded(f"{operation}: Graph answered {reply.status} to the link that was kept")
    return reply


def _page(transport: Transport, operation: str, reply: Reply, read: Callable[[Json], tuple[T, ...]]) -> Page[T]:
    if reply.status == 410:
        raise ResyncNeeded(f"{operation}: Graph answered 410")
    if not reply.ok:
        raise transport.failure(reply, operation)
    body = json_object(reply, operation)
    if not isinstance(body.get("value"), list):
        raise RetryLater(f"{operation}: Graph answered without a list")
    links = [text(body, f"@odata.{name}") or None for name in ("nextLink", "deltaLink")]
    if any(link is not None and not transport.holds(link) for link in links):
        raise Unexpected(f"{operation}: the next page is on another host")
    found = tuple([each for row in rows(body, "value") for each in read(row)])
    return Page(rows=found, next_link=links[0], delta_link=links[1])
