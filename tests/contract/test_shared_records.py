"""Records that several instances write at once, over the fake and over Azure Tables (Azurite) alike: no limit of the wipe
budget is exceeded, a lock has one holder, a document loses no change."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest

from shared.clients.system import RandomIds
from shared.domain.facts import WipeBudget, WipeTarget
from shared.domain.policy import Policy
from shared.domain.reasons import Reason
from shared.errors import RetryLater
from shared.ports import Rows
from shared.records.budget import BudgetBook
from shared.records.ledger import Document, Ledger
from shared.records.locks import Locks
from tests.builders import a_fleet
from tests.contract.stores import azurite_rows, fake_rows

T = TypeVar("T")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
INSTANCES = 4
WIPES_OF_EACH = 2
MOST_TRIES = 60
UNLIMITED = Policy(
    wipes_per_hour=1000,
    wipes_per_day=1000,
    wipes_in_flight=1000,
    wipes_per_day_percent=100,
    ramp=(1000,),
    site_wipes_per_hour=1000,
)


@pytest.fixture(params=["fake", "azurite"])
async def rows(request: pytest.FixtureRequest) -> AsyncIterator[Rows]:
    if request.param == "fake":
        yield fake_rows().rows
        return
    async with azurite_rows(request.getfixturevalue("azurite_account")) as real:
        yield real.rows


def ledger(rows: Rows) -> Ledger:
    """What one instance has: nothing but the rows is shared."""
    return Ledger(rows, RandomIds())


def target(number: int, **same: str) -> WipeTarget:
    """A device of its own, of an owner and an office of their own, but for what is the same."""
    own = {"serial_number": f"5CG{number:04}", "user_id": f"user-{number}", "site": f"site-{number}"}
    return WipeTarget(device_id=f"device-{number}", **{**own, **same})


async def in_the_end(work: Callable[[], Awaitable[T]]) -> T:
    """As a worker does whose message comes again after ten lost races."""
    for _ in range(MOST_TRIES):
        try:
            return await work()
        except RetryLater:
            continue
    raise AssertionError(f"lost {MOST_TRIES} times ten races")


async def pay(rows: Rows, policy: Policy, nonce: str, of: WipeTarget, *, now: datetime = NOON) -> Reason | None:
    """The reason why it may not be wiped now; None when it is paid for."""
    hold = await in_the_end(
        lambda: BudgetBook(ledger(rows)).reserve(
            nonce=nonce, target=of, policy=policy, fleet=a_fleet(read_at=now), thawed_at=None, now=now
        )
    )
    return None if hold is None else hold.reason


async def all_at_once(rows: Rows, policy: Policy, **same: str) -> list[Reason | None]:
    """What every instance was answered that wants to wipe its devices now."""

    async def instance(number: int) -> list[Reason | None]:
        numbers = [number * WIPES_OF_EACH + each for each in range(WIPES_OF_EACH)]
        return [await pay(rows, policy, f"nonce-{each}", target(each, **same)) for each in numbers]

    answers = await asyncio.gather(*(instance(number) for number in range(INSTANCES)))
    return [answer for answered in answers for answer in answered]


async def used(rows: Rows, of: WipeTarget | None = None, now: datetime = NOON) -> WipeBudget:
    return await BudgetBook(ledger(rows)).view(of or target(9999), now)


@pytest.mark.parametrize(
    ("policy", "same", "paid", "reason"),
    [
        (replace(UNLIMITED, wipes_per_hour=3), {}, 3, Reason.WIPE_BUDGET_SPENT),
        (replace(UNLIMITED, wipes_per_day=3), {}, 3, Reason.WIPE_BUDGET_SPENT),
        (replace(UNLIMITED, wipes_in_flight=3), {}, 3, Reason.WIPE_BUDGET_SPENT),
        (UNLIMITED, {"serial_number": "5CG1234XYZ"}, 1, Reason.SERIAL_WIPED_RECENTLY),
        (UNLIMITED, {"user_id": "the-user-of-all"}, 1, Reason.USER_WIPED_RECENTLY),
        (replace(UNLIMITED, site_wipes_per_hour=2), {"site": "London"}, 2, Reason.SITE_BUSY),
    ],
    ids=["hour", "day", "in flight", "serial number", "user", "site"],
)
async def test_instances_that_pay_at_once_never_exceed_a_limit(
    rows: Rows, policy: Policy, same: dict[str, str], paid: int, reason: Reason
) -> None:
    answers = await all_at_once(rows, policy, **same)
    assert answers.count(None) == paid
    assert set(answers) == {None, reason}
    view = await used(rows)
    assert (view.last_hour, view.last_day, view.in_flight) == (paid, paid, paid)


async def test_what_no_limit_stands_against_is_paid_once_for_each_and_nothing_is_lost(rows: Rows) -> None:
    answers = await all_at_once(rows, UNLIMITED)
    assert answers == [None] * (INSTANCES * WIPES_OF_EACH)
    assert (await used(rows)).last_hour == INSTANCES * WIPES_OF_EACH


async def test_one_attempt_that_many_instances_pay_for_is_paid_once(rows: Rows) -> None:
    """The same step message came twice: it is one wipe."""
    answers = await asyncio.gather(*(pay(rows, UNLIMITED, "the-nonce", target(1)) for _ in range(INSTANCES)))
    assert answers == [None] * INSTANCES
    assert (await used(rows)).last_hour == 1


async def test_the_hour_and_the_day_end_and_what_is_in_flight_does_not(rows: Rows) -> None:
    policy = replace(UNLIMITED, wipes_per_hour=1, wipes_per_day=2, wipes_in_flight=3)
    times = [NOON + timedelta(hours=2 * number) for number in range(3)]
    answers = [await pay(rows, policy, f"n{number}", target(number), now=at) for number, at in enumerate(times)]
    assert answers == [None, None, Reason.WIPE_BUDGET_SPENT], "of the day"
    two_days_on = NOON + timedelta(days=2)
    assert await pay(rows, policy, "n3", target(3), now=two_days_on) is None
    assert await pay(rows, policy, "n4", target(4), now=two_days_on + timedelta(days=2)) is Reason.WIPE_BUDGET_SPENT
    view = await used(rows, now=two_days_on + timedelta(days=2))
    assert (view.last_hour, view.last_day, view.in_flight) == (0, 0, 3)


async def test_paying_while_others_are_given_back_and_come_back_counts_to_the_wipe(rows: Rows) -> None:
    kept = [target(number) for number in range(6)]
    for number, each in enumerate(kept):
        assert await pay(rows, UNLIMITED, f"old-{number}", each) is None

    async def give_back(number: int) -> None:
        await in_the_end(lambda: BudgetBook(ledger(rows)).release(nonce=f"old-{number}", target=kept[number], now=NOON))

    async def come_back(number: int) -> None:
        await in_the_end(
            lambda: BudgetBook(ledger(rows)).became(nonce=f"old-{number}", now=NOON, outcome="accepted", back_at=NOON)
        )

    await asyncio.gather(
        *(give_back(number) for number in range(2)),
        *(come_back(number) for number in range(2, 4)),
        *(pay(rows, UNLIMITED, f"new-{number}", target(100 + number)) for number in range(2)),
    )
    view = await used(rows)
    assert (view.last_hour, view.last_day, view.in_flight) == (6, 6, 4)
    assert await pay(rows, UNLIMITED, "again", kept[0]) is None, "what was given back leaves no trace"
    assert await pay(rows, UNLIMITED, "again-2", kept[2]) is Reason.SERIAL_WIPED_RECENTLY


async def test_a_lock_that_many_want_has_one_holder_and_passes_on_when_it_is_given_back(rows: Rows) -> None:
    holders = [f"instance-{number}" for number in range(INSTANCES)]

    async def take(holder: str, now: datetime) -> bool:
        return await Locks(ledger(rows)).take("sweep", holder=holder, now=now, lasts=timedelta(minutes=4))

    took = await asyncio.gather(*(take(holder, NOON) for holder in holders))
    assert took.count(True) == 1
    (holder,) = [each for each, has in zip(holders, took, strict=True) if has]
    others = [each for each in holders if each != holder]
    await Locks(ledger(rows)).give_back("sweep", holder=others[0], now=NOON)
    assert await take(others[0], NOON) is False, "only its holder gives it back"
    await Locks(ledger(rows)).give_back("sweep", holder=holder, now=NOON)
    assert (await asyncio.gather(*(take(each, NOON) for each in others))).count(True) == 1
    later = NOON + timedelta(minutes=5)
    assert (await asyncio.gather(*(take(each, later) for each in holders))).count(True) >= 1, "a dead holder loses it"


async def test_a_document_that_many_change_at_once_loses_no_change(rows: Rows) -> None:
    def one_more(documents: Mapping[str, Document]) -> Mapping[str, Document]:
        return {key: {"count": documents.get(key, {"count": 0})["count"] + 1} for key in ("this", "that")}

    async def instance() -> None:
        for _ in range(5):
            await in_the_end(lambda: ledger(rows).change("counts", ("this", "that"), one_more))

    await asyncio.gather(*(instance() for _ in range(INSTANCES)))
    read = [await ledger(rows).read("counts", key) for key in ("this", "that")]
    assert read == [{"count": 5 * INSTANCES}] * 2
