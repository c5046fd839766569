"""Subscriptions: created, renewed, deleted, and what Graph says when one is already there."""

from datetime import UTC, datetime

import pytest

from shared.clients.graph.client import Graph
from shared.domain.facts import MISSING
from shared.errors import AccessDenied, RetryLater, Unexpected
from shared.ports import GraphSubscription
from tests.clients.graph_wire import SUBSCRIPTION, always, error, graph_over, page

EXPIRES = datetime(2026, 3, 20, 8, 0, 0, 123456, tzinfo=UTC)
FULL: dict[str, object] = {
    "id": SUBSCRIPTION,
    "resource": "users",
    "expirationDateTime": "2026-03-20T08:00:00.123Z",
    "changeType": "updated,deleted",
}
READ = GraphSubscription(
    id=SUBSCRIPTION, resource="users", expires_at=datetime(2026, 3, 20, 8, 0, 0, 123000, tzinfo=UTC)
)


async def create(graph: Graph) -> GraphSubscription | str:
    return await graph.subscriptions.create(
        resource="users",
        change_type="updated,deleted",
        notification_url="https://handover.example/api/notifications",
        client_state="a secret of ours",
        expires_at=EXPIRES,
    )


async def test_a_subscription_is_created() -> None:
    async with graph_over(always(201, FULL)) as (graph, wire):
        assert await create(graph) == READ
    assert (wire.requests[0].method, wire.targets) == ("POST", ["/v1.0/subscriptions"])
    assert wire.bodies == [
        {
            "changeType": "updated,deleted",
            "notificationUrl": "https://handover.example/api/notifications",
            "lifecycleNotificationUrl": "https://handover.example/api/notifications",
            "resource": "users",
            "expirationDateTime": "2026-03-20T08:00:00.123Z",
            "clientState": "a secret of ours",
        }
    ]


async def test_the_id_of_one_that_is_already_there_is_returned() -> None:
    said = f"Subscription Id {SUBSCRIPTION} already exists for the requested combination"
    async with graph_over(error(409, "ExtensionError", said)) as (graph, _):
        assert await create(graph) == SUBSCRIPTION


@pytest.mark.parametrize(
    "said",
    [
        "Subscription validation request timed out.",
        "The server committed a protocol violation: HTTP status code is 'Forbidden'. "
        "Notification endpoint must respond with 200 OK to validation request.",
    ],
)
async def test_a_failed_handshake_with_our_own_url_is_retry_later(said: str) -> None:
    async with graph_over(error(400, "InvalidRequest", said)) as (graph, wire):
        with pytest.raises(RetryLater, match="notification URL"):
            await create(graph)
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    ("status", "said", "raised"),
    [
        (400, "Resource 'devices' is not supported.", Unexpected),
        (409, "Conflict", Unexpected),
        (403, "Operation: Create; Exception: quota", AccessDenied),
        (429, "Too many", RetryLater),
        (503, "Busy", RetryLater),
    ],
)
async def test_any_other_refusal_is_raised_without_our_secret(status: int, said: str, raised: type[Exception]) -> None:
    async with graph_over(error(status, "Code", said)) as (graph, _):
        with pytest.raises(raised) as caught:
            await create(graph)
    assert "a secret of ours" not in str(caught.value)


@pytest.mark.parametrize("body", [{"id": SUBSCRIPTION}, {"expirationDateTime": "2026-03-20T08:00:00Z"}])
async def test_a_subscription_without_id_or_expiry_is_unexpected(body: object) -> None:
    async with graph_over(always(201, body)) as (graph, _):
        with pytest.raises(Unexpected):
            await create(graph)


async def test_a_renewal_patches_the_expiry_alone() -> None:
    async with graph_over(always(200, FULL)) as (graph, wire):
        assert await graph.subscriptions.renew(SUBSCRIPTION, EXPIRES) == READ
    assert (wire.requests[0].method, wire.targets, wire.bodies) == (
        "PATCH",
        [f"/v1.0/subscriptions/{SUBSCRIPTION}"],
        [{"expirationDateTime": "2026-03-20T08:00:00.123Z"}],
    )


async def test_a_subscription_that_graph_no_longer_knows_is_missing() -> None:
    async with graph_over(error(404)) as (graph, _):
        assert await graph.subscriptions.renew(SUBSCRIPTION, EXPIRES) is MISSING
        await graph.subscriptions.delete(SUBSCRIPTION)


async def test_deleting_is_one_delete_and_a_failure_is_raised() -> None:
    async with graph_over(always(204)) as (graph, wire):
        await graph.subscriptions.delete(SUBSCRIPTION)
    assert (wire.requests[0].method, wire.targets) == ("DELETE", [f"/v1.0/subscriptions/{SUBSCRIPTION}"])
    async with graph_over(error(403)) as (graph, _):
        with pytest.raises(AccessDenied):
            await graph.subscriptions.delete(SUBSCRIPTION)


async def test_what_is_no_id_is_missing_and_nothing_is_sent() -> None:
    async with graph_over(page()) as (graph, wire):
        assert await graph.subscriptions.renew("", EXPIRES) is MISSING
        await graph.subscriptions.delete("..")
    assert wire.requests == []
