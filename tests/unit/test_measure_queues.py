"""How full the queues are is told queue by queue, and one that may not be looked into is no reason to tell nothing."""

import logging
from datetime import timedelta

import pytest

from shared.domain.part import Part
from shared.errors import AccessDenied, RetryLater
from shared.names import HINTS, QUEUES, WIPE_STEPS
from shared.ports import QueueSize
from shared.services import queues_of
from tests.fakes.world import World


def told(log: pytest.LogCaptureFixture, name: str) -> dict[str, dict[str, object]]:
    fields = [vars(record)["fields"] for record in log.records if record.getMessage() == name]
    return {str(each["queue"]): each for each in fields}


async def test_length_and_age_of_every_queue_and_its_poison_queue_are_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    world = World()
    await world.messages.send(HINTS, "first")
    await world.messages.send(HINTS, "later", delay=timedelta(hours=1))
    world.clock.move(timedelta(seconds=90))
    await world.services.measure_queues.run()
    measured = told(caplog, "queue.measured")
    assert set(measured) == {name for queue in QUEUES for name in (queue, f"{queue}-poison")}
    assert measured[HINTS] == {"queue": HINTS, "messages": 2, "oldest_seconds": 90}
    assert measured[WIPE_STEPS] == {"queue": WIPE_STEPS, "messages": 0, "oldest_seconds": None}


async def test_a_queue_that_may_not_be_read_does_not_hide_the_others(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    world = World()
    measure = world.messages.measure

    async def refused(queue: str) -> QueueSize:
        if queue == HINTS:
            raise AccessDenied("storage answered 403")
        return await measure(queue)

    world.messages.measure = refused
    await world.services.measure_queues.run()
    assert set(told(caplog, "queue.not_measured")) == {HINTS}
    assert len(told(caplog, "queue.measured")) == 2 * len(QUEUES) - 1


async def test_storage_that_is_away_is_raised() -> None:
    world = World()
    world.messages.away = True
    with pytest.raises(RetryLater):
        await world.services.measure_queues.run()


def test_a_worker_beside_a_wiper_does_not_look_into_the_wipers_queue() -> None:
    assert WIPE_STEPS in queues_of(Part.SINGLE)
    assert WIPE_STEPS not in queues_of(Part.WORKER)
