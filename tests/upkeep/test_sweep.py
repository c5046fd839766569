"""The sweep finds what no event told, once, and costs next to nothing when nothing changed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.case import Case, JournalEntry
from shared.domain.facts import Compliance
from shared.domain.hint import Cause, Subject
from shared.domain.pages import DeviceChange, Page
from shared.domain.policy import Mode
from shared.domain.states import CaseState
from shared.errors import AccessDenied, ResyncNeeded, RetryLater, Unexpected
from shared.records.gate import GraphGate
from shared.records.ledger import Ledger
from shared.records.locks import Locks
from shared.records.subscriptions import SubscriptionBook
from shared.records.sweep_progress import Leg, Round, SweepProgress
from shared.upkeep.known_cases import TELL_AGAIN_AFTER
from shared.upkeep.sweep import LOCK_LASTS, MOST_STUMBLES, MOST_TOLD
from shared.upkeep.sweep_legs import LIST_EVERY
from tests.fakes import story
from tests.fakes.world import World
from tests.upkeep.sweeping import (
    EVERY,
    MINUTE,
    cases_of,
    device_id,
    entra_id,
    next_round,
    round_of,
    sweep,
    sweep_and_take,
    tenant_of,
)

S = CaseState
HOUR = timedelta(hours=1)


async def test_the_first_sweep_opens_a_case_for_every_noncompliant_device_and_no_other() -> None:
    world = tenant_of(50, noncompliant=3)
    told = await sweep_and_take(world)
    assert [(hint.subject, hint.key, hint.cause, hint.source) for hint in told] == [
        (Subject.MANAGED_DEVICE, device_id(number), Cause.NONCOMPLIANT, "sweep") for number in range(3)
    ]
    assert await cases_of(world) == {f"device-{device_id(number)}": 1 for number in range(3)}
    assert (await world.case(f"device-{device_id(0)}")).heard_from == "sweep"


async def test_a_sweep_in_which_nothing_changed_asks_once_for_devices_and_once_for_users() -> None:
    world = tenant_of(50, noncompliant=3)
    await sweep_and_take(world)
    lists, changes, users = (
        world.devices.noncompliant_reads,
        world.devices.changed.reads,
        world.directory.users_changed.reads,
    )
    assert await next_round(world) == []
    assert world.devices.noncompliant_reads == lists
    assert world.devices.changed.reads == changes + 1
    assert world.directory.users_changed.reads == users + 1


async def test_devices_that_turned_noncompliant_cost_one_list_more_however_many_they_are() -> None:
    world = tenant_of(80)
    await sweep_and_take(world)
    for number in range(50):
        world.devices.turn(device_id(number), Compliance.NONCOMPLIANT)
    lists, changes = world.devices.noncompliant_reads, world.devices.changed.reads
    assert len(await next_round(world)) == 50
    assert (world.devices.noncompliant_reads - lists, world.devices.changed.reads - changes) == (1, 1)


async def test_fewer_devices_than_the_list_has_pages_are_told_one_by_one() -> None:
    world = tenant_of(50, noncompliant=30)
    world.devices.noncompliant_page_size = 10
    await sweep_and_take(world)
    for number in (40, 41):
        world.devices.turn(device_id(number), Compliance.NONCOMPLIANT)
    lists = world.devices.noncompliant_reads
    told = await next_round(world)
    assert [(hint.subject, hint.key, hint.source) for hint in told] == [
        (Subject.ENTRA_DEVICE, entra_id(number), "sweep") for number in (40, 41)
    ]
    assert world.devices.noncompliant_reads == lists
    assert {f"device-{device_id(number)}" for number in (40, 41)} <= set(await cases_of(world))
    assert await next_round(world) == []


@pytest.mark.parametrize(
    "changes",
    [
        [DeviceChange(entra_device_id=entra_id(number), compliant=False, managed=True) for number in (40, 41, 42)],
        [DeviceChange(entra_device_id=None, compliant=False, managed=True)],
    ],
    ids=["as many as pages", "one without an id"],
)
async def test_as_many_devices_as_pages_or_one_that_cannot_be_named_are_found_by_the_list(
    changes: list[DeviceChange],
) -> None:
    world = tenant_of(50, noncompliant=30)
    world.devices.noncompliant_page_size = 10
    await sweep_and_take(world)
    world.devices.change(device_id(40), compliance=Compliance.NONCOMPLIANT)
    world.devices.changed.changes.extend(changes)
    told = await next_round(world)
    assert [(hint.subject, hint.key) for hint in told] == [(Subject.MANAGED_DEVICE, device_id(40))]


async def test_a_list_that_is_due_is_read_however_few_devices_turned() -> None:
    world = tenant_of(50, noncompliant=30)
    world.devices.noncompliant_page_size = 10
    await sweep_and_take(world)
    world.devices.turn(device_id(40), Compliance.NONCOMPLIANT)
    world.clock.move(LIST_EVERY)
    told = await next_round(world)
    assert {hint.subject for hint in told} == {Subject.ENTRA_DEVICE, Subject.MANAGED_DEVICE}
    assert list(await cases_of(world)).count(f"device-{device_id(40)}") == 1


async def test_devices_that_turned_compliant_cost_no_list() -> None:
    world = tenant_of(5, noncompliant=1)
    await sweep_and_take(world)
    world.devices.turn(device_id(0), Compliance.COMPLIANT)
    lists = world.devices.noncompliant_reads
    assert await next_round(world) == []
    assert world.devices.noncompliant_reads == lists


async def test_the_list_is_read_every_hour_whatever_the_changes_say() -> None:
    """Nobody promises that a device which turns non-compliant is among the changes."""
    world = tenant_of(5)
    await sweep_and_take(world)
    world.devices.change(device_id(4), compliance=Compliance.NONCOMPLIANT)
    world.clock.move(LIST_EVERY - EVERY - MINUTE)
    assert await next_round(world) == []
    world.clock.move(MINUTE)
    assert [hint.key for hint in await next_round(world)] == [device_id(4)]


async def test_it_runs_when_its_time_has_come_and_not_before() -> None:
    world = tenant_of(2)
    await sweep(world)
    world.clock.move(EVERY - MINUTE)
    await sweep(world)
    assert world.devices.changed.reads == 1
    world.clock.move(MINUTE)
    await sweep(world)
    assert world.devices.changed.reads == 2


async def test_it_runs_at_once_when_something_was_missed() -> None:
    world = tenant_of(2)
    await sweep(world)
    world.clock.move(MINUTE)
    await SubscriptionBook(world.rows, world.ids).ask_to_sweep(world.clock.now())
    world.clock.move(MINUTE)
    await sweep(world)
    world.clock.move(MINUTE)
    await sweep(world)
    assert world.devices.changed.reads == 2


async def test_what_was_asked_for_in_the_instant_a_round_began_is_one_more_round() -> None:
    world = tenant_of(2)
    await sweep(world)
    await SubscriptionBook(world.rows, world.ids).ask_to_sweep(world.clock.now())
    for _ in range(3):
        world.clock.move(MINUTE)
        await sweep(world)
    assert world.devices.changed.reads == 2


@pytest.mark.parametrize("settings", [{"mode": Mode.OFF}, {"sweep_minutes": 0}])
async def test_switched_off_it_reads_nothing(settings: dict[str, object]) -> None:
    world = tenant_of(5, noncompliant=5, **settings)
    assert await sweep(world) == []
    assert (world.devices.changed.reads, world.devices.noncompliant_reads) == (0, 0)


async def test_a_device_that_has_an_open_case_is_not_told_again() -> None:
    world = tenant_of(3, noncompliant=3)
    await sweep_and_take(world)
    world.clock.move(LIST_EVERY)
    assert await sweep(world) == []


async def test_a_case_that_needs_a_person_is_left_to_that_person() -> None:
    world = tenant_of(1, noncompliant=1)
    await sweep_and_take(world)
    case = await world.case(f"device-{device_id(0)}")
    await world.services.advance.give_up(case.id, case.version)
    world.clock.move(TELL_AGAIN_AFTER * 3)
    assert await sweep(world) == []


async def ended(state: CaseState) -> World:
    """A world whose one device, non-compliant, has a case that just ended like this."""
    world = tenant_of(1, noncompliant=1)
    now = world.clock.now()
    case = story.case_in(state, world.policy, now, id=f"device-{device_id(0)}", moved_at=now)
    stored = await world.cases.open(replace(case, state=S.OPENED), _entry(case))
    await world.cases.save(stored, replace(case, version=case.version + 1), [])
    return world


def _entry(case: Case) -> JournalEntry:
    return JournalEntry(
        sequence=case.version, at=case.moved_at, from_state=None, to_state=S.OPENED, reason=case.reason, says="",
        who="test", evidence={},
    )  # fmt: skip


@pytest.mark.parametrize("state", [S.REFUSED, S.REPORTED, S.CANCELLED])
async def test_a_case_that_ended_although_its_device_is_noncompliant_is_opened_again_after_a_day(
    state: CaseState,
) -> None:
    world = await ended(state)
    assert await sweep(world) == []
    world.clock.move(TELL_AGAIN_AFTER - HOUR)
    assert await sweep(world) == []
    world.clock.move(HOUR)
    await sweep_and_take(world)
    assert (await world.case(f"device-{device_id(0)}")).state is S.OPENED


async def test_a_case_that_ended_as_refused_is_opened_again_when_the_device_turned_noncompliant_since() -> None:
    world = await ended(S.REFUSED)
    await sweep(world)
    world.devices.turn(device_id(0), Compliance.NONCOMPLIANT)
    assert [hint.key for hint in await next_round(world)] == [device_id(0)]


async def test_a_device_that_was_fine_an_hour_ago_is_news() -> None:
    world = await ended(S.NO_ACTION_NEEDED)
    assert [hint.key for hint in await sweep_and_take(world)] == [device_id(0)]


async def test_rows_that_were_not_asked_for_twice_or_late_are_told_once() -> None:
    world = tenant_of(2, noncompliant=2)
    found = [Page(rows=(await world.devices.noncompliant(None)).rows * 5)]
    world.devices.noncompliant_answers = list(found)
    await sweep_and_take(world)
    assert await cases_of(world) == {f"device-{device_id(number)}": 1 for number in range(2)}


async def test_empty_pages_lead_on() -> None:
    world = tenant_of(4)
    await sweep_and_take(world)
    world.devices.turn(device_id(3), Compliance.NONCOMPLIANT)
    world.devices.changed.answers = [None, None, None]
    assert [hint.key for hint in await next_round(world)] == [device_id(3)]


async def test_a_removed_device_object_is_no_news() -> None:
    world = tenant_of(4)
    await sweep_and_take(world)
    lists = world.devices.noncompliant_reads
    world.devices.changed.changes.append(
        DeviceChange(entra_device_id=entra_id(1), compliant=False, managed=True, removed=True)
    )
    await next_round(world)
    assert world.devices.noncompliant_reads == lists


async def test_a_link_that_is_not_good_any_more_begins_anew_and_the_list_tells_what_it_would_have_told() -> None:
    world = tenant_of(9)
    await sweep_and_take(world)
    world.devices.turn(device_id(7), Compliance.NONCOMPLIANT)
    world.devices.changed.forget()
    assert [hint.key for hint in await next_round(world)] == [device_id(7)]
    world.devices.turn(device_id(8), Compliance.NONCOMPLIANT)
    assert [hint.key for hint in await next_round(world)] == [device_id(8)]


async def test_a_source_that_cannot_even_begin_is_left_to_the_next_round() -> None:
    world = tenant_of(9, noncompliant=1)
    world.devices.changed.answers = [ResyncNeeded("410"), ResyncNeeded("410")]
    assert len(await sweep_and_take(world)) == 1
    assert (await round_of(world)).leg is None


@pytest.mark.parametrize("error", [AccessDenied("Device.Read.All is missing"), Unexpected("400")])
async def test_without_the_changes_the_list_finds_the_devices(error: Exception) -> None:
    world = tenant_of(3)
    await sweep_and_take(world)
    world.devices.change(device_id(2), compliance=Compliance.NONCOMPLIANT)
    world.devices.changed.answers = [error]
    assert [hint.key for hint in await next_round(world)] == [device_id(2)]


async def test_a_source_that_stays_away_is_waited_for_some_minutes_and_then_left_out() -> None:
    world = tenant_of(3, noncompliant=1)
    world.devices.changed.answers = [RetryLater("503")] * (MOST_STUMBLES + 1)
    told = 0
    for _ in range(MOST_STUMBLES + 1):
        told += len(await sweep_and_take(world))
        world.clock.move(MINUTE)
    assert told == 1


async def test_a_throttled_sweep_closes_the_gate_for_all_and_goes_on_when_it_is_open() -> None:
    world = tenant_of(3, noncompliant=1)
    world.devices.noncompliant_answers = [RetryLater("429", timedelta(minutes=10), throttled=True)]
    assert await sweep(world) == []
    gate = GraphGate(Ledger(world.rows, world.ids))
    assert await gate.closed_until(world.clock.now()) == world.clock.now() + timedelta(minutes=10)
    reads = world.devices.noncompliant_reads
    world.clock.move(timedelta(minutes=9))
    assert await sweep(world) == []
    assert world.devices.noncompliant_reads == reads
    world.clock.move(MINUTE)
    assert len(await sweep(world)) == 1


async def test_a_run_stops_after_its_share_of_hints_and_the_next_goes_on() -> None:
    world = tenant_of(1200, noncompliant=1200)
    world.devices.noncompliant_page_size = 200
    assert len(await sweep_and_take(world)) == MOST_TOLD + 100
    world.clock.move(MINUTE)
    assert len(await sweep_and_take(world)) == 600
    assert len(await cases_of(world)) == 1200


async def test_only_one_instance_sweeps() -> None:
    world = tenant_of(3, noncompliant=1)
    locks = Locks(Ledger(world.rows, world.ids))
    await locks.take("sweep", holder="another", now=world.clock.now(), lasts=LOCK_LASTS)
    assert await sweep(world) == []
    world.clock.move(LOCK_LASTS)
    assert len(await sweep(world)) == 1


async def test_the_lock_is_free_after_a_run_even_one_that_was_throttled() -> None:
    world = tenant_of(3)
    world.devices.changed.answers = [RetryLater("429", throttled=True)]
    await sweep(world)
    assert await Locks(Ledger(world.rows, world.ids)).take(
        "sweep", holder="another", now=world.clock.now(), lasts=LOCK_LASTS
    )


async def test_a_progress_that_cannot_be_read_begins_a_new_round() -> None:
    world = tenant_of(3, noncompliant=1)
    await Ledger(world.rows, world.ids).replace("sweep", "round", {"leg": "a leg of another version"})
    await Ledger(world.rows, world.ids).replace("sweep", "link-devices", {"link": 7})
    assert len(await sweep(world)) == 1


async def test_a_link_that_no_row_can_hold_is_left_out() -> None:
    world = tenant_of(3, noncompliant=1)
    world.devices.noncompliant_answers = [Page(rows=(), next_link="https://graph.example/" + "x" * 31_000)]
    assert await sweep(world) == []
    assert (await round_of(world)).leg is None
    assert len(await next_round(world)) == 1


async def test_round_and_links_are_saved_together() -> None:
    world = tenant_of(1)
    progress = SweepProgress(Ledger(world.rows, world.ids))
    at = Round(leg=Leg.USERS, link="https://x.example", started_at=world.clock.now(), changed=("a",))
    await progress.save(at, {Leg.DEVICES: "https://y.example", Leg.USERS: None})
    assert await progress.round() == at
    assert [await progress.delta_link(leg) for leg in (Leg.DEVICES, Leg.USERS)] == ["https://y.example", None]


async def test_a_link_that_got_lost_is_made_up_for_by_the_list() -> None:
    world = tenant_of(3)
    await sweep_and_take(world)
    world.devices.turn(device_id(2), Compliance.NONCOMPLIANT)
    await Ledger(world.rows, world.ids).replace("sweep", "link-devices", {"link": 7})
    assert [hint.key for hint in await next_round(world)] == [device_id(2)]
