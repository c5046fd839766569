"""How storage's refusals become our errors: what happens next, and nothing of what was sent."""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from azure.core.exceptions import HttpResponseError

from shared.clients.storage.connect import Storage
from shared.clients.storage.errors import translated
from shared.errors import AccessDenied, AlreadyThere, Changed, HandoverError, RetryLater
from shared.names import CASES, HINTS
from shared.ports import Messages, Rows, Write
from shared.settings import Settings
from tests.contract.stores import TENANT, AzuriteMessageStore, AzuriteRowStore, azurite_messages, azurite_rows

CALLS: dict[str, Callable[[Rows], Awaitable[object]]] = {
    "get": lambda rows: rows.get(CASES, "p", "sent-key"),
    "insert": lambda rows: rows.write(CASES, "p", [Write(key="sent-key", data={}, expect=None)]),
    "update": lambda rows: rows.write(CASES, "p", [Write(key="sent-key", data={}, expect='W/"1"')]),
    "transaction": lambda rows: rows.write(
        CASES, "p", [Write(key=key, data={}, expect=None) for key in ("sent-key", "x")]
    ),
    "upsert": lambda rows: rows.upsert(CASES, "p", "sent-key", {}),
    "delete": lambda rows: rows.delete(CASES, "p", "sent-key"),
    "scan": lambda rows: anext(rows.scan(CASES, "p")),
}
BUSY, DENIED, WRONG = (408, 429, 500, 502, 503, 504), (401, 403), (400, 405, 413)


@pytest.fixture
async def tables(azurite_account: str) -> AsyncIterator[AzuriteRowStore]:
    async with azurite_rows(azurite_account) as real:
        yield real


@pytest.fixture
async def queues(azurite_account: str) -> AsyncIterator[AzuriteMessageStore]:
    async with azurite_messages(azurite_account) as real:
        yield real


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_every_refusal_of_a_table_is_one_of_our_errors(
    tables: AzuriteRowStore, call: Callable[[Rows], Awaitable[object]]
) -> None:
    for statuses, kind in ((BUSY, RetryLater), (DENIED, AccessDenied), (WRONG, HandoverError)):
        for status in statuses:
            tables.wire.failures_to_claim, tables.wire.claimed_status = 1, status
            with pytest.raises(HandoverError) as caught:
                await call(tables.rows)
            assert type(caught.value) is kind, status
            assert str(status) in str(caught.value)
            assert "sent-key" not in str(caught.value)


@pytest.mark.parametrize("status", BUSY)
async def test_the_wish_of_a_busy_table_is_passed_on_at_once(tables: AzuriteRowStore, status: int) -> None:
    tables.wire.failures_to_claim, tables.wire.claimed_status, before = 1, status, tables.wire.requests
    with pytest.raises(RetryLater) as caught:
        await tables.rows.get(CASES, "p", "k")
    assert (caught.value.after, caught.value.throttled) == (timedelta(seconds=17), False)
    assert tables.wire.requests - before == 1


async def test_every_refusal_of_a_queue_is_one_of_our_errors(queues: AzuriteMessageStore) -> None:
    for statuses, kind in ((BUSY, RetryLater), (DENIED, AccessDenied), (WRONG, HandoverError)):
        for status in statuses:
            queues.wire.failures_to_claim, queues.wire.claimed_status = 2, status
            with pytest.raises(HandoverError) as caught:
                await queues.messages.send(HINTS, "sent-body")
            assert type(caught.value) is kind, status
            assert "sent-body" not in str(caught.value)


async def test_an_answer_that_breaks_off_is_retry_later(tables: AzuriteRowStore, queues: AzuriteMessageStore) -> None:
    rows: Rows = tables.rows
    messages: Messages = queues.messages
    for call in CALLS.values():
        tables.wire.answers_to_break = 2
        with pytest.raises(RetryLater):
            await call(rows)
    queues.wire.answers_to_break = 2
    with pytest.raises(RetryLater):
        await messages.send(HINTS, "x")


@pytest.mark.filterwarnings("ignore:Testing an element's truth value")  # azure-data-tables does so with XML answers
async def test_a_wrong_key_is_access_denied(azurite_account: str) -> None:
    parts = dict(part.split("=", 1) for part in azurite_account.strip(";").split(";"))
    parts["AccountKey"] = base64.b64encode(b"another key").decode()
    text = ";".join(f"{name}={value}" for name, value in parts.items())
    storage = Storage(Settings.model_validate({"tenant_id": TENANT, "storage": text}))
    try:
        for call in CALLS.values():
            with pytest.raises(AccessDenied):
                await call(storage.rows)
        with pytest.raises(AccessDenied):
            await storage.messages.send(HINTS, "x")
    finally:
        await storage.close()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, '{"odata.error": {"code": "TableNotFound"}}', RetryLater),
        (404, '{"odata.error": {"code": "ResourceNotFound"}}', Changed),
        (404, "<html>", Changed),
        (404, '{"odata.error": []}', Changed),
        (409, '{"odata.error": {"code": "TableBeingDeleted"}}', RetryLater),
        (409, '{"odata.error": {"code": "EntityAlreadyExists"}}', AlreadyThere),
    ],
)
def test_a_code_that_is_only_in_the_body_counts_as_well(status: int, body: str, kind: type[HandoverError]) -> None:
    assert type(translated(HttpResponseError(response=Answer(status, body)))) is kind


@dataclass(frozen=True, slots=True)
class Answer:
    """What the SDK's errors know of an answer, without headers."""

    status_code: int
    content: str
    reason: str = "-"
    request: object = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def text(self) -> str:
        return self.content
