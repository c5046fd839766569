"""AWAITING_ADMIN_APPROVAL: what was not read decides nothing, and no approval of Intune's stands for a person's in Handover."""

from dataclasses import replace

import pytest

from shared.domain.facts import MISSING, AdminApprovalRequest, Compliance, Facts, Freeze, ManagedDevice, Missing
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.admin_approval import await_admin_approval
from shared.rules.clearing import BY_POLICY
from tests.builders import NOW, SENT_AT, a_device
from tests.case_builders import a_case, a_policy, an_attempt

Device = ManagedDevice | Missing

CODE = "8d88348a-7eed-4d14-b06d-3fef701966a0"
STATE = CaseState.AWAITING_ADMIN_APPROVAL
CASE = a_case(STATE, wipe=an_attempt(admin_code=CODE, admin_asked_at=SENT_AT))
OPEN = AdminApprovalRequest(id=CODE, status="needsApproval", justification="", requested_at=SENT_AT)


def test_a_device_that_was_not_read_settles_nothing():
    decision = await_admin_approval(CASE, Facts(admin_requests=(OPEN,)), a_policy(), NOW)

    assert (decision.to, decision.reason) == (STATE, Reason.ADMIN_APPROVAL_NEEDED)


def test_an_approval_in_intune_is_worth_nothing_without_the_one_in_handover():
    case = replace(CASE, approval=None)
    facts = Facts(device=a_device(), admin_requests=(replace(OPEN, status="approved"),))

    decision = await_admin_approval(case, facts, a_policy(), NOW)

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.APPROVAL_NO_LONGER_FITS)


@pytest.mark.parametrize(
    ("device", "to", "reason"),
    [
        (MISSING, CaseState.NO_ACTION_NEEDED, Reason.DEVICE_GONE),
        (a_device(management_state="wipePending"), CaseState.AWAITING_RETURN, Reason.WIPE_SEEN),
        (a_device(compliance=Compliance.COMPLIANT), CaseState.NO_ACTION_NEEDED, Reason.MENDED_WITHOUT_WIPE),
    ],
)
def test_a_device_that_is_gone_wiped_or_mended_needs_no_approval(device: Device, to: CaseState, reason: Reason):
    facts = Facts(device=device, admin_requests=(replace(OPEN, status="approved"),))

    decision = await_admin_approval(CASE, facts, a_policy(), NOW)

    assert (decision.to, decision.reason) == (to, reason)


def test_what_no_person_approved_is_not_sent_again_in_approve_mode():
    assert CASE.approval is not None
    facts = Facts(device=a_device(), freeze=Freeze(frozen=False), admin_requests=(replace(OPEN, status="approved"),))
    cases = [CASE, replace(CASE, approval=replace(CASE.approval, by=BY_POLICY))]

    by_a_person, by_policy = (await_admin_approval(case, facts, a_policy(), NOW) for case in cases)

    assert by_a_person.to is CaseState.WIPE_INTENDED
    assert (by_policy.to, by_policy.reason) == (CaseState.NEEDS_PERSON, Reason.APPROVAL_NO_LONGER_FITS)


@pytest.mark.parametrize("status", ["needsApproval", "unknown", "unknownFutureValue", ""])
def test_a_request_in_a_state_that_says_nothing_is_waited_for(status: str):
    facts = Facts(device=a_device(), admin_requests=(replace(OPEN, status=status),))

    assert await_admin_approval(CASE, facts, a_policy(), NOW).to is STATE


def test_a_request_that_somebody_else_used_up_is_for_a_person():
    facts = Facts(device=a_device(), admin_requests=(replace(OPEN, status="completed"),))

    decision = await_admin_approval(CASE, facts, a_policy(), NOW)

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.ADMIN_APPROVAL_NOT_FOUND)
