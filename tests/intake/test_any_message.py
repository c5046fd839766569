"""Whatever comes out of a queue or an Event Hub is a value or BadInput, and what we wrote comes back as it was."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.hint import Cause, Hint, Subject
from shared.errors import BadInput
from shared.intake.device_events import TYPES, read_device_event
from shared.intake.intune_logs import read_intune_logs
from shared.intake.messages import MOST_IN_A_MESSAGE, read_hints, write_hints
from shared.remedy.messages import StepDue, could_be_case, read_step, write_step
from shared.remedy.notice_messages import read_pointer, write_pointer
from tests.fakes import story

NOW = story.START
TIMES_AT_THE_EDGE = (
    "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.9999999-14:00",
    "9999-12-31T23:59:59Z",
    "2026-03-02T08:57:59.4097000Z",
    "2026-02-30T00:00:00Z",
    "2026-03-02",
    "2026-W10-1",
    "20260302T085759",
    "1767225600",
    "-0001-01-01T00:00:00Z",
    "2026-03-02T24:00:00Z",
    "2026-03-02T08:57:60Z",
    "2026-03-02T08:57:59+99:99",
)
texts = st.text(max_size=30) | st.sampled_from(
    (
        *TIMES_AT_THE_EDGE, "", " ", "\x00", "\ud800", "\U0001f600", "..", "a/b", "5CG1\n", "5CG1234XYZ", story.DEVICE_ID,
        story.DEVICE_ID.upper(), story.OWNER_UPN, story.TENANT_ID, "0" * 2000, "NaN", "null", *TYPES, "graph", "user", "user_changed",
        "device-x", "device-../x", "2026-03", "٢٠٢٦-٠٣", "OperationalLogs", "Compliance", "Managed Device Not Compliant", "AuditLogs",
    )
)  # fmt: skip
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.just(10**400) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)


Fields = dict[str, Any]


@st.composite
def nearly(draw: st.DrawFn, right: Fields) -> Fields:
    """An object with up to three of its fields changed or added, and perhaps one left out."""
    changed = draw(st.dictionaries(st.sampled_from((*right, "more")), values, max_size=3))
    left_out = draw(st.none() | st.sampled_from(tuple(right)))
    return {name: value for name, value in {**right, **changed}.items() if name != left_out}


@st.composite
def nearly_with(draw: st.DrawFn, right: Fields, name: str, inner: Fields) -> Fields:
    """The same of an object in which another one lies."""
    return {**draw(nearly(right)), name: draw(nearly(inner) | values)}


@st.composite
def bodies(draw: st.DrawFn, documents: st.SearchStrategy[Any]) -> str:
    """As JSON, as JSON with a piece cut out, or no JSON at all."""
    if draw(st.integers(0, 5)) == 5:
        return draw(texts | st.integers(1, 5000).map(lambda depth: "[" * depth))
    body = json.dumps(draw(documents))
    if draw(st.integers(0, 3)) < 3:
        return body
    start = draw(st.integers(0, len(body)))
    return body[:start] + body[start + draw(st.integers(0, 20)) :]


EVENT_DATA = {
    "managedDeviceId": story.DEVICE_ID,
    "entraDeviceId": story.ENTRA_DEVICE_ID,
    "serialNumber": story.SERIAL_NUMBER,
    "userId": story.OWNER_ID,
    "userPrincipalName": story.OWNER_UPN,
    "requestedBy": "ann@contoso.example",
}
EVENT = {
    "specversion": "1.0",
    "id": "1",
    "source": "/itsm",
    "type": "device.user-assigned",
    "time": "2026-03-01T10:20:30.1234567Z",
}


def written(time: datetime) -> str:
    return time.isoformat()


edge_times = st.sampled_from(TIMES_AT_THE_EDGE) | st.builds(
    datetime.replace,
    st.datetimes() | st.sampled_from([datetime.min, datetime.max]),  # noqa: DTZ901  # their zone comes with the next line
    tzinfo=st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
).map(written)


@settings(max_examples=400, deadline=None)
@given(bodies(nearly_with(EVENT, "data", EVENT_DATA)))
def test_a_device_event_is_a_hint_or_bad_input(body: str) -> None:
    try:
        hint = read_device_event(body, NOW)
    except BadInput as error:
        assert str(error).isprintable() and len(str(error)) < 2000
        return
    assert hint.at <= NOW and hint.at.tzinfo is UTC
    assert hint.key and len(hint.key) <= 64


@settings(max_examples=200, deadline=None)
@given(edge_times)
def test_whenever_a_device_event_says_that_it_happened_it_is_heard(time: str) -> None:
    try:
        hint = read_device_event(json.dumps({**EVENT, "time": time, "data": EVENT_DATA}), NOW)
    except BadInput:
        return
    assert hint.at <= NOW and hint.at.tzinfo is UTC


LOG_RECORD = {
    "category": "OperationalLogs",
    "operationName": "Compliance",
    "resultType": "Success",
    "tenantId": story.TENANT_ID,
    "time": "2026-03-02T07:57:59.4097000Z",
}
PROPERTIES = {
    "AlertType": "Managed Device Not Compliant",
    "IntuneDeviceId": story.DEVICE_ID,
    "TargetObjectIds": [story.AUTOPILOT_ID],
}
records = nearly_with(LOG_RECORD, "properties", PROPERTIES)
batches = st.fixed_dictionaries({"records": st.lists(records | values, max_size=4)})


@settings(max_examples=400, deadline=None)
@given(bodies(batches | records | values))
def test_what_comes_out_of_an_event_hub_is_read_and_counted_or_bad_input(body: str) -> None:
    try:
        read = read_intune_logs(body, story.TENANT_ID, NOW)
    except BadInput:
        return
    assert all(hint.at <= NOW and hint.at.tzinfo is UTC for hint in read.hints)
    assert sum(read.counts.values()) >= bool(read.hints)


@settings(max_examples=200, deadline=None)
@given(edge_times)
def test_whenever_a_log_record_says_that_it_happened_its_device_is_looked_at(time: str) -> None:
    record = {**LOG_RECORD, "time": time, "properties": PROPERTIES}
    [hint] = read_intune_logs(json.dumps(record), story.TENANT_ID, NOW).hints
    assert hint.at <= NOW and hint.at.tzinfo is UTC


# --- our own messages

guids = st.uuids().map(str)
serials = st.text("ABCxyz019 ._-", min_size=1, max_size=64).filter(str.strip)
hints = st.builds(
    Hint,
    subject=st.just(Subject.SERIAL_NUMBER),
    key=serials,
    cause=st.sampled_from(Cause),
    source=st.text(max_size=64).filter(lambda text: all(not "\ud800" <= c <= "\udfff" for c in text)),
    at=st.datetimes(timezones=st.just(UTC)),
) | st.builds(
    Hint,
    subject=st.sampled_from([subject for subject in Subject if subject is not Subject.SERIAL_NUMBER]),
    key=guids,
    cause=st.sampled_from(Cause),
    source=st.sampled_from(["graph", "intune", "sweep"]),
    at=st.datetimes(timezones=st.just(UTC)),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(hints, max_size=MOST_IN_A_MESSAGE))
def test_packed_hints_come_back_as_they_were_written(packed: list[Hint]) -> None:
    assert read_hints(write_hints(packed)) == packed


PACKED = {"subject": "user", "key": story.OWNER_ID, "cause": "user_changed", "source": "graph", "at": NOW.isoformat()}


packed_hints = st.lists(nearly(PACKED) | values, max_size=3) | values
messages = st.fixed_dictionaries({"v": st.just(1) | values, "hints": packed_hints})


@settings(max_examples=300, deadline=None)
@given(bodies(messages))
def test_a_hints_message_is_ours_or_bad_input_and_what_is_read_can_be_written_again(body: str) -> None:
    try:
        read = read_hints(body)
    except BadInput:
        return
    assert read_hints(write_hints(read)) == read
    assert all(hint.at.tzinfo is UTC for hint in read)


@settings(max_examples=100, deadline=None)
@given(st.from_regex(r"(device|autopilot)-[A-Za-z0-9._-]{1,80}", fullmatch=True), st.integers(0, 10**9))
def test_a_step_comes_back_as_it_was_written(case_id: str, version: int) -> None:
    step = StepDue(case_id=case_id, version=version)
    assert read_step(write_step(step)) == step


@settings(max_examples=300, deadline=None)
@given(bodies(nearly({"v": 1, "case": story.CASE_ID, "version": 7}) | values))
def test_a_step_message_names_a_case_or_is_bad_input(body: str) -> None:
    try:
        step = read_step(body)
    except BadInput:
        return
    assert could_be_case(step.case_id)
    assert type(step.version) is int


@settings(max_examples=300, deadline=None)
@given(bodies(nearly({"v": 1, "month": "2026-03", "key": "a-1"}) | values))
def test_a_pointer_names_a_notice_or_is_bad_input(body: str) -> None:
    try:
        month, key = read_pointer(body)
    except BadInput:
        return
    assert (month + key).isascii()
    assert read_pointer(write_pointer(month, key)) == (month, key)


@pytest.mark.parametrize("read", [read_hints, read_step, read_pointer], ids=["hints", "step", "pointer"])
@pytest.mark.parametrize("body", ["[" * 48_000, "{" * 48_000, '{"v":' * 8_000, "1" * 48_000, '"' + "\\u0000" * 8_000])
def test_the_heaviest_message_that_a_queue_holds_is_bad_input(read: Callable[[str], object], body: str) -> None:
    with pytest.raises(BadInput):
        read(body)
