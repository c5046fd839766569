"""An administrator's desk: the simulated tenant in this process, the real Graph client, and storage in memory."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx

from local.tenant.http.app import tenant_app
from local.tenant.http.delivery import Deliverer
from local.tenant.http.identity import Identities
from local.tenant.model.tenant import TenantModel
from local.tenant.populate import tenant_of
from local.tenant.scenario import parse
from shared.clients.graph.connection import Endpoint, open_connection
from shared.clients.graph.mobility import GraphMobilityPolicies
from shared.clients.graph.registrations import GraphRegistrations
from shared.clients.graph.tenant_setup import GraphTenantSetup
from shared.clients.graph.transport import Transport
from shared.records.attestations import AttestationBook
from shared.records.ledger import Ledger
from shared.records.locks import Locks
from shared.records.tenant_setup import SetupBook
from shared.tenant_setup.desired import read_desired
from shared.tenant_setup.make_ready import MakeReady
from shared.tenant_setup.plan_tenant import Planned, PlanTenant
from tests.clients.graph_wire import Tokens
from tests.fakes.ids import CountingIds
from tests.fakes.rows import FakeRows

ADMIN = "admin@contoso.example"
EVERYTHING = (
    "DeviceManagementServiceConfig.ReadWrite.All",
    "Group.ReadWrite.All",
    "LicenseAssignment.ReadWrite.All",
    "Policy.Read.All",
    "User.Read.All",
)
FILE = """
version = 1
[device_group]
name = "Autopilot PCs"
group_tag = "HANDOVER"
[deployment_profile]
name = "Handover user-driven"
[status_page]
name = "Apps first"
[[licence_groups]]
name = "Premium"
products = ["SPB"]
"""
WISH = read_desired(FILE)
Json = dict[str, Any]  # Any: a scenario is nested JSON


class UserTokens(Tokens):
    """A credential of a signed-in administrator of the simulated tenant."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self._token = token

    async def get_token(self, *scopes: str, **_: Any) -> Any:  # Any: the protocol's own
        return (await super().get_token(*scopes))._replace(token=self._token)


@dataclass
class Desk:
    """What the command line has in its hands."""

    model: TenantModel
    transport: Transport
    rows: FakeRows = field(default_factory=FakeRows)
    ids: CountingIds = field(default_factory=CountingIds)

    def __post_init__(self) -> None:
        self.clock = self.model.clock
        self.setup = GraphTenantSetup(self.transport)
        self.registrations = GraphRegistrations(self.transport)
        self.policies = GraphMobilityPolicies(self.transport)
        self.book = SetupBook(self.rows, self.ids)
        self.attestations = AttestationBook(self.rows, self.ids)
        self.locks = Locks(Ledger(self.rows, self.ids))

    @property
    def planner(self) -> PlanTenant:
        return PlanTenant(reader=self.setup, book=self.book, attestations=self.attestations, clock=self.clock)

    @property
    def ready(self) -> MakeReady:
        return MakeReady(
            planner=self.planner,
            setup=self.setup,
            book=self.book,
            locks=self.locks,
            clock=self.clock,
            ids=self.ids,
        )

    async def plan(self, *take_over: str) -> Planned:
        return await self.ready.plan(WISH, frozenset(take_over))

    async def apply(self, *take_over: str) -> int:
        return await self.ready.apply(await self.plan(*take_over), text=FILE, who=ADMIN)

    async def sleep(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))


def empty_tenant(**parts: Any) -> Json:  # Any: parts of a scenario
    """A tenant that nobody has prepared for Autopilot."""
    tenant = {"autopilot_profiles": [], "esp": [], "skus": [{"part": "SPB", "seats": 1200}], **parts.pop("tenant", {})}
    return {"title": "an empty tenant", "tenant": tenant, **parts}


@asynccontextmanager
async def desk_of(scenario: Json | None = None, scopes: Iterable[str] = EVERYTHING) -> AsyncGenerator[Desk]:
    """A desk at a tenant; ``scopes`` are what the administrator consented to."""
    model = tenant_of(parse(scenario or empty_tenant()))
    token = Identities(model.organization.id, model.identities).user_token(ADMIN, tuple(scopes))
    deliverer = Deliverer(model)
    connection = open_connection(
        Endpoint.of("http://127.0.0.1:1"), UserTokens(token), httpx.ASGITransport(tenant_app(model, deliverer))
    )
    transport = Transport(lambda: connection, model.clock, lambda _operation, _status: None)
    try:
        yield Desk(model=model, transport=transport)
    finally:
        await transport.close()
        await deliverer.close()
