"""Subscriptions to Graph's change notifications."""

import re
from datetime import UTC, datetime

from shared.clients.graph.answers import graph_error, json_object
from shared.clients.graph.transport import Transport
from shared.clients.graph.values import Json, is_path_id, moment, own_id, text
from shared.domain.facts import MISSING, Missing
from shared.errors import HandshakeFailed, Unexpected
from shared.ports import GraphSubscription

_GUID = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE)


class GraphSubscriptions:
    """The port Subscriptions over Graph."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(
        self,
        *,
        resource: str,
        change_type: str,
        notification_url: str,
        client_state: str,
        expires_at: datetime,
    ) -> GraphSubscription | str:
        """See the port. Raises AccessDenied, Unexpected or RetryLater."""
        body = {
            "changeType": change_type,
            "notificationUrl": notification_url,
            "lifecycleNotificationUrl": notification_url,
            "resource": resource,
            "expirationDateTime": _wire_time(expires_at),
            "clientState": client_state,
        }
        operation = "subscriptions.create"
        reply = await self._transport.send(operation, "POST", self._transport.v1.subscriptions, body)
        if reply.ok:
            return graph_subscription(json_object(reply, operation))
        error = graph_error(reply)
        if error is not None and reply.status == 409 and (named := _GUID.search(error.message)):
            return named.group()
        if error is not None and reply.status == 400 and "validation" in error.message.casefold():
            raise HandshakeFailed(f"{operation}: Graph got no proper answer from our notification URL")
        raise self._transport.failure(reply, operation)

    async def renew(self, subscription_id: str, expires_at: datetime) -> GraphSubscription | Missing:
        """See the port. Raises RetryLater, AccessDenied or Unexpected."""
        if not is_path_id(subscription_id):
            return MISSING
        operation = "subscriptions.renew"
        builder = self._transport.v1.subscriptions.by_subscription_id(subscription_id)
        reply = await self._transport.send(operation, "PATCH", builder, {"expirationDateTime": _wire_time(expires_at)})
        if reply.status == 404:
            return MISSING
        if not reply.ok:
            raise self._transport.failure(reply, operation)
        return graph_subscription(json_object(reply, operation))

    async def delete(self, subscription_id: str) -> None:
        """See the port. Raises RetryLater, AccessDenied or Unexpected."""
        if not is_path_id(subscription_id):
            return
        operation = "subscriptions.delete"
        builder = self._transport.v1.subscriptions.by_subscription_id(subscription_id)
        reply = await self._transport.send(operation, "DELETE", builder)
        if not reply.ok and reply.status != 404:
            raise self._transport.failure(reply, operation)

    async def all(self) -> tuple[GraphSubscription, ...]:
        """See the port. Raises RetryLater, AccessDenied or Unexpected."""
        found = await self._transport.all_rows("subscriptions.all", self._transport.v1.subscriptions)
        return tuple(graph_subscription(row) for row in found if moment(row, "expirationDateTime") is not None)


def graph_subscription(row: Json) -> GraphSubscription:
    """One subscription. Raises Unexpected when its id or expiry is missing: it could never be renewed."""
    expires_at = moment(row, "expirationDateTime")
    if expires_at is None:
        raise Unexpected("Graph returned a subscription without an expiry")
    return GraphSubscription(
        id=own_id(row),
        resource=text(row, "resource"),
        expires_at=expires_at,
        notification_url=text(row, "notificationUrl"),
    )


def _wire_time(value: datetime) -> str:
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
