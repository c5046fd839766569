"""The tenant as a scenario file describes it: what it bought, its groups, profiles, pages, delays and identities."""

from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Entry(BaseModel):
    """A part of a scenario: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SkuEntry(Entry):
    """A product that the tenant bought."""

    part: str
    """skuPartNumber. O365_BUSINESS_PREMIUM is Business Standard, SPB is Business Premium."""
    seats: int = Field(default=10, ge=0)
    used: int | None = Field(default=None, ge=0)
    """Seats in use at the start, those of the users below included; None counts just these."""
    status: Literal["Enabled", "Warning", "Suspended", "Deleted", "LockedOut"] = "Enabled"


class GroupEntry(Entry):
    """A group, and the products its members inherit."""

    name: str
    id: str | None = None
    members: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    """Serial numbers or names of computers that are members."""
    groups: tuple[str, ...] = ()
    """Names of groups that are members: they come before this one in the list."""
    licences: tuple[str, ...] = ()


class ProfileEntry(Entry):
    """An Autopilot deployment profile."""

    name: str = "Entra user-driven"
    join: Literal["entra", "hybrid"] = "entra"
    usage: Literal["singleUser", "shared"] = "singleUser"
    user_type: Literal["standard", "administrator"] = "standard"
    assigned_to: tuple[str, ...] = ("all",)
    """Names of groups, or ``all``."""


class StatusPageEntry(Entry):
    """An Enrollment Status Page besides the default one."""

    name: str = "Block use until apps are in"
    blocks_use: bool = True
    priority: int = Field(default=1, ge=1)
    assigned_to: tuple[str, ...] = ("all",)
    not_for: tuple[str, ...] = ()
    """Names of groups that are excluded."""


class DelayEntries(Entry):
    """How long the tenant takes; every duration is ISO 8601, such as PT4M."""

    provisioning: timedelta = timedelta(minutes=4)
    group_licence: timedelta = timedelta(minutes=5)
    wipe: timedelta = timedelta(minutes=12)
    record_removal: timedelta = timedelta()
    sign_in: timedelta = timedelta(hours=2)
    compliance: timedelta = timedelta(minutes=25)
    check_in: timedelta = timedelta(hours=8)
    notification: timedelta = timedelta(seconds=30)
    directory: timedelta = timedelta()


class ApprovalEntry(Entry):
    """Multi Admin Approval of device wipes."""

    answer: Literal[400, 403, 409, 412] = 403
    decision: Literal["approved", "rejected", "cancelled", "none"] = "approved"
    after: timedelta = timedelta(hours=1)
    names_code: bool = True
    """False: the answer only says that a request exists, without its code."""


class OtherDevicesEntry(Entry):
    """Devices that are nothing but a number in Intune's counts."""

    enrolled: int = Field(default=0, ge=0)
    noncompliant: int = Field(default=0, ge=0)


class TenantEntry(Entry):
    """The tenant. By default it is ready for Autopilot."""

    id: str = "5c1d3c0e-8f57-4f0e-9d0b-6c1b8a4f0a01"
    domain: str = "contoso.example"
    mdm_authority: Literal["unknown", "intune", "sccm", "office365"] = "intune"
    skus: tuple[SkuEntry, ...] = (SkuEntry(part="SPB"), SkuEntry(part="O365_BUSINESS_PREMIUM", seats=25))
    groups: tuple[GroupEntry, ...] = ()
    autopilot_profiles: tuple[ProfileEntry, ...] = (ProfileEntry(),)
    esp: tuple[StatusPageEntry, ...] = (StatusPageEntry(),)
    device_limit: int = Field(default=1000, ge=1)
    """How many devices one user may enrol."""
    other_devices: OtherDevicesEntry = OtherDevicesEntry()
    windows_blocked: bool = False
    """The platform restriction of everybody does not let Windows enrol."""
    delays: DelayEntries = DelayEntries()
    multi_admin_approval: ApprovalEntry | None = None
    delta_expired_status: Literal[400, 410] = 410
    identities: dict[str, tuple[str, ...]] = {}
    """client_id -> application permissions; empty is one identity with every permission that is needed."""
