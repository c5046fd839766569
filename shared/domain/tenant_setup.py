"""What the tenant shall be like, what was found in it, and one change between the two."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

MARKER = "[handover]"
"""Stands in the description of everything that Handover made."""


class Kind(StrEnum):
    """What a change is about; the value is how a plan calls it."""

    MDM_AUTHORITY = "MDM authority"
    AUTOMATIC_ENROLMENT = "automatic enrolment"
    DEVICE_GROUP = "device group"
    LICENCE_GROUP = "licence group"
    PROFILE = "deployment profile"
    STATUS_PAGE = "status page"


class Action(StrEnum):
    """What a change does."""

    CREATE = "create"
    UPDATE = "update"
    ASSIGN = "assign"
    SET_PRIORITY = "set priority"
    LICENSE = "license"
    BLOCKED = "blocked"
    """It is in the way, and not ours: nothing is done about it."""
    BY_A_PERSON = "by a person"
    """No application may do it."""

    @property
    def is_made(self) -> bool:
        """Whether apply makes such a change."""
        return self not in (Action.BLOCKED, Action.BY_A_PERSON)


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedGroup:
    """A security group. ``rule`` makes it dynamic; ``products`` are skuPartNumbers that its members inherit."""

    name: str
    rule: str = ""
    products: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedProfile:
    """A deployment profile: always user-driven, Entra joined, standard user."""

    name: str
    language: str = "os-default"
    device_name_template: str = ""
    allow_pre_provisioning: bool = False
    skip_keyboard_page: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedStatusPage:
    """An Enrollment Status Page: always one that blocks use until apps and profiles are in."""

    name: str
    timeout_minutes: int = 60
    allow_reset_on_error: bool = True
    allow_log_collection: bool = True
    error_message: str = ""
    priority: int = 1
    all_devices: bool = False
    """Assigned to all devices instead of to the device group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredTenant:
    """Everything that the file asks for."""

    device_group: WantedGroup
    profile: WantedProfile
    status_page: WantedStatusPage
    mdm_scope: Literal["all", "some"] = "all"
    licence_groups: tuple[WantedGroup, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundGroup:
    """A group as the directory has it."""

    id: str
    name: str
    description: str = ""
    rule: str = ""
    rule_is_on: bool = False
    sku_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """Whom a profile or page is assigned to; ids in lower case."""

    all_devices: bool = False
    all_users: bool = False
    group_ids: frozenset[str] = frozenset()
    excluded_group_ids: frozenset[str] = frozenset()
    filtered: bool = False
    """An assignment filter takes some devices out of one of them."""

    def reaches(self, group_id: str | None, *, every_device: bool = False) -> bool:
        """Whether the members of the group (or every device) certainly get it."""
        if self.filtered or (group_id is not None and group_id.lower() in self.excluded_group_ids):
            return False
        if self.all_devices:
            return not self.excluded_group_ids
        return not every_device and group_id is not None and group_id.lower() in self.group_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundProfile:
    """A deployment profile; what only we care about is in ``wanted``-like fields, None where Graph does not say."""

    id: str
    name: str
    description: str
    join: str | None
    usage: str | None
    user_type: str | None
    language: str
    device_name_template: str
    allow_pre_provisioning: bool
    skip_keyboard_page: bool
    assigned: Assigned = Assigned()


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundStatusPage:
    """An Enrollment Status Page that somebody made; the default one is left out."""

    id: str
    name: str
    description: str
    blocks_use: bool | None
    timeout_minutes: int
    allow_reset_on_error: bool
    allow_log_collection: bool
    error_message: str
    priority: int
    tracks_every_app: bool = True
    assigned: Assigned = Assigned()


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """Ids of what Handover made or took over, by kind and wanted name."""

    ids: tuple[tuple[Kind, str, str], ...] = ()

    def id_of(self, kind: Kind, name: str) -> str | None:
        """The id of that thing, or None."""
        return next((each for of, called, each in self.ids if (of, called) == (kind, name)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTenant:
    """What is there. ``sku_ids`` are the bought products by skuPartNumber."""

    mdm_authority: str = "intune"
    attested_scope: str | None = None
    """The MDM user scope by the newest valid word of a person; None: nobody's word is valid now."""
    groups: tuple[FoundGroup, ...] = ()
    profiles: tuple[FoundProfile, ...] = ()
    status_pages: tuple[FoundStatusPage, ...] = ()
    sku_ids: tuple[tuple[str, str], ...] = ()
    remembered: Remembered = Remembered()


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One property before and after."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One step from what was found to what is wanted. ``id`` is None for what does not exist yet."""

    action: Action
    kind: Kind
    name: str
    id: str | None = None
    fields: tuple[FieldChange, ...] = ()
    why: str = ""


INTUNE_DISCOVERY_URL = "https://enrollment.manage.microsoft.com/enrollmentserver/discovery.svc"
"""Where a Windows PC has to enrol. Source: "Enable Windows automatic enrollment" of Intune."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MobilityPolicy:
    """Intune's mobility management policy in Entra ID. ``applies_to`` is Graph's word: all, selected or none."""

    applies_to: str
    discovery_url: str
    is_valid: bool
    group_ids: tuple[str, ...] = ()
