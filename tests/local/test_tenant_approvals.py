"""Multi Admin Approval: the handshake of headers and codes that a wipe needs in such a tenant."""

import httpx
import pytest

from tests.local.simulated_tenant import HOUR, MANAGED_DEVICES, MINUTE, Client, Json, client_of, device, story

REQUESTS = "/beta/deviceManagement/operationApprovalRequests"
BODY = {"keepEnrollmentData": False, "keepUserData": False}
WHY = {"x-msft-approval-justification": "c3RvbGVu"}


def _tenant(**approval: object) -> Json:
    return {"multi_admin_approval": approval}


async def _wipe(client: Client, headers: dict[str, str] | None = None, body: object = None) -> httpx.Response:
    return await client.post(
        f"{MANAGED_DEVICES}/{device(client.model).id}/wipe", BODY if body is None else body, headers
    )


@pytest.mark.parametrize("answer", [400, 403, 412])
async def test_a_wipe_with_a_justification_files_a_request_and_wipes_once_approved(answer: int) -> None:
    model = story(tenant=_tenant(answer=answer, after="PT1H"))
    async with client_of(model) as client:
        assert (await _wipe(client)).status_code == answer
        filed = await _wipe(client, WHY)
        code = {"x-msft-approval-code": filed.headers["x-msft-approval-code"]}
        assert filed.status_code == answer
        assert code["x-msft-approval-code"] in filed.json()["error"]["message"]
        assert (await _wipe(client, code)).status_code == 403
        assert (await client.get(f"{REQUESTS}/{code['x-msft-approval-code']}"))["status"] == "needsApproval"
        model.clock.advance(HOUR)
        assert (await client.get(f"{REQUESTS}/{code['x-msft-approval-code']}"))["status"] == "approved"
        assert model.counts.wipes == 0
        assert (await _wipe(client, code)).status_code == 204
        assert (await _wipe(client, code)).status_code == 403
        assert [r["status"] for r in (await client.get(REQUESTS))["value"]] == ["completed"]
    assert model.counts.wipes == 1


async def test_a_second_request_for_the_same_wipe_is_a_conflict() -> None:
    async with client_of(story(tenant=_tenant())) as client:
        await _wipe(client, WHY)
        second = await _wipe(client, WHY)
    assert second.status_code == 409
    assert "active Approval Request already exists" in second.json()["error"]["message"]


async def test_an_approval_is_for_the_identical_request_only() -> None:
    model = story(tenant=_tenant(after="PT0S"))
    async with client_of(model) as client:
        code = {"x-msft-approval-code": (await _wipe(client, WHY)).headers["x-msft-approval-code"]}
        model.clock.advance(MINUTE)
        assert (await _wipe(client, code, {"keepUserData": True})).status_code == 403
    assert model.counts.wipes == 0


@pytest.mark.parametrize("decision", ["rejected", "cancelled"])
async def test_a_request_that_is_not_approved_wipes_nothing(decision: str) -> None:
    model = story(tenant=_tenant(decision=decision))
    async with client_of(model) as client:
        code = {"x-msft-approval-code": (await _wipe(client, WHY)).headers["x-msft-approval-code"]}
        model.clock.advance(2 * HOUR)
        assert (await _wipe(client, code)).status_code == 403
    assert model.counts.wipes == 0


async def test_a_request_nobody_decides_expires_after_three_days() -> None:
    model = story(tenant=_tenant(decision="none"))
    async with client_of(model) as client:
        await _wipe(client, WHY)
        model.clock.advance(73 * HOUR)
        assert [r["status"] for r in (await client.get(REQUESTS))["value"]] == ["expired"]
        assert (await _wipe(client, WHY)).status_code == 403


async def test_without_a_policy_the_justification_changes_nothing_and_the_wipe_happens_at_once() -> None:
    model = story()
    async with client_of(model) as client:
        assert (await client.get(REQUESTS.replace("Requests", "Policies")))["value"] == []
        assert (await _wipe(client, WHY)).status_code == 204
    assert model.counts.wipes == 1
