"""The wipe budget: paid by a conditional write, once per attempt, and never more than the limits, whoever pays at once."""

import asyncio
from datetime import timedelta

import pytest

from shared.domain.facts import WipeTarget
from shared.domain.policy import Policy
from shared.domain.reasons import Reason
from shared.errors import Changed, RetryLater
from shared.records.budget import FORGET_IN_FLIGHT_AFTER, BudgetBook
from shared.records.ledger import Ledger
from tests.builders import a_fleet
from tests.fakes.clock import FixedClock
from tests.fakes.ids import CountingIds
from tests.fakes.interference import Interference
from tests.fakes.rows import FakeRows

UNTIL_IT_LEAVES = timedelta(minutes=1)
HOUR, DAY = timedelta(hours=1) + UNTIL_IT_LEAVES, timedelta(days=1) + UNTIL_IT_LEAVES
NO_RAMP = (99,)
UNLIMITED = Policy(wipes_per_hour=1000, wipes_per_day=1000, wipes_in_flight=1000, ramp=NO_RAMP)


class Counter:
    """A book, a clock and somebody who pays."""

    def __init__(self, policy: Policy = UNLIMITED) -> None:
        self.rows = FakeRows()
        self.clock = FixedClock()
        self.ids = CountingIds()
        self.policy = policy
        self.book = BudgetBook(Ledger(self.rows, self.ids))

    async def pay(self, nonce: str, serial_number: str | None = None, book: BudgetBook | None = None) -> Reason | None:
        denied = await (book or self.book).reserve(
            nonce=nonce,
            target=WipeTarget(serial_number=serial_number or f"serial of {nonce}"),
            policy=self.policy,
            fleet=a_fleet(read_at=self.clock.now()),
            thawed_at=None,
            now=self.clock.now(),
        )
        return None if denied is None else denied.reason

    async def used(self, serial_number: str = "") -> tuple[int, int, int]:
        view = await self.book.view(WipeTarget(serial_number=serial_number), self.clock.now())
        return view.last_hour, view.last_day, view.in_flight


async def test_a_paid_wipe_counts_in_the_hour_in_the_day_and_in_flight() -> None:
    counter = Counter()
    assert await counter.pay("a") is None
    assert await counter.used() == (1, 1, 1)
    counter.clock.move(HOUR)
    assert await counter.used() == (0, 1, 1)
    counter.clock.move(DAY)
    assert await counter.used() == (0, 0, 1)


async def test_an_attempt_pays_once_however_often_it_asks() -> None:
    counter = Counter()
    for _ in range(3):
        assert await counter.pay("a") is None
    assert await counter.used() == (1, 1, 1)


@pytest.mark.parametrize(
    ("limit", "back"),
    [
        (Policy(wipes_per_hour=2, wipes_per_day=99, wipes_in_flight=99, ramp=NO_RAMP), True),
        (Policy(wipes_per_hour=99, wipes_per_day=2, wipes_in_flight=99, ramp=NO_RAMP), True),
        (Policy(wipes_per_hour=99, wipes_per_day=99, wipes_in_flight=2, ramp=NO_RAMP), False),
    ],
    ids=["hour", "day", "in flight"],
)
async def test_no_limit_can_be_exceeded(limit: Policy, back: bool) -> None:
    counter = Counter(limit)
    for nonce in ("a", "b"):
        assert await counter.pay(nonce) is None
        if back:
            await counter.book.became(nonce=nonce, back_at=counter.clock.now(), now=counter.clock.now())
    assert await counter.pay("c") is Reason.WIPE_BUDGET_SPENT
    assert await counter.used() == (2, 2, 0 if back else 2)


async def test_twenty_workers_who_pay_at_once_get_no_more_than_the_limit() -> None:
    counter = Counter(Policy(wipes_per_hour=3, wipes_per_day=99, wipes_in_flight=99, ramp=NO_RAMP))
    answers = await asyncio.gather(*(counter.pay(f"n{number}") for number in range(20)), return_exceptions=True)
    paid = [answer for answer in answers if answer is None]
    assert len(paid) == 3
    assert await counter.used() == (3, 3, 3)
    assert all(answer in (None, Reason.WIPE_BUDGET_SPENT) or isinstance(answer, RetryLater) for answer in answers)


@pytest.mark.parametrize("head_start", range(8))
async def test_two_workers_with_the_same_attempt_both_find_it_paid(head_start: int) -> None:
    """Window and serial number are two rows, read one after the other: half of a payment must not be taken for another's."""
    counter = Counter()

    async def late_worker() -> Reason | None:
        for _ in range(head_start):
            await asyncio.sleep(0)
        return await counter.pay("a", "5CG", BudgetBook(Ledger(counter.rows, counter.ids)))

    assert await asyncio.gather(counter.pay("a", "5CG"), late_worker()) == [None, None]
    assert await counter.used() == (1, 1, 1)


async def test_a_serial_number_rests_for_a_month_in_whatever_way_it_is_written() -> None:
    counter = Counter()
    assert await counter.pay("a", "5cg1") is None
    counter.clock.move(timedelta(days=30) - timedelta(seconds=1))
    assert await counter.pay("b", " 5CG1 ") is Reason.SERIAL_WIPED_RECENTLY
    counter.clock.move(timedelta(seconds=1))
    assert await counter.pay("b", " 5CG1 ") is None


async def test_what_was_not_used_is_given_back_whole() -> None:
    counter = Counter()
    await counter.pay("a", "5CG1")
    await counter.pay("b", "5CG2")
    await counter.book.release(nonce="a", target=WipeTarget(serial_number="5CG1"), now=counter.clock.now())
    assert await counter.used() == (1, 1, 1)
    assert await counter.pay("c", "5CG1") is None


async def test_nobody_gives_back_what_another_attempt_paid() -> None:
    counter = Counter()
    await counter.pay("a", "5CG1")
    await counter.book.release(
        nonce="an older attempt", target=WipeTarget(serial_number="5CG1"), now=counter.clock.now()
    )
    assert await counter.used() == (1, 1, 1)
    assert await counter.pay("b", "5CG1") is Reason.SERIAL_WIPED_RECENTLY


async def test_a_device_that_is_back_is_no_longer_in_flight_but_still_counts() -> None:
    counter = Counter()
    await counter.pay("a")
    for _ in range(2):
        await counter.book.became(nonce="a", back_at=counter.clock.now(), now=counter.clock.now())
    await counter.book.became(nonce="unknown", back_at=counter.clock.now(), now=counter.clock.now())
    assert await counter.used() == (1, 1, 0)


async def test_a_device_that_never_came_back_is_forgotten_after_a_month() -> None:
    counter = Counter()
    await counter.pay("a")
    counter.clock.move(FORGET_IN_FLIGHT_AFTER - timedelta(seconds=1))
    assert await counter.used() == (0, 0, 1)
    counter.clock.move(timedelta(seconds=1))
    assert await counter.used() == (0, 0, 0)


async def test_the_view_says_when_the_oldest_wipe_of_the_hour_leaves_it() -> None:
    counter = Counter()
    first = counter.clock.now()
    await counter.pay("a")
    counter.clock.move(timedelta(minutes=20))
    await counter.pay("b")
    assert (await counter.book.view(WipeTarget(serial_number=""), counter.clock.now())).frees_at == first + HOUR


async def test_the_view_says_when_the_oldest_wipe_of_the_day_leaves_it() -> None:
    counter = Counter()
    first = counter.clock.now()
    await counter.pay("a")
    counter.clock.move(timedelta(hours=20))
    await counter.pay("b")
    assert (await counter.book.view(WipeTarget(serial_number=""), counter.clock.now())).day_frees_at == first + DAY


async def test_a_clock_that_was_turned_back_does_not_free_the_budget() -> None:
    counter = Counter(Policy(wipes_per_hour=1, wipes_per_day=9, wipes_in_flight=9, ramp=NO_RAMP))
    await counter.pay("a")
    counter.clock.move(-timedelta(days=3))
    assert await counter.used() == (1, 1, 1)
    assert await counter.pay("b") is Reason.WIPE_BUDGET_SPENT


async def test_a_payment_whose_answer_was_lost_counts_once() -> None:
    counter = Counter()

    async def answer_changed() -> None:
        raise Changed("our own write")

    lost = Interference(lambda call: call.name == "rows.write", answer_changed, after=True)
    book = BudgetBook(Ledger(lost.around("rows", counter.rows), counter.ids))
    assert await counter.pay("a", book=book) is None
    assert lost.struck_at is not None
    assert await counter.used() == (1, 1, 1)


async def test_storage_that_is_away_pays_nothing() -> None:
    counter = Counter()
    counter.rows.away = True
    with pytest.raises(RetryLater):
        await counter.pay("a")
    counter.rows.away = False
    assert await counter.used() == (0, 0, 0)
