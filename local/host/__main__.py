"""`python -m local.host`: host the app of a directory until SIGINT or SIGTERM, as `func start` would."""

import asyncio
import importlib
import logging
import os
import signal
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, cast

import typer

from local.host.app import Function, HttpTrigger, QueueTrigger, TimerTrigger
from local.host.configuration import HostError, read_local_settings
from local.host.host import Host

_QUIET_LOGGERS = ("azure", "uvicorn", "asyncio", "httpx")


def main(
    app: Annotated[Path, typer.Option(help="Directory of function_app.py and host.json.")] = Path(),
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 7071,
    settings: Annotated[Path | None, typer.Option(help="Default: local.settings.json of the app, if any.")] = None,
    clock: Annotated[str | None, typer.Option(help="URL of a simulated clock that the timers follow.")] = None,
    poll_max: Annotated[float, typer.Option(help="Longest pause between polls of an empty queue, in seconds.")] = 2.0,
    key: Annotated[str | None, typer.Option(help="Access key of functions that are not anonymous.")] = None,
    state: Annotated[Path | None, typer.Option(help="Directory where timers remember their last run.")] = None,
) -> None:
    """Host an Azure Functions Python v2 app on this machine: HTTP, queue and timer triggers."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname).1s %(name)s: %(message)s")
    for name in _QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        _load_settings(settings, app / "local.settings.json")
        now = _install_clock(clock) if clock else None  # before the app is loaded, which may read the time
        host = Host(app, environ=os.environ, now=now, poll_max_seconds=poll_max, key=key, state_dir=state)
        asyncio.run(_serve(host, port, show_key=not (key or os.environ.get("HANDOVER_LOCAL_KEY"))))
    except (HostError, OSError) as error:
        typer.secho(f"Cannot host {app.resolve()}: {error}", fg="red", err=True)
        raise typer.Exit(1) from error


def _load_settings(given: Path | None, default: Path) -> None:
    """Put the settings file's Values into the environment, where what is there already wins."""
    path = given or default
    if given or default.exists():
        for name, value in read_local_settings(path).items():
            os.environ.setdefault(name, value)


def _install_clock(url: str) -> Callable[[], datetime]:
    virtual_time = importlib.import_module("local.virtual_time")  # only a simulated clock needs it
    install = cast(Callable[[str], Callable[[], datetime]], virtual_time.install)
    return install(url)


async def _serve(host: Host, port: int, *, show_key: bool) -> None:
    asked_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        asked_to_stop.set()
        for signum in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(signum)  # a second signal ends the process at once

    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stop)
    await host.start(port)
    _print_functions(host)
    if show_key:
        typer.echo(f"Key for x-functions-key or ?code=: {host.key}")
    await asked_to_stop.wait()
    typer.echo("Stopping; running invocations have 5 seconds.")
    await host.stop()


def _print_functions(host: Host) -> None:
    rows = [(function.name, *_trigger_of(function, host)) for function in host.app]
    widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    typer.echo(f"Hosting {host.app_dir} on http://127.0.0.1:{host.port}")
    for name, kind, detail in rows:
        typer.echo(f"  {name:{widths[0]}}  {kind:{widths[1]}}  {detail}")


def _trigger_of(function: Function, host: Host) -> tuple[str, str]:
    match function.trigger:
        case HttpTrigger(route=route, methods=methods, auth_level=level):
            path = "/".join(part for part in (host.host_json.route_prefix, route) if part)
            names = ",".join(sorted(methods)) or "ANY"
            return "http", f"{names} http://127.0.0.1:{host.port}/{path} ({level.lower()})"
        case QueueTrigger(queue=queue):
            return "queue", queue
        case TimerTrigger(schedule=schedule):
            return "timer", schedule
        case None:
            return "-", f"not run: {function.not_run}"


if __name__ == "__main__":
    typer.run(main)
