"""The host dies while a write to Microsoft Graph is on its way; the story still ends, and with one wipe."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from local.play import Player
from local.scenario_run import fresh_stack
from local.stack import Stack

STORY = Path(__file__).parent / "the_story.json"
WRITES = ("assignLicense", "assignUserToDevice", "wipe")


@pytest.mark.parametrize("write", WRITES)
async def test_a_host_killed_while_it_waits_for_an_answer_finishes_the_story_with_one_wipe(
    write: str, azurite_account: str
) -> None:
    async with fresh_stack(STORY, own_process=True, connection_string=azurite_account) as stack:
        _expect_an_answer_to_be_lost(stack)
        await stack.simulated("faults", {"on": write, "kind": "slow", "times": 1, "duration": "PT1S", "when": "after"})
        killer = asyncio.create_task(_kill_when_asked_for(stack, write))
        problems = await Player(stack=stack).play()
        assert killer.done(), f"{write} was never asked for"
        assert problems == []
        assert (await stack.simulated("counts"))["wipes_by_serial"] == {"5CG1234XYZ": 1}


def _expect_an_answer_to_be_lost(stack: Stack) -> None:
    """Reading what became of a lost answer costs a request more than the story's budget, and nobody saw the wipe accepted."""
    expected = cast("dict[str, Any]", stack.scenario.expect)  # Any: as read from the file
    tenant = {key: value for key, value in expected["tenant"].items() if key != "requests_for_device_at_most"}
    changed = {**expected, "tenant": tenant, "passes": [*({*expected["passes"]} - {"wipe_accepted"})]}
    stack.scenario = stack.scenario.model_copy(update={"expect": changed})


async def _kill_when_asked_for(stack: Stack, write: str) -> None:
    """Kill the host as soon as the tenant has the request, long before it answers; then start it again."""
    while write not in (await stack.simulated("counts"))["by_operation"]:
        await asyncio.sleep(0.01)
    await stack.kill_host()
    await stack.start_host()
