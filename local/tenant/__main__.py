"""`python -m local.tenant`: serve the simulated tenant of one scenario until Ctrl+C."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer

from local.tenant.populate import tenant_of
from local.tenant.scenario import ScenarioError, load
from local.tenant.server import TenantServer


def main(
    scenario: Annotated[Path, typer.Option(help="A scenario file, as in tests/story/.")],
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 7080,
    speed: Annotated[float, typer.Option(help="Virtual seconds per real second; 0 stands still until moved.")] = 0,
) -> None:
    """Serve a simulated Microsoft tenant: Graph, the identity endpoint and the controls of the simulation."""
    try:
        asyncio.run(_serve(TenantServer(tenant_of(load(scenario)), port, speed=speed)))
    except (ScenarioError, OSError) as error:
        typer.secho(f"Cannot serve {scenario}: {error}", fg="red", err=True)
        raise typer.Exit(1) from error


async def _serve(server: TenantServer) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await server.start()
    typer.echo(f"Serving on {server.base_url}; its clock is at {server.base_url}/_sim/clock. A client needs:")
    for name, value in server.environ().items():
        typer.echo(f"  {name}={value}")
    await stopped.wait()
    await server.stop()


if __name__ == "__main__":
    typer.run(main)
