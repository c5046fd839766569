"""What a scenario expects at its end, compared with what the app says and, above all, with what the tenant counted itself."""

from collections.abc import Iterator
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.reasons import Reason

Json = dict[str, Any]

_LISTENING = ("subscriptions.create", "subscriptions.update", "subscriptions.delete")


class ExpectedCase(BaseModel):
    """How the case of one device ends."""

    model_config = ConfigDict(extra="forbid")

    device: str
    state: str
    reason: Reason | None = None
    owner: str | None = None
    wipe_attempts: int | None = None
    deferrals: int | None = None
    heard_from: str | None = None
    says: str | None = None
    """A part of what the case says."""
    not_ok: list[str] | None = None
    """Names of the readiness checks that are not ok, in their order."""


class ExpectedTenant(BaseModel):
    """What is true in the tenant at the end. Devices are named by serial number, users by UPN."""

    model_config = ConfigDict(extra="forbid")

    wipes: int = 0
    enrolled_by: dict[str, str | None] = Field(default_factory=dict)
    compliance: dict[str, str] = Field(default_factory=dict)
    autopilot_user: dict[str, str | None] = Field(default_factory=dict)
    licences: dict[str, list[str]] = Field(default_factory=dict)
    seats_taken: dict[str, int] = Field(default_factory=dict)
    """By skuPartNumber."""
    requests_for_device_at_most: dict[str, int] = Field(default_factory=dict)
    writes: int | None = None
    mails: dict[str, int] = Field(default_factory=dict)
    """By recipient: how many mails the tenant took for them."""
    operations_at_most: dict[str, int] = Field(default_factory=dict)
    subscriptions: int | None = None


class Expected(BaseModel):
    """The whole expected end."""

    model_config = ConfigDict(extra="forbid")

    cases: list[ExpectedCase] = Field(default_factory=list[ExpectedCase])
    passes: list[Reason] = Field(default_factory=list[Reason])
    """Reasons that stand in the journals on the way to that end, each at least once."""
    no_case_for: list[str] = Field(default_factory=list)
    number_of_cases: int | None = None
    tenant: ExpectedTenant = Field(default_factory=ExpectedTenant)
    report: dict[str, Any] = Field(default_factory=dict)
    """Fields of GET /api/v1/report that must be so; lists of counts are written as an object."""


def unmet(expect: Json, cases: list[Json], counts: Json, state: Json, report: Json | None = None) -> list[str]:
    """Every difference in words; empty when the end is reached. Raises ValidationError for an unknown expectation."""
    expected = Expected.model_validate(expect)
    return [
        *_cases(expected, cases),
        *_journals(expected, cases),
        *_tenant(expected.tenant, counts, state),
        *_report(expected, report or {}),
    ]


def reasons_expected(expect: Json) -> frozenset[Reason]:
    """Every reason without which the end is not reached. Raises ValidationError for an unknown expectation."""
    expected = Expected.model_validate(expect)
    return frozenset(expected.passes) | {one.reason for one in expected.cases if one.reason is not None}


def _journals(expected: Expected, cases: list[Json]) -> Iterator[str]:
    written = {entry["reason"] for case in cases for entry in case["journal"]}
    for reason in expected.passes:
        if reason not in written:
            yield f"no journal says {reason.value}"


def _report(expected: Expected, report: Json) -> Iterator[str]:
    for name, value in expected.report.items():
        have: object = report.get(name)
        if isinstance(value, dict) and isinstance(have, list):
            have = {each["what"]: each["count"] for each in cast("list[Json]", have)}
        if have != value:
            yield f"the report says {name} {have}, expected {value}"


def _cases(expected: Expected, cases: list[Json]) -> Iterator[str]:
    by_serial: dict[str, list[Json]] = {}
    for case in cases:
        by_serial.setdefault(_serial(case["case"]), []).append(case["case"])
    for one in expected.cases:
        found = by_serial.get(one.device, [])
        if not any(_fits(one, case) for case in found):
            have = ", ".join(f"{case['state']} ({case['reason']})" for case in found) or "no case"
            yield f"{one.device}: expected {one.state} ({one.reason or 'any reason'}), have {have}"
    if expected.number_of_cases not in (None, len(cases)):
        yield f"there are {len(cases)} cases, expected {expected.number_of_cases}"
    for serial in expected.no_case_for:
        if serial in by_serial:
            yield f"{serial}: expected no case"


def _serial(case: Json) -> str:
    device = case["device"]
    return str(case["serial_number"] or (device["serial_number"] if device else ""))


def _fits(one: ExpectedCase, case: Json) -> bool:
    owner = case["owner"]["user_principal_name"] if case["owner"] else None
    attempts = case["wipe"]["number"] if case["wipe"] else 0
    return (
        case["state"] == one.state
        and one.reason in (None, case["reason"])
        and (one.owner is None or one.owner.lower() == str(owner).lower())
        and one.wipe_attempts in (None, attempts)
        and one.deferrals in (None, case["notice"]["deferrals"] if case["notice"] else 0)
        and one.heard_from in (None, case["heard_from"])
        and (one.says or "") in case["says"]
        and one.not_ok in (None, [check["name"] for check in case["checks"] if check["verdict"] != "ok"])
    )


def requests_for(device: Json, counts: Json, state: Json) -> int:
    """Every Graph request that the tenant saw for one device: those that name it, and those that name its owner."""
    owner = next((user["id"] for user in state["users"] if user["upn"] == device["autopilot_user"]), None)
    return counts["by_device"].get(device["serial"], 0) + counts["by_user"].get(owner, 0)


def _tenant(expected: ExpectedTenant, counts: Json, state: Json) -> Iterator[str]:
    devices = {device["serial"]: device for device in state["devices"]}
    users = {user["upn"].lower(): user for user in state["users"]}
    wiped = sum(counts["wipes_by_serial"].values())
    if wiped != expected.wipes:
        yield f"the tenant counted {wiped} wipes, expected {expected.wipes}"
    # Its own subscriptions are how Handover listens; a write is what changes users, licences or devices.
    listening = sum(counts["by_operation"].get(name, 0) for name in _LISTENING)
    if expected.writes is not None and counts["writes"] - listening != expected.writes:
        yield f"the tenant counted {counts['writes'] - listening} writes, expected {expected.writes}"
    yield from _requests(expected, counts, state)
    for field in ("enrolled_by", "compliance", "autopilot_user"):
        for serial, value in getattr(expected, field).items():
            have = devices.get(serial, {}).get(field)
            if str(have).lower() != str(value).lower():
                yield f"{serial}: {field} is {have}, expected {value}"
    for upn, parts in expected.licences.items():
        if sorted(users[upn.lower()]["licences"]) != sorted(parts):
            yield f"{upn} has {users[upn.lower()]['licences']}, expected {parts}"
    yield from _seats(expected, state)
    yield from _mails(expected, counts)
    for serial, most in expected.requests_for_device_at_most.items():
        used = requests_for(devices[serial], counts, state)
        if used > most:
            yield f"{serial}: {used} Graph requests, at most {most} expected"


def _seats(expected: ExpectedTenant, state: Json) -> Iterator[str]:
    for part, taken in expected.seats_taken.items():
        if (have := state["skus"][part]["consumed"]) != taken:
            yield f"{have} seats of {part} are taken, expected {taken}"


def _mails(expected: ExpectedTenant, counts: Json) -> Iterator[str]:
    for address, number in expected.mails.items():
        if (have := counts["mails_to"].get(address.lower(), 0)) != number:
            yield f"{have} mails to {address}, expected {number}"


def _requests(expected: ExpectedTenant, counts: Json, state: Json) -> Iterator[str]:
    if expected.subscriptions not in (None, state["subscriptions"]):
        yield f"there are {state['subscriptions']} subscriptions, expected {expected.subscriptions}"
    for operation, most in expected.operations_at_most.items():
        if (made := counts["by_operation"].get(operation, 0)) > most:
            yield f"{operation}: {made} requests, at most {most} expected"
