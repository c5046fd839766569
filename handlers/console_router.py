"""Which page or action an address of the console means, who may have it, and a page for everything that goes wrong."""

import logging
from collections.abc import Sequence

import azure.functions as func

from handlers.answers import headers_of
from handlers.console_actions import ACTIONS
from handlers.console_forms import Forged
from handlers.console_pages import PAGES, Show
from handlers.console_visit import HEADERS, Visit, bare_page, error_page, sign_in_url
from handlers.sign_in import principal_of
from shared.bootstrap import services
from shared.console.assets import assets
from shared.console.plain import sentence
from shared.console.times import Times
from shared.errors import AccessDenied, BadInput, Changed, RetryLater
from shared.operate.principals import NotAllowed, NotSignedIn, Principal, Role
from shared.operate.refusals import NoSuchCase, NothingParked, NotNow, NotReplayable

log = logging.getLogger(__name__)

FOR_EVER = "public, max-age=31536000, immutable"
LONGEST_PATH = 600
DOUBT = " What you asked for may have been done, or not: look before you ask for it again."


async def route(request: func.HttpRequest) -> func.HttpResponse:
    """The answer to any request below /api/console."""
    path = request.route_params.get("path", "").strip("/")
    segments = path.split("/") if path else []
    try:
        if segments[:1] == ["static"]:
            return _asset(request, segments[1:])
        return await _answer(request, path, segments, principal_of(headers_of(request)))
    except NotSignedIn as error:
        return bare_page(401, "Sign in", str(error), sign_in=sign_in_url(path))
    except Exception as error:
        return bare_page(*_in_words(error, asks=request.method == "POST"))


async def _answer(request: func.HttpRequest, path: str, segments: Sequence[str], who: Principal) -> func.HttpResponse:
    """The page, or a page that says why not. Raises what goes wrong before the visitor's frame can be drawn."""
    if not who.may(Role.READER):
        roles = ", ".join(role.value for role in Role)
        return bare_page(403, "No access", f"You are signed in as {who.name}, and have none of the app roles {roles}.")
    now, key = services().clock.now(), await services().console.key.read()
    visit = Visit(request=request, path=path, who=who, times=Times(services().console.time_zone, now), key=key)
    show = _find(request.method, segments) if len(path) <= LONGEST_PATH else None
    if show is None:
        return await error_page(visit, 404, "Not found", "There is no such page.")
    try:
        return await show(visit)
    except Exception as error:
        return await error_page(visit, *_in_words(error, asks=request.method == "POST"))


def _find(method: str, segments: Sequence[str]) -> Show | None:
    for pattern, show in ACTIONS if method == "POST" else PAGES:
        if len(pattern) == len(segments) and all(p in ("*", s) for p, s in zip(pattern, segments, strict=True)):
            return show
    return None


def _in_words(error: Exception, *, asks: bool) -> tuple[int, str, str]:
    """Status, title and text of a page about it; ``asks``: for something to be done. What nobody expected is logged, and
    nothing of it is shown."""
    match error:
        case NotAllowed():
            return 403, "Not allowed", str(error)
        case Forged():
            return 403, "Not from this page", str(error)
        case NoSuchCase() | NothingParked():
            return 404, "Not found", str(error)
        case BadInput():
            return 400, "This cannot be used", sentence(str(error))
        case Changed() | NotNow() | NotReplayable():
            return 409, "Not possible now", str(error)
        case RetryLater():
            return 503, "Try again later", f"Storage or Microsoft Graph is not available.{DOUBT if asks else ''}"
        case AccessDenied():
            log.error("console.failed", exc_info=error)
            return 500, "Not possible", "Handover's identity lacks a permission for this; its log says which."
        case _:
            log.error("console.failed", exc_info=error)
            return 500, "Something went wrong", "Handover cannot show this; its log says why."


def _asset(request: func.HttpRequest, segments: Sequence[str]) -> func.HttpResponse:
    """A file under its name and hash: kept for ever, since another content has another address."""
    asset = assets().get(segments[1]) if len(segments) == 2 else None
    if asset is None or request.method != "GET" or segments[0] != asset.digest:
        return func.HttpResponse(status_code=404, headers=HEADERS)
    tag = f'"{asset.digest}"'
    headers = {**HEADERS, "Cache-Control": FOR_EVER, "ETag": tag}
    if headers_of(request).get("if-none-match") == tag:
        return func.HttpResponse(status_code=304, headers=headers)
    return func.HttpResponse(asset.body, mimetype=asset.kind, charset="utf-8", headers=headers)
