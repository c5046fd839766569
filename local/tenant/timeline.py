"""Makes timeline items happen in a tenant: at their time, after their anchor, or now."""

from collections.abc import Sequence
from dataclasses import replace

from pydantic import TypeAdapter, ValidationError

from local.tenant.model.approvals import ApprovalPolicy
from local.tenant.model.autopilot import AutopilotIdentity
from local.tenant.model.compliance import failing_settings
from local.tenant.model.enrolment_configurations import ConfigurationType
from local.tenant.model.fleet import OtherDevices
from local.tenant.model.licences import LicenceToAdd
from local.tenant.model.machines import Machine
from local.tenant.model.signal import Signal
from local.tenant.model.tenant import TenantModel
from local.tenant.scenario import ScenarioError, explain
from local.tenant.scenario_timeline import (
    AddSeats,
    AdminDecides,
    AssignAutopilotUser,
    ComplianceItem,
    DropSubscription,
    EditDevice,
    EditEnrolment,
    EditProfile,
    EditRegistration,
    ExpireDeltaTokens,
    GroupDeviceItem,
    GroupItem,
    LicenceItem,
    PlainDeviceItem,
    PlainUserItem,
    ReEnrol,
    RenameUser,
    ReplaceDevice,
    RunnerItem,
    SetApprovalPolicy,
    SetMdmAuthority,
    SetOtherDevices,
    SetUsageLocation,
    SignIn,
    TellLifecycle,
    TenantItem,
    TimelineItem,
    WipeInPortal,
)


def plan(model: TenantModel, items: Sequence[TimelineItem]) -> None:
    """Schedule the tenant's items of a timeline; the runner's are left alone. Raises KeyError for an unknown device."""
    for item in items:
        if isinstance(item, RunnerItem):
            continue
        if item.after is not None:
            _wait_for_anchor(model, item)
        else:
            at = model.clock.start + (item.at or item.delay)
            model.clock.schedule(at, lambda item=item: perform(model, item))


def read_item(data: object) -> TimelineItem:
    """One item from decoded JSON. Raises ScenarioError."""
    try:
        return _ADAPTER.validate_python(data)
    except ValidationError as invalid:
        raise ScenarioError(explain(invalid, "item")) from invalid


_ADAPTER: TypeAdapter[TimelineItem] = TypeAdapter(TimelineItem)


def perform(model: TenantModel, item: TenantItem) -> None:
    """Make it happen now. Raises KeyError for unknown names and GraphRefusal for what Graph would refuse."""
    match item:
        case ComplianceItem() | SignIn() | ReEnrol() | PlainDeviceItem() | ReplaceDevice() | AssignAutopilotUser():
            _to_device(model, item)
        case LicenceItem() | PlainUserItem() | RenameUser() | SetUsageLocation() | GroupItem():
            _to_user(model, item)
        case EditRegistration() | EditDevice() | GroupDeviceItem() | EditEnrolment() | SetApprovalPolicy():
            _to_readiness(model, item)
        case AddSeats():
            model.skus.buy(model.skus.by_part_number(item.sku).product.sku_id, item.seats)
        case SetMdmAuthority():
            model.organization.mdm_authority = item.to
        case SetOtherDevices() | WipeInPortal() | AdminDecides():
            _to_guardrails(model, item)
        case EditProfile():
            model.profiles.edit(item.profile, join=item.join, usage=item.usage, user_type=item.user_type)
        case ExpireDeltaTokens():
            for log in (model.users_log, model.groups_log, model.devices_log):
                log.expire_tokens()
        case DropSubscription() | TellLifecycle():
            _to_subscriptions(model, item)


def _to_subscriptions(model: TenantModel, item: DropSubscription | TellLifecycle) -> None:
    match item:
        case DropSubscription():
            model.subscriptions.drop(item.resource)
        case TellLifecycle():
            model.notifications.tell_lifecycle(item.event)
            if item.event == "subscriptionRemoved":
                model.subscriptions.drop()


def _wait_for_anchor(model: TenantModel, item: TenantItem) -> None:
    """Let the item happen its delay after the next time the anchor comes for its device; once."""
    device = getattr(item, "device", "")
    machine = model.machines.require(device)
    if isinstance(item, SignIn):
        model.machines.update(replace(machine, nobody_signs_in=True))
    anchor: Signal[str] = model.machines.wipe_accepted if item.after == "wipe" else model.machines.at_oobe
    waiting = [item]

    def came(name: str) -> None:
        if name == machine.name and waiting:
            waiting.clear()
            model.clock.after(item.delay, lambda: perform(model, item))

    anchor.connect(came)


def _to_guardrails(model: TenantModel, item: SetOtherDevices | WipeInPortal | AdminDecides) -> None:
    if isinstance(item, SetOtherDevices):
        model.fleet.others = OtherDevices(enrolled=item.enrolled, noncompliant=item.noncompliant)
    elif isinstance(item, AdminDecides):
        model.approvals.decide_all("approved" if item.do == "admin_approves" else "rejected")
    else:
        model.actions.wiped_by_others(model.machines.require(item.device).managed_device_id or "", item.by)


def _to_device(
    model: TenantModel,
    item: ComplianceItem | SignIn | ReEnrol | PlainDeviceItem | ReplaceDevice | AssignAutopilotUser,
) -> None:
    machine = model.machines.require(item.device)
    match item:
        case ComplianceItem():
            model.compliance.set(machine.managed_device_id or "", item.to, failing_settings(item.to, item.failing))
        case SignIn(user=None):
            model.machines.update(replace(machine, nobody_signs_in=True))
        case SignIn():
            model.enrolment.sign_in(machine.name, item.user or "", item.esp)
        case ReEnrol():
            model.enrolment.re_enrol(machine.name, item.user)
        case ReplaceDevice():
            _replace_mainboard(model, machine, item.serial)
        case AssignAutopilotUser():
            _assign_autopilot_user(model, machine, item.user)
        case PlainDeviceItem(do="delete_device"):
            model.actions.delete(machine.managed_device_id or "")
        case PlainDeviceItem(do="back_up_recovery_key"):
            _back_up_key(model, machine)
        case PlainDeviceItem(do="register_autopilot"):
            _register(model, machine)
        case PlainDeviceItem():
            model.machines.set_online(machine.name, item.do == "online")


def _to_readiness(
    model: TenantModel, item: EditRegistration | EditDevice | GroupDeviceItem | EditEnrolment | SetApprovalPolicy
) -> None:
    match item:
        case EditRegistration():
            _edit_registration(model, item)
        case EditDevice():
            _edit_device(model, item)
        case GroupDeviceItem():
            _add_device_to_group(model, item)
        case EditEnrolment():
            _edit_enrolment(model, item)
        case SetApprovalPolicy():
            model.approvals.policy = ApprovalPolicy(id="wipes") if item.do == "require_approval" else None


def _add_device_to_group(model: TenantModel, item: GroupDeviceItem) -> None:
    machine = model.machines.require(item.device)
    group, device = model.groups.find(item.group), model.entra_devices.find(machine.entra_device_id or "")
    if group is None or device is None:
        raise KeyError(f"no group is named {item.group!r}, or {machine.name} has no device object")
    model.groups.store.put(group.id, replace(group, member_ids=(*group.member_ids, device.id)))


def _edit_registration(model: TenantModel, item: EditRegistration) -> None:
    machine = model.machines.require(item.device)
    identity = model.autopilot.with_serial(machine.serial)
    if identity is None:
        raise KeyError(f"{machine.serial} is not registered with Autopilot")
    changed = replace(
        identity,
        profile_status=item.status or identity.profile_status,
        profile_detail=item.detail or identity.profile_detail,
        remediation_state=item.remediation or identity.remediation_state,
        userless_status=item.userless or identity.userless_status,
        enrollment_state=item.state or identity.enrollment_state,
    )
    model.autopilot.store.put(identity.id, changed)


def _edit_device(model: TenantModel, item: EditDevice) -> None:
    machine = model.machines.require(item.device)
    device = model.managed_devices.require(machine.managed_device_id or "")
    changed = replace(
        device,
        name=item.name or device.name,
        ownership=item.ownership or device.ownership,
        model=item.model or device.model,
        management_state=item.management_state or device.management_state,
    )
    model.managed_devices.store.put(device.id, changed)


def _edit_enrolment(model: TenantModel, item: EditEnrolment) -> None:
    if item.device_limit is not None:
        model.configurations.change(ConfigurationType.LIMIT, limit=item.device_limit)
    if item.windows_blocked is not None:
        model.configurations.change(ConfigurationType.PLATFORMS, windows_blocked=item.windows_blocked)
    if item.blocks_use is not None:
        for kind in (ConfigurationType.STATUS_PAGE, ConfigurationType.DEFAULT_STATUS_PAGE):
            model.configurations.change(kind, blocks_use=item.blocks_use)


def _back_up_key(model: TenantModel, machine: Machine) -> None:
    device = model.entra_devices.find(machine.entra_device_id or "")
    if device is not None:
        model.entra_devices.store.put(device.id, replace(device, recovery_keys=device.recovery_keys + 1))


def _to_user(model: TenantModel, item: LicenceItem | PlainUserItem | RenameUser | SetUsageLocation | GroupItem) -> None:
    match item:
        case LicenceItem():
            sku_id = model.skus.by_part_number(item.sku).product.sku_id
            add = [LicenceToAdd(sku_id=sku_id)] if item.do == "assign_licence" else []
            model.licences.assign(item.user, add=add, remove=[] if add else [sku_id])
        case PlainUserItem(do="delete_user"):
            model.users.delete(item.user)
        case PlainUserItem():
            model.users.update(item.user, enabled=item.do == "enable_user")
        case RenameUser():
            model.users.rename(item.user, item.to)
        case SetUsageLocation():
            model.users.update(item.user, usage_location=item.to)
        case GroupItem():
            group = model.groups.find(item.group)
            if group is None:
                raise KeyError(f"no group is named {item.group!r}")
            change = model.groups.add_member if item.do == "add_to_group" else model.groups.remove_member
            change(group.id, item.user)


def _replace_mainboard(model: TenantModel, machine: Machine, serial: str) -> None:
    identity = model.autopilot.with_serial(machine.serial)
    if identity is not None:
        model.autopilot.store.put(identity.id, replace(identity, remediation_state="manualRemediationRequired"))
    model.machines.update(replace(machine, serial=serial))
    device = model.managed_devices.store.get(machine.managed_device_id or "")
    if device is not None:
        model.managed_devices.store.put(device.id, replace(device, serial=serial))


def _assign_autopilot_user(model: TenantModel, machine: Machine, upn: str | None) -> None:
    identity = model.autopilot.with_serial(machine.serial)
    if identity is None:
        raise KeyError(f"{machine.serial} is not registered with Autopilot")
    if upn is None:
        model.autopilot.unassign_user(identity.id)
    else:
        user = model.users.require(upn)
        model.autopilot.assign_user(identity.id, upn=user.upn, addressable_name=user.display_name)


def _register(model: TenantModel, machine: Machine) -> None:
    profile = next(model.profiles.store.values(), None)
    identity = AutopilotIdentity(
        id=model.world.ids.guid(),
        serial=machine.serial,
        entra_device_id=machine.entra_device_id or model.world.ids.guid(),
        registered_at=model.clock.now(),
        manufacturer=machine.manufacturer,
        model=machine.model,
        managed_device_id=machine.managed_device_id,
        profile_id=None if profile is None else profile.id,
        profile_status="notAssigned" if profile is None else "assignedInSync",
    )
    model.autopilot.store.put(identity.id, identity)
