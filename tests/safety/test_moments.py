"""Moments from seeds: the promises hold in each, and what happened in one leaves no trace in another."""

import functools
import logging
import os
import random
import subprocess
import sys
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.safety.breakage import Breakage
from tests.safety.breakages import BREAKAGES
from tests.safety.hunt import Found, hunt
from tests.safety.moments import CASTS, moment, scene
from tests.safety.overlay import REPOSITORY
from tests.safety.snapshot import Snapshot

SEEDS = 20_000
"""As many as a test run can spare; ``make soak`` lives through a million."""


def test_no_promise_is_broken_in_moments_drawn_from_seeds():
    found = hunt(range(SEEDS), moment, processes=2)

    assert found.broken == {}, "\n".join(
        f"python -m tests.safety.hunt --moments --seed {seed}" for seed in found.broken
    )
    assert found.histories == SEEDS
    assert found.wipes > SEEDS / 5
    assert _reached(found) > {
        "proven",
        "cancelled",
        "needs_person",
        "awaiting_return",
        "cleared_to_wipe",
        "wipe_unknown",
    }


def _reached(found: Found) -> set[str]:
    return {end.partition(" ")[0] for end in found.ends}


def test_a_moment_is_the_same_whatever_was_lived_through_before_and_in_any_process():
    command = "from tests.safety.test_moments import traces; print(traces(range(60)))"
    environ = {**os.environ, "PYTHONHASHSEED": "4711"}
    elsewhere = subprocess.run([sys.executable, "-c", command], env=environ, capture_output=True, text=True, check=True)

    assert elsewhere.stdout.strip() == traces(range(60))
    assert [traces((seed,)) for seed in reversed(range(60))] == list(reversed(elsewhere.stdout.split()))


def traces(seeds: "range | tuple[int, ...]") -> str:
    """The hashes of some moments, lived through in this order."""
    logging.disable(logging.CRITICAL)
    return " ".join(moment(seed).scheduler.trace for seed in seeds)


@pytest.mark.parametrize("number", range(len(CASTS)))
def test_every_scene_has_pauses_to_go_on_from(number: int):
    assert len(scene(number).pauses) > 2
    assert len(scene(number).pauses) == len(scene(number).weights)


@dataclass(slots=True)
class _Slotted:
    value: int = 1


@dataclass(frozen=True, slots=True)
class _Frozen:
    inside: list[int] = field(default_factory=lambda: [1])


class _Holder:
    """Holds one of everything that can change."""

    def __init__(self) -> None:
        self.counted: defaultdict[str, list[int]] = defaultdict(list, a=[1])
        self.set = {1, 2}
        self.queue = deque([1, 2])
        self.random = random.Random(7)
        self.slotted, self.frozen = _Slotted(), _Frozen()
        self.later: list[Callable[[], None]] = [self._closure(), functools.partial(self.set.add, 9)]
        self.itself = self

    def _closure(self) -> Callable[[], None]:
        times = 0

        def again() -> None:
            nonlocal times
            times += 1
            self.slotted.value = 10 * times

        return again

    def shown(self) -> object:
        """Everything, to be compared."""
        values: tuple[object, ...] = (dict(self.counted), self.set, list(self.queue), self.random.getstate())
        return repr((*values, self.slotted, self.frozen, len(self.later)))


def test_whatever_changed_is_put_back():
    holder = _Holder()
    before, snapshot = holder.shown(), Snapshot(holder)
    for _ in range(2):
        holder.counted["a"].append(2)
        holder.counted["b"].append(3)
        holder.set.clear()
        holder.queue.append(3)
        holder.random.random()
        holder.frozen.inside.append(2)
        holder.later[0]()
        assert holder.slotted.value == 10  # each time anew: what the function counted was put back, too
        holder.later.pop()
        holder.slotted = _Slotted(5)
        assert holder.shown() != before

        snapshot.restore()

        assert holder.shown() == before


def test_what_could_not_be_put_back_is_refused():
    holder: Any = _Holder()
    holder.file = iter([1, 2])

    with pytest.raises(TypeError, match="list_iterator could not be put back"):
        Snapshot(holder)


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda breakage: breakage.name)
def test_every_deliberate_breakage_still_fits_the_code(breakage: Breakage):
    assert (REPOSITORY / breakage.file).read_text(encoding="utf-8").count(breakage.before) == 1
