"""The JSON API for what was set aside, under /api/v1/parked: look, replay (mended if need be), discard."""

import json

import azure.functions as func

from handlers.answers import Json, act, need_own_header, query_of, show
from handlers.bodies import ListParked, Replay, SayWhy, read
from shared.bootstrap import services
from shared.operate.principals import Principal, Role


async def list_parked(request: func.HttpRequest) -> func.HttpResponse:
    """GET parked?source=...&settled=true&after=...: messages that could not be used, oldest first, 50 to a page."""

    async def list_them(_: Principal) -> Json:
        asked = read(ListParked, query_of(request))
        return await services().tend_parked.list(
            source=asked.source, after=asked.after, settled=asked.settled == "true"
        )

    return await show(request, list_them)


async def show_parked(request: func.HttpRequest) -> func.HttpResponse:
    """GET parked/{id}: one of them, with its body."""
    return await show(request, lambda _: services().tend_parked.show(_parked_id(request)))


async def replay_parked(request: func.HttpRequest) -> func.HttpResponse:
    """POST parked/{id}/replay {"body": ...}: the body, a text or a JSON object, only if it had to be mended."""

    async def replay(who: Principal, said: Replay) -> Json:
        need_own_header(request)
        body = json.dumps(said.body) if isinstance(said.body, dict) else said.body
        return await services().tend_parked.replay(_parked_id(request), body=body, who=who)

    return await act(request, Role.OPERATOR, Replay, replay)


async def discard_parked(request: func.HttpRequest) -> func.HttpResponse:
    """POST parked/{id}/discard {"why": ...}."""

    async def discard(who: Principal, said: SayWhy) -> Json:
        need_own_header(request)
        return await services().tend_parked.discard(_parked_id(request), who=who, why=said.why)

    return await act(request, Role.OPERATOR, SayWhy, discard)


def _parked_id(request: func.HttpRequest) -> str:
    return request.route_params.get("parked_id", "")
