"""The shared reading of new enrolments: whose case it wakes, and whose it leaves asleep."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.case import Case
from shared.domain.facts import Compliance
from shared.domain.states import CaseState
from shared.names import CASE_STEPS
from shared.remedy.messages import StepDue, read_step
from shared.upkeep.watch_returns import FIRST_EVALUATION_TAKES
from tests.fakes import story
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
    assert await world.services.watch_returns.run() == 1
    case = await world.case()
    assert case.due_at == world.clock.now()
    assert sent(world) == [StepDue(case_id=case.id, version=case.version)]
    return case


async def test_a_compliant_device_under_its_owner_wakes_its_case() -> None:
    world = await waiting()
    enrol(world)
    case = await woken(world)
    assert case.state is S.AWAITING_RETURN


async def test_the_serial_number_is_recognised_in_any_case() -> None:
    world = await waiting()
    enrol(world, serial_number=f" {story.SERIAL_NUMBER.lower()} ")
    await woken(world)


async def test_a_device_that_came_back_under_somebody_else_wakes_its_case_at_once() -> None:
    world = await waiting()
    enrol(world, compliance=Compliance.NONCOMPLIANT, user_id=story.STAGING_ID)
    await woken(world)


async def test_a_device_that_is_not_evaluated_yet_is_given_two_hours() -> None:
    world = await waiting()
    enrol(world, compliance=Compliance.UNKNOWN)
    assert await world.services.watch_returns.run() == 0
    world.clock.move(FIRST_EVALUATION_TAKES)
    await woken(world)


async def test_a_case_that_waits_for_proof_wakes_when_its_device_is_compliant() -> None:
    world = await waiting(S.AWAITING_PROOF, returned_device_id=story.RETURNED_ID)
    enrol(world, compliance=Compliance.NONCOMPLIANT)
    world.clock.move(FIRST_EVALUATION_TAKES)
    assert await world.services.watch_returns.run() == 0
    world.devices.change(story.RETURNED_ID, compliance=Compliance.COMPLIANT)
    await woken(world)


@pytest.mark.parametrize(
    "enrolled_at", [story.START, story.START - MINUTE, None], ids=["at the wipe", "before the wipe", "not known"]
)
async def test_an_enrolment_that_is_not_after_the_wipe_wakes_nobody(enrolled_at: object) -> None:
    world = await waiting()
    enrol(world, enrolled_at=enrolled_at)
    assert await world.services.watch_returns.run() == 0
    assert sent(world) == []


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
    world.devices.devices = {}  # reading them would fail
    world.devices.enrolled_since = None  # pyright: ignore[reportAttributeAccessIssue]  # a call would fail
    assert await world.services.watch_returns.run() == 0


async def test_a_case_that_was_woken_and_not_yet_stepped_gets_its_message_again_but_no_second_move() -> None:
    world = await waiting()
    enrol(world)
    case = await woken(world)
    world.clock.move(timedelta(minutes=15))
    assert await world.services.watch_returns.run() == 0
    assert await world.case() == case
    assert sent(world) == [StepDue(case_id=case.id, version=case.version)] * 2


async def test_somebody_who_moves_the_case_meanwhile_wins() -> None:
    world = await waiting()
    enrol(world)
    stored = await world.cases.load(story.CASE_ID)
    assert stored is not None
    list_of_enrolments = world.devices.enrolled_since

    async def move_the_case_first(since: object):
        await world.services.advance.give_up(story.CASE_ID, stored.case.version)
        async for device in list_of_enrolments(story.START):
            yield device

    world.devices.enrolled_since = move_the_case_first
    assert await world.services.watch_returns.run() == 0
    assert (await world.case()).state is S.NEEDS_PERSON
