"""Looks for broken promises: ``python -m tests.safety.hunt --seeds 20000``, or tells one history with ``--seed 4711``.

With ``--moments`` the histories are short and begin in the middle of the story.
"""

import functools
import gc
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Annotated

import typer

from tests.safety.history import History
from tests.safety.moments import moment

CHUNK = 500
Life = Callable[[int], History]
"""Lives through the history of a seed."""


def whole(seed: int) -> History:
    """A whole history: from the first hint until everything is at rest."""
    return History(seed=seed).run()


@dataclass(slots=True, kw_only=True)
class Found:
    """What a number of histories came to."""

    histories: int = 0
    wipes: int = 0
    ends: Counter[str] = field(default_factory=Counter[str])
    struck: Counter[str] = field(default_factory=Counter[str])
    broken: dict[int, list[str]] = field(default_factory=dict[int, "list[str]"])
    """By seed: the promises that were broken."""

    def add(self, other: "Found") -> None:
        """Together with what others came to."""
        self.histories += other.histories
        self.wipes += other.wipes
        self.ends.update(other.ends)
        self.struck.update(other.struck)
        self.broken.update(other.broken)


def live(seeds: Iterable[int], life: Life = whole) -> Found:
    """Live through these histories."""
    logging.disable(logging.CRITICAL)
    gc.collect()
    gc.freeze()  # what is there by now stays; what histories leave behind is looked through less often
    gc.set_threshold(50_000, 20, 100)
    found = Found()
    for seed in seeds:
        history = life(seed)
        found.histories += 1
        found.wipes += history.model.counts.wipes
        found.ends.update(f"{case.state.value} ({case.reason.value})" for case in history.cases())
        found.struck.update(line.rpartition(" ")[2] for line in history.accidents.struck)
        if history.witness.broken:
            found.broken[seed] = list(history.witness.broken)
    return found


def hunt(seeds: range, life: Life = whole, *, processes: int) -> Found:
    """Live through all of them, on several processes."""
    found = Found()
    chunks = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
    with ProcessPoolExecutor(processes) as pool:
        for part in pool.map(functools.partial(live, life=life), chunks):
            found.add(part)
    return found


def tell(seed: int, life: Life = whole) -> Iterator[str]:
    """One history as a story: what happened, what went wrong, and the journals."""
    history = life(seed)
    yield f"seed {seed}: {history.shape}"
    yield from sorted([*history.told, *history.accidents.struck])
    for case in history.cases():
        yield f"--- {case.id} ({case.serial_number})"
        for entry in history.journal(case.id):
            yield f"{entry.at:%d %H:%M:%S} {entry.to_state.value} ({entry.reason.value}): {entry.says} [{entry.who}]"
    yield f"--- wipes: {history.model.counts.wipes}; trace {history.scheduler.trace[:16]}"
    yield from (f"BROKEN {what}" for what in history.witness.broken)


def main(
    seeds: Annotated[int, typer.Option(help="How many histories.")] = 20_000,
    start: Annotated[int, typer.Option(help="The first seed.")] = 0,
    seed: Annotated[int | None, typer.Option(help="Tell this one history.")] = None,
    moments: Annotated[bool, typer.Option("--moments", help="Short ones that begin in the middle.")] = False,
    processes: Annotated[int, typer.Option(help="On so many processes.")] = 2,
) -> None:
    """Exit with 1 when a promise was broken."""
    logging.disable(logging.CRITICAL)
    life, kind = (moment, "--moments ") if moments else (whole, "")
    if seed is not None:
        lines = list(tell(seed, life))
        typer.echo("\n".join(lines))
        sys.exit(any(line.startswith("BROKEN") for line in lines))
    began = time.perf_counter()
    found = hunt(range(start, start + seeds), life, processes=processes)
    took = time.perf_counter() - began
    typer.echo(
        f"{found.histories} histories in {took:.0f} s ({found.histories / took / processes:.0f}/s on each core), {found.wipes} wipes"
    )
    typer.echo(f"accidents: {dict(found.struck.most_common())}")
    typer.echo("ends:")
    for end, times in found.ends.most_common():
        typer.echo(f"  {times:7} {end}")
    for broken_seed, what in sorted(found.broken.items())[:20]:
        typer.echo(f"BROKEN {what[0]}\n  python -m tests.safety.hunt {kind}--seed {broken_seed}")
    typer.echo(f"broken: {len(found.broken)}")
    sys.exit(bool(found.broken))


if __name__ == "__main__":
    typer.run(main)
