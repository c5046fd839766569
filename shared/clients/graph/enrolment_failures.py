"""What Intune wrote down about enrolments that failed (enrollmentTroubleshootingEvent)."""

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

    A filter is not documented, so all pages are read; what is no failure of an enrolment has no category.
    """
    found = await transport.all_rows(OPERATION, transport.beta(PATH), most=MOST_PAGES)
    return tuple(_failure(row) for row in found if text(row, "failureCategory"))


def _failure(row: Json) -> EnrolmentFailure:
    return EnrolmentFailure(
        at=moment(row, "eventDateTime"),
        user_id=link(row, "userId"),
        entra_device_id=link(row, "deviceId"),
        operating_system=printable(text(row, "operatingSystem")),
        category=printable(text(row, "failureCategory")),
        reason=printable(text(row, "failureReason")),
    )
