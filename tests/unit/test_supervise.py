"""The supervisor: what it sends again, what it leaves alone, and how it mends a worklist that lags behind."""

from datetime import datetime, timedelta

import pytest

from shared.domain.states import CaseState
from shared.names import CASE_STEPS, CASES, WORKLIST
from shared.records.ledger import Ledger
from shared.remedy.messages import StepDue, read_step
from shared.rules.decide import RULES
from shared.upkeep.supervise import LATE_AFTER, SETTLED_AFTER, VERIFY_AFTER
from tests.fakes import story
from tests.fakes.interference import Interference, die
from tests.fakes.world import World

S = CaseState
A_SECOND = timedelta(seconds=1)


def sent(world: World) -> list[StepDue]:
    return [read_step(message.body) for message in world.messages.queues[CASE_STEPS]]


async def worklist(world: World) -> list[tuple[CaseState, object]]:
    return [(listed.state, listed.due_at) async for listed in world.cases.open_cases()]


async def test_an_overdue_case_gets_its_step_message_again() -> None:
    world = World()
    case = await world.put(story.case_in(S.WATCHING, world.policy, world.clock.now()))
    world.clock.move(LATE_AFTER)
    assert await world.services.supervise.run() == 1
    assert sent(world) == [StepDue(case_id=case.id, version=case.version)]


async def test_a_case_that_is_not_late_yet_is_left_to_its_message() -> None:
    world = World()
    await world.put(story.case_in(S.WATCHING, world.policy, world.clock.now()))
    world.clock.move(LATE_AFTER - A_SECOND)
    assert await world.services.supervise.run() == 0
    assert sent(world) == []


@pytest.mark.parametrize("state", RULES)
async def test_no_state_in_which_handover_goes_on_by_itself_is_forgotten(state: CaseState) -> None:
    world = World()
    await world.put(story.case_in(state, world.policy, world.clock.now()))
    world.clock.move(LATE_AFTER)
    assert await world.services.supervise.run() == 1


@pytest.mark.parametrize("due_at", [None, story.START])
async def test_a_case_that_rests_for_a_person_is_not_pushed(due_at: datetime | None) -> None:
    world = World()
    await world.put(story.case_in(S.NEEDS_PERSON, world.policy, world.clock.now(), due_at=due_at))
    world.clock.move(timedelta(days=30))
    assert await world.services.supervise.run() == 0
    assert len(await worklist(world)) == 1


async def test_two_supervisors_at_once_do_no_harm() -> None:
    world = World()
    await world.put(story.case_in(S.OPENED, world.policy, world.clock.now()))
    world.clock.move(LATE_AFTER)
    await world.services.supervise.run()
    await world.another_worker().supervise.run()
    assert len(sent(world)) == 2
    await world.live()
    assert world.devices.wiped.total() == 1


async def test_a_worklist_line_that_lags_behind_is_mended_from_the_row() -> None:
    world = World()
    now = world.clock.now()
    await world.put(story.case_in(S.WATCHING, world.policy, now))
    (line,) = [row async for row in world.rows.scan(WORKLIST)]
    stored = await world.cases.load(story.CASE_ID)
    assert stored is not None
    later = story.case_in(S.WATCHING, world.policy, now, version=8, due_at=now + timedelta(hours=9))
    await world.cases.save(stored, later, [])
    await world.rows.upsert(WORKLIST, line.partition, line.key, line.data)  # the line was not written any more
    world.clock.move(LATE_AFTER)
    assert await world.services.supervise.run() == 0
    assert await worklist(world) == [(S.WATCHING, now + timedelta(hours=9))]


async def test_the_line_of_an_ended_case_is_removed() -> None:
    world = World()
    now = world.clock.now()
    await world.put(story.case_in(S.AWAITING_PROOF, world.policy, now))
    (line,) = [row async for row in world.rows.scan(WORKLIST)]
    stored = await world.cases.load(story.CASE_ID)
    assert stored is not None
    await world.cases.save(stored, story.case_in(S.PROVEN, world.policy, now, version=8), [])
    await world.rows.upsert(WORKLIST, line.partition, line.key, line.data)
    world.clock.move(LATE_AFTER)
    assert await world.services.supervise.run() == 0
    assert await worklist(world) == []


async def test_the_line_of_a_case_that_was_never_written_is_removed() -> None:
    """The worklist is written first, so a worker that stops in between leaves only the line."""
    world = World()
    await world.put(story.case_in(S.OPENED, world.policy, world.clock.now()))
    await world.rows.delete(CASES, story.CASE_ID, "case")
    world.clock.move(LATE_AFTER)
    assert await world.services.supervise.run() == 0
    assert await worklist(world) == []


async def test_an_old_line_is_compared_with_its_row_although_it_is_not_late() -> None:
    world = World()
    now = world.clock.now()
    await world.put(story.case_in(S.WATCHING, world.policy, now, due_at=now + timedelta(days=3)))
    (line,) = [row async for row in world.rows.scan(WORKLIST)]
    stored = await world.cases.load(story.CASE_ID)
    assert stored is not None
    woken = story.case_in(S.WATCHING, world.policy, now, version=8, due_at=now)
    await world.cases.save(stored, woken, [])
    await world.rows.upsert(WORKLIST, line.partition, line.key, line.data)
    world.clock.move(VERIFY_AFTER - A_SECOND)
    assert await world.services.supervise.run() == 0
    world.clock.move(A_SECOND)
    assert await world.services.supervise.run() == 1
    assert sent(world) == [StepDue(case_id=woken.id, version=woken.version)]


async def test_old_lines_are_compared_twice_an_hour_by_a_process_that_goes_on_and_at_once_by_a_new_one() -> None:
    world = World()
    await world.put(story.case_in(S.NEEDS_PERSON, world.policy, world.clock.now()))
    world.clock.move(VERIFY_AFTER)
    at = Interference(lambda _: False, die)
    worker, read = world.another_worker(at), list[int]()
    for _ in range(12):
        await worker.supervise.run()
        read.append(sum(CASES in call.arguments for call in at.calls))
        world.clock.move(timedelta(minutes=5))
    assert read == [1] * 6 + [2] * 6
    new = Interference(lambda _: False, die)
    await world.another_worker(new).supervise.run()
    assert sum(CASES in call.arguments for call in new.calls) == 1


async def test_every_line_of_the_worklist_is_looked_at() -> None:
    world = World()
    for number in range(64):
        await world.put(story.case_in(S.WATCHING, world.policy, world.clock.now(), id=f"device-{number}"))
    world.clock.move(LATE_AFTER)
    assert await world.services.supervise.run() == 64


async def test_a_proof_that_never_reached_the_record_of_wipes_is_written_there_later() -> None:
    """A worker that dies between the two writes must not keep every later device waiting for this one."""
    world = World()
    await world.put_intended()
    await world.live()
    case = await world.case()
    assert case.state is S.PROVEN and case.wipe is not None
    ledger = Ledger(world.rows, world.ids)
    record = await ledger.read("wipe-budget", "record")
    assert record is not None
    unsettled = [{name: value for name, value in wipe.items() if name != "verified"} for wipe in record["wipes"]]
    await ledger.replace("wipe-budget", "record", {**record, "wipes": unsettled})
    open_wipes = await world.budget.still_open(paid_before=world.clock.now())
    assert open_wipes == (story.DEVICE_ID,)

    world.clock.move(SETTLED_AFTER)
    await world.services.supervise.run()

    assert await world.budget.still_open(paid_before=world.clock.now()) == ()
