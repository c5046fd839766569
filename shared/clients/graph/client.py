"""All of Graph for one process: its ports over one connection that opens at the first request."""

from typing import TYPE_CHECKING

from shared.clients.graph.autopilot import GraphAutopilot
from shared.clients.graph.connection import Connection, Endpoint, credential_for, open_connection
from shared.clients.graph.devices import GraphDevices
from shared.clients.graph.directory import GraphDirectory
from shared.clients.graph.mail import GraphMail
from shared.clients.graph.subscriptions import GraphSubscriptions
from shared.clients.graph.tenant import Asked, GraphTenant
from shared.clients.graph.tenant_reader import GraphTenantReader
from shared.clients.graph.transport import OnRequest, Transport
from shared.ports import Autopilot, Clock, Devices, Directory, Mail, Subscriptions, Tenant, TenantReader
from shared.settings import Settings

if TYPE_CHECKING:  # see connection.py
    import httpx
    from azure.core.credentials_async import AsyncTokenCredential


class Graph:
    """Builds the ports; nothing is imported from msgraph and nothing is sent before the first request."""

    devices: Devices
    directory: Directory
    autopilot: Autopilot
    tenant: Tenant
    subscriptions: Subscriptions
    setup: TenantReader
    mail: Mail

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        *,
        on_request: OnRequest | None = None,
        credential: "AsyncTokenCredential | None" = None,
        network: "httpx.AsyncBaseTransport | None" = None,
        transport: Transport | None = None,
    ) -> None:
        """``credential`` replaces the one of the settings, ``network`` the real one; ``close`` closes both.
        ``transport`` replaces all of it: nothing is opened then.

        Raises ValueError when the settings' base URL would let a token travel in the clear.
        """
        endpoint = Endpoint.of(str(settings.graph_base_url))

        def opened() -> Connection:
            return open_connection(endpoint, credential or credential_for(settings), network)

        self._transport = transport or Transport(opened, clock, on_request or _nobody_counts)
        self.devices = GraphDevices(self._transport)
        self.directory = GraphDirectory(self._transport)
        self.autopilot = GraphAutopilot(self._transport)
        self.tenant = GraphTenant(self._transport, clock, _asked(settings))
        self.subscriptions = GraphSubscriptions(self._transport)
        self.setup = GraphTenantReader(self._transport)
        self.mail = GraphMail(self._transport, settings.mail_from)

    async def close(self) -> None:
        """Close the connection; a later request opens a new one."""
        await self._transport.close()


def _asked(settings: Settings) -> Asked:
    groups = (settings.exclusion_group, *settings.enrolment_attested_groups)
    return Asked(
        group_ids=tuple(dict.fromkeys(group.lower() for group in groups if group)),
        approval_policies=settings.expect_multi_admin_approval,
    )


def _nobody_counts(operation: str, status: int) -> None:
    """Without a hook nothing is counted."""
