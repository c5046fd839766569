"""AWAITING_RETURN and AWAITING_PROOF: is it back, under its owner, and compliant?"""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.case import Case, Decision
from shared.domain.facts import Compliance, Facts, ManagedDevice
from shared.domain.policy import Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules import not_back
from shared.rules.decisions import ask_person, device_evidence, go, in_words, wait
from shared.rules.reclaiming import wants_reclaim

OWN_POLL_AFTER = timedelta(hours=24)
LOOK_FOR_PROOF_AFTER = timedelta(hours=2)
LOOK_FOR_USER_AFTER = timedelta(minutes=20)
USER_FOLLOWS_WITHIN = timedelta(hours=2)


def is_back(case: Case, facts: Facts) -> bool:
    """Whether the device enrolled again after the wipe, or had done so when its case was looked at last."""
    if case.state is not CaseState.AWAITING_RETURN:
        return True
    assert case.wipe is not None and case.device is not None
    sent_at = case.wipe.sent_at or case.moved_at
    return _newest_after(facts.same_serial or (), sent_at, case.device.managed_device_id) is not None


def await_return(case: Case, facts: Facts, policy: Policy, now: datetime) -> Decision:
    """Decide AWAITING_RETURN from every enrolment of the serial number."""
    assert case.wipe is not None and case.owner is not None and case.device is not None
    sent_at = case.wipe.sent_at or case.moved_at
    rows = facts.same_serial or ()
    back = _newest_after(rows, sent_at, case.device.managed_device_id)
    if back is not None:
        return _is_back(case, back, policy, now)
    old = next((row for row in rows if row.id.lower() == case.device.managed_device_id.lower()), None)
    if old is not None and old.management_state in ("wipeFailed", "wipeCanceled"):
        return ask_person(
            Reason.WIPE_FAILED_ON_DEVICE,
            f"Intune reports {old.management_state}; the device was not wiped.",
            evidence=device_evidence(old),
            wipe=replace(case.wipe, outcome="failed"),
        )
    refused = not_back.refusals(case, facts)
    since = max(sent_at, case.opened_at)  # a person who lets the case go on gives it the whole time again
    if now - since > policy.return_within:
        more = f" of being waited for once more; the wipe was {in_words(now - sent_at)} ago" if since > sent_at else ""
        return ask_person(
            Reason.DID_NOT_RETURN,
            f"The device did not come back within {in_words(policy.return_within)}{more or ' of the wipe'}."
            + not_back.in_words(refused),
            evidence={"old record": "still there" if old is not None else "gone", **not_back.evidence_of(refused)},
        )
    says = "The wipe has not reached the device yet." if old is not None else "Wiped; nobody has signed in at OOBE yet."
    return wait(
        case,
        Reason.AWAITING_OOBE,
        says + not_back.in_words(refused),
        evidence=not_back.evidence_of(refused),
        until=min(now + OWN_POLL_AFTER, since + policy.return_within + timedelta(minutes=1)),
    )


def _newest_after(rows: tuple[ManagedDevice, ...], sent_at: datetime, old_id: str) -> ManagedDevice | None:
    newer = [
        row
        for row in rows
        if row.enrolled_at is not None and row.enrolled_at > sent_at and row.id.lower() != old_id.lower()
    ]
    return max(newer, key=lambda row: row.enrolled_at or sent_at, default=None)


def _is_back(case: Case, back: ManagedDevice, policy: Policy, now: datetime) -> Decision:
    assert case.owner is not None
    evidence = device_evidence(back)
    if _user_may_follow(back, now):
        return wait(
            case,
            Reason.AWAITING_OOBE,
            f"{back.called} is back; Intune does not name the user who enrolled it yet.",
            until=now + LOOK_FOR_USER_AFTER,
            evidence=evidence,
        )
    if not _is_owner(case, back):
        return ask_person(
            Reason.WRONG_USER_SIGNED_IN,
            f"The device came back under {back.user_principal_name or 'no user'}, not under {case.owner.display_name}. It is not wiped again.",
            evidence=evidence,
            returned_device_id=back.id,
            returned_at=back.enrolled_at,
        )
    return go(
        CaseState.AWAITING_PROOF,
        Reason.BACK_UNDER_OWNER,
        f"{back.called} is back, enrolled by {case.owner.display_name}.",
        evidence=evidence,
        returned_device_id=back.id,
        returned_at=back.enrolled_at,
        due=now if back.compliance is Compliance.COMPLIANT else now + LOOK_FOR_PROOF_AFTER,
    )


def await_proof(case: Case, facts: Facts, policy: Policy, now: datetime) -> Decision:
    """Decide AWAITING_PROOF: closed only when the new enrolment is the owner's and compliant."""
    assert case.owner is not None
    rows = facts.same_serial or ()
    device = next(
        (row for row in rows if case.returned_device_id and row.id.lower() == case.returned_device_id.lower()), None
    )
    if device is None:
        return ask_person(Reason.DEVICE_GONE, "The device left Intune again before it was compliant.")
    evidence = device_evidence(device)
    if not (_is_owner(case, device) or _user_may_follow(device, now)):
        return ask_person(
            Reason.WRONG_USER_SIGNED_IN,
            f"The device is now {device.user_principal_name or 'nobody'}'s.",
            evidence=evidence,
        )
    if device.compliance is Compliance.COMPLIANT and _is_owner(case, device):
        return go(
            CaseState.RECLAIMING_LICENCE if wants_reclaim(case, policy) else CaseState.PROVEN,
            Reason.COMPLIANT_UNDER_OWNER,
            f"{case.owner.display_name} owns {device.called}, and it is compliant.",
            evidence=evidence,
        )
    since = max(case.returned_at or case.moved_at, case.opened_at)
    if now - since > policy.compliant_within:
        return ask_person(
            Reason.NOT_COMPLIANT_AFTER_RETURN,
            f"Back under {case.owner.display_name} for {in_words(now - since)} and still {device.compliance.value}.",
            evidence=evidence,
        )
    return wait(
        case,
        Reason.BACK_UNDER_OWNER,
        f"Intune says {device.compliance.value} so far.",
        until=now + LOOK_FOR_PROOF_AFTER,
        evidence=evidence,
    )


def _user_may_follow(device: ManagedDevice, now: datetime) -> bool:
    """A new enrolment may show before its user does; after a while one without a user has none."""
    return device.user_id is None and device.enrolled_at is not None and now - device.enrolled_at <= USER_FOLLOWS_WITHIN


def _is_owner(case: Case, device: ManagedDevice) -> bool:
    assert case.owner is not None
    return (device.user_id or "").lower() == case.owner.user_id.lower()
