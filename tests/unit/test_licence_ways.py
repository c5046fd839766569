"""The ways to a licence: switching a plan on, a group, a swap; and what Microsoft Entra's answers mean."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.case import Case, Decision
from shared.domain.effects import AssignLicence, JoinLicenceGroup, ReprocessLicences
from shared.domain.facts import MISSING, Facts, HeldLicence, LicenceGroup, Sku, TenantFacts, User
from shared.domain.policy import LicenceWay, Mode, Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.licence_answers import no_seat, refused
from shared.rules.licensing import LOOK_FOR_SEATS_AFTER, SEND_AGAIN_AFTER, await_licence, check_licence
from tests.builders import (
    BASIC_MOBILITY,
    ENTRA_P1,
    INTUNE,
    NOW,
    OWNER_ID,
    SPB_ID,
    STANDARD_ID,
    a_user,
    plans,
    spb,
    standard,
    tenant_facts,
    users,
)
from tests.case_builders import a_case, a_licence_request, a_policy, moved

GROUP = "0f5c9a52-7f3c-4a52-8a41-2f6d0c9b0001"
OTHER_PLAN, LOST_PLAN = "aaaaaaaa-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002"
BY_GROUP = a_policy(licence_way=LicenceWay.GROUP, licence_group=GROUP)
BY_SWAP = a_policy(licence_way=LicenceWay.SWAP, licence_swap_from=("O365_BUSINESS_PREMIUM",))
CHECKING = a_case(CaseState.CHECKING_LICENCE, licence_seen_at=None)


def checked(user: User, policy: Policy, *, case: Case = CHECKING, tenant: TenantFacts | None = None, **facts: object):
    read = replace(Facts(users=users(user), tenant=tenant or tenant_facts()), **facts)
    return check_licence(case, read, policy, NOW)


def direct(sku_id: str, *off: str) -> HeldLicence:
    return HeldLicence(sku_id=sku_id, direct=True, disabled_plan_ids=frozenset(off))


def from_group(sku_id: str, error: str | None = None, *off: str) -> HeldLicence:
    return HeldLicence(sku_id=sku_id, direct=False, group_id=GROUP, error=error, disabled_plan_ids=frozenset(off))


def test_no_way_assigns_nothing():
    decision = checked(a_user(), a_policy(licence_way=LicenceWay.NONE))

    assert (decision.to, decision.reason, decision.effect) == (
        CaseState.NEEDS_PERSON,
        Reason.NO_LICENCE_CONFIGURED,
        None,
    )


@pytest.mark.parametrize("off", [(INTUNE,), (ENTRA_P1,), (INTUNE, ENTRA_P1)])
def test_a_plan_that_is_switched_off_is_switched_on_and_no_other(off: tuple[str, ...]):
    sku = spb(used=5, plan_ids=frozenset({INTUNE, ENTRA_P1, OTHER_PLAN, BASIC_MOBILITY}))
    on = frozenset({INTUNE, ENTRA_P1}) - set(off)
    user = a_user(sku_ids=(SPB_ID,), licences=(direct(SPB_ID, *off, OTHER_PLAN),), enabled_plan_ids=on)

    decision = checked(user, a_policy(), tenant=tenant_facts(skus=(sku,)))

    assert decision.effect == AssignLicence(user_id=OWNER_ID, sku_id=SPB_ID, disabled_plan_ids=(OTHER_PLAN,))
    names = [name for plan, name in ((INTUNE, "INTUNE_A"), (ENTRA_P1, "AAD_PREMIUM")) if plan in off]
    assert f"but {' and '.join(names)} {'is' if len(names) == 1 else 'are'} switched off in it" in decision.says
    assert f"Switching on {' and '.join(names)} in Microsoft 365 Business Premium." in decision.says


def test_a_licence_with_the_lesser_plan_of_two_is_enough():
    p2 = "eec0eb4f-6444-4f95-aba0-50c24d67f998"
    sku = spb(part_number="SPB", plan_ids=frozenset({INTUNE, ENTRA_P1, p2}))
    user = a_user(sku_ids=(SPB_ID,), licences=(direct(SPB_ID, ENTRA_P1, p2),), enabled_plan_ids=frozenset({INTUNE}))

    decision = checked(user, a_policy(), tenant=tenant_facts(skus=(sku,)))

    assert decision.effect == AssignLicence(user_id=OWNER_ID, sku_id=SPB_ID, disabled_plan_ids=(p2,))


def _skus_of_a_swap() -> tuple[Sku, Sku]:
    names = {LOST_PLAN: "STREAM_O365_SMB", OTHER_PLAN: "TEAMS1", BASIC_MOBILITY: "INTUNE_O365"}
    premium = spb(plan_ids=frozenset({INTUNE, ENTRA_P1, OTHER_PLAN, BASIC_MOBILITY}))
    return premium, replace(standard(), plan_ids=frozenset(names), plan_names=names)


def test_a_swap_takes_what_is_listed_in_the_same_write_and_names_the_plans_that_go():
    user = a_user(licences=(direct(STANDARD_ID),))

    decision = checked(user, BY_SWAP, tenant=tenant_facts(skus=_skus_of_a_swap()))

    assert decision.effect == AssignLicence(user_id=OWNER_ID, sku_id=SPB_ID, remove_sku_ids=(STANDARD_ID,))
    assert "Plans that go with it: STREAM_O365_SMB." in decision.says


def test_a_plan_that_was_switched_off_before_is_not_lost_by_a_swap():
    user = a_user(licences=(direct(STANDARD_ID, LOST_PLAN),))

    assert "No plan is lost." in checked(user, BY_SWAP, tenant=tenant_facts(skus=_skus_of_a_swap())).says


@pytest.mark.parametrize(
    ("licences", "policy"),
    [
        ((from_group(STANDARD_ID),), BY_SWAP),
        ((direct(STANDARD_ID), from_group(STANDARD_ID)), BY_SWAP),
        ((), BY_SWAP),
        ((direct(STANDARD_ID),), replace(BY_SWAP, licence_swap_from=("SPE_E3",))),
        ((direct(STANDARD_ID),), replace(BY_SWAP, licence_way=LicenceWay.DIRECT)),
    ],
)
def test_a_swap_takes_nothing_that_is_not_listed_or_comes_from_a_group(
    licences: tuple[HeldLicence, ...], policy: Policy
):
    decision = checked(a_user(licences=licences), policy, tenant=tenant_facts(skus=_skus_of_a_swap()))

    assert decision.effect == AssignLicence(user_id=OWNER_ID, sku_id=SPB_ID)


def test_report_mode_tells_of_the_swap_and_of_what_goes_with_it():
    user = a_user(licences=(direct(STANDARD_ID),))

    decision = checked(user, replace(BY_SWAP, mode=Mode.REPORT), tenant=tenant_facts(skus=_skus_of_a_swap()))

    assert decision.effect is None
    assert decision.changes["would_do"] == ("swap O365_BUSINESS_PREMIUM for SPB of DEF456@contoso.example",)
    assert "STREAM_O365_SMB" in decision.says


def a_group(*products: tuple[str, frozenset[str]]) -> LicenceGroup:
    return LicenceGroup(id=GROUP, name="Intune users", products=products or ((SPB_ID, frozenset[str]()),))


def test_the_owner_joins_the_group_and_the_request_remembers_it():
    decision = checked(a_user(usage_location=None), replace(BY_GROUP, usage_location="GB"), licence_group=a_group())

    assert decision.effect == JoinLicenceGroup(user_id=OWNER_ID, group_id=GROUP, set_usage_location="GB")
    licence = moved(CHECKING, decision).licence
    assert licence is not None and licence.group_id == GROUP


@pytest.mark.parametrize(
    "group",
    [
        None,
        MISSING,
        a_group((STANDARD_ID, frozenset())),
        a_group((SPB_ID, frozenset({INTUNE}))),
        LicenceGroup(id=GROUP, name="empty"),
    ],
)
def test_a_group_that_would_not_give_both_asks_a_person(group: object):
    decision = checked(a_user(), BY_GROUP, licence_group=group)

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.LICENCE_GROUP_UNFIT)


def test_one_product_of_the_group_without_a_seat_blocks_all_of_them():
    group = a_group((SPB_ID, frozenset()), ("e3", frozenset()))
    full = spb(id="e3", part_number="SPE_E3", seats=1, used=1)

    decision = checked(a_user(), BY_GROUP, tenant=tenant_facts(skus=(spb(), full)), licence_group=group)

    assert (decision.to, decision.reason) == (CaseState.AWAITING_SEAT, Reason.NO_FREE_SEAT)
    assert decision.evidence == {"SPE_E3": "1 of 1 seats used"}


def test_a_member_whose_seat_appeared_is_worked_out_again():
    stuck = a_user(licences=(from_group(SPB_ID, "CountViolation"),))

    decision = checked(stuck, BY_GROUP, licence_group=a_group())

    assert decision.effect == ReprocessLicences(user_id=OWNER_ID)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("MutuallyExclusiveViolation", Reason.LICENCE_PLANS_EXCLUSIVE),
        ("DependencyViolation", Reason.LICENCE_PLANS_DEPEND),
        ("ProhibitedInUsageLocationViolation", Reason.USAGE_LOCATION_PROHIBITED),
        ("UniquenessViolation", Reason.LICENCE_NOT_UNIQUE),
    ],
)
def test_what_a_group_cannot_give_asks_a_person_with_its_reason(error: str, reason: Reason):
    user = a_user(licences=(from_group(SPB_ID, "Other"), from_group(STANDARD_ID, error)))

    decisions = [checked(user, BY_GROUP, licence_group=a_group()), awaited(user)]

    assert [(each.to, each.reason) for each in decisions] == [(CaseState.NEEDS_PERSON, reason)] * 2


def awaited(user: User | None, *, policy: Policy = BY_GROUP, **request: object) -> Decision:
    case = a_case(CaseState.AWAITING_LICENCE, licence=a_licence_request(**{"group_id": GROUP, **request}))
    return await_licence(case, Facts(users={} if user is None else users(user), plans=()), policy, NOW)


def test_a_member_without_a_seat_waits_for_one():
    decision = awaited(a_user(licences=(from_group(SPB_ID, "CountViolation"),)))

    assert (decision.to, decision.reason) == (CaseState.AWAITING_SEAT, Reason.NO_FREE_SEAT)
    assert decision.due == NOW + LOOK_FOR_SEATS_AFTER


def test_what_may_pass_is_tried_again_once_and_then_asks_a_person():
    user = a_user(licences=(from_group(SPB_ID, "Other"),))

    first, second = awaited(user), awaited(user, reprocessed_at=NOW - SEND_AGAIN_AFTER)
    soon = awaited(user, reprocessed_at=NOW - timedelta(minutes=5))

    assert (first.reason, first.effect) == (Reason.LICENCE_REPROCESSED, ReprocessLicences(user_id=OWNER_ID))
    assert (second.to, second.reason) == (CaseState.NEEDS_PERSON, Reason.LICENCE_REFUSED)
    assert (soon.to, soon.effect) == (CaseState.AWAITING_LICENCE, None)


@pytest.mark.parametrize("user", [None, a_user()])
def test_a_group_that_is_slow_is_asked_once_and_waited_for_longer(user: User | None):
    slow = awaited(user, requested_at=NOW - SEND_AGAIN_AFTER)
    asked = awaited(user, requested_at=NOW - timedelta(minutes=90), reprocessed_at=NOW - timedelta(hours=1))
    over = awaited(user, requested_at=NOW - timedelta(hours=3), reprocessed_at=NOW - timedelta(hours=2))

    assert slow.effect == ReprocessLicences(user_id=OWNER_ID)
    assert (asked.to, asked.effect) == (CaseState.AWAITING_LICENCE, None)
    assert (over.to, over.reason) == (CaseState.NEEDS_PERSON, Reason.LICENCE_TOO_SLOW)


def test_report_mode_asks_for_nothing_to_be_worked_out_again():
    user = a_user(licences=(from_group(SPB_ID, "Other"),))

    assert awaited(user, policy=replace(BY_GROUP, mode=Mode.REPORT)).effect is None


def test_plans_that_are_there_count_whatever_the_group_says():
    case = a_case(CaseState.AWAITING_LICENCE, licence=a_licence_request(group_id=GROUP))
    user = a_user(licences=(from_group(STANDARD_ID, "CountViolation"),))

    assert await_licence(case, Facts(users=users(user), plans=plans()), BY_GROUP, NOW).to is CaseState.WATCHING


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("License assignment cannot be done for user with invalid usage location.", Reason.USAGE_LOCATION_MISSING),
        ("Service plan X is not allowed in the user's usage location.", Reason.USAGE_LOCATION_PROHIBITED),
        ("service plans A, B are mutually exclusive", Reason.LICENCE_PLANS_EXCLUSIVE),
        ("service plan A depends on the service plan(s) B", Reason.LICENCE_PLANS_DEPEND),
        ("User license is inherited from a group membership and cannot be removed", Reason.LICENCE_INHERITED),
        ("the proxy address is already in use", Reason.LICENCE_NOT_UNIQUE),
        ("something new", Reason.LICENCE_REFUSED),
        ("", Reason.LICENCE_REFUSED),
    ],
)
def test_every_answer_has_a_reason_and_is_repeated(answer: str, reason: Reason):
    found, says = refused(answer, "Microsoft Entra refused the licence")

    assert found is reason
    assert says.endswith(answer or "nothing")
    assert not no_seat(answer)
