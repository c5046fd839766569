"""The host dies in the middle of a sweep; every non-compliant device still gets its one case."""

import asyncio
from pathlib import Path

import pytest

from local.play import Player
from local.scenario_run import fresh_stack
from local.stack import Stack

FILE = Path(__file__).parent / "sweep" / "empty_and_repeated_pages.json"


@pytest.mark.parametrize("read", ["devices.delta", "managedDevices.list", "users.delta"])
async def test_a_host_killed_while_it_sweeps_opens_each_case_once(read: str, azurite_account: str) -> None:
    async with fresh_stack(FILE, own_process=True, connection_string=azurite_account) as stack:
        await stack.simulated("faults", {"on": read, "kind": "slow", "times": 1, "duration": "PT1S", "when": "after"})
        killer = asyncio.create_task(_kill_when_asked_for(stack, read))
        problems = await Player(stack=stack).play()
        assert killer.done(), f"{read} was never asked for"
        assert problems == []


async def _kill_when_asked_for(stack: Stack, read: str) -> None:
    while read not in (await stack.simulated("counts"))["by_operation"]:
        await asyncio.sleep(0.01)
    await stack.kill_host()
    await stack.start_host()
