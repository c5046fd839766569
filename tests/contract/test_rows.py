"""What the port Rows promises, kept by the fake and by Azure Tables (Azurite) alike."""

import asyncio
import math
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.errors import AlreadyThere, Changed, RetryLater
from shared.names import CASES, LEDGERS, TABLES
from shared.ports import Gone, Put, Row, Rows, Value, Write
from tests.contract.stores import RowStore, azurite_rows, fake_rows

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

FORBIDDEN_KEYS = ["a/b", "a\\b", "a#b", "a?b", "a\nb", "a\tb", "\x00", "\x7f", "\x9f", "x" * 513, "lone \ud800"]
UNUSUAL_KEYS = [
    "O'Brien", "''", "100%", "%2F", "a+b", "a b", " ", "a&b=c", "(x),y;z", "a:b|c", "$filter", "ÄÖÜ", "é", "e\u0301",
    "顧客", "\U0001f600", "users|delta", "x" * 512,
]  # fmt: skip


@pytest.fixture(params=["fake", "azurite"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[RowStore]:
    if request.param == "fake":
        yield fake_rows()
        return
    async with azurite_rows(request.getfixturevalue("azurite_account")) as real:
        yield real


@pytest.fixture
def rows(store: RowStore) -> Rows:
    return store.rows


async def put(rows: Rows, key: str, partition: str = "p", **data: Value) -> str:
    [etag] = await rows.write(CASES, partition, [Write(key=key, data=data, expect=None)])
    return etag


async def found(rows: Rows, key: str, partition: str = "p") -> Row:
    row = await rows.get(CASES, partition, key)
    assert row is not None, f"{partition} {key} is not there"
    return row


async def keys(rows: Rows, partition: str | None = "p", **how: object) -> list[str]:
    return [row.key async for row in rows.scan(CASES, partition, **how)]  # pyright: ignore[reportArgumentType]  # passed on as given


# --- reading and writing one row


async def test_a_new_row_is_read_back_with_the_etag_its_write_returned(rows: Rows) -> None:
    etag = await put(rows, "k", colour="red")
    assert await found(rows, "k") == Row(partition="p", key="k", data={"colour": "red"}, etag=etag)


async def test_a_row_that_is_not_there_is_none(rows: Rows) -> None:
    await put(rows, "k")
    assert await rows.get(CASES, "p", "other") is None
    assert await rows.get(CASES, "other", "k") is None
    assert await rows.get(LEDGERS, "p", "k") is None


async def test_a_row_with_the_right_etag_is_replaced_and_not_merged(rows: Rows) -> None:
    first = await put(rows, "k", colour="red", size=1)
    [second] = await rows.write(CASES, "p", [Write(key="k", data={"colour": "blue"}, expect=first)])
    assert second != first
    assert await found(rows, "k") == Row(partition="p", key="k", data={"colour": "blue"}, etag=second)


async def test_creating_a_row_that_exists_raises_already_there_and_leaves_it_alone(rows: Rows) -> None:
    await put(rows, "k", colour="red")
    with pytest.raises(AlreadyThere):
        await put(rows, "k", colour="blue")
    assert (await found(rows, "k")).data == {"colour": "red"}


async def test_an_old_etag_raises_changed_and_leaves_the_row_alone(rows: Rows) -> None:
    first = await put(rows, "k", n=1)
    await rows.write(CASES, "p", [Write(key="k", data={"n": 2}, expect=first)])
    with pytest.raises(Changed):
        await rows.write(CASES, "p", [Write(key="k", data={"n": 3}, expect=first)])
    assert (await found(rows, "k")).data == {"n": 2}


async def test_updating_a_row_that_is_gone_raises_changed_and_does_not_bring_it_back(rows: Rows) -> None:
    etag = await put(rows, "k")
    await rows.delete(CASES, "p", "k")
    with pytest.raises(Changed):
        await rows.write(CASES, "p", [Write(key="k", data={}, expect=etag)])
    assert await rows.get(CASES, "p", "k") is None


async def test_a_row_created_again_does_not_take_the_etag_of_its_former_life(rows: Rows) -> None:
    old = await put(rows, "k")
    await rows.delete(CASES, "p", "k")
    await put(rows, "k", life=2)
    with pytest.raises(Changed):
        await rows.write(CASES, "p", [Write(key="k", data={}, expect=old)])
    assert (await found(rows, "k")).data == {"life": 2}


async def test_upsert_creates_a_row_and_replaces_whatever_is_there(rows: Rows) -> None:
    await rows.upsert(CASES, "p", "k", {"colour": "red", "size": 1})
    assert (await found(rows, "k")).data == {"colour": "red", "size": 1}
    etag = (await found(rows, "k")).etag
    await rows.upsert(CASES, "p", "k", {"colour": "blue"})
    assert (await found(rows, "k")).data == {"colour": "blue"}
    with pytest.raises(Changed):
        await rows.write(CASES, "p", [Write(key="k", data={}, expect=etag)])


async def test_what_was_read_or_written_is_no_part_of_the_store(rows: Rows) -> None:
    data: dict[str, Value] = {"colour": "red"}
    await rows.write(CASES, "p", [Write(key="k", data=data, expect=None)])
    data["colour"] = "blue"
    read = (await found(rows, "k")).data
    assert isinstance(read, dict)
    read["colour"] = "green"
    assert (await found(rows, "k")).data == {"colour": "red"}


# --- deleting


async def test_a_deleted_row_is_gone(rows: Rows) -> None:
    await put(rows, "k")
    await put(rows, "l")
    await rows.delete(CASES, "p", "k")
    assert await keys(rows) == ["l"]


async def test_deleting_a_row_that_is_gone_is_fine(rows: Rows) -> None:
    etag = await put(rows, "k")
    await rows.delete(CASES, "p", "k", expect=etag)
    await rows.delete(CASES, "p", "k", expect=etag)
    await rows.delete(CASES, "p", "k")
    assert await rows.get(CASES, "p", "k") is None


async def test_deleting_with_an_old_etag_raises_changed_and_keeps_the_row(rows: Rows) -> None:
    old = await put(rows, "k", n=1)
    await rows.write(CASES, "p", [Write(key="k", data={"n": 2}, expect=old)])
    with pytest.raises(Changed):
        await rows.delete(CASES, "p", "k", expect=old)
    assert (await found(rows, "k")).data == {"n": 2}


# --- several rows at once


async def test_rows_written_together_return_their_etags_in_order(rows: Rows) -> None:
    first = await put(rows, "case", n=1)
    writes = [
        Write(key="case", data={"n": 2}, expect=first),
        Write(key="journal-2", data={"says": "b"}, expect=None),
        Write(key="journal-1", data={"says": "a"}, expect=None),
    ]
    etags = await rows.write(CASES, "p", writes)
    assert [(await found(rows, write.key)).etag for write in writes] == etags
    assert [(await found(rows, write.key)).data for write in writes] == [write.data for write in writes]


@pytest.mark.parametrize("bad_one_first", [True, False])
@pytest.mark.parametrize("why", ["exists", "changed", "gone"])
async def test_when_one_of_the_rows_cannot_be_written_none_is(rows: Rows, why: str, bad_one_first: bool) -> None:
    old = await put(rows, "k", n=1)
    current = await put(rows, "other", n=1)
    if why == "gone":
        await rows.delete(CASES, "p", "k")
    else:
        await rows.write(CASES, "p", [Write(key="k", data={"n": 2}, expect=old)])
    before = [row async for row in rows.scan(CASES)]
    bad = Write(key="k", data={"n": 3}, expect=None if why == "exists" else old)
    good = [Write(key="new", data={}, expect=None), Write(key="other", data={"n": 2}, expect=current)]
    with pytest.raises(AlreadyThere if why == "exists" else Changed):
        await rows.write(CASES, "p", [bad, *good] if bad_one_first else [*good, bad])
    assert [row async for row in rows.scan(CASES)] == before


async def test_a_hundred_rows_can_be_written_together_and_not_one_more(rows: Rows) -> None:
    writes = [Write(key=f"{number:03}", data={"n": number}, expect=None) for number in range(101)]
    with pytest.raises(ValueError, match="100"):
        await rows.write(CASES, "p", writes)
    assert await keys(rows) == []
    assert len(await rows.write(CASES, "p", writes[:100])) == 100
    assert await keys(rows) == [write.key for write in writes[:100]]


@pytest.mark.parametrize("names", [[], ["same", "same"]])
async def test_no_rows_and_one_row_twice_cannot_be_written_together(rows: Rows, names: list[str]) -> None:
    with pytest.raises(ValueError, match="different rows"):
        await rows.write(CASES, "p", [Write(key=name, data={}, expect=None) for name in names])


async def test_rows_are_put_and_deleted_together_with_one_that_has_to_be_as_it_was_read(rows: Rows) -> None:
    etag = await put(rows, "counter", n=1)
    await put(rows, "old")
    await put(rows, "there", n=1)
    etags = await rows.write(
        CASES,
        "p",
        [
            Write(key="counter", data={"n": 2}, expect=etag),
            Put(key="new", data={"n": 3}),
            Put(key="there", data={"m": 4}),
            Gone(key="old"),
        ],
    )
    assert await keys(rows) == ["counter", "new", "there"]
    assert (await found(rows, "there")).data == {"m": 4}
    assert etags == [(await found(rows, key)).etag for key in ("counter", "new", "there")] + [""]


async def test_a_row_is_put_or_deleted_alone(rows: Rows) -> None:
    [etag] = await rows.write(CASES, "p", [Put(key="k", data={"n": 1})])
    assert (await found(rows, "k")).etag == etag
    assert await rows.write(CASES, "p", [Gone(key="k")]) == [""]
    assert await keys(rows) == []


@pytest.mark.parametrize("why", ["changed", "gone"])
async def test_nothing_is_put_or_deleted_when_one_of_them_cannot_be(rows: Rows, why: str) -> None:
    old = await put(rows, "counter", n=1)
    await rows.write(CASES, "p", [Write(key="counter", data={"n": 2}, expect=old)])
    await put(rows, "old")
    bad = Gone(key="none") if why == "gone" else Write(key="counter", data={}, expect=old)
    for writes in ([bad], [bad, Put(key="new", data={}), Gone(key="old")]):
        with pytest.raises(Changed):
            await rows.write(CASES, "p", writes)
    assert await keys(rows) == ["counter", "old"]
    assert (await found(rows, "counter")).data == {"n": 2}


# --- races


async def test_of_two_writers_who_read_the_same_row_one_wins_and_the_other_knows(rows: Rows) -> None:
    etag = await put(rows, "k")
    results = await asyncio.gather(
        *(rows.write(CASES, "p", [Write(key="k", data={"by": name}, expect=etag)]) for name in "ab"),
        return_exceptions=True,
    )
    [winner] = [name for name, result in zip("ab", results, strict=True) if not isinstance(result, BaseException)]
    [loss] = [result for result in results if isinstance(result, BaseException)]
    assert isinstance(loss, Changed)
    assert (await found(rows, "k")).data == {"by": winner}


async def test_of_many_who_create_the_same_row_one_wins_and_the_others_know(rows: Rows) -> None:
    results = await asyncio.gather(*(put(rows, "k", by=number) for number in range(8)), return_exceptions=True)
    [winner] = [number for number, result in enumerate(results) if isinstance(result, str)]
    assert sum(isinstance(result, AlreadyThere) for result in results) == 7
    assert (await found(rows, "k")).data == {"by": winner}


async def test_two_transactions_over_the_same_rows_never_mix(rows: Rows) -> None:
    etags = await rows.write(CASES, "p", [Write(key=key, data={"by": ""}, expect=None) for key in "xy"])
    results = await asyncio.gather(
        *(
            rows.write(
                CASES, "p", [Write(key=key, data={"by": name}, expect=e) for key, e in zip("xy", etags, strict=True)]
            )
            for name in "ab"
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(result, Changed) for result in results) == 1
    assert (await found(rows, "x")).data == (await found(rows, "y")).data


async def test_a_counter_that_is_raised_by_compare_and_swap_counts_every_raise(rows: Rows) -> None:
    await put(rows, "counter", n=0)

    async def add_one() -> None:
        while True:
            row = await found(rows, "counter")
            try:
                await rows.write(
                    CASES, "p", [Write(key="counter", data={"n": int(str(row.data["n"])) + 1}, expect=row.etag)]
                )
            except Changed:
                continue
            return

    await asyncio.gather(*(add_one() for _ in range(5)))
    assert (await found(rows, "counter")).data == {"n": 5}


# --- values


@pytest.mark.parametrize(
    "data",
    [
        {"n": 0}, {"n": 1}, {"n": -1}, {"n": 2**31 - 1}, {"n": 2**31}, {"n": 2**53 + 1}, {"n": 2**63 - 1}, {"n": -(2**63)},
        {"yes": True, "no": False},
        {"half": 0.5, "whole": 1.0, "zero": 0.0, "big": 1e300, "tiny": 5e-324, "third": 1 / 3, "negative": -2.0},
        {"inf": math.inf, "minus": -math.inf},
        {"empty": "", "text": "Grüße, 顧客 \U0001f600", "lines": "a\r\nb\tc", "quotes": "'\"\\", "zero": "0", "true": "true"},
        {"time_like": "2026-03-02T12:00:00Z"},
        {"longest": "x" * 32_768},
        {"_a": 1, "B2": 2, "data": "x"},
        {},
    ],
)  # fmt: skip
async def test_values_come_back_as_they_went_in(rows: Rows, data: Mapping[str, Value]) -> None:
    await rows.write(CASES, "p", [Write(key="k", data=data, expect=None)])
    read = (await found(rows, "k")).data
    assert read == data
    assert {name: type(value) for name, value in read.items()} == {name: type(value) for name, value in data.items()}


@pytest.mark.parametrize(
    "time",
    [
        NOON,
        NOON + timedelta(microseconds=1),
        datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(1601, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2026, 3, 2, 1, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))),
    ],
)
async def test_times_come_back_to_the_microsecond_as_plain_datetimes_in_utc(rows: Rows, time: datetime) -> None:
    await put(rows, "k", at=time)
    read = (await found(rows, "k")).data["at"]
    assert type(read) is datetime
    assert read == time
    assert read.tzinfo is UTC


async def test_a_row_that_is_read_and_written_again_keeps_its_values(rows: Rows) -> None:
    data: dict[str, Value] = {"at": NOON + timedelta(microseconds=7), "n": 2**40, "f": 2.0, "b": True, "s": "x"}
    [etag] = await rows.write(CASES, "p", [Write(key="k", data=data, expect=None)])
    await rows.write(CASES, "p", [Write(key="k", data=(await found(rows, "k")).data, expect=etag)])
    assert (await found(rows, "k")).data == data


@pytest.mark.parametrize(
    "data",
    [
        {"long": "x" * 32_769},
        {"long": "\U0001f600" * 16_385},  # each is two UTF-16 code units
        {"lone": "\ud800"},
        {"n": 2**63},
        {"at": datetime(2026, 3, 2, 12)},  # noqa: DTZ001  # that it is naive is the point
        {"at": datetime(1600, 12, 31, tzinfo=UTC)},
        {"nothing": None},
        {"list": [1]},
        {"bytes": b"x"},
        {"PartitionKey": "x"}, {"RowKey": "x"}, {"Timestamp": NOON},
        {"odata.etag": "x"}, {"a b": 1}, {"1a": 1}, {"": 1}, {"x" * 256: 1},
        {f"n{number}": number for number in range(253)},
        {f"n{number}": "x" * 32_000 for number in range(17)},  # more than 1 MiB
    ],
)  # fmt: skip
async def test_what_storage_cannot_keep_raises_value_error_and_nothing_is_written(
    rows: Rows, data: Mapping[str, Value]
) -> None:
    with pytest.raises(ValueError):
        await rows.write(CASES, "p", [Write(key="k", data=data, expect=None)])
    with pytest.raises(ValueError):
        await rows.upsert(CASES, "p", "k", data)
    assert await rows.get(CASES, "p", "k") is None


# --- keys


@pytest.mark.parametrize("key", FORBIDDEN_KEYS)
async def test_an_impossible_key_raises_value_error_everywhere(rows: Rows, key: str) -> None:
    for partition, name in ((key, "k"), ("p", key)):
        for call in (
            rows.get(CASES, partition, name),
            rows.write(CASES, partition, [Write(key=name, data={}, expect=None)]),
            rows.upsert(CASES, partition, name, {}),
            rows.delete(CASES, partition, name),
        ):
            with pytest.raises(ValueError, match=r"key|surrogates"):
                await call


async def test_unusual_keys_are_keys_like_any_other(rows: Rows) -> None:
    for key in UNUSUAL_KEYS:
        etag = await put(rows, key, partition=key, n=1)
        [etag, _] = await rows.write(
            CASES, key, [Write(key=key, data={"n": 2}, expect=etag), Write(key="2", data={}, expect=None)]
        )
        await rows.write(CASES, key, [Write(key=key, data={"n": 3}, expect=etag)])
        assert (await found(rows, key, key)).data == {"n": 3}
        assert await keys(rows, key, key_prefix=key) == [key]
    for key in UNUSUAL_KEYS:
        await rows.delete(CASES, key, key)
        assert await keys(rows, key) == ["2"]


async def test_keys_differ_by_case(rows: Rows) -> None:
    await put(rows, "K", n=1)
    await put(rows, "k", n=2)
    assert [(await found(rows, "K")).data, (await found(rows, "k")).data] == [{"n": 1}, {"n": 2}]


# --- scanning


async def test_a_scan_gives_the_rows_of_one_partition_in_key_order(rows: Rows) -> None:
    wanted = ["", "A", "B", "a", "a1", "a10", "a2", "b", "~", "ä", "\U0001f600", "\uffee"]
    for key in wanted[1::2] + wanted[::2]:
        await put(rows, key)
    await put(rows, "c", partition="q")
    assert await keys(rows) == wanted


async def test_a_scan_without_a_partition_gives_all_rows_in_order(rows: Rows) -> None:
    places = [("a", "1"), ("a", "2"), ("b", "0"), ("c", "5")]
    for partition, key in reversed(places):
        await put(rows, key, partition=partition, n=1)
    scanned = [row async for row in rows.scan(CASES)]
    assert [(row.partition, row.key) for row in scanned] == places
    assert scanned == [await found(rows, key, partition) for partition, key in places]


async def test_a_scan_of_nothing_is_empty(rows: Rows) -> None:
    assert await keys(rows) == []
    assert await keys(rows, None) == []


async def test_a_prefix_keeps_the_keys_that_start_with_it(rows: Rows) -> None:
    for key in ["journal", "journal-", "journal-1", "journal-2", "journal.", "journam", "Journal-1", "case"]:
        await put(rows, key)
    await put(rows, "journal-3", partition="q")
    assert await keys(rows, key_prefix="journal-") == ["journal-", "journal-1", "journal-2"]
    assert await keys(rows, None, key_prefix="journal-") == ["journal-", "journal-1", "journal-2", "journal-3"]


async def test_a_scan_can_go_on_after_a_key(rows: Rows) -> None:
    for key in ["a", "a1", "b", "b-1", "b-2", "c", "ä"]:
        await put(rows, key)
    await put(rows, "z", partition="q")
    assert await keys(rows, after="a1") == ["b", "b-1", "b-2", "c", "ä"]
    assert await keys(rows, after="aa") == ["b", "b-1", "b-2", "c", "ä"]
    assert await keys(rows, after="b-1", key_prefix="b") == ["b-2"]
    assert await keys(rows, after="ä") == []


async def test_a_scan_gives_no_more_than_is_asked_for_and_can_go_on(rows: Rows) -> None:
    for key in ["a", "b-1", "b-2", "b-3", "c"]:
        await put(rows, key)
    assert await keys(rows, most=2) == ["a", "b-1"]
    assert await keys(rows, after="b-1", most=2) == ["b-2", "b-3"]
    assert await keys(rows, key_prefix="b", most=2) == ["b-1", "b-2"]
    assert await keys(rows, key_prefix="b", after="b-2", most=9) == ["b-3"]


@pytest.mark.parametrize(
    "prefix", ["'", "O'B", "100%", "\ud7ff", "\U0001f600", "\uffff", "a b ", "@x", "' or RowKey ne '"]
)
async def test_a_prefix_is_taken_as_it_is(rows: Rows, prefix: str) -> None:
    for other in ("other", "\U0001f5ff", "\U0001f601", "\ue000"):  # U+10000 and above sort below U+E000
        await put(rows, other)
    await put(rows, prefix)
    await put(rows, f"{prefix}more")
    assert await keys(rows, key_prefix=prefix) == [prefix, f"{prefix}more"]


async def test_a_partition_name_cannot_widen_a_scan(rows: Rows) -> None:
    await put(rows, "k")
    assert await keys(rows, "x' or PartitionKey ne 'y") == []


async def test_a_scan_goes_on_over_many_pages(rows: Rows) -> None:
    names = [f"{number:04}" for number in range(1_250)]  # the service answers at most 1,000 at once
    for start in range(0, len(names), 100):
        chunk = names[start : start + 100]
        await rows.write(CASES, "p", [Write(key=name, data={"n": 1}, expect=None) for name in chunk])
    assert await keys(rows) == names
    assert await keys(rows, key_prefix="1") == names[1_000:]


async def test_a_scan_that_is_left_early_is_fine(rows: Rows) -> None:
    for key in "abc":
        await put(rows, key)
    async for row in rows.scan(CASES, "p"):
        assert row.key == "a"
        break


# --- storage that is not there


async def test_storage_that_is_away_says_retry_later_and_nothing_is_lost_when_it_is_back(store: RowStore) -> None:
    rows = store.rows
    etag = await put(rows, "k", n=1)
    await store.go_away()
    for call in (
        rows.get(CASES, "p", "k"),
        rows.write(CASES, "p", [Write(key="k", data={"n": 2}, expect=etag)]),
        rows.write(CASES, "p", [Write(key=key, data={}, expect=None) for key in "xy"]),
        rows.upsert(CASES, "p", "k", {}),
        rows.delete(CASES, "p", "k"),
        keys(rows),
        keys(rows, None),
    ):
        with pytest.raises(RetryLater):
            await call
    await store.come_back()
    assert [row async for row in rows.scan(CASES)] == [Row(partition="p", key="k", data={"n": 1}, etag=etag)]


async def test_storage_that_goes_away_between_two_pages_ends_the_scan_with_retry_later(azurite_account: str) -> None:
    async with azurite_rows(azurite_account) as store:
        for hundred in range(11):
            writes = [Write(key=f"{hundred:02}{number:02}", data={}, expect=None) for number in range(100)]
            await store.rows.write(CASES, "p", writes)
        scan = store.rows.scan(CASES, "p")
        assert (await anext(scan)).key == "0000"
        await store.go_away()
        with pytest.raises(RetryLater):
            _ = [row async for row in scan]


async def test_a_table_that_is_missing_says_retry_later_and_not_that_the_row_is_gone(rows: Rows) -> None:
    table = "notdeployed"
    for call in (
        rows.get(table, "p", "k"),
        rows.write(table, "p", [Write(key="k", data={}, expect=None)]),
        rows.write(table, "p", [Write(key="k", data={}, expect='W/"1"')]),
        rows.write(table, "p", [Write(key=key, data={}, expect=None) for key in "xy"]),
        rows.upsert(table, "p", "k", {}),
        anext(rows.scan(table)),
    ):
        with pytest.raises(RetryLater):
            await call


async def test_making_sure_of_tables_that_exist_is_harmless(azurite_account: str) -> None:
    async with azurite_rows(azurite_account) as store:
        await put(store.rows, "k")
        await store.rows.ensure_tables([*TABLES, "another"])  # pyright: ignore[reportAttributeAccessIssue]  # not of the port
        assert await keys(store.rows) == ["k"]
