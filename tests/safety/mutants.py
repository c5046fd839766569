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

MOMENTS, HISTORIES = 10_000, 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a breakage was noticed, by which moment, history or test, and by which words."""

    breakage: Breakage
    by: str | None
    says: str
    seconds: float


def try_out(breakage: Breakage, moments: int = MOMENTS, histories: int = HISTORIES) -> Verdict:
    """Live through moments, then whole histories of the broken product until a promise is broken. Raises ValueError when it does not fit."""
    began = time.perf_counter()
    with changed_copy(breakage.file, breakage.before, breakage.after) as copy:
        command = [sys.executable, "-m", "tests.safety.until_broken", str(moments), str(histories)]
        environ = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
        ran = subprocess.run(
            command, cwd=copy, env=environ, capture_output=True, text=True, check=False
        )  # our own module
        if ran.returncode:
            raise RuntimeError(f"{breakage.name}: the histories came to no end: {ran.stderr[-2000:]}")
        by, says = _told(ran.stdout) or (None, "")
        if by is None and breakage.test:
            command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", breakage.test]
            ran = subprocess.run(command, cwd=copy, env=environ, capture_output=True, text=True, check=False)
            failed = [line for line in ran.stdout.splitlines() if line.startswith("FAILED ")]
            by, says = (breakage.test, failed[0].partition("::")[2]) if failed else (None, "")
    return Verdict(breakage=breakage, by=by, says=says, seconds=time.perf_counter() - began)


def _told(line: str) -> tuple[str, str] | None:
    """Which moment or history broke a promise, and which."""
    kind, _, rest = line.strip().partition(" ")
    seed, _, says = rest.partition(" ")
    return (f"{kind} {seed}", says) if seed else None


def main(
    only: Annotated[str, typer.Option(help="Those whose name holds this text.")] = "",
    moments: Annotated[int, typer.Option(help="Moments at most for each.")] = MOMENTS,
    histories: Annotated[
        int, typer.Option(help="Whole histories at most for each, when no moment noticed it.")
    ] = HISTORIES,
    processes: Annotated[int, typer.Option(help="So many at a time.")] = 2,
) -> None:
    """Exit with 1 when a breakage was not noticed."""
    chosen = [breakage for breakage in BREAKAGES if only in breakage.name]
    survived = 0
    with ThreadPoolExecutor(processes) as pool:
        typer.echo("| broken on purpose | noticed by | seconds | says |\n|---|---|---|---|")
        for verdict in pool.map(partial(try_out, moments=moments, histories=histories), chosen):
            survived += verdict.by is None
            typer.echo(
                f"| {verdict.breakage.name} | {verdict.by or 'NOT NOTICED'} | {verdict.seconds:.0f} | {verdict.says} |"
            )
    typer.echo(f"{len(chosen) - survived} of {len(chosen)} noticed")
    sys.exit(bool(survived))


if __name__ == "__main__":
    typer.run(main)
