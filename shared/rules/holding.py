"""CLEARED_TO_WIPE: is the clearance still good, and does a guardrail hold the wipe for now?"""

from datetime import datetime, timedelta

from shared.domain.case import Case, Decision, WipeAttempt, proposal_of
from shared.domain.facts import Facts, WipeBudget
from shared.domain.policy import Mode, Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.binding import BY_POLICY
from shared.rules.clearing import closed, may_be_sent_from
from shared.rules.confirm import evidence_is_old, evidence_too_old
from shared.rules.decisions import ask_person, go, in_words, wait
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
        return wait(case, Reason.FROZEN, f"All wipes are frozen{f' by {who}' if who else ''}.", until=soon)
    if facts.budget is None or facts.nonce is None:
        return wait(case, Reason.WIPE_BUDGET_SPENT, "The wipe budget could not be read; unsure means stop.", until=soon)
    if spent := budget_spent(facts.budget, policy, now):
        if spent[0] is Reason.SERIAL_WIPED_RECENTLY:
            return ask_person(Reason.SERIAL_WIPED_RECENTLY, spent[1])
        return wait(case, *spent, until=max(soon, facts.budget.frees_at or soon))
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
        },
        wipe=WipeAttempt(number=number, nonce=facts.nonce, intended_at=now, allowed_by=approved_by),
    )


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


def budget_spent(budget: WipeBudget, policy: Policy, now: datetime) -> tuple[Reason, str] | None:
    """Which limit stands in the way of one more wipe, in words, if any does."""
    if budget.serial_wiped_at is not None and now - budget.serial_wiped_at < policy.serial_rest:
        return (
            Reason.SERIAL_WIPED_RECENTLY,
            f"This serial number was wiped {in_words(now - budget.serial_wiped_at)} ago; once in {in_words(policy.serial_rest)} is allowed.",
        )
    limits = (
        (budget.last_hour, policy.wipes_per_hour, "in an hour"),
        (budget.last_day, policy.wipes_per_day, "in a day"),
        (budget.in_flight, policy.wipes_in_flight, "not yet back"),
    )
    for used, allowed, what in limits:
        if used >= allowed:
            return Reason.WIPE_BUDGET_SPENT, f"{used} of {allowed} wipes {what} are used; waiting."
    return None
