"""A hint opens, reopens or wakes a case, or is dropped for a reason: duplicates, late ones and strangers change nothing."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.case import Case, JournalEntry
from shared.domain.facts import Compliance
from shared.domain.hint import Cause, Hint, Subject
from shared.domain.policy import Mode
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.errors import Changed, RetryLater
from shared.intake.messages import read_hints
from shared.intake.take_hint import REPEAT_WITHIN, RESPECT_A_PERSON_FOR, WAKE_AGAIN_AFTER, Taken
from shared.names import CASE_STEPS, HINTS
from shared.ports import Row
from shared.records.asked import AskedBook
from shared.records.cases import CaseStore, Stored
from shared.records.gate import GraphGate, Passage
from shared.records.ledger import Ledger
from shared.records.subscriptions import SubscriptionBook
from shared.remedy.messages import StepDue, read_step
from tests.fakes import story
from tests.fakes.interference import Interference
from tests.fakes.world import World

S, T = CaseState, Taken
LICENCE_REASONS = [
    Reason.NO_FREE_SEAT,
    Reason.NO_LICENCE_CONFIGURED,
    Reason.LICENCE_REFUSED,
    Reason.USAGE_LOCATION_MISSING,
    Reason.LICENCE_TOO_SLOW,
]


def sent(world: World) -> list[StepDue]:
    return [read_step(message.body) for message in world.messages.queues[CASE_STEPS]]


async def take(world: World, hint: Hint | None = None) -> Taken:
    return await world.services.take_hint.open_or_wake(hint or world.hint())


async def put(world: World, state: CaseState, **fields: object) -> Case:
    return await world.put(story.case_in(state, world.policy, world.clock.now(), **fields))


@pytest.mark.parametrize(
    ("subject", "key"),
    [
        (Subject.MANAGED_DEVICE, story.DEVICE_ID.upper()),
        (Subject.ENTRA_DEVICE, story.ENTRA_DEVICE_ID),
        (Subject.SERIAL_NUMBER, story.SERIAL_NUMBER.lower()),
    ],
)
async def test_the_first_hint_about_a_device_opens_its_case(subject: Subject, key: str) -> None:
    world = World()
    assert await take(world, replace(world.hint(), subject=subject, key=key)) is T.OPENED
    case = await world.case()
    assert (case.state, case.version, case.episode) == (S.OPENED, 1, 1)
    assert case.due_at == world.clock.now()
    assert sent(world) == [StepDue(case_id=case.id, version=1)]


async def test_a_registered_pc_that_nobody_enrolled_gets_a_case_of_its_own() -> None:
    world = World()
    world.devices.devices.clear()
    assert await take(world, world.hint(Cause.USER_ASSIGNED, owner=story.OWNER_UPN)) is T.OPENED
    case = await world.case(f"autopilot-{story.AUTOPILOT_ID}")
    assert (case.serial_number, case.named_owner, case.enrolled) == (story.SERIAL_NUMBER, story.OWNER_UPN, False)


async def test_a_registered_pc_is_made_ready_for_its_user_without_any_wipe() -> None:
    world = World()
    world.devices.devices.clear()
    await take(world, world.hint(Cause.USER_ASSIGNED, owner=story.OWNER_UPN))
    await world.live(until=story.START + timedelta(hours=1))
    assert (await world.case(f"autopilot-{story.AUTOPILOT_ID}")).state is S.READY_TO_GO
    assert world.graph_writes() == {"assign": 1, "bind": 1}


async def test_of_several_enrolments_the_newest_is_meant() -> None:
    world = World()
    world.devices.devices[story.RETURNED_ID] = story.returned_device(story.START, story.owner_user())
    await take(world)
    await world.case(f"device-{story.RETURNED_ID}")
    assert await world.cases.load(story.CASE_ID) is None


async def test_a_serial_number_registered_twice_is_ambiguous() -> None:
    world = World()
    world.devices.devices.clear()
    world.autopilot.registrations["second"] = replace(story.registration(), id="second")
    assert await take(world) is T.AMBIGUOUS_DEVICE


@pytest.mark.parametrize("subject", [Subject.SERIAL_NUMBER, Subject.ENTRA_DEVICE])
async def test_a_device_that_nobody_knows_opens_nothing(subject: Subject) -> None:
    world = World()
    assert await take(world, replace(world.hint(), subject=subject, key="unknown")) is T.NO_SUCH_DEVICE
    assert sent(world) == []


async def test_switched_off_nothing_is_opened() -> None:
    world = World(Mode.OFF)
    assert await take(world) is T.SWITCHED_OFF
    assert await world.cases.load(story.CASE_ID) is None


@pytest.mark.parametrize("state", [state for state in S if not state.ended])
async def test_a_repeat_about_an_open_case_changes_nothing(state: CaseState) -> None:
    world = World()
    case = await put(world, state)
    assert await take(world) is T.ALREADY_HANDLED
    assert await world.case() == case
    assert sent(world) == []


async def test_the_same_hint_twenty_times_at_once_opens_one_case() -> None:
    world = World()
    taken = await asyncio.gather(*(take(world) for _ in range(20)))
    assert taken.count(T.OPENED) == 1
    assert set(taken) <= {T.OPENED, T.ALREADY_HANDLED, T.LATER, T.REPEATED}
    assert taken.count(T.LATER) <= 1
    assert len(await world.cases.journal(story.CASE_ID)) == 1
    assert world.devices.finds == 1


@pytest.mark.parametrize("state", [state for state in S if state.ended])
async def test_an_ended_case_is_reopened_but_not_by_an_echo(state: CaseState) -> None:
    world = World()
    ended = await put(world, state)
    rest = RESPECT_A_PERSON_FOR if state is S.CANCELLED else REPEAT_WITHIN
    world.clock.move(rest - timedelta(seconds=1))
    assert await take(world) is (T.ALREADY_HANDLED if state is S.CANCELLED else T.LATER)
    world.clock.move(timedelta(seconds=1))
    assert await take(world) is T.REOPENED
    case = await world.case()
    assert (case.state, case.episode, case.version) == (S.OPENED, ended.episode + 1, ended.version + 1)
    assert (case.owner, case.approval, case.bound, case.readings) == (None, None, False, None)
    assert sent(world) == [StepDue(case_id=case.id, version=case.version)]


def licence_hint(world: World) -> Hint:
    return replace(world.hint(Cause.USER_CHANGED), subject=Subject.USER, key=story.OWNER_ID)


@pytest.mark.parametrize(
    ("state", "reason", "woken_to"),
    [
        (S.AWAITING_SEAT, Reason.NO_FREE_SEAT, S.AWAITING_SEAT),
        *((S.NEEDS_PERSON, reason, S.OPENED) for reason in LICENCE_REASONS),
    ],
)
async def test_a_changed_licence_wakes_the_cases_that_wait_for_it(
    state: CaseState, reason: Reason, woken_to: CaseState
) -> None:
    world = World()
    await put(world, state, reason=reason)
    assert await take(world, licence_hint(world)) is T.WOKEN
    case = await world.case()
    assert (case.state, case.due_at) == (woken_to, world.clock.now())
    assert sent(world) == [StepDue(case_id=case.id, version=case.version)]


@pytest.mark.parametrize(
    ("state", "reason"), [(S.WATCHING, Reason.LICENCE_IN_PLACE), (S.NEEDS_PERSON, Reason.WRONG_USER_SIGNED_IN)]
)
async def test_a_changed_licence_wakes_nobody_else(state: CaseState, reason: Reason) -> None:
    world = World()
    case = await put(world, state, reason=reason)
    assert await take(world, licence_hint(world)) is T.NOBODY_WAITS
    assert await world.case() == case


async def test_a_changed_licence_of_somebody_else_wakes_nobody() -> None:
    world = World()
    await put(world, S.AWAITING_SEAT)
    assert await take(world, replace(licence_hint(world), key=story.STAGING_ID)) is T.NOBODY_WAITS


async def test_a_changed_group_asks_for_a_sweep_since_it_does_not_say_who_joined() -> None:
    world = World()
    hint = replace(world.hint(Cause.GROUP_CHANGED), subject=Subject.GROUP, key=story.OWNER_ID)
    assert await take(world, hint) is T.SWEEP_ASKED
    assert await SubscriptionBook(world.rows, world.ids).sweep_asked_at() == world.clock.now()


@pytest.mark.parametrize("subject", [Subject.ENTRA_DEVICE, Subject.SERIAL_NUMBER])
async def test_a_hint_that_needs_graph_waits_at_the_gate(subject: Subject) -> None:
    world = World()
    gate = GraphGate(Ledger(world.rows, world.ids))
    await gate.close(world.clock.now() + timedelta(minutes=10))
    with pytest.raises(RetryLater) as waits:
        await take(world, replace(world.hint(), subject=subject))
    assert waits.value.after == timedelta(minutes=10)
    assert world.devices.reads.total() == 0


async def test_a_hint_that_names_its_enrolment_does_not_wait_at_the_gate() -> None:
    world = World()
    await GraphGate(Ledger(world.rows, world.ids)).close(world.clock.now() + timedelta(minutes=10))
    hint = replace(world.hint(), subject=Subject.MANAGED_DEVICE, key=story.DEVICE_ID)
    assert await take(world, hint) is T.OPENED


async def test_a_throttled_look_for_a_device_closes_the_gate_for_all() -> None:
    world = World()

    async def throttled() -> None:
        raise RetryLater("429", timedelta(minutes=3), throttled=True)

    busy = Interference(lambda call: call.name == "devices.with_serial_number", throttled)
    with pytest.raises(RetryLater):
        await world.another_worker(busy).take_hint.open_or_wake(world.hint())
    gate = GraphGate(Ledger(world.rows, world.ids))
    assert await gate.closed_until(world.clock.now()) == world.clock.now() + timedelta(minutes=3)


async def test_storage_that_is_away_is_raised_for_the_queue() -> None:
    world = World()
    world.rows.away = True
    with pytest.raises(RetryLater):
        await take(world)


class AlwaysSecond(CaseStore):
    """Somebody else is always quicker."""

    async def save(self, stored: Stored, case: Case, entries: Sequence[JournalEntry]) -> Stored:
        raise Changed(f"{case.id} was written by somebody else, {len(entries)} entries after {stored.etag}")


async def test_an_assignment_that_loses_every_race_comes_again_and_is_not_forgotten() -> None:
    world = World()
    await put(world, S.NEEDS_PERSON, reason=Reason.OWNER_UNKNOWN, owner=None)
    assigned = world.hint(Cause.USER_ASSIGNED, owner=story.OWNER_UPN)
    take_hint = replace(world.services.take_hint, cases=AlwaysSecond(world.rows, world.ids))
    with pytest.raises(RetryLater):
        await take_hint.open_or_wake(assigned)
    untaken = await take_hint.take_all([assigned])
    assert untaken is not None and untaken.hints == (assigned,)
    assert await take(world, assigned) is T.WOKEN


async def test_a_hint_is_never_evidence() -> None:
    """Whatever it claims, the device is read: a compliant one is left alone."""
    world = World()
    world.devices.change(story.DEVICE_ID, compliance=Compliance.COMPLIANT)
    await take(world)
    await world.live()
    assert (await world.case()).state is S.NO_ACTION_NEEDED
    assert world.graph_writes() == {}


@pytest.mark.long
async def test_ten_thousand_repeats_within_a_minute_are_one_case_and_at_most_two_looks() -> None:
    world = World()
    world.devices.change(story.DEVICE_ID, compliance=Compliance.COMPLIANT)
    services = world.services
    for number in range(10_000):
        if number % 40 == 0:
            services = world.another_worker()  # the window is not of one process
        await services.take_hint.open_or_wake(replace(world.hint(), at=world.clock.now()))
        if number % 100 == 0:
            await world.step() if number else None
            world.clock.move(timedelta(milliseconds=590))
    assert (await world.case()).state is S.NO_ACTION_NEEDED
    assert len(world.messages.queues[HINTS]) == 1, "one more look"
    await world.live(until=world.clock.now() + timedelta(hours=1))
    assert (await world.case()).episode == 2
    assert world.messages.queues[HINTS] == []
    assert world.devices.finds <= 2
    assert world.devices.reads.total() <= 2


async def test_what_happens_right_after_a_look_is_looked_at_once_more() -> None:
    """The device was compliant when it was read, and is not any more when it is heard of again: not swallowed."""
    world = World()
    world.devices.change(story.DEVICE_ID, compliance=Compliance.COMPLIANT)
    await take(world)
    await world.live()
    assert (await world.case()).state is S.NO_ACTION_NEEDED
    world.devices.change(story.DEVICE_ID, compliance=Compliance.NONCOMPLIANT)
    assert await take(world) is T.LATER
    assert [await take(world) for _ in range(3)] == [T.REPEATED] * 3
    await world.live(until=world.clock.now() + REPEAT_WITHIN + timedelta(minutes=2))
    case = await world.case()
    assert case.episode == 2
    assert not case.state.ended


async def test_a_second_look_is_sent_again_by_the_message_that_died_before_it_was_sent() -> None:
    world = World()
    await put(world, S.NO_ACTION_NEEDED)
    world.clock.move(timedelta(minutes=1))
    hint = replace(world.hint(), subject=Subject.MANAGED_DEVICE, key=story.DEVICE_ID)
    at = world.clock.now() + REPEAT_WITHIN
    await AskedBook(Ledger(world.rows, world.ids)).ask_again(
        hint.subject, hint.key, at, world.clock.now(), "the message"
    )
    take_hint = world.services.take_hint
    assert await take_hint.open_or_wake(hint, "another message") is T.REPEATED
    assert await take_hint.open_or_wake(hint, "the message") is T.LATER
    assert len(world.messages.queues[HINTS]) == 1


async def test_when_the_second_look_cannot_be_sent_the_hint_itself_comes_again() -> None:
    world = World()
    await put(world, S.NO_ACTION_NEEDED)
    world.messages.away = True
    with pytest.raises(RetryLater):
        await take(world)
    world.messages.away = False
    assert await take(world) is T.LATER


async def test_a_device_that_was_not_there_a_moment_ago_is_looked_for_again() -> None:
    world = World()
    device = world.devices.devices.pop(story.DEVICE_ID)
    world.autopilot.registrations.clear()
    assert await take(world) is T.NO_SUCH_DEVICE
    world.devices.devices[device.id] = device
    assert [await take(world) for _ in range(3)] == [T.LATER, T.REPEATED, T.REPEATED]
    assert world.devices.finds == 1
    await world.live(until=world.clock.now() + timedelta(minutes=5))
    await world.case()


async def test_repeats_of_an_assignment_to_a_pc_that_nobody_knows_ask_graph_once() -> None:
    world = World()
    world.devices.devices.clear()
    world.autopilot.registrations.clear()
    hint = world.hint(Cause.USER_ASSIGNED, owner=story.OWNER_UPN)
    assert {await take(world, hint) for _ in range(20)} == {T.NO_SUCH_DEVICE}
    assert world.devices.finds == 1
    world.clock.move(timedelta(seconds=30))
    world.autopilot.registrations[story.AUTOPILOT_ID] = story.registration()
    assert await take(world, world.hint(Cause.USER_ASSIGNED, owner=story.OWNER_UPN)) is T.OPENED


async def test_an_assignment_that_comes_while_another_worker_looks_comes_again_in_a_moment() -> None:
    world = World()
    hint = world.hint(Cause.USER_ASSIGNED, owner=story.OWNER_UPN)
    asked = AskedBook(Ledger(world.rows, world.ids))
    await asked.begin_to_look(hint.subject, hint.key, world.clock.now(), unless_within=timedelta(minutes=1))
    with pytest.raises(RetryLater) as raised:
        await take(world, hint)
    assert raised.value.after is not None and raised.value.after < timedelta(minutes=1)


async def test_a_worker_that_died_while_it_looked_is_followed_by_another() -> None:
    world = World()
    asked = AskedBook(Ledger(world.rows, world.ids))
    hint = world.hint()
    await asked.begin_to_look(hint.subject, hint.key, world.clock.now(), unless_within=timedelta(minutes=1))
    assert await take(world) is T.LATER
    await world.live(until=world.clock.now() + timedelta(minutes=5))
    await world.case()


async def test_a_storm_of_changes_of_a_user_wakes_the_waiting_case_twice() -> None:
    world = World()
    await put(world, S.AWAITING_SEAT)
    taken = [await take(world, licence_hint(world)) for _ in range(1000)]
    assert (taken.count(T.WOKEN), taken.count(T.LATER), taken.count(T.REPEATED)) == (1, 1, 998)
    world.clock.move(WAKE_AGAIN_AFTER + timedelta(minutes=1))
    (again,) = [read_hints(body) for body in world.messages.take(HINTS)]
    assert await world.services.take_hint.take_all(again) is None
    assert len(await world.cases.journal(story.CASE_ID)) == 3


async def test_the_users_of_one_message_are_woken_by_one_reading_of_the_worklist() -> None:
    world = World()
    await put(world, S.AWAITING_SEAT)
    scans: list[str] = []
    scan = world.rows.scan

    def counted(table: str, partition: str | None = None, **rest: Any) -> AsyncIterator[Row]:
        scans.append(table)
        return scan(table, partition, **rest)

    world.rows.scan = counted
    users = [replace(licence_hint(world), key=f"{number:08}-0000-4000-8000-000000000000") for number in range(31)]
    assert await world.services.take_hint.take_all([*users, licence_hint(world)]) is None
    assert (await world.case()).due_at == world.clock.now()
    assert len(scans) == 1


async def test_a_throttled_look_closes_the_gate_and_the_next_one_asks_nothing() -> None:
    world = World()
    world.devices.find_answers = [RetryLater("429", timedelta(seconds=90), throttled=True)]
    for _ in range(3):
        with pytest.raises(RetryLater):
            await take(world)
    assert world.devices.finds == 1
    assert await GraphGate(Ledger(world.rows, world.ids)).closed_until(world.clock.now()) is not None
    world.clock.move(timedelta(seconds=91))
    assert await take(world) is T.OPENED
    assert await GraphGate(Ledger(world.rows, world.ids)).enter(world.clock.now()) == Passage()
