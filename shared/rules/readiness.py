"""CHECKING_READINESS and NOT_READY: a list of checks, each ok, wrong or cannot verify, with how to mend it. Anything
but ok means no wipe."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.domain.case import Case, Decision
from shared.domain.facts import AutopilotDevice, EnrolmentStatusPage, Facts, TenantFacts
from shared.domain.policy import Mode, Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.binding import start_binding
from shared.rules.decisions import ask_person, go, wait

LOOK_AGAIN_AFTER = timedelta(hours=4)
GIVE_UP_AFTER = timedelta(days=30)
FIT_PROFILE_STATUSES = frozenset({"assignedInSync", "assignedUnkownSyncState"})  # Graph's own spelling
FIT_REMEDIATION_STATES = frozenset({"noRemediationRequired", "unknown"})


class Verdict(StrEnum):
    """What a check found."""

    OK = "ok"
    WRONG = "wrong"
    CANNOT_VERIFY = "cannot verify"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One precondition: what it is about, what was found, and how to mend it."""

    name: str
    verdict: Verdict
    found: str
    mend: str = ""
    of_tenant: bool = False


def checks(case: Case, facts: Facts, policy: Policy, now: datetime) -> list[Check]:
    """Every precondition of a re-enrolment, in the order an administrator would look."""
    found: list[Check] = []
    if facts.tenant is None:
        found.append(Check(name="Tenant", verdict=Verdict.CANNOT_VERIFY, found="not read", of_tenant=True))
    else:
        found += _tenant(facts.tenant, policy, now)
    found += _device(case, facts.autopilot or ())
    return found


def _tenant(tenant: TenantFacts, policy: Policy, now: datetime) -> Iterator[Check]:
    yield Check(
        name="MDM authority",
        of_tenant=True,
        found=tenant.mdm_authority or "unknown",
        verdict=Verdict.OK if tenant.mdm_authority == "intune" else Verdict.WRONG,
        mend="Set the MDM authority to Microsoft Intune (Intune admin center, Tenant administration).",
    )
    yield _automatic_enrolment(policy, now)
    page = _page_that_counts(tenant)
    yield Check(
        name="Enrollment Status Page",
        of_tenant=True,
        verdict=Verdict.OK if page is not None and page.blocks_use else Verdict.WRONG,
        found="none"
        if page is None
        else f"{page.name}: {'blocks' if page.blocks_use else 'does not block'} use until apps are installed",
        mend="Assign an Enrollment Status Page that blocks device use until all apps and profiles are installed.",
    )


def _page_that_counts(tenant: TenantFacts) -> EnrolmentStatusPage | None:
    """The page with the lowest priority value wins; the default, whose value is 0, only where no other is assigned.

    Source: ``priority`` of the deviceEnrollmentConfiguration resource.
    """
    default = next((page for page in tenant.status_pages if page.is_default), None)
    assigned = (page for page in tenant.status_pages if page.assigned_to_all and not page.is_default)
    return min(assigned, key=lambda page: page.priority, default=default)


def _automatic_enrolment(policy: Policy, now: datetime) -> Check:
    """No application permission can read the MDM user scope, so a person attests it, with a date."""
    name, word = "Automatic enrolment", policy.enrolment_attestation
    mend = "Look at MDM user scope and discovery URL in the Intune admin center and set HANDOVER_ENROLMENT_ATTESTED_BY, _ON and _SCOPE."
    if word is None:
        return Check(name=name, verdict=Verdict.CANNOT_VERIFY, found="nobody attested it", mend=mend, of_tenant=True)
    if not 0 <= (now.date() - word.on).days <= word.valid_for.days:
        return Check(
            name=name,
            verdict=Verdict.CANNOT_VERIFY,
            found=f"attested by {word.by} on {word.on}: {'in the future' if word.on > now.date() else 'out of date'}",
            mend=mend,
            of_tenant=True,
        )
    if word.scope != "all":
        return Check(
            name=name,
            verdict=Verdict.WRONG,
            found=f"MDM user scope is {word.scope}",
            mend="Set the MDM user scope to All.",
            of_tenant=True,
        )
    return Check(name=name, verdict=Verdict.OK, found=f"scope all, attested by {word.by} on {word.on}", of_tenant=True)


def _device(case: Case, registrations: tuple[AutopilotDevice, ...]) -> Iterator[Check]:
    serial = case.serial_number or ""
    if len(registrations) != 1:
        yield Check(
            name="Autopilot registration",
            verdict=Verdict.WRONG,
            found=f"{len(registrations) or 'no'} registration{'s' if len(registrations) != 1 else ''} with serial number {serial}",
            mend="Register the device's hardware hash with Windows Autopilot."
            if not registrations
            else "Remove the duplicate Autopilot registrations of this serial number.",
        )
        return
    registered = registrations[0]
    fits = registered.serial_number.strip().lower() == serial.strip().lower()
    yield Check(
        name="Autopilot registration",
        verdict=Verdict.OK if fits else Verdict.WRONG,
        found=f"serial number {registered.serial_number}",
        mend=f"The device's serial number is {serial}: register this device with Windows Autopilot.",
    )
    yield Check(
        name="Deployment profile assignment",
        found=registered.profile_status or "unknown",
        verdict=Verdict.OK if registered.profile_status in FIT_PROFILE_STATUSES else Verdict.WRONG,
        mend="Assign an Autopilot deployment profile to a group that contains this device and wait until it is in sync.",
    )
    kind = (registered.profile_join_type, registered.profile_usage, registered.profile_user_type)
    yield Check(
        name="Deployment profile",
        verdict=Verdict.OK if kind == ("entra", "singleUser", "standard") else Verdict.WRONG,
        found=f"{registered.profile_name or 'none'}: join {kind[0] or 'unknown'}, usage {kind[1] or 'unknown'}, user type {kind[2] or 'unknown'}",
        mend="Assign a user-driven, Microsoft Entra joined profile with user account type Standard.",
    )
    yield Check(
        name="Hardware",
        found=registered.remediation_state or "unknown",
        verdict=Verdict.OK if registered.remediation_state in FIT_REMEDIATION_STATES else Verdict.WRONG,
        mend="Register the device again: Autopilot saw a hardware change.",
    )


def check_readiness(case: Case, facts: Facts, policy: Policy, now: datetime) -> Decision:
    """Decide CHECKING_READINESS and NOT_READY."""
    if policy.mode is not Mode.REPORT and case.would_do and case.state is CaseState.CHECKING_READINESS:
        return go(
            CaseState.CHECKING_LICENCE,
            Reason.MODE_IS_NO_LONGER_REPORT,
            "The mode was report until now, so nothing was assigned yet; beginning with the licence.",
            would_do=(),
        )
    found = checks(case, facts, policy, now)
    evidence = {check.name: f"{check.verdict}: {check.found}" for check in found}
    bad = [check for check in found if check.verdict is not Verdict.OK]
    if policy.mode is Mode.REPORT:
        return _report(case, bad, evidence)
    if case.licence_seen_at is None:
        return ask_person(
            Reason.LICENCE_MISSING,
            "The licence was only reported, not assigned, when the mode was report; let the case start again.",
            evidence=evidence,
        )
    if not bad:
        return start_binding(case, facts, evidence, now)
    reason = Reason.TENANT_NOT_READY if any(check.of_tenant for check in bad) else Reason.DEVICE_NOT_READY
    says = "Not ready for re-enrolment. " + " ".join(
        f"{check.name}: {check.found}. {check.mend}".strip() for check in bad
    )
    if now - case.opened_at > GIVE_UP_AFTER:
        return ask_person(reason, says, evidence=evidence)
    until = now + LOOK_AGAIN_AFTER
    # A device that is registered anew gets a new id: look for it by its serial number next time.
    autopilot_id = case.autopilot_id if facts.autopilot else None
    if case.state is CaseState.NOT_READY:
        return wait(case, reason, says, until=until, evidence=evidence, autopilot_id=autopilot_id)
    return go(CaseState.NOT_READY, reason, says, evidence=evidence, due=until, autopilot_id=autopilot_id)


def _report(case: Case, bad: list[Check], evidence: dict[str, str]) -> Decision:
    assert case.owner is not None
    would = [*case.would_do, f"bind the Autopilot device to {case.owner.user_principal_name}"]
    if case.enrolled:
        would.append("wipe the device once")
    if bad:
        would = [*case.would_do, f"wait: {', '.join(check.name for check in bad)} not ready"]
    return go(
        CaseState.REPORTED,
        Reason.MODE_IS_REPORT,
        f"Report mode. Would {'; '.join(would)}.",
        evidence=evidence,
        would_do=tuple(would),
    )
