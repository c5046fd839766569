"""Autopilot on the wire: finding a registration, its user, its profile, and the sync with its limits."""

import json

import pytest

from tests.local.simulated_tenant import (
    AUTOPILOT,
    MINUTE,
    OWNER,
    SERIAL,
    Client,
    client_of,
    license_owner,
    registration,
    story,
)

BETA = AUTOPILOT.replace("v1.0", "beta")
SYNC = "/beta/deviceManagement/windowsAutopilotSettings/sync"
FOUND = f"contains(serialNumber,'{SERIAL}')"


async def _assign(client: Client, **body: str) -> int:
    answer = await client.post(f"{AUTOPILOT}/{registration(client.model).id}/assignUserToDevice", body)
    return answer.status_code


async def test_a_registration_is_found_by_a_part_of_its_serial_number() -> None:
    model = story(devices=[{"serial": SERIAL}, {"serial": f"1{SERIAL}2"}, {"serial": "OTHER"}])
    async with client_of(model) as client:
        rows = (await client.get(AUTOPILOT, filter=FOUND))["value"]
    assert [row["serialNumber"] for row in rows] == [SERIAL, f"1{SERIAL}2"]


async def test_equality_of_serial_numbers_is_no_filter_here() -> None:
    async with client_of(story()) as client:
        status, code, message = await client.error(AUTOPILOT, filter=f"serialNumber eq '{SERIAL}'")
    assert (status, code) == (400, "BadRequest")
    assert json.loads(message)["_version"] == 3


async def test_the_user_is_empty_in_lists_and_filled_by_id() -> None:
    model = story(device={"autopilot": {"user": OWNER}})
    async with client_of(model) as client:
        (row,) = (await client.get(AUTOPILOT, filter=FOUND))["value"]
        assert row["userPrincipalName"] == ""
        assert (await client.get(f"{AUTOPILOT}/{row['id']}"))["userPrincipalName"] == OWNER


async def test_assigning_needs_both_names_and_a_licensed_user() -> None:
    model = story()
    async with client_of(model) as client:
        assert await _assign(client, userPrincipalName=OWNER, addressableUserName="DEF456") == 400
        license_owner(model)
        assert await _assign(client, userPrincipalName=OWNER) == 400
        assert await _assign(client, addressableUserName="DEF456") == 400
        assert await _assign(client, userPrincipalName="nobody@contoso.example", addressableUserName="N") == 400
        assert registration(model).upn == ""
        assert await _assign(client, userPrincipalName=OWNER.upper(), addressableUserName="DEF456") == 204
        assert (registration(model).upn, registration(model).addressable_name) == (OWNER, "DEF456")


async def test_a_user_can_be_unassigned() -> None:
    model = story(device={"autopilot": {"user": OWNER}})
    async with client_of(model) as client:
        assert (await client.post(f"{AUTOPILOT}/{registration(model).id}/unassignUserFromDevice")).status_code == 204
    assert registration(model).upn == ""


async def test_properties_are_updated_alone_or_with_the_user() -> None:
    model = story()
    license_owner(model)
    path = f"{AUTOPILOT}/{registration(model).id}/updateDeviceProperties"
    async with client_of(model) as client:
        assert (await client.post(path, {"groupTag": "sales"})).status_code == 204
        body = {"userPrincipalName": OWNER, "addressableUserName": "DEF456"}
        assert (await client.post(path, body)).status_code == 204
        assert (await client.post(path, {"colour": "red"})).status_code == 400
    assert (registration(model).group_tag, registration(model).upn) == ("sales", OWNER)


async def test_the_profile_is_on_beta_only() -> None:
    model = story()
    async with client_of(model) as client:
        path = f"{registration(model).id}/deploymentProfile"
        profile = await client.get(f"{BETA}/{path}")
        assert (await client.http.get(f"{AUTOPILOT}/{path}")).status_code == 404
    assert profile["@odata.type"] == "#microsoft.graph.azureADWindowsAutopilotDeploymentProfile"
    assert profile["outOfBoxExperienceSetting"]["deviceUsageType"] == "singleUser"
    assert profile["outOfBoxExperienceSetting"]["userType"] == "standard"


async def test_the_profile_can_be_expanded_by_id_and_in_lists() -> None:
    model = story()
    async with client_of(model) as client:
        by_id = await client.get(f"{BETA}/{registration(model).id}", expand="deploymentProfile")
        (row,) = (await client.get(BETA, expand="deploymentProfile", filter=FOUND))["value"]
    assert by_id["deploymentProfile"]["displayName"] == row["deploymentProfile"]["displayName"] == "Entra user-driven"
    assert "intendedDeploymentProfile" not in row


async def test_a_registration_without_profile_has_none() -> None:
    model = story(device={"autopilot": {"profile": "-"}})
    async with client_of(model) as client:
        by_id = await client.get(f"{BETA}/{registration(model).id}", expand="deploymentProfile")
    assert by_id["deploymentProfile"] is None
    assert by_id["deploymentProfileAssignmentStatus"] == "notAssigned"


async def test_profiles_say_whom_they_are_assigned_to() -> None:
    tenant = {
        "groups": [{"name": "Laptops"}],
        "autopilot_profiles": [{"name": "Everybody"}, {"name": "Some", "usage": "shared", "assigned_to": ["Laptops"]}],
    }
    model = story(tenant=tenant, users=[], devices=[])
    laptops = model.groups.find("Laptops")
    assert laptops is not None
    async with client_of(model) as client:
        path = "/beta/deviceManagement/windowsAutopilotDeploymentProfiles"
        everybody, some = (await client.get(path, expand="assignments"))["value"]
        (assignment,) = (await client.get(f"{path}/{some['id']}/assignments"))["value"]
    assert everybody["assignments"][0]["target"]["@odata.type"] == "#microsoft.graph.allDevicesAssignmentTarget"
    assert assignment["target"]["groupId"] == laptops.id
    assert some["outOfBoxExperienceSetting"]["deviceUsageType"] == "shared"


async def test_a_sync_is_refused_while_one_runs_and_soon_after() -> None:
    model = story()
    async with client_of(model) as client:
        assert (await client.post(SYNC)).status_code == 204
        assert (await client.post(SYNC)).status_code == 409
        model.clock.advance(6 * MINUTE)
        assert (await client.get(SYNC.removesuffix("/sync")))["syncStatus"] == "completed"
        assert (await client.post(SYNC)).status_code == 429
        model.clock.advance(6 * MINUTE)
        assert (await client.post(SYNC)).status_code == 204


@pytest.mark.parametrize("status", ["pending", "assignedOutOfSync", "failed"])
async def test_the_assignment_status_is_what_the_scenario_says(status: str) -> None:
    model = story(device={"autopilot": {"status": status}})
    async with client_of(model) as client:
        by_id = await client.get(f"{BETA}/{registration(model).id}")
    assert by_id["deploymentProfileAssignmentStatus"] == status
