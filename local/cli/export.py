"""export: the journals of cases as JSON Lines or CSV, for another system or an auditor."""

import csv
import json
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from local.cli.connection import Api

app = typer.Typer()
COLUMNS = (
    "case_id",
    "serial_number",
    "sequence",
    "at",
    "from_state",
    "to_state",
    "reason",
    "says",
    "who",
    "who_id",
    "evidence",
)
_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Form(StrEnum):
    """How it is written."""

    JSONL = "jsonl"
    CSV = "csv"


@app.command("export")
def export(
    context: typer.Context,
    out: Annotated[Path | None, typer.Option(help="The file to write; without it, the terminal.")] = None,
    form: Annotated[Form, typer.Option(help="JSON Lines or CSV.")] = Form.JSONL,
    which: Annotated[str, typer.Option(help="all, open or ended.")] = "all",
    month: Annotated[str | None, typer.Option(help="YYYY-MM of those that ended.")] = None,
    state: Annotated[str | None, typer.Option(help="Only cases in this state, of any age.")] = None,
) -> None:
    """Write the journals of cases, an entry a line."""
    api: Api = context.obj
    count = 0
    with ExitStack() as opened:
        file = sys.stdout if out is None else opened.enter_context(out.open("w", encoding="utf-8", newline=""))
        progress = opened.enter_context(
            Progress(
                SpinnerColumn(),
                TextColumn("{task.completed} entries"),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                disable=out is None,
            )
        )
        task = progress.add_task("export", total=None)
        if form is Form.CSV:
            csv.writer(file).writerow(COLUMNS)
        for page in api.texts("journals", which=which, month=month, state=state, most=100):
            lines = page.splitlines()
            _write(file, form, lines)
            count += len(lines)
            progress.advance(task, len(lines))
    if out is not None:
        api.console.print(f"{count} entries in {out}.")


def _write(file: TextIO, form: Form, lines: Iterable[str]) -> None:
    if form is Form.JSONL:
        file.writelines(f"{line}\n" for line in lines)
        return
    rows = csv.writer(file)
    for line in lines:
        entry = json.loads(line)
        rows.writerow([_cell(entry.get(column)) for column in COLUMNS])


def _cell(value: object) -> str:
    """A value as a spreadsheet shows it; a text of somebody else must not be a formula there."""
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
    return f"'{text}" if text.startswith(_BEGINS_A_FORMULA) else text
