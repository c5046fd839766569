"""The case-steps queue and its poison twin."""

import json
from collections.abc import Awaitable, Callable

import azure.functions as func
import pytest

from handlers import steps
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.errors import RetryLater
from shared.names import CASE_STEPS
from shared.records.parked import ParkedInput, ParkingLot
from shared.remedy.messages import StepDue, write_step
from tests.fakes import story
from tests.fakes.world import World
from tests.handlers.arguments import message

S = CaseState
Handler = Callable[[func.QueueMessage], Awaitable[None]]
MALFORMED = [
    "",
    "not JSON",
    "[]",
    "null",
    '{"v": 1}',
    '{"v": 2, "case": "device-1", "version": 1}',
    '{"v": 1, "case": "device-1", "version": "1"}',
    json.dumps({"v": 1, "case": "device/1", "version": 1}),
    json.dumps({"v": 1, "case": "device#1", "version": 1}),
    json.dumps({"v": 1, "case": "device-\n", "version": 1}),
    json.dumps({"v": 1, "case": "\ud800", "version": 1}),
    json.dumps({"v": 1, "case": "", "version": 1}),
    json.dumps({"v": 1, "case": "x" * 101, "version": 1}),
]


async def parked(world: World) -> list[ParkedInput]:
    return await ParkingLot(world.rows, world.ids).everything()


async def test_a_step_message_moves_its_case(world: World) -> None:
    case = await world.put(story.case_in(S.OPENED, world.policy, world.clock.now()))
    await steps.take_case_step(message(write_step(StepDue(case_id=case.id, version=case.version))))
    assert (await world.case()).version > case.version


@pytest.mark.parametrize("version", [6, 8])
async def test_a_stale_message_is_taken_and_changes_nothing(world: World, version: int) -> None:
    case = await world.put(story.case_in(S.OPENED, world.policy, world.clock.now()))
    await steps.take_case_step(message(write_step(StepDue(case_id=case.id, version=version))))
    assert await world.case() == case


async def test_a_message_about_a_case_that_nobody_knows_is_taken(world: World) -> None:
    await steps.take_case_step(message(write_step(StepDue(case_id="device-unknown", version=1))))
    assert await parked(world) == []


@pytest.mark.parametrize("body", MALFORMED, ids=range(len(MALFORMED)))
@pytest.mark.parametrize("handler", [steps.take_case_step, steps.give_up_case_step], ids=["step", "poison"])
async def test_a_malformed_message_is_parked_and_never_tried_again(world: World, handler: Handler, body: str) -> None:
    await handler(message(body))
    (aside,) = await parked(world)
    assert (aside.source, aside.body) == (CASE_STEPS, body)
    assert aside.reason.startswith("the step message")


async def test_trouble_is_raised_for_the_queue_to_try_again(world: World) -> None:
    case = await world.put(story.case_in(S.OPENED, world.policy, world.clock.now()))
    world.rows.away = True
    with pytest.raises(RetryLater):
        await steps.take_case_step(message(write_step(StepDue(case_id=case.id, version=case.version))))


async def test_a_poisoned_step_hands_its_case_to_a_person(world: World) -> None:
    case = await world.put(story.case_in(S.WATCHING, world.policy, world.clock.now()))
    await steps.give_up_case_step(message(write_step(StepDue(case_id=case.id, version=case.version))))
    case = await world.case()
    assert (case.state, case.reason) == (S.NEEDS_PERSON, Reason.STEP_FAILED)


async def test_a_poisoned_step_of_a_case_that_moved_on_changes_nothing(world: World) -> None:
    case = await world.put(story.case_in(S.WATCHING, world.policy, world.clock.now()))
    await steps.give_up_case_step(message(write_step(StepDue(case_id=case.id, version=case.version - 1))))
    assert await world.case() == case
