"""What the administrator's own sign-in is asked for is what the commands call; the app's identity gets none of it."""

import json
import re
from pathlib import Path

import pytest

from local.tenant.model.operations import DELEGATED, ROLES, Operation

REPOSITORY = Path(__file__).parents[2]
SCOPES: dict[str, dict[str, str]] = json.loads((REPOSITORY / "infra" / "graph-scopes.json").read_text())
APP: dict[str, dict[str, object]] = json.loads((REPOSITORY / "infra" / "graph-roles.json").read_text())

READS = {
    "setup.profiles": Operation.PROFILES_LIST,
    "setup.configurations": Operation.CONFIGURATIONS_LIST,
    "setup.organization": Operation.ORGANIZATION_LIST,
    "setup.skus": Operation.SUBSCRIBED_SKUS_LIST,
    "setup.groups": Operation.GROUPS_LIST,
    "setup.group": Operation.GROUPS_GET,
}
WRITES = {
    "setup.create_group": Operation.GROUPS_CREATE,
    "setup.update_group": Operation.GROUPS_UPDATE,
    "setup.license_group": Operation.GROUPS_ASSIGN_LICENSE,
    "setup.create_profile": Operation.PROFILES_CREATE,
    "setup.update_profile": Operation.PROFILES_UPDATE,
    "setup.assign_profile": Operation.PROFILES_ASSIGN,
    "setup.create_configuration": Operation.CONFIGURATIONS_CREATE,
    "setup.update_configuration": Operation.CONFIGURATIONS_UPDATE,
    "setup.assign_configuration": Operation.CONFIGURATIONS_ASSIGN,
    "setup.set_priority": Operation.CONFIGURATIONS_SET_PRIORITY,
}
REGISTRATIONS = {
    "registrations.send": Operation.IMPORTS_CREATE,
    "registrations.imports": Operation.IMPORTS_LIST,
    "registrations.listed": Operation.AUTOPILOT_LIST,
    "registrations.sync_state": Operation.AUTOPILOT_SETTINGS_GET,
    "registrations.sync": Operation.AUTOPILOT_SETTINGS_SYNC,
}
COMMANDS = {
    "plan": READS,
    "apply": READS | WRITES,
    "attest": {"mobility.policy": Operation.MDM_POLICIES},
    "register": REGISTRATIONS,
}


def without_permission(command: str, scopes: set[str]) -> list[str]:
    return [name for name, operation in COMMANDS[command].items() if not DELEGATED[operation] & scopes]


def test_every_request_of_the_setup_is_in_the_table() -> None:
    sources = "\n".join(file.read_text() for file in (REPOSITORY / "shared" / "clients" / "graph").glob("*.py"))
    called = set(re.findall(r'"((?:setup|registrations|mobility)\.[a-z_]+)"', sources))
    assert called == {name for operations in COMMANDS.values() for name in operations}


@pytest.mark.parametrize("command", SCOPES)
def test_what_a_command_calls_is_asked_for(command: str) -> None:
    assert without_permission(command, set(SCOPES[command])) == []


@pytest.mark.parametrize("command", SCOPES)
def test_what_a_command_asks_for_is_needed(command: str) -> None:
    idle = [scope for scope in SCOPES[command] if not without_permission(command, set(SCOPES[command]) - {scope})]
    assert idle == []


def test_the_app_may_look_for_drift_with_the_grants_for_reports_and_groups() -> None:
    granted = {*APP["report"], *APP["groups"]}
    assert [name for name, operation in READS.items() if not ROLES[operation] & granted] == []


def test_the_apps_identity_gets_no_permission_to_make_groups_or_to_read_policies() -> None:
    granted = {role for grant in APP.values() for role in grant}
    assert not granted & {"Group.ReadWrite.All", "Directory.ReadWrite.All", "Policy.Read.All"}
    assert without_permission("attest", granted) and not ROLES[Operation.GROUPS_CREATE] & granted
