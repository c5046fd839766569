"""The Starlette app: Graph's paths over the endpoints, the identity endpoint, and the simulation's own controls."""

import functools
import re
from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from local.tenant.http import identity
from local.tenant.http.autopilot import AutopilotEndpoints
from local.tenant.http.autopilot_profiles import AutopilotProfileEndpoints
from local.tenant.http.batch import Batch
from local.tenant.http.control import Control
from local.tenant.http.delivery import Deliverer
from local.tenant.http.device_actions import DeviceActionEndpoints
from local.tenant.http.enrolment_configurations import EnrolmentConfigurationEndpoints
from local.tenant.http.entra_devices import EntraDeviceEndpoints
from local.tenant.http.fleet import FleetEndpoints
from local.tenant.http.front import Front
from local.tenant.http.groups import GroupEndpoints
from local.tenant.http.hardware_imports import HardwareImportEndpoints
from local.tenant.http.identity import Identities
from local.tenant.http.licences import LicenceEndpoints
from local.tenant.http.mail import MailEndpoints
from local.tenant.http.managed_devices import ManagedDeviceEndpoints
from local.tenant.http.organization import OrganizationEndpoints
from local.tenant.http.request import Endpoint
from local.tenant.http.subscriptions import SubscriptionEndpoints
from local.tenant.http.troubleshooting import TroubleshootingEndpoints
from local.tenant.http.users import UserEndpoints
from local.tenant.http.wire import Version
from local.tenant.model.tenant import TenantModel

_VERSIONS: tuple[Version, ...] = ("v1.0", "beta")
_EVERY_METHOD = ["GET", "POST", "PATCH", "PUT", "DELETE"]
_KEY = re.compile(r"\('([^/']*)'\)")


def tenant_app(model: TenantModel, deliverer: Deliverer) -> ASGIApp:
    """Everything the tenant answers."""
    identities = Identities(model.organization.id, model.identities)
    front = Front(model, identities, deliverer.validate)
    routes = [Route(identity.PATH, identities.give_token, methods=["GET"])]
    routes.append(Route("/_sim/sign-in", identities.sign_in, methods=["POST"]))
    routes += Control(model, deliverer).routes()
    table = endpoints()
    for version in _VERSIONS:
        routes += [
            Route(f"/{version}{endpoint.path}", front.serve(version, endpoint), methods=[endpoint.method])
            for endpoint in table
            if version in endpoint.versions
        ]
    batch = Batch(model.counts)
    routes += [Route(f"/{version}/$batch", batch.serve, methods=["POST"]) for version in _VERSIONS]
    routes.append(Route("/{path:path}", front.unknown, methods=_EVERY_METHOD))
    batch.app = app = _ODataPaths(Starlette(routes=routes))
    return app


class _ODataPaths:
    """Lets a path be written in OData's other way too: ``users('id')`` for ``users/id``, ``delta()`` for ``delta``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = _KEY.sub(r"/\1", scope["path"]).removesuffix("()")
            scope = {**scope, "path": path}
        await self._app(scope, receive, send)


@functools.cache
def endpoints() -> Sequence[Endpoint]:
    """Every endpoint of Graph that a tenant has. They hold nothing: whose tenant it is, each request says."""
    areas = (
        UserEndpoints(),
        LicenceEndpoints(),
        GroupEndpoints(),
        EntraDeviceEndpoints(),
        ManagedDeviceEndpoints(),
        DeviceActionEndpoints(),
        TroubleshootingEndpoints(),
        AutopilotEndpoints(),
        AutopilotProfileEndpoints(),
        HardwareImportEndpoints(),
        EnrolmentConfigurationEndpoints(),
        OrganizationEndpoints(),
        FleetEndpoints(),
        MailEndpoints(),
        SubscriptionEndpoints(),
    )
    return tuple(endpoint for area in areas for endpoint in area.endpoints())
