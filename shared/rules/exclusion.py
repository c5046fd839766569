"""The exclusion group: neither its users nor its devices are touched, and a membership that cannot be read holds."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from shared.domain.case import Case, Decision
from shared.domain.checks import Check, Verdict
from shared.domain.facts import Facts
from shared.domain.policy import Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.decisions import GIVE_UP_AFTER, ask_person, go, in_words, wait
from shared.rules.effective import NOT_READ

LOOK_AGAIN_AFTER = timedelta(hours=1)
GRANT = "Grant GroupMember.Read.All and Device.Read.All."


def entra_devices_of(case: Case, facts: Facts) -> tuple[str, ...]:
    """Every Entra device that stands for this computer: of the enrolment and of the registration, mostly the same one."""
    found = [case.device.entra_device_id] if case.device is not None else []
    registered = facts.autopilot or ()
    if len(registered) == 1:
        found.append(registered[0].entra_device_id)
    return tuple(dict.fromkeys(each.lower() for each in found if each))


def refused_by_group(facts: Facts, policy: Policy) -> tuple[Reason, str] | None:
    """Why this owner or device is never touched, if it is in the exclusion group."""
    group = policy.exclusion_group
    if group is None:
        return None
    if (facts.owner_groups or NOT_READ).of(group):
        return Reason.OWNER_EXCLUDED, f"its owner is in the exclusion group {group}"
    if any(groups.of(group) for groups in facts.device_groups.values()):
        return Reason.DEVICE_EXCLUDED, f"it is in the exclusion group {group}"
    return None


def doubt_about_exclusion(facts: Facts, policy: Policy, entra_device_ids: Sequence[str]) -> str | None:
    """What is not known about the exclusion group; None when owner and every Entra device are known not to be in it."""
    group = policy.exclusion_group
    if group is None:
        return None
    if not entra_device_ids:
        return "the device has no Entra device id, so its groups cannot be read"
    read = [facts.owner_groups or NOT_READ, *(facts.device_groups.get(each, NOT_READ) for each in entra_device_ids)]
    return next((each.unreadable or "not asked" for each in read if each.of(group) is None), None)


def exclusion_check(case: Case, facts: Facts, policy: Policy) -> Check | None:
    """The exclusion group as one of the readiness checks; None when none is set."""
    if policy.exclusion_group is None:
        return None
    doubt = doubt_about_exclusion(facts, policy, entra_devices_of(case, facts))
    return Check(
        name="Exclusion group",
        verdict=Verdict.OK if doubt is None else Verdict.CANNOT_VERIFY,
        found=doubt or "neither owner nor device is in it",
        mend=GRANT,
    )


def unless_excluded(case: Case, facts: Facts, policy: Policy, now: datetime, found: Decision) -> Decision:
    """The decision that found an owner, unless owner or device is in the exclusion group, or nobody knows."""
    if policy.exclusion_group is None or found.to is not CaseState.CHECKING_LICENCE:
        return found
    called = case.device.name if case.device is not None else f"The PC with serial number {case.serial_number}"
    if refused := refused_by_group(facts, policy):
        return go(CaseState.REFUSED, refused[0], f"{called} is not touched: {refused[1]}.", evidence=found.evidence)
    doubt = doubt_about_exclusion(facts, policy, entra_devices_of(case, facts))
    if doubt is None:
        return found
    says = f"Nobody can tell whether {called} or its owner is in the exclusion group: {doubt}. {GRANT}"
    if now - case.opened_at > GIVE_UP_AFTER:
        return ask_person(
            Reason.EXCLUSION_NOT_READABLE, f"{says} This is so for {in_words(GIVE_UP_AFTER)}.", evidence=found.evidence
        )
    return wait(case, Reason.EXCLUSION_NOT_READABLE, says, until=now + LOOK_AGAIN_AFTER, evidence=found.evidence)
