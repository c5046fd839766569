"""OPENED: is this a device we act on, and is it really non-compliant?"""

import re
from datetime import datetime, timedelta
from typing import TypedDict

from shared.domain.case import Case, Decision, DeviceIdentity, Evidence, Journey, Readings
from shared.domain.facts import MISSING, Compliance, Facts, ManagedDevice
from shared.domain.policy import Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.decisions import device_evidence, go, in_words
from shared.rules.kinds import is_cloud_pc, wrong_kind
from shared.rules.ownership import is_staging

# What firmware reports when a maker left the field empty; such serials are shared by many machines.
PLACEHOLDER_SERIALS = frozenset(
    {
        "",
        "0123456789",
        "123456789",
        "1234567890",
        "none",
        "unknown",
        "default",
        "empty",
        "oem",
        "o.e.m.",
        "default string",
        "system serial number",
        "to be filled by o.e.m.",
        "not specified",
        "not available",
        "invalid",
        "chassis serial number",
    }
)
_SERIAL = re.compile(r"[A-Za-z0-9 ._-]{1,64}")


def usable_serial(serial_number: str) -> bool:
    """The serial number can stand for one machine and is safe to put into a filter."""
    serial = serial_number.strip()
    if _SERIAL.fullmatch(serial) is None or serial.lower() in PLACEHOLDER_SERIALS:
        return False
    return len(set(re.sub(r"[ ._-]", "", serial.lower()))) > 1  # 00000000, XXXXXXXX or nothing at all


def confirm(case: Case, facts: Facts, policy: Policy, now: datetime) -> Decision:
    """Decide OPENED from a fresh reading of the device."""
    if not case.enrolled:
        if (case.serial_number or "").strip().lower() in policy.excluded_devices:
            return go(
                CaseState.REFUSED,
                Reason.DEVICE_EXCLUDED,
                f"The PC with serial number {case.serial_number} is not touched: it is on the list of excluded devices.",
            )
        return go(
            CaseState.CHECKING_OWNER,
            Reason.DEVICE_NOT_YET_ENROLLED,
            f"The PC with serial number {case.serial_number} is registered for Autopilot and nobody has enrolled it yet.",
            journey=Journey.READY_TO_GO,
        )
    device = facts.device
    if device is None or device is MISSING:
        return go(CaseState.NO_ACTION_NEEDED, Reason.DEVICE_GONE, "The device is no longer managed by Intune.")
    evidence, journey = device_evidence(device), _journey_of(device)
    if refusal := refusal_of(device, policy, journey):
        reason, says = refusal
        return go(CaseState.REFUSED, reason, says, evidence=evidence, **_named_after(device))
    if _may_prepare(case, device, journey, policy):
        return go(
            CaseState.CHECKING_OWNER,
            Reason.STAGED_AND_COMPLIANT,
            f"{device.called} was enrolled by the staging account {device.enrolled_by or device.user_principal_name} and is "
            "compliant: its user gets licence and Autopilot assignment, and it is not wiped.",
            evidence=evidence,
            **_named_after(device),
            readings=None,
            notice=None,
            journey=Journey.PREPARE,
        )
    if device.compliance is not Compliance.NONCOMPLIANT:
        reason, says = _not_noncompliant(device)
        return go(CaseState.NO_ACTION_NEEDED, reason, says, evidence=evidence, **_named_after(device))
    return go(
        CaseState.CHECKING_OWNER,
        Reason.DEVICE_NOT_COMPLIANT,
        f"{device.called} is non-compliant; it was enrolled by {device.enrolled_by or device.user_principal_name or 'nobody'}.",
        evidence=evidence,
        **_named_after(device),
        readings=read_again(case.readings, policy, now),
        notice=None,
        journey=journey,
    )


class _Named(TypedDict):
    device: DeviceIdentity
    serial_number: str


def _named_after(device: ManagedDevice) -> _Named:
    """However the case goes on: people look for it by the serial number, also to see why a device is left alone."""
    return _Named(device=identity_of(device), serial_number=device.serial_number)


def _journey_of(device: ManagedDevice) -> Journey:
    if is_cloud_pc(device):
        return Journey.CLOUD_PC
    return Journey.PERSONAL if device.owner_type == "personal" else Journey.RE_ENROL


def _may_prepare(case: Case, device: ManagedDevice, journey: Journey, policy: Policy) -> bool:
    """Somebody was given a staged device that is still compliant."""
    staged = is_staging(device.enrolled_by or device.user_principal_name, policy)
    compliant = device.compliance is Compliance.COMPLIANT
    return journey is Journey.RE_ENROL and compliant and staged and case.named_owner is not None


def _not_noncompliant(device: ManagedDevice) -> tuple[Reason, str]:
    match device.compliance:
        case Compliance.COMPLIANT:
            return Reason.DEVICE_COMPLIANT, f"{device.called} is compliant."
        case Compliance.IN_GRACE_PERIOD:
            return Reason.DEVICE_IN_GRACE_PERIOD, f"{device.called} is in its grace period; Intune still gives it time."
        case _:
            return (
                Reason.COMPLIANCE_NOT_KNOWN,
                f"Intune calls {device.called} neither compliant nor non-compliant ({device.compliance.value}).",
            )


def refusal_of(device: ManagedDevice, policy: Policy, journey: Journey = Journey.RE_ENROL) -> tuple[Reason, str] | None:
    """Why Handover never touches this device on this journey, if so; by default on the one that ends in a wipe."""
    names = {device.serial_number.strip().lower(), device.name.strip().lower()}
    refusals = (
        (bool(names & policy.excluded_devices), Reason.DEVICE_EXCLUDED, "it is on the list of excluded devices"),
        (
            (device.user_principal_name or "").lower() in policy.excluded_users,
            Reason.OWNER_EXCLUDED,
            "its enrolment user is on the list of excluded users",
        ),
        (
            device.owner_type != ("personal" if journey is Journey.PERSONAL else "company"),
            Reason.DEVICE_NOT_COMPANY_OWNED,
            f"its ownership is {device.owner_type or 'unknown'}",
        ),
        (
            is_cloud_pc(device) and journey is not Journey.CLOUD_PC,
            Reason.DEVICE_IS_CLOUD_PC,
            "it is a Cloud PC, which is reprovisioned, not wiped",
        ),
        *_wrong_kinds(device, journey),
        (
            device.management_agent != "mdm",
            Reason.DEVICE_NOT_MDM_ONLY,
            f"it is managed by {device.management_agent or 'nothing known'}, not by Intune alone",
        ),
        (
            not usable_serial(device.serial_number) and journey in _BY_SERIAL_NUMBER,
            Reason.DEVICE_SERIAL_UNUSABLE,
            "its serial number cannot identify one machine",
        ),
        (
            device.management_state != "managed",
            Reason.DEVICE_NOT_MANAGED_NOW,
            f"its management state is {device.management_state or 'unknown'}",
        ),
    )
    return next(
        ((reason, f"{device.called} is not touched: {why}.") for applies, reason, why in refusals if applies), None
    )


_BY_SERIAL_NUMBER = frozenset({Journey.RE_ENROL, Journey.PREPARE})
"""On these journeys the serial number finds the Autopilot registration and the device that comes back."""


def _wrong_kinds(device: ManagedDevice, journey: Journey) -> list[tuple[bool, Reason, str]]:
    kind = wrong_kind(device)
    if kind is None or (kind[0] is Reason.DEVICE_NOT_ENTRA_JOINED and journey not in _BY_SERIAL_NUMBER):
        return []
    return [(True, *kind)]


def identity_of(device: ManagedDevice) -> DeviceIdentity:
    """The triple and enrolment that must stay as they are."""
    return DeviceIdentity(
        managed_device_id=device.id,
        entra_device_id=device.entra_device_id,
        serial_number=device.serial_number,
        name=device.called,
        enrolled_at=device.enrolled_at,
        enrolment_user_id=device.user_id,
        enrolment_user=device.enrolled_by or device.user_principal_name,
    )


LONGEST_EXTRA_GAP = timedelta(hours=24)
INDEPENDENT_AFTER = timedelta(hours=24)
"""Two readings closer together than this say the same thing and count once."""


def evidence_is_old(readings: Readings | None, policy: Policy, now: datetime) -> bool:
    """Nobody read the device for so long that one more reading would prove nothing: see ``read_again``."""
    return readings is None or now - readings.last_at > policy.noncompliant_for + LONGEST_EXTRA_GAP


def evidence_too_old(policy: Policy, evidence: Evidence | None = None) -> Decision:
    """Go back and gather the evidence anew; whatever was approved was approved on the old one."""
    longest = in_words(policy.noncompliant_for + LONGEST_EXTRA_GAP)
    return go(
        CaseState.WATCHING,
        Reason.EVIDENCE_TOO_OLD,
        f"The device was last read as non-compliant more than {longest} ago; watching it anew. Nothing was sent.",
        evidence=evidence,
        readings=None,
        approval=None,
        proposal=None,
        notice=None,
    )


def read_again(readings: Readings | None, policy: Policy, now: datetime) -> Readings:
    """Count one more non-compliant reading, if it is independent of the last one.

    After a gap much longer than the evidence needs, nobody knows what was in between: the count begins anew.
    """
    if readings is None or evidence_is_old(readings, policy, now):
        return Readings(count=1, first_at=now, last_at=now)
    if now - readings.last_at < INDEPENDENT_AFTER:
        return readings
    return Readings(count=readings.count + 1, first_at=readings.first_at, last_at=now)
