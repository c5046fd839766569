"""The scenario file: who and what is in the tenant, what happens when, what goes wrong. Unknown keys are refused.

``settings`` and ``expect`` belong to whoever runs the scenario, and so does every timeline item that is not the tenant's.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from local.tenant.model.machines import Esp, MendedBy, WipeEnd
from local.tenant.scenario_faults import FaultEntry
from local.tenant.scenario_timeline import RenameUser, ReplaceDevice, RunnerItem, TimelineItem


class ScenarioError(ValueError):
    """A scenario file that cannot be used; the text names file, place and reason, one problem a line."""


def _utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(_utc)]
ComplianceState = Literal["unknown", "compliant", "noncompliant", "conflict", "error", "inGracePeriod", "configManager"]


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
    delays: DelayEntries = DelayEntries()
    multi_admin_approval: ApprovalEntry | None = None
    delta_expired_status: Literal[400, 410] = 410
    identities: dict[str, tuple[str, ...]] = {}
    """client_id -> application permissions; empty is one identity with every permission that is needed."""


class LicenceEntry(Entry):
    """A product held, with plans switched off."""

    part: str
    without: tuple[str, ...] = ()
    """Names of disabled service plans."""


class UserEntry(Entry):
    """A user; licences named here are provisioned from the start."""

    upn: str
    name: str = ""
    id: str | None = None
    usage_location: str | None = Field(default="GB", pattern=r"^[A-Z]{2}$")
    licences: tuple[str | LicenceEntry, ...] = ()
    enabled: bool = True
    guest: bool = False


class RegistrationEntry(Entry):
    """An Autopilot registration. ``profile`` None takes the first profile of the tenant; ``-`` means no profile."""

    profile: str | None = None
    user: str | None = None
    group_tag: str = ""
    status: Literal[
        "unknown",
        "assignedInSync",
        "assignedOutOfSync",
        "assignedUnkownSyncState",
        "notAssigned",
        "pending",
        "failed",
    ] = "assignedInSync"
    remediation: Literal[
        "unknown", "noRemediationRequired", "automaticRemediationRequired", "manualRemediationRequired"
    ] = "noRemediationRequired"


class DeviceEntry(Entry):
    """A computer. Without ``enrolled_by`` it has never been enrolled and shows the sign-in page of OOBE."""

    serial: str
    name: str = ""
    """Unique in the scenario; by default PC- and the end of the serial number."""
    os: str = "Windows"
    ownership: Literal["company", "personal", "unknown"] = "company"
    enrolled_by: str | None = None
    enrolled_at: Moment | timedelta = timedelta(days=-7)
    """A moment, or a duration from the start, such as -P30D."""
    last_sync: timedelta = timedelta(hours=-1)
    """The last check-in as a duration from the start; an online device goes on checking in."""
    compliance: ComplianceState = "compliant"
    failing: tuple[str, ...] = ()
    online: bool = True
    autopilot: RegistrationEntry | Literal["default"] | None = "default"
    """None is not registered; by default company Windows devices are."""
    management_agent: str = "mdm"
    mended_by: MendedBy | None = None
    mended_after: timedelta | None = None
    defects: tuple[str, ...] = ()
    """Settings that fail even after a new enrolment."""
    logged_on: tuple[str, ...] = ()
    """UPNs of those who work on it, most recent first."""
    wipe_ends: WipeEnd = WipeEnd.DONE
    esp: Esp = Esp.SUCCESS
    keeps_entra_device_id: bool = True
    manufacturer: str = "HP"
    model: str = "HP EliteBook 840 G10"

    @property
    def unique_name(self) -> str:
        """The name of the computer."""
        return self.name or f"PC-{self.serial[-7:]}"


class Scenario(Entry):
    """A whole scenario file."""

    title: str
    about: str = ""
    theme: str = ""
    start: Moment = datetime(2026, 3, 2, 8, tzinfo=UTC)
    seed: int = 1
    settings: dict[str, object] = {}
    tenant: TenantEntry = TenantEntry()
    users: tuple[UserEntry, ...] = ()
    devices: tuple[DeviceEntry, ...] = ()
    timeline: tuple[TimelineItem, ...] = ()
    faults: tuple[FaultEntry, ...] = ()
    expect: dict[str, object] = {}

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        upns = {user.upn.lower() for user in self.users}
        groups = {group.name for group in self.tenant.groups} | {"all"}
        bought = {sku.part for sku in self.tenant.skus}
        profiles = {profile.name for profile in self.tenant.autopilot_profiles} | {"-"}
        for i, group in enumerate(self.tenant.groups):
            _known(f"tenant.groups.{i}.members", group.members, upns, fold=True)
            _known(f"tenant.groups.{i}.licences", group.licences, bought)
        for kind, entries in (("autopilot_profiles", self.tenant.autopilot_profiles), ("esp", self.tenant.esp)):
            for i, entry in enumerate(entries):
                _known(f"tenant.{kind}.{i}.assigned_to", entry.assigned_to, groups)
        for i, user in enumerate(self.users):
            parts = [held if isinstance(held, str) else held.part for held in user.licences]
            _known(f"users.{i}.licences", parts, bought)
        for i, device in enumerate(self.devices):
            people = [upn for upn in (device.enrolled_by, *device.logged_on) if upn is not None]
            _known(f"devices.{i}", people, upns, fold=True)
            if isinstance(device.autopilot, RegistrationEntry) and device.autopilot.profile is not None:
                _known(f"devices.{i}.autopilot.profile", [device.autopilot.profile], profiles)
        self._timeline_names_are_known(upns, groups, bought, profiles)
        _unique("devices: name", [device.unique_name.lower() for device in self.devices])
        _unique("users: upn", [user.upn.lower() for user in self.users])
        return self

    def _timeline_names_are_known(self, upns: set[str], groups: set[str], bought: set[str], profiles: set[str]) -> None:
        """Names that only the timeline brings (a new serial number, a new UPN) count too."""
        devices = {name.lower() for device in self.devices for name in (device.serial, device.unique_name)}
        devices |= {item.serial.lower() for item in self.timeline if isinstance(item, ReplaceDevice)}
        people = upns | {item.to.lower() for item in self.timeline if isinstance(item, RenameUser)}
        known = {"device": devices, "user": people, "group": groups, "sku": bought, "profile": profiles}
        for i, item in enumerate(self.timeline):
            for key, names in known.items():
                name = None if isinstance(item, RunnerItem) else getattr(item, key, None)
                if name is not None:
                    _known(f"timeline.{i}.{key}", [name], names, fold=key in {"device", "user"})


def parse(data: object, source: str = "scenario") -> Scenario:
    """A scenario from decoded JSON. Raises ScenarioError; ``source`` is named in its text."""
    try:
        return Scenario.model_validate(data)
    except ValidationError as invalid:
        raise ScenarioError(explain(invalid, source)) from invalid


def load(path: Path) -> Scenario:
    """A scenario from a file. Raises ScenarioError, also for what is not JSON."""
    try:
        data: object = json.loads(path.read_text("utf-8"))
    except ValueError as broken:
        raise ScenarioError(f"{path}: not JSON: {broken}") from broken
    return parse(data, str(path))


def explain(invalid: ValidationError, source: str) -> str:
    """One line for each problem: source, place, reason."""
    lines: list[str] = []
    for error in invalid.errors(include_url=False):
        place = ".".join(str(part) for part in error["loc"])
        reason = "unknown key" if error["type"] == "extra_forbidden" else error["msg"]
        lines.append(f"{source}: {place}: {reason}" if place else f"{source}: {reason}")
    return "\n".join(lines)


def _known(place: str, names: tuple[str, ...] | list[str], known: set[str], *, fold: bool = False) -> None:
    for name in names:
        if (name.lower() if fold else name) not in known:
            raise ValueError(f"{place}: {name!r} is not in the scenario")


def _unique(what: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise ValueError(f"{what} must be unique: {', '.join(twice)}")
