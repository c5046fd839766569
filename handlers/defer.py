"""The page behind the link in an owner's mail. GET shows, POST puts the wipe off: mail scanners follow links.

Anybody can call it, so a code that does not fit costs one read of one row at most, and every such code is answered alike.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import azure.functions as func

from shared.bootstrap import services
from shared.errors import Changed, HandoverError

if TYPE_CHECKING:  # handlers are imported with the app, use cases when they are asked for
    from shared.operate.defer import Offer

log = logging.getLogger(__name__)

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}


async def show(request: func.HttpRequest) -> func.HttpResponse:
    """200 with what can be done, 404 for a link that is not valid, 503 when nothing can be read."""
    return await _answer(services().defer.offer, request, _shown)


async def put_off(request: func.HttpRequest) -> func.HttpResponse:
    """303 to the page, which then says what is so; 404 and 503 as above."""
    # to be seen by GET, so that a reload does not put it off once more
    back = {
        **_HEADERS,
        "Location": f"/api/defer/{request.route_params.get('case_id')}/{request.route_params.get('code')}",
    }
    return await _answer(services().defer.put_off, request, lambda _: func.HttpResponse(status_code=303, headers=back))


async def _answer(
    use_case: "Callable[[str, str], Awaitable[Offer | None]]",
    request: func.HttpRequest,
    respond: "Callable[[Offer], func.HttpResponse]",
) -> func.HttpResponse:
    try:
        offer = await use_case(request.route_params.get("case_id", ""), request.route_params.get("code", ""))
    except Changed:
        return _page(503, services().pages.try_again_later())
    except HandoverError as error:
        log.error("defer.failed", exc_info=error)
        return _page(503, services().pages.try_again_later())
    return _page(404, services().pages.no_such_link()) if offer is None else respond(offer)


def _shown(offer: "Offer") -> func.HttpResponse:
    page = services().pages.deferral(
        device=offer.device, possible=offer.possible, waits_until=offer.waits_until, left=offer.left
    )
    return _page(200, page)


def _page(status: int, page: str) -> func.HttpResponse:
    return func.HttpResponse(page, status_code=status, mimetype="text/html", charset="utf-8", headers=_HEADERS)
