"""The wipe protocol: what has to be true before the one request, and what its answer, or its silence, leads to."""

import asyncio
from datetime import timedelta

import pytest

from shared.domain.effects import WipeAnswer, WipeNotSent, WipeRefused, WipeUnknown
from shared.domain.facts import WipeTarget
from shared.domain.policy import Mode
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.errors import RetryLater
from shared.names import LEDGERS
from shared.remedy.advance import Outcome
from tests.fakes import story
from tests.fakes.interference import Interference
from tests.fakes.people import ADA
from tests.fakes.world import World

S = CaseState
NONCE = "nonce-of-the-test"
REFUSED = WipeRefused(status=403, code="Forbidden", message="Multi Admin Approval is needed")


async def test_everything_right_sends_one_wipe() -> None:
    world = World()
    await world.put_intended(NONCE)
    assert await world.step() is Outcome.MOVED
    assert world.devices.wiped == {story.DEVICE_ID: 1}
    case = await world.case()
    assert case.state is S.AWAITING_RETURN
    assert case.wipe is not None and case.wipe.outcome == "accepted"
    assert await world.paid_wipes() == 1


async def test_the_wipe_is_written_down_and_paid_for_before_it_is_sent() -> None:
    world = World()
    await world.put_intended(NONCE)
    seen: list[object] = []

    async def look() -> None:
        case = await world.case()
        assert case.wipe is not None and case.approval is not None
        seen.extend((case.state, case.wipe.sent_at, case.approval.used, await world.paid_wipes()))

    await world.step(world.another_worker(Interference(lambda call: call.name == "devices.wipe", look)))
    assert seen == [S.WIPE_SENT, world.clock.now(), True, 1]


@pytest.mark.parametrize("head_start", range(40))
async def test_two_workers_on_one_intention_send_one_wipe(head_start: int) -> None:
    world = World()
    await world.put_intended(NONCE)

    async def late_worker() -> Outcome:
        for _ in range(head_start):
            await asyncio.sleep(0)
        return await world.step(world.another_worker())

    await asyncio.gather(world.step(), late_worker())
    assert world.devices.wiped == {story.DEVICE_ID: 1}
    assert (await world.case()).state is S.AWAITING_RETURN
    assert await world.paid_wipes() == 1


@pytest.mark.parametrize("state", [S.WIPE_SENT, S.WIPE_UNKNOWN])
async def test_a_worker_that_finds_the_wipe_sent_only_reads(state: CaseState) -> None:
    world = World()
    await world.put(
        story.case_in(state, world.policy, world.clock.now(), wipe=story.attempt(world.clock.now(), sent=True))
    )
    await world.live()
    assert world.graph_writes() == {}
    assert world.devices.reads[story.DEVICE_ID] > 1
    case = await world.case()
    assert (case.state, case.reason) == (S.NEEDS_PERSON, Reason.WIPE_NEVER_SEEN)
    assert S.WIPE_UNKNOWN in await world.states()


@pytest.mark.parametrize("sign", ["wipePending", "wipeIssued", "gone"])
async def test_a_lost_answer_is_resolved_by_reading_and_never_by_a_second_request(sign: str) -> None:
    world = World()
    await world.put_intended(NONCE)
    world.devices.wipe_answers = [WipeUnknown(why="the connection broke")]
    await world.step()
    assert (await world.case()).state is S.WIPE_UNKNOWN
    if sign == "gone":
        del world.devices.devices[story.DEVICE_ID]
    else:
        world.devices.change(story.DEVICE_ID, management_state=sign)
    world.later(timedelta(hours=3), lambda: world.come_back(story.DEVICE_ID))
    await world.live()
    assert (await world.case()).state is S.PROVEN
    assert world.devices.wiped.total() == 1


async def test_a_lost_answer_without_any_sign_of_a_wipe_is_left_to_a_person_and_stays_paid() -> None:
    world = World()
    await world.put_intended(NONCE)
    world.devices.wipe_answers = [WipeUnknown(why="503")]
    await world.live()
    case = await world.case()
    assert (case.state, case.reason) == (S.NEEDS_PERSON, Reason.WIPE_NEVER_SEEN)
    assert world.devices.wiped.total() == 1
    assert await world.paid_wipes() == 1


async def test_a_wipe_whose_answer_could_not_be_stored_is_found_by_reading() -> None:
    world = World()
    await world.put_intended(NONCE)

    async def storage_goes_away() -> None:
        world.rows.away = True

    with pytest.raises(RetryLater):
        await world.step(
            world.another_worker(Interference(lambda call: call.name == "devices.wipe", storage_goes_away, after=True))
        )
    world.rows.away = False
    assert (await world.case()).state is S.WIPE_SENT
    await world.live()
    assert (await world.case()).state is S.PROVEN
    assert world.devices.wiped.total() == 1


async def test_a_refused_wipe_rests_for_a_person_and_its_payment_is_given_back() -> None:
    world = World()
    await world.put_intended(NONCE)
    world.devices.wipe_answers = [REFUSED]
    await world.step()
    case = await world.case()
    assert (case.state, case.reason) == (S.NEEDS_PERSON, Reason.WIPE_REFUSED)
    assert case.wipe is not None and case.wipe.outcome == "refused"
    assert "Multi Admin Approval" in case.says
    view = await world.budget.view(WipeTarget(serial_number=story.SERIAL_NUMBER), world.clock.now())
    assert (view.last_hour, view.in_flight, view.serial_wiped_at) == (0, 0, None)


async def test_after_a_refusal_a_person_can_let_it_try_again_with_a_new_attempt() -> None:
    world = World()
    await world.put_intended(NONCE)
    world.devices.wipe_answers = [REFUSED]
    await world.step()
    await world.services.operate.retry(story.CASE_ID, ADA)
    await world.live()
    case = await world.case()
    assert case.state is S.PROVEN
    assert world.devices.wiped.total() == 2
    assert case.wipe is not None and case.wipe.number == 2 and case.wipe.nonce != NONCE


async def test_a_wipe_that_never_left_this_machine_costs_nothing_and_goes_with_a_new_attempt() -> None:
    world = World()
    await world.put_intended(NONCE)
    world.devices.wipe_answers = [WipeNotSent(why="no token")]
    await world.step()
    case = await world.case()
    assert (case.state, case.reason) == (S.CLEARED_TO_WIPE, Reason.WIPE_NOT_SENT)
    assert await world.paid_wipes() == 0
    await world.live()
    case = await world.case()
    assert case.state is S.PROVEN
    assert world.devices.wiped.total() == 1
    assert case.wipe is not None and case.wipe.nonce != NONCE


@pytest.mark.parametrize("answer", [REFUSED, WipeUnknown(why="429")])
async def test_no_answer_makes_the_protocol_send_twice_in_one_step(answer: WipeAnswer) -> None:
    world = World()
    await world.put_intended(NONCE)
    world.devices.wipe_answers = [answer]
    await world.step()
    assert world.devices.wiped.total() == 1


@pytest.mark.parametrize(
    "at", ["devices.reread", "directory.user", "rows.write"], ids=["in the fence", "after the fence", "after paying"]
)
async def test_a_freeze_between_the_fence_and_the_request_sends_nothing(at: str) -> None:
    world = World()
    await world.put_intended(NONCE)

    async def freeze() -> None:
        await world.freeze.set(frozen=True, by="Ada", why="wait", at=world.clock.now())

    await world.step(world.another_worker(Interference(lambda call: call.name == at, freeze, after=True)))
    assert world.devices.wiped.total() == 0
    case = await world.case()
    assert (case.state, case.reason) == (S.CLEARED_TO_WIPE, Reason.FROZEN)
    assert await world.paid_wipes() == 0
    await world.freeze.set(frozen=False, by="Ada", why="go on", at=world.clock.now())
    await world.live()
    assert world.devices.wiped.total() == 1


async def test_a_kill_switch_that_cannot_be_read_holds_the_wipe() -> None:
    world = World()
    await world.put_intended(NONCE)
    await world.rows.upsert(LEDGERS, "switch", "freeze", {"body": "not JSON", "write_id": ""})
    await world.step()
    assert world.devices.wiped.total() == 0
    assert (await world.case()).state is S.CLEARED_TO_WIPE


@pytest.mark.parametrize("mode", [Mode.OFF, Mode.REPORT])
async def test_a_mode_that_changed_after_the_wipe_was_written_down_holds_it(mode: Mode) -> None:
    world = World()
    await world.put_intended(NONCE)
    world.set_settings(mode)
    await world.step()
    assert world.graph_writes() == {}
    assert (await world.case()).state is S.CLEARED_TO_WIPE
