"""The fence asks once more who allowed the wipe: mode, clearance, kill switch."""

from dataclasses import replace

import pytest

from shared.domain.case import Case, Decision
from shared.domain.facts import Freeze
from shared.domain.policy import Mode, Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.clearing import BY_POLICY
from shared.rules.fence import LOOK_AGAIN_AFTER, back_to_hold, check_fence
from tests.builders import A_SECOND, NOW, all_facts
from tests.case_builders import a_case, a_policy, an_approval, moved

INTENDED = a_case(CaseState.WIPE_INTENDED)


def _fenced(case: Case = INTENDED, policy: Policy | None = None, **facts: object) -> Decision:
    return check_fence(case, all_facts(**facts), policy or a_policy(), NOW)


@pytest.mark.parametrize("mode", [Mode.OFF, Mode.REPORT])
def test_a_mode_that_changes_nothing_sends_nothing(mode: Mode):
    policy = a_policy(mode=mode)

    decision = _fenced(a_case(CaseState.WIPE_INTENDED, policy), policy)

    assert (decision.to, decision.says) == (CaseState.CLEARED_TO_WIPE, f"The mode is {mode}; nothing was sent.")


@pytest.mark.parametrize(
    ("change", "policy", "reason"),
    [
        ({"used": True}, a_policy(), Reason.APPROVAL_NEEDED),
        ({"expires_at": NOW - A_SECOND}, a_policy(), Reason.APPROVAL_EXPIRED),
        ({"proposal": "of something else"}, a_policy(), Reason.APPROVAL_NO_LONGER_FITS),
        ({"by": BY_POLICY}, a_policy(), Reason.APPROVAL_NEEDED),
        ({}, a_policy(wipes_per_hour=1), Reason.APPROVAL_NO_LONGER_FITS),
    ],
)
def test_a_clearance_that_no_longer_covers_the_wipe_sends_nothing(
    change: dict[str, object], policy: Policy, reason: Reason
):
    case = replace(INTENDED, approval=an_approval(INTENDED, a_policy(), **change))

    decision = _fenced(case, policy)

    assert (decision.to, decision.reason) == (CaseState.CLEARED_TO_WIPE, reason)
    assert decision.says.endswith("Nothing was sent.")
    assert decision.due == NOW + LOOK_AGAIN_AFTER


def test_an_intention_without_an_approval_sends_nothing():
    assert _fenced(replace(INTENDED, approval=None)).to is CaseState.CLEARED_TO_WIPE


@pytest.mark.parametrize("freeze", [Freeze(frozen=True), None])
def test_a_freeze_or_a_switch_that_was_not_read_sends_nothing(freeze: Freeze | None):
    decision = _fenced(freeze=freeze)

    assert (decision.to, decision.reason) == (CaseState.CLEARED_TO_WIPE, Reason.FROZEN)


def test_going_back_leaves_approval_and_attempt_as_they_were():
    after = moved(INTENDED, back_to_hold(Reason.FROZEN, "All wipes are frozen.", NOW))

    assert (after.approval, after.wipe, after.due_at) == (INTENDED.approval, INTENDED.wipe, NOW + LOOK_AGAIN_AFTER)


def test_auto_mode_passes_the_same_fence_with_its_own_clearance():
    policy = a_policy(mode=Mode.AUTO)
    case = replace(INTENDED, approval=an_approval(INTENDED, policy, by=BY_POLICY))

    assert _fenced(case, policy).to is CaseState.WIPE_SENT
