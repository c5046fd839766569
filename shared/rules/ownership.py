"""CHECKING_OWNER: whose device should it be? Sources in order, each with its evidence; staging accounts never."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from shared.domain.case import Case, Decision, Owner
from shared.domain.facts import MISSING, Facts, ManagedDevice, Missing, User
from shared.domain.policy import Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.decisions import ask_person, go
from shared.rules.exclusion import unless_excluded


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Somebody named by a source, by user id or UPN."""

    who: str
    source: str


def is_staging(user_principal_name: str | None, policy: Policy) -> bool:
    """The account only enrols devices (list or shell-style pattern, any case)."""
    upn = (user_principal_name or "").lower()
    return any(fnmatchcase(upn, pattern.lower()) for pattern in policy.staging_accounts)


def candidates(case: Case, facts: Facts, policy: Policy) -> Iterator[tuple[Candidate, ...]]:
    """Who might own the device: one group per source, most trusted source first."""
    if case.named_owner:
        yield (Candidate(who=case.named_owner, source="assignment event"),)
    autopilot = facts.autopilot or ()
    if len(autopilot) == 1 and autopilot[0].user_principal_name:
        yield (Candidate(who=autopilot[0].user_principal_name, source="Autopilot assigned user"),)
    device = facts.device
    if isinstance(device, ManagedDevice):
        # The user of the device: at first who enrolled it, later whom an administrator made its primary user.
        is_staging_user = is_staging(device.user_principal_name or device.enrolled_by, policy)
        if device.user_id and not is_staging_user:
            yield (Candidate(who=device.user_id, source=_user_is(device)),)
        others = (user for user in device.logged_on_user_ids if not (is_staging_user and user == device.user_id))
        if group := tuple(Candidate(who=user, source="users who signed in") for user in dict.fromkeys(others)):
            yield group


def _user_is(device: ManagedDevice) -> str:
    user, enrolled_by = (device.user_principal_name or "").lower(), (device.enrolled_by or "").lower()
    return "enrolment user" if enrolled_by in ("", user) else "primary user"


def to_read(case: Case, facts: Facts, policy: Policy) -> str | None:
    """The next user that has to be read before the owner can be decided, or None when all is known."""
    for group in candidates(case, facts, policy):
        for candidate in group[:MOST_READ]:
            if candidate.who.lower() not in facts.users:
                return candidate.who
        if _real(group, facts.users, policy):
            return None
    return None


MOST_READ = 3
"""Of the users who signed in, so many are read; when that leaves one real user among more, a person has to say."""


def _real(
    group: tuple[Candidate, ...], users: Mapping[str, User | Missing], policy: Policy
) -> list[tuple[Candidate, User]]:
    found = ((candidate, users.get(candidate.who.lower())) for candidate in group)
    return [
        (c, user) for c, user in found if isinstance(user, User) and not is_staging(user.user_principal_name, policy)
    ]


def find_owner(case: Case, facts: Facts, policy: Policy, now: datetime) -> Decision:
    """Decide CHECKING_OWNER: the first source that names a real user wins, unless the exclusion group forbids it."""
    return unless_excluded(case, facts, policy, now, _first_named(case, facts, policy))


def owner_in(case: Case, facts: Facts, policy: Policy) -> Owner | None:
    """Who will be found from what was read, if somebody will."""
    owner = _first_named(case, facts, policy).changes.get("owner")
    return owner if isinstance(owner, Owner) else None


def _first_named(case: Case, facts: Facts, policy: Policy) -> Decision:
    named = False
    for group in candidates(case, facts, policy):
        named = True
        real = _real(group, facts.users, policy)
        if len({user.id for _, user in real}) > 1:
            return ask_person(
                Reason.OWNER_AMBIGUOUS,
                f"{len(real)} people signed in to this device; a person has to say whose it is.",
                evidence={"who": ", ".join(user.user_principal_name for _, user in real)},
            )
        unread = sum(candidate.who.lower() not in facts.users for candidate in group)
        if len(group) > MOST_READ and unread:
            return ask_person(
                Reason.OWNER_AMBIGUOUS,
                f"{len(group)} people signed in to this device, too many to look up; a person has to say whose it is.",
                evidence={"who": ", ".join(user.user_principal_name for _, user in real), "not looked up": unread},
            )
        if real:
            return _check(case, *real[0], policy)
        if group[0].source == "assignment event" and facts.users.get(group[0].who.lower()) is MISSING:
            return ask_person(
                Reason.OWNER_NOT_FOUND,
                "The user named by the assignment does not exist.",
                evidence={"named": group[0].who},
            )
    if named:
        return ask_person(
            Reason.OWNER_UNKNOWN, "Only staging accounts are known for this device; a person has to name its owner."
        )
    return ask_person(Reason.OWNER_UNKNOWN, "Nothing says whose device this is; a person has to name its owner.")


def _check(case: Case, candidate: Candidate, user: User, policy: Policy) -> Decision:
    name = user.display_name or user.user_principal_name
    evidence = {"source": candidate.source, "user": user.user_principal_name}
    if not user.enabled:
        return ask_person(Reason.OWNER_DISABLED, f"{name}'s account is disabled.", evidence=evidence)
    if user.user_type.lower() == "guest":
        return ask_person(
            Reason.OWNER_IS_GUEST, f"{name} is a guest; a guest cannot enrol a device.", evidence=evidence
        )
    if user.user_principal_name.lower() in policy.excluded_users:
        return go(
            CaseState.REFUSED, Reason.OWNER_EXCLUDED, f"{name} is on the list of excluded users.", evidence=evidence
        )
    owner = Owner(
        user_id=user.id,
        user_principal_name=user.user_principal_name,
        display_name=name,
        source=candidate.source,
        mail_address=user.mail_address,
        site=user.office,
    )
    return go(
        CaseState.CHECKING_LICENCE,
        Reason.OWNER_FOUND,
        f"The device should be {name}'s; source: {candidate.source}.",
        evidence=evidence,
        owner=owner,
    )
