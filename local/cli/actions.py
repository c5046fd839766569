"""approve, reject, cancel, retry, release, freeze, thaw: what changes something, each as what was seen a moment ago."""

from typing import Annotated

import typer

from local.cli.cases import CaseId, case_id_of, print_proposal
from local.cli.connection import Api

app = typer.Typer()
Why = Annotated[str, typer.Option(prompt=True, help="Stands in the journal.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.command()
def approve(context: typer.Context, case: CaseId, yes: Yes = False) -> None:
    """Show what would be wiped, ask, and approve exactly that."""
    api: Api = context.obj
    case_id = case_id_of(api, case)
    seen, etag = api.seen(f"cases/{case_id}")
    if (proposed := seen.get("to_approve")) is None:
        api.fail(f"This case waits for no approval: it is {seen['case']['state']}.")
    print_proposal(api, proposed)
    if proposed["not_possible"] is not None:
        raise typer.Exit(1)
    if not yes:
        typer.confirm("Approve this?", abort=True)
    _say(api, api.post(f"cases/{case_id}/approve", {"proposal": proposed["proposal"]}, etag=etag))


@app.command()
def reject(context: typer.Context, case: CaseId, why: Why) -> None:
    """Say no to the proposed wipe; the case rests for a person."""
    _act(context.obj, case, "reject", {"why": why})


@app.command()
def cancel(context: typer.Context, case: CaseId, why: Why) -> None:
    """End a case whose wipe has not begun."""
    _act(context.obj, case, "cancel", {"why": why})


@app.command()
def retry(context: typer.Context, case: CaseId) -> None:
    """Let a case that needs a person go on. Who does so cannot approve its wipe."""
    _act(context.obj, case, "retry", {})


@app.command()
def release(context: typer.Context, case: CaseId) -> None:
    """Let a case that waits look again now; nothing is skipped."""
    _act(context.obj, case, "release", {})


@app.command()
def freeze(context: typer.Context, why: Why) -> None:
    """Stop all wipes, before the next one."""
    _switch(context.obj, frozen=True, why=why)


@app.command()
def thaw(context: typer.Context, why: Why, yes: Yes = False) -> None:
    """Let wipes go on, after showing who froze them and why."""
    api: Api = context.obj
    status = api.get("status")
    if not status["frozen"]:
        api.fail("Nothing is frozen.")
    api.console.print(f"Frozen by {status['frozen_by']}: {status['why']}", markup=False, soft_wrap=True)
    if not yes:
        typer.confirm("Let wipes go on?", abort=True)
    _switch(api, frozen=False, why=why)


def _act(api: Api, case: str, action: str, said: dict[str, object]) -> None:
    case_id = case_id_of(api, case)
    _, etag = api.seen(f"cases/{case_id}")
    _say(api, api.post(f"cases/{case_id}/{action}", said, etag=etag))


def _say(api: Api, moved: dict[str, object]) -> None:
    api.console.print(f"{moved['id']} is {moved['state']}: {moved['says']}", markup=False, soft_wrap=True)


def _switch(api: Api, *, frozen: bool, why: str) -> None:
    status = api.post("freeze", {"frozen": frozen, "why": why})
    api.console.print("All wipes are frozen." if status["frozen"] else "Wipes go on.")
