"""Reading Graph: statuses, pages, and that nothing is repeated or followed elsewhere."""

import sys
from datetime import UTC, datetime, timedelta
from importlib.abc import MetaPathFinder

import pytest

from shared.clients.graph.client import Graph
from shared.domain.facts import MISSING
from shared.errors import AccessDenied, RetryLater, Unexpected
from tests.clients.graph_wire import (
    BASE,
    DEVICE,
    USER,
    FixedClock,
    Tokens,
    always,
    error,
    graph_over,
    in_turn,
    page,
    settings_for,
)

SINCE = datetime(2026, 3, 1, tzinfo=UTC)
HTML = b"<html>Bad gateway</html>"


def enrolled(number: int) -> dict[str, object]:
    return {"id": f"device-{number}", "enrolledDateTime": "2026-03-01T10:00:00Z"}


async def test_404_is_missing() -> None:
    async with graph_over(error(404, "ResourceNotFound")) as (graph, _):
        assert await graph.devices.read(DEVICE) is MISSING
        assert await graph.devices.reread(DEVICE) is MISSING
        assert await graph.directory.user(USER) is MISSING
        assert await graph.autopilot.read(DEVICE) is MISSING


@pytest.mark.parametrize("status", [401, 403])
async def test_a_missing_permission_is_access_denied_with_graphs_code_alone(status: int) -> None:
    async with graph_over(error(status, "Forbidden", "the-token of staging@contoso.com")) as (graph, wire):
        with pytest.raises(AccessDenied) as caught:
            await graph.devices.read(DEVICE)
    assert str(caught.value) == f"devices.read: Graph answered {status} (Forbidden)"
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    ("header", "wait"), [("7", timedelta(seconds=7)), ("2.128", timedelta(seconds=2.128)), ("", None)]
)
async def test_429_is_throttled_with_the_wait_graph_wishes(header: str, wait: timedelta | None) -> None:
    async with graph_over(error(429, "TooManyRequests", Retry_After=header)) as (graph, wire):
        with pytest.raises(RetryLater) as caught:
            await graph.devices.read(DEVICE)
    assert (caught.value.throttled, caught.value.after) == (True, wait)
    assert len(wire.requests) == 1


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 509])
async def test_a_failing_graph_is_asked_once_and_then_later(status: int) -> None:
    async with graph_over(always(status, HTML, {"Retry-After": "3"})) as (graph, wire):
        with pytest.raises(RetryLater) as caught:
            await graph.devices.read(DEVICE)
    assert (caught.value.throttled, caught.value.after) == (False, timedelta(seconds=3))
    assert len(wire.requests) == 1


@pytest.mark.parametrize("status", [400, 405, 409, 410, 418])
async def test_a_refused_read_is_unexpected(status: int) -> None:
    async with graph_over(error(status, "BadRequest", "no\x00pe")) as (graph, _):
        with pytest.raises(Unexpected, match=rf"devices.read: Graph answered {status} \(BadRequest\) no\\x00pe"):
            await graph.devices.read(DEVICE)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    async with graph_over(always(status, b"", {"Location": "https://evil.example/"})) as (graph, wire):
        with pytest.raises(Unexpected):
            await graph.devices.read(DEVICE)
    assert [request.url.host for request in wire.requests] == ["graph.example"]


@pytest.mark.parametrize("content", [b"", HTML, b'{"id": "', b"[]", b"null", b"\xff", b"[" * 100_000])
async def test_a_body_that_is_no_json_object_is_retry_later(content: bytes) -> None:
    async with graph_over(always(200, content)) as (graph, _):
        with pytest.raises(RetryLater, match="cannot be read"):
            await graph.devices.read(DEVICE)


@pytest.mark.parametrize("body", [{}, {"value": None}, {"value": {}}])
async def test_a_list_without_a_list_is_not_an_empty_one(body: object) -> None:
    async with graph_over(always(200, body)) as (graph, _):
        with pytest.raises(RetryLater, match="without a list"):
            await graph.devices.with_serial_number("ABC")


async def test_404_to_a_list_is_not_an_empty_one() -> None:
    async with graph_over(error(404)) as (graph, _):
        with pytest.raises(Unexpected):
            await graph.devices.with_serial_number("ABC")


async def test_pages_are_followed_over_empty_ones_to_the_end() -> None:
    pages = in_turn(
        page(enrolled(1), next_link=f"{BASE}/v1.0/deviceManagement/managedDevices?$skiptoken=a%2Bb"),
        page(next_link=f"{BASE}/v1.0/deviceManagement/managedDevices?$skiptoken=c"),
        page(enrolled(2), enrolled(3)),
    )
    async with graph_over(pages) as (graph, wire):
        found = [device.id async for device in graph.devices.enrolled_since(SINCE)]
    assert found == ["device-1", "device-2", "device-3"]
    assert wire.targets[1:] == [
        "/v1.0/deviceManagement/managedDevices?$skiptoken=a%2Bb",
        "/v1.0/deviceManagement/managedDevices?$skiptoken=c",
    ]
    assert {request.headers["Authorization"] for request in wire.requests} == {"Bearer the-token"}


@pytest.mark.parametrize(
    "next_link", ["https://evil.example/v1.0/x", "http://graph.example/v1.0/x", "https://graph.example:8443/x"]
)
async def test_the_token_does_not_follow_a_next_page_to_another_host(next_link: str) -> None:
    async with graph_over(page(enrolled(1), next_link=next_link)) as (graph, wire):
        with pytest.raises(Unexpected, match="another host"):
            _ = [device async for device in graph.devices.enrolled_since(SINCE)]
    assert len(wire.requests) == 1


async def test_pages_that_never_end_are_given_up() -> None:
    async with graph_over(page(next_link=f"{BASE}/v1.0/again")) as (graph, wire):
        with pytest.raises(Unexpected, match="more than 200 pages"):
            await graph.devices.with_serial_number("ABC")
    assert len(wire.requests) == 200


async def test_a_401_that_asks_for_claims_is_answered_once_for_a_read() -> None:
    challenge = error(401, WWW_Authenticate='Bearer error="insufficient_claims", claims="eyJhIjoxfQ=="')
    tokens = Tokens()
    async with graph_over(in_turn(challenge, always(200, {"id": DEVICE})), tokens=tokens) as (graph, wire):
        await graph.devices.read(DEVICE)
    assert len(wire.requests) == len(tokens.asked_for) == 2


@pytest.mark.parametrize("says", ["", "Basic", 'Bearer realm="claims"', 'Basic claims="eyJhIjoxfQ=="'])
async def test_a_401_that_asks_for_no_claims_is_not_asked_again(says: str) -> None:
    async with graph_over(error(401, WWW_Authenticate=says)) as (graph, wire):
        with pytest.raises(AccessDenied):
            await graph.devices.read(DEVICE)
    assert len(wire.requests) == 1


async def test_claims_are_asked_for_once_and_for_the_second_request_alone() -> None:
    challenge = error(401, WWW_Authenticate='Bearer error="insufficient_claims", claims="eyJhIjoxfQ=="')
    tokens = Tokens()
    async with graph_over(challenge, tokens=tokens) as (graph, wire):
        with pytest.raises(AccessDenied):
            await graph.devices.read(DEVICE)
    assert len(wire.requests) == 2
    assert tokens.claims == [None, '{"a":1}']


async def test_a_401_with_broken_claims_is_access_denied() -> None:
    challenge = error(401, WWW_Authenticate='Bearer error="insufficient_claims", claims="x"')
    async with graph_over(challenge) as (graph, wire):
        with pytest.raises(AccessDenied):
            await graph.devices.read(DEVICE)
    assert len(wire.requests) == 1


async def test_a_request_looks_for_no_package_that_is_not_there() -> None:
    looked_for: list[str] = []

    class Finder(MetaPathFinder):
        def find_spec(self, fullname: str, path: object, target: object = None) -> None:
            looked_for.append(fullname)

    graph = Graph(settings_for("http://127.0.0.1:9"), FixedClock(), credential=Tokens())  # nobody listens
    with pytest.raises(RetryLater):
        await graph.devices.reread(DEVICE)
    finder = Finder()
    sys.meta_path.insert(0, finder)
    try:
        with pytest.raises(RetryLater):
            await graph.devices.reread(DEVICE)
    finally:
        sys.meta_path.remove(finder)
        await graph.close()
    assert looked_for == []


async def test_every_request_is_counted_with_its_status() -> None:
    counted: list[tuple[str, int]] = []

    def count(operation: str, status: int) -> None:
        counted.append((operation, status))

    answers = in_turn(always(200, {"id": DEVICE}), error(404), error(503))
    async with graph_over(answers, on_request=count) as (graph, _):
        await graph.devices.read(DEVICE)
        await graph.devices.reread(DEVICE)
        with pytest.raises(RetryLater):
            await graph.devices.sync(DEVICE)
    assert counted == [("devices.read", 200), ("devices.reread", 404), ("devices.sync", 503)]


async def test_a_counter_that_breaks_changes_nothing() -> None:
    def broken(operation: str, status: int) -> None:
        raise RuntimeError(operation)

    async with graph_over(error(404), on_request=broken) as (graph, _):
        assert await graph.devices.read(DEVICE) is MISSING
