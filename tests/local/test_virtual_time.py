"""Messages that wait on a simulated clock: kept until their time, counted as due until they are stored."""

import asyncio
from datetime import timedelta

import pytest

from local.virtual_time import DelayedMessages
from tests.fakes.clock import FixedClock
from tests.fakes.messages import FakeMessages
from tests.local.hosting import eventually

HOUR = timedelta(hours=1)


class Kept:
    """Delayed messages on a clock of the test, over queues in memory."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.queues = FakeMessages(self.clock, ("work",))
        self.stored: list[str] = []
        self.messages = DelayedMessages(self.queues, self.clock, self.stored.append)


@pytest.fixture
async def kept() -> Kept:
    return Kept()


async def test_a_message_without_delay_is_stored_at_once_and_told(kept: Kept) -> None:
    await kept.messages.send("work", "now")
    assert (kept.queues.take("work"), kept.stored) == (["now"], ["work"])


async def test_a_delayed_message_is_due_from_its_time_until_it_is_stored(kept: Kept) -> None:
    await kept.messages.send("work", "later", delay=HOUR)
    kept.clock.move(HOUR - timedelta(seconds=1))
    assert not kept.messages.is_due()
    kept.clock.move(timedelta(seconds=1))
    assert kept.messages.is_due()
    kept.messages.look_at_clock()
    while kept.messages.is_due():
        await asyncio.sleep(0)
    assert (kept.queues.take("work"), kept.stored) == (["later"], ["work"])


async def test_messages_come_in_the_order_of_their_times(kept: Kept) -> None:
    for number in (3, 1, 2):
        await kept.messages.send("work", str(number), delay=number * HOUR)
    kept.clock.move(5 * HOUR)
    await eventually(lambda: not kept.messages.is_due())
    assert kept.queues.take("work") == ["1", "2", "3"]


async def test_a_process_that_ends_forgets_what_waits(kept: Kept) -> None:
    await kept.messages.send("work", "later", delay=HOUR)
    kept.messages.forget()
    kept.clock.move(2 * HOUR)
    await asyncio.sleep(0.05)
    assert (kept.messages.is_due(), kept.queues.take("work")) == (False, [])
