"""Every scenario file reaches its expected end on real parts: Azurite, the simulated tenant over HTTP, function_app.py in the host."""

from pathlib import Path

import pytest

from local.scenario_run import run_file

HERE = Path(__file__).parent
OF_NO_THEME = sorted(HERE.glob("*.json"))
OF_A_THEME = sorted(HERE.glob("*/**/*.json"))


def _name(file: Path) -> str:
    return file.relative_to(HERE).with_suffix("").as_posix()


async def _play(file: Path, azurite_account: str) -> None:
    moments: list[object] = []
    problems = await run_file(file, moments.append, connection_string=azurite_account)
    assert problems == [], "\n".join(str(moment) for moment in moments)


@pytest.mark.parametrize("file", OF_NO_THEME, ids=_name)
async def test_a_scenario_reaches_its_expected_end(file: Path, azurite_account: str) -> None:
    await _play(file, azurite_account)


@pytest.mark.parametrize("file", OF_A_THEME, ids=_name)
async def test_a_scenario_of_a_theme_reaches_its_expected_end(file: Path, azurite_account: str) -> None:
    await _play(file, azurite_account)
