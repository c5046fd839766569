"""GIVING_NOTICE: tell the owner what is going to happen and give them time; and what the owner may do about it."""

import hashlib
import hmac
from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.case import Case, Decision, Notice
from shared.domain.effects import Matter, TellOwner
from shared.domain.facts import MISSING, Compliance, Facts, ManagedDevice
from shared.domain.policy import Mode, Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.clearing import ask_or_clear, may_be_sent_from
from shared.rules.confirm import read_again, refusal_of
from shared.rules.decisions import GIVE_UP_AFTER, ask_person, device_evidence, go, in_words, stamp, wait

LOOK_AT_DEVICE_EVERY = timedelta(hours=12)
MAY_BE_DEFERRED = frozenset({CaseState.GIVING_NOTICE, CaseState.AWAITING_APPROVAL, CaseState.CLEARED_TO_WIPE})


def owner_comes_first(case: Case, policy: Policy) -> bool:
    """The owner of this case has to be told, and has not been."""
    told = case.notice is not None and case.notice.matter is Matter.WIPE_COMING and case.notice.sent
    return case.enrolled and policy.tells_owner and policy.grace > timedelta() and not told


def start_notice(case: Case, facts: Facts, policy: Policy, now: datetime) -> Decision:
    """Tell the owner; their time begins now, and begins anew whenever the mail has to be written again."""
    assert case.owner is not None and case.device is not None
    until = may_be_sent_from(policy, now + policy.grace)
    code = facts.deferral_code if policy.deferrals > 0 else None
    return go(
        CaseState.GIVING_NOTICE,
        Reason.TELLING_OWNER,
        f"Telling {case.owner.display_name} by mail that {case.device.name} is going to be wiped, not before {stamp(until)}.",
        effect=tell(case, Matter.WIPE_COMING, happens_at=until, deferrals_left=policy.deferrals, deferral_code=code),
        notice=Notice(
            matter=Matter.WIPE_COMING,
            decided_at=now,
            wipe_not_before=until,
            code_hash=None if code is None else _hash(code),
        ),
    )


def tell(
    case: Case,
    matter: Matter,
    *,
    happens_at: datetime | None = None,
    deferrals_left: int = 0,
    deferral_code: str | None = None,
) -> TellOwner:
    """A mail to the owner of this case; owner and device must be known."""
    assert case.owner is not None and case.device is not None
    return TellOwner(
        matter=matter,
        case_id=case.id,
        user_id=case.owner.user_id,
        user_principal_name=case.owner.user_principal_name,
        display_name=case.owner.display_name,
        mail_address=case.owner.mail_address,
        device_name=case.device.name,
        serial_number=case.device.serial_number,
        happens_at=happens_at,
        deferrals_left=deferrals_left,
        deferral_code=deferral_code,
    )


def give_notice(case: Case, facts: Facts, policy: Policy, now: datetime) -> Decision:
    """Decide GIVING_NOTICE: is the wipe still needed, was the owner told, and is their time over?"""
    device = facts.device
    if device is None or device is MISSING:
        return go(CaseState.NO_ACTION_NEEDED, Reason.DEVICE_GONE, "The device is no longer managed by Intune.")
    evidence = device_evidence(device)
    if refusal := refusal_of(device, policy):
        return go(CaseState.REFUSED, *refusal, evidence=evidence, effect=calling_off(case, policy))
    if policy.mode is Mode.REPORT:
        return go(CaseState.REPORTED, Reason.MODE_IS_REPORT, "The mode is report now; nothing more is changed.")
    if (mended := no_wipe_needed(case, device, policy)) is not None:
        return mended
    if (old := too_old(case, device, now)) is not None:
        return old
    return _owners_time(case, device, facts, policy, now)


def no_wipe_needed(case: Case, device: ManagedDevice, policy: Policy) -> Decision | None:
    """The end of a case that waits before its wipe, when Intune is content again or gives the device time."""
    if device.compliance not in (Compliance.COMPLIANT, Compliance.IN_GRACE_PERIOD):
        return None
    mended = device.compliance is Compliance.COMPLIANT
    return go(
        CaseState.NO_ACTION_NEEDED,
        Reason.MENDED_WITHOUT_WIPE if mended else Reason.DEVICE_IN_GRACE_PERIOD,
        f"{device.called} {'is compliant again' if mended else 'was given a grace period by Intune'}; no wipe was needed.",
        evidence=device_evidence(device),
        effect=calling_off(case, policy),
    )


def too_old(case: Case, device: ManagedDevice, now: datetime) -> Decision | None:
    """A case that waits before its wipe for too long is left to a person."""
    if now - case.opened_at <= GIVE_UP_AFTER:
        return None
    return ask_person(
        Reason.APPROVAL_EXPIRED,
        f"This case is older than {in_words(GIVE_UP_AFTER)}, and no wipe came about.",
        evidence=device_evidence(device),
    )


def _owners_time(case: Case, device: ManagedDevice, facts: Facts, policy: Policy, now: datetime) -> Decision:
    assert case.owner is not None
    notice, name = case.notice, case.owner.display_name
    if notice is not None and notice.refused is not None:
        return ask_person(
            Reason.OWNER_NOT_TOLD,
            f"{name} could not be told by mail that {device.called} is going to be wiped: {notice.refused}. Nothing was sent to the device.",
            notice=None,
        )
    if owner_comes_first(case, policy):
        return start_notice(case, facts, policy, now)
    not_before = None if notice is None else notice.wipe_not_before
    if not_before is not None and now < not_before:
        counts = device.compliance is Compliance.NONCOMPLIANT
        return wait(
            case,
            Reason.OWNER_HAS_TIME,
            f"{name} was told; {device.called} is not wiped before {stamp(not_before)}.",
            until=min(not_before, now + LOOK_AT_DEVICE_EVERY),
            evidence=device_evidence(device),
            readings=read_again(case.readings, policy, now) if counts else case.readings,
        )
    if device.compliance is not Compliance.NONCOMPLIANT:
        return wait(
            case,
            Reason.COMPLIANCE_NOT_KNOWN,
            f"Intune says {device.compliance.value}; looking again.",
            until=now + LOOK_AT_DEVICE_EVERY,
            evidence=device_evidence(device),
        )
    told = notice is not None and notice.sent
    return ask_or_clear(
        case, policy, now, so_far=f"{name} was told and had time." if told else "Owners are not told now."
    )


def calling_off(case: Case, policy: Policy) -> TellOwner | None:
    """The mail that the wipe does not come, to an owner who was told that it would; none once it may have come."""
    if case.wipe is not None and case.wipe.may_have_wiped:
        return None
    told = case.notice is not None and case.notice.matter is Matter.WIPE_COMING and case.notice.sent
    if not (told and policy.tells_owner and policy.mode.may_write) or case.owner is None or case.device is None:
        return None
    return tell(case, Matter.WIPE_CALLED_OFF)


def code_fits(case: Case, code: str) -> bool:
    """Whether this is the code of the mail that the owner got last."""
    expected = case.notice.code_hash if case.notice is not None else None
    return hmac.compare_digest(_hash(code), expected or _hash("")) and expected is not None


def may_defer(case: Case, policy: Policy) -> bool:
    """The wipe of this case can be put off once more: nothing is on its way, and the policy's number is not used up."""
    return case.state in MAY_BE_DEFERRED and case.notice is not None and case.notice.deferrals < policy.deferrals


def defer(case: Case, policy: Policy, now: datetime) -> Decision:
    """The owner puts the wipe off: by the deferral of the policy, from now or from the end of the time they have."""
    assert case.notice is not None and case.owner is not None
    notice = case.notice
    until = may_be_sent_from(policy, max(now, notice.wipe_not_before or now) + policy.deferral)
    count = notice.deferrals + 1
    return wait(
        case,
        Reason.OWNER_DEFERRED,
        f"{case.owner.display_name} put the wipe off until {stamp(until)} (deferral {count} of {policy.deferrals}).",
        until=min(until, now + LOOK_AT_DEVICE_EVERY),
        notice=replace(notice, deferrals=count, wipe_not_before=until),
    )


def owners_hold(case: Case, now: datetime) -> tuple[Reason, str, datetime] | None:
    """Why and until when the wipe waits for the owner, if it does."""
    until = case.notice.wipe_not_before if case.notice is not None else None
    if until is None or now >= until:
        return None
    return Reason.OWNER_HAS_TIME, f"The owner has time until {stamp(until)}.", until


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
