"""The whole tenant: every area put together, in the order in which they need each other."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from local.tenant.model.approvals import Approvals
from local.tenant.model.autopilot import Autopilot
from local.tenant.model.autopilot_assignment import AutopilotAssignment
from local.tenant.model.autopilot_profiles import AutopilotProfiles
from local.tenant.model.autopilot_settings import AutopilotSettings
from local.tenant.model.change_log import ChangeLog
from local.tenant.model.clock import SimClock
from local.tenant.model.compliance import Compliance
from local.tenant.model.counts import Counts
from local.tenant.model.device_actions import DeviceActions
from local.tenant.model.enrolment import Enrolment, Intune
from local.tenant.model.enrolment_configurations import EnrolmentConfiguration, EnrolmentConfigurations
from local.tenant.model.entra_devices import EntraDevice, EntraDevices
from local.tenant.model.faults import Faults
from local.tenant.model.fleet import Fleet
from local.tenant.model.gate import Caller, Gate
from local.tenant.model.groups import Group, Groups
from local.tenant.model.hardware_imports import HardwareImports
from local.tenant.model.licences import Licences
from local.tenant.model.machines import Machines
from local.tenant.model.mail import Mail
from local.tenant.model.managed_devices import ManagedDevices
from local.tenant.model.mobility import MobilityPolicy
from local.tenant.model.naming import Names
from local.tenant.model.notifications import Notifications
from local.tenant.model.organization import Organization
from local.tenant.model.products import SubscribedSku, SubscribedSkus
from local.tenant.model.subscriptions import Subscriptions
from local.tenant.model.troubleshooting import Troubleshooting
from local.tenant.model.users import User, Users
from local.tenant.model.world import Delays, World

_USER_NAMES = {
    "id": ("id",),
    "upn": ("userPrincipalName", "mail"),
    "display_name": ("displayName",),
    "enabled": ("accountEnabled",),
    "user_type": ("userType",),
    "usage_location": ("usageLocation",),
    "licences": ("assignedLicenses", "assignedPlans", "licenseAssignmentStates"),
    "removed_plans": ("assignedPlans",),
    "office": ("officeLocation",),
}
_GROUP_NAMES = {"id": ("id",), "name": ("displayName",), "member_ids": ("members",), "sku_ids": ("assignedLicenses",)}
_DEVICE_NAMES = {
    "id": ("id",),
    "device_id": ("deviceId",),
    "name": ("displayName",),
    "enabled": ("accountEnabled",),
    "is_compliant": ("isCompliant",),
    "is_managed": ("isManaged",),
    "operating_system": ("operatingSystem",),
    "os_version": ("operatingSystemVersion",),
    "ownership": ("deviceOwnership",),
    "trust_type": ("trustType",),
    "physical_ids": ("physicalIds",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Blank:
    """What a tenant is made of before anybody and anything is put in."""

    tenant_id: str
    domain: str
    start: datetime
    seed: int = 1
    mdm_authority: str = "intune"
    delays: Delays = field(default_factory=Delays)
    skus: Sequence[SubscribedSku] = ()
    configurations: Sequence[EnrolmentConfiguration] = ()
    identities: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """Application id -> roles; empty means one identity with every role."""


class TenantModel:
    """A Microsoft tenant in memory. Its areas are its attributes; requests go through ``gate``."""

    def __init__(self, blank: Blank) -> None:
        self.clock = SimClock(blank.start)
        self.world = world = World(
            tenant_id=blank.tenant_id,
            domain=blank.domain,
            clock=self.clock,
            rng=random.Random(blank.seed),
            delays=blank.delays,
        )
        default = Caller()
        self.identities = blank.identities or {default.application_id: default.roles}
        self.counts = Counts()
        self.faults = Faults(world)
        self.organization = Organization(world, name="Contoso", mdm_authority=blank.mdm_authority)
        self.skus = SubscribedSkus(list(blank.skus))
        self.configurations = EnrolmentConfigurations(blank.configurations)
        self.mobility = MobilityPolicy()
        self._build_directory(world)
        self._build_intune(world)
        self._build_front(world)

    def _build_directory(self, world: World) -> None:
        self.users = Users(world)
        self.licences = Licences(world, self.users, self.skus)
        self.groups = Groups(world, self.users, self.licences)
        self.entra_devices = EntraDevices(world, self.users)
        self.mail = Mail(world=world, users=self.users)
        self.users_log = ChangeLog[User](world, self.users.store, _USER_NAMES)
        self.groups_log = ChangeLog[Group](world, self.groups.store, _GROUP_NAMES)
        self.devices_log = ChangeLog[EntraDevice](world, self.entra_devices.store, _DEVICE_NAMES)

    def _build_intune(self, world: World) -> None:
        self.machines = Machines(world)
        self.managed_devices = ManagedDevices(world, self.users)
        self.fleet = Fleet(self.managed_devices)
        self.profiles = AutopilotProfiles(world)
        self.autopilot = Autopilot(world, self.users, self.licences, self.profiles)
        self.autopilot_settings = AutopilotSettings(world)
        self.hardware_imports = HardwareImports(world, self.autopilot, self.entra_devices)
        self.assignment = AutopilotAssignment(world, self.groups, self.profiles, self.autopilot, self.entra_devices)
        self.autopilot_settings.completed.connect(self.hardware_imports.show_in_intune)
        self.hardware_imports.registered.connect(self.assignment.look_again_later)
        self.troubleshooting = Troubleshooting(world)
        self.approvals = Approvals(world)
        self.compliance = Compliance(
            world, self.users, self.licences, self.entra_devices, self.machines, self.managed_devices
        )
        self.actions = DeviceActions(
            world,
            self.machines,
            self.managed_devices,
            self.entra_devices,
            self.compliance,
            self.approvals,
            self.troubleshooting,
        )
        self.actions.wiped.connect(self.counts.wipe_accepted)
        self.enrolment = Enrolment(
            world,
            Intune(
                users=self.users,
                licences=self.licences,
                entra_devices=self.entra_devices,
                machines=self.machines,
                devices=self.managed_devices,
                compliance=self.compliance,
                autopilot=self.autopilot,
                profiles=self.profiles,
                configurations=self.configurations,
                troubleshooting=self.troubleshooting,
            ),
        )

    def _build_front(self, world: World) -> None:
        self.subscriptions = Subscriptions(world)
        self.notifications = Notifications(world, self.subscriptions, self.faults, self.counts)
        self.notifications.watch(self.users, self.groups)
        self.names = Names(self.users, self.machines, self.managed_devices, self.entra_devices, self.autopilot)
        self.gate = Gate(world, self.names, self.faults, self.counts)

    def next_at(self) -> datetime | None:
        """When something is due next: an action of the tenant, or a notification."""
        due = [at for at in (self.clock.next_at(), self.notifications.next_at()) if at is not None]
        return min(due, default=None)
