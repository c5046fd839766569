"""AWAITING_PROOF: closed only when the new enrolment is its owner's and compliant."""

from datetime import datetime, timedelta

import pytest

from shared.domain.case import Case, Decision
from shared.domain.facts import Compliance, Facts, ManagedDevice
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.returning import LOOK_FOR_PROOF_AFTER, await_proof
from tests.builders import (
    A_SECOND,
    NOW,
    OTHER,
    OTHER_ID,
    SENT_AT,
    a_device,
    a_returned_device,
)
from tests.case_builders import a_case, a_policy

BACK = a_case(CaseState.AWAITING_PROOF)


WEEK = timedelta(days=7)


BACK_AT = SENT_AT + timedelta(minutes=40)


def _proved(*rows: ManagedDevice, case: Case = BACK, at: datetime = NOW) -> Decision:
    return await_proof(case, Facts(same_serial=rows), a_policy(), at)


def test_a_person_who_lets_it_go_on_gives_it_the_day_to_become_compliant_again():
    again, day = BACK_AT + WEEK, timedelta(days=1)
    retried = a_case(CaseState.AWAITING_PROOF, None, opened_at=again)

    too_late = _proved(a_returned_device(), case=retried, at=again + day + A_SECOND)

    assert _proved(a_returned_device(), case=retried, at=again + day).to is CaseState.AWAITING_PROOF
    assert (too_late.to, too_late.reason) == (CaseState.NEEDS_PERSON, Reason.NOT_COMPLIANT_AFTER_RETURN)
    assert too_late.says == "Back under DEF456 for 1 day and still unknown."


def test_compliant_under_its_owner_is_the_only_proof():
    decision = _proved(a_returned_device(compliance=Compliance.COMPLIANT), a_device())

    assert (decision.to, decision.reason) == (CaseState.PROVEN, Reason.COMPLIANT_UNDER_OWNER)
    assert decision.says == "DEF456 owns PC-0427, and it is compliant."
    assert decision.evidence["compliance"] == "compliant"


@pytest.mark.parametrize("compliance", [each for each in Compliance if each is not Compliance.COMPLIANT])
def test_any_other_compliance_is_waited_for_and_after_a_day_given_to_a_person(compliance: Compliance):
    row = a_returned_device(compliance=compliance)

    in_time = _proved(row, at=BACK_AT + timedelta(hours=24))
    too_late = _proved(row, at=BACK_AT + timedelta(hours=24) + A_SECOND)

    assert (in_time.to, in_time.due) == (
        CaseState.AWAITING_PROOF,
        BACK_AT + timedelta(hours=24) + LOOK_FOR_PROOF_AFTER,
    )
    assert (too_late.to, too_late.reason) == (CaseState.NEEDS_PERSON, Reason.NOT_COMPLIANT_AFTER_RETURN)
    assert too_late.says == f"Back under DEF456 for 1 day and still {compliance.value}."


@pytest.mark.parametrize("rows", [(), (a_device(),), (a_returned_device(id="a third enrolment"),)])
def test_a_device_that_left_again_is_given_to_a_person(rows: tuple[ManagedDevice, ...]):
    decision = _proved(*rows)

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.DEVICE_GONE)


def test_proof_without_a_return_is_no_proof():
    case = a_case(CaseState.AWAITING_PROOF, None, returned_device_id=None)

    assert _proved(a_returned_device(compliance=Compliance.COMPLIANT), case=case).to is CaseState.NEEDS_PERSON
    assert await_proof(BACK, Facts(), a_policy(), NOW).to is CaseState.NEEDS_PERSON


def test_a_compliant_device_of_somebody_else_proves_nothing():
    row = a_returned_device(user_id=OTHER_ID, user_principal_name=OTHER, compliance=Compliance.COMPLIANT)

    decision = _proved(row)

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.WRONG_USER_SIGNED_IN)


def test_a_device_that_lost_its_user_is_nobodys():
    back_at = NOW - timedelta(hours=2, seconds=1)
    decision = _proved(a_returned_device(user_id=None, user_principal_name=None, enrolled_at=back_at))

    assert (decision.to, decision.says) == (CaseState.NEEDS_PERSON, "The device is now nobody's.")


def test_a_device_whose_user_intune_does_not_name_yet_is_not_proven_by_its_compliance():
    decision = _proved(a_returned_device(user_id=None, compliance=Compliance.COMPLIANT))

    assert (decision.to, decision.reason) == (CaseState.AWAITING_PROOF, Reason.BACK_UNDER_OWNER)


def test_a_return_without_a_time_counts_from_the_last_move():
    case = a_case(CaseState.AWAITING_PROOF, None, returned_at=None)
    row = a_returned_device()

    assert _proved(row, case=case, at=SENT_AT + timedelta(hours=24)).to is CaseState.AWAITING_PROOF
    assert _proved(row, case=case, at=SENT_AT + timedelta(hours=25)).to is CaseState.NEEDS_PERSON
