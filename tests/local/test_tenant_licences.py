"""Licences in the simulated tenant: seats, provisioning, what Graph refuses, and licences that come from groups."""

import pytest

from local.tenant.model.licences import LicenceToAdd
from local.tenant.model.refusal import GraphRefusal
from local.tenant.model.tenant import TenantModel
from tests.local.simulated_tenant import MINUTE, OWNER, SPB, STAGING, STANDARD, license_owner, story

INTUNE = "c1ec4a95-1f05-45b3-a911-aa3fa01094f5"
GROUP = {"name": "Business Premium", "licences": ["SPB"]}
SKUS = [{"part": "SPB", "seats": 5}, {"part": "O365_BUSINESS_PREMIUM", "seats": 25}]


def _states(model: TenantModel, upn: str = OWNER) -> dict[str, str]:
    """Service plan name -> provisioningStatus, of all the user's licences."""
    return {state.plan.name: state.status for detail in model.licences.details(upn) for state in detail.plans}


def _refused(model: TenantModel, upn: str = OWNER, *, add: tuple[str, ...] = (), remove: tuple[str, ...] = ()) -> str:
    with pytest.raises(GraphRefusal) as refusal:
        model.licences.assign(upn, add=[LicenceToAdd(sku_id=sku) for sku in add], remove=remove)
    assert refusal.value.status == 400
    return refusal.value.message


def test_a_new_licence_is_pending_until_it_is_provisioned() -> None:
    model = story()
    model.licences.assign(OWNER, add=[LicenceToAdd(sku_id=SPB)], remove=[])
    assert _states(model)["INTUNE_A"] == "PendingProvisioning"
    model.clock.advance(3 * MINUTE)
    assert _states(model)["INTUNE_A"] == "PendingProvisioning"
    model.clock.advance(1 * MINUTE)
    assert _states(model)["INTUNE_A"] == "Success"


def test_business_standard_holds_no_intune_whatever_its_part_number_says() -> None:
    model = story()
    assert _states(model).keys() == {"INTUNE_O365", "EXCHANGE_S_STANDARD", "TEAMS1"}
    assert not model.licences.has_intune(model.users.require(OWNER))


def test_intune_alone_does_not_let_a_user_enrol_automatically() -> None:
    model = story(tenant={"skus": [*SKUS, {"part": "INTUNE_A", "seats": 1}]}, user={"licences": ["INTUNE_A"]})
    owner = model.users.require(OWNER)
    assert model.licences.has_intune(owner)
    assert not model.licences.can_enrol_automatically(owner)


def test_entra_premium_alone_does_not_let_a_user_enrol_at_all() -> None:
    model = story(tenant={"skus": [*SKUS, {"part": "AAD_PREMIUM", "seats": 1}]}, user={"licences": ["AAD_PREMIUM"]})
    assert not model.licences.can_enrol_automatically(model.users.require(OWNER))


def test_a_disabled_plan_grants_nothing() -> None:
    model = story()
    model.licences.assign(OWNER, add=[LicenceToAdd(sku_id=SPB, disabled_plan_ids=frozenset({INTUNE}))], remove=[])
    model.clock.advance(5 * MINUTE)
    assert _states(model)["INTUNE_A"] == "Disabled"
    assert not model.licences.has_intune(model.users.require(OWNER))


def test_seats_move_with_assignments() -> None:
    model = story()
    assert model.skus.by_part_number("SPB").consumed == 1
    license_owner(model)
    assert model.skus.by_part_number("SPB").consumed == 2
    model.licences.assign(OWNER, add=[], remove=[SPB])
    assert model.skus.by_part_number("SPB").consumed == 1


def test_repeating_an_assignment_takes_no_second_seat() -> None:
    model = story()
    license_owner(model)
    license_owner(model)
    assert model.skus.by_part_number("SPB").consumed == 2


def test_without_a_free_seat_nothing_is_assigned() -> None:
    model = story(tenant={"skus": [{"part": "SPB", "seats": 1}, SKUS[1]]})
    assert _refused(model, add=(SPB,)) == f"Subscription with SKU {SPB} does not have any available licenses."
    assert "INTUNE_A" not in _states(model)


def test_without_a_usage_location_nothing_is_assigned() -> None:
    model = story(user={"usage_location": None})
    expected = "License assignment cannot be done for user with invalid usage location."
    assert _refused(model, add=(SPB,)) == expected
    model.users.update(OWNER, usage_location="gb")
    license_owner(model)
    assert model.licences.has_intune(model.users.require(OWNER))


def test_a_product_that_was_not_bought_is_refused() -> None:
    assert "does not correspond to a valid company License" in _refused(story(), add=(INTUNE,))


def test_a_licence_that_is_not_held_cannot_be_removed() -> None:
    assert _refused(story(), remove=(SPB,)) == "User does not have a corresponding license."


def test_a_swap_is_all_or_nothing() -> None:
    model = story(tenant={"skus": [{"part": "SPB", "seats": 1}, SKUS[1]]})
    _refused(model, add=(SPB,), remove=(STANDARD,))
    assert "TEAMS1" in _states(model)
    assert model.skus.by_part_number("O365_BUSINESS_PREMIUM").consumed == 1
    model.skus.buy(SPB, 1)
    model.licences.assign(OWNER, add=[LicenceToAdd(sku_id=SPB)], remove=[STANDARD])
    assert model.skus.by_part_number("O365_BUSINESS_PREMIUM").consumed == 0
    assert [detail.sku.product.part_number for detail in model.licences.details(OWNER)] == ["SPB"]


def test_a_plan_that_was_lost_is_remembered_until_it_is_held_again() -> None:
    model = story()
    model.licences.assign(STAGING, add=[], remove=[SPB])
    assert INTUNE in {plan.plan_id for plan in model.users.require(STAGING).removed_plans}
    model.licences.assign(STAGING, add=[LicenceToAdd(sku_id=SPB)], remove=[])
    assert INTUNE not in {plan.plan_id for plan in model.users.require(STAGING).removed_plans}


def test_a_group_licence_arrives_after_a_while_and_cannot_be_removed_from_the_user() -> None:
    model = story(tenant={"skus": SKUS, "groups": [GROUP]})
    group = model.groups.find("Business Premium")
    assert group is not None
    model.groups.add_member(group.id, OWNER)
    assert "INTUNE_A" not in _states(model)
    model.clock.advance(10 * MINUTE)
    assert _states(model)["INTUNE_A"] == "Success"
    assert "inherited from a group" in _refused(model, remove=(SPB,))
    model.groups.remove_member(group.id, OWNER)
    assert "INTUNE_A" not in _states(model)


def test_a_group_licence_without_a_seat_is_written_on_the_user_and_can_be_tried_again() -> None:
    model = story(tenant={"skus": [{"part": "SPB", "seats": 1}, SKUS[1]], "groups": [GROUP]})
    group = model.groups.find("Business Premium")
    assert group is not None
    model.groups.add_member(group.id, OWNER)
    model.clock.advance(10 * MINUTE)
    assert [held.error for held in model.users.require(OWNER).licences] == [None, "CountViolation"]
    assert model.skus.by_part_number("SPB").consumed == 1
    model.skus.buy(SPB, 1)
    model.licences.retry_group_errors(OWNER)
    model.clock.advance(5 * MINUTE)
    assert model.licences.has_intune(model.users.require(OWNER))
