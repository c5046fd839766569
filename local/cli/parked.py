"""parked: messages that could not be used; look, replay, discard."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import track
from rich.table import Column, Table

from local.cli.connection import Api

app = typer.Typer(no_args_is_help=True, help="Messages that could not be used.")
ParkedId = Annotated[str, typer.Argument(help="Its id, from parked list.")]


@app.command("list")
def list_parked(
    context: typer.Context,
    source: Annotated[
        str | None, typer.Option(help="device-events, hints, case-steps, wipe-steps, notices or intune-logs.")
    ] = None,
    settled: Annotated[bool, typer.Option("--settled", help="Those that somebody settled already.")] = False,
) -> None:
    """Those that wait for somebody, oldest first."""
    api: Api = context.obj
    table = Table(Column("id", overflow="fold"), "set aside", "reason", "settled")
    for each in api.pages("parked", "parked", source=source, settled="true" if settled else "false"):
        done = each["settled"]
        how = "" if done is None else f"{done['how']} by {done['by']}: {done['why']}"
        table.add_row(*(escape(text) for text in (each["id"], each["at"], each["reason"], how)))
    api.console.print(table if table.row_count else "Nothing is set aside.")


@app.command("show")
def show_parked(context: typer.Context, parked: ParkedId) -> None:
    """One of them with its body."""
    api: Api = context.obj
    found = api.get(f"parked/{parked}")
    api.console.print(f"{found['source']}, {found['at']}: {found['reason']}", markup=False, soft_wrap=True)
    api.console.print(found["body"], markup=False, soft_wrap=True)


@app.command("replay")
def replay(
    context: typer.Context,
    parked: Annotated[list[str] | None, typer.Argument(help="Ids, from parked list.")] = None,
    every: Annotated[str | None, typer.Option(help="All that wait of this source.")] = None,
    body: Annotated[Path | None, typer.Option(help="A file with the mended message, for one id.")] = None,
) -> None:
    """Put messages on their queue again. Each is read first: what would be set aside again is refused with the reason."""
    api: Api = context.obj
    ids = list(parked or ())
    if every is not None:
        ids += [each["id"] for each in api.pages("parked", "parked", source=every)]
    if body is not None and len(ids) != 1:
        api.fail("A mended message belongs to one id.")
    said = {} if body is None else {"body": body.read_text(encoding="utf-8")}
    for each in track(ids, "Replaying", console=api.console, disable=len(ids) < 2):
        api.post(f"parked/{each}/replay", said)
    api.console.print(f"{len(ids)} replayed.")


@app.command("discard")
def discard(context: typer.Context, parked: ParkedId, why: Annotated[str, typer.Option(prompt=True)]) -> None:
    """It is of no use: its body is forgotten, the reason and who said so stay."""
    api: Api = context.obj
    api.post(f"parked/{parked}/discard", {"why": why})
    api.console.print("Discarded.")
