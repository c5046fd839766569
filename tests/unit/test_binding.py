"""BINDING and AWAITING_APPROVAL: the owner is bound, then somebody has to say yes, and only as long as it is needed."""

from datetime import datetime, timedelta

import pytest

from shared.domain.case import Approval, Case, Readings, proposal_of
from shared.domain.effects import BindOwner, Done, Refused
from shared.domain.facts import MISSING, AutopilotDevice, Compliance, Facts, Missing
from shared.domain.policy import Mode
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.answers import changes_by
from shared.rules.binding import after_binding, await_approval, bound_to_owner, start_binding
from shared.rules.clearing import BY_POLICY
from tests.builders import (
    A_SECOND,
    AUTOPILOT_ID,
    NOW,
    OTHER,
    OWNER,
    a_device,
    an_autopilot_device,
)
from tests.case_builders import a_case, a_policy, an_owner, an_unenrolled_case, moved

BINDING = a_case(CaseState.BINDING)
BOUND = a_case(CaseState.BINDING, bound=True)
WAITING = a_case(CaseState.AWAITING_APPROVAL, bound=True)
DAY = timedelta(days=1)
BIND = BindOwner(autopilot_id=AUTOPILOT_ID, user_principal_name=OWNER, display_name="DEF456")


def _registered(upn: str | None = None) -> Facts:
    return Facts(autopilot=(an_autopilot_device(user_principal_name=upn),))


def test_binding_assigns_the_registration_to_the_owner():
    case = a_case(CaseState.CHECKING_READINESS, autopilot_id=None)

    decision = start_binding(case, _registered(), {"a": "b"}, NOW)

    assert decision.effect == BIND
    assert decision.says.endswith("Assigning it to DEF456.")
    assert decision.evidence == {"a": "b"}
    after = moved(case, decision)
    assert (after.autopilot_id, after.bound, after.binding_refused) == (AUTOPILOT_ID, False, None)
    assert after.ready_at == NOW


@pytest.mark.parametrize("upn", [OWNER, OWNER.lower(), OWNER.upper()])
def test_a_registration_that_is_the_owners_already_is_not_assigned_again(upn: str):
    decision = start_binding(a_case(CaseState.CHECKING_READINESS), _registered(upn), {}, NOW)

    assert decision.effect is None
    assert decision.changes["bound"] is True
    assert decision.says.endswith("The device is already assigned to DEF456.")


def test_a_registration_of_somebody_else_is_assigned_to_the_owner():
    assert start_binding(a_case(CaseState.CHECKING_READINESS), _registered(OTHER), {}, NOW).effect == BIND


@pytest.mark.parametrize(
    ("case", "registered", "bound"),
    [
        (BINDING, (an_autopilot_device(user_principal_name=OWNER),), True),
        (BINDING, (an_autopilot_device(),), False),
        (BINDING, (an_autopilot_device(user_principal_name=OWNER), an_autopilot_device()), False),
        (BINDING, (), False),
        (BINDING, None, False),
        (a_case(CaseState.BINDING, owner=None), (an_autopilot_device(),), False),
    ],
)
def test_only_the_one_registration_can_be_bound(
    case: Case, registered: tuple[AutopilotDevice, ...] | None, bound: bool
):
    assert bound_to_owner(case, Facts(autopilot=registered)) is bound


def test_the_answer_to_the_assignment_is_kept():
    assert changes_by(BINDING, BIND, Done()) == {"bound": True, "binding_refused": None}
    assert changes_by(BINDING, BIND, Refused(code="BadRequest", message="no")) == {
        "bound": False,
        "binding_refused": "BadRequest: no",
    }


def test_a_bound_owners_device_waits_for_a_persons_approval_of_exactly_this_wipe():
    decision = after_binding(BOUND, Facts(), a_policy(), NOW)

    proposal = proposal_of(BOUND, a_policy().version)
    assert (decision.to, decision.reason) == (CaseState.AWAITING_APPROVAL, Reason.APPROVAL_NEEDED)
    assert decision.evidence == {"proposal": proposal, "policy": a_policy().version}
    assert decision.due == NOW + DAY
    after = moved(a_case(CaseState.BINDING, bound=True, approval=_used()), decision)
    assert (after.proposal, after.approval) == (proposal, None)


def _used() -> Approval:
    return Approval(proposal="of an earlier wipe", by="admin", at=NOW, expires_at=NOW + DAY, used=True)


def test_in_auto_mode_nobody_has_to_approve():
    policy = a_policy(mode=Mode.AUTO)

    decision = after_binding(BOUND, Facts(), policy, NOW)

    assert (decision.to, decision.reason) == (CaseState.CLEARED_TO_WIPE, Reason.AUTO_MODE)
    proposal = proposal_of(BOUND, policy.version)
    assert moved(BOUND, decision).approval == Approval(proposal=proposal, by=BY_POLICY, at=NOW, expires_at=NOW + DAY)


@pytest.mark.parametrize("mode", [Mode.APPROVE, Mode.AUTO])
def test_a_pc_before_its_first_sign_in_is_ready_and_never_wiped(mode: Mode):
    case = an_unenrolled_case(CaseState.BINDING, bound=True)

    decision = after_binding(case, Facts(), a_policy(mode=mode), NOW)

    assert (decision.to, decision.reason) == (CaseState.READY_TO_GO, Reason.READY_FOR_FIRST_SIGN_IN)
    assert decision.says == "DEF456 can sign in: licence and Autopilot assignment are in place."


def test_a_refused_assignment_is_given_to_a_person_and_forgotten_for_the_next_try():
    case = a_case(CaseState.BINDING, binding_refused="BadRequest: user has no licence")

    decision = after_binding(case, _registered(), a_policy(), NOW)

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.BINDING_REFUSED)
    assert decision.says == "Autopilot refused the assignment: BadRequest: user has no licence"
    after = moved(case, decision)
    assert (after.binding_refused, after.autopilot_id) == (None, None)


def test_an_assignment_whose_worker_stopped_is_made_again():
    decision = after_binding(BINDING, _registered(), a_policy(), NOW)

    assert (decision.to, decision.effect) == (CaseState.BINDING, BIND)
    assert moved(BINDING, decision).ready_at == BINDING.ready_at  # making it again checks nothing again


@pytest.mark.parametrize("checked_at", [NOW - 3 * DAY, None])
def test_an_assignment_that_is_made_again_does_not_renew_the_readiness_checks(checked_at: datetime | None):
    case = a_case(CaseState.BINDING, None, ready_at=checked_at)

    assert moved(case, after_binding(case, _registered(), a_policy(), NOW)).ready_at == checked_at


def test_an_assignment_whose_answer_was_lost_is_seen_by_reading():
    decision = after_binding(BINDING, _registered(OWNER), a_policy(), NOW)

    assert decision.to is CaseState.AWAITING_APPROVAL


@pytest.mark.parametrize("registered", [(), None])
def test_a_registration_that_is_gone_is_given_to_a_person_and_its_id_forgotten(
    registered: tuple[AutopilotDevice, ...] | None,
):
    decision = after_binding(BINDING, Facts(autopilot=registered), a_policy(), NOW)

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.DEVICE_NOT_READY)
    assert moved(BINDING, decision).autopilot_id is None


def test_a_mode_that_became_report_ends_the_case_without_another_write():
    decision = after_binding(BINDING, _registered(), a_policy(mode=Mode.REPORT), NOW)

    assert (decision.to, decision.effect) == (CaseState.REPORTED, None)


def test_a_wipe_that_nobody_approved_yet_keeps_waiting():
    decision = await_approval(WAITING, Facts(device=a_device()), a_policy(), NOW)

    assert (decision.to, decision.reason) == (CaseState.AWAITING_APPROVAL, Reason.APPROVAL_NEEDED)
    assert decision.due == NOW + DAY
    assert moved(WAITING, decision).proposal == proposal_of(WAITING, a_policy().version)


def test_a_changed_policy_or_owner_makes_another_proposal():
    proposals = {
        await_approval(case, Facts(device=a_device()), policy, NOW).changes["proposal"]
        for case, policy in (
            (WAITING, a_policy()),
            (WAITING, a_policy(wipes_per_day=24)),
            (a_case(CaseState.AWAITING_APPROVAL, owner=an_owner(user_id="another")), a_policy()),
            (a_case(CaseState.AWAITING_APPROVAL, episode=2), a_policy()),
        )
    }

    assert len(proposals) == 4


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("device", [MISSING, None])
def test_a_device_that_is_gone_needs_no_approval(mode: Mode, device: Missing | None):
    decision = await_approval(WAITING, Facts(device=device), a_policy(mode=mode), NOW)

    assert (decision.to, decision.reason) == (CaseState.NO_ACTION_NEEDED, Reason.DEVICE_GONE)


@pytest.mark.parametrize("mode", [Mode.APPROVE, Mode.AUTO])
def test_a_device_that_became_compliant_needs_no_approval(mode: Mode):
    device = a_device(compliance=Compliance.COMPLIANT)

    decision = await_approval(WAITING, Facts(device=device), a_policy(mode=mode), NOW)

    assert (decision.to, decision.reason) == (CaseState.NO_ACTION_NEEDED, Reason.MENDED_WITHOUT_WIPE)


def test_a_mode_that_became_auto_clears_the_wipe():
    policy = a_policy(mode=Mode.AUTO)

    decision = await_approval(WAITING, Facts(device=a_device()), policy, NOW)

    assert (decision.to, decision.reason) == (CaseState.CLEARED_TO_WIPE, Reason.AUTO_MODE)
    approval = moved(WAITING, decision).approval
    assert approval is not None
    assert (approval.proposal, approval.used) == (proposal_of(WAITING, policy.version), False)


@pytest.mark.parametrize("mode", [Mode.REPORT, Mode.APPROVE, Mode.AUTO])
def test_after_thirty_days_a_person_is_asked_whether_it_still_makes_sense(mode: Mode):
    old = a_case(CaseState.AWAITING_APPROVAL, opened_at=NOW - 30 * DAY - A_SECOND)
    on_the_day = a_case(CaseState.AWAITING_APPROVAL, opened_at=NOW - 30 * DAY)
    facts, policy = Facts(device=a_device()), a_policy(mode=mode)

    assert await_approval(old, facts, policy, NOW).reason is Reason.APPROVAL_EXPIRED
    assert await_approval(old, facts, policy, NOW).to is CaseState.NEEDS_PERSON
    assert await_approval(on_the_day, facts, policy, NOW).to is not CaseState.NEEDS_PERSON


def test_while_an_approval_is_awaited_each_look_counts_as_a_reading():
    decision = await_approval(WAITING, Facts(device=a_device()), a_policy(), NOW)

    assert moved(WAITING, decision).readings == Readings(count=2, first_at=NOW - 3 * DAY, last_at=NOW)


@pytest.mark.parametrize("compliance", [Compliance.UNKNOWN, Compliance.ERROR, Compliance.UNRECOGNISED])
def test_an_unclear_compliance_is_no_reading(compliance: Compliance):
    decision = await_approval(WAITING, Facts(device=a_device(compliance=compliance)), a_policy(), NOW)

    assert moved(WAITING, decision).readings == WAITING.readings


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"owner_type": "personal"}, Reason.DEVICE_NOT_COMPANY_OWNED),
        ({"management_state": "retirePending"}, Reason.DEVICE_NOT_MANAGED_NOW),
    ],
)
def test_a_device_that_may_no_longer_be_touched_needs_no_approval(fields: dict[str, object], reason: Reason):
    decision = await_approval(WAITING, Facts(device=a_device(**fields)), a_policy(), NOW)

    assert (decision.to, decision.reason) == (CaseState.REFUSED, reason)
    assert moved(WAITING, decision).approval is None


def test_a_device_that_gets_a_grace_period_needs_no_approval():
    decision = await_approval(WAITING, Facts(device=a_device(compliance=Compliance.IN_GRACE_PERIOD)), a_policy(), NOW)

    assert (decision.to, decision.reason) == (CaseState.NO_ACTION_NEEDED, Reason.DEVICE_IN_GRACE_PERIOD)
    assert decision.says == "PC-0427 was given a grace period by Intune; no wipe was needed."


@pytest.mark.parametrize("mode", [Mode.APPROVE, Mode.AUTO])
def test_evidence_that_grew_old_while_nobody_looked_is_gathered_anew(mode: Mode):
    readings = Readings(count=5, first_at=NOW - 20 * DAY, last_at=NOW - 4 * DAY - A_SECOND)
    case = a_case(CaseState.AWAITING_APPROVAL, bound=True, readings=readings)

    decision = await_approval(case, Facts(device=a_device()), a_policy(mode=mode), NOW)

    assert (decision.to, decision.reason) == (CaseState.WATCHING, Reason.EVIDENCE_TOO_OLD)
    assert moved(case, decision).readings is None
