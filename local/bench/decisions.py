"""How many decisions one core makes: every decision of some played scenarios, made again and again without any I/O."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from unittest.mock import patch

from local.scenario_run import run_file
from shared.domain.case import Case, Decision, move
from shared.domain.facts import Facts
from shared.domain.policy import Policy
from shared.rules.decide import decide

SECONDS = 2.0
Made = tuple[Case, Facts, Policy, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """Decisions of so many cases, and how many of them one core makes in a second."""

    recorded: int
    decide_per_second: float
    decide_and_move_per_second: float


async def measure(stories: Sequence[Path]) -> Decided:
    """Play the stories, remember what was decided, and time it. Raises AssertionError when one does not come true."""
    made: list[Made] = []

    def remember(case: Case, facts: Facts, policy: Policy, now: datetime) -> Decision:
        made.append((case, facts, policy, now))
        return decide(case, facts, policy, now)

    with patch("shared.remedy.advance.decide", remember):
        for story in stories:
            problems = await run_file(story, lambda _: None)
            assert problems == [], problems
    return Decided(
        recorded=len(made),
        decide_per_second=_rate(made, decide),
        decide_and_move_per_second=_rate(made, _decide_and_move),
    )


def _decide_and_move(case: Case, facts: Facts, policy: Policy, now: datetime) -> object:
    return move(case, decide(case, facts, policy, now), at=now)


def _rate(made: Sequence[Made], what: Callable[[Case, Facts, Policy, datetime], object]) -> float:
    done, began = 0, time.process_time()
    while (spent := time.process_time() - began) < SECONDS:
        for one in made:
            what(*one)
        done += len(made)
    return done / spent


def lines(decided: Decided) -> list[str]:
    """The section of docs/benchmarks.md."""
    return [
        "## Decisions",
        "",
        f"Every decision of some played scenarios ({decided.recorded} different ones) made again for {SECONDS:.0f} s of CPU time: "
        f"{decided.decide_per_second:,.0f} a second on one core, {decided.decide_and_move_per_second:,.0f} with the checked move and",
        "its journal entry. Goal: 20,000.",
        "",
    ]
