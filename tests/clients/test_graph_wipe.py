"""The wipe: one POST with one body, never repeated, and nothing claimed that is not proven."""

import asyncio
import base64
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest
from azure.core.exceptions import ServiceRequestError
from azure.identity import CredentialUnavailableError

from shared.clients.graph.client import Graph
from shared.domain.effects import (
    AdminApproved,
    Justified,
    WipeAccepted,
    WipeNeedsApproval,
    WipeNotSent,
    WipeRefused,
    WipeUnknown,
)
from tests.clients.graph_wire import (
    DEVICE,
    NOW,
    FixedClock,
    Tokens,
    always,
    error,
    graph_over,
    in_turn,
    page,
    raising,
    settings_for,
)

PATH = f"/v1.0/deviceManagement/managedDevices/{DEVICE}/wipe"
WHY = Justified(text="Why")
BODY = b'{"keepEnrollmentData": false, "keepUserData": false}'


async def test_a_wipe_is_one_post_with_exactly_our_body() -> None:
    async with graph_over(in_turn(always(204))) as (graph, wire):
        assert await graph.devices.wipe(DEVICE, WHY) == WipeAccepted()
    (request,) = wire.requests
    assert (request.method, wire.targets, request.content) == ("POST", [PATH], BODY)
    assert request.headers["Authorization"] == "Bearer the-token"
    assert request.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("status", [200, 202, 204])
async def test_any_success_is_accepted(status: int) -> None:
    async with graph_over(always(status)) as (graph, _):
        assert await graph.devices.wipe(DEVICE, WHY) == WipeAccepted()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412])
async def test_a_refusal_in_graphs_own_words_is_refused_and_sent_once(status: int) -> None:
    async with graph_over(in_turn(error(status, "Forbidden", "no\x07"))) as (graph, wire):
        answer = await graph.devices.wipe(DEVICE, WHY)
    assert answer == WipeRefused(status=status, code="Forbidden", message="no\\x07")
    assert len(wire.requests) == 1


@pytest.mark.parametrize("status", [300, 301, 302, 307, 308, 408, 422, 429, 500, 502, 503, 504])
async def test_anything_else_is_unknown_and_sent_once(status: int) -> None:
    headers = {"Retry-After": "0", "Location": f"https://graph.example{PATH}"}
    body = b'{"error":{"code":"ServiceUnavailable","message":"later"}}'
    async with graph_over(in_turn(always(status, body, headers))) as (graph, wire):
        answer = await graph.devices.wipe(DEVICE, WHY)
    assert answer == WipeUnknown(why=f"Graph answered {status} (ServiceUnavailable)")
    assert len(wire.requests) == 1


@pytest.mark.parametrize("status", [400, 403, 404])
async def test_a_refusal_in_somebody_elses_words_is_unknown(status: int) -> None:
    async with graph_over(in_turn(always(status, b"<html>Not Found</html>"))) as (graph, wire):
        assert isinstance(await graph.devices.wipe(DEVICE, WHY), WipeUnknown)
    assert len(wire.requests) == 1


async def test_a_401_that_asks_for_claims_is_not_answered_with_a_second_post() -> None:
    challenge = error(401, "InvalidAuthenticationToken", WWW_Authenticate='Bearer claims="eyJhIjoxfQ=="')
    async with graph_over(in_turn(challenge)) as (graph, wire):
        answer = await graph.devices.wipe(DEVICE, WHY)
    assert isinstance(answer, WipeRefused)
    assert answer.status == 401
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    "failure", [CredentialUnavailableError(message="none\x07"), ServiceRequestError("down"), KeyError("bug")]
)
async def test_without_a_token_nothing_is_sent(failure: Exception) -> None:
    async with graph_over(always(204), tokens=Tokens(fails_with=failure)) as (graph, wire):
        answer = await graph.devices.wipe(DEVICE, WHY)
    assert isinstance(answer, WipeNotSent)
    assert answer.why.isprintable()
    assert wire.requests == []


@pytest.mark.parametrize("odd", ["", ".", "..", "a/b", "a?b", f"{DEVICE}/wipe", f"{DEVICE},{DEVICE}", "*"])
async def test_without_the_id_of_one_device_nothing_is_sent(odd: str) -> None:
    async with graph_over(always(204)) as (graph, wire):
        answer = await graph.devices.wipe(odd, WHY)
    assert answer == WipeRefused(status=0, code="not_sent", message="not the id of a managed device")
    assert wire.requests == []


@pytest.mark.parametrize("kind", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout])
async def test_without_a_connection_nothing_was_sent(kind: type[httpx.TransportError]) -> None:
    async with graph_over(raising(kind("no"))) as (graph, _):
        assert await graph.devices.wipe(DEVICE, WHY) == WipeNotSent(why=kind.__name__)


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ReadTimeout("no"),
        httpx.WriteTimeout("no"),
        httpx.ReadError("no"),
        httpx.WriteError("no"),
        httpx.CloseError("no"),
        httpx.RemoteProtocolError("no"),
        httpx.LocalProtocolError("no"),
        httpx.ProxyError("no"),
        httpx.DecodingError("no"),
        RuntimeError("a bug in a library"),
    ],
    ids=lambda failure: type(failure).__name__,
)
async def test_any_other_failure_is_unknown(failure: Exception) -> None:
    async with graph_over(in_turn(raising(failure))) as (graph, wire):
        assert await graph.devices.wipe(DEVICE, WHY) == WipeUnknown(why=type(failure).__name__)
    assert len(wire.requests) == 1


async def test_a_counter_that_breaks_does_not_hide_that_a_wipe_was_accepted() -> None:
    def broken(operation: str, status: int) -> None:
        raise RuntimeError(operation)

    async with graph_over(always(204), on_request=broken) as (graph, _):
        assert await graph.devices.wipe(DEVICE, WHY) == WipeAccepted()


async def test_cancelling_during_the_post_is_passed_on() -> None:
    sent = asyncio.Event()

    class Hanging(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            sent.set()
            await asyncio.Event().wait()
            raise AssertionError

    graph = Graph(settings_for("https://graph.example"), FixedClock(), credential=Tokens(), network=Hanging())
    wiping = asyncio.create_task(graph.devices.wipe(DEVICE, WHY))
    await sent.wait()
    wiping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await wiping
    await graph.close()


Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def a_server_that(behave: Behaviour) -> AsyncGenerator[tuple[Graph, list[bytes]], None]:
    """A server on this machine that keeps the head of every request and then does what the test says."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                heads.append(head)
                await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split()[0]))
                await behave(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    graph = Graph(settings_for(f"http://127.0.0.1:{port}"), FixedClock(), credential=Tokens())
    try:
        yield graph, heads
    finally:
        await graph.close()
        server.close()
        await server.wait_closed()


def sends_and_closes(answer: bytes, closed: asyncio.Event | None = None) -> Behaviour:
    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        if closed is not None:
            closed.set()

    return behave


@pytest.mark.parametrize(
    "half",
    [b"", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{", b"not http at all\r\n\r\n"],
    ids=["nothing", "half a status", "half a body", "no http"],
)
async def test_an_answer_that_breaks_off_is_unknown_and_the_post_is_not_repeated(half: bytes) -> None:
    async with a_server_that(sends_and_closes(half)) as (graph, heads):
        assert isinstance(await graph.devices.wipe(DEVICE, WHY), WipeUnknown)
    assert [head.split(b"\r\n")[0] for head in heads] == [f"POST {PATH} HTTP/1.1".encode()]


async def test_a_connection_that_was_closed_while_idle_costs_neither_the_wipe_nor_a_second_one() -> None:
    no_content = b"HTTP/1.1 204 No Content\r\n\r\n"
    closed = asyncio.Event()
    async with a_server_that(sends_and_closes(no_content, closed)) as (graph, heads):
        await graph.devices.sync(DEVICE)
        await closed.wait()
        assert await graph.devices.wipe(DEVICE, WHY) == WipeAccepted()
    assert sum(b"/wipe " in head for head in heads) == 1


async def test_a_port_that_nobody_listens_on_is_not_sent() -> None:
    async with a_server_that(sends_and_closes(b"")) as (graph, _):
        pass
    answer = await graph.devices.wipe(DEVICE, WHY)
    await graph.close()
    assert answer == WipeNotSent(why="ConnectError")


async def test_a_graph_on_this_machine_is_reached_past_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    async with a_server_that(sends_and_closes(b"HTTP/1.1 204 No Content\r\n\r\n")) as (graph, heads):
        assert await graph.devices.wipe(DEVICE, WHY) == WipeAccepted()
    assert len(heads) == 1


async def test_a_read_never_wipes() -> None:
    async with graph_over(page()) as (graph, wire):
        await graph.devices.with_serial_number("ABC")
    assert {request.method for request in wire.requests} == {"GET"}


FILED = "Approval is required. x-msft-approval-code: 6f0a-code."
EXISTS = "An active Approval Request already exists"


@pytest.mark.parametrize("status", [400, 403, 409, 412])
async def test_what_a_tenant_with_multi_admin_approval_answers_is_told_by_its_header_whatever_the_status(
    status: int,
) -> None:
    filed = error(status, "BadRequest", "no", x_msft_approval_code="6f0a-code")
    async with graph_over(in_turn(filed)) as (graph, wire):
        answer = await graph.devices.wipe(DEVICE, WHY)
    assert isinstance(answer, WipeNeedsApproval)
    assert (answer.status, answer.code) == (status, "6f0a-code")
    assert len(wire.requests) == 1


@pytest.mark.parametrize("status", [400, 403, 409, 412])
@pytest.mark.parametrize(
    ("code", "message", "found"),
    [
        ("ApprovalRequired", "This operation requires approval.", None),
        ("Forbidden", FILED, "6f0a-code"),
        ("Conflict", EXISTS, None),
        ("BadRequest", "approvalrequired", None),
    ],
)
async def test_or_by_its_words(status: int, code: str, message: str, found: str | None) -> None:
    async with graph_over(in_turn(error(status, code, message))) as (graph, _):
        answer = await graph.devices.wipe(DEVICE, WHY)
    assert isinstance(answer, WipeNeedsApproval)
    assert answer.code == found


@pytest.mark.parametrize("code", ["", "a b", "../x", "x" * 200, "ä"])
async def test_what_cannot_be_a_code_is_none(code: str) -> None:
    filed = always(403, {"error": {"code": "ApprovalRequired", "message": "m"}}, {"x-msft-approval-code": code})
    if not code.isascii():
        return
    async with graph_over(in_turn(filed)) as (graph, _):
        answer = await graph.devices.wipe(DEVICE, WHY)
    assert isinstance(answer, WipeNeedsApproval)
    assert answer.code is None


@pytest.mark.parametrize("status", [200, 202, 204, 429, 500, 503])
async def test_an_approval_code_beside_a_success_or_a_failure_proves_nothing(status: int) -> None:
    async with graph_over(in_turn(error(status, "ApprovalRequired", x_msft_approval_code="1"))) as (graph, _):
        assert isinstance(await graph.devices.wipe(DEVICE, WHY), WipeUnknown)


async def test_the_second_request_differs_from_the_first_in_nothing_but_the_header() -> None:
    why = Justified(text="Gerät 5CG1234XYZ, für Zoë")
    async with graph_over(in_turn(error(403, "ApprovalRequired"), always(204))) as (graph, wire):
        assert isinstance(await graph.devices.wipe(DEVICE, why), WipeNeedsApproval)
        assert await graph.devices.wipe(DEVICE, AdminApproved(code="6f0a-code")) == WipeAccepted()
    first, second = wire.requests
    assert (first.method, first.url.raw_path, first.content) == (second.method, second.url.raw_path, second.content)
    headers, again = dict(first.headers), dict(second.headers)
    assert base64.b64decode(headers.pop("x-msft-approval-justification")).decode() == why.text
    assert again.pop("x-msft-approval-code") == "6f0a-code"
    assert headers == again


async def test_a_justification_that_cannot_be_sent_is_not_sent() -> None:
    async with graph_over(always(204)) as (graph, wire):
        assert isinstance(await graph.devices.wipe(DEVICE, Justified(text="\ud800")), WipeNotSent)
        assert isinstance(await graph.devices.wipe(DEVICE, AdminApproved(code="a\r\nb")), WipeNotSent)
    assert wire.requests == []


async def test_approval_requests_are_read_as_they_are_and_out_of_base64() -> None:
    rows = (
        {
            "id": "one",
            "status": "approved",
            "requestJustification": base64.b64encode("Für Zoë".encode()).decode(),
            "requestDateTime": "2026-03-02T08:00:00Z",
            "approver": {"user": {"displayName": "Grace\x07"}},
            "approvalJustification": "fine",
        },
        {"id": "two", "status": "somethingNew", "requestJustification": "plain text", "approver": None},
        {"status": "approved"},
    )
    async with graph_over(page(*rows)) as (graph, wire):
        one, two = await graph.devices.approval_requests()
    assert (one.id, one.status, one.justification, one.decided_by, one.note) == (
        "one",
        "approved",
        "Für Zoë",
        "Grace\\x07",
        "fine",
    )
    assert one.requested_at is not None
    assert (two.status, two.justification, two.decided_by, two.requested_at) == (
        "somethingNew",
        "plain text",
        None,
        None,
    )
    assert wire.targets == ["/beta/deviceManagement/operationApprovalRequests"]


async def test_a_token_that_comes_too_late_stops_the_wipe() -> None:
    async with graph_over(in_turn(always(204))) as (graph, wire):
        answer = await graph.devices.wipe(DEVICE, WHY, not_after=NOW - timedelta(seconds=1))

    assert isinstance(answer, WipeNotSent)
    assert wire.requests == []


async def test_a_wipe_in_time_leaves() -> None:
    async with graph_over(in_turn(always(204))) as (graph, wire):
        assert await graph.devices.wipe(DEVICE, WHY, not_after=NOW) == WipeAccepted()

    assert len(wire.requests) == 1
