"""The hooks of azd, run against an `az` and an `azd` that only write down what they are asked."""

import json
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

INFRA = Path(__file__).parents[2] / "infra"
SCRIPTS = INFRA / "scripts"
GRANTS: dict[str, dict[str, dict[str, Any]]] = json.loads((INFRA / "graph-roles.json").read_text())
WIPE = "DeviceManagementManagedDevices.PrivilegedOperations.All"

# FAKE_STATE holds the roles that each identity has; FAKE_FAIL is a list of errors that the next POSTs meet, one each.
FAKE_AZ = """#!/bin/sh
set -eu
echo "$@" >> "$FAKE_STATE/calls"
method= uri= body=
while [ $# -gt 0 ]; do
    case "$1" in
        --method) method=$2; shift ;;
        --uri) uri=$2; shift ;;
        --body) body=$2; shift ;;
    esac
    shift
done
fail() { echo "ERROR: $1" >&2; exit 1; }
case "$method $uri" in
    "GET "*appId=*) echo graph-object-id ;;
    "GET "*) identity=${uri%/appRoleAssignments}; cat "$FAKE_STATE/${identity##*/}" 2>/dev/null || true ;;
    "POST "*)
        if [ -s "$FAKE_STATE/fail" ]; then
            error=$(head -n 1 "$FAKE_STATE/fail")
            if [ "$error" != 'Forbidden({"error":403})' ]; then sed -i 1d "$FAKE_STATE/fail"; fi
            fail "$error"
        fi
        identity=${uri%/appRoleAssignments}
        echo "$body" | sed 's/.*"appRoleId":"\\([^"]*\\)".*/\\1/' >> "$FAKE_STATE/${identity##*/}"
        ;;
esac
"""
FAKE_AZD = '#!/bin/sh\necho "$@" >> "$FAKE_STATE/calls"\n'


class Shell:
    """A folder with the fakes, in which scripts run."""

    def __init__(self, folder: Path) -> None:
        self.state = folder
        for name, text in (("az", FAKE_AZ), ("azd", FAKE_AZD)):
            program = folder / "bin" / name
            program.parent.mkdir(exist_ok=True)
            program.write_text(text)
            program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def run(self, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        usual = {"PATH": f"{self.state / 'bin'}:{os.environ['PATH']}", "FAKE_STATE": str(self.state)}
        return subprocess.run(
            ["/bin/sh", SCRIPTS / script],
            env={**usual, "GRANT_PAUSE_SECONDS": "0", **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self) -> list[str]:
        calls = self.state / "calls"
        return calls.read_text().splitlines() if calls.exists() else []

    def posts(self) -> int:
        return sum("--method POST" in call for call in self.calls())

    def holds(self, identity: str) -> set[str]:
        file = self.state / identity
        return set(file.read_text().split()) if file.exists() else set()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def ids(*grants: str, part: str = "single") -> set[str]:
    return {
        role["id"] for grant in grants for role in GRANTS[grant].values() if part == "single" or part in role["parts"]
    }


@pytest.mark.parametrize(
    ("environment", "grants"),
    [
        ({}, ["report"]),
        ({"HANDOVER_MODE": "report"}, ["report"]),
        ({"HANDOVER_MODE": "approve"}, ["report", "remediate"]),
        ({"HANDOVER_MODE": "auto", "HANDOVER_USAGE_LOCATION": "GB"}, ["report", "remediate", "usageLocation"]),
        ({"HANDOVER_SUBSCRIBE_TO": "users,groups/1/members"}, ["report", "groups"]),
        (
            {"HANDOVER_LICENCE_GROUP": "0f5c9a52-7f3c-4a52-8a41-2f6d0c9b0001"},
            ["report", "usageLocation", "groups", "licenceGroup"],
        ),
        ({"HANDOVER_EXCLUSION_GROUP": "6"}, ["report", "groups"]),
        ({"HANDOVER_ENROLMENT_ATTESTED_GROUPS": "6"}, ["report", "groups"]),
        ({"HANDOVER_EXCLUSION_GROUP": "6", "HANDOVER_SUBSCRIBE_TO": "groups/1/members"}, ["report", "groups"]),
        ({"HANDOVER_BITLOCKER_KEY": "require"}, ["report", "recoveryKeys"]),
        ({"HANDOVER_BITLOCKER_KEY": "ignore", "HANDOVER_EXPECT_MULTI_ADMIN_APPROVAL": "false"}, ["report"]),
        ({"HANDOVER_EXPECT_MULTI_ADMIN_APPROVAL": "true"}, ["report", "approvalPolicies"]),
        ({"HANDOVER_TENANT_DRIFT": "true"}, ["report", "groups"]),
        ({"HANDOVER_TENANT_DRIFT": "false", "HANDOVER_SUBSCRIBE_TO": "users"}, ["report"]),
        ({"HANDOVER_MAIL_FROM": "it@contoso.example"}, ["report", "mail"]),
        ({"HANDOVER_MODE": "auto", "GRANTS": "report"}, ["report"]),
    ],
)
def test_a_single_app_gets_what_its_mode_needs(shell: Shell, environment: dict[str, str], grants: list[str]) -> None:
    done = shell.run("grant-graph-roles.sh", MI_SINGLE="identity", **environment)
    assert done.returncode == 0, done.stderr
    assert shell.holds("identity") == ids(*grants)


def test_repeating_it_asks_for_nothing_more(shell: Shell) -> None:
    shell.run("grant-graph-roles.sh", MI_SINGLE="identity")
    before = shell.posts()
    done = shell.run("grant-graph-roles.sh", MI_SINGLE="identity")
    assert shell.posts() == before == len(ids("report"))
    assert done.stdout.count("already has") == before


def test_only_what_is_missing_is_granted(shell: Shell) -> None:
    shell.run("grant-graph-roles.sh", MI_SINGLE="identity")
    shell.run("grant-graph-roles.sh", MI_SINGLE="identity", HANDOVER_MODE="approve")
    assert shell.holds("identity") == ids("report", "remediate")
    assert shell.posts() == len(ids("report", "remediate"))


def test_of_a_split_deployment_only_the_wiper_gets_the_wipe(shell: Shell) -> None:
    shell.run("grant-graph-roles.sh", MI_WORKER="worker", MI_WIPER="wiper", HANDOVER_MODE="auto")
    assert shell.holds("worker") == ids("report", "remediate", part="worker")
    assert shell.holds("wiper") == ids("report", "remediate", part="wiper")
    wipe = GRANTS["remediate"][WIPE]["id"]
    assert wipe in shell.holds("wiper") and wipe not in shell.holds("worker")


@pytest.mark.parametrize(
    "error", ['Not Found({"error":{"code":"Request_ResourceNotFound"}})', 'Bad Request({"error":400})']
)
def test_an_identity_that_is_not_known_everywhere_yet_is_asked_for_again(shell: Shell, error: str) -> None:
    (shell.state / "fail").write_text(f"{error}\n" * 3)
    done = shell.run("grant-graph-roles.sh", MI_SINGLE="identity")
    assert done.returncode == 0, done.stderr
    assert shell.holds("identity") == ids("report")
    assert shell.posts() == len(ids("report")) + 3


def test_it_does_not_ask_for_ever(shell: Shell) -> None:
    (shell.state / "fail").write_text("Bad Request({})\n" * 50)
    done = shell.run("grant-graph-roles.sh", MI_SINGLE="identity", GRANT_TRIES="4")
    assert done.returncode != 0
    assert "Bad Request" in done.stderr
    assert shell.posts() == 4


def test_another_error_ends_it_at_once(shell: Shell) -> None:
    (shell.state / "fail").write_text("Unauthorized({})\n" * 5)
    done = shell.run("grant-graph-roles.sh", MI_SINGLE="identity")
    assert done.returncode != 0
    assert shell.posts() == 1


def test_who_may_not_grant_is_told_what_to_ask_for_and_the_deployment_succeeds(shell: Shell) -> None:
    (shell.state / "fail").write_text('Forbidden({"error":403})\n')
    done = shell.run("grant-graph-roles.sh", MI_SINGLE="identity", HANDOVER_MODE="approve")
    assert done.returncode == 0
    (command,) = re.findall(r"^\s+(GRANTS=.*)$", done.stdout, re.MULTILINE)
    assert "GRANTS='report remediate'" in command and "MI_SINGLE='identity'" in command
    assert shell.posts() == 1


def test_what_is_no_longer_needed_is_named_and_kept(shell: Shell) -> None:
    shell.run("grant-graph-roles.sh", MI_SINGLE="identity", HANDOVER_MODE="auto")
    done = shell.run("grant-graph-roles.sh", MI_SINGLE="identity", HANDOVER_MODE="report")
    assert f"does not need now: {WIPE}" in done.stdout
    assert shell.holds("identity") == ids("report", "remediate")


def test_without_an_identity_it_says_so(shell: Shell) -> None:
    done = shell.run("grant-graph-roles.sh")
    assert done.returncode == 1
    assert "MI_SINGLE" in done.stderr


def test_the_secret_is_made_once(shell: Shell) -> None:
    assert shell.run("make-client-state.sh").returncode == 0
    (call,) = shell.calls()
    assert re.fullmatch(r"env set HANDOVER_CLIENT_STATE [0-9a-f]{64}", call)
    assert shell.run("make-client-state.sh", HANDOVER_CLIENT_STATE="is there").returncode == 0
    assert shell.calls() == [call]


def test_the_secret_is_not_printed(shell: Shell) -> None:
    done = shell.run("make-client-state.sh")
    (call,) = shell.calls()
    assert call.split()[-1] not in done.stdout + done.stderr


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.sh")), ids=lambda path: path.name)
@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_shellcheck_finds_nothing(script: Path) -> None:
    check = subprocess.run(["shellcheck", script], capture_output=True, text=True, check=False)  # noqa: S607  # on the PATH
    assert check.returncode == 0, check.stdout


def test_each_hook_has_a_twin_for_windows() -> None:
    scripts = {path.stem for path in SCRIPTS.glob("*.sh")}
    assert scripts == {path.stem for path in SCRIPTS.glob("*.ps1")}


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.ps1")), ids=lambda path: path.name)
@pytest.mark.skipif(shutil.which("pwsh") is None, reason="PowerShell is not installed")
def test_powershell_can_parse_it(script: Path) -> None:
    parse = f"$e=$null;[void][Management.Automation.Language.Parser]::ParseFile('{script}',[ref]$null,[ref]$e);exit $e.Count"
    assert subprocess.run(["pwsh", "-NoProfile", "-c", parse], check=False).returncode == 0  # noqa: S607  # on the PATH
