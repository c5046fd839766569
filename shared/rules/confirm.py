"""OPENED: is this a device we act on, and is it really non-compliant?"""

import re
from datetime import datetime, timedelta

from shared.domain.case import Case, Decision, DeviceIdentity, Readings
from shared.domain.facts import MISSING, Compliance, Facts, ManagedDevice
from shared.domain.policy import Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.decisions import device_evidence, go

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
        )
    device = facts.device
    if device is None or device is MISSING:
        return go(CaseState.NO_ACTION_NEEDED, Reason.DEVICE_GONE, "The device is no longer managed by Intune.")
    evidence = device_evidence(device)
    if refusal := refusal_of(device, policy):
        reason, says = refusal
        return go(CaseState.REFUSED, reason, says, evidence=evidence, device=identity_of(device))
    if device.compliance is not Compliance.NONCOMPLIANT:
        reason, says = _not_noncompliant(device)
        return go(CaseState.NO_ACTION_NEEDED, reason, says, evidence=evidence, device=identity_of(device))
    return go(
        CaseState.CHECKING_OWNER,
        Reason.DEVICE_NOT_COMPLIANT,
        f"{device.called} is non-compliant; it was enrolled by {device.enrolled_by or device.user_principal_name or 'nobody'}.",
        evidence=evidence,
        device=identity_of(device),
        serial_number=device.serial_number,
        readings=read_again(case.readings, policy, now),
        notice=None,
    )


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


def refusal_of(device: ManagedDevice, policy: Policy) -> tuple[Reason, str] | None:
    """Why Handover never touches this device, if so."""
    names = {device.serial_number.strip().lower(), device.name.strip().lower()}
    refusals = (
        (bool(names & policy.excluded_devices), Reason.DEVICE_EXCLUDED, "it is on the list of excluded devices"),
        (
            (device.user_principal_name or "").lower() in policy.excluded_users,
            Reason.OWNER_EXCLUDED,
            "its enrolment user is on the list of excluded users",
        ),
        (
            device.owner_type != "company",
            Reason.DEVICE_NOT_COMPANY_OWNED,
            f"its ownership is {device.owner_type or 'unknown'}",
        ),
        (
            device.operating_system.lower() != "windows",
            Reason.DEVICE_NOT_WINDOWS,
            f"it runs {device.operating_system or 'nothing known'}",
        ),
        (
            device.model.lower().startswith("cloud pc"),
            Reason.DEVICE_IS_CLOUD_PC,
            "it is a Cloud PC, which is reprovisioned, not wiped",
        ),
        (
            device.management_agent != "mdm",
            Reason.DEVICE_NOT_MDM_ONLY,
            f"it is managed by {device.management_agent or 'nothing known'}, not by Intune alone",
        ),
        (
            not usable_serial(device.serial_number),
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
INDEPENDENT_AFTER = timedelta(hours=1)
"""Two readings closer together than this say the same thing and count once."""


def read_again(readings: Readings | None, policy: Policy, now: datetime) -> Readings:
    """Count one more non-compliant reading, if it is independent of the last one.

    After a gap much longer than the evidence needs, nobody knows what was in between: the count begins anew.
    """
    if readings is None or now - readings.last_at > policy.noncompliant_for + LONGEST_EXTRA_GAP:
        return Readings(count=1, first_at=now, last_at=now)
    if now - readings.last_at < INDEPENDENT_AFTER:
        return readings
    return Readings(count=readings.count + 1, first_at=readings.first_at, last_at=now)
