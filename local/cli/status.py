"""status, seats and tenant checks: what there is to know without looking at a case."""

import typer
from rich.markup import escape
from rich.table import Table

from local.cli.connection import Api, Json

app = typer.Typer()


@app.command("status")
def show_status(context: typer.Context) -> None:
    """Mode, freeze switch, figures, and what waits for you."""
    api: Api = context.obj
    status, figures = api.get("status"), api.get("overview")
    table = Table(show_header=False, box=None, padding=(0, 2))
    for name, value in _lines(status, figures):
        table.add_row(name, value)
    api.console.print(table)


def _lines(status: Json, figures: Json) -> list[tuple[str, str]]:
    proof = figures["proof_this_month"]
    by = escape(f"frozen by {status['frozen_by']}: {status['why']}")
    frozen = f"[red]{by}[/]" if status["frozen"] else "not frozen"
    why_not = "" if status["why_not_auto"] is None else f" ({status['why_not_auto']})"
    return [
        ("Mode", f"{status['mode']}{why_not}"),
        ("Wipes", frozen),
        ("Open cases", f"{figures['open']}  {_counted(figures['open_cases'])}"),
        ("Ended this month", _counted(figures["ended_this_month"]) or "none"),
        ("Waiting for you", _counted(figures["waiting_for_you"]) or "nothing"),
        (
            "Time to proof",
            "no proof this month"
            if not proof["cases"]
            else f"{proof['hours_on_average']} hours on average of {proof['cases']}",
        ),
        (
            "Found by the sweep",
            "-" if figures["found_by_sweep_percent"] is None else f"{figures['found_by_sweep_percent']} %",
        ),
    ]


@app.command("seats")
def show_seats(context: typer.Context) -> None:
    """Licences with their free seats, as Handover read them last."""
    api: Api = context.obj
    seats = api.get("seats")
    if seats["read_at"] is None:
        api.console.print("Handover has not read the licences yet: no case needed them.")
        return
    table = Table("product", "SKU", "seats", "used", "free", "Intune", "Entra ID P1", title=f"read {seats['read_at']}")
    for licence in seats["licences"]:
        table.add_row(
            licence["name"],
            licence["sku"],
            *(str(licence[name]) for name in ("seats", "used", "free")),
            _yes(licence["has_intune"]),
            _yes(licence["has_entra_p1"]),
        )
    api.console.print(table)


def _yes(value: bool) -> str:
    return "yes" if value else "-"


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)
