"""The story, played by the app as it lies in the package: a bare Python, its packages and nothing beside them."""

from pathlib import Path

from local.package.target import Target, bare_environment
from local.play import Player
from local.stack import Stack
from local.tenant.scenario import load
from tests.package.conftest import Unpacked

STORY = Path(__file__).parents[1] / "story" / "the_story.json"


async def test_the_story_comes_true_from_the_package(
    target: Target, unpacked: Unpacked, host_tools: tuple[Path, ...], azurite_account: str
) -> None:
    assert [path.name for folder in host_tools for path in folder.iterdir() if path.name.startswith("msgraph")] == []
    stack = Stack(
        scenario=load(STORY),
        connection_string=azurite_account,
        own_process=True,
        app=unpacked.app,
        python=(str(target.interpreter), "-S", "-s"),
        host_environ=bare_environment((*unpacked.path, *host_tools)),
    )
    async with stack:
        problems = await Player(stack=stack).play()
    assert problems == [], stack.host_log.read_text()[-3000:]
    assert "ModuleNotFoundError" not in stack.host_log.read_text()
