"""`make up`: leaves the app, the simulated tenant and Azurite running, with a week behind them, and says what to try."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from local.azurite import Azurite
from local.play import Player
from local.send import STORAGE_NOTE
from local.stack import ANN, Stack
from local.tenant.scenario import load

KEY = "local"
EXAMPLE = Path(__file__).parent / "example.json"


def main(
    scenario: Annotated[Path, typer.Option(help="Which tenant to simulate; its timeline is played first.")] = EXAMPLE,
    port: Annotated[int, typer.Option(help="Port of the app.")] = 7071,
    tenant_port: Annotated[int, typer.Option(help="Port of the simulated tenant.")] = 7080,
    speed: Annotated[float, typer.Option(help="Simulated seconds per real second.")] = 60,
) -> None:
    """Run everything until Ctrl+C."""
    logging.basicConfig(level=logging.WARNING)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(scenario, port, tenant_port, speed))


async def _serve(scenario: Path, port: int, tenant_port: int, speed: float) -> None:
    console = Console(highlight=False)
    console.print("Starting Azurite, the simulated tenant and the development host ...", style="dim")
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    with Azurite() as azurite:
        stack = Stack(
            scenario=load(scenario),
            connection_string=azurite.connection_string,
            own_process=True,
            host_port=port,
            tenant_port=tenant_port,
            key=KEY,
        )
        async with stack, _noted(stack.connection_string):
            ended = asyncio.create_task(stopped.wait())
            playing = asyncio.create_task(_play(stack, console))
            await asyncio.wait({ended, playing}, return_when=asyncio.FIRST_COMPLETED)
            if playing.done():
                playing.result()
                stack.tenant.flow(speed)
                console.print(_what_to_try(stack, speed), soft_wrap=True)
                await ended
            playing.cancel()
            console.print("Stopping.", style="dim")


async def _play(stack: Stack, console: Console) -> None:
    """Let the scenario's timeline happen, so that there is something to see."""
    console.print(f"Playing what happened so far: {stack.scenario.title} ...", style="dim")
    for problem in await Player(stack=stack, watch=lambda _: None).play():
        console.print(f"Not as the scenario expects: {problem}", style="yellow", markup=False)


@contextlib.asynccontextmanager
async def _noted(connection_string: str) -> AsyncGenerator[None, None]:
    """Leave a note where the storage is, for ``local.send``, as long as it is there."""
    STORAGE_NOTE.write_text(connection_string)
    try:
        yield
    finally:
        STORAGE_NOTE.unlink(missing_ok=True)


def _what_to_try(stack: Stack, speed: float) -> str:
    app, tenant = f"http://127.0.0.1:{stack.host_port}", stack.tenant.base_url
    serial = stack.scenario.devices[0].serial if stack.scenario.devices else "SERIAL"
    user = stack.scenario.users[-1].upn if stack.scenario.users else "user@contoso.example"
    return f"""
[bold]The console[/] {app}/api/console   (you are {ANN}, who may do everything)
[bold]The API[/]     {app}/api/v1/status
[bold]Its log[/]     {stack.host_log}
[bold]The tenant[/]  {tenant}/_sim/state   (its clock goes {speed:g} times as fast as yours)

[bold]Try[/]
  a device is given to a user, through the device-events queue:
    .venv/bin/python -m local.send device.user-assigned --serial {serial} --user {user}
  what Handover made of it:
    .venv/bin/python -m local.cli cases --serial {serial}
  a forged notification (202, and nothing happens):
    curl -si -X POST -H 'content-type: application/json' -d '{{"value":[{{"clientState":"guess"}}]}}' {app}/api/notifications
  a licence is given by hand, and the tenant notifies the app of it (its count: {tenant}/_sim/counts):
    curl -s -X POST -d '{{"do": "assign_licence", "user": "{user}", "sku": "SPB"}}' {tenant}/_sim/do
  three days pass:
    curl -s -X POST -d '{{"advance_seconds": 259200}}' {tenant}/_sim/clock
  stop all wipes, and let them go on:
    .venv/bin/python -m local.cli freeze --why "trying it"
    .venv/bin/python -m local.cli thaw --why "tried it"

Ctrl+C stops everything.
"""


if __name__ == "__main__":
    typer.run(main)
