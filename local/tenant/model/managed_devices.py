"""Intune's managed devices: one record per enrolment, as the list and the single reads show them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from local.tenant.model.filters import Condition, Filterable, Operator, Table, holds, supported
from local.tenant.model.paging import Page, page_of
from local.tenant.model.refusal import Service, resource_not_found
from local.tenant.model.store import Store
from local.tenant.model.users import User, Users
from local.tenant.model.world import World

ComplianceState = Literal["unknown", "compliant", "noncompliant", "conflict", "error", "inGracePeriod", "configManager"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionResult:
    """One remote action on a device, as deviceActionResults shows it."""

    name: str
    state: str
    started_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOn:
    """One user who logged on to the device and when they last did."""

    user_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedDevice:
    """One enrolment. ``user_id`` and ``upn`` are the enrolment user's, copied when it enrolled."""

    id: str
    machine: str
    serial: str
    entra_device_id: str
    name: str
    enrolled_at: datetime
    checked_in_at: datetime
    online: bool = True
    user_id: str = ""
    upn: str = ""
    user_display_name: str = ""
    enrolled_by: str = ""
    compliance: ComplianceState = "unknown"
    grace_expires_at: datetime | None = None
    failing: tuple[str, ...] = ()
    """Settings that fail, as ``policy.setting``."""
    management_state: str = "managed"
    management_agent: str = "mdm"
    ownership: str = "company"
    operating_system: str = "Windows"
    os_version: str = ""
    manufacturer: str = ""
    model: str = ""
    enrollment_type: str = "windowsAzureADJoin"
    profile_name: str = ""
    join_type: str = "azureADJoined"
    device_type: str = "windowsRT"
    sku_family: str = "Pro"
    autopilot_enrolled: bool = False
    logged_on: tuple[LogOn, ...] = ()
    actions: tuple[ActionResult, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyState:
    """The state of one compliance policy on a device: its failing settings, or none."""

    id: str
    policy: str
    compliant: bool
    failing: tuple[str, ...]


_EQ: frozenset[Operator] = frozenset({"eq"})
_TIME: frozenset[Operator] = frozenset({"gt", "lt", "ge", "le"})


class ManagedDevices:
    """The enrolments of the tenant."""

    def __init__(self, world: World, users: Users) -> None:
        self._world = world
        self._users = users
        self.store = Store[ManagedDevice](world.clock, world.replica)
        self._indexes = {
            "serialNumber": self.store.index(lambda device: device.serial),
            "azureADDeviceId": self.store.index(lambda device: device.entra_device_id),
        }
        self._primary_user: dict[str, str] = {}
        self.filterable: Table[ManagedDevice] = {
            "serialNumber": Filterable(operators=_EQ, value_of=lambda device: device.serial),
            "azureADDeviceId": Filterable(operators=_EQ, value_of=lambda device: device.entra_device_id),
            "userPrincipalName": Filterable(operators=_EQ, value_of=lambda device: device.upn),
            "complianceState": Filterable(operators=_EQ, value_of=lambda device: device.compliance),
            "operatingSystem": Filterable(operators=_EQ, value_of=lambda device: device.operating_system),
            "deviceName": Filterable(operators=_EQ, value_of=lambda device: device.name),
            "enrolledDateTime": Filterable(operators=_TIME, value_of=lambda device: device.enrolled_at),
            "lastSyncDateTime": Filterable(operators=_TIME, value_of=self.last_sync_at),
        }

    def get(self, managed_device_id: str) -> ManagedDevice:
        """GET managedDevices/{id}. Raises 404."""
        device = self.store.read(managed_device_id)
        if device is None:
            raise resource_not_found(managed_device_id, Service.INTUNE)
        return device

    def page(self, conditions: Sequence[Condition] | None, *, start: int, size: int) -> Page[ManagedDevice]:
        """GET managedDevices. A filter that is not supported is silently ignored: every device comes back."""
        if conditions and supported(conditions, self.filterable):
            candidates = self._candidates(conditions)
            rows = [device for device in candidates if holds(device, conditions, self.filterable)]
        else:
            rows = self.store.readable()
        return page_of(rows, self._world.replica, start=start, size=size)

    def _candidates(self, conditions: Sequence[Condition]) -> list[ManagedDevice]:
        """The devices that an index gives for one of the conditions, or all: a replica that lags has no index."""
        if not self._world.replica.lag:
            for condition in conditions:
                if condition.property in self._indexes and isinstance(condition.value, str):
                    return self._indexes[condition.property].find(condition.value)
        return self.store.readable()

    def policy_states(self, managed_device_id: str) -> tuple[PolicyState, ...]:
        """GET managedDevices/{id}/deviceCompliancePolicyStates. Raises 404."""
        device = self.get(managed_device_id)
        failing: dict[str, list[str]] = {"DefaultDeviceCompliancePolicy": []}
        for setting in device.failing:
            failing.setdefault(setting.partition(".")[0], []).append(setting)
        return tuple(
            PolicyState(id=f"{policy}_{device.id}", policy=policy, compliant=not settings, failing=tuple(settings))
            for policy, settings in failing.items()
        )

    def primary_users(self, managed_device_id: str) -> tuple[User, ...]:
        """GET managedDevices/{id}/users. Raises 404."""
        device = self.get(managed_device_id)
        user = self._users.store.read(self._primary_user.get(device.id, device.user_id))
        return () if user is None else (user,)

    def set_primary_user(self, managed_device_id: str, user_id: str) -> None:
        """POST managedDevices('{id}')/users/$ref: changes the primary user and nothing else. Raises 404."""
        device, user = self.require(managed_device_id), self._users.require(user_id)
        self._primary_user[device.id] = user.id

    def of_user(self, id_or_upn: str) -> tuple[ManagedDevice, ...]:
        """GET users/{id}/managedDevices. Raises 404."""
        user = self._users.get(id_or_upn)
        return tuple(device for device in self.store.readable() if device.user_id == user.id)

    def require(self, managed_device_id: str) -> ManagedDevice:
        """The enrolment as it truly is. Raises 404."""
        device = self.store.get(managed_device_id)
        if device is None:
            raise resource_not_found(managed_device_id, Service.INTUNE)
        return device

    def last_sync_at(self, device: ManagedDevice) -> datetime:
        """When the device checked in last: an online device does so by itself at every interval."""
        interval = self._world.delays.check_in
        if not device.online or interval <= timedelta():
            return device.checked_in_at
        return device.checked_in_at + (self._world.now() - device.checked_in_at) // interval * interval

    def check_in(self, managed_device_id: str, *, online: bool = True) -> None:
        """The device checks in now, or goes silent with what it last said."""
        device = self.store.get(managed_device_id)
        if device is not None:
            at = self._world.now() if online else self.last_sync_at(device)
            self.store.put(device.id, replace(device, online=online, checked_in_at=at))
