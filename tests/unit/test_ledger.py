"""Small documents changed by compare-and-swap: nobody's change is lost, none is made twice."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from shared.errors import AlreadyThere, Changed, RetryLater
from shared.names import LEDGERS
from shared.ports import Gone, Put, Write
from shared.records.ledger import MOST_TRIES, Document, Ledger
from tests.fakes.ids import CountingIds
from tests.fakes.interference import Interference, die
from tests.fakes.rows import FakeRows


def one_more(documents: Mapping[str, Document]) -> Mapping[str, Document]:
    """An update that must not be made twice."""
    return {"n": {"count": documents.get("n", {"count": 0})["count"] + 1}}


async def count(rows: FakeRows) -> int:
    document = await Ledger(rows, CountingIds()).read("p", "n")
    return 0 if document is None else document["count"]


async def test_five_who_count_at_once_count_five() -> None:
    rows, ids = FakeRows(), CountingIds()
    await asyncio.gather(*(Ledger(rows, ids).change("p", ("n",), one_more) for _ in range(5)))
    assert await count(rows) == 5


@pytest.mark.parametrize("error", [Changed, AlreadyThere])
@pytest.mark.parametrize("times_before", [0, 1])
async def test_a_write_whose_answer_was_lost_is_not_made_again(error: type[Exception], times_before: int) -> None:
    rows, ids = FakeRows(), CountingIds()
    for _ in range(times_before):
        await Ledger(rows, ids).change("p", ("n",), one_more)

    async def lose_the_answer() -> None:
        raise error("our own write")

    lost = Interference(lambda call: call.name == "rows.write", lose_the_answer, after=True)
    await Ledger(lost.around("rows", rows), ids).change("p", ("n",), one_more)
    assert await count(rows) == times_before + 1


@pytest.mark.parametrize("others", [0, 1])
async def test_a_row_that_was_read_before_is_read_anew_only_when_it_changed_since(others: int) -> None:
    rows, ids = FakeRows(), CountingIds()
    ledger = Ledger(rows, ids)
    await ledger.change("p", ("n",), one_more)
    row = await ledger.row("p", "n")
    assert row is not None
    for _ in range(others):
        await ledger.change("p", ("n",), one_more)
    at = Interference(lambda _: False, die)
    await Ledger(at.around("rows", rows), ids).change("p", ("n",), one_more, read={"n": row})
    assert await count(rows) == 2 + others
    assert [call.name for call in at.calls].count("rows.write") == 1 + others


class OthersAreFaster(FakeRows):
    """Rows that somebody else always wrote a moment ago."""

    tries = 0

    async def write(self, table: str, partition: str, writes: Sequence[Write | Put | Gone]) -> list[str]:
        self.tries += 1
        raise Changed("another was faster")


async def test_whoever_loses_ten_times_tries_later() -> None:
    rows = OthersAreFaster()
    with pytest.raises(RetryLater):
        await Ledger(rows, CountingIds()).change("p", ("n",), one_more)
    assert rows.tries == MOST_TRIES


async def test_documents_that_belong_together_are_written_together_or_not_at_all() -> None:
    rows, ids = FakeRows(), CountingIds()
    ledger = Ledger(rows, ids)
    await ledger.change("p", ("a", "b"), lambda _: {"a": {"is": 1}, "b": {"is": 1}})

    async def somebody_writes_b() -> None:
        await Ledger(rows, ids).change("p", ("b",), lambda _: {"b": {"is": 2}})

    between = Interference(lambda call: call.name == "rows.write", somebody_writes_b)
    seen: list[int] = []

    def both(documents: Mapping[str, Document]) -> Mapping[str, Document]:
        seen.append(documents["b"]["is"])
        return {key: {"is": documents["b"]["is"] + 10} for key in ("a", "b")}

    await Ledger(between.around("rows", rows), ids).change("p", ("a", "b"), both)
    assert seen == [1, 2]
    assert [await ledger.read("p", key) for key in ("a", "b")] == [{"is": 12}, {"is": 12}]


async def test_nothing_to_change_writes_nothing() -> None:
    rows = FakeRows()
    await Ledger(rows, CountingIds()).change("p", ("n",), lambda _: {})
    assert [row async for row in rows.scan(LEDGERS)] == []


@pytest.mark.parametrize("body", ["", "null", "[]", "5"])
async def test_a_row_that_holds_no_document_is_no_missing_document(body: str) -> None:
    rows = FakeRows()
    await rows.upsert(LEDGERS, "p", "n", {"body": body, "write_id": ""})
    with pytest.raises(ValueError, match=r"JSON|Expecting"):
        await Ledger(rows, CountingIds()).read("p", "n")
    with pytest.raises(ValueError, match=r"JSON|Expecting"):
        await Ledger(rows, CountingIds()).change("p", ("n",), one_more)
