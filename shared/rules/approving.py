"""Who may approve a wipe: not who asked for it, not one person for too many in a day, and nobody what must not be wiped."""

from collections.abc import Iterable
from datetime import datetime

from shared.domain.case import Approval, Case, proposal_of
from shared.domain.people import same_person
from shared.domain.policy import Policy


def asked_for_it(case: Case, names: Iterable[str]) -> bool:
    """This person, by any of their names, requested the wipe: by the assignment that named the owner, or by letting
    the case go on."""
    return any(same_person(name, requester) for name in names for requester in case.requested_by)


def must_not_be_wiped(case: Case, policy: Policy) -> str | None:
    """Why nobody can approve this case, in words: its device or owner is excluded by now."""
    device, owner = case.device, case.owner
    names = {(case.serial_number or "").strip().lower()}
    if device is not None:
        names |= {device.serial_number.strip().lower(), device.name.strip().lower()}
    if names & policy.excluded_devices:
        return "The device is on the list of excluded devices; it is not touched."
    if owner is not None and owner.user_principal_name.lower() in policy.excluded_users:
        return f"{owner.display_name} is on the list of excluded users; their devices are not touched."
    return None


def first_of_two(case: Case, policy: Policy, now: datetime) -> Approval | None:
    """The approval that waits for a second person's, if it still is for what would happen now and has not run out."""
    first = case.first_approval
    if first is None or now >= first.expires_at or first.proposal != proposal_of(case, policy.version):
        return None
    return first
