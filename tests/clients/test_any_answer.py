"""Whatever Graph answers, reading it gives a value or one of our errors, in a bounded number of requests."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clients.graph import values
from shared.clients.graph.answers import LONGEST_WAIT, Reply, retry_after, wipe_answer
from shared.clients.graph.client import Graph
from shared.domain.effects import Justified, WipeAccepted
from shared.errors import HandoverError
from tests.clients.graph_wire import BASE, DEVICE, NOW, REGISTRATION, USER, graph_over

WORDS = (
    "", " ", "\x00", "\ud800", "unknownFutureValue", "None", "null", "true", DEVICE, USER, values.NO_GUID, "5CG1234XYZ", "noncompliant",
    "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-02-30T00:00:00Z", "2026-03-02T24:00:00Z",
    "2026-03-02T08:00:00.1234567Z", "Enabled", "Success", "approved", "factoryReset", "SGVsbG8=", "@odata.nextLink", "x" * 3000,
)  # fmt: skip
anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | st.sampled_from(WORDS) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS[-6:]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
NAMES = (
    "id", "azureADDeviceId", "deviceId", "serialNumber", "deviceName", "userId", "userPrincipalName", "enrolledDateTime",
    "lastSyncDateTime", "complianceState", "managementState", "deviceActionResults", "usersLoggedOn", "lastLogOnDateTime",
    "settingStates", "assignedLicenses", "assignedPlans", "licenseAssignmentStates", "skuId", "disabledPlans", "servicePlans",
    "prepaidUnits", "consumedUnits", "deploymentProfile", "outOfBoxExperienceSetting", "@odata.type", "members@delta", "isCompliant",
    "action", "requestDateTime", "approver", "requestJustification", "eventDateTime", "failureCategory", "mobileDeviceManagementAuthority",
    "enrolledDeviceCount", "deviceCompliancePolicyDeviceStateSummary", "nonCompliantDeviceCount", "groupTypes", "error", "value",
)  # fmt: skip
rows = st.dictionaries(st.sampled_from(NAMES), anything | st.dictionaries(st.sampled_from(NAMES), anything, max_size=3), max_size=8).map(
    lambda row: {"id": DEVICE, **row}
)  # fmt: skip
links = st.sampled_from(
    [f"{BASE}/v1.0/next?$skiptoken=x", f"{BASE}/v1.0/", "https://evil.example/v1.0/next", "//", "\x00", ""]
)
READS: dict[str, Callable[[Graph], Awaitable[object]]] = {
    "a device": lambda graph: graph.devices.read(DEVICE),
    "the fence": lambda graph: graph.devices.reread(DEVICE),
    "by serial number": lambda graph: graph.devices.with_serial_number("5CG1234XYZ"),
    "of a user": lambda graph: graph.devices.of_user(USER),
    "policy states": lambda graph: graph.devices.policy_states(DEVICE),
    "approval requests": lambda graph: graph.devices.approval_requests(),
    "wipe audits": lambda graph: graph.devices.wipe_audits(),
    "failures": lambda graph: graph.devices.enrolment_failures(),
    "changes": lambda graph: graph.devices.changes(None),
    "the next changes": lambda graph: graph.devices.changes(f"{BASE}/v1.0/devices/delta?$deltatoken=x"),
    "noncompliant": lambda graph: graph.devices.noncompliant(None),
    "a user": lambda graph: graph.directory.user(USER),
    "plans": lambda graph: graph.directory.plans(USER),
    "groups": lambda graph: graph.directory.groups_of_user(USER, (DEVICE,)),
    "keys": lambda graph: graph.directory.recovery_keys(DEVICE),
    "members": lambda graph: graph.directory.changed_members((DEVICE,), None),
    "registrations": lambda graph: graph.autopilot.with_serial_number("5CG1234XYZ"),
    "a registration": lambda graph: graph.autopilot.read(REGISTRATION),
    "the tenant": lambda graph: graph.tenant.facts(),
    "the fleet": lambda graph: graph.tenant.fleet(),
    "a sync": lambda graph: graph.devices.sync(DEVICE),
    "a binding": lambda graph: graph.autopilot.bind(REGISTRATION, "a@contoso.example", "A"),
    "a wipe": lambda graph: graph.devices.wipe(DEVICE, Justified(text="a test")),
}


@st.composite
def answers(draw: st.DrawFn) -> httpx.Response:
    """One answer: mostly what could be read, with some of it wrong."""
    status = draw(st.sampled_from([200, 200, 200, 200, 204, 400, 401, 403, 404, 409, 410, 429, 503]))
    content = draw(
        st.fixed_dictionaries({"value": st.lists(rows, max_size=3)}, optional={"@odata.nextLink": links, "@odata.deltaLink": links})
        | rows
        | st.fixed_dictionaries({"value": anything})
        | anything
    )  # fmt: skip
    body = draw(st.just(json.dumps(content).encode()) | st.binary(max_size=20))
    wait = draw(st.sampled_from(["", "0", "1e9", "-1", "120", "Mon, 02 Mar 2026 08:02:00 GMT", "Mon, 99 Mar", "\xff"]))
    return httpx.Response(status, content=body, headers=[(b"Retry-After", wait.encode("latin-1"))] if wait else [])


@settings(max_examples=60, deadline=None)
@given(st.lists(answers(), min_size=1, max_size=3))
async def test_every_read_of_graph_gives_a_value_or_one_of_our_errors(given_answers: list[httpx.Response]) -> None:
    asked = 0

    def answer(_: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        like = given_answers[asked % len(given_answers)]
        return httpx.Response(like.status_code, content=like.content, headers=like.headers)

    async with graph_over(answer) as (graph, _):
        for name, read in READS.items():
            asked = 0
            try:
                await read(graph)
            except HandoverError as error:
                assert str(error).isprintable() and len(str(error)) < 1_000, name
            assert asked <= MOST_REQUESTS, f"{name} asks {asked} times"


MOST_REQUESTS = 1_100
"""A list that never ends is given up."""


@settings(max_examples=200, deadline=None)
@given(st.datetimes(), st.integers(-14 * 60, 14 * 60), st.integers(0, 7))
def test_a_time_is_read_as_the_same_moment_in_whatever_offset_and_with_however_many_digits(
    at: datetime, offset: int, digits: int
) -> None:
    """Graph writes seven digits, of which six are kept. Years 1 and 9999 mean never and for ever."""
    fraction = f"{at.microsecond:06}0"[:digits]
    at = at.replace(microsecond=int(fraction[:6].ljust(6, "0")))
    zone = timezone(timedelta(minutes=offset))
    whole = at.replace(microsecond=0, tzinfo=zone).isoformat()
    written = whole[:19] + (f".{fraction}" if fraction else "") + whole[19:]
    read = values.moment({"at": written}, "at")
    if 2 < at.year < 9998:
        assert read == at.replace(tzinfo=zone)
    assert read is None or (read.tzinfo is UTC and 1 < read.year < 9999)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40) | st.sampled_from(WORDS))
def test_no_text_breaks_the_reading_of_a_time(written: str) -> None:
    read = values.moment({"at": written}, "at")
    assert read is None or read.tzinfo is UTC


@settings(max_examples=200, deadline=None)
@given(st.integers(-7200, 2 * 366 * 86400), st.integers(-12 * 60, 14 * 60))
def test_a_date_in_retry_after_is_so_far_away_as_it_says_within_an_hour(seconds: int, offset: int) -> None:
    until = (NOW + timedelta(seconds=seconds)).astimezone(timezone(timedelta(minutes=offset)))
    wait = min(max(timedelta(), timedelta(seconds=seconds)), LONGEST_WAIT)
    assert retry_after(format_datetime(until), NOW) == wait


DATE = "Mon, 02 Mar 2026 08:02:00 GMT"


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(DATE)), st.text("0123456789 ,:-+GMTUCarMon\x00", max_size=4)), max_size=4))
def test_a_mangled_date_in_retry_after_is_a_wait_of_an_hour_at_most_or_none(changes: list[tuple[int, str]]) -> None:
    written = DATE
    for at, text in changes:
        written = written[:at] + text + written[at + 1 :]
    wait = retry_after(written, NOW)
    assert wait is None or timedelta() <= wait <= LONGEST_WAIT


@settings(max_examples=200, deadline=None)
@given(st.integers(100, 599), anything, st.none() | st.text(max_size=20))
def test_only_a_plain_success_is_an_accepted_wipe(status: int, body: Any, code: str | None) -> None:
    answer = wipe_answer(Reply(status=status, content=json.dumps(body).encode(), approval_code=code))
    assert isinstance(answer, WipeAccepted) is (200 <= status < 300 and code is None)
