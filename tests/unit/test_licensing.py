"""CHECKING_LICENCE and AWAITING_SEAT: service plans decide, never product names, and no seat stops before a wipe."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.case import Decision
from shared.domain.effects import AssignLicence
from shared.domain.facts import MISSING, Facts, Missing, Sku, TenantFacts, User
from shared.domain.policy import Mode, Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.licensing import LOOK_FOR_PLANS_AFTER, LOOK_FOR_SEATS_AFTER, check_licence
from shared.rules.plans import covers
from tests.builders import (
    BASIC_MOBILITY,
    ENTRA_P1,
    INTUNE,
    NOW,
    OWNER_ID,
    SPB_ID,
    a_licensed_user,
    a_user,
    spb,
    standard,
    tenant_facts,
    users,
)
from tests.case_builders import a_case, a_licence_request, a_policy, an_unenrolled_case, moved

CHECKING = a_case(CaseState.CHECKING_LICENCE)
INTUNE_ALONE = spb(id="intune", part_number="INTUNE_A", plan_ids=frozenset({INTUNE}))
P1_ALONE = spb(id="p1", part_number="AAD_PREMIUM", plan_ids=frozenset({ENTRA_P1}))


def _checked(
    user: User | Missing | None = None,
    tenant: TenantFacts | None = None,
    policy: Policy | None = None,
    state: CaseState = CaseState.CHECKING_LICENCE,
) -> Decision:
    facts = Facts(users={OWNER_ID: user or a_user()}, tenant=tenant or tenant_facts())
    return check_licence(a_case(state), facts, policy or a_policy(), NOW)


def test_business_standard_is_not_intune_and_business_premium_is_assigned():
    decision = _checked()

    assert (decision.to, decision.reason) == (CaseState.AWAITING_LICENCE, Reason.LICENCE_MISSING)
    assert decision.says == (
        "DEF456 has Microsoft 365 Business Standard, which contains Basic Mobility and Security, not Intune. "
        "Assigning Microsoft 365 Business Premium."
    )
    assert decision.effect == AssignLicence(user_id=OWNER_ID, sku_id=SPB_ID)
    assert decision.due == NOW + LOOK_FOR_PLANS_AFTER
    assert decision.evidence == {"licence": "SPB", "free seats": 4}
    assert moved(CHECKING, decision).licence == a_licence_request(requested_at=NOW)


def test_a_licence_with_both_plans_only_has_to_be_seen_provisioned():
    decision = _checked(a_licensed_user())

    assert (decision.to, decision.reason) == (CaseState.AWAITING_LICENCE, Reason.LICENCE_ASSIGNED)
    assert decision.effect is None
    assert decision.due is None
    assert decision.says == (
        "DEF456 has Microsoft 365 Business Standard and Microsoft 365 Business Premium, with Intune and Entra ID P1."
    )


@pytest.mark.parametrize(
    ("plan_ids", "enough"),
    [
        ({INTUNE, ENTRA_P1}, True),
        ({"3e170737-c728-4eae-bbb9-3f3360f7184c", "eec0eb4f-6444-4f95-aba0-50c24d67f998"}, True),
        ({"d216f254-796f-4dab-bbfa-710686e646b9", ENTRA_P1}, True),
        ({INTUNE}, False),
        ({ENTRA_P1}, False),
        ({BASIC_MOBILITY, ENTRA_P1}, False),
        (set[str](), False),
    ],
)
def test_autopilot_needs_intune_and_entra_id_premium(plan_ids: set[str], enough: bool):
    assert covers(plan_ids) is enough


def test_a_licence_that_completes_what_the_owner_has_fits():
    user = a_user(sku_ids=("intune",), enabled_plan_ids=frozenset({INTUNE}))
    tenant = tenant_facts(skus=(INTUNE_ALONE, P1_ALONE))

    decision = _checked(user, tenant, a_policy(licence_skus=("AAD_PREMIUM",)))

    assert decision.effect == AssignLicence(user_id=OWNER_ID, sku_id="p1")


def test_the_first_configured_licence_with_a_free_seat_is_taken():
    e3 = spb(id="e3", part_number="SPE_E3", seats=0)
    tenant = tenant_facts(skus=(spb(), e3))

    assert _checked(None, tenant, a_policy(licence_skus=("SPE_E3", "SPB"))).effect == AssignLicence(
        user_id=OWNER_ID, sku_id=SPB_ID
    )
    both_free = tenant_facts(skus=(spb(), replace(e3, seats=9)))
    assert _checked(None, both_free, a_policy(licence_skus=("SPE_E3", "SPB"))).effect == AssignLicence(
        user_id=OWNER_ID, sku_id="e3"
    )


@pytest.mark.parametrize(
    ("sku", "evidence"),
    [
        (spb(used=5), {"SPB": "5 of 5 seats used"}),
        (spb(used=7), {"SPB": "7 of 5 seats used"}),
        (spb(enabled=False), {"SPB": "1 of 5 seats used"}),
        (spb(seats=0, used=0), {"SPB": "0 of 0 seats used"}),
    ],
)
def test_without_a_free_seat_the_case_waits_before_anything_is_wiped(sku: Sku, evidence: dict[str, str]):
    decision = _checked(tenant=tenant_facts(skus=(sku, standard())))

    assert (decision.to, decision.reason) == (CaseState.AWAITING_SEAT, Reason.NO_FREE_SEAT)
    assert decision.due == NOW + LOOK_FOR_SEATS_AFTER
    assert decision.evidence == evidence
    assert decision.effect is None
    assert "No free seat of Microsoft 365 Business Premium; nothing is wiped before one appears" in decision.says


def test_a_case_that_waits_for_a_seat_keeps_waiting_and_goes_on_by_itself():
    full = _checked(tenant=tenant_facts(skus=(spb(used=5),)), state=CaseState.AWAITING_SEAT)
    free = _checked(tenant=tenant_facts(skus=(spb(used=4),)), state=CaseState.AWAITING_SEAT)

    assert (full.to, full.due) == (CaseState.AWAITING_SEAT, NOW + LOOK_FOR_SEATS_AFTER)
    assert free.to is CaseState.AWAITING_LICENCE
    assert free.effect == AssignLicence(user_id=OWNER_ID, sku_id=SPB_ID)


def test_a_licence_the_owner_holds_with_intune_switched_off_needs_no_free_seat():
    decision = _checked(a_user(sku_ids=(SPB_ID,)), tenant_facts(skus=(spb(used=5),)))

    assert decision.effect == AssignLicence(user_id=OWNER_ID, sku_id=SPB_ID)


@pytest.mark.parametrize(
    ("licence_skus", "says"),
    [
        ((), "No licence may be assigned automatically; give one by hand or set HANDOVER_LICENCE_SKUS."),
        (
            ("SPE_E5", "O365_BUSINESS_PREMIUM"),
            "None of the configured licences (SPE_E5, O365_BUSINESS_PREMIUM) is bought and would give both.",
        ),
    ],
)
def test_without_a_licence_to_assign_a_person_is_asked(licence_skus: tuple[str, ...], says: str):
    decision = _checked(policy=a_policy(licence_skus=licence_skus))

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.NO_LICENCE_CONFIGURED)
    assert decision.says.endswith(says)


def test_a_usage_location_comes_from_policy_or_from_a_person_and_is_never_guessed():
    nowhere = a_user(usage_location=None)

    guess = _checked(nowhere)
    placed = _checked(nowhere, policy=a_policy(usage_location="GB"))
    at_home = _checked(a_user(usage_location="DE"), policy=a_policy(usage_location="GB"))

    assert (guess.to, guess.reason) == (CaseState.NEEDS_PERSON, Reason.USAGE_LOCATION_MISSING)
    assert placed.effect == AssignLicence(user_id=OWNER_ID, sku_id=SPB_ID, set_usage_location="GB")
    assert at_home.effect == AssignLicence(user_id=OWNER_ID, sku_id=SPB_ID)


@pytest.mark.parametrize("state", [CaseState.CHECKING_LICENCE, CaseState.AWAITING_SEAT])
@pytest.mark.parametrize("user", [MISSING, None])
def test_an_owner_who_is_gone_gets_no_licence(state: CaseState, user: Missing | None):
    known = {} if user is None else {OWNER_ID: user}

    decision = check_licence(a_case(state), Facts(users=known, tenant=tenant_facts()), a_policy(), NOW)

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.OWNER_NOT_FOUND)


def test_an_owner_who_was_disabled_while_waiting_for_a_seat_gets_no_licence():
    decision = _checked(a_user(enabled=False), state=CaseState.AWAITING_SEAT)

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.OWNER_DISABLED)


def test_no_licence_is_assigned_when_the_tenant_was_not_read():
    decision = check_licence(CHECKING, Facts(users=users(a_user())), a_policy(), NOW)

    assert decision.to is CaseState.NEEDS_PERSON


def test_report_mode_writes_down_the_licence_it_would_assign_once_and_goes_on():
    report = a_policy(mode=Mode.REPORT)

    decision = _checked(policy=report)
    again = check_licence(
        replace(moved(CHECKING, decision), state=CaseState.CHECKING_LICENCE),
        Facts(users=users(a_user()), tenant=tenant_facts()),
        report,
        NOW,
    )

    assert (decision.to, decision.reason) == (CaseState.WATCHING, Reason.LICENCE_WOULD_BE_ASSIGNED)
    assert decision.effect is None
    would_do = ("assign SPB to DEF456@contoso.example",)
    assert moved(CHECKING, decision).would_do == moved(CHECKING, again).would_do == would_do
    assert moved(CHECKING, decision).licence is None


def test_report_mode_sends_a_pc_before_its_first_sign_in_straight_on():
    case = an_unenrolled_case(CaseState.CHECKING_LICENCE)

    decision = check_licence(case, Facts(users=users(a_user()), tenant=tenant_facts()), a_policy(mode=Mode.REPORT), NOW)

    assert decision.to is CaseState.CHECKING_READINESS


def test_a_licence_that_is_asked_for_again_is_still_the_same_request():
    asked_at = NOW - timedelta(minutes=30)
    case = a_case(CaseState.CHECKING_LICENCE, licence=a_licence_request(requested_at=asked_at))
    facts = Facts(users=users(a_user()), tenant=tenant_facts())

    again = moved(case, check_licence(case, facts, a_policy(), NOW))
    later = moved(case, check_licence(case, facts, a_policy(), NOW + timedelta(seconds=1)))

    assert again.licence == a_licence_request(requested_at=asked_at)
    assert later.licence == a_licence_request(requested_at=NOW + timedelta(seconds=1))


def test_a_licence_that_shows_on_the_user_before_its_plans_do_is_looked_for_after_a_pause():
    case = a_case(CaseState.CHECKING_LICENCE, licence=a_licence_request())

    decision = check_licence(case, Facts(users=users(a_licensed_user()), tenant=tenant_facts()), a_policy(), NOW)

    assert (decision.to, decision.due) == (CaseState.AWAITING_LICENCE, NOW + LOOK_FOR_PLANS_AFTER)
