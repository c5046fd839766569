"""cases and case: lists with filters, and one case with its journal."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from local.cli.connection import Api, Json

app = typer.Typer()
HEADINGS = ("case", "device", "serial number", "owner", "state", "reason", "moved")
"""Folded, never cut: an id that is cut cannot be used."""
CaseId = Annotated[str, typer.Argument(help="The case's id, or a serial number that only one case has.")]


@app.command("cases")
def list_cases(  # noqa: PLR0913, PLR0917  # one argument for each option
    context: typer.Context,
    state: Annotated[str | None, typer.Option(help="Such as needs_person or awaiting_approval.")] = None,
    reason: Annotated[str | None, typer.Option(help="Such as no_free_seat.")] = None,
    serial: Annotated[str | None, typer.Option(help="What the serial number begins with.")] = None,
    device: Annotated[str | None, typer.Option(help="What the device's name begins with.")] = None,
    user: Annotated[str | None, typer.Option(help="What the owner's UPN begins with.")] = None,
    which: Annotated[str, typer.Option(help="all, open or ended.")] = "all",
    month: Annotated[str | None, typer.Option(help="YYYY-MM of those that ended.")] = None,
    most: Annotated[int, typer.Option(help="So many at most.", min=1)] = 50,
) -> None:
    """List cases, newest move first."""
    api: Api = context.obj
    table = Table(*(Column(name, overflow="fold") for name in HEADINGS))
    asked = {"state": state, "reason": reason, "serial": serial, "device": device, "user": user, "which": which}
    shown = 0
    for case in api.pages("cases", "cases", month=month, most=min(most, 100), **asked):
        if shown == most:
            break
        columns = ("case_id", "device", "serial_number", "owner", "state", "reason", "moved_at")
        table.add_row(*(escape(str(case[name])) for name in columns))
        shown += 1
    api.console.print(table if shown else "No case.")


@app.command("case")
def show_case(context: typer.Context, case: CaseId) -> None:
    """One case: where it is, why, its checks and its journal."""
    api: Api = context.obj
    seen, _ = api.seen(f"cases/{case_id_of(api, case)}")
    found = seen["case"]
    api.console.print(f"[bold]{escape(found['id'])}[/]  {found['state']} ({found['reason']})", soft_wrap=True)
    api.console.print(f"{escape(seen['meaning'])} {escape(found['says'])}", soft_wrap=True)
    if seen["possible"]:
        api.console.print(f"Possible: {', '.join(seen['possible'])}")
    _print_checks(api, found["checks"])
    for entry in seen["journal"]:
        api.console.print(
            f"[dim]{entry['at']}[/]  {entry['to_state']}  {escape(entry['says'])}  [dim]{escape(entry['who'])}[/]",
            soft_wrap=True,
        )
    if "to_approve" in seen:
        print_proposal(api, seen["to_approve"])


def print_proposal(api: Api, proposed: Json) -> None:
    """What an approval would do, before anybody gives it."""
    api.console.print("[bold]An approval would do exactly this:[/]")
    api.console.print(escape(proposed["action"]), soft_wrap=True)
    api.console.print(escape(proposed["not_possible"] or proposed["still_needed"]), soft_wrap=True)
    if proposed["not_by"]:
        api.console.print(f"Not by those who asked for it: {escape(', '.join(proposed['not_by']))}", soft_wrap=True)


def case_id_of(api: Api, named: str) -> str:
    """The id of a case that was named by id or by serial number. Ends with a sentence when there is none, or several."""
    if named.startswith(("device-", "autopilot-")):
        return named
    found = [
        case
        for case in api.get("cases", serial=named)["cases"]
        if case["serial_number"].strip().lower() == named.strip().lower()
    ]
    if not found:
        api.fail(f"There is no case of the serial number {named}.")
    if len(found) > 1:
        api.fail(f"{named} has several cases, name one: {', '.join(case['case_id'] for case in found)}")
    return found[0]["case_id"]


def _print_checks(api: Api, checks: list[Json]) -> None:
    if not checks:
        return
    table = Table("check", "verdict", "found", "how to mend it")
    for check in checks:
        table.add_row(*(escape(check[name]) for name in ("name", "verdict", "found", "mend")))
    api.console.print(table)
