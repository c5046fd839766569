"""`tenant plan`, `apply`, `attest`, `drift` and `register`: the tenant itself is made ready, on request only."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from local.cli.desk import Desk, desk_at
from local.cli.sign_in import SignIn, Way, sign_in
from shared.domain.registration import PcProgress, Progress
from shared.errors import BadInput, HandoverError
from shared.operate.tenant_drift import ShowDrift
from shared.rules.tenant_plan import adopted
from shared.tenant_setup.desired import read_desired
from shared.tenant_setup.hardware_hashes import MOST_BYTES, HashFile, read_hashes
from shared.tenant_setup.plan_tenant import Planned
from shared.tenant_setup.register import counted, lines_in_words
from shared.tenant_setup.show import plan_lines

app = typer.Typer(no_args_is_help=True, help="Make the tenant itself ready: see docs/tenant.md.")

MOST_BAD_LINES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """The options that every command has."""

    graph: str
    storage: str | None
    sign_in: Way
    tenant_id: str | None


@app.callback()
def where(
    context: typer.Context,
    graph: Annotated[
        str, typer.Option(envvar="GRAPH_BASE_URL", help="Microsoft Graph.")
    ] = "https://graph.microsoft.com",
    storage: Annotated[
        str | None,
        typer.Option(envvar="AzureWebJobsStorage", help="Connection string of the app's storage account."),
    ] = None,
    sign_in_with: Annotated[
        str, typer.Option("--sign-in", help="device-code, azure-cli, or simulated for the simulated tenant.")
    ] = "device-code",
    tenant_id: Annotated[str | None, typer.Option(help="The tenant to sign in to.")] = None,
) -> None:
    """Make the tenant itself ready."""
    if sign_in_with not in ("device-code", "azure-cli", "simulated"):
        raise typer.BadParameter("must be device-code, azure-cli or simulated")
    context.obj = Where(graph=graph, storage=storage, sign_in=sign_in_with, tenant_id=tenant_id)


File = Annotated[Path, typer.Argument(help="What the tenant shall be like.")]
TakeOver = Annotated[
    list[str] | None, typer.Option(help="Name of something that Handover did not make and may change.")
]
By = Annotated[str | None, typer.Option(help="Who asks, as a user principal name; default: who signed in.")]


@app.command()
def plan(context: typer.Context, file: File = Path("tenant.toml"), take_over: TakeOver = None) -> None:
    """Show what apply would change. Reads only."""

    async def show(desk: Desk, _: SignIn) -> None:
        _show(await desk.planner.plan(read_desired(_text(file)), frozenset(take_over or ())))

    _run(context, "plan", show)


@app.command()
def apply(
    context: typer.Context,
    file: File = Path("tenant.toml"),
    take_over: TakeOver = None,
    yes: Annotated[bool, typer.Option(help="Do not ask.")] = False,
) -> None:
    """Make exactly what plan shows, after a yes."""

    async def make(desk: Desk, credential: SignIn) -> None:
        text = _text(file)
        planned = await desk.ready.plan(read_desired(text), frozenset(take_over or ()))
        _show(planned)
        if not planned.to_make:
            await desk.book.keep_file(text)
            return
        if not yes and not await asyncio.to_thread(typer.confirm, f"Make these {len(planned.to_make)} changes?"):
            raise BadInput("nothing was changed")
        who = await credential.who()
        made = await desk.ready.apply(
            planned,
            text=text,
            who=who,
            tell=lambda change: typer.echo(f'{change.action.value}: {change.kind.value} "{change.name}" done'),
        )
        typer.echo(f"{made} changes made.")

    _run(context, "apply", make)


@app.command()
def attest(  # one option for each part of the word
    context: typer.Context,
    by: Annotated[str | None, typer.Option(help="Whose word it is; without it an administrator signs in.")] = None,
    scope: Annotated[str | None, typer.Option(help="The MDM user scope that was seen: all, some or none.")] = None,
    discovery_url: Annotated[str, typer.Option(help="The MDM discovery URL that was seen.")] = "",
    group: Annotated[list[str] | None, typer.Option(help="With some: id of a group that was seen.")] = None,
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day; default: today.")] = None,
) -> None:
    """Write down MDM user scope and discovery URL, which no application may read; valid for 90 days."""

    async def write(desk: Desk, credential: SignIn) -> None:
        if by is None:
            if scope is not None or group or discovery_url or on is not None:
                raise BadInput("what you saw yourself needs --by NAME; without it, it is read")
            word = await desk.attest.by_sign_in(desk.policies, who=await credential.who() or "an administrator")
        else:
            word = await desk.attest.by_hand(
                by=by,
                scope=scope or "",
                discovery_url=discovery_url,
                group_ids=group or (),
                on=None if on is None else on.date(),
            )
        seen = await desk.attest.show()
        typer.echo(f"MDM user scope: {word.scope}{' (' + ', '.join(word.group_ids) + ')' if word.group_ids else ''}")
        typer.echo(f"Discovery URL: {word.discovery_url or 'not said'}")
        typer.echo(f"Attested by {word.by} on {word.on}, valid until {word.on + word.valid_for}.")
        if seen["problem"]:
            typer.secho(f"It does not make the tenant ready: {seen['problem']}.", fg="red")

    _run(context, "attest", write)


@app.command()
def drift(
    context: typer.Context,
    last: Annotated[bool, typer.Option(help="Show the last look instead of looking again.")] = False,
) -> None:
    """Look whether the tenant is still as it was made."""

    async def look(desk: Desk, _: SignIn) -> None:
        if not last:
            await desk.drift.run()
        found = await ShowDrift(book=desk.book, looks=True).show()
        typer.echo(f"{found['state']}, looked at {found['at'] or 'never'}")
        for line in found["lines"]:
            typer.echo(line)
        if found["state"] in ("drifted", "unreadable"):
            raise typer.Exit(2)

    _run(context, "plan", look)


@app.command()
def register(  # one option for each wish
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV of hardware hashes.", exists=True, dir_okay=False)],
    group_tag: Annotated[str, typer.Option(help="For lines that have none.")] = "",
    only_good_rows: Annotated[bool, typer.Option(help="Go on although some lines cannot be used.")] = False,
    retry_failed: Annotated[bool, typer.Option(help="Send what Autopilot refused once more.")] = False,
    wait_minutes: Annotated[int, typer.Option(min=0, help="How long to wait for the deployment profiles.")] = 60,
    by: By = None,
) -> None:
    """Register a delivery of PCs with Windows Autopilot and name their owners to Handover. Can be run again at any time."""

    async def send(desk: Desk, credential: SignIn) -> None:
        hashes = _hashes(file, group_tag)
        with SendingBar(len(hashes.good)) as bar:
            done = await desk.register.run(
                hashes,
                who=by or await credential.who(),
                only_good_rows=only_good_rows,
                retry_failed=retry_failed,
                wait_for=timedelta(minutes=wait_minutes),
                tell=bar,
            )
        _report(hashes, done)

    _run(context, "register", send)


def _show(planned: Planned) -> None:
    for line in plan_lines(planned.changes, adopted(planned.desired, planned.found, planned.take_over)):
        typer.echo(line)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file} cannot be read; begin with a copy of tenant.example.toml") from error


def _hashes(file: Path, group_tag: str) -> HashFile:
    size = file.stat().st_size
    if size > MOST_BYTES:
        raise BadInput(f"{file} has {size:,} bytes; at most {MOST_BYTES:,} are read: split it")
    hashes = read_hashes(file.read_bytes(), group_tag=group_tag)
    for bad in hashes.bad[:MOST_BAD_LINES]:
        typer.secho(f"line {bad.line}: {bad.serial_number or '(no serial number)'}: {bad.why}", fg="yellow")
    typer.echo(f"{len(hashes.good)} PCs can be registered, {lines_in_words(hashes.bad)} cannot be used.")
    return hashes


def _report(hashes: HashFile, done: tuple[PcProgress, ...]) -> None:
    for pc in done:
        if pc.at is not Progress.READY:
            typer.secho(
                f"line {pc.line}: {pc.serial_number}: {pc.at.value}{': ' + pc.why if pc.why else ''}", fg="yellow"
            )
    count, told = counted(done), sum(pc.told_at is not None for pc in done)
    typer.echo(
        f"{count[Progress.READY]} ready, {count[Progress.REGISTERED]} registered and waiting for their profile, "
        f"{count[Progress.FAILED]} failed, {len(done) - sum(count[each] for each in _ENDED)} under way; "
        f"owners named to Handover: {told}; lines not used: {len(hashes.bad)}."
    )
    if count[Progress.READY] < len(done) or hashes.bad:
        raise typer.Exit(2)


_ENDED = (Progress.READY, Progress.REGISTERED, Progress.FAILED)


class SendingBar:
    """A progress bar on a terminal; nothing elsewhere."""

    def __init__(self, total: int) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = Bar(*columns, transient=True)
        self._bar.disable = not self._bar.console.is_terminal
        self._sent = self._bar.add_task("sent", total=total)
        self._ready = self._bar.add_task("ready", total=total)

    def __enter__(self) -> "SendingBar":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, count: Counter[Progress]) -> None:
        total = sum(count.values())
        self._bar.update(self._sent, completed=total - count[Progress.WAITING] - count[Progress.SENDING])
        self._bar.update(self._ready, completed=count[Progress.READY])


def _run(
    context: typer.Context, command: str, work: Callable[[Desk, SignIn], Coroutine[Any, Any, None]]
) -> None:  # Any: asyncio's own
    async def with_desk() -> None:
        async with _opened(cast("Where", context.obj), command) as (desk, credential):
            await work(desk, credential)

    try:
        asyncio.run(with_desk())
    except HandoverError as error:
        typer.secho(str(error), fg="red", err=True)
        raise typer.Exit(1) from error


@asynccontextmanager
async def _opened(at: Where, command: str) -> AsyncGenerator[tuple[Desk, SignIn]]:
    credential = sign_in(at.sign_in, command, graph=at.graph, tenant_id=at.tenant_id, tell=typer.echo)
    async with desk_at(at.graph, at.storage, credential) as desk:
        yield desk, credential
