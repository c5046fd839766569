"""What a wipe costs: paid once, whichever worker does it, and given back by whoever finds that it was not used."""

from dataclasses import replace

import pytest

from shared.domain.facts import Compliance, WipeTarget
from shared.domain.states import CaseState
from tests.fakes import story
from tests.fakes.interference import Interference, WorkerDied, die
from tests.fakes.people import ADA
from tests.fakes.world import World

S = CaseState
NONCE = "nonce-of-the-test"


async def test_a_worker_that_died_after_paying_has_paid_once() -> None:
    world = World()
    await world.put_intended(NONCE)
    paid = Interference(lambda call: call.name == "rows.write", die, after=True)
    with pytest.raises(WorkerDied):
        await world.step(world.another_worker(paid))
    await world.step()
    assert world.devices.wiped.total() == 1
    assert (await world.budget.view(WipeTarget(serial_number=story.SERIAL_NUMBER), world.clock.now())).last_day == 1


async def test_what_a_dead_worker_paid_is_given_back_when_the_wipe_is_no_longer_wanted() -> None:
    world = World()
    await world.put_intended(NONCE)
    paid = Interference(lambda call: call.name == "rows.write", die, after=True)
    with pytest.raises(WorkerDied):
        await world.step(world.another_worker(paid))
    assert await world.paid_wipes() == 1
    world.devices.change(story.DEVICE_ID, compliance=Compliance.COMPLIANT)
    await world.step()
    assert (await world.case()).state is S.NO_ACTION_NEEDED
    assert await world.paid_wipes() == 0


async def test_a_payment_that_no_worker_gave_back_does_not_hold_the_next_attempt() -> None:
    """Two workers: one goes back to hold, the other pays a moment later and loses the race."""
    world = World()
    await world.put_intended(NONCE)
    await world.freeze.set(frozen=True, by="Ada", why="wait", at=world.clock.now())
    await world.step()
    await world.freeze.set(frozen=False, by="Ada", why="go on", at=world.clock.now())
    late = await world.pay(NONCE)
    assert late is None
    await world.live()
    assert (await world.case()).state is S.PROVEN
    assert world.devices.wiped.total() == 1
    assert (await world.budget.view(WipeTarget(serial_number=story.SERIAL_NUMBER), world.clock.now())).last_day == 1


async def test_a_wiped_device_whose_case_a_person_closes_is_no_longer_in_flight() -> None:
    world = World()
    now = world.clock.now()
    await world.put(story.case_in(S.NEEDS_PERSON, world.policy, now, wipe=story.attempt(now, sent=True, nonce=NONCE)))
    await world.pay(NONCE)
    await world.services.operate.cancel(story.CASE_ID, ADA, "lost in the post")
    used = await world.budget.view(WipeTarget(serial_number=story.SERIAL_NUMBER), now)
    assert (used.last_day, used.in_flight, used.serial_wiped_at) == (1, 0, now)


@pytest.mark.parametrize("stopped", ["failed on the device", "stopped before it was sent"])
async def test_a_wipe_that_did_not_happen_is_given_back_when_its_case_is_closed(stopped: str) -> None:
    world = World()
    now = world.clock.now()
    failed = stopped == "failed on the device"
    attempt = replace(story.attempt(now, sent=failed, nonce=NONCE), outcome="failed" if failed else None)
    await world.put(story.case_in(S.NEEDS_PERSON, world.policy, now, wipe=attempt))
    await world.pay(NONCE)
    await world.services.operate.cancel(story.CASE_ID, ADA, "sold")
    used = await world.budget.view(WipeTarget(serial_number=story.SERIAL_NUMBER), now)
    assert (used.last_day, used.in_flight, used.serial_wiped_at) == (0, 0, None)


async def test_what_a_stopped_attempt_paid_is_given_back_when_the_case_ends_by_itself() -> None:
    """A worker paid, lost the race to a person, and the device mended itself before the case came to a wipe again."""
    world = World()
    now = world.clock.now()
    await world.put(story.case_in(S.OPENED, world.policy, now, wipe=story.attempt(now, nonce=NONCE)))
    await world.pay(NONCE)
    world.devices.change(story.DEVICE_ID, compliance=Compliance.COMPLIANT)
    await world.step()
    assert (await world.case()).state is S.NO_ACTION_NEEDED
    assert await world.paid_wipes() == 0
