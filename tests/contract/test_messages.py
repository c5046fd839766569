"""What the port Messages promises, kept by the fake and by Azure Storage queues (Azurite) alike."""

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.queue.aio import QueueClient

from shared.clients.storage.messages import AzureMessages, whole_seconds
from shared.errors import BadInput, RetryLater
from shared.names import CASE_STEPS, HINTS, QUEUES
from shared.ports import QueueSize
from tests.contract.stores import (
    AzuriteMessageStore,
    FakeMessageStore,
    MessageStore,
    azurite_messages,
    fake_messages,
)
from tests.fakes.clock import FixedClock
from tests.fakes.messages import FakeMessages

LONGEST = "x" * 48 * 1024
BODIES = [
    "{}",
    " ",
    "Grüße, 顧客 \U0001f600",
    '{"a": "<b>&amp;</b>"}',
    "line\r\nline\x00\x1f",
    "bm90IGRlY29kZWQ=",
    LONGEST,
]


@pytest.fixture(params=["fake", "azurite"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[MessageStore]:
    if request.param == "fake":
        yield fake_messages()
        return
    async with azurite_messages(request.getfixturevalue("azurite_account")) as real:
        yield real


@pytest.fixture
async def real(azurite_account: str) -> AsyncIterator[AzuriteMessageStore]:
    async with azurite_messages(azurite_account) as real:
        yield real


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
async def test_a_message_comes_out_as_it_went_in(store: MessageStore, body: str) -> None:
    await store.messages.send(HINTS, body)
    assert await store.take(HINTS) == [body]
    assert await store.take(HINTS) == []


async def test_a_queue_tells_how_full_it_is_and_since_when_its_next_message_waits(store: MessageStore) -> None:
    assert await store.messages.measure(HINTS) == QueueSize(messages=0, oldest_at=None)
    await store.messages.send(HINTS, "later", delay=timedelta(hours=1))
    assert await store.messages.measure(HINTS) == QueueSize(messages=1, oldest_at=None)
    await store.messages.send(HINTS, "now")
    size = await store.messages.measure(HINTS)
    assert size.messages == 2
    assert size.oldest_at is not None and size.oldest_at.tzinfo is not None
    assert await store.take(HINTS) == ["now"]


async def test_each_queue_has_its_own_messages(store: MessageStore) -> None:
    await store.messages.send(HINTS, "a hint")
    await store.messages.send(CASE_STEPS, "a step")
    await store.messages.send(CASE_STEPS, "a step")
    assert await store.take(HINTS) == ["a hint"]
    assert await store.take(CASE_STEPS) == ["a step", "a step"]


@pytest.mark.parametrize("body", [LONGEST + "x", "ä" * 24_577, "lone \ud800"], ids=["long", "wide", "lone surrogate"])
async def test_a_body_that_is_too_long_or_no_text_is_bad_input_and_nothing_is_sent(
    store: MessageStore, body: str
) -> None:
    with pytest.raises(BadInput):
        await store.messages.send(HINTS, body)
    assert await store.take(HINTS) == []


@pytest.mark.parametrize(
    "delay", [timedelta(milliseconds=1), timedelta(hours=1), timedelta(days=7), timedelta(days=400)]
)
async def test_a_delayed_message_is_not_visible_yet(store: MessageStore, delay: timedelta) -> None:
    await store.messages.send(CASE_STEPS, "later", delay=delay)
    await store.messages.send(CASE_STEPS, "now")
    assert await store.take(CASE_STEPS) == ["now"]


async def test_a_delay_in_the_past_is_none(store: MessageStore) -> None:
    await store.messages.send(CASE_STEPS, "now", delay=timedelta(hours=-1))
    assert await store.take(CASE_STEPS) == ["now"]


async def test_storage_that_is_away_says_retry_later_and_takes_messages_again_when_it_is_back(
    store: MessageStore,
) -> None:
    await store.messages.send(HINTS, "first")
    await store.go_away()
    with pytest.raises(RetryLater):
        await store.messages.send(HINTS, "lost")
    await store.come_back()
    await store.messages.send(HINTS, "second")
    assert await store.take(HINTS) == ["first", "second"]


async def test_a_queue_that_is_missing_says_retry_later(store: MessageStore) -> None:
    with pytest.raises(RetryLater):
        await store.messages.send("not-deployed", "x")


# --- the fake's clock


async def test_the_fake_shows_a_delayed_message_when_its_clock_gets_there() -> None:
    clock = FixedClock()
    messages = FakeMessages(clock)
    await messages.send(CASE_STEPS, "later", delay=timedelta(seconds=90.2))
    clock.move(timedelta(seconds=90.9))
    assert messages.take(CASE_STEPS) == []
    clock.move(timedelta(seconds=0.1))
    assert messages.take(CASE_STEPS) == ["later"]


async def test_the_fake_cuts_a_delay_to_seven_days() -> None:
    clock = FixedClock()
    store = FakeMessageStore(FakeMessages(clock))
    await store.messages.send(CASE_STEPS, "later", delay=timedelta(days=30))
    clock.move(timedelta(days=7))
    assert await store.take(CASE_STEPS) == ["later"]


# --- what only the service can show


async def test_a_delayed_message_becomes_visible_after_its_delay(real: AzuriteMessageStore) -> None:
    await real.messages.send(CASE_STEPS, "in a second", delay=timedelta(seconds=1))
    assert await real.take(CASE_STEPS) == []
    async with asyncio.timeout(10):
        while (taken := await real.take(CASE_STEPS)) == []:  # the service tells nobody
            await asyncio.sleep(0.05)
    assert taken == ["in a second"]


async def test_a_message_never_expires(real: AzuriteMessageStore) -> None:
    await real.messages.send(HINTS, "x")
    [message] = await real.take_whole(HINTS)
    assert message.expires_on is not None
    assert message.expires_on > datetime(9999, 1, 1, tzinfo=UTC)


async def test_a_message_is_stored_as_base64_as_the_functions_host_expects(real: AzuriteMessageStore) -> None:
    await real.messages.send(HINTS, "Grüße")
    async with QueueClient.from_connection_string(real.account, HINTS) as client:
        message = await client.receive_message()
    assert message is not None
    assert base64.b64decode(str(message.content), validate=True).decode() == "Grüße"


async def test_a_storage_that_takes_the_message_and_says_nothing_is_given_up_before_graph_gives_up_on_us(
    real: AzuriteMessageStore,
) -> None:
    real.wire.silent = True
    async with asyncio.timeout(2.5):
        with pytest.raises(RetryLater):
            await real.messages.send(HINTS, "x")


async def test_a_storage_that_keeps_failing_is_given_up_in_time_and_its_wish_is_passed_on(
    real: AzuriteMessageStore,
) -> None:
    real.wire.failures_to_claim = 9
    async with asyncio.timeout(2.5):
        with pytest.raises(RetryLater) as caught:
            await real.messages.send(HINTS, "x")
    assert caught.value.after == timedelta(seconds=17)
    assert real.wire.failures_to_claim == 7, "one retry, not more"


async def test_a_message_whose_acceptance_was_not_heard_of_is_sent_again_and_may_come_twice(
    real: AzuriteMessageStore,
) -> None:
    real.wire.answers_to_lose = 1
    await real.messages.send(HINTS, "x")
    assert await real.take(HINTS) == ["x", "x"]


async def test_making_sure_of_queues_that_exist_is_harmless(real: AzuriteMessageStore) -> None:
    await real.messages.send(HINTS, "x")
    assert isinstance(real.messages, AzureMessages)
    await real.messages.ensure_queues([*QUEUES, "another"])
    assert await real.take(HINTS) == ["x"]


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [
        (timedelta(), 0),
        (timedelta(seconds=-5), 0),
        (timedelta(microseconds=1), 1),
        (timedelta(seconds=1), 1),
        (timedelta(seconds=1, microseconds=1), 2),
        (timedelta(days=7), 604_800),
        (timedelta(days=7, microseconds=1), 604_800),
        (timedelta.max, 604_800),
    ],
)
def test_delays_become_whole_seconds_rounded_up_and_at_most_seven_days(delay: timedelta, seconds: int) -> None:
    assert whole_seconds(delay) == seconds
