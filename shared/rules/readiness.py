"""CHECKING_READINESS and NOT_READY: a list of checks, each ok, wrong or cannot verify, with how to mend it. Anything
but ok means no wipe."""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.case import Case, Decision, Evidence, Journey
from shared.domain.checks import Check, Verdict
from shared.domain.facts import MISSING, Compliance, Facts, ManagedDevice
from shared.domain.policy import Mode, Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.attesting import with_newest_word
from shared.rules.binding import start_binding
from shared.rules.confirm import refusal_of
from shared.rules.decisions import GIVE_UP_AFTER, ask_person, device_evidence, go, wait
from shared.rules.device_checks import device_checks
from shared.rules.exclusion import exclusion_check, refused_by_group
from shared.rules.tenant_checks import tenant_checks
from shared.rules.user_checks import user_checks

LOOK_AGAIN_AFTER = timedelta(hours=4)


def checks(case: Case, facts: Facts, policy: Policy, now: datetime) -> list[Check]:
    """Every precondition of a re-enrolment, in the order an administrator would look."""
    policy = with_newest_word(policy, facts)
    excluded = exclusion_check(case, facts, policy)
    return [
        *tenant_checks(facts.tenant, policy, now),
        *user_checks(case, facts, policy, now),
        *([excluded] if excluded is not None else []),
        *device_checks(case, facts, policy, now),
    ]


def bad_of(found: list[Check]) -> list[Check]:
    """What stands in the way: all that is not ok."""
    return [check for check in found if check.verdict is not Verdict.OK]


def check_evidence(found: list[Check]) -> dict[str, str | int | float | bool | None]:
    """The checks for the journal."""
    return {check.name: f"{check.verdict}: {check.found}" for check in found}


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
    evidence, bad = check_evidence(found), bad_of(found)
    if refused := refused_by_group(facts, policy):
        return go(CaseState.REFUSED, refused[0], f"{_called(case)} is not touched: {refused[1]}.", evidence=evidence)
    if policy.mode is Mode.REPORT:
        return _report(case, found, bad, evidence)
    if case.licence_seen_at is None:
        return ask_person(
            Reason.LICENCE_MISSING,
            "The licence was only reported, not assigned, when the mode was report; let the case start again.",
            evidence=evidence,
        )
    if case.journey is Journey.PREPARE and (ended := _nothing_to_prepare(case, facts, bad, evidence)):
        return ended
    if bad:
        return _not_ready(case, facts, found, now)
    if case.state is CaseState.NOT_READY and case.enrolled and (settled := _settled(case, facts, policy, now)):
        return settled
    binding = start_binding(case, facts, evidence, now)
    return replace(binding, changes={**binding.changes, "checks": tuple(found)})


def _not_ready(case: Case, facts: Facts, found: list[Check], now: datetime) -> Decision:
    bad, evidence = bad_of(found), check_evidence(found)
    reason = reason_not_ready(bad)
    says = words_not_ready(bad)
    if now - case.opened_at > GIVE_UP_AFTER:
        return ask_person(reason, says, evidence=evidence, checks=tuple(found))
    until = now + LOOK_AGAIN_AFTER
    # A device that is registered anew gets a new id: look for it by its serial number next time.
    autopilot_id = case.autopilot_id if facts.autopilot else None
    if case.state is CaseState.NOT_READY:
        return wait(case, reason, says, until=until, evidence=evidence, autopilot_id=autopilot_id, checks=tuple(found))
    return go(
        CaseState.NOT_READY,
        reason,
        says,
        evidence=evidence,
        due=until,
        autopilot_id=autopilot_id,
        checks=tuple(found),
    )


def reason_not_ready(bad: list[Check]) -> Reason:
    """A fault of the tenant is named before one of the device: it holds every case."""
    return Reason.TENANT_NOT_READY if any(check.of_tenant for check in bad) else Reason.DEVICE_NOT_READY


def words_not_ready(bad: list[Check]) -> str:
    """Everything that is bad, with its mend, in one text."""
    return "Not ready for re-enrolment. " + " ".join(
        f"{check.name}: {check.found}. {check.mend}".strip() for check in bad
    )


def _settled(case: Case, facts: Facts, policy: Policy, now: datetime) -> Decision | None:
    """Everything is mended, perhaps after weeks: does the device still need it? None when it does."""
    device = facts.device
    if device is MISSING:
        return go(CaseState.NO_ACTION_NEEDED, Reason.DEVICE_GONE, "The device is no longer managed by Intune.")
    if device is None:
        return wait(
            case,
            Reason.COMPLIANCE_NOT_KNOWN,
            "Everything is ready, but the device itself was not read; looking again.",
            until=now + timedelta(minutes=5),
        )
    evidence: Evidence = device_evidence(device)
    if refusal := refusal_of(device, policy):
        return go(CaseState.REFUSED, *refusal, evidence=evidence)
    match device.compliance:
        case Compliance.NONCOMPLIANT:
            return None
        case Compliance.COMPLIANT:
            return go(
                CaseState.NO_ACTION_NEEDED,
                Reason.MENDED_WITHOUT_WIPE,
                f"{device.called} became compliant while the case waited to get ready; no wipe was needed.",
                evidence=evidence,
            )
        case Compliance.IN_GRACE_PERIOD:
            return go(
                CaseState.NO_ACTION_NEEDED,
                Reason.DEVICE_IN_GRACE_PERIOD,
                "Intune gave the device a grace period.",
                evidence=evidence,
            )
        case _:
            says = f"Everything is ready, but Intune calls {device.called} {device.compliance.value}"
            if now - case.opened_at > GIVE_UP_AFTER:
                return ask_person(Reason.COMPLIANCE_NOT_KNOWN, f"{says}.", evidence=evidence)
            return wait(
                case,
                Reason.COMPLIANCE_NOT_KNOWN,
                f"{says}; looking again.",
                until=now + LOOK_AGAIN_AFTER,
                evidence=evidence,
            )


def _nothing_to_prepare(case: Case, facts: Facts, bad: list[Check], evidence: Evidence) -> Decision | None:
    """A staged device that was compliant: it may have turned meanwhile, and for what is not ready nobody has to wait."""
    device = facts.device
    if device is MISSING:
        return go(CaseState.NO_ACTION_NEEDED, Reason.DEVICE_GONE, "The device is no longer managed by Intune.")
    if isinstance(device, ManagedDevice) and device.compliance is Compliance.NONCOMPLIANT:
        return go(
            CaseState.WATCHING,
            Reason.DEVICE_NOT_COMPLIANT,
            f"{device.called} turned non-compliant; watching whether that mends by itself.",
            evidence=device_evidence(device),
            readings=None,
            journey=Journey.RE_ENROL,
        )
    if not bad:
        return None
    return go(
        CaseState.NO_ACTION_NEEDED,
        Reason.PREPARED_WHILE_COMPLIANT,
        f"The licence is in place. {_called(case)} is compliant and not wiped; it is assigned in Autopilot when that is "
        f"needed. Until then: {words_not_ready(bad)}",
        evidence=evidence,
    )


def _called(case: Case) -> str:
    return case.device.name if case.device is not None else f"The PC with serial number {case.serial_number}"


def _report(case: Case, found: list[Check], bad: list[Check], evidence: Evidence) -> Decision:
    assert case.owner is not None
    would = [*case.would_do, f"bind the Autopilot device to {case.owner.user_principal_name}"]
    if case.enrolled and case.journey is Journey.RE_ENROL:
        would.append("wipe the device once")
    if bad:
        would = [*case.would_do, f"wait: {', '.join(check.name for check in bad)} not ready"]
    return go(
        CaseState.REPORTED,
        Reason.MODE_IS_REPORT,
        f"Report mode. Would {'; '.join(would)}.",
        evidence=evidence,
        would_do=tuple(would),
        checks=tuple(found),
    )
