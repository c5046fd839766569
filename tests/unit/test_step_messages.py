"""The step message is a pointer: a case, the version that was seen, and nothing that could be obeyed."""

import json
from datetime import timedelta

import pytest

from shared.domain.states import CaseState
from shared.errors import BadInput
from shared.names import CASE_STEPS
from shared.remedy.messages import StepDue, StepQueue, read_step, write_step
from tests.builders import NOW
from tests.case_builders import a_case
from tests.fakes.clock import FixedClock
from tests.fakes.messages import FakeMessages

STEP = StepDue(case_id="device-1", version=7)


def test_a_step_message_comes_back_as_it_was_written():
    assert read_step(write_step(STEP)) == STEP


def test_a_step_message_holds_the_case_and_its_version_only():
    assert json.loads(write_step(STEP)) == {"v": 1, "case": "device-1", "version": 7}


def test_what_a_later_version_adds_is_ignored():
    assert read_step('{"v": 1, "case": "device-1", "version": 7, "to": "wipe_sent"}') == STEP


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not json",
        "[]",
        "null",
        '"device-1"',
        "{}",
        '{"v": 2, "case": "device-1", "version": 7}',
        '{"v": 1, "version": 7}',
        '{"v": 1, "case": "device-1"}',
        '{"v": 1, "case": null, "version": 7}',
        '{"v": 1, "case": 1, "version": 7}',
        '{"v": 1, "case": "device-1", "version": "7"}',
        '{"v": 1, "case": "device-1", "version": 7.0}',
        json.dumps({"v": 1, "case": "device-" + "x" * 81, "version": 7}),
        json.dumps({"v": 1, "case": "case-1", "version": 7}),
        json.dumps({"v": 1, "case": "device-", "version": 7}),
        json.dumps({"v": 1, "case": "a-device-1", "version": 7}),
        json.dumps({"v": 1, "case": "device-a/b", "version": 7}),
        "[" * 48_000,
    ],
)
def test_anything_else_is_bad_input(body: str):
    with pytest.raises(BadInput):
        read_step(body)


def test_a_registered_pc_has_a_case_too():
    assert read_step(write_step(StepDue(case_id="autopilot-1", version=1))).case_id == "autopilot-1"


def test_the_error_shows_nothing_of_what_came_in():
    with pytest.raises(BadInput) as caught:
        read_step('{"v": 1, "case": 5, "version": "p4ssw0rd"}')

    assert "p4ssw0rd" not in str(caught.value)


async def _sent(case_state: CaseState, **fields: object) -> list[timedelta]:
    clock = FixedClock(NOW)
    messages = FakeMessages(clock)
    case = a_case(case_state, None, **fields)
    await StepQueue(messages=messages, clock=clock).send(case)
    waiting = messages.queues[CASE_STEPS]
    assert all(read_step(each.body) == StepDue(case_id=case.id, version=case.version) for each in waiting)
    return [each.visible_at - NOW for each in waiting]


async def test_a_step_arrives_when_the_case_is_due():
    hour = timedelta(hours=1)

    assert await _sent(CaseState.WATCHING, due_at=NOW + hour) == [hour]


async def test_a_step_that_is_late_arrives_at_once():
    assert await _sent(CaseState.WATCHING, due_at=NOW - timedelta(days=1)) == [timedelta()]
    assert await _sent(CaseState.WATCHING, due_at=NOW) == [timedelta()]


@pytest.mark.parametrize("state", [CaseState.PROVEN, CaseState.NEEDS_PERSON])
async def test_a_case_that_rests_gets_no_step(state: CaseState):
    assert await _sent(state, due_at=None) == []
