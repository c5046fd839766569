"""AWAITING_LICENCE: nothing goes on before the plans read Success; and it never waits for ever."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.case import Case, Decision, Readings
from shared.domain.effects import Done, Refused, SyncDevice
from shared.domain.facts import Facts, PlanStatus
from shared.domain.policy import Mode
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.answers import changes_by
from shared.rules.confirm import identity_of
from shared.rules.decide import decide
from shared.rules.licensing import (
    LOOK_FOR_MENDING_AFTER,
    LOOK_FOR_PLANS_AFTER,
    LOOK_FOR_SEATS_AFTER,
    SEND_AGAIN_AFTER,
    await_licence,
    check_licence,
)
from shared.rules.plans import provisioned
from tests.builders import (
    A_SECOND,
    BASIC_MOBILITY,
    DEVICE_ID,
    INTUNE,
    NOW,
    SPB_ID,
    a_licensed_user,
    a_user,
    all_facts,
    an_owners_device,
    plans,
    tenant_facts,
    users,
)
from tests.case_builders import a_case, a_licence_request, a_policy, an_unenrolled_case, moved


def _awaiting(**fields: object) -> Case:
    return replace(a_case(CaseState.AWAITING_LICENCE, licence=a_licence_request()), **fields)


def _awaited(case: Case, read: tuple[PlanStatus, ...] | None, **policy: object) -> Decision:
    return await_licence(case, Facts(plans=read), a_policy(**policy), NOW)


def test_provisioned_plans_let_the_case_watch_for_the_cheaper_fix():
    case = _awaiting()

    decision = _awaited(case, plans())

    assert (decision.to, decision.reason) == (CaseState.WATCHING, Reason.LICENCE_IN_PLACE)
    assert decision.evidence == {"INTUNE_A": "Success", "AAD_PREMIUM": "Success"}
    assert decision.due == NOW  # 72 hours have already passed since the first reading
    assert decision.effect is None  # the staging account enrolled it: no licence of the owner can mend that
    assert moved(case, decision).licence_seen_at == NOW


def test_watching_begins_when_the_seventy_two_hours_are_over():
    case = _awaiting(readings=Readings(count=1, first_at=NOW, last_at=NOW))

    assert _awaited(case, plans()).due == NOW + timedelta(hours=72)


def test_a_new_licence_of_the_user_who_enrolled_gets_a_check_in_and_time_to_work():
    case = _awaiting(device=identity_of(an_owners_device()))

    decision = _awaited(case, plans())

    assert decision.effect == SyncDevice(managed_device_id=DEVICE_ID)
    assert decision.due == NOW + LOOK_FOR_MENDING_AFTER


def test_report_mode_asks_no_device_to_check_in():
    case = _awaiting(device=identity_of(an_owners_device()))

    assert _awaited(case, plans(), mode=Mode.REPORT).effect is None


def test_a_pc_before_its_first_sign_in_goes_straight_to_readiness():
    decision = _awaited(an_unenrolled_case(CaseState.AWAITING_LICENCE, licence=a_licence_request()), plans())

    assert (decision.to, decision.due, decision.effect) == (CaseState.CHECKING_READINESS, None, None)


@pytest.mark.parametrize(
    "status", ["PendingInput", "PendingActivation", "PendingProvisioning", "Disabled", "Error", "success", ""]
)
def test_only_success_is_provisioned(status: str):
    assert provisioned(plans())
    assert not provisioned(plans(status))
    assert not provisioned((plans(status)[0], plans()[1]))


def test_the_same_plan_of_two_licences_counts_when_one_of_them_is_provisioned():
    read = (*plans(), *plans("Disabled", sku_id="another"))

    decision = _awaited(_awaiting(), read)

    assert decision.to is CaseState.WATCHING
    assert decision.evidence == {"INTUNE_A": "Success", "AAD_PREMIUM": "Success"}


def test_plans_that_decide_nothing_are_no_evidence():
    other = PlanStatus(sku_id=SPB_ID, plan_id=BASIC_MOBILITY, name="INTUNE_O365", status="Success")
    nameless = PlanStatus(sku_id=SPB_ID, plan_id=INTUNE, name="", status="PendingInput")

    decision = _awaited(_awaiting(), (other, nameless))

    assert decision.to is CaseState.AWAITING_LICENCE
    assert decision.evidence == {INTUNE: "PendingInput"}


@pytest.mark.parametrize("read", [None, (), plans("PendingProvisioning")])
def test_a_fresh_licence_is_waited_for(read: tuple[PlanStatus, ...] | None):
    decision = _awaited(_awaiting(), read)

    assert (decision.to, decision.reason) == (CaseState.AWAITING_LICENCE, Reason.LICENCE_PROVISIONING)
    assert decision.due == NOW + LOOK_FOR_PLANS_AFTER


@pytest.mark.parametrize(
    ("asked_ago", "read", "to"),
    [
        (SEND_AGAIN_AFTER - A_SECOND, (), CaseState.AWAITING_LICENCE),
        (SEND_AGAIN_AFTER, (), CaseState.CHECKING_LICENCE),
        (SEND_AGAIN_AFTER, plans("PendingProvisioning"), CaseState.AWAITING_LICENCE),
        (SEND_AGAIN_AFTER, plans("PendingProvisioning", sku_id="another"), CaseState.CHECKING_LICENCE),
        (timedelta(minutes=30), plans("PendingProvisioning"), CaseState.AWAITING_LICENCE),
        (timedelta(minutes=30) + A_SECOND, plans("PendingProvisioning"), CaseState.NEEDS_PERSON),
        (timedelta(minutes=30) + A_SECOND, (), CaseState.NEEDS_PERSON),
        (-timedelta(hours=1), (), CaseState.AWAITING_LICENCE),  # a clock that ran backwards
    ],
)
def test_a_licence_that_does_not_come_is_asked_for_again_and_then_given_to_a_person(
    asked_ago: timedelta, read: tuple[PlanStatus, ...], to: CaseState
):
    assert _awaited(_awaiting(licence=a_licence_request(requested_at=NOW - asked_ago)), read).to is to


def test_a_person_is_told_which_plan_is_slow():
    case = _awaiting(licence=a_licence_request(requested_at=NOW - timedelta(minutes=45)))

    decision = _awaited(case, (*plans("PendingInput")[:1], *plans()[1:]))

    assert decision.reason is Reason.LICENCE_TOO_SLOW
    assert decision.says == "The licence's plans are still not provisioned after 45 minutes."
    assert decision.evidence == {"INTUNE_A": "PendingInput", "AAD_PREMIUM": "Success"}


def test_a_licence_that_never_arrives_is_given_to_a_person_however_often_it_is_asked_for():
    case, now, asked = a_case(CaseState.CHECKING_LICENCE), NOW, 0
    facts = all_facts(users=users(a_user()), plans=())
    for _ in range(100):
        if case.state is CaseState.NEEDS_PERSON:
            break
        decision = decide(case, facts, a_policy(), now)
        case, asked = moved(case, decision), asked + (decision.effect is not None)
        now = max(now, decision.due or now)

    assert (case.state, case.reason) == (CaseState.NEEDS_PERSON, Reason.LICENCE_TOO_SLOW)
    assert 2 <= asked <= 6
    assert now <= NOW + timedelta(minutes=40)


def test_a_licence_given_by_hand_that_never_gets_provisioned_is_given_to_a_person():
    case, now = a_case(CaseState.CHECKING_LICENCE), NOW
    facts = all_facts(users=users(a_licensed_user()), plans=plans("PendingInput"))
    for _ in range(100):
        if case.state is CaseState.NEEDS_PERSON:
            break
        decision = decide(case, facts, a_policy(), now)
        case = moved(case, decision)
        now = max(now, decision.due or now)

    assert (case.state, case.reason) == (CaseState.NEEDS_PERSON, Reason.LICENCE_TOO_SLOW)


@pytest.mark.parametrize(
    ("refused", "to", "reason"),
    [
        ("Request_BadRequest: no available licenses", CaseState.AWAITING_SEAT, Reason.NO_FREE_SEAT),
        ("Request_BadRequest: does not have any Available Licenses", CaseState.AWAITING_SEAT, Reason.NO_FREE_SEAT),
        ("CountViolation: ", CaseState.AWAITING_SEAT, Reason.NO_FREE_SEAT),
        ("Request_BadRequest: invalid Usage Location", CaseState.NEEDS_PERSON, Reason.USAGE_LOCATION_MISSING),
        ("MutuallyExclusiveViolation: plans", CaseState.NEEDS_PERSON, Reason.LICENCE_PLANS_EXCLUSIVE),
        ("Request_BadRequest: new text", CaseState.NEEDS_PERSON, Reason.LICENCE_REFUSED),
        ("", CaseState.NEEDS_PERSON, Reason.LICENCE_REFUSED),
    ],
)
def test_a_refused_licence_waits_for_a_seat_or_a_person(refused: str, to: CaseState, reason: Reason):
    case = _awaiting(licence=a_licence_request(refused=refused))

    decision = _awaited(case, plans())

    assert (decision.to, decision.reason) == (to, reason)
    assert moved(case, decision).licence is None
    assert decision.due == (NOW + LOOK_FOR_SEATS_AFTER if to is CaseState.AWAITING_SEAT else None)


def test_the_answer_to_the_request_is_kept_with_it():
    checking = a_case(CaseState.CHECKING_LICENCE)
    decision = check_licence(checking, Facts(users=users(a_user()), tenant=tenant_facts()), a_policy(), NOW)
    case = moved(checking, decision)
    assert decision.effect is not None

    done = changes_by(case, decision.effect, Done())
    refused = changes_by(case, decision.effect, Refused(code="CountViolation", message="none left"))

    assert done == {"licence": case.licence}
    assert refused == {"licence": a_licence_request(requested_at=NOW, refused="CountViolation: none left")}


def test_an_answer_without_a_request_changes_nothing():
    decision = check_licence(
        a_case(CaseState.CHECKING_LICENCE), Facts(users=users(a_user()), tenant=tenant_facts()), a_policy(), NOW
    )
    assert decision.effect is not None

    assert changes_by(a_case(licence=None), decision.effect, Done()) == {"licence": None}
    assert changes_by(a_case(), SyncDevice(managed_device_id=DEVICE_ID), Done()) == {}
