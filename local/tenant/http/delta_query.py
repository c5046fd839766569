"""Delta queries on the wire: tokens in, one page of changes out."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from local.tenant.http.request import GraphRequest, Reply
from local.tenant.http.shape import Shape
from local.tenant.http.wire import Json
from local.tenant.model.change_log import ChangeLog

T = TypeVar("T")
_DEFAULT_SIZE = 200
_LARGEST_SIZE = 999


def changes(
    request: GraphRequest,
    log: ChangeLog[T],
    shape: Shape[T],
    collection: str,
    extra: Callable[[T], dict[str, Json]] | None = None,
) -> Reply:
    """The page of changes that the request asks for. ``extra`` adds what is no property, such as members@delta."""
    token = request.query.raw.get("$skiptoken") or request.query.raw.get("$deltatoken")
    latest = token == "latest"
    shape.selected(request)
    page = log.delta(None if latest else token, latest=latest, select=request.query.select, size=_size(request))
    render = shape.renderer(replace(request, query=replace(request.query, select=page.select)))
    rows: list[Json] = []
    for row in page.rows:
        if row.record is None:
            rows.append({"id": row.id, "@removed": {"reason": "changed"}})
        else:
            rows.append(render(row.record) | ({} if extra is None else extra(row.record)))
    here = f"{request.base}{request.url_path}"
    body: dict[str, Json] = {"@odata.context": request.context(collection)}
    if page.next_token is not None:
        body["@odata.nextLink"] = f"{here}?$skiptoken={page.next_token}"
    else:
        body["@odata.deltaLink"] = f"{here}?$deltatoken={page.delta_token}"
    return Reply(body=body | {"value": rows})


def _size(request: GraphRequest) -> int:
    """What ``Prefer: odata.maxpagesize`` asks for, up to the largest page there is."""
    _, found, asked = request.headers.get("prefer", "").partition("odata.maxpagesize=")
    digits = asked.partition(",")[0].strip()
    return min(int(digits), _LARGEST_SIZE) if found and digits.isdigit() and int(digits) > 0 else _DEFAULT_SIZE
