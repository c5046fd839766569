"""Enrolment configurations as Graph writes them: Enrollment Status Pages, device limits, platform restrictions."""

from typing import TypedDict

from shared.clients.graph.values import Json, inner, own_id, rows, text, whole, word
from shared.domain.facts import DeviceLimit, EnrolmentStatusPage, PlatformRestriction

STATUS_PAGE = "windows10EnrollmentCompletionPageConfiguration"
LIMIT = "deviceEnrollmentLimitConfiguration"
DEFAULT_RESTRICTIONS = "deviceEnrollmentPlatformRestrictionsConfiguration"
"""All platforms in one: what holds for everybody, and what was made in groups before there was one per platform."""
RESTRICTION = "deviceEnrollmentPlatformRestrictionConfiguration"

_OTHER_PLATFORMS = frozenset({"android", "ios", "windowsPhone", "androidForWork", "mac", "linux"})
_DEFAULTS = frozenset(
    {"DefaultWindows10EnrollmentCompletionPageConfiguration", "DefaultLimit", "DefaultPlatformRestrictions"}
)
_EVERY_DEVICE = "#microsoft.graph.allDevicesAssignmentTarget"
_EVERYBODY = frozenset({_EVERY_DEVICE, "#microsoft.graph.allLicensedUsersAssignmentTarget"})
_KNOWN = _EVERYBODY | {
    "",  # an assignment without a target
    "#microsoft.graph.groupAssignmentTarget",
    "#microsoft.graph.exclusionGroupAssignmentTarget",
}


def status_page(row: Json) -> EnrolmentStatusPage:
    """One Enrollment Status Page.

    ``blocks_use`` needs all three properties to say so; None when none denies it and one is missing. The portal's
    "Block device use until all apps and profiles are installed" is stored, inverted, in ``blockDeviceSetupRetryByUser``.
    """
    said = (
        row.get("showInstallationProgress"),
        _negated(row.get("allowDeviceUseOnInstallFailure")),
        _negated(row.get("blockDeviceSetupRetryByUser")),
    )
    blocks = False if False in said else all(each is True for each in said) or None
    return EnrolmentStatusPage(**_assigned(row), blocks_use=blocks)


def device_limit(row: Json) -> DeviceLimit:
    """One device limit restriction."""
    return DeviceLimit(**_assigned(row), limit=whole(row, "limit") or None)


def platform_restriction(row: Json) -> PlatformRestriction | None:
    """What one restriction says about Windows; None for one that is about another platform only."""
    if of_type(row, RESTRICTION):
        if text(row, "platformType") in _OTHER_PLATFORMS:
            return None
        blocked = inner(row, "platformRestriction").get("platformBlocked")
    else:
        blocked = inner(row, "windowsRestriction").get("platformBlocked")
    return PlatformRestriction(**_assigned(row), windows_blocked=blocked if isinstance(blocked, bool) else None)


def of_type(row: Json, *types: str) -> bool:
    """Whether the configuration is one of these; Intune's list holds all kinds."""
    return text(row, "@odata.type").removeprefix("#microsoft.graph.") in types


def _negated(value: object) -> bool | None:
    return not value if isinstance(value, bool) else None


class _Assigned(TypedDict):
    """What all of them have; see EnrolmentConfiguration."""

    name: str
    priority: int
    is_default: bool
    assigned_to_all: bool
    all_devices: bool
    group_ids: frozenset[str]
    excluded_group_ids: frozenset[str]
    filtered: bool


def _assigned(row: Json) -> _Assigned:
    targets = [inner(each, "target") for each in rows(row, "assignments")]
    kinds = {text(each, "@odata.type") for each in targets}
    unknown = any(kind not in _KNOWN for kind in kinds)  # whom it means nobody can tell: it may be everybody
    return _Assigned(
        name=text(row, "displayName"),
        priority=whole(row, "priority"),
        is_default=own_id(row).rpartition("_")[2] in _DEFAULTS,
        assigned_to_all=unknown or bool(kinds & _EVERYBODY),
        all_devices=_EVERY_DEVICE in kinds,
        group_ids=_groups(targets, "groupAssignmentTarget"),
        excluded_group_ids=_groups(targets, "exclusionGroupAssignmentTarget"),
        filtered=unknown or any(_filtered(each) for each in targets),
    )


def _groups(targets: list[Json], kind: str) -> frozenset[str]:
    of_kind = (each for each in targets if text(each, "@odata.type").endswith(f".{kind}"))
    return frozenset(group.lower() for each in of_kind if (group := word(each, "groupId")))


def _filtered(target: Json) -> bool:
    return text(target, "deviceAndAppManagementAssignmentFilterType") not in ("", "none")
