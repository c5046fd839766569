"""cases and case: lists with filters, and one case with its journal."""

from collections import Counter
from itertools import islice
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from local.cli.connection import Api, Json
from shared.domain.states import CaseState

app = typer.Typer()
HEADINGS = ("case", "device and owner", "state and reason", "moved (UTC)")
"""Folded, never cut: an id that is cut cannot be used."""
CaseId = Annotated[str, typer.Argument(help="The case's id, or the serial number of its device.")]


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
    """List cases, newest move first. What stands under "case" names one to the other commands."""
    api: Api = context.obj
    table = Table(*(Column(name, overflow="fold") for name in HEADINGS), box=None, pad_edge=False, padding=(0, 2, 0, 0))
    asked = {"state": state, "reason": reason, "serial": serial, "device": device, "user": user, "which": which}
    found = list(islice(api.pages("cases", "cases", month=month, most=min(most, 100), **asked), most))
    of_a_serial = Counter(case["serial_number"].strip().lower() for case in found)
    for case in found:
        serial_number = case["serial_number"].strip()
        named = serial_number if of_a_serial[serial_number.lower()] == 1 and serial_number else case["case_id"]
        table.add_row(
            escape(named),
            _two_lines(case["device"] or "(no name)", case["owner"]),
            _two_lines(case["state"], case["reason"]),
            case["moved_at"][:16].replace("T", " "),
        )
    api.console.print(table if found else "No case.")


def _two_lines(first: str, second: str) -> str:
    """A list that fits into 80 columns."""
    return f"{escape(first)}\n[dim]{escape(second)}[/]" if second else escape(first)


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
    """The id of a case that was named by id or by serial number: the open one, as each device that came back has one of
    its old enrolment. Ends with a sentence when there is none, or several."""
    if named.startswith(("device-", "autopilot-")):
        return named
    found = [
        case
        for case in api.get("cases", serial=named)["cases"]
        if case["serial_number"].strip().lower() == named.strip().lower()
    ]
    if not found:
        api.fail(f"There is no case of the serial number {named}.")
    meant = [case for case in found if not CaseState(case["state"]).ended] or found
    if len(meant) > 1:
        told = sorted(f"{case['case_id']} ({case['state']})" for case in found)
        api.fail(f"{named} has several cases, name one: {', '.join(told)}")
    return meant[0]["case_id"]


def _print_checks(api: Api, checks: list[Json]) -> None:
    if not checks:
        return
    table = Table("check", "verdict", "found", "how to mend it")
    for check in checks:
        table.add_row(*(escape(check[name]) for name in ("name", "verdict", "found", "mend")))
    api.console.print(table)
