"""Microsoft's own worker library loads the app, finds every function, and invokes them against a real storage emulator."""

import asyncio
import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from azure.storage.queue import TextBase64DecodePolicy
from azure.storage.queue.aio import QueueClient

from local.host.app import Function, HttpTrigger, QueueTrigger, TimerTrigger, load
from shared.clients.storage.connect import Storage
from shared.clients.system import RandomIds
from shared.intake.messages import read_hints
from shared.names import CASE_STEPS, HINTS, QUEUES, TABLES
from shared.records.parked import ParkedInput, ParkingLot
from shared.records.subscriptions import KeptSubscription, SubscriptionBook
from shared.settings import Settings
from tests.fakes import story
from tests.handlers.arguments import JSON_TYPE, notification
from tests.worker.triggers import TRIGGERS, WITH_EVENT_HUB, bindings, bindings_of

REPOSITORY = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 13), reason="azure-functions-runtime, the worker as a library, needs Python 3.13"
)


async def driven(account: str, *invocations: Mapping[str, Any], event_hub: str = "") -> dict[str, Any]:
    """What tests/worker/drive.py printed, run over this app and this storage account."""
    settings = {
        "AzureWebJobsStorage": account,
        "HANDOVER_TENANT_ID": story.TENANT_ID,
        "HANDOVER_CLIENT_STATE": story.CLIENT_STATE,
        "HANDOVER_EVENT_HUB": event_hub,
        "PYTHONPATH": str(REPOSITORY),
        "PATH": os.environ["PATH"],
    }
    process = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "tests.worker.drive", str(REPOSITORY)],
        input=json.dumps(invocations),
        env=settings,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout.splitlines()[-1])


async def answers(account: str, *invocations: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The answers to the invocations, all of which must have succeeded."""
    given = (await driven(account, *invocations))["answers"]
    assert [one.get("raised") for one in given] == [None] * len(invocations)
    return given


def post_to_webhook(body: str = "", query: Mapping[str, str] | None = None) -> dict[str, Any]:
    given = {
        "method": "POST",
        "url": "https://handover.example/api/notifications",
        "headers": JSON_TYPE,
        "query": query or {},
        "params": {},
        "body": body,
    }
    return {"function": "receive_notifications", "kind": "http", "given": given}


def queued(function: str, body: str) -> dict[str, Any]:
    return {"function": function, "kind": "queue", "given": {"body": body}}


def status_of(answer: Mapping[str, Any]) -> int:
    return answer["http"]["status"]


@pytest.fixture
async def storage(azurite_account: str) -> Any:
    """The app's storage with every queue and table, and the subscription that genuine notifications name."""
    made = Storage(Settings.model_validate({"tenant_id": story.TENANT_ID, "storage": azurite_account}))
    await made.rows.ensure_tables(TABLES)
    await made.messages.ensure_queues(QUEUES)
    now = datetime.now(UTC)
    await SubscriptionBook(made.rows, RandomIds()).keep(
        KeptSubscription(
            resource="users", id=story.SUBSCRIPTION_ID, expires_at=now + timedelta(days=28), renewed_at=now
        )
    )
    yield made
    await made.close()


async def bodies(account: str, queue: str) -> list[str]:
    """The messages in a queue, which stay there."""
    policy = TextBase64DecodePolicy()
    async with QueueClient.from_connection_string(account, queue, message_decode_policy=policy) as client:
        return [str(message.content) for message in await client.peek_messages(32)]


async def parked(storage: Storage) -> list[ParkedInput]:
    return await ParkingLot(storage.rows, RandomIds()).everything()


async def test_the_worker_finds_every_function_with_exactly_its_bindings() -> None:
    """Without storage or settings that work: nothing may be needed to load the app."""
    found = (await driven("not a connection string"))["functions"]
    assert {name: bindings(raw) for name, raw in found.items()} == {
        name: bindings_of(trigger) for name, trigger in TRIGGERS.items()
    }


def as_the_host_runs(function: Function) -> dict[str, object]:
    """What the development host made of a function: trigger, parameter, where it listens, and its outputs."""
    outputs = [{"name": output.parameter, "queueName": output.queue} for output in function.outputs]
    match function.trigger:
        case HttpTrigger(parameter=name, route=route, methods=methods, auth_level=level):
            where = {"route": route, "methods": sorted(methods), "authLevel": level}
            return {"type": "httpTrigger", "name": name, **where, "outputs": outputs}
        case QueueTrigger(parameter=name, queue=queue, connection=connection):
            where = {"queueName": queue, "connection": connection}
            return {"type": "queueTrigger", "name": name, **where, "outputs": outputs}
        case TimerTrigger(parameter=name, schedule=schedule):
            return {"type": "timerTrigger", "name": name, "schedule": schedule, "outputs": outputs}
        case None:
            return {"not run": function.not_run}


def as_the_worker_says(raw: Sequence[str]) -> dict[str, object]:
    """The same from what Microsoft's library reports to the Functions host."""
    every = bindings(raw)
    (trigger,) = (binding for binding in every if binding["direction"] == "IN")
    known = {key: value for key, value in trigger.items() if key != "direction"}
    if isinstance(methods := known.get("methods"), list):
        known["methods"] = sorted(cast("list[str]", methods))
    outputs = [each for each in every if each["direction"] == "OUT" and each["type"] != "http"]
    return {**known, "outputs": [{"name": each["name"], "queueName": each["queueName"]} for each in outputs]}


async def test_the_development_host_makes_of_every_function_what_the_worker_reports() -> None:
    found = (await driven("not a connection string"))["functions"]
    hosted = {function.name: as_the_host_runs(function) for function in load(REPOSITORY, {})}
    assert hosted == {name: as_the_worker_says(raw) for name, raw in found.items()}


async def test_the_worker_finds_and_invokes_the_function_of_the_event_hub(
    storage: Storage, azurite_account: str
) -> None:
    record = {
        "category": "OperationalLogs",
        "operationName": "Compliance",
        "tenantId": story.TENANT_ID,
        "properties": {"AlertType": "Managed Device Not Compliant", "IntuneDeviceId": story.DEVICE_ID},
    }
    given = {"bodies": [json.dumps({"records": [record]}), "not JSON"]}
    invocation = {"function": "take_intune_logs", "kind": "event_hub", "given": given}
    said = await driven(azurite_account, invocation, event_hub="intune-logs")
    assert {name: bindings(raw) for name, raw in said["functions"].items()} == {
        name: bindings_of(trigger) for name, trigger in WITH_EVENT_HUB.items()
    }
    assert said["answers"][0]["succeeded"], said["answers"][0]
    assert [aside.body for aside in await parked(storage)] == ["not JSON"]


async def test_the_handshake_gives_the_decoded_token_back(storage: Storage, azurite_account: str) -> None:
    token = "Validation: Testing client application reachability for subscription Request-Id: ü&<b>"
    (given,) = await answers(azurite_account, post_to_webhook(query={"validationToken": token}))
    assert status_of(given) == 200
    assert base64.b64decode(given["http"]["body_base64"]) == token.encode()
    headers = {name.lower(): value for name, value in given["http"]["headers"].items()}
    assert headers["content-type"] == "text/plain; charset=utf-8"


async def test_a_genuine_notification_is_accepted_and_its_hint_stored(storage: Storage, azurite_account: str) -> None:
    (given,) = await answers(azurite_account, post_to_webhook(json.dumps({"value": [notification()]})))
    assert status_of(given) == 202
    async with asyncio.timeout(10):
        while not (found := await bodies(azurite_account, HINTS)):
            await asyncio.sleep(0.2)  # hidden for two seconds
    assert [hint.key for hint in read_hints(found[0])] == [story.OWNER_ID]


async def test_a_forged_notification_is_accepted_and_nothing_stored(storage: Storage, azurite_account: str) -> None:
    forged = {"value": [notification(clientState="guessed")]}
    (given,) = await answers(azurite_account, post_to_webhook(json.dumps(forged)))
    assert status_of(given) == 202
    assert await bodies(azurite_account, HINTS) == []


@pytest.mark.parametrize("body", ["", "{", "[]", '{"value": 1}'])
async def test_a_malformed_body_is_refused(storage: Storage, azurite_account: str, body: str) -> None:
    (given,) = await answers(azurite_account, post_to_webhook(body))
    assert status_of(given) == 400
    assert await bodies(azurite_account, HINTS) == []


async def test_a_step_of_an_unknown_case_succeeds_and_a_malformed_one_is_parked(
    storage: Storage, azurite_account: str
) -> None:
    unknown = json.dumps({"v": 1, "case": "device-unknown", "version": 1})
    await answers(azurite_account, queued("take_case_step", unknown), queued("take_case_step", "not a step"))
    (aside,) = await parked(storage)
    assert (aside.source, aside.body) == (CASE_STEPS, "not a step")


async def test_what_was_poisoned_is_parked(storage: Storage, azurite_account: str) -> None:
    await answers(
        azurite_account,
        queued("park_hints", "first"),
        queued("park_device_event", "second"),
        queued("give_up_case_step", "third"),
        queued("take_device_event", "fourth"),
    )
    assert {aside.body for aside in await parked(storage)} == {"first", "second", "third", "fourth"}


async def test_the_supervisor_runs_on_its_timer(storage: Storage, azurite_account: str) -> None:
    await answers(azurite_account, {"function": "supervise_cases", "kind": "timer", "given": {}})


async def test_a_function_that_raises_is_reported_as_failed(azurite_account: str) -> None:
    """Without tables a step cannot be taken: the host must hear of it and deliver the message again."""
    step = json.dumps({"v": 1, "case": "device-unknown", "version": 1})
    (given,) = (await driven(azurite_account, queued("take_case_step", step)))["answers"]
    assert not given["succeeded"]
    assert "RetryLater" in given["raised"]
