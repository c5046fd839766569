"""The parts of a split deployment: which functions run where, and what each identity may do, on Azure and in Graph."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from local.tenant.model.operations import ROLES, Operation
from shared import names
from shared.domain.part import Part

REPOSITORY = Path(__file__).parents[2]
INFRA = REPOSITORY / "infra"
PARTS: dict[str, Any] = json.loads((INFRA / "parts.json").read_text())  # Any: nested JSON
GRANTS: dict[str, Any] = json.loads((INFRA / "graph-roles.json").read_text())
SPLIT = ("intake", "worker", "wiper")

# every request that shared/clients/graph can make, and what the permissions reference of Graph calls it
OPERATIONS = {
    "autopilot.bind": Operation.ASSIGN_USER,
    "autopilot.listed": Operation.AUTOPILOT_LIST,
    "autopilot.find": Operation.AUTOPILOT_LIST,
    "autopilot.read": Operation.AUTOPILOT_GET,
    "devices.approval_requests": Operation.APPROVAL_REQUESTS_LIST,
    "devices.changes": Operation.DEVICES_DELTA,
    "devices.enrolment_failures": Operation.TROUBLESHOOTING_EVENTS,
    "devices.noncompliant": Operation.MANAGED_DEVICES_LIST,
    "devices.enrolled_since": Operation.MANAGED_DEVICES_LIST,
    "devices.policy_states": Operation.MANAGED_DEVICES_POLICY_STATES,
    "devices.of_user": Operation.USERS_MANAGED_DEVICES,
    "devices.read": Operation.MANAGED_DEVICES_GET,
    "devices.reread": Operation.MANAGED_DEVICES_GET,
    "devices.sync": Operation.SYNC_DEVICE,
    "devices.wipe": Operation.WIPE,
    "devices.wipe_audits": Operation.REMOTE_ACTION_AUDITS,
    "devices.with_entra_device": Operation.MANAGED_DEVICES_LIST,
    "devices.with_serial_number": Operation.MANAGED_DEVICES_LIST,
    "directory.add_to_group": Operation.GROUP_MEMBERS_ADD,
    "directory.assign_licence": Operation.ASSIGN_LICENSE,
    "directory.licence_group": Operation.GROUPS_GET,
    "directory.remove_licences": Operation.ASSIGN_LICENSE,
    "directory.reprocess_licences": Operation.REPROCESS_LICENSE,
    "directory.device_object": Operation.DEVICES_LIST,
    "directory.groups_of_device": Operation.CHECK_DEVICE_GROUPS,
    "directory.groups_of_user": Operation.CHECK_MEMBER_GROUPS,
    "directory.recovery_keys": Operation.RECOVERY_KEYS_LIST,
    "directory.changed_members": Operation.GROUPS_DELTA,
    "directory.changed_users": Operation.USERS_DELTA,
    "directory.plans": Operation.USERS_LICENSE_DETAILS,
    "directory.set_usage_location": Operation.USERS_UPDATE,
    "directory.touch": Operation.USERS_UPDATE,
    "directory.user": Operation.USERS_GET,
    "mail.send": Operation.SEND_MAIL,
    "subscriptions.create": Operation.SUBSCRIPTIONS_CREATE,
    "subscriptions.all": Operation.SUBSCRIPTIONS_LIST,
    "subscriptions.delete": Operation.SUBSCRIPTIONS_DELETE,
    "subscriptions.renew": Operation.SUBSCRIPTIONS_UPDATE,
    "tenant.enrolled_devices": Operation.MANAGED_DEVICE_OVERVIEW,
    "tenant.noncompliant_devices": Operation.COMPLIANCE_STATE_SUMMARY,
    "tenant.approval_policies": Operation.APPROVAL_POLICIES,
    "tenant.configurations": Operation.CONFIGURATIONS_LIST,
    "tenant.group": Operation.GROUPS_GET,
    "tenant.organization": Operation.ORGANIZATION_LIST,
    "tenant.skus": Operation.SUBSCRIBED_SKUS_LIST,
}
WRITES = {"autopilot.bind", "devices.sync", "devices.wipe", "directory.assign_licence", "directory.remove_licences"}
WITH_A_LICENCE_GROUP = {"directory.licence_group", "directory.add_to_group", "directory.reprocess_licences"}
# tests/unit/test_parts.py sees the first three; the others are read when an approval came long after the checks
READINESS = {
    "autopilot.find",
    "autopilot.read",
    "devices.of_user",
    "devices.with_serial_number",
    "directory.device_object",
    "directory.groups_of_device",
    "directory.groups_of_user",
    "directory.recovery_keys",
    *(name for name in OPERATIONS if name.startswith("tenant.") and not name.endswith("_devices")),
}
BY_THE_WIPER = {"devices.reread", "devices.wipe", "directory.user"} | READINESS
ONLY_UNSPLIT = {"devices.sync"}
ONLY_WITH_GROUPS = {"directory.changed_members"}
CALLED_BY = {
    "single": set(OPERATIONS),
    "intake": set[str](),
    "worker": set(OPERATIONS) - ONLY_UNSPLIT - {"devices.wipe", "devices.reread"},
    "wiper": BY_THE_WIPER,
}
MEMBERSHIP = {"directory.groups_of_device", "directory.groups_of_user", "tenant.group"}
KEYS, POLICIES = {"directory.recovery_keys"}, {"tenant.approval_policies", "devices.approval_requests"}
WHEN_SET = MEMBERSHIP | KEYS | POLICIES | WITH_A_LICENCE_GROUP
LEVELS: dict[str, set[str]] = {
    "report": set(OPERATIONS) - WRITES - {"directory.set_usage_location", "directory.touch", "mail.send"} - WHEN_SET,
    "remediate": set(OPERATIONS) - {"directory.set_usage_location", "directory.touch", "mail.send"} - WHEN_SET,
    "usageLocation": set(OPERATIONS) - {"mail.send"} - WHEN_SET | {"directory.reprocess_licences"},
    "mail": set(OPERATIONS) - WHEN_SET,
    "groups": set(OPERATIONS) - KEYS - POLICIES - {"directory.add_to_group"},
    "recoveryKeys": set(OPERATIONS) - POLICIES - {"directory.add_to_group"},
    "approvalPolicies": set(OPERATIONS) - {"directory.add_to_group"},
    "licenceGroup": set(OPERATIONS),
}
"""What is called when all grants up to this one are given."""


def functions_of_the_app() -> list[str]:
    tree = ast.parse((REPOSITORY / "function_app.py").read_text())
    return [
        ast.literal_eval(call.args[0])
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "function_name"
    ]


def queues_listened_on(functions: list[str]) -> set[str]:
    source = (REPOSITORY / "function_app.py").read_text()
    triggers = dict(re.findall(r'function_name\("(\w+)"\)\n@app\.queue_trigger\("msg", "([\w-]+)"', source))
    return {triggers[name] for name in functions if name in triggers}


def roles(part: str, *grants: str) -> set[str]:
    return {
        name for grant in grants for name, role in GRANTS[grant].items() if part == "single" or part in role["parts"]
    }


def test_the_sweep_of_groups_needs_the_role_of_their_grant() -> None:
    assert all(ROLES[OPERATIONS[name]] & roles("worker", "groups") for name in ONLY_WITH_GROUPS)


def up_to(level: str) -> tuple[str, ...]:
    return tuple(LEVELS)[: list(LEVELS).index(level) + 1]


def without_permission(part: str, granted: set[str], level: str) -> list[str]:
    called = (CALLED_BY[part] & LEVELS[level]) - ONLY_WITH_GROUPS
    return [name for name in sorted(called) if not ROLES[OPERATIONS[name]] & granted]


def test_the_parts_are_those_of_the_code() -> None:
    assert list(PARTS) == [part.value for part in Part]


def test_a_single_app_runs_every_function() -> None:
    assert sorted(PARTS["single"]["functions"]) == sorted(functions_of_the_app())


def test_every_function_runs_in_exactly_one_part_of_a_split_deployment() -> None:
    running = [name for part in SPLIT for name in PARTS[part]["functions"]]
    assert sorted(running) == sorted(functions_of_the_app())


def test_what_a_part_does_not_run_is_disabled_with_the_platforms_own_setting() -> None:
    app, function = ((INFRA / "modules" / f"{name}.bicep").read_text() for name in ("app", "function"))
    assert "filter(partsTable.single.functions, name => !contains(own.functions, name))" in app
    assert "toObject(disabledFunctions, name => 'AzureWebJobs.${name}.Disabled', name => 'true')" in function
    assert re.search(r"properties: union\(.*disabledSettings", function)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_may_take_messages_of_just_the_queues_that_its_functions_listen_on(part: str) -> None:
    processes = PARTS[part]["processes"]
    assert {*processes, *(f"{queue}-poison" for queue in processes)} == queues_listened_on(PARTS[part]["functions"])


@pytest.mark.parametrize("part", PARTS)
def test_what_a_part_may_touch_exists(part: str) -> None:
    assert {*PARTS[part]["processes"], *PARTS[part]["sends"]} <= set(names.QUEUES)
    assert set(PARTS[part]["tables"]) <= set(names.TABLES)


def test_the_webhooks_identity_may_send_hints_and_write_its_subscriptions_and_nothing_else() -> None:
    intake = PARTS["intake"]
    assert (intake["processes"], intake["sends"], intake["tables"]) == ([], [names.HINTS], [names.SUBSCRIPTIONS])
    assert roles("intake", *GRANTS) == set()


def test_only_the_wiper_may_wipe() -> None:
    wipe = "DeviceManagementManagedDevices.PrivilegedOperations.All"
    assert [part for part in SPLIT if wipe in roles(part, *GRANTS)] == ["wiper"]
    assert roles("wiper", *GRANTS) & {name for name in roles("wiper", *GRANTS) if "ReadWrite" in name} == set()


def test_every_request_of_the_code_is_in_the_table() -> None:
    sources = "\n".join(file.read_text() for file in (REPOSITORY / "shared" / "clients" / "graph").glob("*.py"))
    ports = "autopilot|devices|directory|mail|subscriptions|tenant"
    assert set(re.findall(rf'"((?:{ports})\.[a-z_]+)"', sources)) == set(OPERATIONS)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("part", PARTS)
def test_what_a_part_calls_is_granted(part: str, level: str) -> None:
    assert without_permission(part, roles(part, *up_to(level)), level) == []


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("part", PARTS)
def test_what_is_granted_is_called(part: str, level: str) -> None:
    """Taking any one role of a grant away leaves a request without permission."""
    granted = roles(part, *up_to(level))
    idle = [role for role in roles(part, level) if not without_permission(part, granted - {role}, level)]
    assert idle == []


def test_group_notifications_need_the_one_role_of_their_grant() -> None:
    """Which permission a subscription needs depends on its resource, so the table of requests cannot tell."""
    assert roles("worker", "groups") == {"GroupMember.Read.All"}
