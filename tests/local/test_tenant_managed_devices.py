"""Managed devices on the wire: filters that work and the trap of those that do not, paging, versions, actions."""

import pytest

from local.tenant.model.tenant import TenantModel
from tests.local.simulated_tenant import MANAGED_DEVICES, OWNER, SERIAL, STAGING, client_of, device, story, wipe

BETA = MANAGED_DEVICES.replace("v1.0", "beta")


def _fleet() -> TenantModel:
    return story(
        devices=[
            {
                "serial": SERIAL,
                "enrolled_by": STAGING,
                "compliance": "noncompliant",
                "enrolled_at": "2026-02-01T00:00:00Z",
            },
            {
                "serial": "B-2",
                "enrolled_by": OWNER,
                "enrolled_at": "2026-02-20T00:00:00Z",
                "last_sync": "-P3D",
                "online": False,
            },
            {"serial": "C-3", "enrolled_by": OWNER, "enrolled_at": "2026-02-25T00:00:00Z", "os": "iOS"},
        ]
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"serialNumber eq '{SERIAL.lower()}'", [SERIAL]),
        ("complianceState eq 'noncompliant'", [SERIAL]),
        ("operatingSystem eq 'Windows'", [SERIAL, "B-2"]),
        (f"userPrincipalName eq '{OWNER}'", ["B-2", "C-3"]),
        ("enrolledDateTime gt 2026-02-10T00:00:00Z", ["B-2", "C-3"]),
        ("enrolledDateTime ge 2026-02-25T00:00:00Z", ["C-3"]),
        ("enrolledDateTime lt 2026-02-20T00:00:00Z", [SERIAL]),
        ("lastSyncDateTime lt 2026-03-01T00:00:00Z", ["B-2"]),
        ("operatingSystem eq 'Windows' and enrolledDateTime gt 2026-02-10T00:00:00Z", ["B-2"]),
        ("serialNumber eq 'O''NEIL'", []),
    ],
)
async def test_a_supported_filter_filters(text: str, expected: list[str]) -> None:
    async with client_of(_fleet()) as client:
        rows = (await client.get(MANAGED_DEVICES, filter=text))["value"]
    assert [row["serialNumber"] for row in rows] == expected


@pytest.mark.parametrize(
    "text",
    [
        "wiFiMacAddress eq '00155D4A0B01'",
        "userId eq 'somebody'",
        "contains(serialNumber,'5CG')",
        "serialNumber eq 'B-2' or serialNumber eq 'C-3'",
        f"serialNumber eq '{SERIAL}' and notes eq 'x'",
        "not a filter at all",
    ],
)
async def test_any_other_filter_is_ignored_and_every_device_comes_back(text: str) -> None:
    async with client_of(_fleet()) as client:
        rows = (await client.get(MANAGED_DEVICES, filter=text))["value"]
    assert len(rows) == 3


async def test_pages_lead_on_to_each_other_and_keep_filter_and_selection() -> None:
    devices = [{"serial": f"S-{n}", "enrolled_by": OWNER} for n in range(5)]
    async with client_of(story(devices=devices)) as client:
        answer = await client.get(
            MANAGED_DEVICES, top="2", select="serialNumber", filter="operatingSystem eq 'Windows'"
        )
        rows = answer["value"]
        while "@odata.nextLink" in answer:
            answer = (await client.http.get(answer["@odata.nextLink"])).json()
            rows += answer["value"]
    assert [row["serialNumber"] for row in rows] == [f"S-{n}" for n in range(5)]
    assert all(row.keys() == {"id", "serialNumber"} for row in rows)


async def test_some_fields_are_empty_in_lists() -> None:
    model = story()
    async with client_of(model) as client:
        (row,) = (await client.get(MANAGED_DEVICES, select="ethernetMacAddress"))["value"]
        by_id = await client.get(f"{MANAGED_DEVICES}/{device(model).id}", select="ethernetMacAddress")
    assert row["ethernetMacAddress"] is None
    assert by_id["ethernetMacAddress"] is not None


async def test_beta_tells_more_than_v1() -> None:
    model = story()
    async with client_of(model) as client:
        v1 = await client.get(f"{MANAGED_DEVICES}/{device(model).id}")
        beta = await client.get(f"{BETA}/{device(model).id}")
        status, _, message = await client.error(f"{MANAGED_DEVICES}/{device(model).id}", select="joinType")
    assert "enrolledByUserPrincipalName" not in v1
    assert beta["enrolledByUserPrincipalName"] == STAGING
    assert [log_on["userId"] for log_on in beta["usersLoggedOn"]] == [model.users.require(OWNER).id]
    assert status == 400
    assert "Could not find a property named 'joinType'" in message


async def test_a_device_that_is_not_there_is_404_in_intunes_words() -> None:
    async with client_of(story()) as client:
        status, code, message = await client.error(f"{MANAGED_DEVICES}/00000000-0000-0000-0000-000000000000")
    assert (status, code) == (404, "ResourceNotFound")
    assert '"_version": 3' in message


async def test_policy_states_name_the_failing_setting() -> None:
    model = story()
    async with client_of(model) as client:
        (state,) = (await client.get(f"{MANAGED_DEVICES}/{device(model).id}/deviceCompliancePolicyStates"))["value"]
    assert state["state"] == "nonCompliant"
    assert [s["setting"] for s in state["settingStates"]] == ["DefaultDeviceCompliancePolicy.RequireUserExistence"]


@pytest.mark.parametrize(
    ("version", "body", "status"),
    [
        ("v1.0", {"keepEnrollmentData": False, "keepUserData": False}, 204),
        ("v1.0", {"keepEnrollmentData": False, "keepUserData": False, "persistEsimDataPlan": False}, 204),
        ("v1.0", {}, 204),
        ("v1.0", {"useProtectedWipe": False}, 400),
        ("beta", {"useProtectedWipe": False}, 204),
        ("v1.0", {"keepEverything": True}, 400),
        ("v1.0", {"keepUserData": "perhaps"}, 400),
    ],
)
async def test_a_wipe_takes_the_parameters_of_its_version_only(
    version: str, body: dict[str, object], status: int
) -> None:
    model = story()
    async with client_of(model) as client:
        answer = await client.post(f"/{version}/deviceManagement/managedDevices/{device(model).id}/wipe", body)
    assert answer.status_code == status
    assert model.counts.wipes == (status == 204)
    assert model.counts.wipe_posts == 1


@pytest.mark.parametrize(
    "action", ["syncDevice", "retire", "rebootNow", "shutDown", "remoteLock", "cleanWindowsDevice"]
)
async def test_other_actions_are_queued_too(action: str) -> None:
    model = story()
    async with client_of(model) as client:
        assert (await client.post(f"{MANAGED_DEVICES}/{device(model).id}/{action}")).status_code == 204
        assert (await client.post(f"{MANAGED_DEVICES}/nowhere/{action}")).status_code == 404


async def test_the_primary_user_changes_on_beta_and_the_enrolment_user_stays() -> None:
    model = story()
    owner = model.users.require(OWNER)
    async with client_of(model) as client:
        body = {"@odata.id": f"https://graph.microsoft.com/beta/users('{owner.id}')"}
        path = f"/beta/deviceManagement/managedDevices('{device(model).id}')/users/$ref"
        assert (await client.post(path, body)).status_code == 204
        (user,) = (await client.get(f"{MANAGED_DEVICES}/{device(model).id}/users"))["value"]
    assert user["id"] == owner.id
    assert device(model).upn == STAGING


async def test_a_deleted_device_is_gone_at_once() -> None:
    model = story()
    managed_device_id = device(model).id
    async with client_of(model) as client:
        assert (await client.http.delete(f"{MANAGED_DEVICES}/{managed_device_id}")).status_code == 204
        assert (await client.http.get(f"{MANAGED_DEVICES}/{managed_device_id}")).status_code == 404


async def test_action_results_show_the_wipe() -> None:
    model = story()
    wipe(model)
    async with client_of(model) as client:
        answer = await client.get(f"{MANAGED_DEVICES}/{device(model).id}", select="deviceActionResults,managementState")
        audits = await client.get("/beta/deviceManagement/remoteActionAudits", filter="action eq 'factoryReset'")
    assert answer["managementState"] == "wipePending"
    assert answer["deviceActionResults"][0]["actionName"] == "factoryReset"
    assert audits["value"][0]["managedDeviceId"] == device(model).id
