"""Graph subscriptions: created when missing, renewed in time and not twice, made anew when Graph forgot them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.bootstrap import build
from shared.domain.policy import Mode
from shared.errors import RetryLater
from shared.ports import GraphSubscription
from shared.records.ledger import Ledger
from shared.records.locks import Locks
from shared.records.subscriptions import SubscriptionBook
from shared.upkeep.keep_subscriptions import LASTS, LOCK_LASTS, NOT_TWICE_WITHIN, RENEW_BEFORE_END
from tests.fakes import story
from tests.fakes.interference import Interference
from tests.fakes.world import World

A_MINUTE = timedelta(minutes=1)


def book_of(world: World) -> SubscriptionBook:
    return SubscriptionBook(world.rows, world.ids)


async def kept() -> World:
    """A world with one subscription, to users."""
    world = World()
    await world.services.keep_subscriptions.run()
    return world


async def hear(world: World) -> None:
    """Something of every subscription arrives."""
    for one in await book_of(world).all():
        await book_of(world).note_heard(one.id, world.clock.now())


async def test_a_missing_subscription_is_created_and_remembered() -> None:
    world = await kept()
    ((subscription_id, subscription),) = world.subscriptions.existing.items()
    assert subscription.resource == "users"
    assert subscription.expires_at == world.clock.now() + LASTS
    assert subscription.expires_at - world.clock.now() < timedelta(minutes=41_760)  # Graph's limit
    assert world.subscriptions.client_states == {subscription_id: story.CLIENT_STATE}
    (remembered,) = await book_of(world).all()
    assert (remembered.resource, remembered.id) == ("users", subscription_id)
    assert (remembered.expires_at, remembered.asked_to_renew) == (subscription.expires_at, False)


async def test_every_declared_resource_gets_one() -> None:
    group = f"groups/{story.OWNER_ID}/members"
    world = World(Mode.AUTO, subscribe_to=f"users,{group}")
    await world.services.keep_subscriptions.run()
    assert {one.resource for one in world.subscriptions.existing.values()} == {"users", group}
    assert {one.resource for one in await book_of(world).all()} == {"users", group}


async def test_a_subscription_that_lasts_is_left_alone() -> None:
    world = await kept()
    world.clock.move(LASTS - RENEW_BEFORE_END - A_MINUTE)
    await hear(world)
    await world.services.keep_subscriptions.run()
    assert (world.subscriptions.created, world.subscriptions.renewed.total()) == (1, 0)


async def test_a_subscription_is_renewed_a_week_before_its_end() -> None:
    world = await kept()
    world.clock.move(LASTS - RENEW_BEFORE_END + A_MINUTE)
    await hear(world)
    await world.services.keep_subscriptions.run()
    await world.services.keep_subscriptions.run()
    assert (world.subscriptions.created, world.subscriptions.renewed.total()) == (1, 1)
    (remembered,) = await book_of(world).all()
    assert remembered.expires_at == world.clock.now() + LASTS


async def test_a_lifecycle_notification_renews_at_once_but_not_within_ten_minutes_of_the_last_time() -> None:
    world = await kept()
    (remembered,) = await book_of(world).all()
    await book_of(world).ask_to_renew(remembered.id.upper())
    world.clock.move(NOT_TWICE_WITHIN - A_MINUTE)
    await world.services.keep_subscriptions.run()
    assert world.subscriptions.renewed.total() == 0
    world.clock.move(A_MINUTE)
    await world.services.keep_subscriptions.run()
    assert world.subscriptions.renewed.total() == 1
    assert not (await book_of(world).all())[0].asked_to_renew


async def test_a_lifecycle_notification_about_a_stranger_changes_nothing() -> None:
    world = await kept()
    before = await book_of(world).all()
    await book_of(world).ask_to_renew("somebody-else")
    assert await book_of(world).all() == before


async def test_a_subscription_that_graph_forgot_is_made_anew() -> None:
    world = await kept()
    world.subscriptions.existing.clear()
    world.clock.move(LASTS - RENEW_BEFORE_END + A_MINUTE)
    await world.services.keep_subscriptions.run()
    (remembered,) = await book_of(world).all()
    assert world.subscriptions.created == 2
    assert remembered.id in world.subscriptions.existing


@pytest.mark.parametrize(
    "changed",
    [{"client_state": "another-secret-of-ours"}, {"notification_url": "https://new.example/api/notifications"}],
)
async def test_one_made_with_another_secret_or_url_is_made_anew(changed: dict[str, object]) -> None:
    """Graph lets neither be changed, and would go on with the old one."""
    world = await kept()
    (old,) = world.subscriptions.existing
    world.set_settings(Mode.AUTO, **changed)
    await world.services.keep_subscriptions.run()
    ((new, _),) = world.subscriptions.existing.items()
    assert new != old
    assert world.subscriptions.client_states[new] == changed.get("client_state", story.CLIENT_STATE)
    assert [one.id for one in await book_of(world).all()] == [new]


async def test_one_that_is_not_declared_any_more_is_removed() -> None:
    world = await kept()
    world.set_settings(Mode.AUTO, subscribe_to=())
    await world.services.keep_subscriptions.run()
    assert world.subscriptions.existing == {}
    assert await book_of(world).all() == []


async def test_one_that_nobody_remembers_is_made_anew_since_nobody_knows_its_secret() -> None:
    """Created by a run that stopped before it could note the id, or before the last rotation."""
    world = World()
    orphan = GraphSubscription(id="orphan", resource="users", expires_at=world.clock.now() + A_MINUTE)
    world.subscriptions.existing[orphan.id] = orphan
    await world.services.keep_subscriptions.run()
    (remembered,) = await book_of(world).all()
    assert list(world.subscriptions.existing) == [remembered.id]
    assert world.subscriptions.client_states == {remembered.id: story.CLIENT_STATE}


async def test_a_failure_of_one_does_not_stop_the_others() -> None:
    world = World(Mode.AUTO, subscribe_to="groups,users")
    world.subscriptions.create_answers = [RetryLater("Graph is busy")]
    await world.services.keep_subscriptions.run()
    assert [one.resource for one in await book_of(world).all()] == ["users"]
    await world.services.keep_subscriptions.run()
    assert {one.resource for one in await book_of(world).all()} == {"groups", "users"}


async def test_one_that_cannot_be_removed_does_not_stop_the_others() -> None:
    world = await kept()
    world.set_settings(Mode.AUTO, subscribe_to="groups")

    async def busy() -> None:
        raise RetryLater("503")

    failing = Interference(lambda call: call.name == "subscriptions.delete", busy)
    ports = replace(world.ports(), subscriptions=failing.around("subscriptions", world.subscriptions))
    await build(world.settings, ports).keep_subscriptions.run()
    assert {one.resource for one in await book_of(world).all()} == {"groups", "users"}
    await world.services.keep_subscriptions.run()
    assert {one.resource for one in await book_of(world).all()} == {"groups"}


async def test_a_wish_to_renew_does_not_bring_back_the_subscription_that_was_replaced_meanwhile() -> None:
    world = await kept()
    (old,) = await book_of(world).all()
    new = replace(old, id="made-anew")

    async def made_anew() -> None:
        await book_of(world).keep(new)

    meanwhile = Interference(lambda call: call.name == "rows.write", made_anew)
    await SubscriptionBook(meanwhile.around("rows", world.rows), world.ids).ask_to_renew(old.id)
    assert meanwhile.struck_at is not None
    assert await book_of(world).all() == [new]


async def test_only_one_instance_at_a_time_does_it() -> None:
    world = World()
    locks = Locks(Ledger(world.rows, world.ids))
    assert await locks.take("subscriptions", holder="another instance", now=world.clock.now(), lasts=LOCK_LASTS)
    await world.services.keep_subscriptions.run()
    assert world.subscriptions.created == 0
    world.clock.move(LOCK_LASTS)  # that instance died
    await world.services.keep_subscriptions.run()
    assert world.subscriptions.created == 1


async def test_the_lock_is_free_after_a_run_even_one_that_failed() -> None:
    world = World()
    world.subscriptions.create_answers = [RetryLater("no"), ValueError("a bug")]
    await world.services.keep_subscriptions.run()
    with pytest.raises(ValueError, match="a bug"):
        await world.another_worker().keep_subscriptions.run()
    await world.another_worker().keep_subscriptions.run()
    assert world.subscriptions.created == 1


@pytest.mark.parametrize("missing", ["notification_url", "client_state"])
async def test_without_url_or_secret_there_is_no_subscription(missing: str) -> None:
    world = World(Mode.AUTO, **{missing: None})
    await world.services.keep_subscriptions.run()
    assert world.subscriptions.created == 0
