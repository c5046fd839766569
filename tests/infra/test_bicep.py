"""The Bicep files on their own: checked against Azure's type definitions, and the ids that no type definition knows."""

import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
INFRA = REPOSITORY / "infra"
BICEP_FILES = sorted(INFRA.rglob("*.bicep"))
CHECKER = REPOSITORY.parent / "shared" / "tools" / "bicep"
GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# from Microsoft's page "Azure built-in roles"
AZURE_ROLES = {
    "Storage Blob Data Owner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "Storage Queue Data Message Sender": "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a",
    "Storage Queue Data Contributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "Storage Table Data Contributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "Key Vault Secrets User": "4633458b-17de-408a-b874-0445c86b69e6",
    "Azure Event Hubs Data Receiver": "a638d3c7-ab3a-418d-83e6-5f17a39d4fde",
    "Monitoring Metrics Publisher": "3913510d-42f4-4e42-8a64-420c390055eb",
}

# from Microsoft's page "Microsoft Graph permissions reference", application permissions
GRAPH_ROLES = {
    "BitlockerKey.ReadBasic.All": "f690d423-6b29-4d04-98c6-694c42282419",
    "Device.Read.All": "7438b122-aefc-4978-80ed-43db9fcc7715",
    "DeviceManagementConfiguration.Read.All": "dc377aa6-52d8-4e23-b271-2a7ae04cedf3",
    "DeviceManagementManagedDevices.PrivilegedOperations.All": "5b07b0dd-2377-4e44-a38d-703f09a0dc3c",
    "DeviceManagementManagedDevices.Read.All": "2f51be20-0bb4-4fed-bf7b-db946066c75e",
    "DeviceManagementRBAC.Read.All": "58ca0d9a-1575-47e1-a3cb-007ef2e4583b",
    "DeviceManagementServiceConfig.Read.All": "06a5fe6d-c49d-46a7-b082-56b1b14103c7",
    "DeviceManagementServiceConfig.ReadWrite.All": "5ac13192-7ace-4fcf-b828-1a26f28068ee",
    "GroupMember.Read.All": "98830695-27a2-44f7-8c18-0c3ebc9698f6",
    "LicenseAssignment.Read.All": "e2f98668-2877-4f38-a2f4-8202e0717aa1",
    "LicenseAssignment.ReadWrite.All": "5facf0c1-8979-4e95-abcf-ff3d079771c0",
    "Mail.Send": "b633e1c5-b582-4048-a93e-9f11b44c7e96",
    "User.Read.All": "df021288-bdef-4463-88db-98f22de89214",
    "User.ReadWrite.All": "741f803b-c850-494e-b5df-cde7c675a1ca",
}
NOT_AMONG_THE_TYPES = re.compile(
    r"modules/(?:network|eventhub|rbac)\.bicep:.*unknown resource type .* Microsoft\.(?:Network/privateDnsZones|EventHub/)"
)
"""The checker's copy of Azure's types leaves private DNS and Event Hubs out."""
MICROSOFT_GRAPH = "00000003-0000-0000-c000-000000000000"


def graph_roles() -> dict[str, dict[str, dict[str, Any]]]:  # Any: texts and the list of parts
    return json.loads((INFRA / "graph-roles.json").read_text())


@pytest.mark.skipif(not CHECKER.is_dir(), reason="the offline Bicep checker does not lie beside this checkout")
def test_every_file_agrees_with_azures_type_definitions(tmp_path: Path) -> None:
    with tarfile.open(CHECKER / "bicep-types.tar.xz") as types:
        types.extractall(tmp_path, filter="data")
    check = subprocess.run(
        [sys.executable, CHECKER / "bicheck.py", tmp_path / "bt", *BICEP_FILES],
        capture_output=True,
        text=True,
        check=False,
    )
    problems = [line for line in check.stdout.splitlines()[:-1] if not NOT_AMONG_THE_TYPES.search(line)]
    assert problems == [], check.stderr
    assert check.stdout.splitlines()[-1].startswith(f"{len(BICEP_FILES)} files, "), check.stdout + check.stderr


def test_identities_get_exactly_the_known_azure_roles() -> None:
    rbac = (INFRA / "modules" / "rbac.bicep").read_text()
    assert sorted(GUID.findall(rbac)) == sorted(AZURE_ROLES.values())


def test_each_graph_role_has_its_own_id_and_a_reason() -> None:
    roles = [role for grant in graph_roles().values() for role in grant.items()]
    assert {name: role["id"] for name, role in roles} == GRAPH_ROLES
    assert len(roles) == len(GRAPH_ROLES), "a role stands in two grants"
    assert all(role["for"] for _, role in roles)


def test_reporting_grants_only_reading() -> None:
    assert [name for name in graph_roles()["report"] if not name.endswith(".Read.All")] == []


def test_the_graph_deployment_offers_the_grants_of_the_table_and_names_no_role_itself() -> None:
    bicep = (INFRA / "graph" / "main.bicep").read_text()
    offered = re.search(r"@allowed\(\[([^\]]*)\]\)\s+param grants array", bicep, re.DOTALL)
    assert offered is not None
    assert re.findall(r"'(\w+)'", offered.group(1)) == list(graph_roles())
    assert GUID.findall(bicep) == [MICROSOFT_GRAPH]


@pytest.mark.parametrize("file", ["main.bicep", "modules/app.bicep", "modules/function.bicep"])
def test_an_instance_has_one_of_the_sizes_that_flex_consumption_offers(file: str) -> None:
    bicep = (INFRA / file).read_text()
    found = re.search(r"@allowed\(\[([\d, ]+)\]\)\s+param instanceMemoryMB int(?: = (\d+))?", bicep)
    assert found is not None
    sizes = [int(size) for size in found.group(1).split(",")]
    assert sizes == [512, 2048, 4096]
    assert found.group(2) is None or int(found.group(2)) in sizes


def test_no_key_opens_the_storage_account() -> None:
    everything = "\n".join(file.read_text() for file in BICEP_FILES)
    assert "allowSharedKeyAccess: false" in everything
    assert not re.search(r"listKeys|AccountKey=|allowSharedKeyAccess: true", everything)
