"""`python -m local.bench`: measures, and writes docs/benchmarks.md and docs/costs.md."""

import asyncio
import os
import platform
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from local.bench import cold_start, decisions, event_to_decision, graph_answers, overview, pages, sweep, webhook
from local.bench.chapters import put
from local.bench.cost import Counted
from local.bench.counted_story import count
from local.package.resolve import NotResolved
from local.package.target import REPOSITORY, NoInterpreter

STORIES = REPOSITORY / "tests" / "story"
DOCS = REPOSITORY / "docs"
DECIDED = ("the_story.json", "approve_mode.json", "no_free_seat.json")


def main(
    out: Annotated[Path, typer.Option(help="Directory of benchmarks.md and costs.md.")] = DOCS,
    costs_only: Annotated[bool, typer.Option(help="Only count the stories and write costs.md.")] = False,
    webhook_only: Annotated[bool, typer.Option(help="Only measure the webhook under load: about 5 minutes.")] = False,
) -> None:
    """Measure start-up, Graph answers and what a case costs. Takes a few minutes; leave the machine alone meanwhile."""
    warnings.filterwarnings("ignore", category=DeprecationWarning)  # msgraph's own
    if webhook_only:
        put(out / "benchmarks.md", pages.WEBHOOK, _webhook())
        return
    (out / "costs.md").write_text(pages.costs(asyncio.run(_count())), encoding="utf-8")
    if costs_only:
        return
    answers = asyncio.run(graph_answers.measure())
    try:
        started, handshakes = cold_start.measure(), cold_start.first_handshakes()
    except (NoInterpreter, NotResolved) as error:
        typer.secho(str(error), fg="red", err=True)
        raise typer.Exit(1) from error
    machine = _machine()
    page = pages.benchmarks(machine, started, handshakes, answers)
    decided = "\n".join(decisions.lines(asyncio.run(decisions.measure([STORIES / name for name in DECIDED]))))
    (out / "benchmarks.md").write_text(f"{page}\n{decided}\n{_webhook()}", encoding="utf-8")
    sweep.write(out / "benchmarks.md")
    overview.write(out / "benchmarks.md")


def _webhook() -> str:
    loads, decided = webhook.measure(), event_to_decision.measure()
    return pages.webhook(_machine(), loads, decided)


async def _count() -> Counted:
    return Counted(
        story=await count(STORIES / "the_story.json"),
        new_device=await count(STORIES / "ready_to_go.json"),
        quick_look=await count(STORIES / "already_compliant.json"),
    )


def _machine() -> str:
    load = os.getloadavg()[0]
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, load {load:.1f} before the last measurement ended"
    )


if __name__ == "__main__":
    typer.run(main)
