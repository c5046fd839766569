"""App Service Authentication as infra/ sets it up: it lets in whom the app itself lets in, and knows the app's roles."""

import fnmatch
import json
import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from shared.operate.principals import Role
from tests.worker.test_trigger_table import OPEN_TO_EVERYBODY
from tests.worker.triggers import TRIGGERS

REPOSITORY = Path(__file__).parents[2]
INFRA = REPOSITORY / "infra"
SIGN_IN = (INFRA / "modules" / "signin.bicep").read_text()
ROLES: list[dict[str, Any]] = json.loads((INFRA / "app-roles.json").read_text())
HTTP = {name: trigger for name, trigger in TRIGGERS.items() if trigger.kind == "httpTrigger"}


def excluded_paths() -> list[str]:
    found = re.search(r"param excludedPaths array = \[(.*)\]", SIGN_IN)
    assert found is not None
    return re.findall(r"'([^']+)'", found.group(1))


@pytest.mark.parametrize("name", HTTP)
def test_what_is_open_to_everybody_is_reached_without_signing_in_and_nothing_else(name: str) -> None:
    path = "/api/" + re.sub(r"\{\w+\}", "x", HTTP[name].where)
    is_open = any(fnmatch.fnmatchcase(path, pattern) for pattern in excluded_paths())
    assert is_open is (name in OPEN_TO_EVERYBODY)


def test_everybody_else_is_sent_to_sign_in() -> None:
    for line in (
        "enabled: true",
        "requireAuthentication: true",
        "unauthenticatedClientAction: 'RedirectToLoginPage'",
        "requireHttps: true",
        "openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'",
        "allowedAudiences: [clientId, 'api://${clientId}']",
    ):
        assert line in SIGN_IN


def test_it_is_set_up_for_every_part_that_people_call() -> None:
    """The API's functions run in these parts; a part without them answers no person."""
    parts = json.loads((INFRA / "parts.json").read_text())
    called = {part for part, own in parts.items() if "approve_case" in own["functions"]}
    condition = re.search(r"module signIn .* = if \((.*)\) \{", (INFRA / "modules" / "app.bicep").read_text())
    assert condition is not None
    assert set(re.findall(r"part == '(\w+)'", condition.group(1))) == called == {"single", "worker"}
    assert "!empty(signInClientId)" in condition.group(1)
    assert (INFRA / "main.bicep").read_text().count("signInClientId: signInClientId") == 2


def test_the_apps_roles_are_those_of_the_code_and_only_people_hold_them() -> None:
    assert {role["value"] for role in ROLES} == set(Role)
    assert len({UUID(role["id"]) for role in ROLES}) == len(ROLES)
    for role in ROLES:
        assert role["allowedMemberTypes"] == ["User"], "a program cannot approve a wipe"
        assert role["isEnabled"] is True and role["displayName"] and role["description"]
