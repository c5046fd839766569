"""What a command has in its hands: Graph under the administrator's sign-in, storage, and the clock."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from azure.data.tables.aio import TableServiceClient
from azure.identity.aio import AzureCliCredential
from azure.storage.queue.aio import QueueServiceClient

from local.cli.sign_in import SignIn
from local.virtual_time import POLL_SECONDS, FollowedClock
from shared.clients.graph.connection import Endpoint, open_connection
from shared.clients.graph.mobility import GraphMobilityPolicies
from shared.clients.graph.registrations import GraphRegistrations
from shared.clients.graph.tenant_reader import GraphTenantReader
from shared.clients.graph.tenant_setup import GraphTenantSetup
from shared.clients.graph.transport import Transport
from shared.clients.storage.messages import AzureMessages
from shared.clients.storage.rows import AzureRows
from shared.clients.system import RandomIds, SystemClock
from shared.errors import BadInput
from shared.ports import Clock, Ids, MobilityPolicies, Rows
from shared.records.attestations import AttestationBook
from shared.records.ledger import Ledger
from shared.records.locks import Locks
from shared.records.tenant_setup import SetupBook
from shared.tenant_setup.attest import Attest
from shared.tenant_setup.drift import LookForDrift
from shared.tenant_setup.make_ready import MakeReady
from shared.tenant_setup.plan_tenant import PlanTenant
from shared.tenant_setup.register import Register

STORAGE_NOTE = Path(__file__).parents[1] / ".storage"
"""Where `make up` notes its connection string."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The use cases of the tenant's setup."""

    transport: Transport
    rows: Rows
    messages: AzureMessages
    clock: Clock
    ids: Ids

    @property
    def book(self) -> SetupBook:
        """The journal and what is remembered."""
        return SetupBook(self.rows, self.ids)

    @property
    def planner(self) -> PlanTenant:
        """Plan."""
        return PlanTenant(
            reader=GraphTenantReader(self.transport),
            book=self.book,
            attestations=AttestationBook(self.rows, self.ids),
            clock=self.clock,
        )

    @property
    def ready(self) -> MakeReady:
        """Apply."""
        return MakeReady(
            planner=self.planner,
            setup=GraphTenantSetup(self.transport),
            book=self.book,
            locks=Locks(Ledger(self.rows, self.ids)),
            clock=self.clock,
            ids=self.ids,
        )

    @property
    def drift(self) -> LookForDrift:
        """The look for drift."""
        return LookForDrift(planner=self.planner, book=self.book, clock=self.clock)

    @property
    def attest(self) -> Attest:
        """The word about automatic enrolment."""
        return Attest(book=AttestationBook(self.rows, self.ids), clock=self.clock)

    @property
    def policies(self) -> MobilityPolicies:
        """What only the administrator may read."""
        return GraphMobilityPolicies(self.transport)

    @property
    def register(self) -> Register:
        """Registration of a delivery."""
        return Register(
            registrations=GraphRegistrations(self.transport),
            messages=self.messages,
            rows=self.rows,
            clock=self.clock,
            ids=self.ids,
            sleep=self.sleep,
        )

    async def sleep(self, seconds: float) -> None:
        """Wait so long by the clock in use: that of the simulated tenant may go faster."""
        if isinstance(self.clock, SystemClock):
            await asyncio.sleep(seconds)
            return
        begun = self.clock.now()
        while (self.clock.now() - begun).total_seconds() < seconds:
            await asyncio.sleep(POLL_SECONDS)


@asynccontextmanager
async def desk_at(graph: str, storage: str | None, credential: SignIn) -> AsyncGenerator[Desk]:
    """Open storage and, at the first request, Graph. Raises BadInput for a bad address or no storage."""
    try:
        endpoint = Endpoint.of(graph)
        storage = storage or STORAGE_NOTE.read_text(encoding="utf-8")
    except (ValueError, OSError) as error:
        raise BadInput(str(error) if isinstance(error, ValueError) else "name the storage with --storage") from error
    clock = FollowedClock(endpoint.url) if endpoint.local else SystemClock()
    identity, tables, queues = _storage(storage)
    transport = Transport(lambda: open_connection(endpoint, credential), clock, lambda _operation, _status: None)
    try:
        yield Desk(
            transport=transport, rows=AzureRows(tables), messages=AzureMessages(queues), clock=clock, ids=RandomIds()
        )
    finally:
        await transport.close()
        await tables.close()
        await queues.close()
        if identity is not None:
            await identity.close()


def _storage(named: str) -> tuple[AzureCliCredential | None, TableServiceClient, QueueServiceClient]:
    """A connection string, or the name of an account that the administrator may write to after `az login`."""
    if "=" in named or ";" in named:
        tables = TableServiceClient.from_connection_string(named)
        return None, tables, QueueServiceClient.from_connection_string(named)
    if not named.isalnum() or not named.isascii():
        raise BadInput("--storage must be a connection string or the name of a storage account")
    identity = AzureCliCredential()
    tables = TableServiceClient(f"https://{named}.table.core.windows.net", credential=identity)
    return identity, tables, QueueServiceClient(f"https://{named}.queue.core.windows.net", credential=identity)
