"""Intune's mobility management policy in Entra ID, which a signed-in administrator may read and no application.

Source: "Get mobileDeviceManagementPolicy" of Microsoft Graph beta lists delegated permissions only.
"""

from shared.clients.graph.transport import Transport
from shared.clients.graph.values import is_guid, rows, text
from shared.domain.facts import MISSING, Missing
from shared.domain.tenant_setup import MobilityPolicy

INTUNE_APP = "0000000a-0000-0000-c000-000000000000"
"""The application id of Microsoft Intune, the same in every tenant."""


class GraphMobilityPolicies:
    """The port MobilityPolicies over Graph."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def intune(self) -> MobilityPolicy | Missing:
        """See the port."""
        builder = self._transport.beta("policies/mobileDeviceManagementPolicies/{id}", id=INTUNE_APP)
        row = await self._transport.read("mobility.policy", builder, {"expand": "includedGroups"})
        if isinstance(row, Missing):
            return MISSING
        groups = (text(group, "id").lower() for group in rows(row, "includedGroups"))
        return MobilityPolicy(
            applies_to=text(row, "appliesTo"),
            discovery_url=text(row, "discoveryUrl"),
            is_valid=row.get("isValid") is True,
            group_ids=tuple(group for group in groups if is_guid(group)),
        )
