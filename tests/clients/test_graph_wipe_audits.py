"""Intune's record of wipes: the one filter it knows, and no row believed that was not asked for."""

from datetime import UTC, datetime

import pytest

from shared.clients.graph import wipe_audits
from shared.domain.facts import WipeAudit
from shared.errors import AccessDenied, RetryLater, Unexpected
from tests.clients.graph_wire import BASE, DEVICE, Answering, always, error, graph_over, in_turn, page

ROW: dict[str, object] = {
    "id": "audit-1",
    "deviceDisplayName": "PC-0427",
    "initiatedByUserPrincipalName": "ann@contoso.com",
    "action": "factoryReset",
    "requestDateTime": "2026-03-02T08:00:00Z",
    "actionState": "pending",
    "managedDeviceId": DEVICE,
}


async def test_wipes_are_read_page_by_page() -> None:
    following = f"{BASE}/beta/deviceManagement/remoteActionAudits?$skiptoken=2"
    answers = in_turn(page(ROW, next_link=following), page({**ROW, "id": "audit-2"}))
    async with graph_over(answers) as (graph, wire):
        one, two = await graph.devices.wipe_audits()
    assert wire.targets[0] == "/beta/deviceManagement/remoteActionAudits?$filter=action%20eq%20'factoryReset'"
    assert one == WipeAudit(
        id="audit-1",
        managed_device_id=DEVICE,
        device_name="PC-0427",
        requested_at=datetime(2026, 3, 2, 8, tzinfo=UTC),
        started_by="ann@contoso.com",
    )
    assert two.id == "audit-2"


@pytest.mark.parametrize("action", ["rebootNow", "factoryResetKeepEnrollmentData", "delete", "", None, 5])
async def test_a_filter_that_is_silently_ignored_finds_no_other_action(action: object) -> None:
    async with graph_over(page({**ROW, "action": action}, ROW)) as (graph, _):
        assert [each.id for each in await graph.devices.wipe_audits()] == ["audit-1"]


@pytest.mark.parametrize("nobody", [None, "", " ", 5, "9e6a7f3c-3d6e-4a0f-8f43-1a2b3c4d5e6f", "Handover"])
async def test_what_is_no_user_principal_name_is_no_person(nobody: object) -> None:
    async with graph_over(page({**ROW, "initiatedByUserPrincipalName": nobody})) as (graph, _):
        (audit,) = await graph.devices.wipe_audits()
    assert audit.started_by is None


async def test_a_row_with_nothing_but_its_action_is_read() -> None:
    async with graph_over(page({"action": "factoryReset"})) as (graph, _):
        assert await graph.devices.wipe_audits() == (WipeAudit(id="", managed_device_id=""),)


async def test_pages_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wipe_audits, "MOST_PAGES", 3)
    endless = page(ROW, next_link=f"{BASE}/beta/deviceManagement/remoteActionAudits?$skiptoken=more")
    async with graph_over(endless) as (graph, wire):
        with pytest.raises(Unexpected):
            await graph.devices.wipe_audits()
    assert len(wire.requests) == 3


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (error(403), AccessDenied),
        (error(503), RetryLater),
        (error(404), Unexpected),
        (always(200, {"value": None}), RetryLater),
    ],
)
async def test_a_record_that_cannot_be_read_raises(answer: Answering, expected: type[Exception]) -> None:
    async with graph_over(answer) as (graph, _):
        with pytest.raises(expected):
            await graph.devices.wipe_audits()
