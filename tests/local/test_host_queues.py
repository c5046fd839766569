"""The queue trigger against a real Azurite: when a message is deleted, tried again, or moved to poison."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from local.azurite import Azurite, AzuriteMissing
from local.host.app import load
from local.host.configuration import read_host_json
from local.host.host import Host
from local.host.invocations import Invoker, Tally
from local.host.messages import Lease
from local.host.queues import Backoff, QueueListener
from local.host.storage import QueueStorage
from tests.local.hosting import KEY, SAMPLE_APP, Queue, calls, eventually, open_gate, running, write_app

WORK = """
@app.queue_trigger(arg_name="message", queue_name="work", connection="Storage")
@app.queue_output(arg_name="out", queue_name="done", connection="Storage")
async def work(message: func.QueueMessage, out: func.Out[str]) -> None:
    calls.append((message.get_body().decode(), message.dequeue_count))
    out.set("done")
    if message.get_body() == b"bad":
        raise ValueError("bad")
"""
GATED = """
@app.queue_trigger(arg_name="message", queue_name="work", connection="Storage")
async def work(message: func.QueueMessage) -> None:
    calls.append(message.get_body().decode())
    await gate.wait()
"""


async def test_success_sends_the_outputs_and_deletes_the_message(tmp_path: Path, azurite_account: str) -> None:
    write_app(tmp_path, WORK)
    async with Queue(azurite_account, "work") as work, Queue(azurite_account, "done") as done:
        await work.send("good")
        async with running(tmp_path, azurite_account) as (host, _):
            await eventually(lambda: host.status().completed == 1)
            await eventually(lambda: host.status().running == 0)
        assert calls() == [("good", 1)]
        assert await work.count() == 0
        assert await done.texts() == ["done"]


async def test_a_failure_is_tried_again_and_goes_to_poison_with_the_same_body(
    tmp_path: Path, azurite_account: str
) -> None:
    write_app(tmp_path, WORK, queues={"maxDequeueCount": 3})
    async with (
        Queue(azurite_account, "work") as work,
        Queue(azurite_account, "work-poison") as poison,
        Queue(azurite_account, "done") as done,
    ):
        await work.send("bad")
        async with running(tmp_path, azurite_account) as (host, _):
            await eventually(lambda: host.status().poisoned == 1)
            await eventually(lambda: host.status().running == 0)
            assert (host.status().failed, host.status().completed) == (3, 0)
        assert calls() == [("bad", 1), ("bad", 2), ("bad", 3)]
        assert await poison.texts() == ["bad"]
        assert await work.count() == 0
        assert await done.count() == 0, "outputs of a failed run were sent"


async def test_a_failed_message_waits_for_the_visibility_timeout(tmp_path: Path, azurite_account: str) -> None:
    write_app(tmp_path, WORK, queues={"visibilityTimeout": "00:01:00"})
    async with Queue(azurite_account, "work") as work:
        await work.send("bad")
        async with running(tmp_path, azurite_account) as (host, _):
            await eventually(lambda: host.status().failed == 1)
            await eventually(lambda: host.status().running == 0)
            await work.send("good")
            await eventually(lambda: host.status().completed == 1)  # so it has polled again since
        assert calls() == [("bad", 1), ("good", 1)]
        assert (await work.count(), await work.texts()) == (1, [])


async def test_the_last_failure_moves_to_poison_without_waiting(tmp_path: Path, azurite_account: str) -> None:
    write_app(tmp_path, WORK, queues={"maxDequeueCount": 1, "visibilityTimeout": "00:10:00"})
    async with Queue(azurite_account, "work") as work, Queue(azurite_account, "work-poison") as poison:
        await work.send("bad")
        async with running(tmp_path, azurite_account) as (host, _):
            await eventually(lambda: host.status().poisoned == 1)
        assert await poison.texts() == ["bad"]


async def test_a_message_that_cannot_be_decoded_goes_to_poison_as_it_is(tmp_path: Path, azurite_account: str) -> None:
    write_app(tmp_path, WORK)
    async with Queue(azurite_account, "work") as work, Queue(azurite_account, "work-poison") as poison:
        await work.send_raw("not base64!")
        await work.send("good")
        async with running(tmp_path, azurite_account) as (host, _):
            await eventually(lambda: host.status().poisoned == 1 and host.status().completed == 1)
        assert calls() == [("good", 1)]
        assert await poison.raw() == ["not base64!"]
        assert await work.count() == 0


async def test_a_message_that_is_not_text_fails_without_a_call(tmp_path: Path, azurite_account: str) -> None:
    write_app(tmp_path, WORK, queues={"maxDequeueCount": 2})
    async with Queue(azurite_account, "work") as work, Queue(azurite_account, "work-poison") as poison:
        await work.send_raw("/w==")
        async with running(tmp_path, azurite_account) as (host, _):
            await eventually(lambda: host.status().poisoned == 1)
            assert host.status().failed == 2
        assert calls() == []
        assert await poison.raw() == ["/w=="]


async def test_a_message_received_too_often_goes_to_poison_without_a_call(tmp_path: Path, azurite_account: str) -> None:
    write_app(tmp_path, WORK, queues={"maxDequeueCount": 1})
    async with Queue(azurite_account, "work") as work, Queue(azurite_account, "work-poison") as poison:
        await work.send("good")
        await work.take(visible_after=timedelta(seconds=1))
        async with running(tmp_path, azurite_account) as (host, _):
            await eventually(lambda: host.status().poisoned == 1)
        assert calls() == []
        assert await poison.texts() == ["good"]
        assert await work.count() == 0


async def test_a_poison_queue_has_no_poison_queue_and_a_failure_there_stays_invisible(
    tmp_path: Path, azurite_account: str
) -> None:
    write_app(tmp_path, WORK.replace('"work"', '"work-poison"'), queues={"maxDequeueCount": 1})
    async with Queue(azurite_account, "work-poison") as work, Queue(azurite_account, "other") as other:
        await work.send("bad")
        await work.send_raw("not base64!")
        async with running(tmp_path, azurite_account) as (host, _):
            await eventually(lambda: host.status().failed == 1)
            await eventually(lambda: host.status().running == 0)
            assert host.status().poisoned == 0
        assert (await work.count(), await work.texts()) == (2, [])
        assert await other.count() == 0


async def test_an_output_makes_its_queue_and_comes_only_after_the_function(azurite_account: str) -> None:
    async with running(SAMPLE_APP, azurite_account) as (host, client):
        answer = await client.post("/api/orders", params={"code": KEY}, content="tea")
        assert answer.status_code == 202
        await eventually(lambda: host.status().completed == 2)
    async with Queue(azurite_account, "receipts") as receipts:
        assert await receipts.texts() == ["receipt for tea"]


async def test_a_message_sent_by_the_host_does_not_wait_for_the_next_poll(azurite_account: str) -> None:
    async with listening("fill_order", SAMPLE_APP, azurite_account) as (storage, tally, listener):
        await asyncio.sleep(0)  # begins the first poll
        await listener.received()
        await storage.send("Storage", "orders", b"tea")
        await eventually(lambda: tally.completed == 1)


async def test_a_running_message_stays_invisible_beyond_its_lease_and_is_deleted_at_the_end(
    tmp_path: Path, azurite_account: str
) -> None:
    write_app(tmp_path, GATED)
    lease = Lease(invisible_for=timedelta(seconds=1), renew_every=timedelta(milliseconds=400))
    async with Queue(azurite_account, "work") as work:
        await work.send("long")
        async with listening("work", tmp_path, azurite_account, lease=lease) as (_, tally, _):
            await eventually(lambda: calls() == ["long"])
            for _ in range(16):  # 1.6 s: without a renewal it would be visible after 1 s
                await asyncio.sleep(0.1)
                assert await work.texts() == []
            open_gate()
            await eventually(lambda: tally.running == 0)
            assert await work.count() == 0


@pytest.mark.parametrize(("batch_size", "threshold"), [(1, 0), (2, 1)])
async def test_no_more_run_at_once_than_batch_size_and_threshold_together(
    tmp_path: Path, azurite_account: str, batch_size: int, threshold: int
) -> None:
    source = GATED.replace("await gate.wait()", "if message.get_body() != b'quick': await gate.wait()")
    write_app(tmp_path, source, queues={"batchSize": batch_size, "newBatchThreshold": threshold})
    at_once = batch_size + threshold
    async with Queue(azurite_account, "work") as work:
        for text in ("quick", "slow", "slow", "slow", "slow"):
            await work.send(text)
        async with running(tmp_path, azurite_account) as (host, _):
            await eventually(lambda: len(calls()) == 1 + at_once)
            await asyncio.sleep(0.2)  # time for a poll too many
            assert (await host.settled()).running == at_once
            assert await work.texts() == ["slow"] * (4 - at_once)
            open_gate()
            await eventually(lambda: host.status().completed == 5)


async def test_a_message_that_is_gone_by_the_end_is_no_error(
    tmp_path: Path, azurite_account: str, caplog: pytest.LogCaptureFixture
) -> None:
    write_app(tmp_path, GATED)
    async with Queue(azurite_account, "work") as work:
        await work.send("fleeting")
        with caplog.at_level(logging.INFO, "local.host"):
            async with running(tmp_path, azurite_account) as (host, _):
                await eventually(lambda: calls() == ["fleeting"])
                await work.clear()
                open_gate()
                await eventually(lambda: host.status().running == 0)
    assert host.status().completed == 1
    assert "settled" not in caplog.text


async def test_messages_count_as_running_from_the_moment_they_are_received(
    tmp_path: Path, azurite_account: str
) -> None:
    write_app(tmp_path, GATED)
    async with Queue(azurite_account, "work") as work:
        await work.send("one")
        await work.send("two")
        async with listening("work", tmp_path, azurite_account) as (_, tally, listener):
            await asyncio.sleep(0)  # begins the first poll
            assert tally.running == 0
            await listener.received()
            assert tally.running == 2
            open_gate()


async def test_messages_that_arrive_while_stopping_are_given_back(tmp_path: Path, azurite_account: str) -> None:
    write_app(tmp_path, WORK)
    async with Queue(azurite_account, "work") as work:
        await work.send("late")
        async with listening("work", tmp_path, azurite_account):
            await asyncio.sleep(0)  # begins the first poll, which ends after the stop
        assert calls() == []
        assert await work.texts() == ["late"]


async def test_a_host_is_idle_when_nothing_runs_and_no_message_is_visible(tmp_path: Path, azurite_account: str) -> None:
    write_app(tmp_path, GATED)
    async with Queue(azurite_account, "work") as work, running(tmp_path, azurite_account) as (host, client):
        await eventually(host.idle)
        await work.send("message")
        assert not await host.idle(), "the message is visible, or it is running"
        await eventually(lambda: calls() == ["message"])
        assert (await client.get("/admin/host/status", params={"idle": ""})).json()["idle"] is False
        open_gate()
        await eventually(host.idle)
        assert await work.count() == 0
        assert (await client.get("/admin/host/status", params={"idle": ""})).json()["idle"] is True


async def test_a_visible_message_keeps_a_host_from_being_idle(tmp_path: Path, azurite_account: str) -> None:
    write_app(tmp_path, WORK)
    host = Host(tmp_path, environ={"Storage": azurite_account})  # not started, so nothing takes the message away
    async with Queue(azurite_account, "work") as work:
        assert await host.idle()
        await work.send("waiting")
        assert not await host.idle()
    await host.stop()


async def test_a_host_is_quiet_only_when_what_it_was_told_of_is_done(tmp_path: Path, azurite_account: str) -> None:
    write_app(tmp_path, GATED)
    async with Queue(azurite_account, "work") as work, running(tmp_path, azurite_account) as (host, _):
        assert not host.is_quiet(), "no queue was looked at yet"
        await eventually(host.is_quiet)
        await work.send("message")
        host.look_for("work")
        assert not host.is_quiet(), "the message is not received yet"
        await eventually(lambda: calls() == ["message"])
        assert not host.is_quiet(), "it is running"
        open_gate()
        await eventually(host.is_quiet)
        assert await work.count() == 0


async def test_a_host_is_not_quiet_after_a_full_batch_before_it_looked_for_more(
    tmp_path: Path, azurite_account: str
) -> None:
    write_app(tmp_path, WORK, queues={"batchSize": 1, "newBatchThreshold": 0})
    async with Queue(azurite_account, "work") as work, running(tmp_path, azurite_account) as (host, _):
        for number in range(5):
            await work.send(str(number))
        host.look_for("work")
        while not host.is_quiet():
            await asyncio.sleep(0)
        assert host.status().completed == 5


async def test_a_listener_that_is_told_of_a_message_does_not_sleep_on(tmp_path: Path, azurite_account: str) -> None:
    write_app(tmp_path, WORK)
    async with (
        Queue(azurite_account, "work") as work,
        listening("work", tmp_path, azurite_account) as (_, _, listener),
    ):
        await eventually(listener.found_nothing)
        await work.send("told")
        listener.look()
        await eventually(lambda: calls() == [("told", 1)])


async def test_storage_going_away_is_told_once_and_survived(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_app(tmp_path, WORK)
    emulator = azurite_of_its_own()
    try:
        async with running(tmp_path, emulator.connection_string) as (host, _):
            await asyncio.to_thread(emulator.stop)
            with caplog.at_level(logging.INFO, "local.host.queues"):
                await eventually(lambda: "cannot be read" in caplog.text)
                await asyncio.sleep(0.2)  # a few more polls
                await asyncio.to_thread(emulator.start)
                await eventually(lambda: "can be read again" in caplog.text)
            async with Queue(emulator.connection_string, "work") as work:
                await work.send("good")
                await eventually(lambda: host.status().completed == 1)
        assert caplog.text.count("cannot be read") == 1
    finally:
        await asyncio.to_thread(emulator.stop)


async def test_stopping_waits_for_a_running_message_and_settles_it(tmp_path: Path, azurite_account: str) -> None:
    write_app(tmp_path, GATED)
    async with Queue(azurite_account, "work") as work:
        await work.send("last")
        async with running(tmp_path, azurite_account) as (host, _):
            await eventually(lambda: calls() == ["last"])
            asyncio.get_running_loop().call_later(0.1, open_gate)
        assert host.status().completed == 1
        assert await work.count() == 0


async def test_failures_are_told_by_name_and_place_but_never_with_a_body(
    tmp_path: Path, azurite_account: str, caplog: pytest.LogCaptureFixture
) -> None:
    source = """
    @app.queue_trigger(arg_name="message", queue_name="work", connection="Storage")
    def work(message: func.QueueMessage) -> None:
        raise ValueError("short words" + chr(10) + message.get_body().decode())
    """
    write_app(tmp_path, source, queues={"maxDequeueCount": 1})
    async with Queue(azurite_account, "work") as work:
        await work.send("secret body")
        with caplog.at_level(logging.DEBUG, "local.host"):
            async with running(tmp_path, azurite_account) as (host, _):
                await eventually(lambda: host.status().poisoned == 1)
    assert "work failed: ValueError: short words (function_app.py:" in caplog.text
    assert "secret body" not in caplog.text


async def test_functions_get_text_and_bytes_when_they_ask_for_them(tmp_path: Path, azurite_account: str) -> None:
    write_app(
        tmp_path,
        """
        @app.queue_trigger(arg_name="message", queue_name="texts", connection="Storage")
        def texts(message: str, context: func.Context) -> None:
            calls.append((context.function_name, message))

        @app.queue_trigger(arg_name="message", queue_name="binaries", connection="Storage", data_type="BINARY")
        def binaries(message: bytes) -> None:
            calls.append(message)
        """,
    )
    async with Queue(azurite_account, "texts") as texts, Queue(azurite_account, "binaries") as binaries:
        await texts.send("text")
        await binaries.send_raw("/w==")
        async with running(tmp_path, azurite_account) as (host, _):
            await eventually(lambda: host.status().completed == 2)
    assert sorted(map(str, calls())) == ["('texts', 'text')", "b'\\xff'"]


def test_pauses_double_from_the_minimum_to_the_maximum_and_start_anew_after_a_find() -> None:
    backoff = Backoff(timedelta(milliseconds=100), timedelta(seconds=2))
    pauses = [backoff.next().total_seconds() for _ in range(8)]
    for doublings, pause in enumerate(pauses[:4]):
        assert 0.1 * 2**doublings * 0.8 <= pause <= 0.1 * 2**doublings * 1.2
    assert pauses[6:] == [2.0, 2.0]
    backoff.reset()
    assert backoff.next().total_seconds() <= 0.12


def azurite_of_its_own() -> Azurite:
    emulator = Azurite()
    try:
        emulator.start()
    except AzuriteMissing as missing:
        pytest.skip(str(missing))
    return emulator


@asynccontextmanager
async def listening(
    name: str, app_dir: Path, account: str, *, lease: Lease | None = None
) -> AsyncGenerator[tuple[QueueStorage, Tally, QueueListener]]:
    """One listener without a host around it, which pauses for an hour when a poll finds nothing."""
    environ = {"Storage": account, "RECEIPTS": "receipts"}
    storage, tally = QueueStorage(environ, "base64"), Tally()
    with ThreadPoolExecutor(1) as threads:
        listener = QueueListener(
            next(function for function in load(app_dir, environ) if function.name == name),
            storage=storage,
            options=read_host_json(app_dir).queues,
            invoker=Invoker(send=storage.send, tally=tally, threads=threads),
            backoff=Backoff(timedelta(hours=1), timedelta(hours=1)),
            lease=lease,
        )
        task = asyncio.create_task(listener.run())
        try:
            yield storage, tally, listener
        finally:
            listener.stop()
            async with asyncio.timeout(5):
                await task
            await storage.close()
