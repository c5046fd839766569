"""Calls the endpoints that subscribed: validation handshakes, and notifications as they fall due."""

import asyncio
from collections import defaultdict

import httpx

from local.listening import NO_CERTIFICATES
from local.tenant.http.wire import Json, precise
from local.tenant.model.notifications import Notification
from local.tenant.model.subscriptions import Handshake, HandshakeAnswer
from local.tenant.model.tenant import TenantModel

_HANDSHAKE_S = 10.0
_FIRST_ATTEMPT_S = 3.0
_RETRY_S = 10.0
_MOST_IN_ONE_POST = 100
_TYPES = {"Users": "#Microsoft.Graph.User", "Groups": "#Microsoft.Graph.Group"}


class Deliverer:
    """Delivers what the model says is due. Time limits are real seconds, as the endpoints feel them."""

    def __init__(self, model: TenantModel) -> None:
        self._model = model
        self._client = httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES)
        self._one_at_a_time = asyncio.Lock()

    async def validate(self, handshake: Handshake) -> HandshakeAnswer:
        """Make one validation request; no answer in ten seconds is an answer too."""
        try:
            answer = await self._client.post(
                httpx.URL(handshake.url).copy_merge_params({"validationToken": handshake.token}),
                headers={"Content-Type": "text/plain; charset=utf-8"},
                timeout=_HANDSHAKE_S,
            )
        except (httpx.HTTPError, httpx.InvalidURL):
            return HandshakeAnswer(status=None)
        return HandshakeAnswer(
            status=answer.status_code,
            content_type=answer.headers.get("content-type", ""),
            body=answer.text,
        )

    async def deliver_due(self) -> int:
        """Send every notification that is due now; returns how many were tried."""
        async with self._one_at_a_time:
            due = self._model.notifications.take_due()
            by_url: defaultdict[tuple[str, bool], list[Notification]] = defaultdict(list)
            for notification in due:
                by_url[notification.url, notification.attempt == 1].append(notification)
            for (url, first), notifications in by_url.items():
                for start in range(0, len(notifications), _MOST_IN_ONE_POST):
                    await self._post(url, first, notifications[start : start + _MOST_IN_ONE_POST])
            return len(due)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _post(self, url: str, first: bool, notifications: list[Notification]) -> None:
        body: Json = {"value": [self._written(notification) for notification in notifications]}
        try:
            answer = await self._client.post(url, json=body, timeout=_FIRST_ATTEMPT_S if first else _RETRY_S)
            accepted = answer.is_success
        except httpx.HTTPError:
            accepted = False
        outbox = self._model.notifications
        (outbox.delivered if accepted else outbox.refused)(*notifications)

    def _written(self, notification: Notification) -> Json:
        subscription, tenant_id = notification.subscription, self._model.organization.id
        written: dict[str, Json] = {
            "subscriptionId": subscription.id,
            "subscriptionExpirationDateTime": precise(subscription.expires_at).replace("Z", "+00:00"),
            "tenantId": tenant_id,
            "clientState": subscription.client_state,
        }
        if notification.lifecycle_event is not None:
            return written | {"lifecycleEvent": notification.lifecycle_event}
        resource = f"{notification.collection}/{notification.object_id}"
        return written | {
            "changeType": notification.change_type,
            "resource": resource,
            "resourceData": {
                "@odata.type": _TYPES[notification.collection],
                "@odata.id": resource,
                "id": notification.object_id,
                "organizationId": tenant_id,
                "eventTime": precise(notification.event_at),
                "sequenceNumber": notification.number,
            },
        }
