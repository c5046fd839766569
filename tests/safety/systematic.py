"""Accidents that are not left to chance: one at every I/O of the story in every form, two at every pair, or three.

``python -m tests.safety.systematic --pairs`` lives through every pair; ``--triples N`` through N triples.
"""

import functools
import itertools
import logging
import random
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated

import typer

from shared.domain.states import CaseState
from tests.safety.accidents import POSSIBLE, Accident, Chosen, NoPlan
from tests.safety.history import History
from tests.safety.pauses import Pause, pauses_of
from tests.safety.shape import Shape

STORY = 3
"""The seed of the undisturbed story."""
LATE = timedelta(days=3)
"""By so much may accidents delay the end."""
CHUNK = 250

Accidents = tuple[tuple[int, Accident], ...]
"""Which I/O, by its number, and what befalls it."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """What a number of disturbed stories came to."""

    stories: int = 0
    struck: int = 0
    left_to_a_person: int = 0
    broken: list[str] = field(default_factory=list[str])


def story(accidents: Accidents = ()) -> History:
    """The story with these accidents and no others, good until the next one; what is before the first is lived once."""
    history, pauses = _undisturbed()
    first = min((number for number, _ in accidents), default=1)
    next(pause for pause in reversed(pauses) if pause.ios < first).snapshot.restore()
    history.accidents.plan = Chosen(at=dict(accidents))
    return history.go_on()


@functools.cache
def _undisturbed() -> tuple[History, list[Pause]]:
    history = History(seed=STORY, shape=Shape(people=False), plan=NoPlan())
    return history, pauses_of(history)


def kinds_of_story() -> Sequence[str]:
    """The kind of each I/O of the undisturbed story."""
    return tuple(story().accidents.kinds)


def singles(kinds: Sequence[str]) -> Iterator[Accidents]:
    """Every form at every I/O; ``kinds`` are those of the undisturbed story's."""
    for number, kind in enumerate(kinds, start=1):
        for accident in POSSIBLE[kind]:
            yield ((number, accident),)


def combinations(kinds: Sequence[str], of: int) -> Iterator[Accidents]:
    """Every pair (or triple) of I/Os, each time with forms drawn anew.

    The first accident may change which I/O comes second; a form that cannot befall that one does not.
    """
    for numbers in itertools.combinations(range(1, len(kinds) + 1), of):
        rng = random.Random(repr(numbers))
        yield tuple((number, rng.choice(POSSIBLE[kinds[number - 1]])) for number in numbers)


def judge(plans: Iterable[Accidents]) -> Tally:
    """Live through the story with each of these."""
    logging.disable(logging.CRITICAL)
    tally, undisturbed = Tally(), story().clock.now()
    for plan in plans:
        history = story(plan)
        tally.stories += 1
        tally.struck += len(history.accidents.struck)
        problems = list(history.witness.broken)
        if history.clock.now() - undisturbed > LATE:
            problems.append(f"the end is {history.clock.now() - undisturbed} late")
        states = [case.state for case in history.cases()]
        if states == [CaseState.NEEDS_PERSON]:
            tally.left_to_a_person += 1
        elif states != [CaseState.PROVEN]:
            problems.append(f"the end is {states}")
        tally.broken += [f"{plan}: {problem}" for problem in problems]
    return tally


def everywhere(plans: Iterator[Accidents], processes: int) -> Tally:
    """Judge all of them, on several processes."""
    tally = Tally()
    with ProcessPoolExecutor(processes) as pool:
        for part in pool.map(judge, _batched(plans)):
            tally.stories += part.stories
            tally.struck += part.struck
            tally.left_to_a_person += part.left_to_a_person
            tally.broken += part.broken
    return tally


def _batched(plans: Iterator[Accidents]) -> Iterator[tuple[Accidents, ...]]:
    while batch := tuple(itertools.islice(plans, CHUNK)):
        yield batch


def main(
    pairs: Annotated[bool, typer.Option(help="Every pair of I/Os.")] = False,
    triples: Annotated[int, typer.Option(help="So many triples of I/Os, spread over all of them.")] = 0,
    processes: Annotated[int, typer.Option(help="On so many processes.")] = 2,
) -> None:
    """Exit with 1 when a promise was broken or the story did not end."""
    logging.disable(logging.CRITICAL)
    kinds = kinds_of_story()
    ios = len(kinds)
    plans: list[tuple[str, Iterator[Accidents]]] = [("single accidents", singles(kinds))]
    if pairs:
        plans.append(("pairs", combinations(kinds, 2)))
    if triples:
        every = max(1, ios * (ios - 1) * (ios - 2) // 6 // triples)
        plans.append(("triples", itertools.islice(combinations(kinds, 3), 0, None, every)))
    broken = 0
    for name, plan in plans:
        began = time.perf_counter()
        tally = everywhere(plan, processes)
        broken += len(tally.broken)
        typer.echo(
            f"{name} at {ios} I/Os: {tally.stories} stories, {tally.struck} accidents, "
            f"{tally.left_to_a_person} left to a person, {len(tally.broken)} broken, {time.perf_counter() - began:.0f} s"
        )
        for problem in tally.broken[:20]:
            typer.echo(f"BROKEN {problem}")
    sys.exit(bool(broken))


if __name__ == "__main__":
    typer.run(main)
