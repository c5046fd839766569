"""What the budget remembers of each wipe, and what it counts by serial number, owner and site."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.facts import PastWipe, WipeBudget, WipeTarget
from shared.domain.policy import Policy
from shared.domain.reasons import Reason
from shared.errors import RetryLater
from shared.records.budget import BudgetBook
from shared.records.ledger import Ledger
from shared.records.wipe_record import MOST_WIPES
from tests.builders import a_fleet
from tests.fakes.clock import FixedClock
from tests.fakes.ids import CountingIds
from tests.fakes.interference import Interference
from tests.fakes.rows import FakeRows

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WIDE = Policy(
    wipes_per_hour=999, wipes_per_day=999, wipes_in_flight=999, wipes_per_day_percent=100, ramp=(99,), back_percent=0
)


class Desk:
    """A book, a clock, and wipes that are paid there."""

    def __init__(self, policy: Policy = WIDE) -> None:
        self.rows, self.clock, self.ids, self.policy = FakeRows(), FixedClock(), CountingIds(), policy
        self.book = BudgetBook(Ledger(self.rows, self.ids))

    async def pay(self, nonce: str, *, book: BudgetBook | None = None, **target: str) -> Reason | None:
        hold = await (book or self.book).reserve(
            nonce=nonce,
            target=WipeTarget(**{"serial_number": f"serial of {nonce}", **target}),
            policy=self.policy,
            fleet=a_fleet(read_at=self.clock.now()),
            thawed_at=None,
            now=self.clock.now(),
        )
        return None if hold is None else hold.reason

    async def became(
        self, nonce: str, *, back: bool = False, outcome: str = "accepted", verified: bool = False
    ) -> None:
        now = self.clock.now()
        back_at = now if back else None
        await self.book.became(nonce=nonce, now=now, outcome=outcome, back_at=back_at, verified=verified)

    async def view(self, **target: str) -> WipeBudget:
        return await self.book.view(WipeTarget(**{"serial_number": "", **target}), self.clock.now())


async def test_the_record_follows_a_wipe_from_its_payment_to_its_proof() -> None:
    desk = Desk()
    start = desk.clock.now()
    await desk.pay("a", device_id="DEVICE-1")
    assert (await desk.view()).wipes == (PastWipe(at=start, policy=WIDE.ramp_version),)
    await desk.became("a", outcome="unknown")
    assert (await desk.view()).wipes[0].outcome == "unknown"
    desk.clock.move(HOUR)
    await desk.became("a", back=True)
    await desk.became("a", verified=True)
    assert (await desk.view()).wipes == (
        PastWipe(at=start, policy=WIDE.ramp_version, outcome="accepted", back_at=start + HOUR, verified=True),
    )
    assert await desk.book.paid_for("device-1") == (start,)
    assert await desk.book.paid_for("device-2") == ()


async def test_a_wipe_that_was_not_sent_leaves_no_trace_and_one_that_failed_stays_in_the_record() -> None:
    desk = Desk()
    for nonce in ("a", "b"):
        await desk.pay(nonce, user_id=nonce, site="Berlin")
        target = WipeTarget(serial_number=f"serial of {nonce}", user_id=nonce, site="Berlin")
        await desk.book.release(nonce=nonce, target=target, now=desk.clock.now(), failed=nonce == "b")
        view = await desk.view(serial_number=f"serial of {nonce}", user_id=nonce, site="Berlin")
        assert (view.last_day, view.serial_wiped_at, view.user_wiped_at, view.site_last_hour) == (0, None, None, 0)
    assert [wipe.outcome for wipe in (await desk.view()).wipes] == ["failed"]


async def test_to_give_back_a_second_wipe_brings_the_first_ones_time_back() -> None:
    desk = Desk(replace(WIDE, serial_rest=HOUR))
    first = desk.clock.now()
    await desk.pay("a", serial_number="5CG1")
    desk.clock.move(2 * HOUR)
    await desk.pay("b", serial_number="5CG1")
    await desk.book.release(nonce="b", target=WipeTarget(serial_number="5CG1"), now=desk.clock.now())
    view = await desk.view(serial_number="5CG1")
    assert (view.serial_wiped_at, view.serial_last_year) == (first, 1)


async def test_the_third_wipe_of_a_serial_number_in_a_year_is_left_to_a_person() -> None:
    desk = Desk()
    for _ in range(2):
        assert await desk.pay(f"n{desk.clock.now()}", serial_number="5CG1") is None
        desk.clock.move(40 * DAY)
    assert await desk.pay("third", serial_number=" 5cg1") is Reason.SERIAL_WIPED_OFTEN
    desk.clock.move(365 * DAY - 80 * DAY)
    assert await desk.pay("third", serial_number="5CG1") is None


async def test_an_owner_has_one_wipe_in_a_week_whatever_the_device() -> None:
    desk = Desk()
    assert await desk.pay("a", user_id="USER") is None
    assert await desk.pay("b", user_id="other") is None
    desk.clock.move(7 * DAY - timedelta(seconds=1))
    assert await desk.pay("c", user_id="user") is Reason.USER_WIPED_RECENTLY
    desk.clock.move(timedelta(seconds=1))
    assert await desk.pay("c", user_id="user") is None


async def test_a_site_has_three_wipes_in_an_hour_and_no_site_is_no_limit() -> None:
    desk = Desk()
    for number in range(3):
        assert await desk.pay(f"berlin-{number}", site="Berlin") is None
    assert await desk.pay("d", site=" berlin ") is Reason.SITE_BUSY
    assert [await desk.pay(f"nowhere-{number}", site=" ") for number in range(6)] == [None] * 6
    assert await desk.pay("e", site="Paris") is None
    desk.clock.move(HOUR + timedelta(minutes=1))  # a wipe may leave a minute after it was paid
    assert await desk.pay("d", site="Berlin") is None


async def test_the_ramp_takes_its_next_step_when_the_devices_before_are_proven() -> None:
    desk = Desk(replace(WIDE, ramp=(1, 2, 4)))
    assert await desk.pay("a") is None
    assert await desk.pay("b") is Reason.RAMP_STEP
    await desk.became("a", back=True)
    assert await desk.pay("b") is Reason.RAMP_STEP  # back is not proven
    await desk.became("a", verified=True)
    assert [await desk.pay(nonce) for nonce in "bcd"] == [None, None, Reason.RAMP_STEP]
    for nonce in "bc":
        await desk.became(nonce, verified=True)
    assert [await desk.pay(nonce) for nonce in "defgh"] == [None, None, None, None, Reason.RAMP_STEP]
    for nonce in "defg":
        await desk.became(nonce, verified=True)
    assert [await desk.pay(f"later-{number}") for number in range(9)] == [None] * 9
    desk.policy = replace(desk.policy, wipes_per_hour=998)
    assert [await desk.pay(f"new-{number}") for number in range(2)] == [None, Reason.RAMP_STEP]


async def test_a_ramp_that_is_over_stays_over_when_its_wipes_are_forgotten() -> None:
    desk = Desk(replace(WIDE, ramp=(1,)))
    for number in range(MOST_WIPES + 20):
        assert await desk.pay(f"n{number}") is None
        await desk.became(f"n{number}", back=True, verified=number == 0)
        desk.clock.move(DAY)
    assert len((await desk.view()).wipes) == MOST_WIPES


@pytest.mark.long
@pytest.mark.parametrize(
    ("policy", "target", "cap"),
    [
        (replace(WIDE, wipes_per_day=4), {}, 4),
        (replace(WIDE, wipes_per_day_percent=1, wipes_per_day=999), {}, 50),
        (replace(WIDE, ramp=(2, 9)), {}, 2),
        (replace(WIDE, site_wipes_per_hour=3), {"site": "Berlin"}, 3),
        (WIDE, {"user_id": "user"}, 1),
        (WIDE, {"serial_number": "5CG1"}, 1),
    ],
    ids=["day", "share of the fleet", "ramp", "site", "user", "serial number"],
)
async def test_workers_who_pay_at_once_never_exceed_a_limit(policy: Policy, target: dict[str, str], cap: int) -> None:
    desk = Desk(policy)
    paid: set[str] = set()

    async def worker(number: int) -> None:
        book = BudgetBook(Ledger(desk.rows, desk.ids))
        for attempt in range(8):
            nonce = f"n{number}-{attempt}"
            try:
                if await desk.pay(nonce, book=book, **target) is None:
                    paid.add(nonce)
            except RetryLater:
                continue

    await asyncio.gather(*(worker(number) for number in range(12)))
    assert len(paid) <= cap
    assert len(paid) == cap or cap == 50
    assert len((await desk.view()).wipes) == len(paid)


@pytest.mark.parametrize("at_call", range(1, 9))
async def test_another_worker_who_pays_in_between_is_seen(at_call: int) -> None:
    desk = Desk(replace(WIDE, ramp=(1, 9)))

    async def another_pays() -> None:
        await desk.pay("other")

    meanwhile = Interference(lambda call: call.number == at_call, another_pays)
    book = BudgetBook(Ledger(meanwhile.around("rows", desk.rows), desk.ids))
    await desk.pay("mine", book=book, user_id="u", site="s")
    assert len((await desk.view()).wipes) == 1
