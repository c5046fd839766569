"""Intune's record of failed enrolments: every page, and no row that is another kind of event."""

from datetime import UTC, datetime

import pytest

from shared.clients.graph import enrolment_failures
from shared.domain.facts import EnrolmentFailure
from shared.errors import AccessDenied, RetryLater, Unexpected
from tests.clients.graph_wire import BASE, DEVICE, USER, Answering, error, graph_over, in_turn, page

ROW: dict[str, object] = {
    "@odata.type": "#microsoft.graph.enrollmentTroubleshootingEvent",
    "id": "event-1",
    "eventDateTime": "2026-03-05T10:13:00Z",
    "deviceId": DEVICE,
    "userId": USER,
    "operatingSystem": "Windows",
    "failureCategory": "userValidation",
    "failureReason": "No licence\n0x80180018",
}


async def test_failures_are_read_page_by_page_and_their_words_are_made_printable() -> None:
    following = f"{BASE}/beta/deviceManagement/troubleshootingEvents?$skiptoken=2"
    answers = in_turn(
        page(ROW, next_link=following), page({"failureCategory": "unknown", "eventDateTime": "2026-03-05T10:13:00Z"})
    )
    async with graph_over(answers) as (graph, wire):
        first, second = await graph.devices.enrolment_failures()
    assert wire.targets[0] == "/beta/deviceManagement/troubleshootingEvents"
    assert first == EnrolmentFailure(
        at=datetime(2026, 3, 5, 10, 13, tzinfo=UTC),
        user_id=USER,
        entra_device_id=DEVICE,
        operating_system="Windows",
        category="userValidation",
        reason="No licence\\n0x80180018",
    )
    assert second == EnrolmentFailure(at=first.at, user_id=None, entra_device_id=None, category="unknown")


@pytest.mark.parametrize("without", ["failureCategory", "eventDateTime"])
async def test_another_kind_of_event_and_one_without_a_time_are_left_out(without: str) -> None:
    async with graph_over(page({**ROW, without: None}, ROW)) as (graph, _):
        assert len(await graph.devices.enrolment_failures()) == 1


async def test_pages_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enrolment_failures, "MOST_PAGES", 3)
    endless = page(ROW, next_link=f"{BASE}/beta/deviceManagement/troubleshootingEvents?$skiptoken=more")
    async with graph_over(endless) as (graph, wire):
        with pytest.raises(Unexpected):
            await graph.devices.enrolment_failures()
    assert len(wire.targets) == 3


@pytest.mark.parametrize(("answer", "raised"), [(error(403), AccessDenied), (error(429), RetryLater)])
async def test_a_record_that_cannot_be_read_says_so(answer: Answering, raised: type[Exception]) -> None:
    async with graph_over(answer) as (graph, _):
        with pytest.raises(raised):
            await graph.devices.enrolment_failures()
