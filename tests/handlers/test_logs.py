"""What the handlers and everything behind them write to the log: ids and counts, never secrets, bodies or people."""

import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta

import azure.functions as func
import pytest

from handlers import api, events, notifications, steps
from shared.domain.policy import Mode
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.errors import AccessDenied
from shared.records.subscriptions import KeptSubscription, SubscriptionBook
from shared.remedy.advance import Advance
from shared.telemetry import event
from tests.fakes import story
from tests.fakes.traced import traced
from tests.fakes.world import World
from tests.handlers.arguments import FROM_OUR_PROGRAM, PLAYED, case_request, message, notification, posted, request

MARK = "a-word-from-a-body"
NEVER = (
    story.CLIENT_STATE,
    "guessed-secret",
    MARK,
    story.OWNER_UPN,
    story.STAGING_UPN,
    "ada@contoso.example",
    "DEF456",
)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Everything that is logged at any level, and all spans and metrics; at the end of the test they must hold none of NEVER."""
    caplog.set_level(logging.DEBUG)
    with traced() as kept:
        yield caplog
        exported = kept.everything()
    records = caplog.get_records("call")  # caplog.records holds those of the teardown here
    assert records
    told = "\n".join([exported, *(f"{record.getMessage()} {vars(record)!r} {record.exc_text}" for record in records)])
    assert [word for word in NEVER if word.lower() in told.lower()] == []


def events_of(log: pytest.LogCaptureFixture) -> set[str]:
    return {record.getMessage() for record in log.records}


async def test_the_webhook_logs_counts_only(world: World, log: pytest.LogCaptureFixture) -> None:
    now = world.clock.now()
    await SubscriptionBook(world.rows, world.ids).keep(
        KeptSubscription(resource="users", id=story.SUBSCRIPTION_ID, expires_at=now, renewed_at=now)
    )
    await notifications.receive(posted(notification(), notification(clientState="guessed-secret", extra=MARK)))
    await notifications.receive(request(query={"validationToken": MARK}))
    await notifications.receive(request(MARK))
    world.messages.away = True
    await notifications.receive(posted(notification()))
    assert {"notification.received", "notification.discarded"} <= events_of(log)


async def test_events_and_steps_that_cannot_be_used_are_parked_but_not_logged(
    world: World, log: pytest.LogCaptureFixture
) -> None:
    await events.take_device_event(message(MARK))
    await events.take_device_event(message(json.dumps({"specversion": MARK, "data": {"serialNumber": MARK + "'"}})))
    await events.take_hints(message(MARK))
    await events.park_hints(message(MARK))
    await steps.take_case_step(message(MARK))
    await steps.give_up_case_step(message(MARK))
    assert [record.getMessage() for record in log.records].count("input.parked") == 6


async def test_the_whole_story_names_nobody(log: pytest.LogCaptureFixture) -> None:
    world = World(Mode.AUTO)
    await world.services.take_hint.open_or_wake(world.hint(owner=story.OWNER_UPN))
    await world.services.keep_subscriptions.run()
    await world.live()
    assert (await world.case()).state is CaseState.PROVEN
    assert {"hint.taken", "case.moved", "subscription.created"} <= events_of(log)


async def test_a_story_in_which_everything_is_refused_names_nobody(log: pytest.LogCaptureFixture) -> None:
    world = World(Mode.AUTO)
    world.subscriptions.create_answers = [AccessDenied("Graph refused us")]
    world.devices.read_answers = [AccessDenied("Graph refused us")]
    await world.hear_of_device()
    await world.services.keep_subscriptions.run()
    await world.live()
    assert (await world.case()).reason is Reason.ACCESS_DENIED
    assert "subscription.failed" in events_of(log)


async def test_what_people_do_and_say_is_in_the_journal_and_not_in_the_log(
    world: World, log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.put(story.case_in(CaseState.AWAITING_APPROVAL, world.policy, world.clock.now()))
    said = {"why": MARK, "proposal": MARK, "frozen": True}
    ada = {**FROM_OUR_PROGRAM, PLAYED: "ada@contoso.example;Approver,Operator"}
    for handler in (api.approve_case, api.reject_case, api.retry_case, api.show_case, api.cancel_case, api.set_freeze):
        version = (await world.case()).version
        await handler(case_request(said, seen=version, headers=ada))
    await api.set_freeze(request(MARK))
    assert MARK in str(await world.cases.journal(story.CASE_ID))

    async def refuse(table: str) -> None:
        raise AccessDenied("storage refused us")

    monkeypatch.setattr(world.rows, "_reach", refuse)
    await api.show_case(case_request(said))
    assert "api.failed" in events_of(log)


@pytest.mark.parametrize(
    ("handler", "method"),
    [
        (steps.take_case_step, "one_step"),
        (steps.take_wipe_step, "wipe_step"),
        (steps.give_up_case_step, "give_up"),
        (steps.give_up_wipe_step, "give_up"),
    ],
)
async def test_what_happens_in_a_step_is_logged_with_its_case_and_what_happens_afterwards_is_not(
    world: World,
    log: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    handler: Callable[[func.QueueMessage], Awaitable[None]],
    method: str,
) -> None:
    logger = logging.getLogger("shared.bootstrap")

    async def asks_graph(*_: object) -> None:
        event(logger, "graph.requested", operation="devices.read", status=200)

    monkeypatch.setattr(Advance, method, asks_graph)
    await handler(message(json.dumps({"v": 1, "case": story.CASE_ID, "version": 1})))
    event(logger, "graph.requested", operation="subscriptions.all", status=200)
    cases = [vars(record)["fields"].get("case") for record in log.records if record.getMessage() == "graph.requested"]
    assert cases == [story.CASE_ID, None]


async def test_a_poisoned_step_is_logged_by_its_case(world: World, log: pytest.LogCaptureFixture) -> None:
    case = await world.put(story.case_in(CaseState.WATCHING, world.policy, world.clock.now()))
    world.clock.move(timedelta(hours=1))
    await steps.give_up_case_step(message(json.dumps({"v": 1, "case": case.id, "version": case.version})))
    assert "case.moved" in events_of(log)
    assert any(case.id in repr(vars(record)) for record in log.records)
