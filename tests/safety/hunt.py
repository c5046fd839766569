"""Looks for broken promises: ``python -m tests.safety.hunt --seeds 20000``, or one history with ``--seed 4711``."""

import logging
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Annotated

import typer

from tests.safety.history import History

CHUNK = 200


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


def live(seeds: Iterable[int]) -> Found:
    """Live through these histories."""
    logging.disable(logging.CRITICAL)
    found = Found()
    for seed in seeds:
        history = History(seed=seed).run()
        found.histories += 1
        found.wipes += history.model.counts.wipes
        found.ends.update(f"{case.state.value} ({case.reason.value})" for case in history.cases())
        found.struck.update(line.rpartition(" ")[2] for line in history.accidents.struck)
        if history.witness.broken:
            found.broken[seed] = history.witness.broken
    return found


def hunt(seeds: range, *, processes: int, until_broken: bool = False) -> Found:
    """Live through all of them, on several processes."""
    found = Found()
    chunks = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
    if processes == 1:
        for chunk in chunks:
            found.add(live(chunk))
            if until_broken and found.broken:
                break
        return found
    with ProcessPoolExecutor(processes) as pool:
        for part in pool.map(live, chunks):
            found.add(part)
    return found


def tell(seed: int) -> Iterator[str]:
    """One history as a story: what happened, what went wrong, and the journals."""
    history = History(seed=seed).run()
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
    processes: Annotated[int, typer.Option(help="On so many processes.")] = 2,
) -> None:
    """Exit with 1 when a promise was broken."""
    logging.disable(logging.CRITICAL)
    if seed is not None:
        lines = list(tell(seed))
        typer.echo("\n".join(lines))
        sys.exit(any(line.startswith("BROKEN") for line in lines))
    began = time.perf_counter()
    found = hunt(range(start, start + seeds), processes=processes)
    took = time.perf_counter() - began
    typer.echo(f"{found.histories} histories in {took:.0f} s ({found.histories / took:.0f}/s), {found.wipes} wipes")
    typer.echo(f"accidents: {dict(found.struck.most_common())}")
    typer.echo("ends:")
    for end, times in found.ends.most_common():
        typer.echo(f"  {times:7} {end}")
    for broken_seed, what in sorted(found.broken.items())[:20]:
        typer.echo(f"BROKEN {what[0]}\n  python -m tests.safety.hunt --seed {broken_seed}")
    typer.echo(f"broken: {len(found.broken)}")
    sys.exit(bool(found.broken))


if __name__ == "__main__":
    typer.run(main)
