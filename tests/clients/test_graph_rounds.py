"""Lists and delta rounds on the wire: where the token goes, what of a row is believed, and when a round begins anew."""

import httpx
import pytest

from shared.domain.pages import DeviceChange, FoundDevice
from shared.errors import AccessDenied, ResyncNeeded, RetryLater, Unexpected
from tests.clients.graph_wire import BASE, DEVICE, REGISTRATION, USER, always, error, graph_over, in_turn, page

DELTA = f"{BASE}/v1.0/devices/delta()?$deltatoken=abc"
NEXT = f"{BASE}/v1.0/devices/delta()?$skiptoken=abc"


def changes(*rows: object, **links: str):
    return always(200, {"value": list(rows), **{f"@odata.{name}": link for name, link in links.items()}})


async def test_a_first_round_begins_from_now_on_and_asks_for_large_pages() -> None:
    async with graph_over(changes(deltaLink=DELTA)) as (graph, wire):
        found = await graph.devices.changes(None)
    assert (found.rows, found.next_link, found.delta_link) == ((), None, DELTA)
    (target,) = wire.targets
    assert target == "/v1.0/devices/delta()?$select=id,deviceId,isCompliant,isManaged&$deltatoken=latest"
    assert wire.requests[0].headers["Prefer"] == "odata.maxpagesize=999"


async def test_where_from_now_on_is_not_known_the_round_begins_with_everything() -> None:
    async with graph_over(in_turn(error(400), changes(nextLink=NEXT))) as (graph, wire):
        assert (await graph.devices.changes(None)).next_link == NEXT
    assert wire.targets[1] == "/v1.0/devices/delta()?$select=id,deviceId,isCompliant,isManaged"


async def test_a_link_is_followed_as_it_is() -> None:
    async with graph_over(changes(deltaLink=DELTA)) as (graph, wire):
        await graph.devices.changes(NEXT)
    assert wire.targets == ["/v1.0/devices/delta()?$skiptoken=abc"]


async def test_rows_are_read_with_what_is_not_said_left_open() -> None:
    rows = [
        {"id": USER, "deviceId": DEVICE, "isCompliant": False, "isManaged": True},
        {"id": USER, "deviceId": DEVICE, "isCompliant": None},
        {"id": USER, "@removed": {"reason": "changed"}},
    ]
    async with graph_over(changes(*rows, deltaLink=DELTA)) as (graph, _):
        found = (await graph.devices.changes(NEXT)).rows
    assert found == (
        DeviceChange(entra_device_id=DEVICE, compliant=False, managed=True),
        DeviceChange(entra_device_id=DEVICE, compliant=None, managed=None),
        DeviceChange(entra_device_id=None, compliant=None, managed=None, removed=True),
    )
    assert [each.turned_noncompliant for each in found] == [True, False, False]


@pytest.mark.parametrize(
    "link",
    [
        "https://elsewhere.example/v1.0/devices/delta()?$skiptoken=abc",
        "http://graph.example/v1.0/devices/delta()",
        "https://graph.example:444/v1.0/devices/delta()",
        "https://graph.example@elsewhere.example/v1.0/devices/delta()",
        "https://user@graph.example/v1.0/devices/delta()",
        "//elsewhere.example/v1.0",
        "not a link",
    ],
)
async def test_the_token_never_follows_a_link_to_another_host(link: str) -> None:
    async with graph_over(changes(nextLink=link)) as (graph, wire):
        with pytest.raises(ResyncNeeded):
            await graph.devices.changes(link)
        assert wire.requests == []
        with pytest.raises(Unexpected):
            await graph.devices.changes(None)
    async with graph_over(changes(deltaLink=link)) as (graph, _):
        with pytest.raises(Unexpected):
            await graph.directory.changed_users(None)


@pytest.mark.parametrize("status", [400, 404, 410])
async def test_a_link_that_is_refused_is_never_good_again(status: int) -> None:
    async with graph_over(error(status, "syncStateNotFound")) as (graph, _):
        for call in (graph.devices.changes, graph.devices.noncompliant, graph.directory.changed_users):
            with pytest.raises(ResyncNeeded):
                await call(NEXT)


@pytest.mark.parametrize(("status", "kind"), [(429, RetryLater), (503, RetryLater), (403, AccessDenied)])
async def test_other_refusals_are_what_they_are_elsewhere(status: int, kind: type[Exception]) -> None:
    async with graph_over(error(status)) as (graph, _):
        for link in (None, NEXT):
            with pytest.raises(kind):
                await graph.devices.changes(link)


@pytest.mark.parametrize("links", [{}, {"nextLink": NEXT, "deltaLink": DELTA}])
async def test_a_round_of_changes_leads_on_in_exactly_one_way(links: dict[str, str]) -> None:
    async with graph_over(changes(**links)) as (graph, _):
        with pytest.raises(RetryLater):
            await graph.devices.changes(NEXT)


async def test_an_ignored_filter_brings_everything_and_every_row_is_checked() -> None:
    rows = [
        {"id": DEVICE, "azureADDeviceId": USER, "complianceState": "noncompliant"},
        {"id": REGISTRATION, "azureADDeviceId": USER, "complianceState": "compliant"},
        {"id": REGISTRATION, "complianceState": "Noncompliant"},
        {"id": "no-guid", "complianceState": "noncompliant"},
        {"complianceState": "noncompliant"},
    ]
    async with graph_over(page(*rows)) as (graph, wire):
        found = await graph.devices.noncompliant(None)
    assert found.rows == (FoundDevice(managed_device_id=DEVICE, entra_device_id=USER),)
    assert (found.next_link, found.delta_link) == (None, None)
    assert wire.requests[0].url.params["$filter"] == "complianceState eq 'noncompliant'"


async def test_users_and_members_are_ids_and_nothing_else() -> None:
    joined = [{"id": USER.upper()}, {"id": DEVICE, "@removed": {"reason": "deleted"}}, {"id": "../x"}]
    async with graph_over(changes({"id": REGISTRATION, "members@delta": joined}, deltaLink=DELTA)) as (graph, wire):
        found = await graph.directory.changed_members((REGISTRATION, "no-guid"), None)
    assert found.rows == (USER, DEVICE)
    assert wire.requests[0].url.params["$filter"] == f"id eq '{REGISTRATION}'"


async def test_without_a_group_no_group_is_asked_for() -> None:
    async with graph_over(changes(deltaLink=DELTA)) as (graph, wire):
        with pytest.raises(Unexpected):
            await graph.directory.changed_members(("no-guid",), None)
    assert wire.requests == []


async def test_a_body_that_is_no_list_is_tried_again() -> None:
    async with graph_over(always(200, {"value": "none"})) as (graph, _):
        with pytest.raises(RetryLater):
            await graph.devices.noncompliant(None)
    async with graph_over(lambda _: httpx.Response(200, content=b"<html>")) as (graph, _):
        with pytest.raises(RetryLater):
            await graph.devices.noncompliant(None)
