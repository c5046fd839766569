"""Every method of every port against the simulated tenant: real HTTP, and a token from a real managed identity."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from local.tenant.model.tenant import TenantModel
from local.tenant.populate import tenant_of
from local.tenant.scenario import parse
from local.tenant.server import TenantServer
from shared.clients.graph.client import Graph
from shared.domain.effects import Done, Justified, Refused, WipeAccepted, WipeNotSent, WipeRefused, WipeUnknown
from shared.domain.facts import MISSING, Compliance, ManagedDevice, Missing, User
from shared.errors import AccessDenied, RetryLater
from shared.ports import GraphSubscription
from shared.settings import Settings
from tests.clients.graph_wire import DEVICE, SUBSCRIPTION, FixedClock

SERIAL = "5CG1234XYZ"
SPB = "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46"
INTUNE = "c1ec4a95-1f05-45b3-a911-aa3fa01094f5"
HANDOVER = "00000000-0000-4000-8000-00000000000a"
READER = "00000000-0000-4000-8000-00000000000b"
ENOUGH = (
    "BitlockerKey.ReadBasic.All",
    "Device.Read.All",
    "DeviceManagementManagedDevices.Read.All",
    "DeviceManagementManagedDevices.PrivilegedOperations.All",
    "DeviceManagementServiceConfig.ReadWrite.All",
    "GroupMember.Read.All",
    "LicenseAssignment.ReadWrite.All",
    "User.ReadWrite.All",
)
"""The application permissions that every method together needs; User.Read.All does without usage locations."""
SCENARIO: dict[str, Any] = {  # Any: a scenario file is nested JSON
    "title": "One PC of a staging account",
    "tenant": {
        "skus": [{"part": "SPB", "seats": 3}, {"part": "O365_BUSINESS_PREMIUM", "seats": 25}],
        "groups": [
            {"name": "Staff", "members": ["staging@contoso.example"], "devices": ["PC-0427"]},
            {"name": "Office", "groups": ["Staff"]},
        ],
        "identities": {HANDOVER: ENOUGH, READER: ("DeviceManagementManagedDevices.Read.All",)},
    },
    "users": [
        {"upn": "staging@contoso.example", "name": "Staging", "licences": ["SPB"]},
        {"upn": "DEF456@contoso.example", "name": "DEF456", "licences": ["O365_BUSINESS_PREMIUM"]},
        {"upn": "o'neil@contoso.example", "name": "O'Neil", "usage_location": None},
    ],
    "devices": [
        {
            "serial": SERIAL,
            "name": "PC-0427",
            "enrolled_by": "staging@contoso.example",
            "enrolled_at": "2026-02-16T09:30:00Z",
            "compliance": "noncompliant",
            "logged_on": ["DEF456@contoso.example"],
            "recovery_keys": 2,
        },
        {"serial": f"1{SERIAL}2", "enrolled_by": "staging@contoso.example", "enrolled_at": "2026-01-05T09:30:00Z"},
    ],
}


@dataclass(frozen=True)
class Live:
    """A running tenant and our client of it."""

    server: TenantServer
    graph: Graph

    @property
    def model(self) -> TenantModel:
        return self.server.model

    async def device(self) -> ManagedDevice:
        (device,) = await self.graph.devices.with_serial_number(SERIAL)
        return device

    async def user(self, upn: str) -> User:
        user = await self.graph.directory.user(upn)
        assert not isinstance(user, Missing)
        return user

    async def fault(self, **fault: object) -> None:
        async with httpx.AsyncClient(base_url=self.server.base_url, trust_env=False) as http:
            answer = await http.post("/_sim/faults", json=fault)
        assert answer.status_code == 204, answer.text


@pytest.fixture
async def live(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Live, None]:
    """Settings and credential find the tenant as they find Azure: in the environment."""
    server = TenantServer(tenant_of(parse(SCENARIO)))
    await server.start()
    for name in ("AZURE_CLIENT_ID", "IDENTITY_SERVER_THUMBPRINT", "HANDOVER_CREDENTIAL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HANDOVER_TENANT_ID", server.model.organization.id)
    for name, value in server.environ().items():
        monkeypatch.setenv(name, value)
    settings = Settings()  # pyright: ignore[reportCallIssue]  # values come from the environment
    graph = Graph(settings, FixedClock())
    yield Live(server, graph)
    await graph.close()
    await server.stop()


async def test_a_device_is_found_read_and_reread(live: Live) -> None:
    found = await live.device()
    read = await live.graph.devices.read(found.id)
    assert isinstance(read, ManagedDevice)
    assert (read.serial_number, read.name, read.compliance) == (SERIAL, "PC-0427", Compliance.NONCOMPLIANT)
    assert (read.management_state, read.management_agent, read.owner_type) == ("managed", "mdm", "company")
    assert (read.user_principal_name, read.enrolled_by) == ("staging@contoso.example", "staging@contoso.example")
    assert read.logged_on_user_ids == ((await live.user("def456@contoso.example")).id,)
    assert read.enrolled_at is not None
    assert await live.graph.devices.reread(found.id) == found


async def test_devices_that_are_not_there_are_missing(live: Live) -> None:
    assert await live.graph.devices.read(DEVICE) is MISSING
    assert await live.graph.devices.reread(DEVICE) is MISSING
    assert await live.graph.devices.with_serial_number("NOBODY") == ()
    assert await live.graph.devices.with_entra_device(DEVICE) == ()
    assert isinstance(await live.graph.devices.sync(DEVICE), Refused)


async def test_devices_are_found_by_entra_device_and_by_enrolment_time(live: Live) -> None:
    device = await live.device()
    assert device.entra_device_id is not None
    assert device.enrolled_at is not None
    assert await live.graph.devices.with_entra_device(device.entra_device_id) == (device,)
    before = device.enrolled_at - timedelta(seconds=1)
    assert [each async for each in live.graph.devices.enrolled_since(before)] == [device]
    assert [each async for each in live.graph.devices.enrolled_since(device.enrolled_at)] == []


async def test_an_empty_page_loses_no_device(live: Live) -> None:
    await live.fault(on="managedDevices.list", kind="empty_page", times=1)
    assert (await live.device()).name == "PC-0427"


async def test_a_sync_checks_the_device_in(live: Live) -> None:
    device = await live.device()
    assert await live.graph.devices.sync(device.id) == Done()
    assert (await live.device()).last_sync_at == live.model.clock.now()


async def test_one_wipe_is_one_wipe(live: Live) -> None:
    device = await live.device()
    assert await live.graph.devices.wipe(device.id, Justified(text="Why")) == WipeAccepted()
    assert (live.model.counts.wipe_posts, live.model.counts.wipes) == (1, 1)
    wiped = await live.graph.devices.reread(device.id)
    assert isinstance(wiped, ManagedDevice)
    assert wiped.management_state == "wipePending"
    assert [(action.name, action.state) for action in wiped.actions] == [("factoryReset", "pending")]


async def test_a_wipe_of_a_device_that_is_not_there_is_refused(live: Live) -> None:
    answer = await live.graph.devices.wipe(DEVICE, Justified(text="Why"))
    assert isinstance(answer, WipeRefused)
    assert answer.status == 404
    assert live.model.counts.wipes == 0


@pytest.mark.parametrize(
    ("fault", "carried_out"),
    [
        ({"kind": "lost_answer", "drop": True}, 1),
        ({"kind": "lost_answer", "drop": False}, 1),
        ({"kind": "status", "status": 503, "when": "before"}, 0),
        ({"kind": "status", "status": 503, "when": "after"}, 1),
        ({"kind": "throttle", "retry_after": "2.128"}, 0),
    ],
    ids=["dropped after", "504 after", "503 before", "503 after", "429"],
)
async def test_a_wipe_without_a_clear_answer_is_unknown_and_posted_once(
    live: Live, fault: dict[str, object], carried_out: int
) -> None:
    device = await live.device()
    await live.fault(on="wipe", **fault)
    assert isinstance(await live.graph.devices.wipe(device.id, Justified(text="Why")), WipeUnknown)
    assert (live.model.counts.wipe_posts, live.model.counts.wipes) == (1, carried_out)


async def test_a_user_is_read_by_upn_in_any_case_and_by_id(live: Live) -> None:
    user = await live.user("def456@CONTOSO.example")
    assert await live.user(user.id) == user
    assert (user.user_principal_name, user.display_name, user.enabled) == ("DEF456@contoso.example", "DEF456", True)
    assert (user.usage_location, len(user.sku_ids)) == ("GB", 1)
    assert INTUNE not in user.enabled_plan_ids
    assert (await live.user("o'neil@contoso.example")).usage_location is None
    assert await live.graph.directory.user("nobody@contoso.example") is MISSING
    assert await live.graph.directory.plans(DEVICE) == ()


async def test_a_licence_is_assigned_and_its_plans_are_provisioned_later(live: Live) -> None:
    user = await live.user("DEF456@contoso.example")
    assert await live.graph.directory.assign_licence(user.id, SPB) == Done()
    assert await live.graph.directory.assign_licence(user.id, SPB) == Done()
    pending = {plan.status for plan in await live.graph.directory.plans(user.id) if plan.plan_id == INTUNE}
    live.model.clock.advance_to(live.model.clock.now() + timedelta(minutes=10))
    later = {plan.status for plan in await live.graph.directory.plans(user.id) if plan.plan_id == INTUNE}
    assert (pending, later) == ({"PendingProvisioning"}, {"Success"})
    assert INTUNE in (await live.user(user.id)).enabled_plan_ids
    assert SPB in (await live.user(user.id)).sku_ids


async def test_a_licence_needs_a_usage_location(live: Live) -> None:
    user = await live.user("o'neil@contoso.example")
    refused = await live.graph.directory.assign_licence(user.id, SPB)
    assert isinstance(refused, Refused)
    assert "usage location" in refused.message
    assert await live.graph.directory.set_usage_location(user.id, "GB") == Done()
    assert (await live.user(user.id)).usage_location == "GB"
    assert await live.graph.directory.assign_licence(user.id, SPB) == Done()


async def test_a_registration_is_found_by_exact_serial_number_and_bound(live: Live) -> None:
    (found,) = await live.graph.autopilot.with_serial_number(SERIAL.lower())
    assert (found.serial_number, found.user_principal_name) == (SERIAL, None)
    assert found.managed_device_id == (await live.device()).id
    assert (found.profile_status, found.remediation_state) == ("assignedInSync", "noRemediationRequired")
    assert (found.profile_join_type, found.profile_usage, found.profile_user_type) == (
        "entra",
        "singleUser",
        "standard",
    )
    assert (
        await live.graph.autopilot.bind(found.id, "staging@contoso.example", "Staging")
        == await live.graph.autopilot.bind(found.id, "staging@contoso.example", "Staging")
        == Done()
    )
    (bound,) = await live.graph.autopilot.with_serial_number(SERIAL)
    assert bound.user_principal_name == "staging@contoso.example"
    assert await live.graph.autopilot.read(DEVICE) is MISSING
    assert await live.graph.autopilot.with_serial_number("NOBODY") == ()


async def test_the_tenant_is_ready_for_autopilot(live: Live) -> None:
    facts = await live.graph.tenant.facts()
    assert facts.mdm_authority == "intune"
    premium = facts.sku(SPB)
    assert premium is not None
    assert (premium.part_number, premium.seats, premium.used, premium.free_seats) == ("SPB", 3, 1, 2)
    assert INTUNE in premium.plan_ids
    own = [page for page in facts.status_pages if not page.is_default]
    assert [(page.blocks_use, page.assigned_to_all) for page in own] == [(True, True)]
    assert len(facts.status_pages) == 2


async def test_groups_recovery_keys_and_a_users_devices_are_read(live: Live) -> None:
    group = live.model.groups.find("Office")
    device, staging = await live.device(), await live.user("staging@contoso.example")
    assert group is not None
    assert device.entra_device_id is not None
    other = "66666666-0000-4000-8000-00000000000b"
    directory = live.graph.directory
    assert await directory.groups_of_user(staging.id, (group.id, other)) == {group.id}
    assert await directory.groups_of_device(device.entra_device_id, (group.id, other)) == {group.id}
    assert await directory.groups_of_device(DEVICE, (group.id,)) is MISSING
    assert await directory.recovery_keys(device.entra_device_id) == 2
    assert await directory.recovery_keys(DEVICE) == 0
    assert device in await live.graph.devices.of_user(staging.id)


@asynccontextmanager
async def an_endpoint_that_shakes_hands() -> AsyncGenerator[str, None]:
    """Our notification URL: repeats the validation token."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1].decode()
        token = parse_qs(urlsplit(target).query)["validationToken"][0].encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(token)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + token)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api/notifications"
    server.close()
    await server.wait_closed()


async def test_a_subscription_is_created_once_renewed_and_deleted(live: Live) -> None:
    tomorrow = live.model.clock.now() + timedelta(days=1)
    async with an_endpoint_that_shakes_hands() as url:
        created, again = [
            await live.graph.subscriptions.create(
                resource="users",
                change_type="updated,deleted",
                notification_url=url,
                client_state="a secret of sixteen",
                expires_at=tomorrow,
            )
            for _ in range(2)
        ]
    assert isinstance(created, GraphSubscription)
    assert (created.resource, created.expires_at, again) == ("users", tomorrow, created.id)
    renewed = await live.graph.subscriptions.renew(created.id, tomorrow + timedelta(days=1))
    assert isinstance(renewed, GraphSubscription)
    assert renewed.expires_at == tomorrow + timedelta(days=1)
    await live.graph.subscriptions.delete(created.id)
    await live.graph.subscriptions.delete(created.id)
    assert await live.graph.subscriptions.renew(created.id, tomorrow) is MISSING


async def test_a_subscription_needs_a_notification_url_that_answers(live: Live) -> None:
    with pytest.raises(RetryLater, match="notification URL"):
        await live.graph.subscriptions.create(
            resource="users",
            change_type="updated,deleted",
            notification_url=f"{live.server.base_url}/nobody/answers/here",
            client_state="a secret of sixteen",
            expires_at=live.model.clock.now() + timedelta(days=1),
        )
    assert await live.graph.subscriptions.renew(SUBSCRIPTION, live.model.clock.now()) is MISSING
    await live.graph.subscriptions.delete(SUBSCRIPTION)


async def test_throttling_is_retry_later_with_the_wait_the_tenant_names(live: Live) -> None:
    await live.fault(on="managedDevices.get", kind="throttle", retry_after="2.128", times=1)
    with pytest.raises(RetryLater) as caught:
        await live.graph.devices.read(DEVICE)
    assert (caught.value.throttled, caught.value.after) == (True, timedelta(seconds=2.128))


async def test_a_dropped_connection_is_retry_later(live: Live) -> None:
    device = await live.device()
    await live.fault(on="managedDevices.get", kind="lost_answer", times=1)
    with pytest.raises(RetryLater):
        await live.graph.devices.reread(device.id)
    assert await live.graph.devices.reread(device.id) == device


async def test_an_identity_without_the_permission_is_denied_and_wipes_nothing(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = await live.device()
    monkeypatch.setenv("AZURE_CLIENT_ID", READER)
    reader = Graph(Settings(), FixedClock())  # pyright: ignore[reportCallIssue]  # values come from the environment
    assert await reader.devices.reread(device.id) == device
    with pytest.raises(AccessDenied):
        await reader.devices.sync(device.id)
    answer = await reader.devices.wipe(device.id, Justified(text="Why"))
    await reader.close()
    assert isinstance(answer, WipeRefused)
    assert answer.status == 403
    assert live.model.counts.wipes == 0


async def test_an_identity_that_is_not_assigned_gets_no_token(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_CLIENT_ID", SUBSCRIPTION)
    nobody = Graph(Settings(), FixedClock())  # pyright: ignore[reportCallIssue]  # values come from the environment
    try:
        with pytest.raises(AccessDenied, match="no token"):
            await nobody.devices.reread(DEVICE)
        answer = await nobody.devices.wipe(DEVICE, Justified(text="Why"))
    finally:
        await nobody.close()
    assert isinstance(answer, WipeNotSent)
    assert live.model.counts.wipe_posts == 0


async def test_no_request_of_ours_is_unknown_to_the_tenant(live: Live) -> None:
    device = await live.device()
    await live.graph.devices.read(device.id)
    await live.graph.tenant.facts()
    await live.graph.autopilot.with_serial_number(SERIAL)
    assert live.model.counts.unknown_paths == 0
    assert live.model.counts.client_errors == 0
