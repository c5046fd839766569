"""The shared reading of new enrolments: whose case goes on from it, whose looks for itself, and whose is left asleep."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.case import Case
from shared.domain.facts import Compliance
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.errors import AccessDenied, HandoverError, RetryLater, Unexpected
from shared.names import CASE_STEPS, WORKLIST
from shared.remedy.messages import StepDue, read_step
from shared.upkeep.watch_returns import FIRST_EVALUATION_TAKES
from tests.fakes import story
from tests.fakes.interference import Interference
from tests.fakes.world import World

S = CaseState
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


async def waiting(state: CaseState = S.AWAITING_RETURN, **fields: object) -> World:
    """A world in which DEF456's PC was wiped an hour ago; its own next look is a day away."""
    world = World()
    now = world.clock.now()
    values = {"wipe": story.attempt(now, sent=True), "due_at": now + DAY, **fields}
    await world.put(story.case_in(state, world.policy, now, **values))
    world.clock.move(timedelta(hours=1))
    return world


def sent(world: World) -> list[StepDue]:
    return [read_step(message.body) for message in world.messages.queues[CASE_STEPS]]


def enrol(world: World, *, compliance: Compliance = Compliance.COMPLIANT, **fields: object) -> None:
    back = story.returned_device(world.clock.now(), story.licensed_owner())
    world.devices.devices[back.id] = replace(back, compliance=compliance)
    world.devices.change(back.id, **fields)


async def woken(world: World) -> Case:
    """The case is due now, and looks for itself."""
    assert await world.services.watch_returns.run() == 1
    case = await world.case()
    assert case.due_at == world.clock.now()
    assert sent(world) == [StepDue(case_id=case.id, version=case.version)]
    return case


async def went_on(world: World, state: CaseState, reason: Reason) -> Case:
    """The case was decided from the one list."""
    assert await world.services.watch_returns.run() == 1
    case = await world.case()
    assert (case.state, case.reason, world.devices.lists) == (state, reason, 1)
    return case


async def proven(world: World) -> Case:
    return await went_on(world, S.PROVEN, Reason.COMPLIANT_UNDER_OWNER)


async def came_back_twice() -> World:
    """The device was back and waited for proof, and now another enrolment of it is the only one."""
    world = await waiting(S.AWAITING_PROOF, returned_device_id="its-first-enrolment")
    enrol(world)
    return world


async def test_a_compliant_device_under_its_owner_is_proven_by_the_list_that_found_it() -> None:
    world = await waiting()
    enrol(world)
    case = await proven(world)
    assert case.returned_device_id == story.RETURNED_ID
    assert await world.states() == [S.AWAITING_RETURN, S.AWAITING_PROOF, S.PROVEN]
    assert await world.paid_wipes() == 0


async def test_of_two_enrolments_since_the_wipe_the_newest_counts() -> None:
    world = await waiting()
    world.clock.move(timedelta(hours=1))
    enrol(world)
    earlier = replace(
        world.devices.devices[story.RETURNED_ID],
        id="earlier",
        user_id=story.STAGING_ID,
        enrolled_at=world.clock.now() - MINUTE,
    )
    world.devices.devices = {earlier.id: earlier, **world.devices.devices}
    await proven(world)


async def test_the_serial_number_is_recognised_in_any_case() -> None:
    world = await waiting()
    enrol(world, serial_number=f" {story.SERIAL_NUMBER.lower()} ")
    await proven(world)


async def test_a_device_that_came_back_under_somebody_else_is_a_persons_at_once() -> None:
    world = await waiting()
    enrol(world, compliance=Compliance.NONCOMPLIANT, user_id=story.STAGING_ID)
    await went_on(world, S.NEEDS_PERSON, Reason.WRONG_USER_SIGNED_IN)


async def test_a_device_that_is_not_evaluated_yet_is_given_two_hours() -> None:
    world = await waiting()
    enrol(world, compliance=Compliance.UNKNOWN)
    assert await world.services.watch_returns.run() == 0
    world.clock.move(FIRST_EVALUATION_TAKES)
    world.devices.lists = 0
    case = await went_on(world, S.AWAITING_PROOF, Reason.BACK_UNDER_OWNER)
    assert sent(world) == [StepDue(case_id=case.id, version=case.version)]


async def test_a_case_that_waits_for_proof_is_proven_when_its_device_is_compliant() -> None:
    world = await waiting(S.AWAITING_PROOF, returned_device_id=story.RETURNED_ID)
    enrol(world, compliance=Compliance.NONCOMPLIANT)
    world.clock.move(FIRST_EVALUATION_TAKES)
    assert await world.services.watch_returns.run() == 0
    world.devices.change(story.RETURNED_ID, compliance=Compliance.COMPLIANT)
    world.devices.lists = 0
    await proven(world)


async def test_a_case_that_waits_for_proof_of_another_enrolment_looks_for_itself() -> None:
    """What is not in the list of new enrolments may be there nevertheless: a case does not end for that."""
    world = await came_back_twice()
    case = await woken(world)
    assert case.state is S.AWAITING_PROOF


async def test_the_record_that_was_wiped_is_no_return_whatever_its_time() -> None:
    world = await waiting()
    enrol(world, id=story.DEVICE_ID)
    world.devices.devices[story.DEVICE_ID] = world.devices.devices.pop(story.RETURNED_ID)
    assert await world.services.watch_returns.run() == 0
    assert sent(world) == []


async def test_no_list_is_read_while_graph_lets_nobody_in() -> None:
    world = await waiting()
    enrol(world)
    await world.services.advance.gate.close(world.clock.now() + DAY)
    assert await world.services.watch_returns.run() == 0
    assert (await world.case(), world.devices.lists) == (await asleep(), 0)


async def asleep() -> Case:
    """The case as nobody touched it."""
    return await (await waiting()).case()


async def test_a_gate_that_closes_after_the_list_was_read_holds_the_case() -> None:
    world = await waiting()
    enrol(world)
    gate = world.services.advance.gate

    async def close() -> None:
        await gate.close(world.clock.now() + DAY)

    closing = Interference(lambda call: call.name == "devices.enrolled_since", close)
    assert await world.another_worker(closing).watch_returns.run() == 0
    assert (await world.case()).reason is Reason.GRAPH_BUSY


@pytest.mark.parametrize("trouble", [RetryLater("503"), AccessDenied("403"), Unexpected("500 pages")])
async def test_a_list_that_cannot_be_read_wakes_nobody_and_is_told(
    trouble: HandoverError, caplog: pytest.LogCaptureFixture
) -> None:
    world = await waiting()
    enrol(world)

    async def refuse() -> None:
        raise trouble

    refusing = Interference(lambda call: call.name == "devices.enrolled_since", refuse)
    assert await world.another_worker(refusing).watch_returns.run() == 0
    assert "returns.unreadable" in [record.getMessage() for record in caplog.records]
    await proven(world)


@pytest.mark.parametrize(
    ("timer", "call"),
    [
        ("watch_returns", "devices.enrolled_since"),
        ("watch_fleet", "tenant.fleet"),
        ("watch_wipes", "devices.wipe_audits"),
    ],
)
async def test_a_timer_that_graph_throttles_closes_the_gate_for_all(timer: str, call: str) -> None:
    world = await waiting()

    async def throttle() -> None:
        raise RetryLater("429", timedelta(minutes=3), throttled=True)

    throttled = Interference(lambda each: each.name == call, throttle)
    assert not await getattr(world.another_worker(throttled), timer).run()
    closed_until = await world.services.advance.gate.closed_until(world.clock.now())
    assert closed_until == world.clock.now() + timedelta(minutes=3)


async def test_more_devices_than_one_run_has_time_for_get_a_message_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.upkeep.watch_returns.MOST_AT_ONCE", 0)
    world = await waiting()
    enrol(world)
    await woken(world)


@pytest.mark.parametrize(
    "enrolled_at", [story.START, story.START - MINUTE, None], ids=["at the wipe", "before the wipe", "not known"]
)
async def test_an_enrolment_that_is_not_after_the_wipe_wakes_nobody(enrolled_at: object) -> None:
    world = await waiting()
    enrol(world, enrolled_at=enrolled_at)
    assert await world.services.watch_returns.run() == 0
    assert sent(world) == []


async def test_an_enrolment_between_an_older_wipe_and_its_own_wakes_nobody() -> None:
    """The list begins at the oldest wipe that is waited for, and this device was wiped later."""
    world = await waiting()
    before = story.attempt(story.START - DAY, sent=True)
    other = {"id": "device-other", "serial_number": "OTHER", "wipe": before, "due_at": world.clock.now() + DAY}
    await world.put(story.case_in(S.AWAITING_RETURN, world.policy, world.clock.now(), **other))
    enrol(world, enrolled_at=story.START - MINUTE)
    assert await world.services.watch_returns.run() == 0
    assert sent(world) == []


async def test_a_case_that_has_moved_on_is_not_woken_by_a_worklist_line_that_lags_behind() -> None:
    world = await waiting()
    enrol(world)
    (line,) = [row async for row in world.rows.scan(WORKLIST)]
    await world.services.advance.give_up(story.CASE_ID, (await world.case()).version)
    await world.rows.upsert(WORKLIST, line.partition, line.key, line.data)
    case = await world.case()
    assert await world.services.watch_returns.run() == 0
    assert await world.case() == case


async def test_other_devices_wake_nobody() -> None:
    world = await waiting()
    enrol(world, serial_number="OTHER")
    assert await world.services.watch_returns.run() == 0


@pytest.mark.parametrize("state", [s for s in S if s not in (S.AWAITING_RETURN, S.AWAITING_PROOF) and not s.ended])
async def test_only_cases_that_wait_for_a_return_are_woken(state: CaseState) -> None:
    world = await waiting(state)
    enrol(world)
    assert await world.services.watch_returns.run() == 0
    assert sent(world) == []


async def test_without_a_waiting_case_graph_is_not_asked() -> None:
    world = World()
    await world.services.watch_returns.run()
    assert world.devices.lists == 0


async def test_all_waiting_cases_share_one_list() -> None:
    world = await waiting()
    now = world.clock.now()
    other = story.case_in(
        S.AWAITING_PROOF,
        world.policy,
        now,
        id="device-other",
        serial_number="OTHER",
        wipe=story.attempt(now, sent=True),
    )
    await world.put(other)
    enrol(world)
    await proven(world)


async def test_a_case_that_was_woken_and_not_yet_stepped_gets_its_message_again_but_no_second_move() -> None:
    world = await came_back_twice()
    case = await woken(world)
    world.clock.move(timedelta(minutes=15))
    assert await world.services.watch_returns.run() == 0
    assert await world.case() == case
    assert sent(world) == [StepDue(case_id=case.id, version=case.version)] * 2


async def test_somebody_who_moves_the_case_meanwhile_wins() -> None:
    world = await waiting()
    enrol(world)
    case = await world.case()
    moved_meanwhile = Interference(
        lambda call: call.name == "devices.enrolled_since",
        lambda: world.services.advance.give_up(case.id, case.version),
    )
    assert await world.another_worker(moved_meanwhile).watch_returns.run() == 0
    assert (await world.case()).state is S.NEEDS_PERSON


async def test_of_two_waiting_cases_with_one_serial_number_none_is_lost() -> None:
    world = await waiting()
    now = world.clock.now()
    twin = story.case_in(
        S.AWAITING_RETURN,
        world.policy,
        now,
        id="device-twin",
        serial_number=f" {story.SERIAL_NUMBER.lower()}",
        wipe=story.attempt(now - MINUTE, sent=True),
        due_at=now + DAY,
    )
    await world.put(twin)
    enrol(world)
    assert await world.services.watch_returns.run() == 2
    assert {(await world.case(each)).state for each in (story.CASE_ID, twin.id)} == {S.PROVEN}
