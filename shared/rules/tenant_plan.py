"""The difference between the tenant that is wanted and the one that was found, as changes in the order to make them.

What fits is adopted, whoever made it. What Handover did not make is never changed, unless its name is in ``take_over``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from shared.domain.tenant_setup import (
    MARKER,
    Action,
    Change,
    DesiredTenant,
    FieldChange,
    FoundGroup,
    FoundProfile,
    FoundStatusPage,
    FoundTenant,
    Kind,
    WantedGroup,
    WantedProfile,
    WantedStatusPage,
)

T = TypeVar("T", FoundGroup, FoundProfile, FoundStatusPage)

UNKNOWN_YET = "(known after apply)"


@dataclass(frozen=True, kw_only=True)  # no slots: Python 3.11 cannot make a generic one with them
class Match(Generic[T]):
    """The thing that stands for a wanted one. ``ours``: Handover may change it. ``blocked``: why nothing can be done."""

    found: T | None = None
    ours: bool = False
    blocked: str = ""


def plan(desired: DesiredTenant, found: FoundTenant, take_over: frozenset[str] = frozenset()) -> tuple[Change, ...]:
    """Every change that is needed, first the ones that others refer to; () when the tenant is as it shall be."""
    group = group_for(desired.device_group, Kind.DEVICE_GROUP, found, take_over)
    return (
        *_by_a_person(desired, found),
        *_group(desired.device_group, Kind.DEVICE_GROUP, group, found),
        *_profile(desired.profile, profile_for(desired, found, take_over), group),
        *_status_page(desired.status_page, page_for(desired, found, take_over), group, found),
        *_licence_groups(desired, found, take_over),
    )


def adopted(
    desired: DesiredTenant, found: FoundTenant, take_over: frozenset[str] = frozenset()
) -> tuple[tuple[Kind, str, str], ...]:
    """What is there already and does what is wanted, though Handover did not make it: kind, wanted name, its name."""
    group = group_for(desired.device_group, Kind.DEVICE_GROUP, found, take_over)
    profile, page = profile_for(desired, found, take_over), page_for(desired, found, take_over)
    licences = [
        (Kind.LICENCE_GROUP, each.name, group_for(each, Kind.LICENCE_GROUP, found, take_over))
        for each in desired.licence_groups
    ]
    matches: list[tuple[Kind, str, Match[FoundGroup] | Match[FoundProfile] | Match[FoundStatusPage]]] = [
        (Kind.DEVICE_GROUP, desired.device_group.name, group),
        (Kind.PROFILE, desired.profile.name, profile),
        (Kind.STATUS_PAGE, desired.status_page.name, page),
        *licences,
    ]
    return tuple(
        (kind, name, match.found.name)
        for kind, name, match in matches
        if match.found is not None and not match.ours and not match.blocked
    )


def _by_a_person(desired: DesiredTenant, found: FoundTenant) -> Iterator[Change]:
    if found.mdm_authority != "intune":
        yield Change(
            action=Action.BY_A_PERSON,
            kind=Kind.MDM_AUTHORITY,
            name="tenant",
            fields=(FieldChange(name="authority", before=found.mdm_authority, after="intune"),),
            why="Set the MDM authority to Microsoft Intune (Intune admin center, Tenant administration).",
        )
    if found.attested_scope != desired.mdm_scope:
        yield Change(
            action=Action.BY_A_PERSON,
            kind=Kind.AUTOMATIC_ENROLMENT,
            name="MDM user scope",
            fields=(
                FieldChange(name="scope", before=found.attested_scope or "nobody's word", after=desired.mdm_scope),
            ),
            why="Look at it in the Intune admin center (Automatic enrollment), then say so with `tenant attest`.",
        )


def group_for(
    wanted: WantedGroup, kind: Kind, found: FoundTenant, take_over: frozenset[str] = frozenset()
) -> Match[FoundGroup]:
    """The group that stands for a wanted one: our own, one of that name, or one with the same rule."""

    def fits(each: FoundGroup) -> bool:
        return not list(_group_fields(wanted, each)) and _product_ids(wanted, found) <= each.sku_ids

    same = [each for each in found.groups if wanted.rule and fits(each)]
    return _match(wanted.name, kind, found.groups, found, take_over, fits, same)


def profile_for(
    desired: DesiredTenant, found: FoundTenant, take_over: frozenset[str] = frozenset()
) -> Match[FoundProfile]:
    """The profile that stands for the wanted one: our own, one of that name, or one that does the same for the group."""
    group = group_for(desired.device_group, Kind.DEVICE_GROUP, found, take_over)
    group_id = None if group.found is None else group.found.id

    def fits(each: FoundProfile) -> bool:
        return not list(_profile_fields(desired.profile, each)) and each.assigned.reaches(group_id)

    same = [each for each in found.profiles if fits(each)]
    return _match(desired.profile.name, Kind.PROFILE, found.profiles, found, take_over, fits, same)


def page_for(
    desired: DesiredTenant, found: FoundTenant, take_over: frozenset[str] = frozenset()
) -> Match[FoundStatusPage]:
    """The status page that stands for the wanted one; another one has to have at least its priority."""
    wanted = desired.status_page
    group = group_for(desired.device_group, Kind.DEVICE_GROUP, found, take_over)
    group_id = None if group.found is None else group.found.id

    def fits(each: FoundStatusPage) -> bool:
        reaches = each.assigned.reaches(group_id, every_device=wanted.all_devices)
        return not list(_page_fields(wanted, each)) and reaches and 1 <= each.priority <= wanted.priority

    same = [each for each in found.status_pages if fits(each)]
    return _match(wanted.name, Kind.STATUS_PAGE, found.status_pages, found, take_over, fits, same)


def _match(
    name: str,
    kind: Kind,
    things: tuple[T, ...],
    found: FoundTenant,
    take_over: frozenset[str],
    fits: Callable[[T], bool],
    same: list[T],
) -> Match[T]:
    remembered = found.remembered.id_of(kind, name)
    ours = [each for each in things if each.id == remembered]
    named = [each for each in things if each.name == name]
    ours = ours or [each for each in named if MARKER in each.description]
    if len(ours) == 1:
        return Match(found=ours[0], ours=True)
    if len(ours) > 1 or len(named) > 1:
        return Match(blocked=f"there are {max(len(ours), len(named))} of this name: leave one, or choose another name")
    if named and fits(named[0]):
        return Match(found=named[0])
    if named and name in take_over:
        return Match(found=named[0], ours=True)
    if named:
        return Match(
            found=named[0], blocked="it is not Handover's: choose another name, or let it be changed with --take-over"
        )
    return Match(found=same[0]) if same else Match()


def _group(wanted: WantedGroup, kind: Kind, match: Match[FoundGroup], found: FoundTenant) -> Iterator[Change]:
    missing = sorted(set(wanted.products) - {part for part, _ in found.sku_ids})
    if match.blocked or missing:
        why = match.blocked or f"the tenant has not bought {', '.join(missing)}"
        fields = tuple(_group_fields(wanted, match.found)) if match.found is not None else ()
        yield Change(action=Action.BLOCKED, kind=kind, name=wanted.name, fields=fields, why=why)
        return
    if match.found is None:
        fields = tuple(_group_fields(wanted, FoundGroup(id="", name="")))
        yield Change(action=Action.CREATE, kind=kind, name=wanted.name, fields=fields)
    elif match.ours and (fields := tuple(_group_fields(wanted, match.found))):
        yield Change(action=Action.UPDATE, kind=kind, name=wanted.name, id=match.found.id, fields=fields)
    held = frozenset[str]() if match.found is None else match.found.sku_ids
    lacking = sorted(part for part, sku_id in found.sku_ids if part in wanted.products and sku_id not in held)
    if lacking:
        fields = (FieldChange(name="products", before="", after=", ".join(lacking)),)
        group_id = None if match.found is None else match.found.id
        yield Change(action=Action.LICENSE, kind=kind, name=wanted.name, id=group_id, fields=fields)


def _licence_groups(desired: DesiredTenant, found: FoundTenant, take_over: frozenset[str]) -> Iterator[Change]:
    for wanted in desired.licence_groups:
        match = group_for(wanted, Kind.LICENCE_GROUP, found, take_over)
        yield from _group(wanted, Kind.LICENCE_GROUP, match, found)


def _profile(wanted: WantedProfile, match: Match[FoundProfile], group: Match[FoundGroup]) -> Iterator[Change]:
    kind, name = Kind.PROFILE, wanted.name
    if match.blocked or group.blocked:
        fields = tuple(_profile_fields(wanted, match.found)) if match.found is not None else ()
        why = match.blocked or "the device group that it is for is blocked"
        yield Change(action=Action.BLOCKED, kind=kind, name=name, fields=fields, why=why)
        return
    group_id = None if group.found is None else group.found.id
    if match.found is None:
        yield Change(action=Action.CREATE, kind=kind, name=name, fields=tuple(_profile_fields(wanted, None)))
    elif match.ours and (fields := tuple(_profile_fields(wanted, match.found))):
        yield Change(action=Action.UPDATE, kind=kind, name=name, id=match.found.id, fields=fields)
    if match.found is None or (match.ours and not match.found.assigned.reaches(group_id)):
        yield _assignment(kind, name, match.found, group_id)


def _status_page(
    wanted: WantedStatusPage, match: Match[FoundStatusPage], group: Match[FoundGroup], found: FoundTenant
) -> Iterator[Change]:
    kind, name = Kind.STATUS_PAGE, wanted.name
    needs_group = not wanted.all_devices
    if match.blocked or (group.blocked and needs_group):
        fields = tuple(_page_fields(wanted, match.found)) if match.found is not None else ()
        why = match.blocked or "the device group that it is for is blocked"
        yield Change(action=Action.BLOCKED, kind=kind, name=name, fields=fields, why=why)
        return
    page, group_id = match.found, None if group.found is None else group.found.id
    if page is None:
        yield Change(action=Action.CREATE, kind=kind, name=name, fields=tuple(_page_fields(wanted, None)))
    elif match.ours and (fields := tuple(_page_fields(wanted, page))):
        yield Change(action=Action.UPDATE, kind=kind, name=name, id=page.id, fields=fields)
    if page is None or (match.ours and not page.assigned.reaches(group_id, every_device=wanted.all_devices)):
        yield _assignment(kind, name, page, group_id, every_device=wanted.all_devices)
    yield from _priority(wanted, match, len(found.status_pages))


def _priority(wanted: WantedStatusPage, match: Match[FoundStatusPage], pages: int) -> Iterator[Change]:
    """Intune puts a new page last; there is no priority beyond the number of pages."""
    page = match.found
    if page is not None and not match.ours:
        return
    now = page.priority if page is not None else pages + 1
    lowest = pages if page is not None else pages + 1
    goal = min(wanted.priority, lowest)
    if now != goal:
        yield Change(
            action=Action.SET_PRIORITY,
            kind=Kind.STATUS_PAGE,
            name=wanted.name,
            id=None if page is None else page.id,
            fields=(FieldChange(name="priority", before=str(now), after=str(goal)),),
            why="the pages in between move down by one",
        )


def _assignment(
    kind: Kind,
    name: str,
    thing: FoundProfile | FoundStatusPage | None,
    group_id: str | None,
    *,
    every_device: bool = False,
) -> Change:
    """An exclusion, or an assignment filter, is somebody's wish and would have to be undone: that is left to a person."""
    to = "all devices" if every_device else f"device group {group_id or UNKNOWN_YET}"
    fields = (FieldChange(name="assigned to", before="", after=to),)
    held = None if thing is None else thing.assigned
    if held is not None and (held.filtered or (group_id is not None and group_id.lower() in held.excluded_group_ids)):
        why = "an exclusion or an assignment filter keeps it from the device group: take that away in Intune"
        return Change(
            action=Action.BLOCKED, kind=kind, name=name, id=None if thing is None else thing.id, fields=fields, why=why
        )
    return Change(action=Action.ASSIGN, kind=kind, name=name, id=None if thing is None else thing.id, fields=fields)


def _product_ids(wanted: WantedGroup, found: FoundTenant) -> frozenset[str]:
    return frozenset(sku_id for part, sku_id in found.sku_ids if part in wanted.products)


def same_rule(one: str, other: str) -> bool:
    """Whether two membership rules say the same; Entra ID gives them back with other blanks."""
    return "".join(one.split()).casefold() == "".join(other.split()).casefold()


def _group_fields(wanted: WantedGroup, found: FoundGroup) -> Iterator[FieldChange]:
    if not same_rule(wanted.rule, found.rule):
        yield FieldChange(name="membership rule", before=found.rule, after=wanted.rule)
    if wanted.rule and not found.rule_is_on:
        yield FieldChange(name="rule processing", before="Paused" if found.id else "", after="On")


def _profile_fields(wanted: WantedProfile, found: FoundProfile | None) -> Iterator[FieldChange]:
    """Every property that differs; all of them for a profile that is not there."""
    rows = (
        ("join", found and found.join, "entra"),
        ("usage", found and found.usage, "singleUser"),
        ("user type", found and found.user_type, "standard"),
        ("language", found and found.language, wanted.language),
        ("device name template", found and found.device_name_template, wanted.device_name_template),
        ("pre-provisioning", found and _yes(found.allow_pre_provisioning), _yes(wanted.allow_pre_provisioning)),
        ("skip keyboard page", found and _yes(found.skip_keyboard_page), _yes(wanted.skip_keyboard_page)),
    )
    yield from _differing(rows)


def _page_fields(wanted: WantedStatusPage, found: FoundStatusPage | None) -> Iterator[FieldChange]:
    rows = (
        ("blocks use", found and ("unknown" if found.blocks_use is None else _yes(found.blocks_use)), "yes"),
        ("tracks", found and ("every required app" if found.tracks_every_app else "some apps"), "every required app"),
        ("timeout in minutes", found and str(found.timeout_minutes), str(wanted.timeout_minutes)),
        ("reset on error", found and _yes(found.allow_reset_on_error), _yes(wanted.allow_reset_on_error)),
        ("log collection", found and _yes(found.allow_log_collection), _yes(wanted.allow_log_collection)),
        ("error message", found and found.error_message, wanted.error_message),
    )
    yield from _differing(rows)


def _differing(rows: "tuple[tuple[str, str | None, str], ...]") -> Iterator[FieldChange]:
    for name, before, after in rows:
        if (before or "") != after:
            yield FieldChange(name=name, before=before or "", after=after)


def _yes(value: bool) -> str:
    return "yes" if value else "no"
