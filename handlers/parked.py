"""The JSON API for what was set aside, under /api/v1/parked: look, replay (mended if need be), discard."""

import json
from collections.abc import Mapping

import azure.functions as func

from handlers.answers import Json, act, need_own_header, query_of, show, word
from shared.bootstrap import services
from shared.errors import BadInput
from shared.operate.principals import Principal, Role


async def list_parked(request: func.HttpRequest) -> func.HttpResponse:
    """GET parked?source=...&settled=true&after=...: messages that could not be used, oldest first, 50 to a page."""

    async def list_them() -> Json:
        asked = query_of(request)
        settled = asked.get("settled", "false")
        if settled not in ("true", "false"):
            raise BadInput("settled must be true or false")
        return await services().tend_parked.list(
            source=asked.get("source"), after=asked.get("after", ""), settled=settled == "true"
        )

    return await show(request, list_them)


async def show_parked(request: func.HttpRequest) -> func.HttpResponse:
    """GET parked/{id}: one of them, with its body."""
    return await show(request, lambda: services().tend_parked.show(_parked_id(request)))


async def replay_parked(request: func.HttpRequest) -> func.HttpResponse:
    """POST parked/{id}/replay {"body": ...}: the body, a text or a JSON object, only if it had to be mended."""

    async def replay(who: Principal, fields: Mapping[str, object]) -> Json:
        need_own_header(request)
        body = fields.get("body")
        if isinstance(body, dict):
            body = json.dumps(body)
        if body is not None and not isinstance(body, str):
            raise BadInput('"body" must be a text or a JSON object')
        return await services().tend_parked.replay(_parked_id(request), body=body, who=who)

    return await act(request, Role.OPERATOR, replay)


async def discard_parked(request: func.HttpRequest) -> func.HttpResponse:
    """POST parked/{id}/discard {"why": ...}."""

    async def discard(who: Principal, fields: Mapping[str, object]) -> Json:
        need_own_header(request)
        return await services().tend_parked.discard(_parked_id(request), who=who, why=word(fields, "why"))

    return await act(request, Role.OPERATOR, discard)


def _parked_id(request: func.HttpRequest) -> str:
    return request.route_params.get("parked_id", "")
