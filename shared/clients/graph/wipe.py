"""The wipe: exactly one POST for exactly one device, whose answer is a value whatever happens."""

import base64
from datetime import datetime
from typing import TYPE_CHECKING

from shared.clients.graph.answers import APPROVAL_CODE, is_approval_code, printable, wipe_answer
from shared.clients.graph.faults import never_sent
from shared.clients.graph.values import is_path_id
from shared.domain.effects import AdminApproved, WipeAnswer, WipeBacking, WipeNotSent, WipeRefused, WipeUnknown

if TYPE_CHECKING:
    from shared.clients.graph.transport import Transport

OPERATION = "devices.wipe"
JUSTIFICATION = "x-msft-approval-justification"
BODY = {"keepEnrollmentData": False, "keepUserData": False}
"""msgraph's own WipePostRequestBody would add ``persistEsimDataPlan``."""


async def wipe(
    transport: "Transport", managed_device_id: str, backing: WipeBacking, *, not_after: datetime | None = None
) -> WipeAnswer:
    """Ask Intune once to reset the device to its first start; only cancelling this call raises.

    Source of the two headers: "Use Multi Admin Approval with the Microsoft Graph API" (Intune). Without such a policy
    in the tenant the request with a justification wipes at once. A request that provably never left is WipeNotSent.
    Whatever is not proven is WipeUnknown.
    """
    if not is_path_id(managed_device_id):
        return WipeRefused(status=0, code="not_sent", message="not the id of a managed device")
    try:
        device = transport.v1.device_management.managed_devices.by_managed_device_id(managed_device_id)
        request = await transport.prepare("POST", device.wipe, BODY, _headers(backing))
    except Exception as error:
        return _not_sent(f"{type(error).__name__}: {error}")
    if not_after is not None and transport.now() > not_after:
        return _not_sent("what was read before is too old by now")
    try:
        reply = await transport.send_once(OPERATION, request)
    except Exception as error:
        return _not_sent(type(error).__name__) if never_sent(error) else WipeUnknown(why=type(error).__name__)
    return wipe_answer(reply)


def _headers(backing: WipeBacking) -> dict[str, str]:
    if isinstance(backing, AdminApproved):
        if not is_approval_code(backing.code):
            raise ValueError("not an approval's code")
        return {APPROVAL_CODE: backing.code}
    return {JUSTIFICATION: base64.b64encode(backing.text.encode()).decode()}


def _not_sent(why: str) -> WipeNotSent:
    return WipeNotSent(why=printable(why))
