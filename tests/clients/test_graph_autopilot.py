"""Autopilot registrations: found by exact serial number, read by id, bound to a user."""

import pytest

from shared.clients.graph.autopilot import autopilot_device
from shared.domain.effects import Done, Refused
from shared.domain.facts import MISSING, AutopilotDevice
from shared.errors import Unexpected
from tests.clients.graph_wire import (
    BASE,
    DEVICE,
    REGISTRATION,
    always,
    error,
    graph_over,
    in_turn,
    page,
)

PROFILE: dict[str, object] = {
    "@odata.type": "#microsoft.graph.azureADWindowsAutopilotDeploymentProfile",
    "displayName": "User driven",
    "outOfBoxExperienceSetting": {"deviceUsageType": "singleUser", "userType": "standard"},
}
FULL: dict[str, object] = {
    "id": REGISTRATION,
    "serialNumber": " 5CG1234XYZ ",
    "userPrincipalName": "def456@contoso.com",
    "managedDeviceId": DEVICE,
    "enrollmentState": "enrolled",
    "deploymentProfileAssignmentStatus": "assignedUnkownSyncState",
    "deploymentProfileAssignmentDetailedStatus": "hardwareRequirementsNotMet",
    "userlessEnrollmentStatus": "blocked",
    "azureActiveDirectoryDeviceId": DEVICE,
    "remediationState": "noRemediationRequired",
    "deploymentProfile": PROFILE,
}


def row(**changes: object) -> dict[str, object]:
    return {**FULL, **changes}


def test_a_registration_is_read_with_its_profile() -> None:
    assert autopilot_device(FULL) == AutopilotDevice(
        id=REGISTRATION,
        serial_number="5CG1234XYZ",
        user_principal_name="def456@contoso.com",
        managed_device_id=DEVICE,
        enrolment_state="enrolled",
        profile_status="assignedUnkownSyncState",
        remediation_state="noRemediationRequired",
        profile_name="User driven",
        profile_join_type="entra",
        profile_usage="singleUser",
        profile_user_type="standard",
        profile_detail="hardwareRequirementsNotMet",
        userless_status="blocked",
        entra_device_id=DEVICE,
    )


def test_a_registration_without_user_device_or_profile_is_read() -> None:
    device = autopilot_device(
        row(
            userPrincipalName="",
            managedDeviceId="00000000-0000-0000-0000-000000000000",
            deploymentProfile=None,
            remediationState=None,
        )
    )
    assert device.user_principal_name is None
    assert device.managed_device_id is None
    assert device.remediation_state == ""
    assert device.profile_name is device.profile_join_type is device.profile_usage is None


@pytest.mark.parametrize(
    ("odata_type", "join"),
    [
        ("#microsoft.graph.azureADWindowsAutopilotDeploymentProfile", "entra"),
        ("#microsoft.graph.activeDirectoryWindowsAutopilotDeploymentProfile", "hybrid"),
        ("#microsoft.graph.somethingNew", None),
        (None, None),
    ],
)
def test_the_join_type_is_the_type_of_the_profile(odata_type: str | None, join: str | None) -> None:
    profile = {**PROFILE, "@odata.type": odata_type}
    assert autopilot_device(row(deploymentProfile=profile)).profile_join_type == join


def test_the_older_name_of_the_experience_settings_is_read_when_the_newer_is_absent() -> None:
    older = {"deviceUsageType": "shared", "userType": "administrator"}
    both = {**PROFILE, "outOfBoxExperienceSettings": older}
    only_older = {**both, "outOfBoxExperienceSetting": None}
    assert autopilot_device(row(deploymentProfile=both)).profile_usage == "singleUser"
    assert autopilot_device(row(deploymentProfile=only_older)).profile_usage == "shared"
    assert autopilot_device(row(deploymentProfile=only_older)).profile_user_type == "administrator"


async def test_a_serial_number_is_found_by_contains_and_each_exact_match_is_read_by_id() -> None:
    answers = in_turn(
        page(row(id="longer", serialNumber="15CG1234XYZ2"), next_link=f"{BASE}/beta/next"),
        page(row(userPrincipalName="", serialNumber="5cg1234xyz"), row(id="second"), row(id="second")),
        always(200, FULL),
        always(200, row(id="second")),
    )
    async with graph_over(answers) as (graph, wire):
        found = await graph.autopilot.with_serial_number(" 5CG1234XYZ")
    assert [(each.id, each.user_principal_name) for each in found] == [
        (REGISTRATION, "def456@contoso.com"),
        ("second", "def456@contoso.com"),
    ]
    path = "/beta/deviceManagement/windowsAutopilotDeviceIdentities"
    assert wire.requests[0].url.path == path
    assert wire.requests[0].url.params["$filter"] == "contains(serialNumber,'5CG1234XYZ')"
    assert wire.targets[2:] == [
        f"{path}/{REGISTRATION}?$expand=deploymentProfile",
        f"{path}/second?$expand=deploymentProfile",
    ]


async def test_a_registration_that_goes_away_between_list_and_read_is_left_out() -> None:
    async with graph_over(in_turn(page(FULL), error(404))) as (graph, _):
        assert await graph.autopilot.with_serial_number("5CG1234XYZ") == ()


async def test_a_registration_that_turns_out_to_be_another_device_is_left_out() -> None:
    async with graph_over(in_turn(page(FULL), always(200, row(serialNumber="OTHER")))) as (graph, _):
        assert await graph.autopilot.with_serial_number("5CG1234XYZ") == ()


@pytest.mark.parametrize("odd", ["", " ", "a'b", "x')", "é"])
async def test_an_odd_serial_number_finds_nothing_and_nothing_is_sent(odd: str) -> None:
    async with graph_over(page(row(serialNumber=odd))) as (graph, wire):
        assert await graph.autopilot.with_serial_number(odd) == ()
    assert wire.requests == []


async def test_another_registration_than_the_one_asked_for_is_unexpected() -> None:
    async with graph_over(always(200, FULL)) as (graph, _):
        with pytest.raises(Unexpected):
            await graph.autopilot.read(DEVICE)


async def test_what_is_no_id_is_missing_and_nothing_is_sent() -> None:
    async with graph_over(page(FULL)) as (graph, wire):
        assert await graph.autopilot.read("..") is MISSING
        assert isinstance(await graph.autopilot.bind("", "def456@contoso.com", "DEF456"), Refused)
    assert wire.requests == []


async def test_binding_sends_both_names() -> None:
    async with graph_over(always(204)) as (graph, wire):
        assert await graph.autopilot.bind(REGISTRATION, "def456@contoso.com", "DEF456") == Done()
    assert (wire.requests[0].method, wire.targets, wire.bodies) == (
        "POST",
        [f"/v1.0/deviceManagement/windowsAutopilotDeviceIdentities/{REGISTRATION}/assignUserToDevice"],
        [{"userPrincipalName": "def456@contoso.com", "addressableUserName": "DEF456"}],
    )
