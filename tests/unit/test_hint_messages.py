"""The hints message: references packed together, and nothing read back that was not written by us."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.hint import Cause, Hint, Subject
from shared.errors import BadInput
from shared.intake.messages import MOST_IN_A_MESSAGE, read_hints, write_hints
from tests.builders import NOW, OWNER_ID, SERIAL

HINT = Hint(subject=Subject.USER, key=OWNER_ID, cause=Cause.USER_CHANGED, source="graph", at=NOW)


def test_hints_come_back_as_they_were_written():
    hints = [HINT, replace(HINT, subject=Subject.GROUP, cause=Cause.GROUP_CHANGED, at=NOW + timedelta(seconds=1))]

    assert read_hints(write_hints(hints)) == hints
    assert read_hints(write_hints([])) == []


def _packed(**fields: object) -> str:
    one: dict[str, object] = {
        "subject": "user",
        "key": OWNER_ID,
        "cause": "user_changed",
        "source": "graph",
        "at": NOW.isoformat(),
    }
    return json.dumps({"v": 1, "hints": [{**one, **fields}]})


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not json",
        "[" * 48_000,
        "[]",
        "null",
        "{}",
        '{"v": 2, "hints": []}',
        '{"v": 1}',
        '{"v": 1, "hints": 5}',
        '{"v": 1, "hints": [5]}',
        '{"v": 1, "hints": [{}]}',
        _packed(subject="planet"),
        _packed(cause="wipe"),
        _packed(key=5),
        _packed(key="a/b"),
        _packed(key="a#b"),
        _packed(key="a\nb"),
        _packed(key=""),
        _packed(source=None),
        _packed(source=["graph"]),
        _packed(at="2026-03-05T09:00:00"),
        _packed(at="yesterday"),
        _packed(at="0001-01-01T00:00:00+14:00"),
        _packed(at=5),
        json.dumps({"v": 1, "hints": json.loads(_packed())["hints"] * (MOST_IN_A_MESSAGE + 1)}),
    ],
)
def test_anything_else_is_bad_input(body: str):
    with pytest.raises(BadInput):
        read_hints(body)


@pytest.mark.parametrize("key", ["a/b", "5CG#1", "5CG'1", "", "  ", "5CG\n1", "x" * 65, "x" * 40_000])
def test_a_key_that_is_no_id_is_bad_input(key: str):
    with pytest.raises(BadInput):
        read_hints(_packed(subject="serial_number", key=key))


def test_a_serial_number_is_a_key_of_its_own_kind_only():
    (hint,) = read_hints(_packed(subject="serial_number", cause="noncompliant", key=SERIAL))

    assert hint.key == SERIAL
    with pytest.raises(BadInput):
        read_hints(_packed(subject="managed_device", key=SERIAL))


def test_a_source_that_is_too_long_is_cut():
    (hint,) = read_hints(_packed(source="s" * 1000))

    assert len(hint.source) == 64
