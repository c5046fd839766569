"""Timeline items as a scenario file (or POST /_sim/do) writes them: what happens, and when or after what."""

from datetime import timedelta
from typing import Annotated, Any, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Discriminator, Tag, model_validator

from local.tenant.model.machines import Esp
from local.tenant.model.managed_devices import ComplianceState
from local.tenant.scenario_tenant import Entry

Anchor = Literal["wipe", "wiped"]
"""wipe: a wipe of the device was accepted. wiped: the device is at OOBE."""


class Item(Entry):
    """Something that happens at an offset from the start, or a delay after an anchor of its device."""

    at: timedelta | None = None
    after: Anchor | None = None
    delay: timedelta = timedelta()

    @model_validator(mode="after")
    def _has_one_anchor(self) -> Self:
        if self.at is not None and self.after is not None:
            raise ValueError("'at' and 'after' exclude each other")
        if self.after is not None and not hasattr(self, "device"):
            raise ValueError("'after' needs an item about a device")
        return self


class DeviceItem(Item):
    """Something that happens to a computer, named by serial number or name."""

    device: str


class UserItem(Item):
    """Something that happens to a user."""

    user: str


class ComplianceItem(DeviceItem):
    """Intune changes its mind about a device."""

    do: Literal["compliance"]
    to: ComplianceState
    failing: tuple[str, ...] | None = None


class SignIn(DeviceItem):
    """Somebody (or, with null, nobody) signs in: at OOBE the computer enrols, in use they log on."""

    do: Literal["sign_in"]
    user: str | None
    esp: Esp | None = None


class ReEnrol(DeviceItem):
    """Somebody enrols the computer again by hand."""

    do: Literal["re_enrol"]
    user: str


class PlainDeviceItem(DeviceItem):
    """The record is deleted, the computer is connected, disconnected, registered with Autopilot, backs up its key."""

    do: Literal["delete_device", "online", "offline", "register_autopilot", "back_up_recovery_key"]


class EditRegistration(DeviceItem):
    """What Autopilot says of the registration changes; what is left out stays."""

    do: Literal["edit_registration"]
    status: str | None = None
    detail: str | None = None
    remediation: str | None = None
    userless: str | None = None
    state: str | None = None


class EditDevice(DeviceItem):
    """What Intune says of the enrolment changes; what is left out stays. The computer itself is still the same."""

    do: Literal["edit_device"]
    name: str | None = None
    ownership: Literal["company", "personal", "unknown"] | None = None
    model: str | None = None
    management_state: str | None = None


class GroupDeviceItem(DeviceItem):
    """A computer joins a group."""

    do: Literal["add_device_to_group"]
    group: str


class ReplaceDevice(DeviceItem):
    """The mainboard is replaced: the enrolment shows another serial number, Autopilot asks for attention."""

    do: Literal["replace_device"]
    serial: str


class AssignAutopilotUser(DeviceItem):
    """An administrator assigns the registration to a user (null: to nobody)."""

    do: Literal["assign_autopilot_user"]
    user: str | None


class LicenceItem(UserItem):
    """An administrator assigns or removes a licence."""

    do: Literal["assign_licence", "remove_licence"]
    sku: str


class AddSeats(Item):
    """Seats are bought."""

    do: Literal["add_seats"]
    sku: str
    seats: int


class PlainUserItem(UserItem):
    """A user is disabled, enabled or deleted."""

    do: Literal["disable_user", "enable_user", "delete_user"]


class RenameUser(UserItem):
    """A user gets another UPN."""

    do: Literal["rename_user"]
    to: str


class SetUsageLocation(UserItem):
    """A user gets a usage location."""

    do: Literal["set_usage_location"]
    to: str


class GroupItem(UserItem):
    """A user joins or leaves a group."""

    do: Literal["add_to_group", "remove_from_group"]
    group: str


class SetMdmAuthority(Item):
    """The MDM authority changes."""

    do: Literal["set_mdm_authority"]
    to: Literal["unknown", "intune", "sccm", "office365"]


class SetOtherDevices(Item):
    """Intune counts other numbers of devices that are no more than that."""

    do: Literal["set_other_devices"]
    enrolled: int
    noncompliant: int


class WipeInPortal(DeviceItem):
    """Somebody else wipes the device: a person in the portal (``by``), or an application (null)."""

    do: Literal["wipe_by_others"]
    by: str | None = None


class EditEnrolment(Item):
    """The enrolment restrictions, or all Enrollment Status Pages, change; what is left out stays."""

    do: Literal["edit_enrolment"]
    device_limit: int | None = None
    windows_blocked: bool | None = None
    blocks_use: bool | None = None


class SetApprovalPolicy(Item):
    """Multi Admin Approval of wipes begins or ends."""

    do: Literal["require_approval", "end_approval"]


class EditProfile(Item):
    """An Autopilot profile changes."""

    do: Literal["edit_profile"]
    profile: str
    join: Literal["entra", "hybrid"] | None = None
    usage: Literal["singleUser", "shared"] | None = None
    user_type: Literal["standard", "administrator"] | None = None


class ExpireDeltaTokens(Item):
    """Every delta token becomes worthless."""

    do: Literal["expire_delta_tokens"]


class DropSubscription(Item):
    """Subscriptions disappear without a word: those to a resource, or all."""

    do: Literal["drop_subscription"]
    resource: str | None = None


class TellLifecycle(Item):
    """Graph sends a lifecycle notification to every subscription; a removed one is gone."""

    do: Literal["lifecycle"]
    event: Literal["reauthorizationRequired", "subscriptionRemoved", "missed"]


class AdminDecides(Item):
    """The second administrator decides on every open request of Multi Admin Approval."""

    do: Literal["admin_approves", "admin_rejects"]


class RunnerItem(BaseModel):
    """An item that is not the tenant's: whoever runs the scenario knows what it means."""

    model_config = ConfigDict(extra="allow", frozen=True)

    do: str


_TENANT_ITEMS: dict[str, str] = {
    "compliance": "ComplianceItem",
    "sign_in": "SignIn",
    "re_enrol": "ReEnrol",
    "delete_device": "PlainDeviceItem",
    "online": "PlainDeviceItem",
    "offline": "PlainDeviceItem",
    "register_autopilot": "PlainDeviceItem",
    "back_up_recovery_key": "PlainDeviceItem",
    "edit_registration": "EditRegistration",
    "edit_device": "EditDevice",
    "add_device_to_group": "GroupDeviceItem",
    "edit_enrolment": "EditEnrolment",
    "require_approval": "SetApprovalPolicy",
    "end_approval": "SetApprovalPolicy",
    "replace_device": "ReplaceDevice",
    "assign_autopilot_user": "AssignAutopilotUser",
    "assign_licence": "LicenceItem",
    "remove_licence": "LicenceItem",
    "add_seats": "AddSeats",
    "disable_user": "PlainUserItem",
    "enable_user": "PlainUserItem",
    "delete_user": "PlainUserItem",
    "rename_user": "RenameUser",
    "set_usage_location": "SetUsageLocation",
    "add_to_group": "GroupItem",
    "remove_from_group": "GroupItem",
    "set_mdm_authority": "SetMdmAuthority",
    "set_other_devices": "SetOtherDevices",
    "wipe_by_others": "WipeInPortal",
    "edit_profile": "EditProfile",
    "expire_delta_tokens": "ExpireDeltaTokens",
    "drop_subscription": "DropSubscription",
    "lifecycle": "TellLifecycle",
    "admin_approves": "AdminDecides",
    "admin_rejects": "AdminDecides",
}


def _kind(value: Any) -> str:
    do: object = cast("dict[str, object]", value).get("do") if isinstance(value, dict) else getattr(value, "do", None)
    return _TENANT_ITEMS.get(str(do), "RunnerItem")


TenantItem = (
    ComplianceItem
    | SignIn
    | ReEnrol
    | PlainDeviceItem
    | ReplaceDevice
    | EditRegistration
    | EditDevice
    | GroupDeviceItem
    | EditEnrolment
    | SetApprovalPolicy
    | AssignAutopilotUser
    | LicenceItem
    | AddSeats
    | PlainUserItem
    | RenameUser
    | SetUsageLocation
    | GroupItem
    | SetMdmAuthority
    | SetOtherDevices
    | WipeInPortal
    | EditProfile
    | ExpireDeltaTokens
    | DropSubscription
    | TellLifecycle
    | AdminDecides
)
"""Everything that the tenant itself can do."""

TimelineItem = Annotated[
    Annotated[ComplianceItem, Tag("ComplianceItem")]
    | Annotated[SignIn, Tag("SignIn")]
    | Annotated[ReEnrol, Tag("ReEnrol")]
    | Annotated[PlainDeviceItem, Tag("PlainDeviceItem")]
    | Annotated[ReplaceDevice, Tag("ReplaceDevice")]
    | Annotated[EditRegistration, Tag("EditRegistration")]
    | Annotated[EditDevice, Tag("EditDevice")]
    | Annotated[GroupDeviceItem, Tag("GroupDeviceItem")]
    | Annotated[EditEnrolment, Tag("EditEnrolment")]
    | Annotated[SetApprovalPolicy, Tag("SetApprovalPolicy")]
    | Annotated[AssignAutopilotUser, Tag("AssignAutopilotUser")]
    | Annotated[LicenceItem, Tag("LicenceItem")]
    | Annotated[AddSeats, Tag("AddSeats")]
    | Annotated[PlainUserItem, Tag("PlainUserItem")]
    | Annotated[RenameUser, Tag("RenameUser")]
    | Annotated[SetUsageLocation, Tag("SetUsageLocation")]
    | Annotated[GroupItem, Tag("GroupItem")]
    | Annotated[SetMdmAuthority, Tag("SetMdmAuthority")]
    | Annotated[SetOtherDevices, Tag("SetOtherDevices")]
    | Annotated[WipeInPortal, Tag("WipeInPortal")]
    | Annotated[EditProfile, Tag("EditProfile")]
    | Annotated[ExpireDeltaTokens, Tag("ExpireDeltaTokens")]
    | Annotated[DropSubscription, Tag("DropSubscription")]
    | Annotated[TellLifecycle, Tag("TellLifecycle")]
    | Annotated[AdminDecides, Tag("AdminDecides")]
    | Annotated[RunnerItem, Tag("RunnerItem")],
    Discriminator(_kind),
]
"""An item of the timeline; the word in ``do`` decides which."""
