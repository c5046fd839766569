"""Records of Intune's diagnostic logs become hints, are known and of no use, or are counted; none of them breaks anything."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

from handlers import intune_logs
from shared.bootstrap import install
from shared.domain.facts import Compliance
from shared.domain.hint import Cause, Hint, Subject
from shared.domain.states import CaseState
from shared.errors import BadInput, RetryLater
from shared.intake.intune_logs import read_intune_logs
from shared.intake.messages import read_hints
from shared.intake.take_hint import Taken
from shared.names import HINTS, INTUNE_LOGS
from shared.records.parked import ParkingLot
from tests.fakes import story
from tests.fakes.world import World

SAMPLES = Path(__file__).parents[3] / "shared" / "data" / "notification-samples"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
TENANT = "11111111-2222-3333-4444-555555555555"


def record(**fields: object) -> dict[str, object]:
    """A record about DEF456's PC as Intune writes it."""
    properties = {
        "AADTenantId": TENANT,
        "AlertType": "Managed Device Not Compliant",
        "IntuneDeviceId": story.DEVICE_ID,
        "OperationalLogCategory": "DeviceCompliance",
    }
    return {
        "category": "OperationalLogs",
        "operationName": "Compliance",
        "properties": properties,
        "resultType": "None",
        "tenantId": TENANT,
        "time": "2026-03-02T08:57:59.4097000Z",
        **fields,
    }


def assigned(*ids: object, **fields: object) -> dict[str, object]:
    properties = {"TargetObjectIds": list(ids)}
    name = "assignUserToDevice WindowsAutopilotDeviceIdentity"
    usual: dict[str, object] = {"category": "AuditLogs", "operationName": name, "resultType": "Success"}
    return record(**{**usual, "properties": properties, **fields})


def hints_of(document: object) -> Sequence[Hint]:
    return read_intune_logs(json.dumps(document), TENANT, NOW).hints


@pytest.mark.parametrize("document", [{"records": [record()]}, [record()], record()], ids=["records", "list", "bare"])
def test_a_device_that_is_not_compliant_is_a_hint_however_it_is_wrapped(document: object) -> None:
    (hint,) = hints_of(document)
    assert (hint.subject, hint.key, hint.cause) == (Subject.MANAGED_DEVICE, story.DEVICE_ID, Cause.NONCOMPLIANT)
    assert (hint.source, hint.owner) == ("intune", None)
    assert hint.at == datetime(2026, 3, 2, 8, 57, 59, 409700, tzinfo=UTC)


def test_many_records_about_one_device_are_one_hint() -> None:
    assert len(hints_of({"records": [record()] * 40})) == 1


@pytest.mark.parametrize(
    ("time", "at"),
    [
        ("2026-03-02T10:57:59+02:00", datetime(2026, 3, 2, 8, 57, 59, tzinfo=UTC)),
        ("2026-03-02T08:57:59", datetime(2026, 3, 2, 8, 57, 59, tzinfo=UTC)),
        ("2036-03-02T08:57:59Z", NOW),
        ("yesterday", NOW),
        ("0001-01-01T00:00:00+14:00", NOW),
        ("9999-12-31T23:59:59.9999999-14:00", NOW),
        (None, NOW),
        (5, NOW),
    ],
)
def test_the_time_is_the_records_own_and_never_later_than_now(time: object, at: datetime) -> None:
    assert hints_of(record(time=time))[0].at == at


def test_a_user_assigned_in_autopilot_is_a_hint_about_the_registration() -> None:
    hints = hints_of(assigned(story.AUTOPILOT_ID, "<null>", 5, "00000000-0000-0000-0000-000000000000"))
    assert [(hint.subject, hint.key, hint.cause) for hint in hints] == [
        (Subject.AUTOPILOT_DEVICE, story.AUTOPILOT_ID, Cause.USER_ASSIGNED)
    ]


@pytest.mark.parametrize(
    ("one", "kind"),
    [
        (record(operationName="Enrollment"), "known"),
        (record(properties={"AlertType": "Something Else", "IntuneDeviceId": story.DEVICE_ID}), "known"),
        (record(properties={"AlertType": "Managed Device Not Compliant"}), "known"),
        (record(properties={"AlertType": "Managed Device Not Compliant", "IntuneDeviceId": "all"}), "known"),
        (record(properties=None), "known"),
        (assigned(story.AUTOPILOT_ID, resultType="Fail"), "known"),
        (assigned(properties={"TargetObjectIds": story.AUTOPILOT_ID}), "known"),
        (record(operationName="Teleport"), "unknown"),
        (record(category="DeviceComplianceOrg"), "unknown"),
        (record(category=None, operationName=None), "unknown"),
        (record(tenantId="99999999-2222-3333-4444-555555555555"), "other_tenant"),
        (record(tenantId=None), "other_tenant"),
        ("a record", "malformed"),
        (None, "malformed"),
    ],
    ids=range(14),
)
def test_whatever_is_no_hint_is_counted(one: object, kind: str) -> None:
    read = read_intune_logs(json.dumps({"records": [one, record()]}), TENANT, NOW)
    assert read.counts == {kind: 1, "hint": 1}
    assert len(read.hints) == 1


def test_names_that_are_not_known_are_told() -> None:
    read = read_intune_logs(json.dumps([record(operationName="Teleport")] * 3), TENANT, NOW)
    assert read.unknown == {"OperationalLogs Teleport": 3}


@pytest.mark.parametrize("body", ["", "not JSON", "5", "null", '{"records": 5}', "[" * 100_000, " " * 1_100_000])
def test_what_is_no_event_is_bad_input(body: str) -> None:
    with pytest.raises(BadInput):
        read_intune_logs(body, TENANT, NOW)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the recorded records do not lie beside this checkout")
@pytest.mark.parametrize(
    ("file", "counts"),
    [
        ("40-OBSERVED-intune-operationallog-noncompliant.json", {"hint": 1}),
        ("41-OBSERVED-intune-operationallog-enrollment.json", {"known": 1}),
        ("42-OBSERVED-intune-auditlog.json", {"unknown": 1}),
    ],
)
def test_records_that_were_seen_are_understood(file: str, counts: dict[str, int]) -> None:
    sample = json.loads((SAMPLES / file).read_text())
    read = read_intune_logs(json.dumps({"records": [sample]}), sample["tenantId"], NOW)
    assert read.counts == counts


# --- as the Event Hub hands them over


@pytest.fixture
def world() -> Any:
    made = World()
    install(made.services)
    yield made
    install(None)


def batch(*bodies: object) -> list[func.EventHubEvent]:
    return [func.EventHubEvent(body=body if isinstance(body, bytes) else json.dumps(body).encode()) for body in bodies]


def of_the_story(**fields: object) -> dict[str, object]:
    return record(tenantId=story.TENANT_ID, **fields)


async def test_a_batch_goes_the_way_of_the_webhooks_hints(world: World) -> None:
    await intune_logs.take_intune_logs(batch({"records": [of_the_story()]}, [of_the_story()], of_the_story()))
    world.clock.move(timedelta(seconds=5))
    (hints,) = [read_hints(body) for body in world.messages.take(HINTS)]
    assert [hint.key for hint in hints] == [story.DEVICE_ID]
    world.devices.change(story.DEVICE_ID, compliance=Compliance.COMPLIANT)
    await world.services.take_hint.take_all(hints)
    await world.live()
    assert (await world.case()).state is CaseState.NO_ACTION_NEEDED, "a hint is never evidence"


async def test_an_event_that_cannot_be_read_is_parked_and_the_others_are_taken(world: World) -> None:
    await intune_logs.take_intune_logs(batch(b"\xff\xfe", of_the_story(), b"not JSON"))
    aside = await ParkingLot(world.rows, world.ids).everything()
    assert [each.source for each in aside] == [INTUNE_LOGS] * 2
    assert len(world.messages.queues[HINTS]) == 1


async def test_when_storage_is_away_the_batch_is_tried_again(world: World) -> None:
    world.messages.away = True
    with pytest.raises(RetryLater):
        await intune_logs.take_intune_logs(batch(of_the_story()))


async def test_a_registration_leads_to_the_enrolled_device_or_to_the_pc_that_waits_for_its_user() -> None:
    world = World()
    (hint,) = hints_of(assigned(story.AUTOPILOT_ID))
    assert await world.services.take_hint.open_or_wake(hint) is Taken.OPENED
    assert (await world.case()).says == "intune names this device. Looking."
    world = World()
    world.devices.devices.clear()
    assert await world.services.take_hint.open_or_wake(hint) is Taken.OPENED
    assert (await world.case(f"autopilot-{story.AUTOPILOT_ID}")).serial_number == story.SERIAL_NUMBER
    world = World()
    world.autopilot.registrations.clear()
    assert await world.services.take_hint.open_or_wake(hint) is Taken.NO_SUCH_DEVICE
