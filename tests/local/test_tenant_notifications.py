"""Subscriptions and notifications: the handshake, what is refused, and how notifications arrive, late, twice or never."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import httpx
import pytest

from local.tenant.http.control import Control
from local.tenant.http.delivery import Deliverer
from local.tenant.model.tenant import TenantModel
from local.tenant.server import TenantServer
from tests.local.simulated_tenant import DAY, HOUR, MINUTE, OWNER, Client, Json, client_of, story
from tests.local.webhook import Webhook

USERS = {"changeType": "updated", "resource": "users", "clientState": "a secret of these tests"}
TENANT = {"groups": [{"name": "Gets a device"}]}
SECOND = timedelta(seconds=1)
SPOILT_HANDSHAKES: list[tuple[Callable[[Webhook], None], str]] = [
    (lambda webhook: webhook.answer_validation(403, "text/plain"), "HTTP status code is"),
    (lambda webhook: webhook.answer_validation(200, "application/json"), "text/plain"),
    (lambda webhook: webhook.answer_validation(200, "text/plain", body="something else"), "validation token"),
    (lambda webhook: webhook.close(), "timed out"),
]


class Listening:
    """A tenant with an endpoint that hears it."""

    def __init__(self, client: Client, webhook: Webhook) -> None:
        self.client = client
        self.model: TenantModel = client.model
        self.webhook = webhook
        self._control = Control(client.model, client.deliverer)

    async def subscribe(self, **more: object) -> httpx.Response:
        expires = (self.model.clock.now() + DAY).isoformat()
        body = {**USERS, "notificationUrl": self.webhook.url, "expirationDateTime": expires, **more}
        return await self.client.post("/v1.0/subscriptions", body)

    async def passes(self, time: timedelta) -> None:
        await self._control.advance_to(self.model.clock.now() + time)

    def change_owner(self) -> None:
        self.model.users.update(OWNER, display_name=f"Changed at {self.model.clock.now()}")


@asynccontextmanager
async def listening(model: TenantModel) -> AsyncGenerator[Listening]:
    async with client_of(model) as client, Webhook().running() as webhook:
        yield Listening(client, webhook)


async def test_the_endpoint_is_validated_before_the_subscription_exists() -> None:
    async with listening(story()) as it:
        answer = await it.subscribe(lifecycleNotificationUrl=f"{it.webhook.url}/lifecycle?code=key")
        assert answer.status_code == 201
        assert len(it.webhook.validations) == 2
        assert answer.json()["resource"] == "users"
        listed = (await it.client.get("/v1.0/subscriptions"))["value"]
    assert [subscription["id"] for subscription in listed] == [answer.json()["id"]]


@pytest.mark.parametrize(("spoil", "says"), SPOILT_HANDSHAKES)
async def test_an_endpoint_that_does_not_give_the_token_back_gets_no_subscription(
    spoil: Callable[[Webhook], None], says: str
) -> None:
    async with listening(story()) as it:
        spoil(it.webhook)
        answer = await it.subscribe()
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "InvalidRequest"
        assert says in answer.json()["error"]["message"]
        assert it.model.subscriptions.live() == ()


@pytest.mark.parametrize(
    "more",
    [
        {"expirationDateTime": "2026-06-01T00:00:00Z"},
        {"expirationDateTime": "2026-03-01T00:00:00Z"},
        {"clientState": "x" * 129},
        {"changeType": "changed"},
        {"changeType": None},
        {"colour": "red"},
    ],
)
async def test_a_subscription_that_graph_would_refuse_is_refused_without_handshake(more: Json) -> None:
    async with listening(story()) as it:
        assert (await it.subscribe(**more)).status_code == 400
        assert it.webhook.validations == []


async def test_the_same_subscription_twice_is_a_conflict_that_names_the_first() -> None:
    async with listening(story()) as it:
        first = (await it.subscribe()).json()["id"]
        second = await it.subscribe()
    assert second.status_code == 409
    assert first in second.json()["error"]["message"]


async def test_a_short_lifetime_is_made_45_minutes_and_the_longest_is_29_days() -> None:
    async with listening(story()) as it:
        now = it.model.clock.now()
        short = await it.subscribe(expirationDateTime=(now + MINUTE).isoformat())
        long = await it.subscribe(resource="groups", expirationDateTime=(now + 41760 * MINUTE).isoformat())
    assert datetime.fromisoformat(short.json()["expirationDateTime"]) == now + 45 * MINUTE
    assert long.status_code == 201


async def test_renewal_moves_the_expiry_without_a_handshake_and_an_expired_one_is_gone() -> None:
    async with listening(story()) as it:
        path = f"/v1.0/subscriptions/{(await it.subscribe()).json()['id']}"
        later = (it.model.clock.now() + 2 * DAY).isoformat()
        assert (await it.client.http.patch(path, json={"expirationDateTime": later})).status_code == 200
        assert len(it.webhook.validations) == 1
        await it.passes(2 * DAY)
        assert (await it.client.http.get(path)).status_code == 404
        assert (await it.client.http.patch(path, json={"expirationDateTime": later})).status_code == 404


async def test_a_change_of_a_user_is_notified_after_the_usual_delay() -> None:
    async with listening(story()) as it:
        subscription = (await it.subscribe()).json()["id"]
        it.change_owner()
        await it.passes(29 * SECOND)
        assert it.webhook.notifications == []
        await it.passes(1 * SECOND)
        (item,) = it.webhook.notifications
    user_id = it.model.users.require(OWNER).id
    assert item["subscriptionId"] == subscription
    assert item["clientState"] == USERS["clientState"]
    assert item["tenantId"] == it.model.organization.id
    assert (item["changeType"], item["resource"]) == ("updated", f"Users/{user_id}")
    assert item["resourceData"]["@odata.type"] == "#Microsoft.Graph.User"
    assert item["resourceData"]["id"] == user_id
    assert it.model.counts.notifications_acknowledged == 1


async def test_a_deleted_user_is_told_as_updated() -> None:
    async with listening(story()) as it:
        await it.subscribe(changeType="updated,deleted")
        it.model.users.delete(OWNER)
        await it.passes(HOUR)
    assert [item["changeType"] for item in it.webhook.notifications] == ["updated"]


async def test_a_new_member_is_notified_to_the_members_and_to_the_group_but_not_to_others() -> None:
    model = story(tenant=TENANT)
    group = model.groups.find("Gets a device")
    assert group is not None
    async with listening(model) as it:
        await it.subscribe(resource=f"/groups/{group.id}/members")
        await it.subscribe(resource=f"groups/{group.id}")
        await it.subscribe(resource="groups/00000000-0000-0000-0000-000000000000/members")
        model.groups.add_member(group.id, OWNER)
        await it.passes(HOUR)
    assert [item["resource"] for item in it.webhook.notifications] == [f"Groups/{group.id}"] * 2


async def test_an_unsupported_resource_is_accepted_and_never_heard_of_again() -> None:
    model = story()
    async with listening(model) as it:
        assert (await it.subscribe(resource="devices")).status_code == 201
        managed = next(model.managed_devices.store.values())
        model.compliance.set(managed.id, "compliant")
        await it.passes(DAY - MINUTE)
    assert it.webhook.notifications == []


async def test_an_endpoint_that_fails_is_tried_again_for_four_hours() -> None:
    async with listening(story()) as it:
        await it.subscribe()
        it.webhook.status = 503
        it.change_owner()
        await it.passes(45 * SECOND)
        assert len(it.webhook.notifications) == 2
        it.webhook.status = 202
        await it.passes(HOUR)
        assert it.model.counts.notifications_acknowledged == 1
        it.webhook.status = 503
        it.change_owner()
        await it.passes(5 * HOUR)
        tried = it.model.counts.notifications_sent
        assert it.model.counts.notifications_lost == 1
        it.webhook.status = 202
        await it.passes(5 * HOUR)
        assert it.model.counts.notifications_sent == tried


@pytest.mark.parametrize(("kind", "heard"), [("lost", 0), ("duplicate", 2), ("late", 1), ("reorder", 1)])
async def test_notifications_get_lost_or_come_twice_or_late(kind: str, heard: int) -> None:
    async with listening(story(faults=[{"on": "notification", "kind": kind, "times": 1}])) as it:
        await it.subscribe()
        it.change_owner()
        await it.passes(HOUR)
        assert len(it.webhook.notifications) == heard
        it.change_owner()
        await it.passes(MINUTE)
        assert len(it.webhook.notifications) == heard + 1


async def test_a_late_notification_is_late() -> None:
    fault = {"on": "notification", "kind": "late", "duration": "PT20M"}
    async with listening(story(faults=[fault])) as it:
        await it.subscribe()
        it.change_owner()
        await it.passes(20 * MINUTE)
        assert it.webhook.notifications == []
        await it.passes(MINUTE)
        assert len(it.webhook.notifications) == 1


async def test_reauthorization_is_asked_for_before_expiry_unless_renewed() -> None:
    async with listening(story()) as it:
        answer = await it.subscribe(lifecycleNotificationUrl=it.webhook.url)
        path = f"/v1.0/subscriptions/{answer.json()['id']}"
        await it.passes(22 * HOUR)
        renewed = (it.model.clock.now() + DAY).isoformat()
        await it.client.http.patch(path, json={"expirationDateTime": renewed})
        await it.passes(22 * HOUR)
        assert it.webhook.notifications == []
        await it.passes(HOUR)
        (item,) = it.webhook.notifications
    assert item["lifecycleEvent"] == "reauthorizationRequired"
    assert "changeType" not in item


async def test_a_dropped_subscription_is_dropped_in_silence() -> None:
    async with listening(story()) as it:
        await it.subscribe(lifecycleNotificationUrl=it.webhook.url)
        assert (await it.client.post("/_sim/do", {"do": "drop_subscription"})).status_code == 204
        it.change_owner()
        await it.passes(DAY)
        assert it.webhook.notifications == []
        assert (await it.client.get("/v1.0/subscriptions"))["value"] == []


async def test_no_handshake_is_made_for_a_caller_who_is_refused_anyway() -> None:
    fault = {"on": "subscriptions.create", "kind": "status", "status": 503}
    async with listening(story(faults=[fault])) as it:
        assert (await it.subscribe()).status_code == 503
        assert it.webhook.validations == []


async def test_a_running_server_delivers_by_itself() -> None:
    model = story(tenant={"delays": {"notification": "PT0S"}})
    server = TenantServer(model)
    await server.start()
    try:
        async with client_of(model) as client, Webhook().running() as webhook:
            await Listening(client, webhook).subscribe()
            model.users.update(OWNER, display_name="Changed")
            await webhook.until_heard(1)
    finally:
        await server.stop()
    assert model.counts.notifications_acknowledged == 1


async def test_a_deliverer_sends_nothing_that_is_not_due() -> None:
    model = story()
    deliverer = Deliverer(model)
    assert await deliverer.deliver_due() == 0
    await deliverer.close()
