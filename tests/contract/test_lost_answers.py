"""Writes that happened but whose answer was lost: why callers compare write ids before they believe a lost race."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from shared.errors import AlreadyThere, Changed, RetryLater
from shared.names import CASES, LEDGERS
from shared.ports import Write
from shared.records.ledger import Ledger
from tests.contract.stores import AzuriteRowStore, azurite_rows
from tests.fakes.ids import CountingIds


@pytest.fixture
async def store(azurite_account: str) -> AsyncIterator[AzuriteRowStore]:
    async with azurite_rows(azurite_account) as real:
        yield real


async def write_ids(store: AzuriteRowStore) -> dict[str, object]:
    return {row.key: row.data["write_id"] async for row in store.rows.scan(CASES)}


async def test_an_update_whose_answer_is_lost_says_changed_and_the_row_holds_our_own_write(
    store: AzuriteRowStore,
) -> None:
    [etag] = await store.rows.write(CASES, "p", [Write(key="k", data={"write_id": "first"}, expect=None)])
    store.wire.answers_to_lose = 1
    with pytest.raises(Changed):
        await store.rows.write(CASES, "p", [Write(key="k", data={"write_id": "ours"}, expect=etag)])
    assert await write_ids(store) == {"k": "ours"}


async def test_an_insert_whose_answer_is_lost_says_already_there_and_the_row_is_our_own(store: AzuriteRowStore) -> None:
    store.wire.answers_to_lose = 1
    with pytest.raises(AlreadyThere):
        await store.rows.write(CASES, "p", [Write(key="k", data={"write_id": "ours"}, expect=None)])
    assert await write_ids(store) == {"k": "ours"}


async def test_a_transaction_whose_answer_is_lost_says_changed_or_already_there_and_all_rows_are_our_own(
    store: AzuriteRowStore,
) -> None:
    [etag] = await store.rows.write(CASES, "p", [Write(key="case", data={"write_id": "first"}, expect=None)])
    store.wire.answers_to_lose = 1
    writes = [
        Write(key="case", data={"write_id": "ours"}, expect=etag),
        Write(key="journal-1", data={"write_id": "ours"}, expect=None),
    ]
    with pytest.raises((Changed, AlreadyThere)):
        await store.rows.write(CASES, "p", writes)
    assert await write_ids(store) == {"case": "ours", "journal-1": "ours"}


async def test_a_lost_answer_is_asked_for_once_more_and_then_left_to_the_caller(store: AzuriteRowStore) -> None:
    for write in (
        [Write(key="k", data={"write_id": "ours"}, expect=None)],
        [Write(key=key, data={"write_id": "ours"}, expect=None) for key in "xy"],
    ):
        store.wire.answers_to_lose, before = 9, store.wire.requests
        with pytest.raises(RetryLater):
            await store.rows.write(CASES, "p", write)
        assert store.wire.requests - before == 2
    store.wire.answers_to_lose = 0
    assert await write_ids(store) == {"k": "ours", "x": "ours", "y": "ours"}


async def test_a_write_that_happened_but_was_answered_503_says_retry_later_with_the_wish_of_storage(
    store: AzuriteRowStore,
) -> None:
    store.wire.failures_to_claim, before = 1, store.wire.requests
    async with asyncio.timeout(5):  # 17 s is what the answer asks to wait, and what the SDK would wait
        with pytest.raises(RetryLater) as caught:
            await store.rows.write(CASES, "p", [Write(key="k", data={"write_id": "ours"}, expect=None)])
    assert caught.value.after == timedelta(seconds=17)
    assert not caught.value.throttled, "that would close the gate to Graph"
    assert store.wire.requests - before == 1
    assert await write_ids(store) == {"k": "ours"}


async def test_a_lost_answer_to_a_read_an_upsert_or_a_delete_goes_unnoticed(store: AzuriteRowStore) -> None:
    await store.rows.write(CASES, "p", [Write(key="k", data={"write_id": "first"}, expect=None)])
    store.wire.answers_to_lose = 1
    assert await store.rows.get(CASES, "p", "k") is not None
    store.wire.answers_to_lose = 1
    assert await write_ids(store) == {"k": "first"}
    store.wire.answers_to_lose = 1
    await store.rows.upsert(CASES, "p", "k", {"write_id": "second"})
    assert await write_ids(store) == {"k": "second"}
    store.wire.answers_to_lose = 1
    row = await store.rows.get(CASES, "p", "k")
    assert row is not None
    await store.rows.delete(CASES, "p", "k", expect=row.etag)
    assert await write_ids(store) == {}
    assert store.wire.answers_to_lose == 0


async def test_a_caller_that_compares_write_ids_counts_each_change_once_though_every_answer_is_lost(
    store: AzuriteRowStore,
) -> None:
    ledger = Ledger(store.rows, CountingIds())
    for _ in range(3):
        row = await store.rows.get(LEDGERS, "budget", "wipes")
        count = 0 if row is None else (await ledger.read("budget", "wipes") or {})["count"]
        await _change_losing_the_write(store, ledger, count + 1)
    assert await ledger.read("budget", "wipes") == {"count": 3}


async def _change_losing_the_write(store: AzuriteRowStore, ledger: Ledger, count: int) -> None:
    def lose_the_next_answer(_: object) -> dict[str, dict[str, int]]:
        store.wire.answers_to_lose = 1
        return {"wipes": {"count": count}}

    await ledger.change("budget", ("wipes",), lose_the_next_answer)
    assert store.wire.answers_to_lose == 0
