"""Every scenario file reaches its expected end on real parts: Azurite, the simulated tenant over HTTP, function_app.py in the host."""

from pathlib import Path

import pytest

from local.scenario_run import run_file

HERE = Path(__file__).parent
FILES = sorted(HERE.rglob("*.json"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(HERE).with_suffix("").as_posix())
async def test_a_scenario_reaches_its_expected_end(file: Path, azurite_account: str) -> None:
    moments: list[object] = []
    problems = await run_file(file, moments.append, connection_string=azurite_account)
    assert problems == [], "\n".join(str(moment) for moment in moments)
