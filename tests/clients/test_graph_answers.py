"""What statuses, error bodies and Retry-After mean."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clients.graph.answers import LONGEST_WAIT, Reply, graph_error, printable, retry_after, wipe_answer
from shared.domain.effects import WipeAccepted, WipeRefused, WipeUnknown

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        (None, None),
        ("", None),
        ("0", timedelta(0)),
        ("120", timedelta(seconds=120)),
        (" 120 ", timedelta(seconds=120)),
        ("2.128", timedelta(seconds=2.128)),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("1e9", None),
        ("soon", None),
        ("3601", LONGEST_WAIT),
        ("9" * 400, LONGEST_WAIT),
        ("Mon, 02 Mar 2026 08:02:00 GMT", timedelta(seconds=120)),
        ("Mon, 02 Mar 2026 08:02:00 -0000", timedelta(seconds=120)),
        ("Mon, 02 Mar 2026 07:00:00 GMT", timedelta(0)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_WAIT),
        ("Mon, 99 Mar 2026 08:02:00 GMT", None),
    ],
)
def test_retry_after_is_believed_between_nothing_and_an_hour(header: str | None, wait: timedelta | None) -> None:
    assert retry_after(header, NOW) == wait


@given(st.text(max_size=60))
def test_no_retry_after_can_break_or_exceed_an_hour(header: str) -> None:
    wait = retry_after(header, NOW)
    assert wait is None or timedelta(0) <= wait <= LONGEST_WAIT


def test_a_message_is_cut_at_200_characters_and_control_characters_are_escaped() -> None:
    assert printable("a\r\nb\x00\u202e\ud800é") == "a\\r\\nb\\x00\\u202e\\ud800é"
    assert len(printable("x" * 5000)) == 200
    assert len(printable("\x00" * 5000)) == 200
    assert printable("x" * 200) == "x" * 200


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b"{}",
        b'{"error":"text"}',
        b'{"error":{}}',
        b'{"error":{"code":""}}',
        b'{"error":{"code":5,"message":"m"}}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_a_body_without_a_code_is_no_error_of_graph(content: bytes) -> None:
    assert graph_error(Reply(status=400, content=content)) is None


def _error_body(code: str = "BadRequest") -> bytes:
    return json.dumps({"error": {"code": code, "message": "no"}}).encode()


@pytest.mark.parametrize("status", range(100, 600))
def test_every_status_of_a_wipe_has_one_meaning(status: int) -> None:
    answer = wipe_answer(Reply(status=status, content=_error_body()))
    if 200 <= status < 300:
        assert answer == WipeAccepted()
    elif status in (400, 401, 403, 404, 409, 412):
        assert answer == WipeRefused(status=status, code="BadRequest", message="no")
    else:
        assert isinstance(answer, WipeUnknown)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412])
def test_a_refusal_without_graphs_error_body_proves_nothing(status: int) -> None:
    assert isinstance(wipe_answer(Reply(status=status, content=b"<html>Not Found</html>")), WipeUnknown)
