"""The readiness checks of the owner: automatic enrolment, the Enrollment Status Page and the enrolment restrictions that
take effect for this user on this device, and the group that is never touched."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from shared.domain.case import Case
from shared.domain.checks import Check, Verdict
from shared.domain.facts import (
    EnrolmentConfiguration,
    EnrolmentStatusPage,
    Facts,
    ManagedDevice,
    Memberships,
    TenantFacts,
    Unreadable,
)
from shared.domain.policy import EnrolmentAttestation, Policy
from shared.rules.attesting import is_in_time, leads_to_intune
from shared.rules.effective import NOT_READ, may_take_effect
from shared.rules.tenant_checks import read_ago

AS_GOOD_AS_NO_LIMIT = 100
"""Intune allows limits up to 15; a tenant that says so much more has none, and nobody's devices are counted."""


def user_checks(case: Case, facts: Facts, policy: Policy, now: datetime) -> Iterator[Check]:
    """Every check that depends on the owner; those that need the tenant's facts are left out without them."""
    if isinstance(facts.attestation, Unreadable):
        yield _enrolment(Verdict.CANNOT_VERIFY, facts.attestation.why, "Say it again with `tenant attest`.")
    else:
        yield automatic_enrolment(case, facts.owner_groups, policy, now)
    if facts.tenant is None:
        return
    yield _status_page(case, facts, facts.tenant, now)
    yield from _platform(facts, facts.tenant, now)
    yield from _device_limit(case, facts, facts.tenant, now)


def automatic_enrolment(case: Case, groups: Memberships | None, policy: Policy, now: datetime) -> Check:
    """No application permission can read the MDM user scope, so a person attests it, with a date."""
    word = policy.enrolment_attestation
    if word is None:
        return _enrolment(Verdict.CANNOT_VERIFY, "nobody attested it", LOOK_AND_SAY)
    if not is_in_time(word, now.date()):
        why = "in the future" if word.on > now.date() else "out of date"
        return _enrolment(Verdict.CANNOT_VERIFY, f"attested by {word.by} on {word.on}: {why}", LOOK_AND_SAY)
    if not leads_to_intune(word):
        return _enrolment(
            Verdict.WRONG,
            "the MDM discovery URL is not Intune's",
            "Restore the default MDM URLs (Intune admin center, Automatic enrollment), then say so with `tenant attest`.",
        )
    if word.scope == "some":
        return _some(case, groups or NOT_READ, word)
    if word.scope != "all":
        return _enrolment(Verdict.WRONG, f"MDM user scope is {word.scope}", "Set the MDM user scope to All.")
    return _enrolment(Verdict.OK, f"scope all, attested by {word.by} on {word.on}")


LOOK_AND_SAY = (
    "Look at MDM user scope and discovery URL in the Intune admin center and say so with `tenant attest`, or set "
    "HANDOVER_ENROLMENT_ATTESTED_BY, _ON and _SCOPE."
)


def _enrolment(verdict: Verdict, found: str, mend: str = "") -> Check:
    return Check(name="Automatic enrolment", verdict=verdict, found=found, mend=mend, of_tenant=True)


def _some(case: Case, groups: Memberships, word: EnrolmentAttestation) -> Check:
    """The scope is a list of groups; whether the owner is in one of them can be read."""
    if not word.group_ids:
        return _enrolment(
            Verdict.CANNOT_VERIFY,
            "MDM user scope is some, of which groups nobody said",
            "Set HANDOVER_ENROLMENT_ATTESTED_GROUPS.",
        )
    owner = case.owner.display_name if case.owner is not None else "the owner"
    answers = [groups.of(group) for group in word.group_ids]
    if True in answers:
        return _enrolment(
            Verdict.OK, f"scope some, attested by {word.by} on {word.on}; {owner} is in one of its groups"
        )
    if None in answers:
        return _enrolment(
            Verdict.CANNOT_VERIFY,
            f"MDM user scope is some, and {groups.unreadable or 'too many groups are named'}",
            "Grant GroupMember.Read.All, or name at most 15 groups.",
        )
    return _enrolment(
        Verdict.WRONG,
        f"MDM user scope is some, and {owner} is in none of its groups",
        f"Add {owner} to one of the groups of HANDOVER_ENROLMENT_ATTESTED_GROUPS, or set the MDM user scope to All.",
    )


def device_groups(case: Case, facts: Facts) -> Memberships:
    """The groups of the Entra device that Autopilot will enrol again; NOT_READ when there is none."""
    return facts.device_groups.get((entra_device_of(case, facts) or "").lower(), NOT_READ)


def entra_device_of(case: Case, facts: Facts) -> str | None:
    """The Entra device whose groups decide: that of the registration, or while it names none, that of the enrolment."""
    registered = facts.autopilot or ()
    if len(registered) == 1 and registered[0].entra_device_id:
        return registered[0].entra_device_id
    return case.device.entra_device_id if case.device is not None else None


def _status_page(case: Case, facts: Facts, tenant: TenantFacts, now: datetime) -> Check:
    owner, device = facts.owner_groups or NOT_READ, device_groups(case, facts)
    pages = may_take_effect(tenant.status_pages, owner=owner, device=device)
    blocks = {page.blocks_use if page is not None else False for page in pages}
    found = "; or ".join(_in_words(page) for page in dict.fromkeys(pages))
    if blocks == {True}:
        verdict = Verdict.OK
    elif blocks == {False}:
        verdict = Verdict.WRONG
    else:
        verdict = Verdict.CANNOT_VERIFY
        if len(blocks) > 1:
            found += f": {why_nobody_can_tell(pages, (device, owner))}"
    return Check(
        name="Enrollment Status Page",
        of_tenant=True,
        verdict=verdict,
        found=f"{found}, {read_ago(tenant, now)}",
        mend="Assign an Enrollment Status Page that blocks device use until all apps and profiles are installed.",
    )


def _in_words(page: EnrolmentStatusPage | None) -> str:
    if page is None:
        return "none"
    if page.blocks_use is None:
        return f"{page.name}: does not say whether it blocks use"
    return f"{page.name}: {'blocks' if page.blocks_use else 'does not block'} use until apps are installed"


def why_nobody_can_tell(possible: Sequence[EnrolmentConfiguration | None], asked: Sequence[Memberships]) -> str:
    """What leaves the doubt which of them takes effect."""
    if unreadable := next((each.unreadable for each in asked if each.unreadable), None):
        return unreadable
    if any(each is not None and each.filtered for each in possible):
        return "an assignment filter, or an assignment of an unknown kind, decides, and no application can follow it"
    if any(each is not None and not each.is_default and each.priority < 1 for each in possible):
        return "a priority is missing"
    return "more groups are named than can be asked about"


def _platform(facts: Facts, tenant: TenantFacts, now: datetime) -> Iterator[Check]:
    """Windows itself may be blocked. Personal devices may be, too: an Autopilot registration counts as the company's."""
    if not tenant.platform_restrictions:
        return
    owner = facts.owner_groups or NOT_READ
    possible = may_take_effect(tenant.platform_restrictions, owner=owner)
    blocked = {each.windows_blocked if each is not None else False for each in possible}
    name = ", or ".join(each.name for each in possible if each is not None)
    if blocked == {False}:
        verdict, found = Verdict.OK, "Windows may enrol"
    elif blocked == {True}:
        verdict, found = Verdict.WRONG, f"{name}: Windows is blocked"
    else:
        why = why_nobody_can_tell(possible, (owner,)) if len(blocked) > 1 else "it does not say"
        verdict, found = Verdict.CANNOT_VERIFY, f"{name}: whether Windows is blocked is not known: {why}"
    yield Check(
        name="Platform restriction",
        of_tenant=True,
        verdict=verdict,
        found=f"{found}, {read_ago(tenant, now)}",
        mend="Allow Windows (MDM) in the enrolment platform restriction of the owner.",
    )


def possible_limits(facts: Facts, tenant: TenantFacts) -> list[int | None]:
    """The device limits that may hold for the owner; None for one that does not say."""
    possible = may_take_effect(tenant.device_limits, owner=facts.owner_groups)
    return [each.limit for each in possible if each is not None]


def limit_matters(facts: Facts, tenant: TenantFacts) -> bool:
    """The owner's devices have to be counted."""
    return any(limit is None or limit < AS_GOOD_AS_NO_LIMIT for limit in possible_limits(facts, tenant))


def _device_limit(case: Case, facts: Facts, tenant: TenantFacts, now: datetime) -> Iterator[Check]:
    """The device that is wiped does not count: its enrolment ends with the wipe."""
    if not limit_matters(facts, tenant):
        return
    limits = possible_limits(facts, tenant)
    found, verdict = "the owner's devices were not read", Verdict.CANNOT_VERIFY
    if None in limits:
        found = "the device limit has no value"
    elif facts.owner_devices is not None:
        least = min(limit for limit in limits if limit is not None)
        others = sum(_is_another(each, case) for each in facts.owner_devices)
        verdict = Verdict.OK if others < least else Verdict.WRONG
        found = f"{others} other devices of {least} allowed"
    yield Check(
        name="Device limit",
        verdict=verdict,
        found=f"{found}, limit {read_ago(tenant, now)}",
        mend="Remove a device that the owner no longer uses from Intune, or raise the device limit restriction.",
    )


def _is_another(each: ManagedDevice, case: Case) -> bool:
    mine = case.device.managed_device_id if case.device is not None else ""
    return each.id.lower() != mine.lower()
