"""Turns HTTP requests into requests of the model, and what comes of them into answers."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from local.tenant.http.answers import Dropped, answer, refuse
from local.tenant.http.identity import Identities
from local.tenant.http.query import read_query
from local.tenant.http.request import Endpoint, GraphRequest, Validate
from local.tenant.http.wire import Version
from local.tenant.model.faults import FaultKind
from local.tenant.model.gate import Admitted, Call
from local.tenant.model.refusal import AnswerLost, GraphRefusal
from local.tenant.model.tenant import TenantModel


class Front:
    """The door of the tenant."""

    def __init__(self, model: TenantModel, identities: Identities, validate: Validate) -> None:
        self._model = model
        self._identities = identities
        self._validate = validate

    def serve(self, version: Version, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        """The handler of one endpoint."""

        async def serve(request: Request) -> Response:
            try:
                graph = await self._understood(request, version, endpoint)
            except GraphRefusal as refusal:
                self._model.gate.refused_at_the_door(refusal.status)
                return refuse(request, refusal, self._model.clock.now())
            return await self._apply(request, graph, endpoint)

        return serve

    async def unknown(self, request: Request) -> Response:
        """A path that the tenant does not know."""
        self._model.counts.unknown_paths += 1
        self._model.gate.refused_at_the_door(404)
        refusal = GraphRefusal(
            status=404, code="BadRequest", message=f"Resource not found for the segment '{request.url.path}'."
        )
        return refuse(request, refusal, self._model.clock.now())

    async def _understood(self, request: Request, version: Version, endpoint: Endpoint) -> GraphRequest:
        caller = self._identities.caller(request.headers.get("authorization"))
        return GraphRequest(
            tenant=self._model,
            operation=endpoint.operation,
            version=version,
            path={name: str(value) for name, value in request.path_params.items()},
            query=read_query(dict(request.query_params)),
            headers=dict(request.headers),
            caller=caller,
            base=str(request.base_url).rstrip("/"),
            url_path=request.url.path,
            content=await request.body(),
        )

    async def _apply(self, request: Request, graph: GraphRequest, endpoint: Endpoint) -> Response:
        gate = self._model.gate
        call = Call(
            operation=endpoint.operation,
            caller=graph.caller,
            about=endpoint.about(graph),
            writes=endpoint.method != "GET",
        )
        admitted = gate.admit(call)
        await _slowness(admitted, "before")
        if endpoint.prepare is not None and gate.refusal_before(admitted) is None:
            await endpoint.prepare(graph, self._validate)
        try:
            reply = gate.run(admitted, lambda: endpoint.handle(graph))
        except GraphRefusal as refusal:
            response = refuse(request, refusal, self._model.clock.now())
        except AnswerLost:
            response = Dropped()
        else:
            response = answer(request, reply, self._model.clock.now())
        await _slowness(admitted, "after")
        return response


async def _slowness(admitted: Admitted, when: str) -> None:
    """The real seconds that slow faults take, before or after the request is applied."""
    slow = (fault.duration for fault in admitted.faults if fault.kind is FaultKind.SLOW and fault.when == when)
    seconds = sum(duration.total_seconds() for duration in slow)
    if seconds:
        await asyncio.sleep(seconds)
