"""Every reason that a case can have is reached by a scenario: each file says which it passes, and is held to it when played."""

import re
from pathlib import Path

import pytest

from local.expect import reasons_expected
from local.tenant.scenario import load
from shared.domain.reasons import Reason

HERE = Path(__file__).parent
ROOT = HERE.parent.parent

REACHED_ELSEWHERE: dict[Reason, tuple[str, str]] = {
    Reason.WIPE_NOT_SENT: (
        "the connection has to fail between the last look and the wipe, and the simulated tenant always takes connections",
        "tests/unit/test_wipe_protocol.py::test_a_wipe_that_never_left_this_machine_costs_nothing_and_goes_with_a_new_attempt",
    ),
    Reason.WIPE_NOT_OURS: (
        "it freezes all wipes and moves no case; guardrails/wipe_by_an_application.json plays it, no journal names it",
        "tests/unit/test_watch_wipes.py::test_a_wipe_that_is_nobodys_freezes_and_is_told_once",
    ),
}
"""Reasons that stand in no scenario's journal: why, and the unit test that reaches them."""


def _promised() -> frozenset[Reason]:
    return frozenset[Reason]().union(*(reasons_expected(load(file).expect) for file in HERE.glob("**/*.json")))


def test_every_reason_is_reached_by_a_scenario() -> None:
    assert set(Reason) - _promised() - set(REACHED_ELSEWHERE) == set(), "no scenario passes these"
    assert _promised() & set(REACHED_ELSEWHERE) == set(), "a scenario passes these after all"


@pytest.mark.parametrize("reason", REACHED_ELSEWHERE)
def test_a_reason_that_no_scenario_reaches_is_reached_by_the_test_that_is_named(reason: Reason) -> None:
    file, _, name = REACHED_ELSEWHERE[reason][1].partition("::")
    found = re.search(rf"^(?:async )?def {name}\(.*?(?=^(?:async )?def |\Z)", (ROOT / file).read_text(), re.M | re.S)
    assert found is not None
    assert reason.name in found[0], "that test does not name the reason"
