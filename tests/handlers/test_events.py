"""The queues that hints come in by: what is usable opens a case, what is not is parked with a reason a person understands."""

import json
from datetime import timedelta

import pytest

from handlers import events, schedules
from shared.domain.hint import Cause, Hint, Subject
from shared.domain.states import CaseState
from shared.errors import RetryLater
from shared.intake.messages import read_hints, write_hints
from shared.names import CASE_STEPS, DEVICE_EVENTS, HINTS
from shared.records.gate import GraphGate
from shared.records.ledger import Ledger
from shared.records.parked import ParkedInput, ParkingLot
from tests.fakes import story
from tests.fakes.world import World
from tests.handlers.arguments import message, tick


def cloud_event(kind: str = "device.noncompliant", **data: object) -> str:
    event = {"specversion": "1.0", "id": "event-1", "source": "/itsm", "type": kind, "data": data}
    return json.dumps(event)


async def parked(world: World) -> list[ParkedInput]:
    return await ParkingLot(world.rows, world.ids).everything()


@pytest.mark.parametrize(
    "data",
    [
        {"managedDeviceId": story.DEVICE_ID.upper()},
        {"entraDeviceId": story.ENTRA_DEVICE_ID},
        {"serialNumber": story.SERIAL_NUMBER},
    ],
    ids=lambda data: next(iter(data)),
)
async def test_a_device_event_opens_the_case_of_its_device(world: World, data: dict[str, str]) -> None:
    await events.take_device_event(message(cloud_event(**data)))
    case = await world.case()
    assert (case.state, case.heard_from) == (CaseState.OPENED, "device-events")
    assert len(world.messages.queues[CASE_STEPS]) == 1
    assert await parked(world) == []


async def test_an_assignment_names_the_owner(world: World) -> None:
    body = cloud_event("device.user-assigned", serialNumber=story.SERIAL_NUMBER, userPrincipalName=story.OWNER_UPN)
    await events.take_device_event(message(body))
    assert (await world.case()).named_owner == story.OWNER_UPN


async def test_a_body_in_bytes_is_read_as_well(world: World) -> None:
    await events.take_device_event(message(cloud_event(serialNumber=story.SERIAL_NUMBER).encode()))
    assert (await world.case()).state is CaseState.OPENED


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("not JSON", "not a device event: Invalid JSON"),
        ("", "not a device event: Invalid JSON"),
        (b"\xff\xfe\x00", "not a device event: Invalid JSON"),
        ('{"device": "PC-0427"}', "specversion: Field required"),
        ("[" * 10_000, "not a device event"),
        (cloud_event("device.exploded", serialNumber="5CG"), "type: Input should be 'device.noncompliant'"),
        (cloud_event(), "data names no device"),
        (cloud_event(userId=story.OWNER_ID), "data names no device"),
        (cloud_event(serialNumber="   "), "data.serialNumber"),
        (cloud_event(serialNumber="5CG' or 1 eq 1"), "data.serialNumber"),
        (cloud_event(managedDeviceId="all"), "data.managedDeviceId"),
        (
            cloud_event("device.user-assigned", serialNumber="5CG"),
            "not a device event: device.user-assigned needs data.userId or data.userPrincipalName",
        ),
        (cloud_event("user.licence-changed", serialNumber="5CG"), "needs data.userId"),
    ],
    ids=range(13),
)
async def test_an_event_that_cannot_be_used_is_parked_with_its_reason(
    world: World, body: str | bytes, reason: str
) -> None:
    await events.take_device_event(message(body))
    (aside,) = await parked(world)
    assert reason in aside.reason
    assert aside.source == DEVICE_EVENTS
    assert aside.body == (body if isinstance(body, str) else body.decode("utf-8", "replace"))
    assert world.messages.queues[CASE_STEPS] == []


async def test_the_reason_repeats_nothing_of_the_body(world: World) -> None:
    await events.take_device_event(message(cloud_event(serialNumber="s3cret' or 1 eq 1", userId="s3cret")))
    (aside,) = await parked(world)
    assert "s3cret" not in aside.reason


async def test_a_huge_body_is_parked_cut(world: World) -> None:
    await events.take_device_event(message("ü" * 40_000))
    (aside,) = await parked(world)
    assert len(aside.body) == 30_000


async def test_an_event_comes_again_later_when_graph_or_tables_are_away(world: World) -> None:
    """Five quick tries by the queue would not outlive a throttled tenant, and then the event would be poison."""
    body = cloud_event(serialNumber=story.SERIAL_NUMBER)
    world.rows.away = True
    await events.take_device_event(message(body))
    (again,) = world.messages.queues[DEVICE_EVENTS]
    assert again.body == body
    assert again.visible_at - world.clock.now() >= timedelta(minutes=5)
    world.rows.away = False
    assert await parked(world) == []


async def test_a_message_that_is_put_back_again_and_again_is_told_each_time(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """It has no number of tries: who looks for a hint that nothing comes of has to find it in the log."""
    world.rows.away = True
    body = cloud_event(serialNumber=story.SERIAL_NUMBER)
    for _ in range(3):
        await events.take_device_event(message(body))
    told = [vars(record)["fields"] for record in caplog.records if record.getMessage() == "input.sent_again"]
    assert [(each["queue"], each["seconds"]) for each in told] == [(DEVICE_EVENTS, 300.0)] * 3


async def test_when_the_event_cannot_even_be_put_back_the_queue_tries_again(world: World) -> None:
    world.rows.away = world.messages.away = True
    with pytest.raises(RetryLater):
        await events.take_device_event(message(cloud_event(serialNumber=story.SERIAL_NUMBER)))


async def test_hints_come_again_later_when_tables_are_away(world: World) -> None:
    world.rows.away = True
    body = write_hints([world.hint()])
    await events.take_hints(message(body))
    (again,) = world.messages.queues[HINTS]
    assert again.body == body
    assert again.visible_at - world.clock.now() >= timedelta(minutes=5)


async def test_when_hints_cannot_even_be_put_back_the_queue_tries_again(world: World) -> None:
    world.rows.away = world.messages.away = True
    with pytest.raises(RetryLater):
        await events.take_hints(message(write_hints([world.hint()])))


async def test_only_the_hints_that_could_not_be_taken_come_again(world: World) -> None:
    """A closed gate keeps back what needs Graph, for as long as Graph wished; the others are taken."""
    until = world.clock.now() + timedelta(minutes=2)
    await GraphGate(Ledger(world.rows, world.ids)).close(until)
    device = Hint(
        subject=Subject.MANAGED_DEVICE,
        key=story.DEVICE_ID,
        cause=Cause.NONCOMPLIANT,
        source="intune",
        at=world.clock.now(),
    )
    await events.take_hints(message(write_hints([device, world.hint()])))
    assert (await world.case()).state is CaseState.OPENED
    (again,) = world.messages.queues[HINTS]
    assert read_hints(again.body) == [world.hint()]
    assert until < again.visible_at <= until + timedelta(seconds=15)
    assert world.devices.reads.total() == 0


async def test_an_event_waits_at_the_gate_and_asks_graph_nothing(world: World) -> None:
    await GraphGate(Ledger(world.rows, world.ids)).close(world.clock.now() + timedelta(minutes=2))
    await events.take_device_event(message(cloud_event(serialNumber=story.SERIAL_NUMBER)))
    assert len(world.messages.queues[DEVICE_EVENTS]) == 1
    assert world.devices.reads.total() == 0


async def test_packed_hints_open_and_wake_cases(world: World) -> None:
    user = Hint(
        subject=Subject.USER, key=story.OWNER_ID, cause=Cause.USER_CHANGED, source="graph", at=world.clock.now()
    )
    await events.take_hints(message(write_hints([user, world.hint(), world.hint()])))
    assert (await world.case()).state is CaseState.OPENED
    assert len(await world.cases.journal(story.CASE_ID)) == 1
    assert await parked(world) == []


@pytest.mark.parametrize("body", ["not JSON", "{}", '{"v": 9, "hints": []}', '{"v": 1, "hints": [{"key": "x"}]}'])
async def test_hints_that_cannot_be_read_are_parked(world: World, body: str) -> None:
    await events.take_hints(message(body))
    (aside,) = await parked(world)
    assert (aside.source, aside.body) == (HINTS, body)
    assert "hints" in aside.reason


async def test_a_hint_with_a_key_that_is_no_id_is_parked_and_asks_graph_nothing(world: World) -> None:
    """Whoever may write to the queue must not bring a filter of their own."""
    good = json.loads(write_hints([world.hint()]))
    good["hints"][0]["key"] = "x' or 'a' eq 'a"
    await events.take_hints(message(json.dumps(good)))
    assert len(await parked(world)) == 1
    assert world.messages.queues[CASE_STEPS] == []


async def test_what_was_poisoned_is_parked_as_it_is(world: World) -> None:
    await events.park_device_event(message(cloud_event(serialNumber=story.SERIAL_NUMBER)))
    await events.park_hints(message("anything"))
    asides = {aside.source: aside for aside in await parked(world)}
    assert asides[DEVICE_EVENTS].body == cloud_event(serialNumber=story.SERIAL_NUMBER)
    assert asides[HINTS].body == "anything"
    assert {aside.reason for aside in asides.values()} == {"it failed every time it was tried"}


async def test_a_poisoned_message_that_cannot_be_parked_now_stays_in_its_queue(world: World) -> None:
    world.rows.away = True
    with pytest.raises(RetryLater):
        await events.park_hints(message("anything"))


async def test_the_timers_run_their_use_cases(world: World) -> None:
    await world.put(story.case_in(CaseState.WATCHING, world.policy, story.START, due_at=story.START))
    world.clock.set(story.START.replace(hour=20))
    await schedules.supervise_cases(tick())
    await schedules.keep_subscriptions(tick())
    await schedules.watch_returns(tick())
    await schedules.watch_wipes(tick())
    assert world.devices.audit_reads == 1
    assert len(world.messages.queues[CASE_STEPS]) == 1
    assert world.subscriptions.created == 1
