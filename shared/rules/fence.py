"""WIPE_INTENDED: the last look before the wipe. Every doubt is a no."""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.case import Case, Decision, DeviceIdentity, Evidence
from shared.domain.checks import Check
from shared.domain.facts import MISSING, Compliance, Facts, ManagedDevice, User, age
from shared.domain.policy import Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.admin_approval import keep_approval, no_longer_fits
from shared.rules.after_wipe import LOOK_FOR_WIPE_AFTER
from shared.rules.binding import bound_to_owner
from shared.rules.clearing import closed
from shared.rules.confirm import evidence_is_old, evidence_too_old, refusal_of
from shared.rules.decisions import ask_person, device_evidence, go, in_words
from shared.rules.exclusion import doubt_about_exclusion, entra_devices_of, refused_by_group
from shared.rules.holding import clearance_unfit
from shared.rules.notice import owners_hold
from shared.rules.owner_now import lost_licence, renamed
from shared.rules.plans import covered_since, covers
from shared.rules.readiness import LOOK_AGAIN_AFTER as READINESS_AGAIN_AFTER
from shared.rules.readiness import bad_of, check_evidence, checks, reason_not_ready, words_not_ready

LOOK_AGAIN_AFTER = timedelta(minutes=15)
LOOK_FOR_CHECK_IN_AFTER = timedelta(hours=1)


def check_fence(case: Case, facts: Facts, policy: Policy, now: datetime) -> Decision:
    """Decide WIPE_INTENDED from a reading made now: WIPE_SENT only when everything is exactly as it was approved."""
    return keep_approval(case, _check(case, facts, policy, now), now)


def _check(case: Case, facts: Facts, policy: Policy, now: datetime) -> Decision:
    assert case.device is not None and case.wipe is not None
    device = facts.device
    if device is None or device is MISSING:
        return go(CaseState.NO_ACTION_NEEDED, Reason.DEVICE_GONE, "The device left Intune before the wipe was sent.")
    evidence = device_evidence(device)
    if refusal := refusal_of(device, policy):
        return go(CaseState.REFUSED, *refusal, evidence=evidence)
    if changed := what_changed(case.device, device):
        return ask_person(
            Reason.DEVICE_CHANGED,
            f"The device is not the one that was approved: {changed}. Nothing was sent.",
            evidence=evidence,
        )
    if device.compliance is Compliance.COMPLIANT:
        return go(
            CaseState.NO_ACTION_NEEDED,
            Reason.MENDED_WITHOUT_WIPE,
            f"{device.called} became compliant; no wipe was sent.",
            evidence=evidence,
        )
    if device.compliance is not Compliance.NONCOMPLIANT:
        return ask_person(
            Reason.COMPLIANCE_NOT_KNOWN,
            f"Intune now says {device.compliance.value}; nothing was sent.",
            evidence=evidence,
        )
    if excluded := refused_by_group(facts, policy):
        says = f"{device.called} is not touched: {excluded[1]}; nothing was sent."
        return go(CaseState.REFUSED, excluded[0], says, evidence=evidence)
    if answer := _look_at_owner(case, facts, policy, now, evidence):
        return answer
    if doubt := _doubt_about_binding(case, facts, now):
        return ask_person(*doubt, evidence=evidence)
    if not_ready := _no_longer_ready(case, facts, policy, now):
        return not_ready
    if age(device.last_sync_at, now) > policy.last_sync_within:
        return go(
            CaseState.CLEARED_TO_WIPE,
            Reason.NO_RECENT_CHECK_IN,
            f"The last check-in is older than {in_words(policy.last_sync_within)}; a wipe would not reach it. Nothing was sent.",
            evidence=evidence,
            due=now + LOOK_FOR_CHECK_IN_AFTER,
        )
    return _check_permission(case, facts, policy, now, evidence)


def _look_at_owner(case: Case, facts: Facts, policy: Policy, now: datetime, evidence: Evidence) -> Decision | None:
    """What keeps the wipe from being sent because of who the owner is now, by id, and what they hold."""
    assert case.owner is not None
    owner = facts.users.get(case.owner.user_id.lower())
    names = {case.owner.user_principal_name, owner.user_principal_name if isinstance(owner, User) else ""}
    if {name.lower() for name in names} & policy.excluded_users:
        return go(
            CaseState.REFUSED,
            Reason.OWNER_EXCLUDED,
            f"{case.owner.display_name} is on the list of excluded users; nothing was sent.",
            evidence=evidence,
        )
    if not (isinstance(owner, User) and owner.enabled):
        return ask_person(
            Reason.OWNER_DISABLED,
            f"{case.owner.display_name}'s account is gone or disabled; nothing was sent.",
            evidence=evidence,
        )
    if owner.user_principal_name.lower() != case.owner.user_principal_name.lower():
        return renamed(case, owner, now)
    if case.licence_seen_at is None or not covered_since(owner, case.licence_seen_at):
        return lost_licence(case, evidence, anew=covers(owner.enabled_plan_ids))
    return None


def _check_permission(
    case: Case, facts: Facts, policy: Policy, now: datetime, evidence: dict[str, str | int | float | bool | None]
) -> Decision:
    assert case.wipe is not None and case.device is not None
    if evidence_is_old(case.readings, policy, now):
        return evidence_too_old(policy, evidence)
    if not policy.mode.may_write:
        return back_to_hold(Reason.MODE_IS_REPORT, f"The mode is {policy.mode}; nothing was sent.", now)
    unfit = no_longer_fits(case, policy) if case.wipe.second_request else clearance_unfit(case, policy, now)
    if unfit is not None:
        return back_to_hold(unfit[0], unfit[1] + " Nothing was sent.", now)
    if facts.freeze is None or facts.freeze.frozen:
        return back_to_hold(Reason.FROZEN, "All wipes are frozen; nothing was sent.", now)
    if hold := owners_hold(case, now):
        return back_to_hold(hold[0], hold[1] + " Nothing was sent.", now)
    if outside := closed(policy, now):
        return back_to_hold(outside[0], outside[1] + " Nothing was sent.", now)
    approval = case.approval
    assert approval is not None
    return go(
        CaseState.WIPE_SENT,
        Reason.FENCE_PASSED,
        "Read once more: same device, same enrolment, same owner, licence provisioned, still non-compliant. Sending the one wipe.",
        evidence=evidence
        | {
            "device": case.device.managed_device_id,
            "Entra device": case.device.entra_device_id,
            "serial number": case.device.serial_number,
            "approved by": approval.by,
            "proposal": approval.proposal,
            "nonce": case.wipe.nonce,
        },
        due=now + LOOK_FOR_WIPE_AFTER,
        wipe=replace(case.wipe, sent_at=now),
        approval=replace(approval, used=True),
    )


def back_to_hold(reason: Reason, says: str, now: datetime) -> Decision:
    """Return to CLEARED_TO_WIPE without having sent anything; the next attempt gets a new nonce."""
    return go(CaseState.CLEARED_TO_WIPE, reason, says, due=now + LOOK_AGAIN_AFTER)


def what_changed(was: DeviceIdentity, device: ManagedDevice) -> str | None:
    """The first part of the triple or of the enrolment that is not as it was, in words."""
    pairs = (
        ("Intune device id", was.managed_device_id.lower(), device.id.lower()),
        ("Entra device id", (was.entra_device_id or "").lower(), (device.entra_device_id or "").lower()),
        ("serial number", was.serial_number, device.serial_number),
        ("enrolment time", was.enrolled_at, device.enrolled_at),
        ("enrolment user", (was.enrolment_user_id or "").lower(), (device.user_id or "").lower()),
    )
    return next((f"its {name} changed" for name, before, after in pairs if before != after), None)


def _doubt_about_binding(case: Case, facts: Facts, now: datetime) -> tuple[Reason, str] | None:
    """An approval may come long after the binding; somebody who gave the registration to another user meant it."""
    if not readiness_is_old(case, now) or len(facts.autopilot or ()) != 1 or bound_to_owner(case, facts):
        return None
    return Reason.DEVICE_NOT_READY, "The Autopilot registration is no longer the owner's; nothing was sent."


def _no_longer_ready(case: Case, facts: Facts, policy: Policy, now: datetime) -> Decision | None:
    """An approval may come long after the readiness checks; then every one of them is made once more.

    A gate that is red now is no question for a person: the case waits until it is mended, as it would have before. The
    approval was given for a device that was ready, so it is dropped. Nothing was sent for this attempt, and the budget
    takes back what it may have paid.
    """
    if readiness_is_old(case, now):
        # The check-in has a rule of its own in the fence, which keeps the approval.
        found = checks(case, replace(facts, device=None), policy, now)
        if bad := bad_of(found):
            return _back_to_not_ready(
                reason_not_ready(bad), words_not_ready(bad), check_evidence(found), now, tuple(found)
            )
    if doubt := doubt_about_exclusion(facts, policy, entra_devices_of(case, facts)):
        says = f"Nobody can tell whether the device or its owner is in the exclusion group: {doubt}."
        return _back_to_not_ready(Reason.EXCLUSION_NOT_READABLE, says, {"Exclusion group": doubt}, now, case.checks)
    return None


def _back_to_not_ready(
    reason: Reason, says: str, evidence: Evidence, now: datetime, found: tuple[Check, ...]
) -> Decision:
    return go(
        CaseState.NOT_READY,
        reason,
        f"{says} Nothing was sent; the wipe has to be cleared anew.",
        evidence=evidence,
        due=now + READINESS_AGAIN_AFTER,
        approval=None,
        ready_at=None,
        checks=found,
    )


def readiness_is_old(case: Case, now: datetime, *, limit: timedelta | None = None) -> bool:
    """The readiness checks were not made just now."""
    return case.ready_at is None or now - case.ready_at > (limit or READY_FOR)


READY_FOR = timedelta(minutes=10)
READ_AGAIN_AFTER = timedelta(minutes=9)
"""Whoever gathers the facts reads them this early, so that time passing between reading and deciding opens no gap."""
