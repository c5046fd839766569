"""The scenario file: who and what is in the tenant, what happens when, what goes wrong. Unknown keys are refused.

``settings`` and ``expect`` belong to whoever runs the scenario, and so does every timeline item that is not the tenant's.
"""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from local.tenant.model.machines import Esp, MendedBy, WipeEnd
from local.tenant.model.managed_devices import ComplianceState
from local.tenant.scenario_faults import FaultEntry
from local.tenant.scenario_tenant import Entry, TenantEntry
from local.tenant.scenario_timeline import RenameUser, ReplaceDevice, RunnerItem, TimelineItem


class ScenarioError(ValueError):
    """A scenario file that cannot be used; the text names file, place and reason, one problem a line."""


def _utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(_utc)]


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
    office: str | None = None
    """officeLocation."""
    licences: tuple[str | LicenceEntry, ...] = ()
    enabled: bool = True
    guest: bool = False

    @property
    def parts(self) -> tuple[str, ...]:
        """The skuPartNumbers of the products held."""
        return tuple(held if isinstance(held, str) else held.part for held in self.licences)


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
    detail: str = "none"
    """deploymentProfileAssignmentDetailedStatus."""
    userless: Literal["unknown", "allowed", "blocked"] = "unknown"
    state: str | None = None
    """enrollmentState; by default enrolled or notContacted."""


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
    failing: tuple[str, ...] | None = None
    """Settings that fail, as ``policy.setting``; by default, of a device that is not compliant, RequireUserExistence."""
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
    recovery_keys: int = Field(default=1, ge=0)
    """How many BitLocker recovery keys Entra ID keeps."""
    enrollment_type: str = "windowsAzureADJoin"
    join_type: str | None = None
    """By default azureADJoined, or azureADRegistered for a personal device."""
    device_type: str = "windowsRT"
    sku_family: str = "Pro"
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
    settings: dict[str, object] = Field(default_factory=dict[str, object])
    tenant: TenantEntry = TenantEntry()
    users: tuple[UserEntry, ...] = ()
    devices: tuple[DeviceEntry, ...] = ()
    timeline: tuple[TimelineItem, ...] = ()
    faults: tuple[FaultEntry, ...] = ()
    expect: dict[str, object] = Field(default_factory=dict[str, object])

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
        for i, page in enumerate(self.tenant.esp):
            _known(f"tenant.esp.{i}.not_for", page.not_for, groups)
        for i, user in enumerate(self.users):
            _known(f"users.{i}.licences", user.parts, bought)
        for i, device in enumerate(self.devices):
            assigned = device.autopilot.user if isinstance(device.autopilot, RegistrationEntry) else None
            people = [upn for upn in (device.enrolled_by, assigned, *device.logged_on) if upn is not None]
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
        reason = "unknown key" if error["type"] == "extra_forbidden" else error["msg"].removeprefix("Value error, ")
        lines.append(f"{source}: {place}: {reason}" if place else f"{source}: {reason}")
    return "\n".join(lines)


def _known(place: str, names: Iterable[str], known: set[str], *, fold: bool = False) -> None:
    for name in names:
        if (name.lower() if fold else name) not in known:
            raise ValueError(f"{place}: {name!r} is not in the scenario")


def _unique(what: str, names: list[str]) -> None:
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        raise ValueError(f"{what} must be unique: {', '.join(twice)}")
