"""The approval requests of Intune's Multi Admin Approval, as beta lists them."""

import base64
from typing import TYPE_CHECKING

from shared.clients.graph.answers import is_approval_code, printable
from shared.clients.graph.values import Json, inner, moment, text
from shared.domain.facts import AdminApprovalRequest

if TYPE_CHECKING:
    from shared.clients.graph.transport import Transport

OPERATION = "devices.approval_requests"
PATH = "deviceManagement/operationApprovalRequests"
_LONGEST = 4000


async def approval_requests(transport: "Transport") -> tuple[AdminApprovalRequest, ...]:
    """Every request with a usable id. Raises RetryLater, AccessDenied or Unexpected.

    The list of a tenant is short: Intune removes what was decided after some days. A filter on it is not documented.
    """
    rows = await transport.all_rows(OPERATION, transport.beta(PATH))
    return tuple(_request(row) for row in rows if is_approval_code(text(row, "id")))


def _request(row: Json) -> AdminApprovalRequest:
    return AdminApprovalRequest(
        id=text(row, "id"),
        status=text(row, "status"),
        justification=_plain(text(row, "requestJustification")),
        requested_at=moment(row, "requestDateTime"),
        decided_by=_identity(inner(row, "approver")),
        note=printable(text(row, "approvalJustification")),
    )


def _plain(justification: str) -> str:
    """The text that was sent; whether Graph returns it as it was, in base64, is not documented."""
    cut = justification[:_LONGEST]
    try:
        return base64.b64decode(cut, validate=True).decode()
    except ValueError:
        return cut


def _identity(identities: Json) -> str | None:
    """A person's name or id out of an identitySet."""
    user = inner(identities, "user")
    return printable(text(user, "userPrincipalName") or text(user, "displayName") or text(user, "id")) or None
