"""Runs the deliberate breakages of breakages.py one at a time: each must break a promise that the histories watch.

``python -m tests.safety.mutants`` prints the table; ``--only TEXT`` runs those whose name holds the text.
"""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import typer

from tests.safety.breakage import Breakage
from tests.safety.breakages import BREAKAGES
from tests.safety.overlay import changed_copy

SEEDS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a breakage was noticed, by which seed, and by which words."""

    breakage: Breakage
    seed: int | None
    says: str
    seconds: float


def try_out(breakage: Breakage, seeds: int = SEEDS) -> Verdict:
    """Live through histories of the broken product until a promise is broken. Raises ValueError when it does not fit."""
    began = time.perf_counter()
    with changed_copy(breakage.file, breakage.before, breakage.after) as copy:
        command = [sys.executable, "-m", "tests.safety.until_broken", str(seeds)]
        environ = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
        ran = subprocess.run(
            command, cwd=copy, env=environ, capture_output=True, text=True, check=False
        )  # our own module
    word, _, says = ran.stdout.strip().partition(" ")
    seed = int(word) if word.isdigit() else None
    return Verdict(
        breakage=breakage, seed=seed, says=says or ran.stderr.strip()[-300:], seconds=time.perf_counter() - began
    )


def main(
    only: Annotated[str, typer.Option(help="Those whose name holds this text.")] = "",
    seeds: Annotated[int, typer.Option(help="Histories at most for each.")] = SEEDS,
    processes: Annotated[int, typer.Option(help="So many at a time.")] = 2,
) -> None:
    """Exit with 1 when a breakage was not noticed."""
    chosen = [breakage for breakage in BREAKAGES if only in breakage.name]
    survived = 0
    with ThreadPoolExecutor(processes) as pool:
        typer.echo("| broken on purpose | noticed by seed | seconds | says |\n|---|---|---|---|")
        for verdict in pool.map(partial(try_out, seeds=seeds), chosen):
            survived += verdict.seed is None
            seed = "NOT NOTICED" if verdict.seed is None else verdict.seed
            typer.echo(f"| {verdict.breakage.name} | {seed} | {verdict.seconds:.0f} | {verdict.says} |")
    typer.echo(f"{len(chosen) - survived} of {len(chosen)} noticed")
    sys.exit(bool(survived))


if __name__ == "__main__":
    typer.run(main)
