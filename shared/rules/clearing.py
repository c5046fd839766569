"""Who has to say yes to a wipe: a person, or in auto mode nobody."""

from datetime import datetime, timedelta

from shared.domain.case import Approval, Case, Decision, proposal_of
from shared.domain.policy import Mode, Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.decisions import go, stamp

BY_POLICY = "auto mode"
LOOK_AGAIN_AFTER = timedelta(hours=24)


def ask_or_clear(case: Case, policy: Policy, now: datetime, *, so_far: str) -> Decision:
    """Everything before the wipe is done: ask a person, or go on. ``so_far`` is one sentence on what was done."""
    if policy.mode is Mode.AUTO:
        return clear(case, policy, now, so_far=so_far)
    return go(
        CaseState.AWAITING_APPROVAL,
        Reason.APPROVAL_NEEDED,
        f"{so_far} Wiping {device_name(case)} needs a person's approval."
        + (f" {policy.why_not_auto}." if policy.why_not_auto is not None else ""),
        evidence={"proposal": proposal_of(case, policy.version), "policy": policy.version},
        proposal=proposal_of(case, policy.version),
        approval=None,
        due=now + LOOK_AGAIN_AFTER,
    )


def clear(case: Case, policy: Policy, now: datetime, *, so_far: str) -> Decision:
    """Clear the wipe by policy."""
    proposal = proposal_of(case, policy.version)
    approval = Approval(proposal=proposal, by=BY_POLICY, at=now, expires_at=approval_expires(case, policy, now))
    return go(
        CaseState.CLEARED_TO_WIPE,
        Reason.AUTO_MODE,
        f"{so_far} Auto mode: no person has to approve.",
        evidence={"proposal": proposal, "policy": policy.version},
        proposal=proposal,
        approval=approval,
    )


def approval_expires(case: Case, policy: Policy, now: datetime) -> datetime:
    """When an approval given now ends: its time begins to run with the first moment at which a wipe may be sent."""
    notice = case.notice
    waits_until = notice.wipe_not_before if notice is not None else None
    return may_be_sent_from(policy, max(now, waits_until or now)) + policy.approval_valid_for


def may_be_sent_from(policy: Policy, at: datetime) -> datetime:
    """The first moment from ``at`` on that lies within the hours for wipes."""
    return at if policy.wipe_hours is None else policy.wipe_hours.opens_at(at)


def closed(policy: Policy, now: datetime) -> tuple[Reason, str] | None:
    """Why no wipe is sent at this hour, if so."""
    if policy.wipe_hours is None or policy.wipe_hours.is_open(now):
        return None
    opens = stamp(policy.wipe_hours.opens_at(now))
    return Reason.OUTSIDE_MAINTENANCE_WINDOW, f"Outside the hours for wipes; they begin at {opens}."


def device_name(case: Case) -> str:
    """What people call the device of the case."""
    return case.device.name if case.device is not None else case.id
