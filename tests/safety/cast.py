"""Who and what is in the tenant of a history, and what may happen there: all drawn from one seed."""

import contextlib
import functools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from local.tenant.model.approvals import ApprovalPolicy
from local.tenant.model.managed_devices import ManagedDevice
from local.tenant.model.tenant import TenantModel
from local.tenant.populate import tenant_of
from local.tenant.scenario import Scenario, parse
from local.tenant.scenario_timeline import TenantItem
from local.tenant.timeline import perform, read_item
from tests.safety.shape import Shape

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
STAGING, OWNER, OTHER = "staging@contoso.example", "DEF456@contoso.example", "GHI789@contoso.example"
THIRD = "JKL012@contoso.example"
SERIALS = ("5CG1234XYZ", "5CG5678ABC", "5CG9012DEF")
MAILBOX = "handover@contoso.example"
UNTOUCHED = "0a6f2f0e-52b7-4a0f-8f51-7b1f6a0d7c11"
"""The id of the group whose devices are never touched."""
TENANT_ID = "5c1d3c0e-8f57-4f0e-9d0b-6c1b8a4f0a01"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that the world does by itself, some time after the start."""

    at: timedelta
    what: str
    do: Callable[[TenantModel], bool]
    """False when it cannot happen any more."""

    @property
    def alarms(self) -> bool:
        """Handover has to freeze everything."""
        return self.what.startswith("another application")

    @property
    def excludes(self) -> bool:
        """DEF456's devices are never touched from now on."""
        return self.what.startswith("DEF456 joins the group")


def owner_of(serial: str, owners: int) -> str:
    """Whose a device is, when so many people own them."""
    return (OWNER, OTHER, THIRD)[min(SERIALS.index(serial), owners - 1)]


@functools.cache
def scenario(devices: int, seats: int, owners: int, others: int) -> Scenario:
    """The story's tenant with so many staged devices of so many owners, seats of Business Premium, and other devices."""
    return parse(
        {
            "title": "a history",
            "start": START.isoformat(),
            "tenant": {
                "id": TENANT_ID,
                "domain": "contoso.example",
                "other_devices": {"enrolled": others},
                "groups": [{"name": "Untouched", "id": UNTOUCHED}],
                "skus": [{"part": "SPB", "seats": seats}, {"part": "O365_BUSINESS_PREMIUM", "seats": 25}],
            },
            "users": [
                {"upn": STAGING, "name": "Staging", "licences": ["SPB"]},
                {"upn": OWNER, "name": "DEF456", "licences": ["O365_BUSINESS_PREMIUM"]},
                {"upn": OTHER, "name": "GHI789", "licences": ["O365_BUSINESS_PREMIUM"]},
                {"upn": THIRD, "name": "JKL012", "licences": ["O365_BUSINESS_PREMIUM"]},
                {"upn": MAILBOX, "name": "Handover", "licences": list[str]()},
            ],
            "devices": [
                {
                    "serial": serial,
                    "enrolled_by": STAGING,
                    "compliance": "noncompliant",
                    "failing": ["DefaultDeviceCompliancePolicy.RequireUserExistence"],
                    "logged_on": [owner_of(serial, owners)],
                }
                for serial in SERIALS[:devices]
            ],
        }
    )


def tenant(shape: Shape, seed: int) -> TenantModel:
    """A fresh tenant."""
    model = tenant_of(scenario(shape.devices, shape.seats, shape.owners, 400 if shape.ramped else 0), seed)
    if shape.second_admin is not None:
        model.approvals.policy = ApprovalPolicy(
            id="wipes", answer=shape.approval_answer, decision=shape.second_admin, after=timedelta(hours=1 + seed % 9)
        )
    return model


@functools.cache
def _item(**fields: str | int) -> TenantItem:
    item = read_item(fields)
    assert isinstance(item, TenantItem)
    return item


_ITEMS: Sequence[tuple[str, dict[str, str | int]]] = (
    ("{serial} is enrolled again by hand", {"do": "re_enrol", "user": OTHER}),
    ("{serial} is enrolled again by its owner", {"do": "re_enrol", "user": OWNER}),
    ("the record of {serial} is deleted", {"do": "delete_device"}),
    ("{serial} becomes compliant", {"do": "compliance", "to": "compliant"}),
    ("{serial} becomes non-compliant", {"do": "compliance", "to": "noncompliant"}),
    ("{serial} gets a grace period", {"do": "compliance", "to": "inGracePeriod"}),
    ("{serial} goes offline", {"do": "offline"}),
    ("{serial} goes online", {"do": "online"}),
    ("the mainboard of {serial} is replaced", {"do": "replace_device", "serial": "NEWBOARD01"}),
    ("somebody else signs in on {serial}", {"do": "sign_in", "user": OTHER}),
    ("an administrator assigns {serial} to GHI789", {"do": "assign_autopilot_user", "user": OTHER}),
    ("a person wipes {serial} in the portal", {"do": "wipe_by_others", "by": OTHER}),
    ("another application wipes {serial}", {"do": "wipe_by_others"}),
)
_USER_ITEMS: Sequence[tuple[str, dict[str, str | int]]] = (
    ("DEF456 is disabled", {"do": "disable_user", "user": OWNER}),
    ("DEF456 is enabled", {"do": "enable_user", "user": OWNER}),
    ("an administrator takes the licence from DEF456", {"do": "remove_licence", "user": OWNER, "sku": "SPB"}),
    ("an administrator gives GHI789 the licence", {"do": "assign_licence", "user": OTHER, "sku": "SPB"}),
    ("DEF456 joins the group that is never touched", {"do": "add_to_group", "user": OWNER, "group": "Untouched"}),
    ("Multi Admin Approval of wipes begins", {"do": "require_approval"}),
    ("Multi Admin Approval of wipes ends", {"do": "end_approval"}),
    ("a seat is bought", {"do": "add_seats", "sku": "SPB", "seats": 1}),
)


_RECORDS: Sequence[tuple[str, Callable[[TenantModel, ManagedDevice], ManagedDevice]]] = (
    (
        "{serial} enrols anew in the same record",
        lambda model, device: replace(device, enrolled_at=model.clock.now()),
    ),
    (
        "the record of {serial} goes to GHI789",
        lambda model, device: replace(device, user_id=_id_of(model, OTHER)),
    ),
    (
        "{serial} joins Entra ID anew",
        lambda model, device: replace(device, entra_device_id=model.world.ids.guid()),
    ),
    (
        "the record of {serial} gets another serial number",
        lambda _, device: replace(device, serial=f"{device.serial}2"),
    ),
)
"""What Intune does to a record by itself."""


def happenings(rng: random.Random, serials: Sequence[str], *, most: int) -> list[Happening]:
    """Up to ``most`` things that people and the tenant do in the first days."""
    return [happening(rng, serials) for _ in range(rng.randint(0, most))]


def happening(rng: random.Random, serials: Sequence[str]) -> Happening:
    """Something that people or the tenant do."""
    at = timedelta(seconds=rng.randint(0, 5 * 86_400))
    if rng.random() < 0.3:
        what, fields = rng.choice(_USER_ITEMS)
        return Happening(at=at, what=what, do=_doing(_item(**fields)))
    serial = rng.choice(serials)
    if rng.random() < 0.15:
        what, change = rng.choice(_RECORDS)
        return Happening(at=at, what=what.format(serial=serial), do=functools.partial(_edit, serial, change))
    what, fields = rng.choice(_ITEMS)
    return Happening(at=at, what=what.format(serial=serial), do=_doing(_item(device=serial, **fields)))


def exclusion() -> Happening:
    """DEF456's devices are never to be touched from now on."""
    what, fields = next(item for item in _USER_ITEMS if item[1]["do"] == "add_to_group")
    return Happening(at=timedelta(), what=what, do=_doing(_item(**fields)))


def _id_of(model: TenantModel, upn: str) -> str:
    user = model.users.find(upn)
    assert user is not None
    return user.id


def _edit(serial: str, change: Callable[[TenantModel, ManagedDevice], ManagedDevice], model: TenantModel) -> bool:
    device = next((one for one in model.managed_devices.store.values() if one.serial == serial), None)
    if device is not None:
        model.managed_devices.store.put(device.id, change(model, device))
    return device is not None


def _doing(item: TenantItem) -> Callable[[TenantModel], bool]:
    def do(model: TenantModel) -> bool:
        with contextlib.suppress(Exception):  # the tenant refuses what cannot be done any more
            perform(model, item)
            return True
        return False

    return do
