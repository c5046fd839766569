"""Time and chance of the real machine, and their fakes."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from shared.clients.system import RandomIds, SystemClock
from shared.ports import Clock, Ids
from tests.fakes.clock import FixedClock
from tests.fakes.ids import CountingIds


@pytest.mark.parametrize("clock", [SystemClock(), FixedClock()])
def test_a_clock_tells_utc(clock: Clock) -> None:
    assert clock.now().tzinfo is UTC


def test_the_system_clock_tells_the_time() -> None:
    before = datetime.now(UTC)
    assert before <= SystemClock().now() <= datetime.now(UTC)


def test_the_fixed_clock_moves_only_when_it_is_moved() -> None:
    clock = FixedClock(datetime(2026, 1, 1, tzinfo=UTC))
    assert clock.now() == clock.now() == datetime(2026, 1, 1, tzinfo=UTC)
    clock.move(timedelta(days=1))
    assert clock.now() == datetime(2026, 1, 2, tzinfo=UTC)
    clock.set(datetime(2027, 1, 1, tzinfo=UTC))
    assert clock.now() == datetime(2027, 1, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="time zone"):
        clock.set(datetime(2027, 1, 1))  # noqa: DTZ001  # that it is naive is the point


@pytest.mark.parametrize("ids", [RandomIds(), CountingIds()])
def test_an_id_is_32_hexadecimal_digits_and_never_the_same(ids: Ids) -> None:
    made = [ids.new() for _ in range(1_000)]
    assert len(set(made)) == 1_000
    assert all(len(one) == 32 and set(one) <= set("0123456789abcdef") for one in made)


def test_random_ids_are_random_uuids_and_counting_ids_the_same_in_every_run() -> None:
    assert uuid.UUID(RandomIds().new()).version == 4
    first, second = CountingIds(), CountingIds()
    assert [first.new() for _ in range(3)] == [second.new() for _ in range(3)]
