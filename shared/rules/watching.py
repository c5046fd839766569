"""WATCHING: the licence is right. Does compliance return by itself? Only lasting evidence of a cause that a
re-enrolment can mend leads towards a wipe."""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.case import Case, Decision, Evidence, Journey, Readings
from shared.domain.facts import MISSING, Compliance, Facts, ManagedDevice, age
from shared.domain.policy import Mode, Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.causes import Stop, weigh
from shared.rules.confirm import INDEPENDENT_AFTER, read_again, refusal_of
from shared.rules.decisions import ask_person, device_evidence, go, in_words, wait
from shared.rules.ownership import enrolled_by_staging

LOOK_FOR_CHECK_IN_AFTER = timedelta(hours=12)
GIVE_UP_CHECK_IN_AFTER = timedelta(days=14)
GIVE_UP_COMPLIANCE_AFTER = timedelta(days=30)


def watch(case: Case, facts: Facts, policy: Policy, now: datetime) -> Decision:
    """Decide WATCHING from a fresh reading of the device."""
    device = facts.device
    if device is None or device is MISSING:
        return go(CaseState.NO_ACTION_NEEDED, Reason.DEVICE_GONE, "The device is no longer managed by Intune.")
    evidence = device_evidence(device)
    if refusal := refusal_of(device, policy, case.journey):
        return go(CaseState.REFUSED, *refusal, evidence=evidence)
    if device.compliance is Compliance.COMPLIANT:
        return go(
            CaseState.NO_ACTION_NEEDED,
            Reason.MENDED_WITHOUT_WIPE,
            f"{device.called} is compliant again; no wipe was needed.",
            evidence=evidence,
        )
    if device.compliance is Compliance.IN_GRACE_PERIOD:
        return go(
            CaseState.NO_ACTION_NEEDED,
            Reason.DEVICE_IN_GRACE_PERIOD,
            "Intune gave the device a grace period.",
            evidence=evidence,
        )
    if device.compliance is not Compliance.NONCOMPLIANT:
        if now - case.opened_at > GIVE_UP_COMPLIANCE_AFTER:
            return ask_person(
                Reason.COMPLIANCE_NOT_KNOWN,
                f"This case is older than {in_words(GIVE_UP_COMPLIANCE_AFTER)}, and Intune says {device.compliance.value}.",
                evidence=evidence,
            )
        return wait(
            case,
            Reason.COMPLIANCE_NOT_KNOWN,
            f"Intune says {device.compliance.value}; looking again.",
            until=now + LOOK_FOR_CHECK_IN_AFTER,
            evidence=evidence,
        )
    return _weigh(case, device, facts, policy, now)


def wants_policy_states(case: Case, facts: Facts, policy: Policy, now: datetime) -> bool:
    """Everything else leads towards a wipe; only the failing settings are still to be read."""
    device = facts.device
    if not isinstance(device, ManagedDevice) or facts.policy_states is not None:
        return False
    return watch(case, replace(facts, policy_states=()), policy, now).reason is Reason.FAILING_SETTING_UNKNOWN


def _weigh(case: Case, device: ManagedDevice, facts: Facts, policy: Policy, now: datetime) -> Decision:
    readings = read_again(case.readings, policy, now)
    begun = _evidence_begins(case, device, readings.first_at)
    lasted = now - begun
    evidence = device_evidence(device) | {"non-compliant for": in_words(lasted), "readings": readings.count}
    if lasted < policy.noncompliant_for or readings.count < policy.readings_needed:
        enough_at = begun + policy.noncompliant_for
        if readings.count < policy.readings_needed:
            enough_at = max(enough_at, readings.last_at + INDEPENDENT_AFTER)
        return wait(
            case,
            Reason.WATCHING_FOR_CHEAPER_FIX,
            f"Still non-compliant after {in_words(lasted)}.",
            until=max(enough_at, now + timedelta(hours=1)),
            evidence=evidence,
            readings=readings,
        )
    if case.journey is Journey.CLOUD_PC:
        return _reprovision(case, device, policy, evidence, readings)
    cause = what_reenrolment_mends(case, device, policy)
    if cause is None:
        return ask_person(
            Reason.NOT_A_REENROLMENT_PROBLEM,
            f"{device.called} is enrolled by its owner, who holds the licence; a re-enrolment would not mend its non-compliance.",
            evidence=evidence,
            readings=readings,
        )
    if age(device.last_sync_at, now) > policy.last_sync_within:
        if lasted > GIVE_UP_CHECK_IN_AFTER:
            return ask_person(
                Reason.NO_RECENT_CHECK_IN,
                "The device has not checked in; a wipe would not reach it.",
                evidence=evidence,
            )
        return wait(
            case,
            Reason.NO_RECENT_CHECK_IN,
            f"The last check-in is older than {in_words(policy.last_sync_within)}; a wipe would not reach it.",
            until=now + LOOK_FOR_CHECK_IN_AFTER,
            evidence=evidence,
            readings=readings,
        )
    settings = weigh(facts.policy_states, policy.reenrol_for)
    evidence |= {"failing settings": ", ".join(settings.failing) or None}
    if settings.stops is not None:
        reason = _reason_of(settings.stops)
        says = f"{device.called} is not wiped, although {cause}. {settings.says}"
        return ask_person(reason, says, evidence=evidence, readings=readings)
    return go(
        CaseState.CHECKING_READINESS,
        Reason.EVIDENCE_COMPLETE,
        f"Non-compliant for {in_words(lasted)} in {readings.count} readings, and {cause}: only a re-enrolment mends that. "
        f"{settings.says}.",
        evidence=evidence,
        readings=readings,
    )


def _reprovision(case: Case, device: ManagedDevice, policy: Policy, evidence: Evidence, readings: Readings) -> Decision:
    """A Cloud PC has no OOBE to go back to: Windows 365 makes it anew for its user, which a person has to start."""
    what = "reprovision it in Windows 365, or look at the failing compliance settings"
    if policy.mode is Mode.REPORT:
        would = (*case.would_do, f"ask a person to {what}")
        says = f"Report mode. Would {'; '.join(would)}."
        return go(CaseState.REPORTED, Reason.MODE_IS_REPORT, says, evidence=evidence, would_do=would)
    return ask_person(
        Reason.CLOUD_PC_NOT_MENDED,
        f"{device.called} is a Cloud PC and is never wiped. The licence did not mend it: {what}.",
        evidence=evidence,
        readings=readings,
    )


def _reason_of(stops: Stop) -> Reason:
    return {
        Stop.UNKNOWN: Reason.FAILING_SETTING_UNKNOWN,
        Stop.NOT_MENDED: Reason.FAILING_SETTING_NOT_MENDED,
        Stop.COMES_FIRST: Reason.FAILING_SETTING_COMES_FIRST,
    }[stops]


def _evidence_begins(case: Case, device: ManagedDevice, first_at: datetime) -> datetime:
    """Since when non-compliance counts: for a device that its owner enrolled, only since the licence is there."""
    if case.licence_seen_at is None or not _owner_enrolled(case, device):
        return first_at
    return max(first_at, case.licence_seen_at)


def _owner_enrolled(case: Case, device: ManagedDevice) -> bool:
    """By either name: an administrator may have changed the primary user, and ``enrolled_by`` may not be known."""
    assert case.owner is not None
    return (device.user_id or "").lower() == case.owner.user_id.lower() or (
        device.enrolled_by or ""
    ).lower() == case.owner.user_principal_name.lower()


def what_reenrolment_mends(case: Case, device: ManagedDevice, policy: Policy) -> str | None:
    """The cause in words when a re-enrolment can mend it, else None.

    The enrolment user of an Intune device never changes without re-enrolment, whatever licence anybody gets.
    """
    assert case.owner is not None
    owner = case.owner
    enrolled_by = device.enrolled_by or device.user_principal_name
    if enrolled_by_staging(device, policy):
        return f"it was enrolled by the staging account {enrolled_by}"
    if (device.enrolled_by or "").lower() != owner.user_principal_name.lower():
        if device.user_id is None:
            return "it is enrolled without a user"
        if device.user_id.lower() != owner.user_id.lower():
            return f"it is enrolled by {enrolled_by or 'somebody else'}, not by its owner"
    if case.licence is not None or case.would_do:
        return "its owner had no Intune licence when this case began"
    return None
