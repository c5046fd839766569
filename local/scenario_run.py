"""Runs a scenario file on a fresh installation of this machine: Azurite, tenant and host."""

import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path

from local.azurite import Azurite
from local.play import Player, Watcher
from local.stack import Stack
from local.tenant.scenario import load


@contextlib.asynccontextmanager
async def fresh_stack(
    file: Path, *, own_process: bool = False, connection_string: str | None = None
) -> AsyncGenerator[Stack, None]:
    """A running stack for the scenario, on its own Azurite unless an empty account is given."""
    with contextlib.ExitStack() as parts:
        if connection_string is None:
            connection_string = parts.enter_context(Azurite()).connection_string
        async with Stack(scenario=load(file), connection_string=connection_string, own_process=own_process) as stack:
            yield stack


async def run_file(
    file: Path, watch: Watcher, *, own_process: bool = False, connection_string: str | None = None
) -> list[str]:
    """Play the file; returns what of its expected end was not reached."""
    async with fresh_stack(file, own_process=own_process, connection_string=connection_string) as stack:
        return await Player(stack=stack, watch=watch).play()
