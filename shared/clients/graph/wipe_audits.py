"""What Intune wrote down about wipes, whoever asked for them, as beta lists it (remoteActionAudits)."""

from typing import TYPE_CHECKING

from shared.clients.graph.answers import printable
from shared.clients.graph.values import Json, moment, same, text
from shared.domain.facts import WipeAudit

if TYPE_CHECKING:
    from shared.clients.graph.transport import Transport

OPERATION = "devices.wipe_audits"
PATH = "deviceManagement/remoteActionAudits"
ACTION = "factoryReset"
MOST_PAGES = 200
"""Intune ignores a filter that it does not support and returns every remote action: a limit to that."""


async def wipe_audits(transport: "Transport") -> tuple[WipeAudit, ...]:
    """Raises RetryLater, AccessDenied or Unexpected, the last also for a record that is too long to be read.

    A filter on the time is not documented, nor is an order, so all pages are read.
    """
    query = {"filter": f"action eq '{ACTION}'"}
    found = await transport.all_rows(OPERATION, transport.beta(PATH), query, most=MOST_PAGES)
    return tuple(_audit(row) for row in found if same(text(row, "action"), ACTION))


def _audit(row: Json) -> WipeAudit:
    started_by = printable(text(row, "initiatedByUserPrincipalName").strip())
    return WipeAudit(
        id=printable(text(row, "id")),
        managed_device_id=printable(text(row, "managedDeviceId")),
        device_name=printable(text(row, "deviceDisplayName")),
        requested_at=moment(row, "requestDateTime"),
        # a person has a user principal name; whatever else stands here is not one
        started_by=started_by if "@" in started_by else None,
    )
