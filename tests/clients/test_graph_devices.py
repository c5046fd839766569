"""Managed devices: every property is read, and no row is believed that was not asked for."""

from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime

import pytest

from shared.clients.graph.managed_device import EVERYTHING, managed_device
from shared.domain.effects import Done, Refused
from shared.domain.facts import MISSING, ActionResult, Compliance, ManagedDevice, PolicyState, SettingState
from shared.errors import AccessDenied, RetryLater, Unexpected
from tests.clients.graph_wire import (
    BASE,
    DEVICE,
    USER,
    always,
    error,
    graph_over,
    in_turn,
    page,
)

ENTRA_DEVICE = "c0ffee00-5555-4f60-8bad-000000000005"

FULL: dict[str, object] = {
    "@odata.context": "https://graph.microsoft.com/beta/$metadata#deviceManagement/managedDevices/$entity",
    "id": DEVICE,
    "azureADDeviceId": ENTRA_DEVICE,
    "serialNumber": "5CG1234XYZ",
    "deviceName": "PC-0427",
    "userId": USER,
    "userPrincipalName": "staging@contoso.com",
    "enrolledDateTime": "2026-02-16T09:30:00.1234567Z",
    "lastSyncDateTime": "2026-03-02T07:00:00Z",
    "complianceState": "noncompliant",
    "complianceGracePeriodExpirationDateTime": "9999-12-31T23:59:59Z",
    "managementState": "managed",
    "managementAgent": "mdm",
    "managedDeviceOwnerType": "company",
    "operatingSystem": "Windows",
    "model": "EliteBook 840",
    "enrollmentProfileName": "Standard",
    "enrolledByUserPrincipalName": "staging@contoso.com",
    "deviceEnrollmentType": "windowsAzureADJoin",
    "joinType": "azureADJoined",
    "deviceType": "windowsRT",
    "skuFamily": "Pro",
    "usersLoggedOn": [
        {"userId": "older", "lastLogOnDateTime": "2026-02-20T08:00:00Z"},
        {"userId": "newest", "lastLogOnDateTime": "2026-03-02T08:00:00Z"},
        {"userId": "newest", "lastLogOnDateTime": "2026-03-01T08:00:00Z"},
        {"userId": "never", "lastLogOnDateTime": "0001-01-01T00:00:00Z"},
        {"userId": "", "lastLogOnDateTime": "2026-03-02T09:00:00Z"},
    ],
    "deviceActionResults": [
        {
            "actionName": "factoryReset",
            "actionState": "pending",
            "startDateTime": "2026-03-02T06:00:00Z",
            "lastUpdatedDateTime": "2026-03-02T06:00:00Z",
        }
    ],
}


def row(**changes: object) -> dict[str, object]:
    return {**FULL, **changes}


def test_every_property_of_a_device_is_read() -> None:
    assert managed_device(FULL) == ManagedDevice(
        id=DEVICE,
        entra_device_id=ENTRA_DEVICE,
        serial_number="5CG1234XYZ",
        name="PC-0427",
        user_id=USER,
        user_principal_name="staging@contoso.com",
        enrolled_at=datetime(2026, 2, 16, 9, 30, 0, 123456, tzinfo=UTC),
        last_sync_at=datetime(2026, 3, 2, 7, tzinfo=UTC),
        compliance=Compliance.NONCOMPLIANT,
        management_state="managed",
        management_agent="mdm",
        owner_type="company",
        operating_system="Windows",
        model="EliteBook 840",
        enrolment_profile="Standard",
        enrolled_by="staging@contoso.com",
        logged_on_user_ids=("newest", "older", "never"),
        grace_expires_at=None,
        enrolment_type="windowsAzureADJoin",
        join_type="azureADJoined",
        device_type="windowsRT",
        sku_family="Pro",
        actions=(ActionResult(name="factoryReset", state="pending", started_at=datetime(2026, 3, 2, 6, tzinfo=UTC)),),
    )


def test_no_property_is_read_into_the_field_of_another() -> None:
    distinct: dict[str, object] = {name: f"the {name}" for name in EVERYTHING.split(",")}
    hours = {"enrolledDateTime": 1, "lastSyncDateTime": 2, "complianceGracePeriodExpirationDateTime": 3}
    dates = {name: f"2026-03-01T0{hour}:00:00Z" for name, hour in hours.items()}
    lists = {"usersLoggedOn": [{"userId": "somebody"}], "deviceActionResults": [{"actionName": "wipe"}]}
    read = managed_device(distinct | dates | lists | {"complianceState": "compliant"})
    assert read == ManagedDevice(
        id="the id",
        entra_device_id="the azureADDeviceId",
        serial_number="the serialNumber",
        name="the deviceName",
        user_id="the userId",
        user_principal_name="the userPrincipalName",
        enrolled_at=datetime(2026, 3, 1, 1, tzinfo=UTC),
        last_sync_at=datetime(2026, 3, 1, 2, tzinfo=UTC),
        compliance=Compliance.COMPLIANT,
        management_state="the managementState",
        management_agent="the managementAgent",
        owner_type="the managedDeviceOwnerType",
        operating_system="the operatingSystem",
        model="the model",
        enrolment_profile="the enrollmentProfileName",
        enrolled_by="the enrolledByUserPrincipalName",
        logged_on_user_ids=("somebody",),
        enrolment_type="the deviceEnrollmentType",
        join_type="the joinType",
        device_type="the deviceType",
        sku_family="the skuFamily",
        grace_expires_at=datetime(2026, 3, 1, 3, tzinfo=UTC),
        actions=(ActionResult(name="wipe", state="", started_at=None),),
    )


def test_a_device_that_was_read_is_frozen_like_any_other() -> None:
    read = managed_device(FULL)
    assert type(read) is ManagedDevice
    assert hash(read) == hash(replace(read))
    with pytest.raises(FrozenInstanceError):
        read.id = "another"  # pyright: ignore[reportAttributeAccessIssue]  # what is tested


def test_a_device_with_nothing_but_an_id_is_read() -> None:
    empty = managed_device({"id": DEVICE, **dict.fromkeys(set(FULL) - {"id"})})
    assert empty == managed_device({"id": DEVICE})
    assert empty.user_id is empty.entra_device_id is empty.enrolled_at is empty.enrolled_by is None
    assert empty.serial_number == empty.management_state == ""
    assert empty.compliance is Compliance.UNRECOGNISED


@pytest.mark.parametrize("state", list(Compliance))
def test_every_compliance_state_is_read(state: Compliance) -> None:
    assert managed_device(row(complianceState=state.value)).compliance is state


@pytest.mark.parametrize("state", ["unknownFutureValue", "somethingNew", "", None, 1])
def test_a_compliance_state_we_do_not_know_is_unrecognised(state: object) -> None:
    assert managed_device(row(complianceState=state)).compliance is Compliance.UNRECOGNISED


@pytest.mark.parametrize("no_id", [None, "", "00000000-0000-0000-0000-000000000000", 5])
def test_a_device_without_an_id_is_unexpected(no_id: object) -> None:
    with pytest.raises(Unexpected):
        managed_device(row(id=no_id))


async def test_a_device_is_read_from_beta_and_reread_from_v1() -> None:
    async with graph_over(always(200, FULL)) as (graph, wire):
        assert await graph.devices.read(DEVICE.upper()) == managed_device(FULL)
        await graph.devices.reread(DEVICE)
    beta, v1 = wire.targets
    assert beta.startswith(f"/beta/deviceManagement/managedDevices/{DEVICE.upper()}?$select=id,azureADDeviceId,")
    assert beta.endswith(",enrolledByUserPrincipalName,usersLoggedOn,joinType,deviceType,skuFamily")
    assert v1.startswith(f"/v1.0/deviceManagement/managedDevices/{DEVICE}?$select=id,azureADDeviceId,")
    assert "enrolledBy" not in v1
    assert "usersLoggedOn" not in v1


async def test_another_device_than_the_one_asked_for_is_unexpected() -> None:
    async with graph_over(always(200, row(id=USER))) as (graph, _):
        with pytest.raises(Unexpected):
            await graph.devices.read(DEVICE)
        with pytest.raises(Unexpected):
            await graph.devices.reread(DEVICE)


@pytest.mark.parametrize("odd", ["", ".", "..", "a/b", "../../users", "a?b", "a#b"])
async def test_what_is_no_id_is_missing_and_nothing_is_sent(odd: str) -> None:
    async with graph_over(always(200, {"value": [FULL]})) as (graph, wire):
        assert await graph.devices.read(odd) is MISSING
        assert await graph.devices.reread(odd) is MISSING
        assert isinstance(await graph.devices.sync(odd), Refused)
    assert wire.requests == []


async def test_enrolments_of_a_serial_number_come_newest_first() -> None:
    old = row(id="old", enrolledDateTime="2026-01-01T00:00:00Z")
    new = row(id="new", enrolledDateTime="2026-03-01T00:00:00Z")
    never = row(id="never", enrolledDateTime="0001-01-01T00:00:00Z")
    async with graph_over(page(old, never, new)) as (graph, wire):
        found = await graph.devices.with_serial_number("5CG1234XYZ")
    assert [device.id for device in found] == ["new", "old", "never"]
    assert wire.targets[0].startswith("/v1.0/deviceManagement/managedDevices?")
    assert wire.requests[0].url.params["$filter"] == "serialNumber eq '5CG1234XYZ'"


async def test_a_filter_that_is_silently_ignored_finds_no_other_device() -> None:
    others = [row(id=f"other-{n}", serialNumber=f"OTHER{n}", azureADDeviceId=USER) for n in range(50)]
    mine = row(id="mine", serialNumber=" 5cg1234xyz ")
    next_link = f"{BASE}/v1.0/deviceManagement/managedDevices?$skiptoken=1"
    everything = (page(*others, next_link=next_link), page(mine))
    async with graph_over(in_turn(*everything, *everything, page(*others))) as (graph, _):
        assert [each.id for each in await graph.devices.with_serial_number("5CG1234XYZ")] == ["mine"]
        assert [each.id for each in await graph.devices.with_entra_device(ENTRA_DEVICE.upper())] == ["mine"]
        assert await graph.devices.with_serial_number("5CG1234") == ()


@pytest.mark.parametrize("odd", ["", "   ", "a'b", "x' or serialNumber ne '", "a&b", "é", "1" * 65])
async def test_an_odd_serial_number_finds_nothing_and_nothing_is_sent(odd: str) -> None:
    async with graph_over(page(row(serialNumber=odd))) as (graph, wire):
        assert await graph.devices.with_serial_number(odd) == ()
    assert wire.requests == []


@pytest.mark.parametrize("odd", ["", "x", "00000000-0000-0000-0000-000000000000", f"{USER}' or 1 eq 1"])
async def test_an_odd_entra_device_finds_nothing_and_nothing_is_sent(odd: str) -> None:
    async with graph_over(page(row(azureADDeviceId=odd))) as (graph, wire):
        assert await graph.devices.with_entra_device(odd) == ()
    assert wire.requests == []


async def test_enrolments_since_a_moment_are_checked_again() -> None:
    since = datetime(2026, 3, 1, 10, 0, 0, 500_000, tzinfo=UTC)
    rows = [
        row(id="before", enrolledDateTime="2026-03-01T10:00:00.4Z"),
        row(id="equal", enrolledDateTime="2026-03-01T10:00:00.5Z"),
        row(id="after", enrolledDateTime="2026-03-01T10:00:00.6Z"),
        row(id="never", enrolledDateTime=None),
    ]
    async with graph_over(page(*rows)) as (graph, wire):
        assert [device.id async for device in graph.devices.enrolled_since(since)] == ["after"]
    assert wire.requests[0].url.params["$filter"] == "enrolledDateTime gt 2026-03-01T10:00:00Z"


async def test_a_sync_is_one_post_without_a_body() -> None:
    async with graph_over(always(204)) as (graph, wire):
        assert await graph.devices.sync(DEVICE) == Done()
    (request,) = wire.requests
    assert (request.method, wire.targets[0], request.content) == (
        "POST",
        f"/v1.0/deviceManagement/managedDevices/{DEVICE}/syncDevice",
        b"",
    )


@pytest.mark.parametrize("status", [400, 404, 409, 412, 422])
async def test_a_refused_write_carries_graphs_words(status: int) -> None:
    async with graph_over(error(status, "BadRequest", "line\n" + "x" * 500)) as (graph, _):
        answer = await graph.devices.sync(DEVICE)
    assert isinstance(answer, Refused)
    assert answer.code == "BadRequest"
    assert answer.message.startswith("line\\nxxx")
    assert len(answer.message) == 200


async def test_a_refused_write_without_a_body_carries_the_status() -> None:
    async with graph_over(always(404)) as (graph, _):
        assert await graph.devices.sync(DEVICE) == Refused(code="http_404", message="")


@pytest.mark.parametrize(
    ("status", "raised"),
    [
        (401, AccessDenied),
        (403, AccessDenied),
        (429, RetryLater),
        (503, RetryLater),
        (504, RetryLater),
        (302, Unexpected),
    ],
)
async def test_a_write_that_failed_is_sent_once_and_raised(status: int, raised: type[Exception]) -> None:
    async with graph_over(error(status)) as (graph, wire):
        with pytest.raises(raised):
            await graph.devices.sync(DEVICE)
    assert len(wire.requests) == 1


POLICY: dict[str, object] = {
    "displayName": "Default Device Compliance Policy",
    "state": "nonCompliant",
    "settingStates": [
        {"setting": "DefaultDeviceCompliancePolicy.RequireUserExistence", "state": "nonCompliant"},
        {"setting": None, "state": None},
        "not an object",
    ],
}


async def test_every_policy_of_a_device_is_read_with_its_settings() -> None:
    async with graph_over(page(POLICY, {"settingStates": None})) as (graph, wire):
        states = await graph.devices.policy_states(DEVICE)

    assert states == (
        PolicyState(
            name="Default Device Compliance Policy",
            state="nonCompliant",
            settings=(
                SettingState(name="DefaultDeviceCompliancePolicy.RequireUserExistence", state="nonCompliant"),
                SettingState(name="", state=""),
            ),
        ),
        PolicyState(name="", state="", settings=()),
    )
    assert (
        str(wire.requests[0].url)
        == f"{BASE}/v1.0/deviceManagement/managedDevices/{DEVICE}/deviceCompliancePolicyStates"
    )


async def test_a_device_that_is_gone_has_no_policies() -> None:
    async with graph_over(error(404, "ResourceNotFound")) as (graph, _):
        assert await graph.devices.policy_states(DEVICE) == ()


async def test_policies_are_not_asked_for_with_what_is_no_id() -> None:
    async with graph_over(page()) as (graph, wire):
        assert await graph.devices.policy_states("..") == ()
    assert wire.requests == []
