"""The HTTP trigger: routes, access keys, body limit; the host's own routes under /admin are in admin.py."""

import hmac
import re
from collections.abc import Mapping, Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from local.host.app import Function, HttpTrigger
from local.host.bindings import http_argument
from local.host.invocations import Invoker

BODY_LIMIT_BYTES = 104_857_600
_BODYLESS_STATUSES = (204, 304)
_LITERAL, _PARAMETER, _CATCH_ALL = range(3)


class FunctionRoute(BaseRoute):
    """One HTTP function at its route, as ASP.NET routes it: any case, a trailing slash is ignored.

    A known route with another method is not found (404), as in the real host (azure-functions-host issue
    10098); there is no HEAD for a function that only takes GET (issue 11625).
    """

    def __init__(
        self,
        function: Function,
        trigger: HttpTrigger,
        *,
        prefix: str,
        key: str,
        body_limit_bytes: int,
        invoker: Invoker,
    ) -> None:
        self.template = "/".join(part for part in (prefix, trigger.route) if part)
        self._function = function
        self._trigger = trigger
        self._key = key
        self._body_limit_bytes = body_limit_bytes
        self._invoker = invoker
        self._pattern, self._names = _compile(self.template)

    @property
    def precedence(self) -> list[int]:
        """Sorts routes: literals before parameters before a catch-all, segment by segment."""
        return [_kind(segment) for segment in self.template.split("/")]

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """FULL when path and method fit, else NONE; never PARTIAL."""
        found = self._pattern.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if found is None or (self._trigger.methods and scope["method"] not in self._trigger.methods):
            return Match.NONE, {}
        values = zip(self._names, found.groups(), strict=True)
        return Match.FULL, {"path_params": {name: value for name, value in values if value}}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request: 401, 413, 500 (all without a body), or what the function returned."""
        with self._invoker.tally.busy():
            response = await self._answer(Request(scope, receive))
            await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if self._trigger.auth_level != "ANONYMOUS" and not has_key(request, self._key):
            return Response(status_code=401)
        body = await _read(request, self._body_limit_bytes)
        if body is None:
            return Response(status_code=413)
        argument = http_argument(
            method=request.method,
            url=str(request.url.replace(path=request.scope["raw_path"].decode("ascii"))),
            headers=_joined(request.headers.items()),
            query=_joined(request.query_params.multi_items()),
            route=request.path_params,
            body=body,
        )
        try:
            answer = await self._invoker.call(self._function, lambda: argument)
        except Exception:  # already counted and logged
            answer = None
        if answer is None:
            return Response(status_code=500)
        response = Response(b"" if answer.status in _BODYLESS_STATUSES else answer.body, status_code=answer.status)
        for name, value in answer.headers:
            response.headers.append(name, value)
        return response


def http_app(routes: Sequence[FunctionRoute], own: Sequence[BaseRoute]) -> Starlette:
    """The ASGI app of the functions and the host's own routes; anything unknown is a 404 without a body."""

    async def not_found(_request: Request, _error: Exception) -> Response:
        return Response(status_code=404)

    ordered = sorted(routes, key=lambda route: route.precedence)
    app = Starlette(routes=[*own, *ordered], exception_handlers={404: not_found, 405: not_found})
    app.router.redirect_slashes = False
    return app


def has_key(request: Request, key: str) -> bool:
    """Whether the request carries the key, in `x-functions-key` or `?code=`."""
    given = request.headers.get("x-functions-key") or request.query_params.get("code") or ""
    return hmac.compare_digest(given.encode(), key.encode())


def body_limit(environ: Mapping[str, str]) -> int:
    """Largest request body in bytes: FUNCTIONS_REQUEST_BODY_SIZE_LIMIT, or 100 MiB."""
    return int(environ.get("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT") or BODY_LIMIT_BYTES)


async def _read(request: Request, limit_bytes: int) -> bytes | None:
    """The body, or None when it is larger than allowed."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit_bytes:
            return None
    return bytes(body)


def _joined(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Repeated names as one, values joined by a comma, as the host hands them to the worker."""
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _kind(segment: str) -> int:
    if segment.startswith("{*"):
        return _CATCH_ALL
    return _PARAMETER if "{" in segment else _LITERAL


def _compile(template: str) -> tuple[re.Pattern[str], list[str]]:
    """A route template as a pattern and the names of its groups. Constraints (`{id:guid}`) are dropped."""
    pattern = ""
    names: list[str] = []
    for segment in filter(None, template.split("/")):
        text = ""
        optional = False
        for literal, star, name, rest in re.findall(r"([^{}]+)|\{(\**)([^}:=?*]+)([^}]*)\}", segment):
            if literal:
                text += re.escape(literal)
                continue
            names.append(name)
            optional = optional or bool(star) or rest.endswith("?") or "=" in rest
            text += "(.*)" if star else "([^/]+?)"
        pattern += f"(?:/{text})?" if optional else f"/{text}"
    return re.compile(f"{pattern}/?", re.IGNORECASE), names
