"""The device-events contract: CloudEvents 1.0 that name a device or a user, and errors that show no input."""

import json
from datetime import datetime, timedelta

import pytest

from shared.domain.hint import Cause, Hint, Subject
from shared.errors import BadInput
from shared.intake.device_events import read_device_event
from tests.builders import DEVICE_ID, ENTRA_DEVICE_ID, NOW, OWNER, OWNER_ID, SERIAL

Data = dict[str, object]


def _event(data: object, **fields: object) -> str:
    envelope: Data = {"specversion": "1.0", "id": "e-1", "source": "itsm", "type": "device.noncompliant"}
    return json.dumps({**envelope, "data": data, **fields})


def _hint(data: Data, event_type: str = "device.noncompliant") -> Hint:
    return read_device_event(_event(data, type=event_type), NOW)


def test_a_noncompliant_device_becomes_a_hint():
    assert _hint({"serialNumber": SERIAL}) == Hint(
        subject=Subject.SERIAL_NUMBER,
        key=SERIAL,
        cause=Cause.NONCOMPLIANT,
        source="device-events",
        at=NOW,
    )


@pytest.mark.parametrize(
    ("time", "at"),
    [
        ("2026-03-04T09:00:00Z", NOW - timedelta(days=1)),
        ("2026-03-04T10:00:00+01:00", NOW - timedelta(days=1)),
        ("2026-03-04T09:00:00", NOW - timedelta(days=1)),
        ("2026-03-06T09:00:00Z", NOW),
        (None, NOW),
    ],
)
def test_it_happened_when_the_sender_says_but_never_in_the_future(time: str | None, at: datetime):
    assert read_device_event(_event({"serialNumber": SERIAL}, time=time), NOW).at == at


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_that_lies_outside_of_the_calendar_in_utc_is_bad_input_that_names_the_field(time: str):
    with pytest.raises(BadInput, match="time"):
        read_device_event(_event({"serialNumber": SERIAL}, time=time), NOW)


def test_an_assigned_device_carries_who_it_was_given_to():
    by_upn = _hint({"serialNumber": SERIAL, "userPrincipalName": "Zoë.O'Neill@contoso.example"}, "device.user-assigned")
    by_both = _hint({"serialNumber": SERIAL, "userPrincipalName": OWNER, "userId": OWNER_ID}, "device.user-assigned")

    assert (by_upn.cause, by_upn.owner) == (Cause.USER_ASSIGNED, "Zoë.O'Neill@contoso.example")
    assert by_both.owner == OWNER_ID


def test_only_an_assignment_names_an_owner():
    assert _hint({"serialNumber": SERIAL, "userPrincipalName": OWNER}).owner is None
    changed = _hint({"userId": OWNER_ID.upper()}, "user.licence-changed")
    assert (changed.subject, changed.key, changed.cause, changed.owner) == (
        Subject.USER,
        OWNER_ID,
        Cause.USER_CHANGED,
        None,
    )


@pytest.mark.parametrize(
    ("data", "subject", "key"),
    [
        ({"managedDeviceId": DEVICE_ID.upper()}, Subject.MANAGED_DEVICE, DEVICE_ID),
        ({"entraDeviceId": ENTRA_DEVICE_ID.upper()}, Subject.ENTRA_DEVICE, ENTRA_DEVICE_ID),
        ({"serialNumber": f" {SERIAL} "}, Subject.SERIAL_NUMBER, SERIAL),
        (
            {"managedDeviceId": DEVICE_ID, "entraDeviceId": ENTRA_DEVICE_ID, "serialNumber": SERIAL},
            Subject.MANAGED_DEVICE,
            DEVICE_ID,
        ),
        ({"entraDeviceId": ENTRA_DEVICE_ID, "serialNumber": SERIAL}, Subject.ENTRA_DEVICE, ENTRA_DEVICE_ID),
        ({"managedDeviceId": None, "serialNumber": SERIAL}, Subject.SERIAL_NUMBER, SERIAL),
    ],
)
def test_the_most_exact_way_of_naming_the_device_counts(data: Data, subject: Subject, key: str):
    hint = _hint(data)

    assert (hint.subject, hint.key) == (subject, key)


def test_what_the_contract_does_not_name_is_ignored():
    body = _event({"serialNumber": SERIAL, "more": 1}, subject="x", time="2026-03-02T09:00:00Z", traceparent="00-")

    assert read_device_event(body, NOW).key == SERIAL


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("", "event"),
        ("not json", "event"),
        ("[]", "event"),
        ("null", "event"),
        ('{"a": ' * 5000, "event"),
        ("{}", "specversion"),
        (_event({"serialNumber": SERIAL}, specversion="0.3"), "specversion"),
        (_event({"serialNumber": SERIAL}, specversion=1.0), "specversion"),
        (_event({"serialNumber": SERIAL}, type="device.wiped"), "type"),
        (_event({"serialNumber": SERIAL}, id=""), "id"),
        (_event({"serialNumber": SERIAL}, id="x" * 257), "id"),
        (_event({"serialNumber": SERIAL}, source=""), "source"),
        (_event({"serialNumber": SERIAL}, time="yesterday"), "time"),
        (_event(None), "data"),
        (_event([SERIAL]), "data"),
        (_event({}), "data names no device"),
        (_event({"userId": OWNER_ID}), "data names no device"),
        (_event({"serialNumber": ""}), "data.serialNumber"),
        (_event({"serialNumber": "5CG'or 1 eq 1"}), "data.serialNumber"),
        (_event({"serialNumber": "5CGÄ1"}), "data.serialNumber"),
        (_event({"serialNumber": SERIAL + "\n"}), "data.serialNumber"),
        (_event({"serialNumber": "x" * 65}), "data.serialNumber"),
        (_event({"serialNumber": 5}), "data.serialNumber"),
        (_event({"managedDeviceId": "../" + DEVICE_ID}), "data.managedDeviceId"),
        (_event({"managedDeviceId": DEVICE_ID + "\n"}), "data.managedDeviceId"),
        (_event({"managedDeviceId": ""}), "data.managedDeviceId"),
        (_event({"entraDeviceId": "{" + ENTRA_DEVICE_ID + "}"}), "data.entraDeviceId"),
        (_event({"serialNumber": SERIAL}, type="device.user-assigned"), "needs data.userId"),
        (
            _event({"serialNumber": SERIAL, "userPrincipalName": "a/../b"}, type="device.user-assigned"),
            "data.userPrincipalName",
        ),
        (
            _event({"serialNumber": SERIAL, "userPrincipalName": "x" * 114}, type="device.user-assigned"),
            "data.userPrincipalName",
        ),
        (_event({"userPrincipalName": OWNER}, type="user.licence-changed"), "needs data.userId"),
    ],
)
def test_anything_else_is_bad_input_with_the_name_of_the_wrong_field(body: str, names: str):
    with pytest.raises(BadInput, match=names):
        read_device_event(body, NOW)


def test_the_error_shows_nothing_of_what_came_in():
    secret = "p4ssw0rd-in-the-wrong-place"
    body = json.dumps(
        {"specversion": secret, "id": {secret: 1}, "source": "", "type": secret, "data": {"serialNumber": secret + "!"}}
    )

    with pytest.raises(BadInput) as caught:
        read_device_event(body, NOW)

    assert secret not in str(caught.value)
    assert caught.value.__suppress_context__


def test_the_error_names_at_most_five_problems():
    body = json.dumps({"data": dict.fromkeys(("serialNumber", "managedDeviceId", "entraDeviceId", "userId"), 1)})

    with pytest.raises(BadInput) as caught:
        read_device_event(body, NOW)

    assert str(caught.value).count(";") == 4
