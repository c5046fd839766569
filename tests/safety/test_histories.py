"""Histories from seeds: the same promises hold in every one of them, and the same seed is the same history anywhere."""

import asyncio
import os
import subprocess
import sys
from datetime import timedelta

import pytest

from shared.domain.policy import Mode
from shared.domain.states import CaseState
from tests.safety.accidents import POSSIBLE, Accident, Chosen
from tests.safety.history import History, Shape
from tests.safety.hunt import live
from tests.safety.scheduler import Bypassed

SEEDS = 600
"""As many as a test run can spare; ``make safety`` lives through 20,000."""


def test_no_promise_is_broken_in_histories_drawn_from_seeds():
    found = live(range(SEEDS))

    assert found.broken == {}, "\n".join(f"python -m tests.safety.hunt --seed {seed}" for seed in found.broken)
    assert found.wipes > SEEDS / 10  # most of them get as far as a wipe
    assert set(found.struck) == {accident.value for accident in Accident}  # and everything went wrong at some time


def test_the_same_seed_is_the_same_history_in_another_process_with_another_hash_seed():
    command = "from tests.safety.test_histories import traces; print(traces())"
    environ = {**os.environ, "PYTHONHASHSEED": "4711"}
    elsewhere = subprocess.run(
        [sys.executable, "-c", command], env=environ, capture_output=True, text=True, check=True
    )

    assert elsewhere.stdout.strip() == traces() == traces()


def traces() -> str:
    """The hashes of some histories."""
    return " ".join(History(seed=seed).run().scheduler.trace for seed in range(12))


def test_another_seed_is_another_history():
    assert len(set(traces().split())) == 12


def test_an_await_that_the_scheduler_does_not_know_is_noticed():
    async def wait_for_real() -> None:
        await asyncio.get_running_loop().create_future()

    async def wait_elsewhere() -> None:
        future: asyncio.Future[None] = asyncio.Future(loop=loop)
        await future

    loop = asyncio.new_event_loop()
    history = History(seed=1, shape=Shape(people=False))
    history.begin("a worker", wait_elsewhere)
    with pytest.raises(Bypassed):
        while history.scheduler.step():
            pass
    loop.close()


def test_without_accidents_the_story_ends_proven_after_one_wipe():
    history = History(seed=3, shape=Shape(people=False)).run()

    assert [case.state for case in history.cases()] == [CaseState.PROVEN]
    assert history.model.counts.wipes == 1


def single(number: int, accident: Accident, *, mode: Mode = Mode.AUTO) -> History:
    """The story with exactly one accident."""
    return History(seed=3, shape=Shape(mode=mode, people=False), plan=Chosen(at={number: accident})).run()


def test_any_single_accident_at_any_io_breaks_no_promise_and_the_story_still_ends():
    undisturbed = History(seed=3, shape=Shape(people=False)).run()
    kinds = sorted({accident for accidents in POSSIBLE.values() for accident in accidents})
    left_to_a_person: list[str] = []
    struck = 0
    for number in range(1, undisturbed.accidents.count + 1):
        for accident in kinds:
            history = single(number, accident)
            assert history.witness.broken == [], f"I/O {number}: {accident}"
            struck += len(history.accidents.struck)
            states = [case.state for case in history.cases()]
            if states != [CaseState.PROVEN]:
                left_to_a_person.append(f"I/O {number} ({history.accidents.struck}): {states}")
            assert history.clock.now() - undisturbed.clock.now() < timedelta(days=2)
    assert struck > 4 * undisturbed.accidents.count
    assert len(left_to_a_person) < 12, "\n".join(left_to_a_person)
    assert all("needs_person" in one for one in left_to_a_person)
