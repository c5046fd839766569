"""Hours of the week: read strictly, and right by the clock on the wall, also on the days when clocks are turned."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.weekly_hours import DAYS, WeeklyHours

NIGHTS = "Mon-Fri 18:00-06:00, Sat 00:00-24:00"
BERLIN = ZoneInfo("Europe/Berlin")
MINUTE = timedelta(minutes=1)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo")


def berlin(text: str, fold: int = 0) -> datetime:
    """A time on the wall in Berlin."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold)


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-03-02 17:59", False),  # a Monday
        ("2026-03-02 18:00", True),
        ("2026-03-02 23:59:59", True),
        ("2026-03-03 00:00", True),
        ("2026-03-03 05:59", True),
        ("2026-03-03 06:00", False),
        ("2026-03-02 03:00", False),  # the night from Sunday is not among them
        ("2026-03-07 05:00", True),  # the night from Friday
        ("2026-03-07 12:00", True),
        ("2026-03-08 00:00", False),
    ],
)
def test_it_is_open_by_the_clock_on_the_wall(at: str, is_open: bool):
    assert WeeklyHours.parse(NIGHTS, "Europe/Berlin").is_open(berlin(at).astimezone(UTC)) is is_open


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ("2026-03-02 12:00", "2026-03-02 18:00"),
        ("2026-03-02 18:00", "2026-03-02 18:00"),
        ("2026-03-08 09:00", "2026-03-09 18:00"),
        ("2026-03-28 23:59", "2026-03-28 23:59"),
        ("2026-03-29 00:00", "2026-03-30 18:00"),  # clocks are turned that Sunday: 18:00 is 16:00 UTC now
        ("2026-10-25 00:00", "2026-10-26 18:00"),
    ],
)
def test_it_opens_when_the_clock_on_the_wall_says_so(at: str, opens: str):
    hours = WeeklyHours.parse(NIGHTS, "Europe/Berlin")

    assert hours.opens_at(berlin(at).astimezone(UTC)) == berlin(opens).astimezone(UTC)


def test_hours_that_begin_in_the_hour_that_is_left_out_begin_when_it_would_be_over():
    hours = WeeklyHours.parse("Sun 02:30-04:00", "Europe/Berlin")

    assert hours.opens_at(datetime(2026, 3, 29, 0, 0, tzinfo=UTC)) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


def test_hours_that_lie_in_the_hour_that_is_left_out_come_a_week_later():
    hours = WeeklyHours.parse("Sun 02:10-02:50", "Europe/Berlin")

    assert hours.opens_at(datetime(2026, 3, 28, 12, tzinfo=UTC)) == berlin("2026-04-05 02:10").astimezone(UTC)


def test_in_the_hour_that_comes_twice_the_clock_on_the_wall_counts_both_times():
    hours = WeeklyHours.parse("Sun 02:30-03:00", "Europe/Berlin")
    first, second = berlin("2026-10-25 02:30"), berlin("2026-10-25 02:30", fold=1)

    assert hours.is_open(first) and hours.is_open(second)
    assert hours.opens_at(berlin("2026-10-25 02:10", fold=1).astimezone(UTC)) == second.astimezone(UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "always",
        "Mon",
        "Mon 18:00",
        "Mon 18:00-",
        "Mon 18:00-18:00",
        "Mon 18:00-25:00",
        "Mon 24:00-06:00",
        "Mon 18:60-20:00",
        "mon 18:00-20:00",
        "Mon-Fry 18:00-20:00",
        "Monday 18:00-20:00",
        "Mon 6:00-8:00",
        "Mon 18:00-20:00,",
        "Mon 18:00-20:00; Tue 18:00-20:00",
        "Mon,Tue 18:00-20:00",
        "Mon 18:00\u201320:00",
    ],
)
def test_hours_that_are_not_clear_are_refused(text: str):
    with pytest.raises(ValueError):
        WeeklyHours.parse(text, "UTC")


def test_a_range_of_days_can_go_past_the_end_of_the_week():
    hours = WeeklyHours.parse("Sat-Mon 10:00-11:00", "UTC")

    assert [day for day, _, _ in hours.spans] == [0, 5, 6]


def test_the_last_night_of_the_week_ends_on_monday():
    hours = WeeklyHours.parse("Sun 22:00-02:00", "UTC")

    assert hours.is_open(datetime(2026, 3, 9, 1, 59, tzinfo=UTC))  # a Monday
    assert not hours.is_open(datetime(2026, 3, 9, 2, 0, tzinfo=UTC))


minutes = st.integers(0, 1439).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")
entries = st.tuples(st.sampled_from(DAYS), st.sampled_from(DAYS), minutes, minutes | st.just("24:00")).filter(
    lambda entry: entry[2] != entry[3]
)
texts = st.lists(entries, min_size=1, max_size=3).map(
    lambda chosen: ", ".join(f"{first}-{last} {start}-{end}" for first, last, start, end in chosen)
)
around_the_turns = st.sampled_from(
    [
        datetime(2026, 3, 8, 7, tzinfo=UTC),  # New York
        datetime(2026, 3, 29, 1, tzinfo=UTC),  # Berlin
        datetime(2026, 4, 4, 15, tzinfo=UTC),  # Lord Howe, by half an hour
        datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 1, tzinfo=UTC),
        datetime(2026, 11, 1, 6, tzinfo=UTC),
    ]
).flatmap(lambda turn: st.integers(-3000, 3000).map(lambda by: turn + by * MINUTE))
any_minute = st.integers(0, 6 * 366 * 1440).map(lambda minute: datetime(2024, 1, 1, tzinfo=UTC) + minute * MINUTE)
moments = around_the_turns | any_minute


@settings(max_examples=300, deadline=None)
@given(texts, st.sampled_from(ZONES), moments)
def test_when_it_says_it_opens_it_is_open_and_never_before(text: str, zone: str, at: datetime):
    hours = WeeklyHours.parse(text, zone)
    opens = hours.opens_at(at)

    assert opens >= at
    assert hours.is_open(opens) or opens == at + timedelta(days=15)
    start = at.replace(second=0, microsecond=0) + MINUTE
    between = (start + n * MINUTE for n in range(0, int((opens - start) / MINUTE), 7))
    assert not any(hours.is_open(each) for each in between)
    if opens > at:
        assert not hours.is_open(max(at, opens - MINUTE))


@settings(max_examples=300, deadline=None)
@given(texts, st.sampled_from(ZONES), moments)
def test_it_is_open_exactly_when_the_wall_shows_a_time_within_the_hours(text: str, zone: str, at: datetime):
    """Said once more from the text itself, minute by minute of the week."""
    local = at.astimezone(ZoneInfo(zone))
    minute_of_week = local.weekday() * 1440 + local.hour * 60 + local.minute

    assert WeeklyHours.parse(text, zone).is_open(at) is (minute_of_week in _minutes_of(text))


def _minutes_of(text: str) -> set[int]:
    found = set[int]()
    for entry in text.split(", "):
        days, hours = entry.split(" ")
        first, last = (DAYS.index(day) for day in days.split("-"))
        start, end = (int(each[:2]) * 60 + int(each[3:]) for each in hours.split("-"))
        day = first
        while True:
            length = end - start if end > start else end - start + 1440
            found |= {(day * 1440 + start + n) % 10080 for n in range(length)}
            if day == last:
                break
            day = (day + 1) % 7
    return found
