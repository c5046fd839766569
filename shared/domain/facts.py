"""What was read, as plain values: managed devices, users, licences, Autopilot, tenant. Each set carries when it was read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, StrEnum

from shared.domain.policy import EnrolmentAttestation


class Missing(Enum):
    """The thing was asked for and is not there (404 or an empty list)."""

    MISSING = "missing"


MISSING = Missing.MISSING


class Compliance(StrEnum):
    """Intune's complianceState, plus UNRECOGNISED for a value this version does not know."""

    UNKNOWN = "unknown"
    COMPLIANT = "compliant"
    NONCOMPLIANT = "noncompliant"
    CONFLICT = "conflict"
    ERROR = "error"
    IN_GRACE_PERIOD = "inGracePeriod"
    CONFIG_MANAGER = "configManager"
    UNRECOGNISED = "unrecognised"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionResult:
    """One remote action as Intune reports it on the device (deviceActionResults)."""

    name: str
    state: str
    started_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedDevice:
    """One Intune enrolment. ``user_id`` is the enrolment user; empty strings are read as None."""

    id: str
    entra_device_id: str | None
    serial_number: str
    name: str
    user_id: str | None
    user_principal_name: str | None
    enrolled_at: datetime | None
    last_sync_at: datetime | None
    compliance: Compliance
    management_state: str
    management_agent: str
    owner_type: str
    operating_system: str
    model: str = ""
    enrolment_profile: str | None = None
    enrolled_by: str | None = None
    """UPN of the enrolment user; beta only, so it may be None."""
    logged_on_user_ids: tuple[str, ...] = ()
    """Users who logged on, most recent first; beta only, so it may be empty."""
    enrolment_type: str | None = None
    """deviceEnrollmentType."""
    join_type: str | None = None
    """joinType; this and the next two are beta only."""
    device_type: str | None = None
    sku_family: str | None = None
    grace_expires_at: datetime | None = None
    actions: tuple[ActionResult, ...] = ()

    @property
    def called(self) -> str:
        """What people call it: its name, or its serial number while it has none."""
        return self.name.strip() or self.serial_number.strip() or self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingState:
    """One compliance setting on a device: its full name (``policy type.setting``) and Graph's complianceStatus."""

    name: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyState:
    """One compliance policy on a device, with the settings that Intune lists for it."""

    name: str
    state: str
    settings: tuple[SettingState, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AutopilotDevice:
    """One Windows Autopilot registration with the deployment profile assigned to it."""

    id: str
    serial_number: str
    user_principal_name: str | None
    managed_device_id: str | None
    enrolment_state: str
    profile_status: str
    remediation_state: str
    profile_name: str | None = None
    profile_join_type: str | None = None
    """``entra``, ``hybrid`` or None when no profile is assigned."""
    profile_usage: str | None = None
    """singleUser, shared or unknown: Graph's deviceUsageType."""
    profile_user_type: str | None = None
    """standard or administrator: Graph's userType."""
    profile_detail: str = "none"
    """deploymentProfileAssignmentDetailedStatus: why a profile cannot be assigned."""
    userless_status: str = "unknown"
    """userlessEnrollmentStatus: allowed, blocked or unknown."""
    entra_device_id: str | None = None
    """The Entra device that the registration stands for; its groups decide about profile and status page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLicence:
    """One way in which a user has a product, or should have it: directly, or through a group (licenseAssignmentStates)."""

    sku_id: str
    direct: bool
    """Assigned to the user themselves; only such a licence can be changed or taken."""
    group_id: str | None = None
    error: str | None = None
    """Why a group could not give it (CountViolation and others); such a licence gives nothing."""
    disabled_plan_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A directory user with what a licence decision needs."""

    id: str
    user_principal_name: str
    display_name: str
    enabled: bool
    user_type: str
    usage_location: str | None
    sku_ids: tuple[str, ...]
    enabled_plan_ids: frozenset[str]
    """Service plans with capabilityStatus Enabled; says assigned, not yet provisioned."""
    plans_assigned_at: tuple[tuple[str, datetime], ...] = ()
    """When they were assigned (assignedDateTime), where Graph says so; one that two licences give has two times."""
    mail_address: str | None = None
    office: str | None = None
    """officeLocation."""
    licences: tuple[HeldLicence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceGroup:
    """A group whose members inherit products: skuId and the plans switched off in it."""

    id: str
    name: str
    products: tuple[tuple[str, frozenset[str]], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStatus:
    """One service plan of one of the user's licences (licenseDetails)."""

    sku_id: str
    plan_id: str
    name: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sku:
    """A product the tenant has bought (subscribedSkus)."""

    id: str
    part_number: str
    plan_ids: frozenset[str]
    seats: int
    used: int
    enabled: bool
    plan_names: Mapping[str, str] = field(default_factory=dict[str, str])
    """servicePlanName by servicePlanId; kept only where a rule has to name plans."""

    @property
    def free_seats(self) -> int:
        """Seats that can be assigned now; never negative."""
        return max(0, self.seats - self.used) if self.enabled else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentConfiguration:
    """What every deviceEnrollmentConfiguration has: its rank and its assignments. Group ids are lower case."""

    name: str
    priority: int
    is_default: bool
    assigned_to_all: bool
    """To all users or to all devices."""
    all_devices: bool = False
    """To all devices: with an Enrollment Status Page that goes before what is assigned to users."""
    group_ids: frozenset[str] = frozenset()
    excluded_group_ids: frozenset[str] = frozenset()
    filtered: bool = False
    """An assignment carries a filter, or is of an unknown kind: only Intune can say whom it reaches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentStatusPage(EnrolmentConfiguration):
    """One Enrollment Status Page configuration and whether it blocks use until apps are in; None: it does not say."""

    blocks_use: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceLimit(EnrolmentConfiguration):
    """How many devices one user may enrol; None: the configuration does not say."""

    limit: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformRestriction(EnrolmentConfiguration):
    """Whether Windows may enrol; None: the configuration does not say."""

    windows_blocked: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """Asked for, and refused for want of a permission: neither there nor missing."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Memberships:
    """Which of the groups that were asked about somebody or something is in, directly or through other groups."""

    asked: frozenset[str] = frozenset()
    found: frozenset[str] = frozenset()
    unreadable: str | None = None
    """Why nothing could be read."""

    def of(self, group_id: str) -> bool | None:
        """Whether it is in that group; None when that is not known."""
        group_id = group_id.lower()
        if group_id in self.found:
            return True
        return False if group_id in self.asked else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantFacts:
    """What is true for the whole tenant; cached, so its age is part of the evidence."""

    read_at: datetime
    mdm_authority: str
    skus: tuple[Sku, ...]
    status_pages: tuple[EnrolmentStatusPage, ...]
    device_limits: tuple[DeviceLimit, ...] = ()
    platform_restrictions: tuple[PlatformRestriction, ...] = ()
    missing_groups: frozenset[str] | Unreadable = frozenset()
    """Group ids of the settings that no group has: such a setting would exclude nobody."""
    wipes_need_approval: bool | Unreadable | None = None
    """A Multi Admin Approval policy covers device wipes; None: not asked for."""

    def sku(self, sku_id: str) -> Sku | None:
        """The bought SKU with that id."""
        return next((sku for sku in self.skus if sku.id == sku_id), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class WipeTarget:
    """What one wipe is for, as far as a limit counts by it."""

    serial_number: str
    device_id: str | None = None
    """The Intune id."""
    user_id: str | None = None
    site: str | None = None
    """The owner's office (officeLocation), if it is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastWipe:
    """What became of one wipe so far."""

    at: datetime
    policy: str
    outcome: str | None = None
    """As in the case: accepted, unknown or failed."""
    back_at: datetime | None = None
    verified: bool = False
    """The device is proven, or a person closed its case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """How many devices Intune manages, how many of them it finds non-compliant, and how many of those are usual."""

    read_at: datetime
    enrolled: int
    noncompliant: int
    usual: int = 0
    """The median of the days before."""
    accepted: int = 0
    """So many a person found right when thawing; 0 for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WipeBudget:
    """What of the wipe budget is used: a view at one moment; spending it is a conditional write."""

    last_hour: int
    last_day: int
    in_flight: int
    serial_wiped_at: datetime | None
    frees_at: datetime | None
    """When the oldest counted wipe leaves its window, if the budget is spent."""
    day_frees_at: datetime | None = None
    """When the oldest wipe of the day leaves it."""
    serial_last_year: int = 0
    user_wiped_at: datetime | None = None
    """When a device of the same owner was last wiped."""
    site_last_hour: int = 0
    site_frees_at: datetime | None = None
    wipes: tuple[PastWipe, ...] = ()
    """The latest wipes, oldest first."""
    ramped: frozenset[str] = frozenset()
    """The policies that took every step of their ramp."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """The kill switch. An unreadable switch is read as frozen."""

    frozen: bool
    by: str | None = None
    why: str | None = None
    at: datetime | None = None
    thawed_at: datetime | None = None
    """When a person last thawed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminApprovalRequest:
    """A request for a second administrator's approval (operationApprovalRequest). ``status`` as Intune words it."""

    id: str
    status: str
    justification: str
    requested_at: datetime | None
    decided_by: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WipeAudit:
    """What Intune wrote down about one wipe (remoteActionAudit), whoever asked for it. It outlives the device record."""

    id: str
    managed_device_id: str
    device_name: str = ""
    requested_at: datetime | None = None
    started_by: str | None = None
    """The user principal name of whoever started it; None for an application."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentFailure:
    """An enrolment that failed (enrollmentTroubleshootingEvent): Intune has no serial number for it."""

    at: datetime
    user_id: str | None
    entra_device_id: str | None
    operating_system: str = ""
    category: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was read for one decision. None means not read; MISSING means read and not there."""

    device: ManagedDevice | Missing | None = None
    same_serial: tuple[ManagedDevice, ...] | None = None
    autopilot: tuple[AutopilotDevice, ...] | None = None
    users: Mapping[str, User | Missing] = field(default_factory=dict[str, "User | Missing"])
    """By the id or UPN that was asked for, lower case."""
    plans: tuple[PlanStatus, ...] | None = None
    tenant: TenantFacts | None = None
    freeze: Freeze | None = None
    budget: WipeBudget | None = None
    fleet: Fleet | None = None
    nonce: str | None = None
    """A fresh random value for a wipe that may be written down."""
    licence_group: LicenceGroup | Missing | None = None
    staging_devices: tuple[ManagedDevice, ...] | None = None
    """Every device that the staging account of this case enrols now; None also when that could not be read."""
    owner_groups: Memberships | None = None
    device_groups: Mapping[str, Memberships] = field(default_factory=dict[str, Memberships])
    """By Entra device id, lower case."""
    owner_devices: tuple[ManagedDevice, ...] | None = None
    """Every enrolment of the owner."""
    recovery_keys: int | Unreadable | None = None
    """How many BitLocker recovery keys of the device are kept in Entra ID."""
    deferral_code: str | None = field(default=None, repr=False)
    """A fresh secret for the link in the owner's mail."""
    attestation: EnrolmentAttestation | Unreadable | None = None
    """The word about automatic enrolment that is stored; None: none is."""
    policy_states: tuple[PolicyState, ...] | None = None
    """The device's compliance policies; () when the device is gone or has none."""
    enrolment_failures: tuple[EnrolmentFailure, ...] | None = None
    """Of the whole tenant; None also when they could not be read."""
    admin_requests: tuple[AdminApprovalRequest, ...] | None = None
    """Of Multi Admin Approval; None also where we may not read them."""


def age(of: datetime | None, now: datetime) -> timedelta:
    """How long ago ``of`` was; a time that is not known is infinitely old."""
    return timedelta.max if of is None else now - of
