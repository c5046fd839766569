"""Who may call what: tokens, application permissions, and that the table of permissions is Microsoft's."""

import json
from pathlib import Path

import pytest

from local.tenant.http.app import endpoints
from local.tenant.model.gate import Caller
from local.tenant.model.operations import EVERY_ROLE, ROLES, Operation
from tests.local.simulated_tenant import MANAGED_DEVICES, OWNER, client_of, device, story

OPENAPI = Path(__file__).parents[3] / "shared" / "data" / "graph-openapi"
NOT_IN_THE_DESCRIPTION = {
    # the permissions reference describes it as "manage all license assignments", reading included
    Operation.SUBSCRIBED_SKUS_LIST: {"LicenseAssignment.ReadWrite.All"},
    Operation.SUBSCRIBED_SKUS_GET: {"LicenseAssignment.ReadWrite.All"},
    Operation.USERS_LICENSE_DETAILS: {"LicenseAssignment.ReadWrite.All"},
}


@pytest.mark.parametrize("authorization", [None, "", "Basic x", "Bearer ", "Bearer a.b.c"])
async def test_without_a_valid_token_graph_answers_401(authorization: str | None) -> None:
    model = story()
    async with client_of(model) as client:
        del client.http.headers["Authorization"]
        headers = {} if authorization is None else {"Authorization": authorization}
        answer = await client.http.get("/v1.0/users", headers=headers)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "InvalidAuthenticationToken"
    assert "WWW-Authenticate" in answer.headers
    assert (model.counts.requests, model.counts.client_errors) == (1, 1)


async def test_a_token_of_another_tenant_is_no_token_here() -> None:
    async with client_of(story(tenant={"id": "99999999-0000-4000-8000-000000000000"})) as stranger:
        foreign = stranger.http.headers["Authorization"]
    async with client_of(story()) as client:
        answer = await client.http.get("/v1.0/users", headers={"Authorization": foreign})
    assert answer.status_code == 401


async def test_without_the_role_the_directory_and_intune_refuse_in_their_own_words() -> None:
    model = story()
    async with client_of(model, Caller(roles=frozenset({"Mail.Send"}))) as client:
        assert (await client.error("/v1.0/users"))[:2] == (403, "Authorization_RequestDenied")
        status, code, message = await client.error(MANAGED_DEVICES)
        wiped = await client.post(f"{MANAGED_DEVICES}/{device(model).id}/wipe", {})
    assert (status, code) == (403, "Forbidden")
    assert "DeviceManagementManagedDevices.Read.All" in message
    assert wiped.status_code == 403
    assert model.counts.wipes == 0


async def test_no_application_may_read_the_mdm_policies() -> None:
    async with client_of(story()) as client:
        status, code, _ = await client.error("/beta/policies/mobileDeviceManagementPolicies")
    assert (status, code) == (403, "Authorization_RequestDenied")


async def test_a_reader_of_users_cannot_write_them() -> None:
    model = story()
    async with client_of(model, Caller(roles=frozenset({"User.Read.All"}))) as client:
        assert (await client.http.get(f"/v1.0/users/{OWNER}")).status_code == 200
        assert (await client.http.patch(f"/v1.0/users/{OWNER}", json={"usageLocation": "DE"})).status_code == 403
    assert model.users.require(OWNER).usage_location == "GB"


async def test_an_unknown_path_is_404_with_an_error_body() -> None:
    model = story()
    async with client_of(model) as client:
        answer = await client.http.get("/v1.0/nothing/here", headers={"client-request-id": "mine"})
    error = answer.json()["error"]
    assert answer.status_code == 404
    assert error["innerError"]["request-id"] == answer.headers["request-id"]
    assert error["innerError"]["client-request-id"] == answer.headers["client-request-id"] == "mine"
    assert error["innerError"]["date"] == "2026-03-02T08:00:00"
    assert model.counts.unknown_paths == 1


def test_every_operation_but_the_batch_has_a_row_and_an_endpoint() -> None:
    served = {endpoint.operation for endpoint in endpoints()}
    assert served == set(ROLES) == set(Operation) - {Operation.BATCH}


def test_the_default_identity_may_do_everything_but_what_is_left_to_administrators() -> None:
    assert {operation for operation, roles in ROLES.items() if not roles & EVERY_ROLE} == {
        Operation.MDM_POLICIES,
        Operation.GROUPS_CREATE,
        Operation.GROUPS_UPDATE,
    }


def test_every_permission_of_the_table_is_one_that_microsoft_names() -> None:
    if not OPENAPI.exists():
        pytest.skip("the OpenAPI description of Graph is not beside this repository")
    invented: dict[str, list[str]] = {}
    checked = 0
    for version in ("v1.0", "beta"):
        paths = json.loads((OPENAPI / f"{version}.json").read_text("utf-8"))["paths"]
        described = {_anonymous(path): item for path, item in paths.items()}
        for endpoint in endpoints():
            operation = described.get(_anonymous(endpoint.path), {}).get(endpoint.method.lower(), {})
            named = operation.get("x-ms-permissions-application", {})
            allowed = {*named.get("least", []), *named.get("other", [])}
            if allowed and version in endpoint.versions:
                allowed |= NOT_IN_THE_DESCRIPTION.get(endpoint.operation, set())
                invented[f"{version} {endpoint.operation}"] = sorted(ROLES[endpoint.operation] - allowed)
                checked += 1
    assert {name: roles for name, roles in invented.items() if roles} == {}
    assert checked > 40


def _anonymous(path: str) -> str:
    """The path with its parameters unnamed."""
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))
