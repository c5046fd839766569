"""`python -m local.scenario FILE`: play a scenario; exit 0 when its expected end is reached, 1 otherwise."""

import asyncio
import logging
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from local.scenario_run import run_file
from local.story_teller import StoryTeller


def main(
    file: Annotated[Path, typer.Argument(help="A scenario file, as in tests/story/.", exists=True, dir_okay=False)],
    own_process: Annotated[bool, typer.Option(help="Run the host in a process of its own.")] = False,
    quiet: Annotated[bool, typer.Option(help="Print only what was not reached.")] = False,
) -> None:
    """Play a scenario on Azurite, the simulated tenant and the development host, and print the journal."""
    console = Console(highlight=False)
    logging.basicConfig(level=logging.ERROR)
    teller = StoryTeller(console)
    problems = asyncio.run(run_file(file, (lambda _: None) if quiet else teller, own_process=own_process))
    for problem in problems:
        console.print(f"[bold red]not reached:[/] {problem}")
    if not problems:
        console.print("[bold green]The expected end is reached.[/]")
    raise typer.Exit(1 if problems else 0)


if __name__ == "__main__":
    typer.run(main)
