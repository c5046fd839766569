"""The life of a subscription: what lifecycle notifications ask for, what a slow start costs, and when silence is an alarm."""

import logging
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.bootstrap import build
from shared.domain.effects import Refused
from shared.domain.policy import Mode
from shared.errors import AccessDenied, HandshakeFailed
from shared.ports import GraphSubscription
from shared.records.subscriptions import KeptSubscription, SubscriptionBook
from shared.upkeep.keep_subscriptions import COMPARE_EVERY, HANDSHAKES, LASTS, RENEW_BEFORE_END
from shared.upkeep.silence import A_PROBE_TAKES, SILENT_AFTER, Sound, judge
from tests.fakes import story
from tests.fakes.interference import Interference, WorkerDied, die
from tests.fakes.world import World

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CANARY = "canary@contoso.example"
URL = "https://handover.example/api/notifications"


async def kept(**settings: object) -> World:
    """A world with its subscription to users."""
    world = World(Mode.AUTO, **settings)
    await run(world)
    return world


async def run(world: World) -> KeptSubscription | None:
    """One round, and the subscription to users after it."""
    await world.services.keep_subscriptions.run()
    return next((one for one in await book(world).all() if one.resource == "users"), None)


async def the_one(world: World) -> KeptSubscription:
    (one,) = await book(world).all()
    return one


def book(world: World) -> SubscriptionBook:
    return SubscriptionBook(world.rows, world.ids)


def logged(caplog: pytest.LogCaptureFixture, what: str) -> int:
    return sum(record.getMessage() == what for record in caplog.records)


async def test_one_that_graph_removed_is_made_anew_and_what_it_missed_is_swept() -> None:
    world = await kept()
    old = await the_one(world)
    await book(world).ask_to_recreate(old.id)
    world.clock.move(MINUTE)
    new = await run(world)
    assert new is not None and new.id != old.id and not new.asked_to_recreate
    assert list(world.subscriptions.existing) == [new.id]
    assert await book(world).sweep_asked_at() == world.clock.now()


async def test_a_wish_to_renew_is_one_patch_and_nothing_else() -> None:
    world = await kept()
    await book(world).ask_to_renew((await the_one(world)).id)
    world.clock.move(11 * MINUTE)
    await run(world)
    await run(world)
    assert (world.subscriptions.renewed.total(), world.subscriptions.created) == (1, 1)
    assert await book(world).sweep_asked_at() is None


@pytest.mark.parametrize("failures", range(HANDSHAKES))
async def test_a_slow_start_is_over_with_the_first_handshakes(failures: int) -> None:
    world = World()
    world.subscriptions.create_answers = [HandshakeFailed("timed out")] * failures
    assert await run(world) is not None


async def test_a_url_that_never_answers_is_left_to_the_next_round(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.subscriptions.create_answers = [HandshakeFailed("timed out")] * HANDSHAKES
    assert await run(world) is None
    assert logged(caplog, "subscription.failed") == 1
    assert await run(world) is not None


async def test_strays_of_ours_are_removed_once_an_hour_and_nobody_elses() -> None:
    world = await kept()
    ours = await the_one(world)
    stray = GraphSubscription(id="stray", resource="users", expires_at=world.clock.now() + DAY, notification_url=URL)
    others = replace(stray, id="others", notification_url="https://other.example/api/notifications")
    for one in (stray, others):
        world.subscriptions.existing[one.id] = one
    await run(world)
    assert "stray" in world.subscriptions.existing
    lists = world.subscriptions.lists
    world.clock.move(COMPARE_EVERY)
    await book(world).note_heard(ours.id, world.clock.now())
    await run(world)
    await run(world)
    assert set(world.subscriptions.existing) == {ours.id, "others"}
    assert world.subscriptions.lists == lists + 1


async def test_one_that_graph_lost_without_a_word_is_made_anew_within_the_hour() -> None:
    world = await kept()
    world.subscriptions.existing.clear()
    world.clock.move(COMPARE_EVERY)
    one = await run(world)
    assert one is not None
    assert list(world.subscriptions.existing) == [one.id]
    assert await book(world).sweep_asked_at() == world.clock.now()


async def test_a_list_that_lags_behind_costs_no_new_subscription() -> None:
    world = await kept()
    world.clock.move(COMPARE_EVERY - MINUTE)
    await book(world).ask_to_recreate((await the_one(world)).id)
    new = await run(world)
    assert new is not None
    world.subscriptions.existing.clear()
    world.clock.move(MINUTE)
    assert await run(world) == new


async def test_a_run_that_died_before_it_noted_the_id_leaves_no_stray() -> None:
    world = World()
    killed = Interference(lambda call: call.name == "subscriptions.create", die, after=True)
    ports = replace(world.ports(), subscriptions=killed.around("subscriptions", world.subscriptions))
    with pytest.raises(WorkerDied):
        await build(world.settings, ports).keep_subscriptions.run()
    world.clock.move(5 * MINUTE)
    one = await run(world)
    assert one is not None
    assert list(world.subscriptions.existing) == [one.id]


async def test_a_rotation_makes_it_anew_and_sweeps_what_the_change_missed() -> None:
    world = await kept()
    world.clock.move(HOUR)
    world.set_settings(Mode.AUTO, client_state="another-secret-of-ours", client_state_previous=story.CLIENT_STATE)
    new = await run(world)
    assert new is not None
    assert world.subscriptions.client_states[new.id] == "another-secret-of-ours"
    assert await book(world).sweep_asked_at() == world.clock.now()


async def test_one_that_tells_something_is_left_alone_for_weeks() -> None:
    world = await kept(canary_user=CANARY)
    one = await the_one(world)
    for _ in range(20):
        world.clock.move(DAY - MINUTE)
        await book(world).note_heard(one.id, world.clock.now())
        await run(world)
    assert world.directory.touched.total() == 0
    assert (world.subscriptions.created, world.subscriptions.renewed.total()) == (1, 0)


async def test_without_a_test_user_a_silent_day_is_told_and_mended_once(caplog: pytest.LogCaptureFixture) -> None:
    world = await kept()
    old = await the_one(world)
    world.clock.move(SILENT_AFTER)
    new = await run(world)
    assert new is not None and new.id != old.id
    assert logged(caplog, "subscription.silent") == 1
    assert await book(world).sweep_asked_at() == world.clock.now()
    for _ in range(3):
        world.clock.move(SILENT_AFTER)
        await run(world)
        await run(world)
    assert await run(world) == replace(new, silent_told_at=world.clock.now())
    assert logged(caplog, "subscription.silent") == 4


async def test_one_that_was_mended_and_heard_is_mended_again() -> None:
    world = await kept()
    world.clock.move(SILENT_AFTER)
    mended = await run(world)
    assert mended is not None
    world.clock.move(HOUR)
    await book(world).note_heard(mended.id, world.clock.now())
    world.clock.move(SILENT_AFTER)
    again = await run(world)
    assert again is not None and again.id != mended.id


async def test_with_a_test_user_silence_is_probed_before_it_is_believed(caplog: pytest.LogCaptureFixture) -> None:
    world = await kept(canary_user=CANARY)
    one = await the_one(world)
    world.clock.move(SILENT_AFTER)
    await run(world)
    await run(world)
    assert world.directory.touched == {CANARY: 1}
    world.clock.move(A_PROBE_TAKES - MINUTE)
    await book(world).note_heard(one.id, world.clock.now())
    world.clock.move(MINUTE)
    await run(world)
    assert logged(caplog, "subscription.silent") == 0
    assert (await the_one(world)).id == one.id


async def test_a_probe_that_nothing_tells_of_is_silence(caplog: pytest.LogCaptureFixture) -> None:
    world = await kept(canary_user=CANARY)
    one = await the_one(world)
    world.clock.move(SILENT_AFTER)
    await run(world)
    world.clock.move(A_PROBE_TAKES)
    new = await run(world)
    assert logged(caplog, "subscription.silent") == 1
    assert new is not None and new.id != one.id and new.probed_at is None


@pytest.mark.parametrize("answer", [AccessDenied("User.ReadWrite.All"), Refused(code="404", message="no such user")])
async def test_a_probe_that_cannot_be_made_is_told_and_changes_nothing_more(
    answer: Refused | AccessDenied, caplog: pytest.LogCaptureFixture
) -> None:
    world = await kept(canary_user=CANARY)
    world.directory.touch_answers = [answer]
    world.clock.move(SILENT_AFTER)
    await run(world)
    assert logged(caplog, "subscription.failed") + logged(caplog, "subscription.probe_failed") == 1
    world.clock.move(A_PROBE_TAKES)
    await run(world)
    assert logged(caplog, "subscription.silent") == 1


@pytest.mark.parametrize("mode", [Mode.OFF, Mode.REPORT])
async def test_where_nothing_may_be_written_nothing_is_probed(mode: Mode) -> None:
    world = World(mode, canary_user=CANARY)
    await run(world)
    world.clock.move(SILENT_AFTER)
    await run(world)
    assert world.directory.touched.total() == 0


async def test_only_users_are_probed() -> None:
    world = await kept(canary_user=CANARY, subscribe_to=f"groups/{story.OWNER_ID}/members")
    world.clock.move(SILENT_AFTER)
    await run(world)
    assert world.directory.touched.total() == 0


async def test_a_renewal_forgets_no_probe() -> None:
    world = await kept(canary_user=CANARY)
    world.clock.move(LASTS - RENEW_BEFORE_END - 30 * MINUTE)
    await run(world)
    probed = (await the_one(world)).probed_at
    assert probed == world.clock.now()
    world.clock.move(30 * MINUTE + MINUTE)
    await run(world)
    one = await the_one(world)
    assert (one.probed_at, one.renewed_at) == (probed, world.clock.now())


async def test_a_mark_does_not_undo_what_graph_asked_for_meanwhile() -> None:
    world = await kept()
    seen = await the_one(world)
    await book(world).ask_to_renew(seen.id)
    await book(world).mark(seen, probed_at=world.clock.now())
    one = await the_one(world)
    assert (one.asked_to_renew, one.probed_at) == (True, world.clock.now())


async def test_rows_of_an_earlier_version_are_read() -> None:
    world = await kept()
    await world.rows.upsert(
        "subscriptions",
        "subscription",
        "users",
        {"body": '{"resource":"users","id":"x","expires_at":"2026-03-20T08:00:00+00:00","renewed_at":"2026-03-01T08:00:00+00:00"}'},
    )  # fmt: skip
    one = await the_one(world)
    assert (one.id, one.made_with, one.created_at) == ("x", "", None)


NOW = story.START


def subscription(**fields: object) -> KeptSubscription:
    values = {"resource": "users", "id": "x", "expires_at": NOW + DAY, "renewed_at": NOW - 9 * DAY, **fields}
    return KeptSubscription(**values)  # type: ignore[arg-type]  # fields by name


@pytest.mark.parametrize(
    ("heard_at", "created_at", "probed_at", "can_probe", "sound"),
    [
        (NOW - 23 * HOUR, NOW - 9 * DAY, None, True, Sound.HEARD),
        (None, NOW - 23 * HOUR, None, True, Sound.HEARD),
        (None, None, None, True, Sound.PROBE),
        (NOW - DAY, NOW - 9 * DAY, None, True, Sound.PROBE),
        (NOW - DAY, NOW - 9 * DAY, NOW - 2 * DAY, True, Sound.PROBE),
        (NOW - DAY, NOW - 9 * DAY, NOW - 59 * MINUTE, True, Sound.WAITING),
        (NOW - DAY, NOW - 9 * DAY, NOW - HOUR, True, Sound.SILENT),
        (NOW - DAY, NOW - 9 * DAY, None, False, Sound.SILENT),
    ],
)
def test_what_to_think_of_a_subscription(
    heard_at: datetime | None, created_at: datetime | None, probed_at: datetime | None, can_probe: bool, sound: Sound
) -> None:
    one = subscription(created_at=created_at, probed_at=probed_at)
    assert judge(one, heard_at, can_probe=can_probe, now=NOW) is sound


@pytest.fixture(autouse=True)
def every_event_is_seen(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
