"""Builds a tenant from a scenario: products, groups, profiles, users and computers as they are at the start."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import NAMESPACE_DNS, uuid5

from local.tenant.catalogue import products
from local.tenant.model.approvals import ApprovalPolicy
from local.tenant.model.autopilot import AutopilotIdentity
from local.tenant.model.autopilot_profiles import AutopilotProfile
from local.tenant.model.compliance import GRACE
from local.tenant.model.enrolment_configurations import ConfigurationType, EnrolmentConfiguration
from local.tenant.model.entra_devices import EntraDevice
from local.tenant.model.groups import Group
from local.tenant.model.machines import Machine, Place
from local.tenant.model.managed_devices import LogOn, ManagedDevice
from local.tenant.model.products import SubscribedSku
from local.tenant.model.tenant import Blank, TenantModel
from local.tenant.model.users import AssignedLicence, User
from local.tenant.model.world import Delays
from local.tenant.scenario import (
    DeviceEntry,
    LicenceEntry,
    RegistrationEntry,
    Scenario,
    ScenarioError,
    StatusPageEntry,
    UserEntry,
)
from local.tenant.timeline import plan

_LONG_AGO = timedelta(days=400)


def tenant_of(scenario: Scenario, seed: int | None = None) -> TenantModel:
    """The tenant as it is at the start, with its timeline scheduled and its faults armed. Raises ScenarioError."""
    model = TenantModel(_blank(scenario, scenario.seed if seed is None else seed))
    if scenario.tenant.multi_admin_approval is not None:
        asked = scenario.tenant.multi_admin_approval
        model.approvals.policy = ApprovalPolicy(
            id=model.world.ids.guid(), answer=asked.answer, decision=asked.decision, after=asked.after
        )
    for log in (model.users_log, model.groups_log, model.devices_log):
        log.expired_status = scenario.tenant.delta_expired_status
    _Population(model, scenario).settle()
    for fault in scenario.faults:
        model.faults.add(fault.fault(model.clock.start))
    try:
        plan(model, scenario.timeline)
    except KeyError as unknown:
        raise ScenarioError(f"timeline: {unknown.args[0]}") from unknown
    return model


def _blank(scenario: Scenario, seed: int) -> Blank:
    tenant = scenario.tenant
    group_ids = {group.name: group.id or _derived_id(group.name) for group in tenant.groups}
    pages = [_status_page(page, i, scenario.start, group_ids) for i, page in enumerate(tenant.esp)]
    return Blank(
        tenant_id=tenant.id,
        domain=tenant.domain,
        start=scenario.start,
        seed=seed,
        mdm_authority=tenant.mdm_authority,
        delays=Delays(**dict(tenant.delays)),
        skus=_bought(scenario),
        configurations=[*_default_configurations(scenario), *pages],
        identities={client: frozenset(roles) for client, roles in tenant.identities.items()},
    )


def _bought(scenario: Scenario) -> list[SubscribedSku]:
    bought: list[SubscribedSku] = []
    for i, sku in enumerate(scenario.tenant.skus):
        if sku.part not in products():
            known = ", ".join(products())
            raise ScenarioError(f"tenant.skus.{i}.part: {sku.part!r} is not one of {known}")
        holders = sum(sku.part in {_part(held) for held in user.licences} for user in scenario.users)
        consumed = holders if sku.used is None else sku.used
        if consumed < holders:
            raise ScenarioError(f"tenant.skus.{i}.used: {holders} users of the scenario hold {sku.part}")
        bought.append(
            SubscribedSku(
                product=products()[sku.part],
                seats=sku.seats,
                consumed=consumed,
                capability_status=sku.status,
            )
        )
    return bought


def _default_configurations(scenario: Scenario) -> list[EnrolmentConfiguration]:
    prefix, created = scenario.tenant.id, scenario.start - _LONG_AGO
    return [
        EnrolmentConfiguration(
            id=f"{prefix}_DefaultWindows10EnrollmentCompletionPageConfiguration",
            type=ConfigurationType.DEFAULT_STATUS_PAGE,
            name="All users and all devices",
            created_at=created,
            blocks_use=False,
        ),
        EnrolmentConfiguration(
            id=f"{prefix}_DefaultLimit",
            type=ConfigurationType.LIMIT,
            name="All Users",
            created_at=created,
            limit=scenario.tenant.device_limit,
        ),
        EnrolmentConfiguration(
            id=f"{prefix}_DefaultPlatformRestrictions",
            type=ConfigurationType.PLATFORMS,
            name="All Users",
            created_at=created,
        ),
    ]


def _status_page(
    page: StatusPageEntry, number: int, start: datetime, group_ids: dict[str, str]
) -> EnrolmentConfiguration:
    everybody = "all" in page.assigned_to
    return EnrolmentConfiguration(
        id=f"{_derived_id(f'{number} {page.name}')}_Windows10EnrollmentCompletionPageConfiguration",
        type=ConfigurationType.STATUS_PAGE,
        name=page.name,
        created_at=start - _LONG_AGO,
        priority=page.priority,
        group_ids=None if everybody else tuple(group_ids[name] for name in page.assigned_to),
        blocks_use=page.blocks_use,
    )


class _Population:
    """Puts people and things into a blank tenant. Nobody is notified of what was always there."""

    def __init__(self, model: TenantModel, scenario: Scenario) -> None:
        self._model = model
        self._scenario = scenario
        self._ids = model.world.ids
        self._start = scenario.start

    def settle(self) -> None:
        """Put everything in."""
        for user in self._scenario.users:
            self._model.users.seed(self._user(user))
        self._put_groups()
        self._put_profiles()
        for device in self._scenario.devices:
            self._put_device(device)

    def _user(self, entry: UserEntry) -> User:
        return User(
            id=entry.id or self._ids.guid(),
            upn=entry.upn,
            display_name=entry.name or entry.upn.partition("@")[0],
            created_at=self._start - _LONG_AGO,
            enabled=entry.enabled,
            user_type="Guest" if entry.guest else "Member",
            usage_location=entry.usage_location,
            licences=tuple(self._licence(held) for held in entry.licences),
        )

    def _licence(self, held: str | LicenceEntry) -> AssignedLicence:
        product = products()[_part(held)]
        without = () if isinstance(held, str) else held.without
        return AssignedLicence(
            sku_id=product.sku_id,
            assigned_at=self._start - _LONG_AGO,
            disabled_plan_ids=frozenset(plan.id for plan in product.plans if plan.name in without),
            provisioned=True,
        )

    def _put_groups(self) -> None:
        for entry in self._scenario.tenant.groups:
            members = (self._model.users.require(upn).id for upn in entry.members)
            group = Group(
                id=entry.id or _derived_id(entry.name),
                name=entry.name,
                created_at=self._start - _LONG_AGO,
                member_ids=tuple(members),
                sku_ids=tuple(products()[part].sku_id for part in entry.licences),
            )
            self._model.groups.seed(group)

    def _put_profiles(self) -> None:
        for entry in self._scenario.tenant.autopilot_profiles:
            groups = [self._model.groups.find(name) for name in entry.assigned_to if name != "all"]
            profile = AutopilotProfile(
                id=self._ids.guid(),
                name=entry.name,
                created_at=self._start - _LONG_AGO,
                join=entry.join,
                usage=entry.usage,
                user_type=entry.user_type,
                group_ids=None if "all" in entry.assigned_to else tuple(g.id for g in groups if g is not None),
            )
            self._model.profiles.store.seed(profile.id, profile)

    def _put_device(self, entry: DeviceEntry) -> None:
        machine = Machine(
            name=entry.unique_name,
            serial=entry.serial,
            operating_system=entry.os,
            manufacturer=entry.manufacturer,
            model=entry.model,
            ownership=entry.ownership,
            management_agent=entry.management_agent,
            online=entry.online,
            entra_device_id=self._ids.guid(),
            logged_on=entry.logged_on,
            defects=entry.defects,
            mended_by=entry.mended_by,
            mended_after=entry.mended_after,
            wipe_ends=entry.wipe_ends,
            esp=entry.esp,
            keeps_entra_device_id=entry.keeps_entra_device_id,
        )
        registration = self._registration(entry)
        device = None if entry.enrolled_by is None else self._enrolment(entry, machine, registration)
        if device is not None:
            machine = replace(machine, managed_device_id=device.id, place=Place.ENROLLED)
            self._model.managed_devices.store.seed(device.id, device)
        self._model.machines.store.seed(machine.name, machine)
        self._put_entra_device(entry, machine, device)
        if registration is not None:
            self._put_registration(machine, registration)
        if device is not None and device.compliance != "compliant":
            self._model.compliance.mend_by_time(machine)
        if device is not None and device.compliance == "inGracePeriod":
            self._model.compliance.end_grace_later(device.id)

    def _enrolment(self, entry: DeviceEntry, machine: Machine, registration: RegistrationEntry | None) -> ManagedDevice:
        user = self._model.users.require(entry.enrolled_by or "")
        at = entry.enrolled_at
        profile = self._profile(registration)
        people = [self._model.users.require(upn).id for upn in entry.logged_on]
        return ManagedDevice(
            id=self._ids.guid(),
            machine=machine.name,
            serial=entry.serial,
            entra_device_id=machine.entra_device_id or "",
            name=machine.name,
            enrolled_at=at if isinstance(at, datetime) else self._start + at,
            checked_in_at=self._start + entry.last_sync,
            online=entry.online,
            user_id=user.id,
            upn=user.upn,
            user_display_name=user.display_name,
            enrolled_by=user.upn,
            compliance=entry.compliance,
            failing=entry.failing,
            grace_expires_at=self._start + GRACE if entry.compliance == "inGracePeriod" else None,
            management_agent=entry.management_agent,
            ownership=entry.ownership,
            operating_system=entry.os,
            os_version=machine.os_version,
            manufacturer=entry.manufacturer,
            model=entry.model,
            profile_name="" if profile is None else profile.name,
            join_type="azureADJoined" if entry.ownership == "company" else "azureADRegistered",
            autopilot_enrolled=profile is not None,
            logged_on=tuple(
                LogOn(user_id=person, at=self._start - timedelta(hours=1 + 24 * i)) for i, person in enumerate(people)
            ),
        )

    def _put_entra_device(self, entry: DeviceEntry, machine: Machine, device: ManagedDevice | None) -> None:
        state = None if device is None else device.compliance in {"compliant", "inGracePeriod"}
        self._model.entra_devices.seed(
            EntraDevice(
                id=self._ids.guid(),
                device_id=machine.entra_device_id or "",
                name=machine.name,
                machine=machine.name,
                operating_system=entry.os,
                os_version=machine.os_version,
                registered_at=self._start - _LONG_AGO,
                is_compliant=state,
                is_managed=device is not None,
                ownership="Company" if entry.ownership == "company" else "Personal",
                trust_type="AzureAd" if entry.ownership == "company" else "Workplace",
                owner_ids=() if device is None else (device.user_id,),
            )
        )

    def _registration(self, entry: DeviceEntry) -> RegistrationEntry | None:
        if entry.autopilot == "default":
            fits = entry.os == "Windows" and entry.ownership == "company"
            return RegistrationEntry() if fits else None
        return entry.autopilot

    def _profile(self, registration: RegistrationEntry | None) -> AutopilotProfile | None:
        if registration is None or registration.profile == "-":
            return None
        if registration.profile is not None:
            return self._model.profiles.named(registration.profile)
        return next(self._model.profiles.store.values(), None)

    def _put_registration(self, machine: Machine, registration: RegistrationEntry) -> None:
        profile = self._profile(registration)
        user = None if registration.user is None else self._model.users.find(registration.user)
        identity = AutopilotIdentity(
            id=self._ids.guid(),
            serial=machine.serial,
            entra_device_id=machine.entra_device_id or "",
            registered_at=self._start - _LONG_AGO,
            manufacturer=machine.manufacturer,
            model=machine.model,
            group_tag=registration.group_tag,
            upn="" if user is None else user.upn,
            addressable_name="" if user is None else user.display_name,
            managed_device_id=machine.managed_device_id,
            enrollment_state="notContacted" if machine.managed_device_id is None else "enrolled",
            profile_id=None if profile is None else profile.id,
            profile_status="notAssigned" if profile is None else registration.status,
            remediation_state=registration.remediation,
        )
        self._model.autopilot.store.seed(identity.id, identity)


def _part(held: str | LicenceEntry) -> str:
    return held if isinstance(held, str) else held.part


def _derived_id(name: str) -> str:
    """A GUID that depends on nothing but the name, so that groups and pages can be written down beforehand."""
    return str(uuid5(NAMESPACE_DNS, name))
