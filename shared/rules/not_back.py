"""Why a wiped device is not back: what Intune wrote down about enrolments that failed since, for the person who looks into it.

It only tells. No decision rests on it, so a record that cannot be read takes nothing away.
"""

from collections.abc import Sequence
from datetime import datetime

from shared.domain.case import Case, Evidence
from shared.domain.facts import EnrolmentFailure, Facts
from shared.domain.policy import Policy

_MEANINGS = {
    "uservalidation": "the user does not exist, is disabled, or has no licence for Intune",
    "enrollmentrestrictionsenforced": "an enrolment restriction: the device limit, or the platform",
    "accountvalidation": "the user's account",
    "authentication": "the sign-in",
    "authorization": "the user may not enrol devices",
    "devicenotsupported": "the device is not supported",
    "userabandonment": "the user gave up",
    "clientdisconnected": "the connection broke off",
}


def is_late(case: Case, policy: Policy, now: datetime) -> bool:
    """Devices come back sooner than this; only for one that does not anything more is read."""
    return now - _sent_at(case) >= policy.back_within


def refusals(case: Case, facts: Facts) -> Sequence[EnrolmentFailure]:
    """The failed enrolments since the wipe, oldest first, that are this device's or a Windows device's of its owner."""
    since = [each for each in facts.enrolment_failures or () if each.at > _sent_at(case)]
    return sorted((each for each in since if _concerns(case, each)), key=lambda each: each.at)


def in_words(failures: Sequence[EnrolmentFailure]) -> str:
    """A sentence about the last of them, with a space before it; nothing when there is none."""
    if not failures:
        return ""
    last, tries = failures[-1], "1 enrolment" if len(failures) == 1 else f"{len(failures)} enrolments"
    meaning = _MEANINGS.get(last.category.lower())
    return f" Intune refused {tries} since, the last for {last.category}{f' ({meaning})' if meaning else ''}."


def evidence_of(failures: Sequence[EnrolmentFailure]) -> Evidence:
    """The same with Intune's own words."""
    if not failures:
        return {}
    return {
        "refused enrolments": len(failures),
        "last refused": f"{failures[-1].at:%Y-%m-%d %H:%M} UTC",
        "Intune's reason": f"{failures[-1].category}: {failures[-1].reason or 'no more is told'}",
    }


def _concerns(case: Case, failure: EnrolmentFailure) -> bool:
    """The wiped device may get another Entra id, and may not have one yet: then it is known by who signed in."""
    assert case.device is not None and case.owner is not None
    device, system = (failure.entra_device_id or "").lower(), failure.operating_system.lower()
    if device and device == (case.device.entra_device_id or "").lower():
        return True
    by_owner = (failure.user_id or "").lower() == case.owner.user_id.lower()
    return by_owner and (not system or system.startswith("windows"))


def _sent_at(case: Case) -> datetime:
    assert case.wipe is not None
    return case.wipe.sent_at or case.moved_at
