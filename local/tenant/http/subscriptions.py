"""subscriptions, and the notifications that come of them as they are written."""

from collections.abc import Sequence
from datetime import datetime

from local.tenant.http.request import NO_CONTENT, Body, Endpoint, GraphRequest, Reply, Validate
from local.tenant.http.shape import Shape, many, one
from local.tenant.http.wire import moment
from local.tenant.model.operations import Operation
from local.tenant.model.refusal import GraphRefusal, bad_request
from local.tenant.model.subscriptions import Subscription, SubscriptionRequest


class NewSubscription(Body):
    """Body of POST subscriptions."""

    change_type: str
    notification_url: str
    resource: str
    expiration_date_time: datetime
    client_state: str | None = None
    lifecycle_notification_url: str | None = None
    latest_supported_tls_version: str = "v1_2"
    include_resource_data: bool | None = None
    notification_query_options: str | None = None

    def asked(self) -> SubscriptionRequest:
        """The request as the model has it."""
        return SubscriptionRequest(
            change_type=self.change_type,
            notification_url=self.notification_url,
            resource=self.resource,
            expires_at=self.expiration_date_time,
            client_state=self.client_state,
            lifecycle_url=self.lifecycle_notification_url,
            latest_tls=self.latest_supported_tls_version,
        )


class Renewal(Body):
    """Body of PATCH subscriptions/{id}."""

    expiration_date_time: datetime | None = None
    notification_url: str | None = None


class SubscriptionEndpoints:
    """Endpoints under /subscriptions."""

    def endpoints(self) -> list[Endpoint]:
        """The table."""
        of = Operation
        rows = (
            ("GET", "/subscriptions", of.SUBSCRIPTIONS_LIST, self._list, None),
            ("POST", "/subscriptions", of.SUBSCRIPTIONS_CREATE, self._create, self._shake_hands),
            ("GET", "/subscriptions/{id}", of.SUBSCRIPTIONS_GET, self._get, None),
            ("PATCH", "/subscriptions/{id}", of.SUBSCRIPTIONS_UPDATE, self._renew, None),
            ("DELETE", "/subscriptions/{id}", of.SUBSCRIPTIONS_DELETE, self._delete, None),
            ("POST", "/subscriptions/{id}/reauthorize", of.SUBSCRIPTIONS_REAUTHORIZE, self._reauthorize, None),
        )
        return [
            Endpoint(method=method, path=path, operation=operation, handle=handle, prepare=prepare)
            for method, path, operation, handle, prepare in rows
        ]

    async def _shake_hands(self, request: GraphRequest, validate: Validate) -> None:
        """Validate every endpoint before the subscription exists; a refusal is raised when the request is applied."""
        try:
            asked = request.body(NewSubscription).asked()
            planned = request.tenant.subscriptions.handshakes(asked, request.caller.application_id)
        except GraphRefusal as refusal:
            request.handshakes = refusal
        else:
            request.handshakes = tuple([(handshake, await validate(handshake)) for handshake in planned])

    def _create(self, request: GraphRequest) -> Reply:
        if isinstance(request.handshakes, GraphRefusal):
            raise request.handshakes
        asked = request.body(NewSubscription).asked()
        subscription = request.tenant.subscriptions.create(asked, request.caller.application_id, request.handshakes)
        request.tenant.notifications.warn_before_expiry(subscription)
        reply = one(request, subscription, _SHAPE, "subscriptions")
        return Reply(status=201, body=reply.body)

    def _list(self, request: GraphRequest) -> Reply:
        live: Sequence[Subscription] = request.tenant.subscriptions.live()
        theirs = tuple(s for s in live if s.application_id == request.caller.application_id)
        return many(request, theirs, _SHAPE, "subscriptions")

    def _get(self, request: GraphRequest) -> Reply:
        return one(request, request.tenant.subscriptions.get(request.path["id"]), _SHAPE, "subscriptions")

    def _renew(self, request: GraphRequest) -> Reply:
        body = request.body(Renewal)
        if body.expiration_date_time is None:
            raise bad_request("expirationDateTime is required.", code="InvalidRequest")
        renewed = request.tenant.subscriptions.renew(request.path["id"], body.expiration_date_time)
        request.tenant.notifications.warn_before_expiry(renewed)
        return one(request, renewed, _SHAPE, "subscriptions")

    def _delete(self, request: GraphRequest) -> Reply:
        request.tenant.subscriptions.delete(request.path["id"])
        return NO_CONTENT

    def _reauthorize(self, request: GraphRequest) -> Reply:
        request.tenant.subscriptions.get(request.path["id"])
        return NO_CONTENT


_SHAPE = Shape[Subscription](
    type_name="subscription",
    properties={
        "id": lambda subscription: subscription.id,
        "resource": lambda subscription: subscription.resource,
        "applicationId": lambda subscription: subscription.application_id,
        "changeType": lambda subscription: subscription.change_type,
        "clientState": lambda subscription: subscription.client_state,
        "notificationUrl": lambda subscription: subscription.notification_url,
        "notificationQueryOptions": lambda _: None,
        "lifecycleNotificationUrl": lambda subscription: subscription.lifecycle_url,
        "expirationDateTime": lambda subscription: moment(subscription.expires_at),
        "creatorId": lambda subscription: subscription.application_id,
        "includeResourceData": lambda _: None,
        "latestSupportedTlsVersion": lambda subscription: subscription.latest_tls,
        "encryptionCertificate": lambda _: None,
        "encryptionCertificateId": lambda _: None,
        "notificationUrlAppId": lambda _: None,
    },
)
