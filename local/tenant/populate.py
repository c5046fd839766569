"""Builds a tenant from a scenario: products, groups, profiles, users and computers as they are at the start."""

from dataclasses import replace

from local.tenant.catalogue import products
from local.tenant.model.approvals import ApprovalPolicy
from local.tenant.model.autopilot_profiles import AutopilotProfile
from local.tenant.model.fleet import OtherDevices
from local.tenant.model.groups import Group
from local.tenant.model.tenant import TenantModel
from local.tenant.model.users import AssignedLicence, User
from local.tenant.populate_blank import LONG_AGO, blank, derived_id
from local.tenant.populate_devices import Computers
from local.tenant.scenario import LicenceEntry, Scenario, ScenarioError, UserEntry
from local.tenant.scenario_tenant import GroupEntry, ProfileEntry
from local.tenant.timeline import plan


def tenant_of(scenario: Scenario, seed: int | None = None) -> TenantModel:
    """The tenant as it is at the start, with its timeline scheduled and its faults armed. Raises ScenarioError."""
    model = TenantModel(blank(scenario, scenario.seed if seed is None else seed))
    if scenario.tenant.multi_admin_approval is not None:
        asked = scenario.tenant.multi_admin_approval
        model.approvals.policy = ApprovalPolicy(
            id=model.world.ids.guid(),
            answer=asked.answer,
            decision=asked.decision,
            after=asked.after,
            names_code=asked.names_code,
        )
    for log in (model.users_log, model.groups_log, model.devices_log):
        log.expired_status = scenario.tenant.delta_expired_status
    others = scenario.tenant.other_devices
    model.fleet.others = OtherDevices(enrolled=others.enrolled, noncompliant=others.noncompliant)
    for user in scenario.users:
        model.users.seed(_user(model, user))
    for group in scenario.tenant.groups:
        model.groups.seed(_group(model, group))
    for profile in scenario.tenant.autopilot_profiles:
        _put_profile(model, profile)
    computers = Computers(model)
    for device in scenario.devices:
        computers.put(device)
    for group in scenario.tenant.groups:
        _put_members(model, group)
    for fault in scenario.faults:
        model.faults.add(fault.fault(model.clock.start))
    try:
        plan(model, scenario.timeline)
    except KeyError as unknown:
        raise ScenarioError(f"timeline: {unknown.args[0]}") from unknown
    return model


def _user(model: TenantModel, entry: UserEntry) -> User:
    return User(
        id=entry.id or model.world.ids.guid(),
        upn=entry.upn,
        display_name=entry.name or entry.upn.partition("@")[0],
        created_at=model.clock.start - LONG_AGO,
        enabled=entry.enabled,
        user_type="Guest" if entry.guest else "Member",
        usage_location=entry.usage_location,
        office=entry.office or "",
        licences=tuple(_licence(model, held) for held in entry.licences),
    )


def _licence(model: TenantModel, held: str | LicenceEntry) -> AssignedLicence:
    part, without = (held, ()) if isinstance(held, str) else (held.part, held.without)
    product = products()[part]
    return AssignedLicence(
        sku_id=product.sku_id,
        assigned_at=model.clock.start - LONG_AGO,
        disabled_plan_ids=frozenset(plan.id for plan in product.plans if plan.name in without),
        provisioned=True,
    )


def _group(model: TenantModel, entry: GroupEntry) -> Group:
    return Group(
        id=entry.id or derived_id(entry.name),
        name=entry.name,
        created_at=model.clock.start - LONG_AGO,
        member_ids=tuple(model.users.require(upn).id for upn in entry.members),
        sku_ids=tuple(products()[part].sku_id for part in entry.licences),
    )


def _put_members(model: TenantModel, entry: GroupEntry) -> None:
    """Devices and groups in a group, which exist only after the group itself."""
    group = model.groups.find(entry.id or entry.name)
    assert group is not None
    machines = (model.machines.require(name) for name in entry.devices)
    devices = [model.entra_devices.find(machine.entra_device_id or "") for machine in machines]
    inside = [model.groups.find(name) for name in entry.groups]
    more = tuple(each.id for each in (*devices, *inside) if each is not None)
    if more:
        model.groups.seed(replace(group, member_ids=(*group.member_ids, *more)))


def _put_profile(model: TenantModel, entry: ProfileEntry) -> None:
    groups = [model.groups.find(name) for name in entry.assigned_to if name != "all"]
    profile = AutopilotProfile(
        id=model.world.ids.guid(),
        name=entry.name,
        created_at=model.clock.start - LONG_AGO,
        join=entry.join,
        usage=entry.usage,
        user_type=entry.user_type,
        group_ids=None if "all" in entry.assigned_to else tuple(group.id for group in groups if group is not None),
    )
    model.profiles.store.seed(profile.id, profile)
