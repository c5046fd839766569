"""`python -m local.host`: settings, the table it prints, its exit."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.local.hosting import write_app

REPOSITORY = Path(__file__).parents[2]
SOURCE = """
import os

@app.route(route="setting/{name}", methods=["GET"])
def setting(req: func.HttpRequest) -> str:
    return os.environ.get(req.route_params["name"], "missing")

@app.timer_trigger(arg_name="timer", schedule="%NIGHTLY%")
def nightly(timer: func.TimerRequest) -> None: ...
"""


def start(app: Path, *arguments: str, **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "local.host", "--app", str(app), "--port", "0", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_the_command_hosts_an_app_until_it_is_told_to_stop(tmp_path: Path, signum: int) -> None:
    write_app(tmp_path, SOURCE)
    values = '{"Values": {"NIGHTLY": "0 0 3 * * *", "BOTH": "of the file", "FILE": "of the file"}}'
    (tmp_path / "local.settings.json").write_text(values, "utf-8")
    with start(tmp_path, "--key", "opens", BOTH="of the environment") as process:
        assert process.stdout is not None
        head = process.stdout.readline()
        table = process.stdout.readline() + process.stdout.readline()
        url = head.split()[-1]
        answers = [httpx.get(f"{url}/api/setting/{name}?code=opens").text for name in ("BOTH", "FILE")]
        refused = httpx.get(f"{url}/api/setting/BOTH").status_code
        process.send_signal(signum)
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 0, errors
    assert f"GET {url}/api/setting/{{name}} (function)" in table
    assert "0 0 3 * * *" in table
    assert (answers, refused) == (["of the environment", "of the file"], 401)


def test_the_command_makes_a_key_when_none_is_given(tmp_path: Path) -> None:
    write_app(tmp_path, SOURCE)
    with start(tmp_path, NIGHTLY="0 0 3 * * *", HANDOVER_LOCAL_KEY="") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        key = lines[3].split()[-1]
        url = lines[0].split()[-1]
        answer = httpx.get(f"{url}/api/setting/NIGHTLY", headers={"x-functions-key": key})
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
    assert answer.text == "0 0 3 * * *"


def test_the_command_says_in_one_line_why_it_cannot_host(tmp_path: Path) -> None:
    with start(write_app(tmp_path, SOURCE)) as process:
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "app setting NIGHTLY is missing" in errors
    assert "Traceback" not in errors
