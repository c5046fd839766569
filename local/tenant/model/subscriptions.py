"""Subscriptions to change notifications: what may be asked for, the handshake, renewal and expiry.

Source: "Receive change notifications through webhooks" and the subscription resource (Microsoft Graph documentation).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from local.tenant.model.refusal import GraphRefusal, bad_request, resource_not_found
from local.tenant.model.world import World

LONGEST = timedelta(minutes=41760)
SHORTEST = timedelta(minutes=45)
_LONGEST_CLIENT_STATE = 128
_MOST_PER_APPLICATION = 100
_CHANGE_TYPES = frozenset({"created", "updated", "deleted"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionRequest:
    """The body of POST subscriptions."""

    change_type: str
    notification_url: str
    resource: str
    expires_at: datetime
    client_state: str | None = None
    lifecycle_url: str | None = None
    latest_tls: str = "v1_2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """A validation request that must be made before the subscription exists."""

    url: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HandshakeAnswer:
    """What the endpoint answered; ``status`` is None when it did not answer in time."""

    status: int | None
    content_type: str = ""
    body: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One live subscription."""

    id: str
    change_type: str
    resource: str
    notification_url: str
    lifecycle_url: str | None
    client_state: str | None
    expires_at: datetime
    application_id: str
    latest_tls: str

    @property
    def change_types(self) -> frozenset[str]:
        """The change types it asks for."""
        return frozenset(part.strip() for part in self.change_type.split(","))

    def covers(self, collection: str, object_id: str, *, members: bool) -> bool:
        """Whether a change of this object is what the subscription is about. Other resources never match."""
        parts = self.resource.strip("/").lower().split("/")
        wanted = [collection.lower(), object_id.lower()]
        if parts in ([collection.lower()], wanted):
            return True
        return parts == [*wanted, "members"] and members


class Subscriptions:
    """The subscriptions of the tenant; expired ones are gone without a word."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._by_id: dict[str, Subscription] = {}

    def handshakes(self, request: SubscriptionRequest, application_id: str) -> tuple[Handshake, ...]:
        """First half of POST subscriptions: the validation requests to make. Raises 400, 403 and 409."""
        self._check_expiry(request.expires_at)
        self._check(request)
        live = [s for s in self.live() if s.application_id == application_id]
        if len(live) >= _MOST_PER_APPLICATION:
            message = f"The limit of {_MOST_PER_APPLICATION} subscriptions per app and tenant has been reached."
            raise GraphRefusal(status=403, code="Forbidden", message=message)
        for other in live:
            if (other.change_type, other.resource) == (request.change_type, request.resource):
                message = f"Subscription Id {other.id} already exists for the requested combination"
                raise GraphRefusal(status=409, code="Conflict", message=message)
        urls = [request.notification_url, *([request.lifecycle_url] if request.lifecycle_url else [])]
        return tuple(
            Handshake(url=url, token=f"Validation: Testing client application {self._world.ids.guid()} + %")
            for url in urls
        )

    def create(
        self,
        request: SubscriptionRequest,
        application_id: str,
        handshakes: Sequence[tuple[Handshake, HandshakeAnswer]],
    ) -> Subscription:
        """Second half of POST subscriptions. Raises 400 unless every endpoint gave its token back as plain text."""
        for handshake, answer in handshakes:
            _judge(handshake, answer)
        subscription = Subscription(
            id=self._world.ids.guid(),
            change_type=request.change_type,
            resource=request.resource,
            notification_url=request.notification_url,
            lifecycle_url=request.lifecycle_url,
            client_state=request.client_state,
            expires_at=self._at_least_the_shortest(request.expires_at),
            application_id=application_id,
            latest_tls=request.latest_tls,
        )
        self._by_id[subscription.id] = subscription
        return subscription

    def live(self) -> tuple[Subscription, ...]:
        """GET subscriptions: those that have not expired."""
        now = self._world.now()
        return tuple(s for s in self._by_id.values() if s.expires_at > now)

    def get(self, subscription_id: str) -> Subscription:
        """GET subscriptions/{id}. Raises 404 when it is gone or has expired."""
        found = self._by_id.get(subscription_id.lower())
        if found is None or found.expires_at <= self._world.now():
            raise resource_not_found(subscription_id)
        return found

    def renew(self, subscription_id: str, expires_at: datetime) -> Subscription:
        """PATCH subscriptions/{id} with a new expiry. Raises 404 and 400."""
        subscription = self.get(subscription_id)
        self._check_expiry(expires_at)
        renewed = replace(subscription, expires_at=self._at_least_the_shortest(expires_at))
        self._by_id[renewed.id] = renewed
        return renewed

    def delete(self, subscription_id: str) -> None:
        """DELETE subscriptions/{id}. Raises 404."""
        del self._by_id[self.get(subscription_id).id]

    def drop(self, resource: str | None = None) -> None:
        """Lose the subscriptions to a resource (or all) without telling anybody, as happens to directory resources."""
        for subscription in self.live():
            if resource is None or subscription.resource.strip("/").lower() == resource.strip("/").lower():
                del self._by_id[subscription.id]

    def _check(self, request: SubscriptionRequest) -> None:
        asked = {part.strip() for part in request.change_type.split(",")}
        if not asked or asked - _CHANGE_TYPES:
            raise bad_request(f"Invalid 'changeType' attribute: '{request.change_type}'.", code="InvalidRequest")
        if asked == {"created"} and request.resource.strip("/").lower().startswith("users/"):
            raise bad_request("changeType 'created' is not supported for this resource.", code="ExtensionError")
        if request.client_state is not None and len(request.client_state) > _LONGEST_CLIENT_STATE:
            raise bad_request("'clientState' exceeds the maximum length of 128.", code="InvalidRequest")

    def _check_expiry(self, expires_at: datetime) -> None:
        now = self._world.now()
        if expires_at <= now:
            raise bad_request("Subscription expiration must be in the future.", code="InvalidRequest")
        if expires_at - now > LONGEST:
            minutes = int(LONGEST.total_seconds() // 60)
            raise bad_request(
                f"Subscription expiration can only be {minutes} minutes in the future.", code="InvalidRequest"
            )

    def _at_least_the_shortest(self, expires_at: datetime) -> datetime:
        return max(expires_at, self._world.now() + SHORTEST)


def _judge(handshake: Handshake, answer: HandshakeAnswer) -> None:
    if answer.status is None:
        raise bad_request("Subscription validation request timed out.", code="InvalidRequest")
    if answer.status != 200:
        raise bad_request(
            f"Subscription validation request failed. HTTP status code is '{answer.status}'. Notification endpoint "
            "must respond with 200 OK to validation request.",
            code="InvalidRequest",
        )
    if not answer.content_type.lower().startswith("text/plain") or answer.body != handshake.token:
        raise bad_request(
            "Subscription validation request failed. Response must be the validation token as text/plain.",
            code="InvalidRequest",
        )
