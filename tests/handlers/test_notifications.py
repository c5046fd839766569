"""The webhook: Graph's handshake, genuine notifications stored, forged ones answered alike, and no false 202."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from handlers import notifications
from local.host.bindings import HttpAnswer
from shared.bootstrap import install
from shared.domain.hint import Hint, Subject
from shared.domain.policy import Mode
from shared.errors import RetryLater
from shared.intake import receive, tally
from shared.intake.messages import read_hints
from shared.names import HINTS, QUEUES
from shared.ports import Row
from shared.records.subscriptions import KeptSubscription, SubscriptionBook
from tests.fakes import story
from tests.fakes.world import World
from tests.handlers.arguments import answer, header, notification, posted, request


@pytest.fixture
async def book(world: World) -> SubscriptionBook:
    """The subscriptions of the world, with the one that genuine notifications name."""
    kept = SubscriptionBook(world.rows, world.ids)
    now = world.clock.now()
    await kept.keep(
        KeptSubscription(
            resource="users", id=story.SUBSCRIPTION_ID, expires_at=now + timedelta(days=28), renewed_at=now
        )
    )
    return kept


async def handshake(token: str) -> HttpAnswer:
    return answer(await notifications.receive(request(query={"validationToken": token}, headers={})))


def stored(world: World) -> list[list[Hint]]:
    """The hints in the queue, message by message."""
    return [read_hints(message.body) for message in world.messages.queues[HINTS]]


@pytest.mark.parametrize("token", ["Validation: Testing client application reachability", "a&b=c+d/é€ü", "x" * 1024])
async def test_the_handshake_gives_the_decoded_token_back_as_plain_text(world: World, token: str) -> None:
    given = await handshake(token)
    assert (given.status, given.body) == (200, token.encode())
    assert header(given, "content-type") == "text/plain; charset=utf-8"


async def test_html_in_the_token_stays_plain_text_that_no_browser_may_sniff(world: World) -> None:
    given = await handshake("<script>alert(1)</script>")
    assert given.body == b"<script>alert(1)</script>"
    assert (header(given, "content-type") or "").startswith("text/plain")
    assert header(given, "x-content-type-options") == "nosniff"
    assert "default-src 'none'" in (header(given, "content-security-policy") or "")


@pytest.mark.parametrize("token", ["", "x" * 1025])
async def test_a_token_that_graph_does_not_send_is_refused_and_not_repeated(world: World, token: str) -> None:
    given = await handshake(token)
    assert given.status == 400
    assert b"xx" not in given.body


async def test_the_handshake_needs_no_storage(world: World) -> None:
    world.rows.away = world.messages.away = True
    assert (await handshake("token")).status == 200


async def test_a_genuine_notification_is_stored_and_accepted(world: World, book: SubscriptionBook) -> None:
    given = answer(await notifications.receive(posted(notification())))
    assert (given.status, given.body) == (202, b"")
    (((hint,),)) = stored(world)
    assert (hint.subject, hint.key) == (Subject.USER, story.OWNER_ID)


FORGED = {
    "wrong client state": notification(clientState="guessed"),
    "no client state": notification(clientState=None),
    "client state that is no text": notification(clientState=["the-secret-that-graph-repeats"]),
    "unknown subscription": notification(subscriptionId="00000000-0000-4000-8000-000000000000"),
    "other tenant": notification(tenantId="00000000-0000-4000-8000-000000000000"),
    "no tenant": notification(tenantId=None),
    "another kind of resource": notification(resource="drives/1"),
    "a resource that is no id": notification(resource="users/../groups"),
    "not an object": "notification",
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
async def test_what_is_not_genuine_is_answered_like_the_genuine_and_not_stored(
    world: World, book: SubscriptionBook, forged: object
) -> None:
    genuine = answer(await notifications.receive(posted(notification())))
    assert answer(await notifications.receive(posted(forged))) == genuine
    assert len(stored(world)) == 1


async def test_of_a_mixed_body_the_genuine_ones_are_stored_32_to_a_message(
    world: World, book: SubscriptionBook
) -> None:
    users = [f"00000000-0000-4000-8000-{number:012}" for number in range(70)]
    genuine = [notification(user) for user in users]
    mixed = [item for pair in zip(genuine, [*FORGED.values()] * 8, strict=False) for item in pair]
    assert (await notifications.receive(posted(*mixed, *genuine))).status_code == 202
    packed = stored(world)
    assert [len(hints) for hints in packed] == [32, 32, 6]
    assert [hint.key for hints in packed for hint in hints] == users


async def test_a_subscription_made_a_moment_ago_is_recognised(world: World) -> None:
    """Graph notifies within seconds, and the known ids are remembered for a minute."""
    assert (await notifications.receive(posted(notification()))).status_code == 202
    assert stored(world) == []
    now = world.clock.now()
    await SubscriptionBook(world.rows, world.ids).keep(
        KeptSubscription(resource="users", id=story.SUBSCRIPTION_ID.upper(), expires_at=now, renewed_at=now)
    )
    world.clock.move(timedelta(seconds=6))
    await notifications.receive(posted(notification()))
    assert len(stored(world)) == 1


@pytest.mark.parametrize(
    ("event", "renew", "recreate", "sweep"),
    [
        ("reauthorizationRequired", True, False, False),
        ("subscriptionRemoved", False, True, True),
        ("missed", False, False, True),
        ("somethingNew", False, False, True),
    ],
)
async def test_a_lifecycle_notification_asks_for_what_it_is_about_and_is_no_hint(
    world: World, book: SubscriptionBook, event: str, renew: bool, recreate: bool, sweep: bool
) -> None:
    lifecycle = notification(lifecycleEvent=event, resource=None, changeType=None)
    assert (await notifications.receive(posted(lifecycle))).status_code == 202
    assert [(kept.asked_to_renew, kept.asked_to_recreate) for kept in await book.all()] == [(renew, recreate)]
    assert (await book.sweep_asked_at() is not None) is sweep
    assert stored(world) == []


async def test_what_arrives_is_noted_once_an_hour(world: World, book: SubscriptionBook) -> None:
    began = world.clock.now()
    await notifications.receive(posted(notification()))
    world.clock.move(timedelta(minutes=59))
    await notifications.receive(posted(notification()))
    assert list((await book.heard()).values()) == [began]
    world.clock.move(timedelta(minutes=1))
    await notifications.receive(posted(notification()))
    assert list((await book.heard()).values()) == [world.clock.now()]


async def test_a_forged_notification_proves_nothing(world: World, book: SubscriptionBook) -> None:
    await notifications.receive(posted(notification(clientState="guessed")))
    assert await book.heard() == {}


async def test_a_forged_lifecycle_notification_asks_for_nothing(world: World, book: SubscriptionBook) -> None:
    await notifications.receive(posted(notification(lifecycleEvent="subscriptionRemoved", clientState="guessed")))
    assert [(kept.asked_to_renew, kept.asked_to_recreate) for kept in await book.all()] == [(False, False)]
    assert await book.sweep_asked_at() is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"x" * 2_000_000, 413),
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[]", 400),
        (b"null", 400),
        (b'{"value": {}}', 400),
        (b'{"value": [' + b"1," * 1000 + b"1]}", 400),
        (b"[" * 100_000, 400),
    ],
    ids=lambda value: str(value)[:24],
)
async def test_a_body_that_no_graph_sends_is_refused(
    world: World, book: SubscriptionBook, body: bytes, status: int
) -> None:
    assert (await notifications.receive(request(body))).status_code == status
    assert all(queue == [] for queue in world.messages.queues.values())


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
async def test_another_content_type_is_refused(world: World, book: SubscriptionBook, kind: str | None) -> None:
    body = json.dumps({"value": [notification()]})
    headers = {} if kind is None else {"content-type": kind}
    assert (await notifications.receive(request(body, headers=headers))).status_code == 415
    assert stored(world) == []


@pytest.mark.parametrize("part", ["rows", "messages"])
async def test_when_storage_is_down_the_answer_is_503_so_that_graph_sends_it_again(
    world: World, book: SubscriptionBook, part: str
) -> None:
    store = world.rows if part == "rows" else world.messages
    store.away = True
    assert (await notifications.receive(posted(notification()))).status_code == 503
    store.away = False
    assert (await notifications.receive(posted(notification()))).status_code == 202
    assert len(stored(world)) == 1


async def test_when_only_a_part_could_be_stored_it_is_503_and_never_202(world: World, book: SubscriptionBook) -> None:
    send, sent = world.messages.send, list[str]()

    async def send_one_only(queue: str, body: str, *, delay: timedelta = timedelta()) -> None:
        if sent:
            raise RetryLater("storage went away")
        sent.append(body)
        await send(queue, body, delay=delay)

    world.messages.send = send_one_only
    many = [notification(f"00000000-0000-4000-8000-{number:012}") for number in range(40)]
    assert (await notifications.receive(posted(*many))).status_code == 503
    assert [len(hints) for hints in stored(world)] == [32]


async def test_nothing_but_hints_is_written_by_the_webhook(world: World, book: SubscriptionBook) -> None:
    await notifications.receive(posted(notification()))
    assert {name for name in QUEUES if world.messages.queues[name]} == {HINTS}
    assert world.devices.reads.total() == world.tenant.reads == 0


async def test_concurrent_requests_share_messages_and_each_is_answered_when_its_own_is_stored(
    world: World, book: SubscriptionBook
) -> None:
    users = [f"00000000-0000-4000-8000-{number:012}" for number in range(64)]
    given = await asyncio.gather(*(notifications.receive(posted(notification(user))) for user in users))
    assert {each.status_code for each in given} == {202}
    assert [len(hints) for hints in stored(world)] == [32, 32]


async def test_all_who_ask_at_once_read_the_subscriptions_once(world: World, book: SubscriptionBook) -> None:
    scans, scan = list[str](), world.rows.scan

    def counted(table: str, partition: str | None = None, **rest: Any) -> AsyncIterator[Row]:
        scans.append(table)
        return scan(table, partition, **rest)

    world.rows.scan = counted
    await asyncio.gather(*(notifications.receive(posted(notification())) for _ in range(50)))
    assert len(scans) == 1


async def hang(*_: object, **__: object) -> None:
    await asyncio.sleep(60)


@pytest.mark.parametrize("part", ["messages", "book"])
async def test_storage_that_does_not_answer_is_503_in_time(
    world: World, book: SubscriptionBook, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receive, "ANSWER_SECONDS", 0.1)
    monkeypatch.setattr(receive, "READ_SECONDS", 0.05)
    if part == "messages":
        world.messages.send = hang
    else:
        monkeypatch.setattr(SubscriptionBook, "all", hang)
    async with asyncio.timeout(1):
        assert (await notifications.receive(posted(notification()))).status_code == 503


def test_the_time_for_an_answer_is_less_than_graph_waits_for() -> None:
    assert receive.READ_SECONDS < receive.ANSWER_SECONDS < 2.5


async def test_ids_of_before_serve_while_tables_are_away(world: World, book: SubscriptionBook) -> None:
    await notifications.receive(posted(notification()))
    world.rows.away = True
    world.clock.move(timedelta(minutes=30))
    assert (await notifications.receive(posted(notification()))).status_code == 202
    world.clock.move(timedelta(minutes=31))
    assert (await notifications.receive(posted(notification()))).status_code == 503
    world.rows.away = False
    assert (await notifications.receive(posted(notification()))).status_code == 202


@pytest.mark.parametrize("number", [0, 17, "0", "17", None, 1e30, -1, [], {}], ids=repr)
async def test_the_sequence_number_may_be_whatever_graph_makes_of_it(
    world: World, book: SubscriptionBook, number: object
) -> None:
    data = {"@odata.type": "#Microsoft.Graph.User", "id": story.OWNER_ID, "sequenceNumber": number}
    assert (await notifications.receive(posted(notification(resourceData=data)))).status_code == 202
    assert len(stored(world)) == 1


async def test_a_notification_needs_no_id_of_its_own(world: World, book: SubscriptionBook) -> None:
    given: list[dict[str, object]] = [{}, {"id": None}, {"id": "a" * 32}, {"id": 5}]
    for its_id in given:
        world.clock.move(timedelta(seconds=5))
        await notifications.receive(posted({**notification(), **its_id}))
    assert len(stored(world)) == 4


async def test_a_rich_notification_is_refused_clearly_and_beside_it_a_basic_one_is_taken(
    world: World, book: SubscriptionBook, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    rich = notification(encryptedContent={"data": "AAAA", "dataKey": "AAAA"})
    assert (await notifications.receive(posted(rich, notification()))).status_code == 202
    assert len(stored(world)) == 1
    told = [vars(record)["fields"] for record in caplog.records if record.getMessage() == "notification.discarded"]
    assert told == [{"reason": "encrypted_content", "count": 1}]


async def test_both_secrets_are_taken_while_one_replaces_the_other(world: World, book: SubscriptionBook) -> None:
    world.set_settings(Mode.APPROVE, client_state="the-next-secret-of-graph", client_state_previous=story.CLIENT_STATE)
    install(world.services)
    for secret in (story.CLIENT_STATE, "the-next-secret-of-graph", "ein-Geheimnis-\u00e4"):
        world.clock.move(timedelta(seconds=5))
        await notifications.receive(posted(notification(clientState=secret)))
    assert len(stored(world)) == 2


async def test_a_flood_of_forged_notifications_is_counted_and_not_a_flood_of_lines(
    world: World, book: SubscriptionBook, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tally, "TELL_EVERY_SECONDS", 0.05)
    caplog.set_level(logging.INFO)
    for _ in range(200):
        await notifications.receive(posted(notification(clientState="guessed")))
    await asyncio.sleep(0.1)
    told = [vars(record)["fields"] for record in caplog.records if record.getMessage() == "notification.discarded"]
    assert sum(each["count"] for each in told) == 200
    assert len(told) < 20
