"""Which enrolment configuration takes effect for this owner on this device, and which groups have to be known to tell.

The lowest priority value wins among what is assigned. An Enrollment Status Page of the device goes before one of the
user; limits and restrictions follow the user alone. Sources: "Set up the Enrollment Status Page" and "Overview of
enrollment restrictions" of Intune, ``priority`` of the deviceEnrollmentConfiguration resource.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from shared.domain.facts import EnrolmentConfiguration, Memberships, TenantFacts
from shared.domain.policy import Policy

T = TypeVar("T", bound=EnrolmentConfiguration)

MOST_GROUPS = 20
"""checkMemberGroups takes no more group ids in one request."""

NOT_READ = Memberships(unreadable="group memberships were not read")


def may_take_effect(
    configurations: Iterable[T], *, owner: Memberships | None, device: Memberships | None = None
) -> list[T | None]:
    """Those that may be the one in effect: one when it is certain, more when memberships or filters leave a doubt.

    None in the list: there may be none at all. ``device`` is None for what is assigned to users only.
    """
    known = list(configurations)
    default: T | None = next((each for each in known if each.is_default), None)
    assigned = sorted((each for each in known if not each.is_default), key=lambda each: each.priority)
    found: list[T | None] = []
    if device is not None and _collect(assigned, device, found, for_devices=True):
        return found
    if _collect(assigned, owner or NOT_READ, found, for_devices=False):
        return found
    return [*found, default]


def _collect(assigned: Sequence[T], groups: Memberships, found: list[T | None], *, for_devices: bool) -> bool:
    """Add what may apply, best first; true when the last one certainly does."""
    for each in assigned:
        applies = _applies(each, groups, for_devices=for_devices)
        if applies is not False:
            found.append(each)
        if applies:
            return True
    return False


def _applies(each: EnrolmentConfiguration, groups: Memberships, *, for_devices: bool) -> bool | None:
    """Whether it is assigned here; None when nobody can tell."""
    to_everybody = each.assigned_to_all and each.all_devices is for_devices
    included = to_everybody or _in_any(groups, each.group_ids)
    if included is False:
        return False
    excluded = _in_any(groups, each.excluded_group_ids)
    if excluded:
        return False
    if included is None or excluded is None or each.filtered or each.priority < 1:
        return None
    return True


def _in_any(groups: Memberships, wanted: frozenset[str]) -> bool | None:
    answers = [groups.of(group) for group in wanted]
    if True in answers:
        return True
    return None if None in answers else False


def groups_of_owner(policy: Policy, tenant: TenantFacts | None) -> tuple[str, ...]:
    """The groups that matter for the owner, most important first; () when none does."""
    wanted = _excluding(policy)
    attested = policy.enrolment_attestation
    if attested is not None and attested.scope == "some":
        wanted += attested.group_ids
    if tenant is not None:
        wanted += tuple(_groups_of_pages(tenant))
        if (
            len({each and each.windows_blocked for each in may_take_effect(tenant.platform_restrictions, owner=None)})
            > 1
        ):
            wanted += tuple(_named(tenant.platform_restrictions))
        if len({each and each.limit for each in may_take_effect(tenant.device_limits, owner=None)}) > 1:
            wanted += tuple(_named(tenant.device_limits))
    return _few(wanted)


def groups_of_device(policy: Policy, tenant: TenantFacts | None) -> tuple[str, ...]:
    """The groups that matter for the device, most important first; () when none does."""
    return _few(_excluding(policy) + (() if tenant is None else tuple(_groups_of_pages(tenant))))


def _groups_of_pages(tenant: TenantFacts) -> Iterator[str]:
    """Those that Enrollment Status Pages name; nothing when every page that may take effect is as good as the other."""
    possible = may_take_effect(tenant.status_pages, owner=NOT_READ, device=NOT_READ)
    if len({each and each.blocks_use for each in possible}) > 1:
        yield from _named(tenant.status_pages)


def _named(configurations: Iterable[EnrolmentConfiguration]) -> Iterator[str]:
    for each in sorted(configurations, key=lambda one: one.priority):
        yield from sorted(each.group_ids | each.excluded_group_ids)


def _excluding(policy: Policy) -> tuple[str, ...]:
    return () if policy.exclusion_group is None else (policy.exclusion_group,)


def _few(wanted: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(group.lower() for group in wanted))[:MOST_GROUPS]
