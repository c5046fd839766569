"""`make demo`: plays the story of one device to its end on this machine, and lets the tenant say whether it came true."""

import asyncio
import logging
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from local.expect import requests_for
from local.play import Player
from local.scenario_run import fresh_stack
from local.stack import Json, Stack
from local.story_teller import StoryTeller

STORY = Path(__file__).parent.parent / "tests" / "story" / "the_story.json"


WIDTH = 110


def main(
    story: Annotated[Path, typer.Argument(help="The scenario to play.")] = STORY,
    picture: Annotated[Path | None, typer.Option(help="Also write what was printed as an SVG picture.")] = None,
) -> None:
    """Play the story on Azurite, the simulated tenant and the development host."""
    logging.basicConfig(level=logging.ERROR)
    console = Console(highlight=False, record=picture is not None, width=WIDTH if picture else None)
    failed = asyncio.run(_play(story, console))
    if picture is not None:
        console.save_svg(str(picture), title="make demo")
    raise typer.Exit(failed)


async def _play(story: Path, console: Console) -> int:
    console.print(
        "Starting Azurite, the simulated tenant and the development host with function_app.py ...", style="dim"
    )
    started = time.monotonic()
    async with fresh_stack(story, own_process=True) as stack:
        console.print(_introduction(stack, time.monotonic() - started))
        started = time.monotonic()
        problems = await Player(stack=stack, watch=StoryTeller(console)).play()
        took = time.monotonic() - started
        console.print(await _verdict(stack, problems, took))
        if problems:
            console.print(f"The host's log: {stack.host_log}")
        return 1 if problems else 0


def _introduction(stack: Stack, seconds: float) -> Panel:
    scenario = stack.scenario
    return Panel(
        f"{scenario.about}\n\n[dim]Everything is up after {seconds:.1f} s. The tenant's clock and the app's clock move together, "
        "so days of waiting pass in seconds.[/]",
        title=scenario.title,
        padding=(1, 2),
    )


async def _verdict(stack: Stack, problems: list[str], seconds: float) -> Table:
    """What the tenant counted itself; Handover's own word does not count here."""
    counts, state = await stack.simulated("counts"), await stack.simulated("state")
    table = Table(title="The tenant's own count", title_justify="left", show_header=False, padding=(0, 2))
    for device in state["devices"]:
        for name, value in _device_lines(device, counts, state):
            table.add_row(name, value)
    table.add_row("Graph requests in all", f"{counts['requests']}, with everything tenant-wide and the subscription")
    passed = stack.clock.now() - stack.scenario.start
    table.add_row(
        "Time", f"{passed.days} days and {passed.seconds // 3600} hours of the tenant's, {seconds:.1f} s of yours"
    )
    table.add_row(
        "Verdict", "\n".join(f"[bold red]{problem}[/]" for problem in problems) or "[bold green]the story came true[/]"
    )
    return table


def _device_lines(device: Json, counts: Json, state: Json) -> list[tuple[str, str]]:
    serial = device["serial"]
    return [
        (f"{device['name']} ({serial})", f"enrolled by {device['enrolled_by']}, {device['compliance']}"),
        ("Wipes of it", str(counts["wipes_by_serial"].get(serial, 0))),
        ("Graph requests for it", f"{requests_for(device, counts, state)}, those about its owner included"),
    ]


if __name__ == "__main__":
    typer.run(main)
