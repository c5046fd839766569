"""The watchdog: each wipe that Intune wrote down is ours, a person's, or freezes everything, once."""

import json
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from shared.domain.facts import WipeAudit, WipeTarget
from shared.domain.operators import About
from shared.domain.part import Part
from shared.domain.policy import Mode
from shared.domain.reasons import Reason
from shared.errors import AccessDenied, RetryLater, Unexpected
from shared.names import LEDGERS, NOTICES
from shared.records.watchdog_progress import MOST_SEEN
from shared.remedy.notice_messages import read_pointer
from shared.rules.watchdog import SLACK, STILL_COMING, Whose, alarm, whose
from tests.builders import NOW
from tests.fakes import story
from tests.fakes.interference import Interference, die
from tests.fakes.people import ADA
from tests.fakes.world import World

DEVICE = story.staged_device().id
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def audit(at: datetime | None, name: str = "audit-1", by: str | None = None, device: str = DEVICE) -> WipeAudit:
    return WipeAudit(id=name, managed_device_id=device, device_name="PC-0427", requested_at=at, started_by=by)


async def watching(mode: Mode = Mode.AUTO, **settings: object) -> World:
    """A world in which the watchdog has looked once, five minutes ago."""
    world = World(mode, **settings)
    assert await world.services.watch_wipes.run() == 0
    world.clock.move(5 * MINUTE)
    return world


def told(caplog: pytest.LogCaptureFixture, name: str) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.getMessage() == name]


async def frozen(world: World) -> bool:
    return (await world.freeze.read()).frozen


@pytest.mark.parametrize(
    ("paid", "by", "expected"),
    [
        ([timedelta()], None, Whose.OURS),
        ([SLACK], None, Whose.OURS),
        ([-SLACK], None, Whose.OURS),
        ([SLACK + SECOND], None, Whose.NOT_OURS),
        ([-SLACK - SECOND], None, Whose.NOT_OURS),
        ([timedelta(days=-1), MINUTE], None, Whose.OURS),
        ([], None, Whose.NOT_OURS),
        ([], "ann@contoso.example", Whose.BY_PERSON),
        ([timedelta()], "ann@contoso.example", Whose.OURS),
    ],
)
def test_whose_a_wipe_is(paid: Sequence[timedelta], by: str | None, expected: Whose) -> None:
    assert whose(audit(NOW, by=by), [NOW + each for each in paid]) is expected


async def test_a_wipe_that_was_paid_for_is_ours(caplog: pytest.LogCaptureFixture) -> None:
    world = await watching()
    await world.pay("one", WipeTarget(serial_number=story.SERIAL_NUMBER, device_id=DEVICE))
    world.devices.audits = [audit(world.clock.now() + MINUTE, device=DEVICE.upper())]
    assert await world.services.watch_wipes.run() == 0
    assert not await frozen(world)
    assert not told(caplog, "wipe.not_ours")


async def test_looks_that_find_nothing_write_once_an_hour_how_far_all_is_settled() -> None:
    world = World()
    at = Interference(lambda _: False, die)
    worker, written = world.another_worker(at), list[int]()
    for _ in range(36):
        await worker.watch_wipes.run()
        written.append(sum(call.name in ("rows.upsert", "rows.write") for call in at.calls))
        world.clock.move(5 * MINUTE)
    assert written == [*[1] * 24, *[2] * 12], "the first look, and when something is settled for an hour"
    world.devices.audits = [audit(world.clock.now() - 2 * MINUTE)]
    assert await worker.watch_wipes.run() == 1
    assert await worker.watch_wipes.run() == 0, "what is judged is written at once"


async def test_a_wipe_of_another_device_than_the_paid_one_freezes() -> None:
    world = await watching()
    await world.pay("one", WipeTarget(serial_number=story.SERIAL_NUMBER, device_id=DEVICE))
    world.devices.audits = [audit(world.clock.now(), device="another-device")]
    assert await world.services.watch_wipes.run() == 1
    assert await frozen(world)


async def test_the_ledger_is_read_after_intunes_record() -> None:
    """A wipe that leaves between the two readings is in both."""
    order: list[str] = []

    def noted(name: str) -> bool:
        order.append(name)
        return False

    world = await watching()
    world.devices.audits = [audit(world.clock.now(), by="ann@contoso.example")]
    interference = Interference(lambda call: noted(call.name), die)
    await world.part(Part.WORKER, interference).watch_wipes.run()
    audits = order.index("devices.wipe_audits")
    assert any(name.startswith("rows.get") for name in order[audits + 1 :])


async def test_a_wipe_by_a_person_is_only_counted_and_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    world = await watching()
    world.devices.audits = [audit(world.clock.now(), name, by="ann@contoso.example") for name in ("a", "b")]
    for _ in range(3):
        assert await world.services.watch_wipes.run() == 0
        world.clock.move(5 * MINUTE)
    (record,) = told(caplog, "wipe.by_person")
    assert vars(record)["fields"] == {"count": 2}
    assert not await frozen(world)


async def test_a_wipe_that_is_nobodys_freezes_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    world = await watching(teams_webhook="https://teams.example/workflow")
    world.devices.audits = [audit(world.clock.now())]
    assert await world.services.watch_wipes.run() == 1
    freeze = await world.freeze.read()
    assert (freeze.frozen, freeze.by) == (True, "Handover")
    assert freeze.why is not None and freeze.why.startswith(f"The Intune device {DEVICE} was wiped at ")
    (record,) = told(caplog, "freeze.set")
    assert vars(record)["fields"]["reason"] == Reason.WIPE_NOT_OURS
    (record,) = told(caplog, "wipe.not_ours")
    assert record.levelno == logging.ERROR
    pointers = [read_pointer(body) for body in world.messages.take(NOTICES)]
    assert [key for _, key in pointers] == ["wipe-not-ours-audit-1"]
    world.clock.move(5 * MINUTE)
    await world.services.operate.set_freeze(frozen=False, who=ADA, why="our other tool")
    assert await world.services.watch_wipes.run() == 0
    assert not await frozen(world)
    assert len(told(caplog, "wipe.not_ours")) == 1


async def test_wipes_before_the_first_look_are_not_judged() -> None:
    world = World()
    world.devices.audits = [audit(world.clock.now() - SECOND)]
    assert await world.services.watch_wipes.run() == 0
    world.clock.move(5 * MINUTE)
    assert await world.services.watch_wipes.run() == 0
    assert not await frozen(world)


async def test_a_wipe_that_intune_writes_down_late_is_found() -> None:
    world = World()
    await world.services.watch_wipes.run()
    world.clock.move(2 * STILL_COMING)
    await world.services.watch_wipes.run()
    world.devices.audits = [audit(world.clock.now() - STILL_COMING - SECOND)]
    assert await world.services.watch_wipes.run() == 0
    world.devices.audits = [audit(world.clock.now() - STILL_COMING)]
    assert await world.services.watch_wipes.run() == 1


@pytest.mark.parametrize("error", [AccessDenied("no role"), Unexpected("too long"), RetryLater("busy")])
async def test_a_record_that_cannot_be_read_freezes_nothing_and_is_judged_later(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    world = await watching()
    world.devices.audits = [audit(world.clock.now())]
    world.devices.audit_answers = [error]
    assert await world.services.watch_wipes.run() == 0
    assert not await frozen(world)
    (record,) = told(caplog, "wipe_audits.unreadable")
    assert record.levelno == logging.ERROR
    world.clock.move(3 * STILL_COMING)
    assert await world.services.watch_wipes.run() == 1


@pytest.mark.parametrize("odd", [audit(None), audit(NOW, "")])
async def test_a_row_that_cannot_be_judged_is_told_and_hides_no_other(
    odd: WipeAudit, caplog: pytest.LogCaptureFixture
) -> None:
    world = await watching()
    world.devices.audits = [odd]
    assert await world.services.watch_wipes.run() == 0
    assert not await frozen(world)
    assert told(caplog, "wipe_audits.unreadable")
    world.devices.audits = [odd, audit(world.clock.now(), "audit-2")]
    assert await world.services.watch_wipes.run() == 1


@pytest.mark.parametrize(
    "body",
    ["no JSON", "[]", "{}", '{"since": 5, "seen": {}}', '{"since": "2026-03-02T08:00:00", "seen": {}}', '{"seen": 3}'],
)
async def test_progress_that_cannot_be_understood_looks_back_an_hour(body: str) -> None:
    world = World()
    await world.rows.upsert(LEDGERS, "watchdog", "wipes", {"body": body, "write_id": ""})
    world.devices.audits = [audit(world.clock.now() - STILL_COMING)]
    assert await world.services.watch_wipes.run() == 1
    assert await world.services.watch_wipes.run() == 0


async def test_progress_fits_into_a_row() -> None:
    world = await watching()
    now = world.clock.now()
    guid = "c0ffee00-5555-4f60-8bad-{:012}"
    world.devices.audits = [audit(now, guid.format(n), by="ann@contoso.example") for n in range(MOST_SEEN + 100)]
    await world.services.watch_wipes.run()
    row = await world.rows.get(LEDGERS, "watchdog", "wipes")
    assert row is not None
    assert len(json.loads(str(row.data["body"]))["seen"]) == MOST_SEEN
    assert len(str(row.data["body"])) < 32_000


async def test_in_mode_off_and_behind_a_closed_gate_nothing_is_read() -> None:
    world = World(Mode.OFF)
    await world.services.watch_wipes.run()
    assert world.devices.audit_reads == 0
    world = World()
    await world.services.watch_wipes.gate.close(world.clock.now() + MINUTE)
    await world.services.watch_wipes.run()
    assert world.devices.audit_reads == 0


@pytest.mark.parametrize("name", ["audit-1", "a/b?c#d\\e", "x" * 500, "é\n"])
def test_the_key_of_an_alarm_is_good_for_storage(name: str) -> None:
    notice = alarm(audit(NOW, name), NOW)
    assert notice.about is About.ALARM
    assert read_pointer(json.dumps({"v": 1, "month": "2026-03", "key": notice.key})) == ("2026-03", notice.key)
