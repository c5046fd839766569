"""The decision core: one pure function from a case, facts, policy and the time to what happens next."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from shared.domain.case import Case, Decision
from shared.domain.facts import Facts
from shared.domain.policy import Mode, Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.admin_approval import await_admin_approval
from shared.rules.after_wipe import look_for_wipe
from shared.rules.binding import after_binding, await_approval
from shared.rules.confirm import confirm
from shared.rules.decisions import wait
from shared.rules.fence import check_fence
from shared.rules.holding import hold_or_go
from shared.rules.instructing import instruct
from shared.rules.licensing import await_licence, check_licence
from shared.rules.notice import give_notice
from shared.rules.owner_now import owner_changed
from shared.rules.ownership import find_owner
from shared.rules.readiness import check_readiness
from shared.rules.reclaiming import reclaim
from shared.rules.returning import await_proof, await_return
from shared.rules.watching import watch

Rule = Callable[[Case, Facts, Policy, datetime], Decision]

RULES: Mapping[CaseState, Rule] = {
    CaseState.OPENED: confirm,
    CaseState.CHECKING_OWNER: find_owner,
    CaseState.CHECKING_LICENCE: check_licence,
    CaseState.AWAITING_SEAT: check_licence,
    CaseState.AWAITING_LICENCE: await_licence,
    CaseState.WATCHING: watch,
    CaseState.CHECKING_READINESS: check_readiness,
    CaseState.NOT_READY: check_readiness,
    CaseState.BINDING: after_binding,
    CaseState.GIVING_NOTICE: give_notice,
    CaseState.SENDING_INSTRUCTIONS: instruct,
    CaseState.AWAITING_APPROVAL: await_approval,
    CaseState.CLEARED_TO_WIPE: hold_or_go,
    CaseState.WIPE_INTENDED: check_fence,
    CaseState.WIPE_SENT: look_for_wipe,
    CaseState.WIPE_UNKNOWN: look_for_wipe,
    CaseState.AWAITING_ADMIN_APPROVAL: await_admin_approval,
    CaseState.AWAITING_RETURN: await_return,
    CaseState.AWAITING_PROOF: await_proof,
    CaseState.RECLAIMING_LICENCE: reclaim,
}
"""Every state in which Handover itself goes on. The others rest for a person or have ended."""

AFTER_THE_WIPE = frozenset(
    {
        CaseState.WIPE_SENT,
        CaseState.WIPE_UNKNOWN,
        CaseState.AWAITING_RETURN,
        CaseState.AWAITING_PROOF,
        CaseState.RECLAIMING_LICENCE,
    }
)
"""Only reads follow a wipe, so these states go on in every mode: a wiped device is never left alone."""


def decide(case: Case, facts: Facts, policy: Policy, now: datetime) -> Decision:
    """What happens next to this case. Pure: no I/O, no clock, no randomness; raises KeyError for a state that rests."""
    rule, policy = RULES[case.state], policy.as_of(now)
    if policy.mode is Mode.OFF and case.state not in AFTER_THE_WIPE:
        return wait(case, Reason.MODE_IS_OFF, "Handover is switched off.", until=now + timedelta(hours=1))
    decision = rule(case, facts, policy, now)
    if decision.to in OVER_WITHOUT_OWNER:
        return decision
    return owner_changed(case, facts, policy, now) or decision


OVER_WITHOUT_OWNER = frozenset({CaseState.NO_ACTION_NEEDED, CaseState.REFUSED, CaseState.REPORTED})
"""Where a case ends like this, it does not matter any more what became of its owner."""
