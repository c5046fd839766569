"""What Intune wrote down about enrolments that failed (enrollmentTroubleshootingEvent)."""

from datetime import datetime
from typing import TYPE_CHECKING

from shared.clients.graph.answers import printable
from shared.clients.graph.values import Json, link, moment, text
from shared.domain.facts import EnrolmentFailure

if TYPE_CHECKING:
    from shared.clients.graph.transport import Transport

OPERATION = "devices.enrolment_failures"
PATH = "deviceManagement/troubleshootingEvents"
MOST_PAGES = 50


async def enrolment_failures(transport: "Transport") -> tuple[EnrolmentFailure, ...]:
    """Raises RetryLater, AccessDenied or Unexpected, the last also for a record that is too long to be read.

    A filter is not documented, so all pages are read. What is no failure of an enrolment has no category, and what has no
    time tells nothing.
    """
    found = await transport.all_rows(OPERATION, transport.beta(PATH), most=MOST_PAGES)
    times = [(row, moment(row, "eventDateTime")) for row in found if text(row, "failureCategory")]
    return tuple(_failure(row, at) for row, at in times if at is not None)


def _failure(row: Json, at: datetime) -> EnrolmentFailure:
    return EnrolmentFailure(
        at=at,
        user_id=link(row, "userId"),
        entra_device_id=link(row, "deviceId"),
        operating_system=printable(text(row, "operatingSystem")),
        category=printable(text(row, "failureCategory")),
        reason=printable(text(row, "failureReason")),
    )
