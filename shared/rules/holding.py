"""CLEARED_TO_WIPE: is the clearance still good, and does a guardrail hold the wipe for now?"""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.case import Case, Decision, WipeAttempt, proposal_of
from shared.domain.effects import FreezeWipes
from shared.domain.facts import Facts, Fleet
from shared.domain.policy import Mode, Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.clearing import BY_POLICY, closed, may_be_sent_from
from shared.rules.confirm import evidence_is_old, evidence_too_old
from shared.rules.decisions import ask_person, go, wait
from shared.rules.guardrails import Hold, what_holds
from shared.rules.notice import owner_comes_first, owners_hold, start_notice

LOOK_AGAIN_AFTER = timedelta(minutes=15)


def hold_or_go(case: Case, facts: Facts, policy: Policy, now: datetime) -> Decision:
    """Decide CLEARED_TO_WIPE."""
    if evidence_is_old(case.readings, policy, now):
        return evidence_too_old(policy)
    if unfit := clearance_unfit(case, policy, now):
        return go(
            CaseState.AWAITING_APPROVAL,
            unfit[0],
            unfit[1],
            evidence={"policy": policy.version},
            approval=None,
            proposal=proposal_of(case, policy.version),
            due=None if policy.mode is Mode.AUTO else now + timedelta(hours=24),
        )
    soon = now + LOOK_AGAIN_AFTER
    if not policy.mode.may_write:
        return wait(case, Reason.MODE_IS_REPORT, f"The mode is {policy.mode}; no wipe is sent in it.", until=soon)
    if owner_comes_first(case, policy):
        return start_notice(case, facts, policy, now)
    if hold := owners_hold(case, now):
        return wait(case, hold[0], hold[1], until=hold[2])
    if outside := closed(policy, now):
        return wait(case, *outside, until=may_be_sent_from(policy, now))
    if facts.freeze is None or facts.freeze.frozen:
        who = facts.freeze.by if facts.freeze is not None else None
        why = f": {facts.freeze.why.rstrip('.')}" if facts.freeze is not None and facts.freeze.why else ""
        return wait(case, Reason.FROZEN, f"All wipes are frozen{f' by {who}' if who else ''}{why}.", until=soon)
    if facts.budget is None or facts.nonce is None:
        return wait(case, Reason.WIPE_BUDGET_SPENT, "The wipe budget could not be read; unsure means stop.", until=soon)
    if hold := what_holds(facts.budget, facts.fleet, facts.freeze.thawed_at, policy, now):
        return _held(case, hold, facts.fleet, soon)
    number = 1 if case.wipe is None else case.wipe.number + 1
    approved_by = case.approval.by if case.approval is not None else BY_POLICY
    return go(
        CaseState.WIPE_INTENDED,
        Reason.GUARDRAILS_PASSED,
        f"Attempt {number} to wipe is written down before anything is sent; cleared by {approved_by}.",
        evidence={
            "nonce": facts.nonce,
            "wipes in the last hour": facts.budget.last_hour,
            "in the last day": facts.budget.last_day,
        }
        | _counted(facts.fleet),
        wipe=WipeAttempt(number=number, nonce=facts.nonce, intended_at=now, allowed_by=approved_by),
    )


def _held(case: Case, hold: Hold, fleet: Fleet | None, soon: datetime) -> Decision:
    """The wipe waits; some guardrails freeze all wipes, some leave this device to a person."""
    if hold.asks:
        often = hold.reason is Reason.SERIAL_WIPED_OFTEN
        return ask_person(Reason.SERIAL_WIPED_OFTEN if often else Reason.SERIAL_WIPED_RECENTLY, hold.says)
    waits = wait(case, hold.reason, hold.says, until=max(soon, hold.until or soon), evidence=_counted(fleet))
    return replace(waits, effect=FreezeWipes(reason=hold.reason, why=hold.says)) if hold.freezes else waits


def _counted(fleet: Fleet | None) -> dict[str, str | int | float | bool | None]:
    if fleet is None:
        return {}
    return {"devices": fleet.enrolled, "non-compliant": fleet.noncompliant, "usually": fleet.usual}


def clearance_unfit(case: Case, policy: Policy, now: datetime) -> tuple[Reason, str] | None:
    """Why the clearance does not cover a wipe now: missing, used, expired, for something else, or given by a mode that is off."""
    approval = case.approval
    if approval is None:
        return Reason.APPROVAL_NEEDED, "A person has to approve the wipe."
    if approval.used:
        return Reason.APPROVAL_NEEDED, "The approval was used by an earlier wipe; another one needs a new approval."
    if approval.by == BY_POLICY and policy.why_not_auto is not None:
        return Reason.MODE_EXPIRED, f"{policy.why_not_auto}; a person has to approve the wipe."
    if now > approval.expires_at:
        return Reason.APPROVAL_EXPIRED, f"The approval by {approval.by} expired."
    if approval.proposal != proposal_of(case, policy.version):
        return Reason.APPROVAL_NO_LONGER_FITS, "Device, owner or policy changed after the approval was given."
    if approval.by == BY_POLICY and policy.mode is Mode.APPROVE:
        return Reason.APPROVAL_NEEDED, "The mode is approve now; a person has to approve the wipe."
    return None
