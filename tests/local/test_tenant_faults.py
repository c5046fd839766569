"""Faults: what each does to a request, what of the request was applied, and that they end."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import pytest

from local.tenant.model.gate import Call
from local.tenant.model.naming import Named
from local.tenant.model.operations import Operation
from local.tenant.model.refusal import AnswerLost
from local.tenant.server import TenantServer
from tests.local.simulated_tenant import MANAGED_DEVICES, MINUTE, OWNER, SERIAL, Json, client_of, device, story

LIST = MANAGED_DEVICES
DELTA = "/v1.0/devices/delta"


async def test_a_status_fault_answers_before_anything_is_applied_and_ends_by_itself() -> None:
    model = story(faults=[{"on": "wipe", "kind": "status", "status": 503, "times": 1, "headers": {"X-Why": "test"}}])
    async with client_of(model) as client:
        path = f"{MANAGED_DEVICES}/{device(model).id}/wipe"
        failed = await client.post(path, {})
        assert (failed.status_code, failed.headers["X-Why"]) == (503, "test")
        assert model.counts.wipes == 0
        assert (await client.post(path, {})).status_code == 204
    assert (model.counts.wipes, model.counts.wipe_posts, model.counts.server_errors) == (1, 2, 1)


async def test_a_status_fault_may_come_after_the_request_was_applied() -> None:
    model = story(faults=[{"on": "wipe", "kind": "status", "status": 429, "when": "after", "times": 1}])
    async with client_of(model) as client:
        assert (await client.post(f"{MANAGED_DEVICES}/{device(model).id}/wipe", {})).status_code == 429
    assert model.counts.wipes == 1


async def test_a_lost_answer_may_be_a_504_though_the_request_was_applied() -> None:
    model = story(faults=[{"on": "wipe", "kind": "lost_answer", "drop": False}])
    async with client_of(model) as client:
        assert (await client.post(f"{MANAGED_DEVICES}/{device(model).id}/wipe", {})).status_code == 504
    assert model.counts.wipes == 1


@pytest.mark.parametrize(("when", "wipes"), [("after", 1), ("before", 0)])
async def test_a_lost_answer_breaks_the_connection_of_a_running_server(when: str, wipes: int) -> None:
    model = story(faults=[{"on": "wipe", "kind": "lost_answer", "when": when, "times": 1}])
    server = TenantServer(model)
    await server.start()
    try:
        async with client_of(model) as client, httpx.AsyncClient(base_url=server.base_url) as wire:
            wire.headers["Authorization"] = client.http.headers["Authorization"]
            with pytest.raises(httpx.RemoteProtocolError):
                await wire.post(f"{MANAGED_DEVICES}/{device(model).id}/wipe", json={})
            assert (await wire.get(LIST)).status_code == 200
    finally:
        await server.stop()
    assert model.counts.wipes == wipes
    assert model.counts.lost_answers == 1


@pytest.mark.parametrize("wish", [0, 7, "2.128", "date", None])
async def test_throttling_has_every_kind_of_retry_after(wish: int | str | None) -> None:
    model = story(faults=[{"on": "*", "kind": "throttle", "times": 1, "retry_after": wish}])
    async with client_of(model) as client:
        answer = await client.http.get(LIST)
        assert answer.status_code == 429
        assert answer.json()["error"]["code"] == "TooManyRequests"
        assert (await client.http.get(LIST)).status_code == 200
    said = answer.headers.get("Retry-After")
    if wish == "date":
        assert (parsedate_to_datetime(said) - model.clock.now()).total_seconds() == 10
    else:
        assert said == (None if wish is None else str(wish))
    assert model.counts.throttled == 1


async def test_an_empty_page_leads_on_to_the_page_that_was_wanted() -> None:
    for path in (LIST, f"{DELTA}?$select=displayName"):
        model = story(faults=[{"on": "*", "kind": "empty_page", "times": 1}])
        async with client_of(model) as client:
            empty = (await client.http.get(path)).json()
            assert empty["value"] == []
            full = (await client.http.get(empty["@odata.nextLink"])).json()
        assert len(full["value"]) == 1
        assert "@odata.nextLink" not in full


async def test_rows_may_come_twice() -> None:
    for path in (LIST, DELTA):
        async with client_of(story(faults=[{"on": "*", "kind": "repeat_rows"}])) as client:
            assert len((await client.get(path))["value"]) == 2


async def test_a_delta_may_ask_for_a_new_start() -> None:
    model = story(faults=[{"on": "devices.delta", "kind": "resync", "times": 1}])
    async with client_of(model) as client:
        answer = await client.http.get(f"{DELTA}?$deltatoken=whatever")
        assert answer.status_code == 410
        assert len((await client.http.get(answer.headers["Location"])).json()["value"]) == 1


async def test_a_stale_read_shows_what_was() -> None:
    model = story(faults=[{"on": "managedDevices.*", "kind": "stale_read", "duration": "PT5M", "times": 2}])
    model.clock.advance(10 * MINUTE)
    model.compliance.set(device(model).id, "compliant")
    async with client_of(model) as client:
        (row,) = (await client.get(LIST, filter="complianceState eq 'noncompliant'"))["value"]
        by_id = await client.get(f"{LIST}/{row['id']}")
        fresh = await client.get(f"{LIST}/{row['id']}")
    assert (row["complianceState"], by_id["complianceState"]) == ("noncompliant", "noncompliant")
    assert fresh["complianceState"] == "compliant"


async def test_a_deleted_record_may_still_be_seen_by_a_stale_read() -> None:
    model = story(faults=[{"on": "managedDevices.list", "kind": "stale_read", "times": 1}])
    model.clock.advance(10 * MINUTE)
    model.actions.delete(device(model).id)
    async with client_of(model) as client:
        assert len((await client.get(LIST))["value"]) == 1
        assert (await client.get(LIST))["value"] == []


async def test_a_fault_can_be_for_one_device_only() -> None:
    devices = [{"serial": SERIAL, "enrolled_by": OWNER}, {"serial": "B-2", "enrolled_by": OWNER}]
    model = story(devices=devices, faults=[{"on": "managedDevices.get", "kind": "status", "device": "B-2"}])
    async with client_of(model) as client:
        rows = (await client.get(LIST))["value"]
        answers = [(await client.http.get(f"{LIST}/{row['id']}")).status_code for row in rows]
    assert answers == [200, 503]


async def test_a_fault_can_begin_and_end_and_let_some_requests_pass() -> None:
    fault = {"on": "*", "kind": "status", "from": "PT10M", "until": "PT20M", "skip": 1}
    model = story(faults=[fault])
    async with client_of(model) as client:

        async def status() -> int:
            return (await client.http.get(LIST)).status_code

        assert await status() == 200
        model.clock.advance(10 * MINUTE)
        assert [await status(), await status()] == [200, 503]
        model.clock.advance(10 * MINUTE)
        assert await status() == 200


async def test_a_slow_answer_takes_real_time_and_is_right() -> None:
    model = story(faults=[{"on": "*", "kind": "slow", "duration": "PT0.05S"}])
    began = datetime.now(UTC)
    async with client_of(model) as client:
        assert len((await client.get(LIST))["value"]) == 1
    assert (datetime.now(UTC) - began).total_seconds() >= 0.05


async def test_faults_can_be_added_and_cleared_while_the_tenant_runs() -> None:
    async with client_of(story()) as client:
        assert (await client.post("/_sim/faults", {"on": "*", "kind": "status"})).status_code == 204
        assert (await client.http.get(LIST)).status_code == 503
        assert (await client.http.delete("/_sim/faults")).status_code == 204
        assert (await client.http.get(LIST)).status_code == 200


@pytest.mark.parametrize(
    "fault",
    [
        {"on": "wpie", "kind": "status"},
        {"on": "notification", "kind": "status"},
        {"on": "wipe", "kind": "duplicate"},
        {"on": "wipe", "kind": "explode"},
        {"on": "wipe", "kind": "status", "colour": "red"},
    ],
)
async def test_a_fault_that_makes_no_sense_is_refused(fault: Json) -> None:
    async with client_of(story()) as client:
        answer = await client.post("/_sim/faults", fault)
    assert answer.status_code == 400
    assert "fault" in answer.json()["error"]


async def test_each_request_of_a_batch_has_its_own_luck() -> None:
    model = story(faults=[{"on": "users.get", "kind": "throttle", "times": 1, "retry_after": 5}])
    requests = [
        {"id": "1", "method": "GET", "url": f"/users/{OWNER}"},
        {"id": "2", "method": "GET", "url": "/deviceManagement/managedDevices"},
        {"id": "3", "method": "GET", "url": "/organization", "dependsOn": ["1"]},
    ]
    async with client_of(model) as client:
        answer = await client.post("/v1.0/$batch", {"requests": requests})
        too_many = await client.post("/v1.0/$batch", {"requests": [requests[1]] * 21})
    responses = {response["id"]: response for response in answer.json()["responses"]}
    assert [responses[name]["status"] for name in ("1", "2", "3")] == [429, 200, 424]
    assert responses["1"]["headers"]["retry-after"] == "5"
    assert len(responses["2"]["body"]["value"]) == 1
    assert too_many.status_code == 400
    assert model.counts.requests == 2


def test_the_same_faults_hit_requests_that_are_made_in_process() -> None:
    model = story(faults=[{"on": "wipe", "kind": "lost_answer", "times": 1}])
    call = Call(operation=Operation.WIPE, about=(Named(kind="serial", value=SERIAL),), writes=True)
    done: list[str] = []
    with pytest.raises(AnswerLost) as lost:
        model.gate.perform(call, lambda: done.append("once"))
    assert lost.value.applied
    assert done == ["once"]
    model.gate.perform(call, lambda: done.append("twice"))
    assert model.counts.wipe_posts_by_serial[SERIAL.casefold()] == 2
