"""A story's pauses: wherever nothing is under way and something is about to begin, everything is remembered.

To go on from a pause is to live through the rest of the story only, as often as wished.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.domain.states import CaseState
from tests.safety.history import History
from tests.safety.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """One place in a story."""

    snapshot: Snapshot
    ios: int
    """How many I/Os were before it."""
    states: Sequence[CaseState]
    """Where each case is."""


def pauses_of(history: History) -> list[Pause]:
    """Live through it, and remember each pause before which something was written; the first is the beginning."""
    pauses: list[Pause] = []
    written = -1

    def remember() -> None:
        nonlocal written
        if history.rows.writes == written:
            return
        written = history.rows.writes
        history.at_rest = _nothing  # what is remembered here is no part of what is put back
        states = [case.state for case in history.cases()]
        pauses.append(Pause(snapshot=Snapshot(history), ios=history.accidents.count, states=states))
        history.at_rest = remember

    history.at_rest = remember
    history.run()
    history.at_rest = _nothing
    return pauses


def _nothing() -> None:
    return
