"""The readiness checks of the device: its Autopilot registration, what was read of its enrolment, its recovery key.

A value that Graph may add later, or leaves out, is never taken for a good one: it cannot be verified, and is named.
"""

from collections.abc import Iterator
from datetime import datetime

from shared.domain.case import Case
from shared.domain.checks import Check, Verdict
from shared.domain.facts import AutopilotDevice, Facts, ManagedDevice, Unreadable, age
from shared.domain.policy import Policy
from shared.rules.decisions import in_words

FIT_PROFILE_STATUSES = frozenset({"assignedInSync", "assignedUnkownSyncState"})  # Graph's own spelling
UNFIT_PROFILE_STATUSES = {
    "assignedOutOfSync": "Wait until the assigned profile has reached the device.",
    "pending": "Wait until the profile is assigned.",
    "notAssigned": "Assign an Autopilot deployment profile to a group that contains this device.",
    "failed": "Look at the deployment profile in Intune and assign it again.",
}
PROFILE_DETAILS = {
    "hardwareRequirementsNotMet": "The hardware does not meet what the profile needs (such as TPM 2.0 with attestation).",
    "surfaceHubProfileNotSupported": "A Surface Hub cannot take this profile.",
    "surfaceHub2SProfileNotSupported": "A Surface Hub 2S cannot take this profile.",
    "holoLensProfileNotSupported": "A HoloLens cannot take this profile.",
    "windowsPcProfileNotSupported": "A Windows PC cannot take this profile: assign one for Windows PCs.",
}
FIT_REMEDIATION_STATES = frozenset({"noRemediationRequired", "unknown"})
UNFIT_REMEDIATION_STATES = frozenset({"automaticRemediationRequired", "manualRemediationRequired"})
FIT_ENROLMENT_STATES = frozenset({"enrolled", "notContacted", "failed"})
"""``failed`` is what a re-enrolment mends."""
UNFIT_ENROLMENT_STATES = {
    "pendingReset": "The device was enrolled through another profile than the one assigned: reset it by hand, or assign that profile.",
    "blocked": "Use Unblock device on this registration in Intune (Windows Autopilot devices).",
}
FIT_USERLESS_STATES = frozenset({"allowed", "unknown"})
"""``unknown`` is what a device shows that never went through self-deployment or pre-provisioning."""
_USERLESS_WORDS = {"unknown": "unknown: never self-deployed or pre-provisioned"}
WANTED_PROFILE = ("entra", "singleUser", "standard")


def device_checks(case: Case, facts: Facts, policy: Policy, now: datetime) -> Iterator[Check]:
    """Every check of this one device, in the order an administrator would look."""
    registrations = facts.autopilot or ()
    if len(registrations) == 1:
        yield from _registration(case, registrations[0])
        yield from _other_records(case, registrations[0], facts, now)
    else:
        yield _not_one(case, len(registrations))
    if isinstance(facts.device, ManagedDevice):
        yield _check_in(facts.device, policy, now)
    if policy.recovery_key_required and case.enrolled:
        yield _recovery_key(facts.recovery_keys)


def _not_one(case: Case, count: int) -> Check:
    return Check(
        name="Autopilot registration",
        verdict=Verdict.WRONG,
        found=f"{count or 'no'} registrations with serial number {case.serial_number or ''}",
        mend="Remove the duplicate Autopilot registrations of this serial number."
        if count
        else "Register the device's hardware hash with Windows Autopilot.",
    )


def _registration(case: Case, registered: AutopilotDevice) -> Iterator[Check]:
    serial = case.serial_number or ""
    yield Check(
        name="Autopilot registration",
        verdict=Verdict.OK if _same(registered.serial_number, serial) else Verdict.WRONG,
        found=f"serial number {registered.serial_number}",
        mend=f"The device's serial number is {serial}: register this device with Windows Autopilot.",
    )
    yield _profile_status(registered)
    yield _profile(registered)
    yield Check(
        name="Hardware",
        found=registered.remediation_state or "no value",
        verdict=_judge(registered.remediation_state, FIT_REMEDIATION_STATES, UNFIT_REMEDIATION_STATES),
        mend="Register the device again: Autopilot saw a hardware change.",
    )
    yield Check(
        name="Autopilot enrolment state",
        found=registered.enrolment_state or "no value",
        verdict=_judge(registered.enrolment_state, FIT_ENROLMENT_STATES, UNFIT_ENROLMENT_STATES),
        mend=UNFIT_ENROLMENT_STATES.get(registered.enrolment_state, "Look at this registration in Intune."),
    )
    yield Check(
        name="Userless enrolment",
        found=_USERLESS_WORDS.get(registered.userless_status, registered.userless_status) or "no value",
        verdict=_judge(registered.userless_status, FIT_USERLESS_STATES, frozenset({"blocked"})),
        mend="Use Unblock device on this registration in Intune (Windows Autopilot devices): without it OOBE ends with 0x80180014.",
    )


def _judge(value: str, fit: frozenset[str], unfit: frozenset[str] | dict[str, str]) -> Verdict:
    """Good, bad, or a value that this version does not know."""
    if value in fit:
        return Verdict.OK
    return Verdict.WRONG if value in unfit else Verdict.CANNOT_VERIFY


def _profile_status(registered: AutopilotDevice) -> Check:
    """The status, and the detailed status that says why a profile does not fit the hardware."""
    status, detail = registered.profile_status, registered.profile_detail
    name, found = "Deployment profile assignment", status or "no value"
    if detail == "none":
        return Check(
            name=name,
            found=found,
            verdict=_judge(status, FIT_PROFILE_STATUSES, UNFIT_PROFILE_STATUSES),
            mend=UNFIT_PROFILE_STATUSES.get(
                status, "Look at the profile that Intune shows for this device (Windows Autopilot devices)."
            ),
        )
    return Check(
        name=name,
        found=f"{found}, {detail or 'no detailed status'}",
        verdict=Verdict.WRONG if detail in PROFILE_DETAILS else Verdict.CANNOT_VERIFY,
        mend=PROFILE_DETAILS.get(detail, "Look at the profile that Intune shows for this device."),
    )


def _profile(registered: AutopilotDevice) -> Check:
    kind = (registered.profile_join_type, registered.profile_usage, registered.profile_user_type)
    unfit = ("hybrid", "shared", "administrator")
    if kind == WANTED_PROFILE:
        verdict = Verdict.OK
    elif registered.profile_name is None or any(one == bad for one, bad in zip(kind, unfit, strict=True)):
        verdict = Verdict.WRONG
    else:
        verdict = Verdict.CANNOT_VERIFY
    join, usage, user_type = (each or "unknown" for each in kind)
    return Check(
        name="Deployment profile",
        verdict=verdict,
        found=f"{registered.profile_name or 'none'}: join {join}, usage {usage}, user type {user_type}",
        mend="Assign a user-driven, Microsoft Entra joined profile with user account type Standard.",
    )


def points_elsewhere(case: Case, registered: AutopilotDevice) -> bool:
    """The registration is linked to another Intune record than the case is about."""
    mine = case.device.managed_device_id if case.device is not None else None
    return registered.managed_device_id is not None and not _same(registered.managed_device_id, mine or "")


def _other_records(case: Case, registered: AutopilotDevice, facts: Facts, now: datetime) -> Iterator[Check]:
    """A second Intune record of the serial number: of another machine that lives, nothing may be wiped on its account.

    A record that stopped checking in before this enrolment began is a leftover of an earlier one. It is no danger to
    the wipe, which names one record, nor to the return, which takes the newest enrolment: so it is only told.
    """
    if not points_elsewhere(case, registered) or not case.enrolled:
        return
    name, rows = "Other records of the serial number", facts.same_serial
    mend = "Find out which record is this device's, and delete the other one in Intune."
    if rows is None:
        yield Check(name=name, verdict=Verdict.CANNOT_VERIFY, found="not read", mend=mend)
        return
    assert case.device is not None
    others = [row for row in rows if not _same(row.id, case.device.managed_device_id)]
    begun = case.device.enrolled_at
    alive = [row for row in others if begun is None or row.last_sync_at is None or row.last_sync_at > begun]
    if alive:
        seen = ", ".join(
            f"{row.called} (seen {in_words(age(row.last_sync_at, now))} ago)" if row.last_sync_at else row.called
            for row in alive
        )
        yield Check(name=name, verdict=Verdict.WRONG, found=f"also in use: {seen}", mend=mend)
    else:
        found = f"left over: {', '.join(row.called for row in others)}" if others else "none"
        yield Check(name=name, verdict=Verdict.OK, found=found)


def _check_in(device: ManagedDevice, policy: Policy, now: datetime) -> Check:
    since = age(device.last_sync_at, now)
    return Check(
        name="Check-in",
        verdict=Verdict.OK if since <= policy.last_sync_within else Verdict.WRONG,
        found="never" if device.last_sync_at is None else f"{in_words(since)} ago",
        mend="Turn the device on and connect it: a wipe would not reach it.",
    )


def _recovery_key(kept: int | Unreadable | None) -> Check:
    if isinstance(kept, int):
        verdict = Verdict.OK if kept > 0 else Verdict.WRONG
        found = f"{kept or 'no'} recovery key{'' if kept == 1 else 's'} in Entra ID"
    else:
        verdict, found = Verdict.CANNOT_VERIFY, "not read" if kept is None else kept.why
    return Check(
        name="BitLocker recovery key",
        verdict=verdict,
        found=found,
        mend="Have the device back up its BitLocker recovery key to Entra ID, grant BitlockerKey.ReadBasic.All, or set "
        "HANDOVER_BITLOCKER_KEY to ignore.",
    )


def _same(one: str, other: str) -> bool:
    return one.strip().lower() == other.strip().lower()
