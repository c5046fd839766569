"""AWAITING_ADMIN_APPROVAL: Intune's Multi Admin Approval holds the wipe until a second administrator has agreed.

The same attempt then goes through the whole fence once more and is sent once more, with the approval's code.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.case import Case, Decision, Evidence, proposal_of
from shared.domain.facts import MISSING, AdminApprovalRequest, Compliance, Facts, ManagedDevice
from shared.domain.policy import Mode, Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.clearing import BY_POLICY, closed
from shared.rules.decisions import ask_person, device_evidence, go, in_words, wait
from shared.rules.justification import mark_of, mark_of_device
from shared.rules.wipe_signs import NEEDS_APPROVAL, wipe_seen

ASK_AGAIN_AFTER = timedelta(hours=1)
HELD_FOR = timedelta(minutes=15)
VALID_FOR = timedelta(days=3)
"""Intune lets a request expire after three days."""
SHOWN_WITHIN = timedelta(hours=4)
"""A request that the list does not show by then is not looked for any longer."""
OWN_POLL_AFTER = timedelta(hours=24)


def await_admin_approval(case: Case, facts: Facts, policy: Policy, now: datetime) -> Decision:
    """Decide AWAITING_ADMIN_APPROVAL: only "approved", with everything as it was, leads to the second request."""
    assert case.wipe is not None
    if (settled := _settled_by_device(case, facts, now)) is not None:
        return settled
    asked_at = case.wipe.admin_asked_at or case.moved_at
    if now - asked_at > VALID_FOR:
        return ask_person(
            Reason.ADMIN_APPROVAL_EXPIRED, f"No administrator approved within {in_words(VALID_FOR)}. Nothing was wiped."
        )
    if unfit := no_longer_fits(case, policy):
        return ask_person(*unfit)
    request = request_of(case, facts.admin_requests or ())
    if request is None:
        if facts.admin_requests is not None and now - asked_at > SHOWN_WITHIN:
            return ask_person(
                Reason.ADMIN_APPROVAL_NOT_FOUND,
                "Intune wants a second administrator's approval, but shows no request of Handover's for this device. Nothing was wiped.",
            )
        return _wait(case, "Intune does not show the approval request yet; looking again.", now)
    return _by_status(case, facts, policy, request, now)


def _by_status(case: Case, facts: Facts, policy: Policy, request: AdminApprovalRequest, now: datetime) -> Decision:
    evidence = {"request": request.id, "status": request.status, "decided by": request.decided_by}
    match request.status:
        case "approved":
            return _approved(case, facts, policy, request, now)
        case "rejected" | "cancelled" | "canceled":
            who = f" by {request.decided_by}" if request.decided_by else ""
            note = f": {request.note}" if request.note else ""
            return ask_person(
                Reason.ADMIN_APPROVAL_REJECTED,
                f"The approval request in Intune was {request.status}{who}{note}. Nothing was wiped.",
                evidence=evidence,
            )
        case "expired":
            return ask_person(
                Reason.ADMIN_APPROVAL_EXPIRED,
                "The approval request in Intune expired unanswered. Nothing was wiped.",
                evidence=evidence,
            )
        case "completed":
            return ask_person(
                Reason.ADMIN_APPROVAL_NOT_FOUND,
                "The approval in Intune was used up, but not by Handover, and the device shows no wipe.",
                evidence=evidence,
            )
        case _:
            return _wait(
                case,
                "A second Intune administrator has to approve the wipe: Intune admin center, Tenant administration, "
                "Multi Admin Approval.",
                now,
                evidence,
                code=request.id,
            )


def _approved(case: Case, facts: Facts, policy: Policy, request: AdminApprovalRequest, now: datetime) -> Decision:
    assert case.wipe is not None
    who = f" by {request.decided_by}" if request.decided_by else ""
    if hold := _held(facts, policy, now):
        return wait(case, hold[0], f"Approved{who} in Intune, but held: {hold[1]}", until=now + HELD_FOR)
    return go(
        CaseState.WIPE_INTENDED,
        Reason.ADMIN_APPROVED,
        f"Approved{who} in Intune. The device is read once more, then the same wipe is sent with the approval's code.",
        evidence={"request": request.id, "nonce": case.wipe.nonce, "approved by": request.decided_by},
        wipe=replace(case.wipe, admin_code=request.id, admin_approved_at=now, sent_at=None),
    )


def _held(facts: Facts, policy: Policy, now: datetime) -> tuple[Reason, str] | None:
    if facts.freeze is None or facts.freeze.frozen:
        return Reason.FROZEN, "All wipes are frozen."
    return closed(policy, now)


def _settled_by_device(case: Case, facts: Facts, now: datetime) -> Decision | None:
    """A device that is gone, mended or wiped by somebody else needs no approval any more."""
    assert case.wipe is not None
    device = facts.device
    if device is MISSING:
        return go(
            CaseState.NO_ACTION_NEEDED, Reason.DEVICE_GONE, "The device left Intune before the wipe was approved."
        )
    if not isinstance(device, ManagedDevice):
        return None
    asked_at = case.wipe.admin_asked_at or case.moved_at
    if wipe_seen(device, asked_at):
        return go(
            CaseState.AWAITING_RETURN,
            Reason.WIPE_SEEN,
            "Intune shows a wipe of this device. Handover sends none.",
            evidence=device_evidence(device),
            due=now + OWN_POLL_AFTER,
            wipe=replace(case.wipe, sent_at=asked_at, outcome="accepted"),
        )
    if device.compliance is Compliance.COMPLIANT:
        return go(
            CaseState.NO_ACTION_NEEDED,
            Reason.MENDED_WITHOUT_WIPE,
            f"{device.called} is compliant again; no wipe was needed. The approval request in Intune can be cancelled.",
            evidence=device_evidence(device),
        )
    return None


def no_longer_fits(case: Case, policy: Policy) -> tuple[Reason, str] | None:
    """Why the approval that this attempt used does not cover its second request.

    Its 24 hours do not count here: a person approved this very attempt, and Intune gives the second administrator three
    days (docs/adr/0011). Device, owner, policy and mode do.
    """
    approval = case.approval
    if approval is None:
        return Reason.APPROVAL_NO_LONGER_FITS, "The approval in Handover is gone. Nothing was wiped."
    if approval.proposal != proposal_of(case, policy.version):
        return (
            Reason.APPROVAL_NO_LONGER_FITS,
            "Device, owner or policy changed while a second administrator's approval was awaited. Nothing was wiped.",
        )
    if approval.by == BY_POLICY and policy.mode is Mode.APPROVE:
        return (
            Reason.APPROVAL_NO_LONGER_FITS,
            "The mode is approve now, and no person approved this wipe in Handover. Nothing was wiped.",
        )
    return None


def request_of(case: Case, requests: tuple[AdminApprovalRequest, ...]) -> AdminApprovalRequest | None:
    """The request that holds this attempt: by its code; without one by this attempt's justification, or, as Intune
    keeps one open request for a device, by that of an earlier attempt which can still be approved."""
    assert case.wipe is not None
    if case.wipe.admin_code is not None:
        return next((one for one in requests if one.id.lower() == case.wipe.admin_code.lower()), None)
    return request_by_text(case, requests) or _newest(
        one
        for one in requests
        if mark_of_device(case) in one.justification and one.status in ("needsApproval", "approved")
    )


def request_by_text(case: Case, requests: tuple[AdminApprovalRequest, ...]) -> AdminApprovalRequest | None:
    """The request whose justification names this very attempt: proof that its answer was "needs approval"."""
    return _newest(one for one in requests if mark_of(case) in one.justification)


def _newest(requests: Iterable[AdminApprovalRequest]) -> AdminApprovalRequest | None:
    return max(requests, key=lambda one: "" if one.requested_at is None else one.requested_at.isoformat(), default=None)


def begin_to_wait(
    case: Case, code: str | None, asked_at: datetime, now: datetime, evidence: Evidence | None = None
) -> Decision:
    """The wipe was not carried out: Intune filed it, and a second administrator has to agree. The budget stays paid."""
    assert case.wipe is not None
    return go(
        CaseState.AWAITING_ADMIN_APPROVAL,
        Reason.ADMIN_APPROVAL_NEEDED,
        "Nothing was wiped: Intune's Multi Admin Approval wants a second administrator to agree, in the Intune admin center, "
        "within 3 days.",
        evidence=evidence or {"code": code},
        due=now + ASK_AGAIN_AFTER if code is not None else now + HELD_FOR,
        wipe=replace(case.wipe, sent_at=None, outcome=NEEDS_APPROVAL, admin_code=code, admin_asked_at=asked_at),
    )


def keep_approval(case: Case, decision: Decision, now: datetime) -> Decision:
    """What holds back the second request does not end the attempt: it goes on waiting beside its approval in Intune."""
    if decision.to is not CaseState.CLEARED_TO_WIPE or case.wipe is None or not case.wipe.second_request:
        return decision
    return go(
        CaseState.AWAITING_ADMIN_APPROVAL,
        decision.reason,
        decision.says,
        evidence=decision.evidence,
        due=max(decision.due or now, now + HELD_FOR),
        wipe=replace(case.wipe, sent_at=None, admin_approved_at=None, outcome=NEEDS_APPROVAL),
    )


def _wait(
    case: Case, says: str, now: datetime, evidence: Evidence | None = None, *, code: str | None = None
) -> Decision:
    assert case.wipe is not None
    asked_at = case.wipe.admin_asked_at or case.moved_at
    return wait(
        case,
        Reason.ADMIN_APPROVAL_NEEDED,
        says,
        until=min(now + ASK_AGAIN_AFTER, asked_at + VALID_FOR + timedelta(minutes=1)),
        evidence=evidence,
        wipe=replace(case.wipe, admin_code=code or case.wipe.admin_code),
    )
