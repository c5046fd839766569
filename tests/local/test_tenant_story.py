"""The story against the simulated tenant as a running server: the platform's own credential, Graph, and its clock."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx
import pytest
from azure.identity import ManagedIdentityCredential
from azure.identity.aio import ManagedIdentityCredential as AsyncManagedIdentityCredential

from local.tenant.http.identity import HEADER
from local.tenant.model.tenant import TenantModel
from local.tenant.server import TenantServer
from tests.local.simulated_tenant import (
    AUTOPILOT,
    MANAGED_DEVICES,
    OWNER,
    SERIAL,
    SPB,
    STAGING,
    STANDARD,
    Json,
    client_of,
    story,
)

SCOPE = "https://graph.microsoft.com/.default"
READER = "00000000-0000-4000-8000-00000000000b"


@asynccontextmanager
async def serving(
    model: TenantModel, monkeypatch: pytest.MonkeyPatch, *, speed: float = 0
) -> AsyncGenerator[TenantServer]:
    """A running server, and this process's environment as the platform would set it."""
    server = TenantServer(model, speed=speed)
    await server.start()
    for name, value in server.environ().items():
        monkeypatch.setenv(name, value)
    try:
        yield server
    finally:
        await server.stop()


async def _token() -> str:
    async with AsyncManagedIdentityCredential() as credential:
        return (await credential.get_token(SCOPE)).token


async def test_the_story_comes_true(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(story(), monkeypatch) as server, httpx.AsyncClient(base_url=server.base_url) as graph:
        graph.headers["Authorization"] = f"Bearer {await _token()}"

        async def devices() -> list[Json]:
            return (await graph.get(MANAGED_DEVICES, params={"$filter": f"serialNumber eq '{SERIAL}'"})).json()["value"]

        async def advance(seconds: int) -> None:
            (await graph.post("/_sim/clock", json={"advance_seconds": seconds})).raise_for_status()

        (before,) = await devices()
        assert before["userPrincipalName"] == STAGING
        swap: Json = {"addLicenses": [{"skuId": SPB, "disabledPlans": []}], "removeLicenses": [STANDARD]}
        assert (await graph.post(f"/v1.0/users/{OWNER}/assignLicense", json=swap)).status_code == 200
        await advance(300)
        found = (await graph.get(AUTOPILOT, params={"$filter": f"contains(serialNumber,'{SERIAL}')"})).json()
        bind = {"userPrincipalName": OWNER, "addressableUserName": "DEF456"}
        path = f"{AUTOPILOT}/{found['value'][0]['id']}/assignUserToDevice"
        assert (await graph.post(path, json=bind)).status_code == 204
        wipe = {"keepEnrollmentData": False, "keepUserData": False}
        assert (await graph.post(f"{MANAGED_DEVICES}/{before['id']}/wipe", json=wipe)).status_code == 204
        await advance(3 * 3600)
        (after,) = await devices()
        counts = (await graph.get("/_sim/counts")).json()
        state = (await graph.get("/_sim/state")).json()
    assert after["id"] != before["id"]
    assert (after["userPrincipalName"], after["complianceState"]) == (OWNER, "compliant")
    assert (counts["wipes"], counts["wipes_by_serial"], counts["by_device"]) == (1, {SERIAL: 1}, {SERIAL: 5})
    assert (counts["requests"], counts["writes"]) == (6, 3)
    assert counts["by_user"] == {state["users"][1]["id"]: 1}
    assert state["devices"][0]["enrolled_by"] == OWNER
    assert state["users"][1]["licences"] == ["SPB"]
    assert state["skus"]["SPB"] == {"seats": 5, "consumed": 2}


async def test_the_real_credentials_get_a_token_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(story(), monkeypatch) as server:
        with ManagedIdentityCredential() as credential:
            blocking = await asyncio.to_thread(credential.get_token, SCOPE)
        async with httpx.AsyncClient(base_url=server.base_url) as graph:
            for token in (blocking.token, await _token()):
                answer = await graph.get("/v1.0/users", headers={"Authorization": f"Bearer {token}"})
                assert answer.status_code == 200
    assert blocking.expires_on > 0


async def test_a_user_assigned_identity_has_its_own_roles(monkeypatch: pytest.MonkeyPatch) -> None:
    model = story(tenant={"identities": {"11111111-0000-4000-8000-000000000000": [], READER: ["User.Read.All"]}})
    async with serving(model, monkeypatch) as server, httpx.AsyncClient(base_url=server.base_url) as graph:
        async with AsyncManagedIdentityCredential(client_id=READER) as credential:
            graph.headers["Authorization"] = f"Bearer {(await credential.get_token(SCOPE)).token}"
        assert (await graph.get("/v1.0/users")).status_code == 200
        assert (await graph.get(MANAGED_DEVICES)).status_code == 403


@pytest.mark.parametrize(
    ("header", "query", "status"),
    [
        ("wrong", "resource=r&api-version=2019-08-01", 401),
        (HEADER, "api-version=2019-08-01", 400),
        (HEADER, "resource=r&api-version=2017-09-01", 400),
        (HEADER, "resource=r&api-version=2019-08-01&client_id=unknown", 400),
    ],
)
async def test_the_identity_endpoint_refuses_what_the_platform_refuses(header: str, query: str, status: int) -> None:
    async with client_of(story()) as client:
        answer = await client.http.get(f"/msi/token?{query}", headers={"X-IDENTITY-HEADER": header})
    assert answer.status_code == status


async def test_time_flows_when_a_speed_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    model = story()
    async with serving(model, monkeypatch, speed=36_000), asyncio.timeout(5):
        while (model.clock.now() - model.clock.start).total_seconds() < 3600:
            await asyncio.sleep(0.01)  # polling: the server moves the clock from a task of its own


async def test_a_port_that_is_taken_is_an_error_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(story(), monkeypatch) as server:
        second = TenantServer(story(), port=int(server.base_url.rpartition(":")[2]))
        with pytest.raises(OSError, match="in use"):
            await second.start()
