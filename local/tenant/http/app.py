"""The Starlette app: Graph's paths over the endpoints, the identity endpoint, and the simulation's own controls."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local.tenant.http import identity
from local.tenant.http.answers import Dropped, answer, refuse
from local.tenant.http.autopilot import AutopilotEndpoints
from local.tenant.http.autopilot_profiles import AutopilotProfileEndpoints
from local.tenant.http.control import Control
from local.tenant.http.delivery import Deliverer
from local.tenant.http.device_actions import DeviceActionEndpoints
from local.tenant.http.enrolment_configurations import EnrolmentConfigurationEndpoints
from local.tenant.http.entra_devices import EntraDeviceEndpoints
from local.tenant.http.groups import GroupEndpoints
from local.tenant.http.identity import Identities
from local.tenant.http.licences import LicenceEndpoints
from local.tenant.http.mail import MailEndpoints
from local.tenant.http.managed_devices import ManagedDeviceEndpoints
from local.tenant.http.organization import OrganizationEndpoints
from local.tenant.http.query import read_query
from local.tenant.http.request import Endpoint, GraphRequest, Reply
from local.tenant.http.subscriptions import SubscriptionEndpoints
from local.tenant.http.troubleshooting import TroubleshootingEndpoints
from local.tenant.http.users import UserEndpoints
from local.tenant.http.wire import Version
from local.tenant.model.gate import Call
from local.tenant.model.refusal import AnswerLost, GraphRefusal
from local.tenant.model.tenant import TenantModel

_VERSIONS: tuple[Version, ...] = ("v1.0", "beta")
_READS = frozenset({"GET", "HEAD"})


def tenant_app(model: TenantModel, deliverer: Deliverer) -> Starlette:
    """Everything the tenant answers."""
    identities = Identities(model.organization.id, model.identities)
    front = _Front(model, identities)
    routes = [Route(identity.PATH, identities.give_token, methods=["GET"])]
    routes += Control(model, deliverer).routes()
    for version in _VERSIONS:
        routes += [
            Route(f"/{version}{path}", front.serve(version, endpoint), methods=[endpoint.method])
            for endpoint in _endpoints(model, deliverer)
            if version in endpoint.versions
            for path in _spellings(endpoint.path)
        ]
    routes.append(Route("/{path:path}", front.unknown, methods=["GET", "POST", "PATCH", "PUT", "DELETE"]))
    return Starlette(routes=routes)


def _endpoints(model: TenantModel, deliverer: Deliverer) -> Sequence[Endpoint]:
    areas = (
        UserEndpoints(model),
        LicenceEndpoints(model),
        GroupEndpoints(model),
        EntraDeviceEndpoints(model),
        ManagedDeviceEndpoints(model),
        DeviceActionEndpoints(model),
        TroubleshootingEndpoints(model),
        AutopilotEndpoints(model),
        AutopilotProfileEndpoints(model),
        EnrolmentConfigurationEndpoints(model),
        OrganizationEndpoints(model),
        MailEndpoints(model),
        SubscriptionEndpoints(model, deliverer),
    )
    return [endpoint for area in areas for endpoint in area.endpoints()]


def _spellings(path: str) -> tuple[str, ...]:
    """A function may be called with or without parentheses; the SDK writes them."""
    return (path, f"{path}()") if path.endswith("/delta") else (path,)


class _Front:
    """Turns HTTP requests into requests of the model, and what comes of them into answers."""

    def __init__(self, model: TenantModel, identities: Identities) -> None:
        self._model = model
        self._identities = identities

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
        call = Call(
            operation=endpoint.operation,
            caller=graph.caller,
            about=endpoint.about(graph),
            writes=endpoint.method not in _READS,
        )
        admitted = self._model.gate.admit(call)
        slow = admitted.takes.total_seconds()
        before = any(fault.when == "before" for fault in admitted.faults)
        if slow and before:
            await asyncio.sleep(slow)
        if endpoint.prepare is not None:
            await endpoint.prepare(graph)
        try:
            reply: Reply = self._model.gate.run(admitted, lambda: endpoint.handle(graph))
            response = answer(request, reply, self._model.clock.now())
        except AnswerLost:
            response = Dropped()
        except GraphRefusal as refusal:
            response = refuse(request, refusal, self._model.clock.now())
        if slow and not before:
            await asyncio.sleep(slow)
        return response
