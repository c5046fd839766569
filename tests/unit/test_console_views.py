"""The console's pure parts: moments, charts, tokens, plain texts, and which group of the report a case belongs to."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.console.charts import bar, columns, ring, used
from shared.console.plain import plain, shortened
from shared.console.report_page import report_page
from shared.console.times import Times
from shared.console.tokens import GOOD_FOR, make_token, token_fits
from shared.domain.states import CaseState
from shared.rules.summary import WIPE, Line, Summary

NOW = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
KEY = b"k" * 32


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(), "now"),
        (timedelta(seconds=-59), "now"),
        (timedelta(minutes=-1), "1 min ago"),
        (timedelta(minutes=119), "in 119 min"),
        (timedelta(hours=-2), "2 h ago"),
        (timedelta(hours=47, minutes=59), "in 47 h"),
        (timedelta(days=-2), "2 days ago"),
        (timedelta(days=400), "in 400 days"),
    ],
)
def test_a_moment_is_said_from_where_one_stands(span: timedelta, said: str) -> None:
    assert Times("UTC", NOW).distance(NOW + span) == said


def test_a_moment_is_shown_by_the_clock_on_the_wall_and_told_to_machines_in_utc() -> None:
    moment = Times("Europe/Berlin", NOW)(NOW)
    assert (moment.iso, moment.said, moment.full) == (
        "2026-03-02T23:30:00Z",
        "Tue 3 Mar 00:30",
        "2026-03-03 00:30:00 (CET)",
    )
    assert Times("Europe/Berlin", NOW)(NOW - timedelta(days=365)).said == "Mon 3 Mar 2025 00:30"


@given(st.text(st.characters(codec="utf-8")))
def test_a_plain_text_has_no_character_that_is_not_seen(text: str) -> None:
    shown = plain(text)
    assert not any(ord(c) < 32 and c not in "\n\t" for c in shown)
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\ufeff\u200b")
    assert plain(shown) == shown


@given(st.text(), st.integers(1, 50))
def test_a_shortened_text_is_no_longer_than_asked(text: str, most: int) -> None:
    assert len(shortened(text, most)) <= most


@given(st.integers(-5, 10_000), st.integers(-5, 10_000))
def test_a_bar_stays_in_its_box(value: int, most: int) -> None:
    assert 0 <= bar(value, most).width <= 100
    assert (bar(value, most).width > 0) is (value > 0 and most > 0)


@pytest.mark.parametrize(("value", "tone"), [(0, "plain"), (2, "plain"), (3, "you"), (4, "bad"), (5, "bad")])
def test_a_budget_warns_before_it_is_used_up(value: int, tone: str) -> None:
    assert used(value, 4).tone == tone


@given(st.lists(st.integers(0, 1_000), max_size=12))
def test_columns_stay_in_their_box_and_the_highest_fills_it(counts: list[int]) -> None:
    found = columns([(str(count), count) for count in counts])
    assert all(0 <= c.x <= c.x + c.width <= 100.01 and c.y >= 0 and c.y + c.height <= 100.01 for c in found)
    assert all((c.height > 0) is (c.count > 0) for c in found)
    if any(counts):
        assert max(c.height for c in found) == 100


@given(st.floats(-1, 2))
def test_a_ring_is_whole(share: float) -> None:
    found = ring(share)
    assert found.dash >= 0 <= found.gap
    assert abs(found.dash + found.gap - ring(1).dash) < 0.02


def test_a_token_is_good_for_one_person_and_twelve_hours() -> None:
    token = make_token(KEY, "ada", NOW)
    assert token_fits(token, KEY, "ada", NOW + GOOD_FOR)
    assert not token_fits(token, KEY, "ada", NOW + GOOD_FOR + timedelta(seconds=1))
    assert not token_fits(token, KEY, "ada", NOW - timedelta(minutes=2))
    assert not token_fits(token, KEY, "bob", NOW)
    assert not token_fits(token, b"another key", "ada", NOW)
    at, _, mac = token.partition(".")
    assert not token_fits(f"{int(at, 16) + 1:x}.{mac}", KEY, "ada", NOW)


@given(st.text(max_size=200))
def test_no_text_is_a_token(text: str) -> None:
    assert not token_fits(text, KEY, "ada", NOW)


def line(state: CaseState, *, happened: tuple[str, ...] = (), missing: tuple[str, ...] = ()) -> Line:
    return Line(
        case_id="device-1",
        device="PC-1",
        serial_number="S1",
        owner="ada",
        state=state.value,
        reason="ready",
        heard_from="sweep",
        happened=happened,
        why="because",
        missing=missing,
    )


_S = CaseState


@pytest.mark.parametrize(
    ("given_line", "group"),
    [
        (line(_S.REPORTED, happened=("assign SPB to ada", WIPE)), "Would be wiped"),
        (line(_S.REPORTED, happened=("assign SPB to ada",)), "Would be changed, not wiped"),
        (line(_S.REPORTED, happened=("assign SPB to ada",), missing=("Hardware",)), "Not ready"),
        (line(_S.REPORTED), "Not ready"),
        (line(_S.NOT_READY, missing=("Hardware",)), "Not ready"),
        (line(_S.NEEDS_PERSON), "Needs a person"),
        (line(_S.PROVEN, happened=("x",)), "Proven, or ready to go"),
        (line(_S.WATCHING), "Waiting"),
        (line(_S.REFUSED), "Not touched"),
        (line(_S.WIPE_SENT), "Under way"),
    ],
)
def test_the_report_puts_a_case_with_those_of_its_kind(given_line: Line, group: str) -> None:
    page = report_page(_summary(given_line), 7, Times("UTC", NOW))
    assert [each.title for each in page.groups] == [group]


@pytest.mark.parametrize("state", CaseState)
def test_the_report_has_a_group_for_every_state(state: CaseState) -> None:
    assert len(report_page(_summary(line(state)), 7, Times("UTC", NOW)).groups) == 1


def _summary(only: Line) -> Summary:
    return Summary(
        mode="report",
        since=NOW,
        until=NOW,
        cases=1,
        left_out=0,
        by_state=(),
        by_reason=(),
        heard_from=(),
        would_be_wiped=0,
        wipes_avoided=0,
        wipes=0,
        proven=0,
        hours_to_proof_median=None,
        licences_missing=(),
        not_ready=(),
        lines=(only,),
    )
