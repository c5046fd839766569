"""The API of what was set aside: look, replay (mended if need be), discard; and nothing that leads around the wipe's protocol."""

import json
from datetime import timedelta
from typing import Any

import azure.functions as func
import pytest

from handlers import events, parked, steps
from shared.domain.states import CaseState
from shared.names import CASE_STEPS, DEVICE_EVENTS, HINTS, INTUNE_LOGS, NOTICES, QUEUES, WIPE_STEPS
from shared.operate.parked_input import MOST_ON_A_PAGE
from shared.records.parked import ParkingLot
from shared.remedy.messages import StepDue, write_step
from shared.rules.decide import AFTER_THE_WIPE
from tests.fakes import story
from tests.fakes.world import World
from tests.handlers.arguments import FROM_OUR_PROGRAM, PLAYED, Handler, message, ok, problem, request

EVENT = {
    "specversion": "1.0",
    "id": "event-1",
    "source": "/itsm",
    "type": "device.noncompliant",
    "data": {"serialNumber": story.SERIAL_NUMBER},
}
WRONG = {**EVENT, "data": {}}


async def park(world: World, source: str, body: str) -> str:
    await world.services.park(source, body, "it could not be used")
    return (await ParkingLot(world.rows, world.ids).everything())[-1].id


def about(parked_id: str, fields: object = None, *, by: str = "Ada") -> func.HttpRequest:
    headers = {**FROM_OUR_PROGRAM, PLAYED: f"{by};Operator"}
    return request(json.dumps(fields), route={"parked_id": parked_id}, headers=headers)


async def listed(**query: str) -> dict[str, Any]:
    return await ok(parked.list_parked, request(method="GET", query=query))


async def test_a_wrong_event_is_listed_shown_mended_and_replayed(world: World) -> None:
    await events.take_device_event(message(json.dumps(WRONG)))
    (one,) = (await listed())["parked"]
    assert (one["source"], one["settled"]) == (DEVICE_EVENTS, None)
    assert "names no device" in one["reason"]
    assert "body" not in one
    assert json.loads((await ok(parked.show_parked, about(one["id"])))["body"]) == WRONG

    replayed = await ok(parked.replay_parked, about(one["id"], {"body": EVENT}))
    assert (replayed["settled"]["how"], replayed["settled"]["by"], replayed["settled"]["why"]) == (
        "replayed",
        "Ada",
        "mended",
    )
    for body in world.messages.take(DEVICE_EVENTS):
        await events.take_device_event(message(body))
    assert (await world.case()).state is CaseState.OPENED
    assert (await listed())["parked"] == []
    assert [each["id"] for each in (await listed(settled="true"))["parked"]] == [one["id"]]


@pytest.mark.parametrize("source", [*QUEUES, INTUNE_LOGS])
async def test_whatever_was_set_aside_is_listed_wherever_it_came_from(world: World, source: str) -> None:
    parked_id = await park(world, source, "nonsense")
    assert [each["id"] for each in (await listed())["parked"]] == [parked_id]
    assert [each["id"] for each in (await listed(source=source))["parked"]] == [parked_id]


async def test_a_message_about_a_notice_is_replayed_as_it_was(world: World) -> None:
    pointer = '{"v":1,"month":"2026-03","key":"freeze-20260302T080000"}'
    await ok(parked.replay_parked, about(await park(world, NOTICES, pointer), {}))
    assert world.messages.take(NOTICES) == [pointer]
    unreadable = await park(world, NOTICES, "nonsense")
    assert "not JSON" in await problem(400, parked.replay_parked, about(unreadable, {}))


async def test_replaying_twice_sends_it_once(world: World) -> None:
    parked_id = await park(world, DEVICE_EVENTS, json.dumps(EVENT))
    first = await ok(parked.replay_parked, about(parked_id, {}))
    assert await ok(parked.replay_parked, about(parked_id, {}, by="Bob")) == first
    assert len(world.messages.queues[DEVICE_EVENTS]) == 1


async def test_a_replay_that_is_sent_twice_after_all_changes_nothing(world: World) -> None:
    """Two clicks at once, or a worker that died in between."""
    for _ in range(2):
        await events.take_device_event(message(json.dumps(EVENT)))
    assert len(await world.cases.journal(story.CASE_ID)) == 1


@pytest.mark.parametrize(
    "body", ["not JSON", json.dumps(WRONG), WRONG, 5, ["x"]], ids=["text", "wrong", "object", "5", "list"]
)
async def test_a_body_that_would_be_parked_again_is_refused_with_the_reason(world: World, body: object) -> None:
    parked_id = await park(world, DEVICE_EVENTS, "not JSON")
    await problem(400, parked.replay_parked, about(parked_id, {"body": body}))
    assert world.messages.queues[DEVICE_EVENTS] == []
    assert len((await listed())["parked"]) == 1


async def test_as_it_was_it_is_read_first_too(world: World) -> None:
    parked_id = await park(world, DEVICE_EVENTS, json.dumps(WRONG))
    assert "names no device" in await problem(400, parked.replay_parked, about(parked_id, {}))


async def test_of_a_message_that_was_cut_a_whole_body_is_needed(world: World) -> None:
    long = json.dumps({**EVENT, "note": "x" * 40_000})
    parked_id = await park(world, DEVICE_EVENTS, long)
    assert "Only the beginning" in await problem(409, parked.replay_parked, about(parked_id, {}))
    await ok(parked.replay_parked, about(parked_id, {"body": EVENT}))


async def test_what_was_discarded_is_forgotten_but_for_the_reason_and_stays_so(world: World) -> None:
    parked_id = await park(world, HINTS, "a secret of somebody")
    gone = await ok(parked.discard_parked, about(parked_id, {"why": "a test"}))
    assert gone["settled"]["why"] == "a test"
    assert (await ok(parked.show_parked, about(parked_id)))["body"] == ""
    assert await ok(parked.discard_parked, about(parked_id, {"why": "again"}, by="Bob")) == gone
    assert "discarded by Ada" in await problem(409, parked.replay_parked, about(parked_id, {}, by="Bob"))


async def test_what_was_replayed_cannot_be_discarded(world: World) -> None:
    parked_id = await park(world, DEVICE_EVENTS, json.dumps(EVENT))
    await ok(parked.replay_parked, about(parked_id, {}))
    await problem(409, parked.discard_parked, about(parked_id, {"why": "late"}, by="Bob"))


async def step_of(world: World, state: CaseState, *, behind: int = 0) -> str:
    case = await world.put(story.case_in(state, world.policy, world.clock.now()))
    return write_step(StepDue(case_id=case.id, version=case.version - behind))


async def test_a_step_that_is_still_the_next_of_its_case_can_be_replayed(world: World) -> None:
    parked_id = await park(world, CASE_STEPS, await step_of(world, CaseState.WATCHING))
    await ok(parked.replay_parked, about(parked_id, {}))
    assert len(world.messages.queues[CASE_STEPS]) == 1


@pytest.mark.parametrize("source", [CASE_STEPS, WIPE_STEPS])
@pytest.mark.parametrize("state", [CaseState.WIPE_INTENDED, *sorted(AFTER_THE_WIPE)])
async def test_no_step_is_replayed_once_a_wipe_is_intended(world: World, state: CaseState, source: str) -> None:
    parked_id = await park(world, source, await step_of(world, state))
    await problem(409, parked.replay_parked, about(parked_id, {}))
    assert world.messages.queues[CASE_STEPS] == world.messages.queues[WIPE_STEPS] == []


async def test_a_step_of_before_is_refused_and_would_change_nothing_anyway(world: World) -> None:
    body = await step_of(world, CaseState.WIPE_SENT, behind=1)
    before = await world.case()
    await steps.take_wipe_step(message(body))
    await steps.take_case_step(message(body))
    assert await world.case() == before
    assert world.graph_writes() == {}


async def test_a_stale_step_and_one_of_an_unknown_case_are_not_replayed(world: World) -> None:
    stale = await park(world, CASE_STEPS, await step_of(world, CaseState.WATCHING, behind=1))
    assert "moved on" in await problem(409, parked.replay_parked, about(stale, {}))
    unknown = await park(world, CASE_STEPS, write_step(StepDue(case_id="device-unknown", version=1)))
    assert "no case" in await problem(409, parked.replay_parked, about(unknown, {}))


async def test_a_step_cannot_be_mended(world: World) -> None:
    parked_id = await park(world, CASE_STEPS, "not a step")
    body = await step_of(world, CaseState.WATCHING)
    await problem(409, parked.replay_parked, about(parked_id, {"body": body}))


async def test_intunes_records_are_not_replayed_but_discarded(world: World) -> None:
    parked_id = await park(world, INTUNE_LOGS, "not JSON")
    await problem(409, parked.replay_parked, about(parked_id, {}))
    await ok(parked.discard_parked, about(parked_id, {"why": "looked at it"}))


async def test_the_list_goes_from_page_to_page_over_all_sources(world: World) -> None:
    for number in range(MOST_ON_A_PAGE + 10):
        world.clock.move(timedelta(seconds=1))
        await park(world, (CASE_STEPS, HINTS)[number % 2], str(number))
    first = await listed()
    assert len(first["parked"]) == MOST_ON_A_PAGE
    second = await listed(after=first["next"])
    assert (len(second["parked"]), second["next"]) == (10, None)
    ids = [each["id"] for page in (first, second) for each in page["parked"]]
    assert len(set(ids)) == MOST_ON_A_PAGE + 10
    assert ids == sorted(ids)
    assert len((await listed(source=HINTS))["parked"]) == 30


@pytest.mark.parametrize("query", [{"source": "cases"}, {"settled": "maybe"}])
async def test_a_question_that_makes_no_sense_is_refused(world: World, query: dict[str, str]) -> None:
    await problem(400, parked.list_parked, request(method="GET", query=query))


@pytest.mark.parametrize(
    "parked_id", ["", "unknown", "hints.20260302T080000-" + "0" * 32, "a/b", "cases.x", "../x", "\ud800"], ids=ascii
)
@pytest.mark.parametrize("handler", [parked.show_parked, parked.replay_parked, parked.discard_parked])
async def test_what_is_not_there_is_404_however_it_is_called(world: World, handler: Handler, parked_id: str) -> None:
    await problem(404, handler, about(parked_id, {"why": "because"}))


async def test_the_one_who_did_it_is_kept_by_name_and_by_id(world: World) -> None:
    parked_id = await park(world, DEVICE_EVENTS, json.dumps(EVENT))
    settled = (await ok(parked.replay_parked, about(parked_id, {}, by="Bob")))["settled"]
    assert (settled["by"], settled["by_id"]) == ("Bob", "development:bob")


async def test_when_it_cannot_be_sent_now_it_stays_parked(world: World) -> None:
    parked_id = await park(world, DEVICE_EVENTS, json.dumps(EVENT))
    world.messages.away = True
    await problem(503, parked.replay_parked, about(parked_id, {}))
    world.messages.away = False
    assert len((await listed())["parked"]) == 1
