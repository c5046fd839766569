"""How the API reads requests and writes answers: who calls, what they saw, JSON, and problem documents (RFC 9457).

A page of another site can make a signed-in browser send a form; it cannot make it send ``application/json``, ``If-Match``
or a header of ours. So every POST needs the first and one of the others.
"""

import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import azure.functions as func

from handlers.bodies import M, read
from handlers.sign_in import principal_of
from shared.errors import BadInput, Changed, HandoverError, RetryLater
from shared.operate.principals import NotAllowed, NotSignedIn, Principal, Role
from shared.operate.refusals import NoSuchCase, NothingParked, NotNow, NotReplayable, Stale

log = logging.getLogger(__name__)

Json = dict[str, Any]
REQUEST_HEADER = "x-handover-request"
"""Any value: this request was made by a program of ours, not by another site's form."""
_FOREIGN = ("cross-site", "same-site")
_VERSION = re.compile(r'(?:W/)?"(\d{1,9})"', re.ASCII)


class NotJson(HandoverError):
    """The body is said to be something else than JSON."""


class NothingSeen(HandoverError):
    """A POST without If-Match, where one is needed: what did the caller look at?"""


async def show(
    request: func.HttpRequest,
    use_case: Callable[[Principal], Awaitable[Json]],
    *,
    etag: Callable[[Json], str] | None = None,
) -> func.HttpResponse:
    """Answer a GET of somebody who may read."""

    async def respond() -> func.HttpResponse:
        who = caller(request)
        who.must(Role.READER)
        document = await use_case(who)
        return answer_json(200, document, headers={} if etag is None else {"ETag": etag(document)})

    return await answer_with(respond)


async def act(
    request: func.HttpRequest, role: Role, model: type[M], use_case: Callable[[Principal, M], Awaitable[Json]]
) -> func.HttpResponse:
    """Answer a POST of somebody who holds the role; ``use_case`` gets them and what the body says."""

    async def respond() -> func.HttpResponse:
        who = caller(request)
        who.must(role)
        return answer_json(200, await use_case(who, read(model, fields_of(request))))

    return await answer_with(respond)


async def answer_with(respond: Callable[[], Awaitable[func.HttpResponse]]) -> func.HttpResponse:
    """The response, or a problem document when it could not be made."""
    try:
        return await respond()
    except NotSignedIn as error:
        return problem(401, "Not signed in", str(error), {"WWW-Authenticate": "Bearer"})
    except NotAllowed as error:
        return problem(403, "Not allowed", str(error))
    except BadInput as error:
        return problem(400, "Bad request", str(error))
    except (NoSuchCase, NothingParked) as error:
        return problem(404, "Not found", str(error))
    except Stale as error:
        return problem(412, "Not what you saw", str(error))
    except NotJson as error:
        return problem(415, "Not JSON", str(error))
    except NothingSeen as error:
        return problem(428, "What did you see?", str(error))
    except (NotNow, NotReplayable, Changed) as error:
        return problem(409, "Not possible now", str(error))
    except RetryLater:
        return problem(503, "Try again later", "Storage or Microsoft Graph is not available.", {"Retry-After": "30"})
    except HandoverError as error:
        log.error("api.failed", exc_info=error)
        return problem(500, "Not possible", "Handover cannot do this; its log says why.")


def caller(request: func.HttpRequest) -> Principal:
    """Who calls. Raises NotSignedIn."""
    return principal_of(headers_of(request))


def seen_version(request: func.HttpRequest) -> int:
    """The version of the case that the caller looked at, from If-Match. Raises NothingSeen, and BadInput for another form."""
    given = headers_of(request).get("if-match", "").strip()
    if not given:
        raise NothingSeen("Look at the case first and send its ETag as If-Match, so that you act on what you saw.")
    if (match := _VERSION.fullmatch(given)) is None:
        raise BadInput('If-Match must be the ETag of the case, such as "7"')
    return int(match[1])


def need_own_header(request: func.HttpRequest) -> None:
    """Where nothing is there to be matched, a header that no form can send. Raises NothingSeen."""
    if not headers_of(request).get(REQUEST_HEADER):
        raise NothingSeen(f"Send the header {REQUEST_HEADER}: 1, which no page of another site can.")


def etag_of(version: int) -> str:
    """The ETag of a case with this version."""
    return f'"{version}"'


def headers_of(request: func.HttpRequest) -> Mapping[str, str]:
    """The headers, whatever case their names are asked for in."""
    return cast("Mapping[str, str]", request.headers)


def query_of(request: func.HttpRequest) -> Mapping[str, str]:
    """The query."""
    return cast("Mapping[str, str]", request.params)


def fields_of(request: func.HttpRequest) -> Mapping[str, object]:
    """The fields of a JSON body. Raises NotJson, BadInput, and NotAllowed for a browser that another site sent."""
    headers = headers_of(request)
    if headers.get("sec-fetch-site", "").strip().lower() in _FOREIGN:
        raise NotAllowed("This request was made by a page of another site.")
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise NotJson("Send application/json.")
    try:
        document: object = request.get_json()
    except (ValueError, RecursionError) as error:
        raise BadInput("the body is not JSON") from error
    if not isinstance(document, dict):
        raise BadInput("the body is not a JSON object")
    return cast("dict[str, object]", document)


def answer_json(
    status: int, document: Json, kind: str = "application/json", headers: Mapping[str, str] | None = None
) -> func.HttpResponse:
    """A JSON answer, which no cache keeps."""
    return func.HttpResponse(
        json.dumps(document),
        status_code=status,
        mimetype=kind,
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **(headers or {})},
    )


def problem(status: int, title: str, detail: str, headers: Mapping[str, str] | None = None) -> func.HttpResponse:
    """A problem document."""
    document: Json = {"status": status, "title": title, "detail": detail}
    return answer_json(status, document, "application/problem+json", headers)
