"""Users, their plans, and the two writes on them."""

from datetime import UTC, datetime

import pytest

from shared.clients.graph.directory import directory_user
from shared.domain.effects import Done, Refused
from shared.domain.facts import MISSING, HeldLicence, LicenceGroup, PlanStatus, User
from shared.errors import Unexpected
from tests.clients.graph_wire import (
    BASE,
    USER,
    Answering,
    always,
    error,
    graph_over,
    in_turn,
    page,
)

SPB = "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46"
INTUNE = "c1ec4a95-1f05-45b3-a911-aa3fa01094f5"
ENTRA_P1 = "41781fb2-bc02-4b7c-bd55-b576c07bb09d"
FULL: dict[str, object] = {
    "id": USER,
    "userPrincipalName": "DEF456@contoso.com",
    "displayName": "DEF456",
    "accountEnabled": True,
    "userType": "Member",
    "usageLocation": "GB",
    "assignedLicenses": [{"skuId": SPB, "disabledPlans": []}, {"skuId": None}],
    "assignedPlans": [
        {"servicePlanId": INTUNE, "capabilityStatus": "Enabled", "service": "SCO"},
        {"servicePlanId": ENTRA_P1, "capabilityStatus": "Deleted", "service": "AADPremiumService"},
        {"servicePlanId": None, "capabilityStatus": "Enabled"},
    ],
}


def row(**changes: object) -> dict[str, object]:
    return {**FULL, **changes}


def test_a_user_is_read_with_licences_and_enabled_plans() -> None:
    assert directory_user(FULL) == User(
        id=USER,
        user_principal_name="DEF456@contoso.com",
        display_name="DEF456",
        enabled=True,
        user_type="Member",
        usage_location="GB",
        sku_ids=(SPB,),
        enabled_plan_ids=frozenset({INTUNE}),
        licences=(HeldLicence(sku_id=SPB, direct=False),),  # no state says that it is direct
    )


def test_a_plan_says_when_it_was_assigned_by_each_licence_that_gives_it() -> None:
    given = {"servicePlanId": INTUNE, "capabilityStatus": "Enabled"}
    first, again = "2026-03-02T08:00:00Z", "2026-03-04T08:00:00.1234567Z"
    plans = [
        {**given, "assignedDateTime": first},
        {**given, "assignedDateTime": again},
        {**given, "servicePlanId": ENTRA_P1, "assignedDateTime": None},
        {**given, "servicePlanId": "taken", "capabilityStatus": "Deleted", "assignedDateTime": again},
    ]

    user = directory_user(row(assignedPlans=plans))

    assert user.enabled_plan_ids == {INTUNE, ENTRA_P1}
    assert user.plans_assigned_at == (
        (INTUNE, datetime(2026, 3, 2, 8, tzinfo=UTC)),
        (INTUNE, datetime(2026, 3, 4, 8, 0, 0, 123456, tzinfo=UTC)),
    )


def test_a_user_of_whom_little_is_known_is_not_enabled() -> None:
    user = directory_user({"id": USER, "accountEnabled": None, "usageLocation": ""})
    assert not user.enabled
    assert user.usage_location is None
    assert user.sku_ids == ()


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        (USER, USER),
        ("def456@contoso.com", "def456%40contoso.com"),
        ("o'neil@contoso.com", "o%27neil%40contoso.com"),
        ("a_fabrikam.com#EXT#@contoso.com", "a_fabrikam.com%23EXT%23%40contoso.com"),
        ("50%?x=1@contoso.com", "50%25%3Fx%3D1%40contoso.com"),
    ],
)
async def test_a_user_is_asked_for_by_id_or_encoded_upn(asked: str, path: str) -> None:
    answer = always(200, row() if asked == USER else row(userPrincipalName=asked.upper()))
    async with graph_over(answer) as (graph, wire):
        assert isinstance(await graph.directory.user(asked), User)
    assert wire.targets == [
        f"/v1.0/users/{path}?$select=id,userPrincipalName,displayName,accountEnabled,userType,usageLocation,"
        "assignedLicenses,assignedPlans,mail,officeLocation,licenseAssignmentStates"
    ]


async def test_another_user_than_the_one_asked_for_is_unexpected() -> None:
    async with graph_over(always(200, FULL)) as (graph, _):
        with pytest.raises(Unexpected):
            await graph.directory.user("somebody@contoso.com")


@pytest.mark.parametrize("odd", ["", "..", "a/b@contoso.com", "a b@contoso.com", "a\x00@contoso.com"])
async def test_what_is_no_user_is_missing_and_nothing_is_sent(odd: str) -> None:
    async with graph_over(page(FULL)) as (graph, wire):
        assert await graph.directory.user(odd) is MISSING
        assert await graph.directory.plans(odd) == ()
        assert isinstance(await graph.directory.set_usage_location(odd, "GB"), Refused)
        assert isinstance(await graph.directory.assign_licence(odd, SPB), Refused)
    assert wire.requests == []


async def test_the_plans_of_all_licences_are_read() -> None:
    plans: list[object] = [
        {"servicePlanId": INTUNE, "servicePlanName": "INTUNE_A", "provisioningStatus": "PendingProvisioning"},
        {"servicePlanId": ENTRA_P1, "servicePlanName": "AAD_PREMIUM", "provisioningStatus": "Success"},
    ]
    pages = in_turn(
        page({"id": "x", "skuId": "other", "servicePlans": None}, next_link=f"{BASE}/v1.0/next"),
        page({"id": "y", "skuId": SPB, "skuPartNumber": "SPB", "servicePlans": plans}),
    )
    async with graph_over(pages) as (graph, wire):
        assert await graph.directory.plans(USER) == (
            PlanStatus(sku_id=SPB, plan_id=INTUNE, name="INTUNE_A", status="PendingProvisioning"),
            PlanStatus(sku_id=SPB, plan_id=ENTRA_P1, name="AAD_PREMIUM", status="Success"),
        )
    assert wire.targets[0] == f"/v1.0/users/{USER}/licenseDetails"


async def test_a_user_who_is_not_there_has_no_plans() -> None:
    async with graph_over(error(404)) as (graph, _):
        assert await graph.directory.plans(USER) == ()


async def test_the_usage_location_is_patched_alone() -> None:
    async with graph_over(always(204)) as (graph, wire):
        assert await graph.directory.set_usage_location(USER, "GB") == Done()
    assert (wire.requests[0].method, wire.targets, wire.bodies) == (
        "PATCH",
        [f"/v1.0/users/{USER}"],
        [{"usageLocation": "GB"}],
    )


async def test_one_licence_is_added_and_none_is_taken() -> None:
    async with graph_over(always(200, FULL)) as (graph, wire):
        assert await graph.directory.assign_licence(USER, SPB) == Done()
    assert (wire.requests[0].method, wire.targets, wire.bodies) == (
        "POST",
        [f"/v1.0/users/{USER}/assignLicense"],
        [{"addLicenses": [{"skuId": SPB, "disabledPlans": []}], "removeLicenses": []}],
    )
    assert wire.requests[0].headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "refused",
    [error(400, "Request_BadRequest", "License assignment cannot be done for user with invalid usage location.")],
)
async def test_a_refused_licence_carries_graphs_reason(refused: Answering) -> None:
    async with graph_over(refused) as (graph, _):
        assert await graph.directory.assign_licence(USER, SPB) == Refused(
            code="Request_BadRequest",
            message="License assignment cannot be done for user with invalid usage location.",
        )


def test_held_licences_tell_direct_from_inherited_and_name_the_error() -> None:
    states: list[dict[str, object]] = [
        {"skuId": SPB, "assignedByGroup": None, "error": "None", "state": "Active", "disabledPlans": [INTUNE, None]},
        {"skuId": SPB, "assignedByGroup": "g", "error": "CountViolation", "state": "Error", "disabledPlans": []},
        {"skuId": SPB, "assignedByGroup": "h", "error": None, "state": "Error"},
        {"skuId": None},
    ]
    assert directory_user(row(licenseAssignmentStates=states)).licences == (
        HeldLicence(sku_id=SPB, direct=True, disabled_plan_ids=frozenset({INTUNE})),
        HeldLicence(sku_id=SPB, direct=False, group_id="g", error="CountViolation"),
        HeldLicence(sku_id=SPB, direct=False, group_id="h", error="Other"),
    )


async def test_a_swap_is_one_write_and_taking_back_adds_nothing() -> None:
    async with graph_over(always(200, FULL)) as (graph, wire):
        await graph.directory.assign_licence(USER, SPB, disabled_plan_ids=(INTUNE,), remove_sku_ids=("old",))
        await graph.directory.remove_licences(USER, (SPB,))
    assert wire.bodies == [
        {"addLicenses": [{"skuId": SPB, "disabledPlans": [INTUNE]}], "removeLicenses": ["old"]},
        {"addLicenses": [], "removeLicenses": [SPB]},
    ]


async def test_a_member_of_the_group_already_is_as_good_as_added() -> None:
    there = error(400, "Request_BadRequest", "One or more added object references already exist for 'members'.")
    dynamic = error(400, "Request_BadRequest", "The group is dynamic.")
    async with graph_over(in_turn(always(204), there, dynamic)) as (graph, wire):
        assert await graph.directory.add_to_group(USER, USER) == Done()
        assert await graph.directory.add_to_group(USER, USER) == Done()
        assert isinstance(await graph.directory.add_to_group(USER, USER), Refused)
        assert isinstance(await graph.directory.add_to_group("a/b", USER), Refused)
    assert wire.bodies == [{"@odata.id": f"{BASE}/v1.0/directoryObjects/{USER}"}] * 3


async def test_a_licence_group_is_read_with_the_plans_switched_off_in_it() -> None:
    body = {"id": USER, "displayName": "G", "assignedLicenses": [{"skuId": SPB, "disabledPlans": [INTUNE]}]}
    async with graph_over(in_turn(always(200, body), error(404))) as (graph, _):
        assert await graph.directory.licence_group(USER) == LicenceGroup(
            id=USER, name="G", products=((SPB, frozenset({INTUNE})),)
        )
        assert await graph.directory.licence_group(USER) is MISSING
        assert await graph.directory.licence_group("Intune users") is MISSING
