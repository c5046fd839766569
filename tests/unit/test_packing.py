"""Hints of concurrent requests share messages; each request hears only of its own, and a repeat is never swallowed."""

import asyncio
import itertools
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.hint import Cause, Hint, Subject
from shared.errors import AccessDenied, RetryLater
from shared.intake import packing
from shared.intake.messages import read_hints
from shared.intake.packing import HIDDEN_FOR, JOIN_FOR, MOST_AT_ONCE, MOST_WAITING, HintQueue
from shared.names import HINTS
from tests.builders import NOW
from tests.fakes.clock import FixedClock
from tests.fakes.messages import FakeMessages

HINT = Hint(subject=Subject.USER, key="", cause=Cause.USER_CHANGED, source="graph", at=NOW)


def about(*numbers: int) -> list[Hint]:
    """Hints about the users of these numbers."""
    return [replace(HINT, key=f"{number:08}-0000-4000-8000-000000000000") for number in numbers]


class Storage(FakeMessages):
    """Messages that arrive when the test opens the door; ``fail`` is raised instead, once."""

    def __init__(self, clock: FixedClock) -> None:
        super().__init__(clock)
        self.door = asyncio.Event()
        self.door.set()
        self.fail: Exception | None = None
        self.asked = 0

    async def send(self, queue: str, body: str, *, delay: timedelta = timedelta()) -> None:
        self.asked += 1
        await self.door.wait()
        error, self.fail = self.fail, None
        if error is not None:
            raise error
        await super().send(queue, body, delay=delay)

    def packed(self) -> list[list[Hint]]:
        return [read_hints(message.body) for message in self.queues[HINTS]]


class Setup:
    """A queue over such a storage."""

    def __init__(self, *, hidden: bool = True) -> None:
        self.clock = FixedClock(NOW)
        self.storage = Storage(self.clock)
        self.queue = HintQueue(messages=self.storage, clock=self.clock, hidden=hidden)

    def begin(self, hints: Sequence[Hint]) -> asyncio.Task[None]:
        return asyncio.ensure_future(self.queue.send(hints))

    async def until_asked(self, times: int) -> None:
        """Until storage was asked so often."""
        async with asyncio.timeout(5):
            while self.storage.asked < times:
                await asyncio.sleep(0.001)


async def test_many_hints_are_packed_thirty_two_to_a_message_in_their_order() -> None:
    setup = Setup()
    hints = about(*range(65))
    await setup.queue.send(hints)
    assert [len(each) for each in setup.storage.packed()] == [32, 32, 1]
    assert [hint for each in setup.storage.packed() for hint in each] == hints


async def test_no_hints_are_no_message() -> None:
    setup = Setup()
    await setup.queue.send([])
    assert setup.storage.packed() == []


async def test_requests_that_come_together_share_messages() -> None:
    setup = Setup()
    await asyncio.gather(*(setup.queue.send(about(number)) for number in range(64)))
    assert [len(each) for each in setup.storage.packed()] == [32, 32]


async def test_a_request_is_answered_only_when_each_of_its_messages_is_stored() -> None:
    setup = Setup()
    setup.storage.door.clear()
    sending = setup.begin(about(*range(40)))
    await setup.until_asked(2)
    assert not sending.done()
    setup.storage.door.set()
    await sending
    assert [len(each) for each in setup.storage.packed()] == [32, 8]


async def test_the_same_reference_of_many_requests_is_stored_once() -> None:
    setup = Setup()
    await asyncio.gather(*(setup.queue.send(about(1, 2)) for _ in range(100)))
    assert setup.storage.packed() == [about(1, 2)]


async def test_a_repeat_joins_a_message_that_nobody_can_have_read_yet() -> None:
    setup = Setup()
    await setup.queue.send(about(1))
    (stored,) = setup.storage.queues[HINTS]
    assert stored.visible_at == NOW + HIDDEN_FOR
    setup.clock.move(JOIN_FOR - timedelta(milliseconds=1))
    await setup.queue.send(about(1))
    assert len(setup.storage.packed()) == 1


@pytest.mark.parametrize("later", [JOIN_FOR, timedelta(hours=1), timedelta(seconds=-1)], ids=str)
async def test_a_repeat_that_may_come_after_the_message_was_read_is_stored_anew(later: timedelta) -> None:
    """The clock may also have been set back."""
    setup = Setup()
    await setup.queue.send(about(1))
    setup.clock.move(later)
    await setup.queue.send(about(1))
    assert setup.storage.packed() == [about(1), about(1)]


async def test_a_repeat_is_stored_anew_when_the_clock_of_the_day_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "JOIN_FOR", timedelta(seconds=0.03))
    setup = Setup()
    await setup.queue.send(about(1))
    await asyncio.sleep(0.04)
    await setup.queue.send(about(1))
    assert setup.storage.packed() == [about(1), about(1)]


async def test_with_a_clock_that_may_jump_nothing_is_hidden_and_only_what_is_not_sent_is_joined() -> None:
    setup = Setup(hidden=False)
    setup.storage.door.clear()
    first = setup.begin(about(1))
    await setup.until_asked(1)
    second = setup.begin(about(1))
    await setup.until_asked(2)
    setup.storage.door.set()
    await asyncio.gather(first, second)
    assert [message.visible_at for message in setup.storage.queues[HINTS]] == [NOW, NOW]


@pytest.mark.parametrize("error", [RetryLater("away"), AccessDenied("no"), ValueError("a bug")], ids=str)
async def test_when_its_message_is_not_stored_the_request_hears_of_it_and_may_try_again(error: Exception) -> None:
    setup = Setup()
    setup.storage.fail = error
    together = await asyncio.gather(*(setup.queue.send(about(number)) for number in range(3)), return_exceptions=True)
    assert [type(each) for each in together] == [RetryLater] * 3
    await setup.queue.send(about(0))
    assert setup.storage.packed() == [about(0)]


async def test_a_request_fails_when_one_of_its_messages_fails_and_others_do_not_care() -> None:
    setup = Setup()
    setup.storage.fail = RetryLater("away")
    with pytest.raises(RetryLater):
        await setup.queue.send(about(*range(40)))
    await setup.queue.send(about(99))
    assert [len(each) for each in setup.storage.packed()] == [8, 1]


@pytest.mark.parametrize("on_its_way", [True, False])
async def test_a_request_that_is_cancelled_takes_nothing_from_the_others(on_its_way: bool) -> None:
    setup = Setup()
    setup.storage.door.clear()
    cancelled, other = setup.begin(about(1)), setup.begin(about(2))
    await asyncio.sleep(0)
    if on_its_way:
        await setup.until_asked(1)
    cancelled.cancel()
    setup.storage.door.set()
    await other
    assert cancelled.cancelled()
    assert about(2)[0] in setup.storage.packed()[0]


async def test_what_nobody_waits_for_any_more_is_not_sent_and_cannot_be_joined() -> None:
    """Graph was told 503, and sends it again."""
    setup = Setup()
    gone = setup.begin(about(1))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0.02)
    assert setup.storage.asked == 0
    await setup.queue.send(about(1))
    assert setup.storage.packed() == [about(1)]


async def test_while_storage_is_slow_messages_fill_up_and_beyond_a_number_requests_are_refused() -> None:
    setup = Setup()
    setup.storage.door.clear()
    numbers = itertools.count()
    begun = [setup.begin(about(*itertools.islice(numbers, 32))) for _ in range(MOST_AT_ONCE)]
    await setup.until_asked(MOST_AT_ONCE)
    begun += [setup.begin(about(next(numbers))) for _ in range((MOST_WAITING - 1) * 32 + 1)]
    await asyncio.sleep(0.01)
    assert setup.storage.asked == MOST_AT_ONCE
    with pytest.raises(RetryLater, match="too many"):
        await setup.queue.send(about(next(numbers)))
    setup.storage.door.set()
    async with asyncio.timeout(10):
        await asyncio.gather(*begun)
    assert [len(each) for each in setup.storage.packed()] == [32] * (MOST_AT_ONCE + MOST_WAITING - 1) + [1]
    await setup.queue.send(about(next(numbers)))


@pytest.mark.parametrize("seed", range(20))
async def test_whatever_the_order_every_request_that_was_accepted_finds_its_hints_stored(seed: int) -> None:
    """No wake-up is lost: slow, failing and abandoned requests in any mixture, and the loop still comes to rest."""
    chance = random.Random(seed)
    setup = Setup(hidden=bool(seed % 2))

    class Moody(Storage):
        async def send(self, queue: str, body: str, *, delay: timedelta = timedelta()) -> None:
            await asyncio.sleep(chance.random() * 0.004)
            if chance.random() < 0.2:
                raise RetryLater("away")
            await super().send(queue, body, delay=delay)

    setup.storage = Moody(setup.clock)
    setup.queue = HintQueue(messages=setup.storage, clock=setup.clock, hidden=bool(seed % 2))

    async def request() -> list[Hint]:
        hints = about(*{chance.randrange(2_000) for _ in range(chance.randrange(1, 50))})
        await asyncio.sleep(chance.random() * 0.02)
        try:
            async with asyncio.timeout(chance.choice([0.002, 5, 5])):
                await setup.queue.send(hints)
        except (RetryLater, TimeoutError):
            return []
        return hints

    async with asyncio.timeout(10):
        accepted = await asyncio.gather(*(request() for _ in range(60)))
    stored = {hint.key for each in setup.storage.packed() for hint in each}
    assert {hint.key for hints in accepted for hint in hints} <= stored
    assert any(accepted)
