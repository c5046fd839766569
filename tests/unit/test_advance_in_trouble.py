"""The engine when Graph is busy, refuses or is switched off, when storage is away, and when a step fails for good."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from shared.domain.case import LicenceRequest
from shared.domain.effects import Answer, Done, Refused
from shared.domain.facts import ManagedDevice, Missing
from shared.domain.policy import Mode
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.errors import AccessDenied, RetryLater, Unexpected
from shared.names import CASE_STEPS
from shared.records.gate import GraphGate, Passage
from shared.records.ledger import Ledger
from shared.remedy.advance import FIRST_PAUSE, LONGEST_PAUSE, MOST_STUMBLES, Outcome
from shared.remedy.messages import StepDue
from shared.rules.confirm import identity_of
from shared.rules.decide import RULES
from shared.rules.licensing import LOOK_FOR_MENDING_AFTER
from tests.fakes import story
from tests.fakes.world import World

S = CaseState
A_JITTER = timedelta(seconds=7)


def gate_of(world: World) -> GraphGate:
    return GraphGate(Ledger(world.rows, world.ids))


async def test_a_busy_graph_makes_the_case_wait_longer_each_time_until_a_person_is_asked() -> None:
    world = World()
    await world.put(story.case_in(S.OPENED, world.policy, world.clock.now()))
    world.devices.read_answers = [RetryLater("no connection") for _ in range(MOST_STUMBLES + 1)]
    await world.live()
    case = await world.case()
    assert (case.state, case.reason) == (S.NEEDS_PERSON, Reason.GRAPH_BUSY)
    assert case.stumbles == 0
    waits = [entry.at for entry in await world.cases.journal(case.id)][1:]
    assert len(waits) == MOST_STUMBLES + 1
    pauses = [later - sooner for sooner, later in pairwise(waits)]
    assert pauses == sorted(pauses)
    assert pauses[0] < timedelta(minutes=1)
    assert LONGEST_PAUSE <= pauses[-1] < LONGEST_PAUSE + 2 * A_JITTER


async def test_a_step_that_succeeds_starts_the_count_of_stumbles_anew() -> None:
    world = World()
    await world.put(story.case_in(S.OPENED, world.policy, world.clock.now(), stumbles=29))
    await world.step()
    assert (await world.case()).stumbles == 0


async def test_a_write_that_always_has_to_be_tried_later_ends_with_a_person() -> None:
    world = World()
    await world.put(story.case_in(S.CHECKING_READINESS, world.policy, world.clock.now()))
    world.autopilot.bind_answers = [RetryLater("Autopilot is away") for _ in range(200)]
    await world.live()
    case = await world.case()
    assert (case.state, case.reason) == (S.NEEDS_PERSON, Reason.GRAPH_BUSY)
    assert 200 - len(world.autopilot.bind_answers) == MOST_STUMBLES + 1


async def test_a_throttled_answer_closes_the_gate_for_the_named_time_only() -> None:
    """Not for as long as this one case, which has stumbled often, waits by itself: the gate is everybody's."""
    world = World()
    await world.put(story.case_in(S.OPENED, world.policy, world.clock.now(), stumbles=20))
    world.devices.read_answers = [RetryLater("429", timedelta(seconds=90), throttled=True)]
    await world.step()
    closed_until = await gate_of(world).closed_until(world.clock.now())
    assert closed_until is not None
    assert timedelta(seconds=90) <= closed_until - world.clock.now() <= timedelta(seconds=90) + A_JITTER


async def test_a_closed_gate_parks_the_case_until_it_opens_and_calls_nobody() -> None:
    world = World()
    await world.put(story.case_in(S.OPENED, world.policy, world.clock.now()))
    opens = world.clock.now() + timedelta(minutes=10)
    await gate_of(world).close(opens)
    assert await world.step() is Outcome.PARKED_BY_GATE
    case = await world.case()
    assert case.state is S.OPENED
    assert case.due_at is not None and opens <= case.due_at <= opens + A_JITTER
    assert world.devices.reads.total() == 0
    world.clock.set(case.due_at)
    assert await world.step() is Outcome.MOVED


async def test_a_refused_identity_asks_a_person() -> None:
    world = World()
    await world.put(story.case_in(S.OPENED, world.policy, world.clock.now()))
    world.devices.read_answers = [AccessDenied("Graph wants DeviceManagementManagedDevices.Read.All")]
    await world.step()
    case = await world.case()
    assert (case.state, case.reason) == (S.NEEDS_PERSON, Reason.ACCESS_DENIED)
    assert "DeviceManagementManagedDevices.Read.All" in case.says
    assert case.due_at is None


async def test_a_refused_binding_asks_a_person_and_wipes_nothing() -> None:
    world = World()
    world.directory.users[story.OWNER_ID] = story.licensed_owner()
    await world.put(story.case_in(S.CHECKING_READINESS, world.policy, world.clock.now()))
    world.autopilot.bind_answers = [Refused(code="BadRequest", message="ZtdDeviceNotFound")]
    await world.step()
    case = await world.case()
    assert (case.state, case.reason) == (S.NEEDS_PERSON, Reason.BINDING_REFUSED)
    assert world.graph_writes() == {}


async def test_a_binding_refused_for_want_of_a_licence_gives_the_licence_again() -> None:
    world = World()
    await world.put(story.case_in(S.CHECKING_READINESS, world.policy, world.clock.now()))
    world.autopilot.bind_answers = [Refused(code="BadRequest", message="An error has occurred")]
    await world.step()
    assert (await world.case()).state is S.AWAITING_LICENCE
    await world.live()
    assert (await world.case()).state is S.PROVEN
    assert world.devices.wiped.total() == 1


@pytest.mark.parametrize("part", ["rows", "messages"])
async def test_when_storage_is_away_the_message_is_left_to_the_queue_and_works_later(part: str) -> None:
    world = World()
    await world.hear_of_device()
    await world.live(until=story.START + timedelta(minutes=4))
    world.clock.set(story.START + timedelta(minutes=5))
    (message,) = world.messages.take(CASE_STEPS)
    store = world.rows if part == "rows" else world.messages
    store.away = True
    with pytest.raises(RetryLater):
        await world.step_of(message)
    store.away = False
    await world.messages.send(CASE_STEPS, message)
    await world.live()
    assert (await world.case()).state is S.PROVEN


async def test_an_answer_that_nobody_expected_is_tried_again_with_pauses_and_then_left_to_a_person() -> None:
    world = World()
    await world.put(story.case_in(S.OPENED, world.policy, world.clock.now()))
    world.devices.read_answers = [Unexpected("Graph answered 418") for _ in range(MOST_STUMBLES + 1)]
    await world.live()
    case = await world.case()
    assert case.state is S.NEEDS_PERSON
    assert "Graph answered 418" in case.says
    assert world.devices.read_answers == []


async def test_a_bug_is_raised_for_the_queue_and_given_up_after_five_tries() -> None:
    world = World()
    await world.put(story.case_in(S.OPENED, world.policy, world.clock.now()))
    world.devices.read_answers = [ZeroDivisionError() for _ in range(5)]
    await world.live()
    case = await world.case()
    assert (case.state, case.reason) == (S.NEEDS_PERSON, Reason.STEP_FAILED)
    assert world.devices.read_answers == []


@pytest.mark.parametrize("state", RULES)
async def test_any_step_can_be_given_up(state: CaseState) -> None:
    world = World()
    case = await world.put(story.case_in(state, world.policy, world.clock.now(), wipe=story.attempt(world.clock.now())))
    await world.services.advance.give_up(case.id, case.version)
    # a proven case stays proven
    assert (await world.case()).state is (S.PROVEN if state is S.RECLAIMING_LICENCE else S.NEEDS_PERSON)


@pytest.mark.parametrize("state", [S.NEEDS_PERSON, S.PROVEN, S.CANCELLED])
async def test_a_case_that_rests_is_not_given_up(state: CaseState) -> None:
    world = World()
    case = await world.put(story.case_in(state, world.policy, world.clock.now()))
    await world.services.advance.give_up(case.id, case.version)
    assert await world.case() == case


async def test_a_case_that_moved_on_or_is_unknown_is_not_given_up() -> None:
    world = World()
    case = await world.put(story.case_in(S.WATCHING, world.policy, world.clock.now()))
    await world.services.advance.give_up(case.id, case.version - 1)
    await world.services.advance.give_up("device-unknown", 1)
    assert await world.case() == case


@pytest.mark.parametrize("state", [S.OPENED, S.WATCHING, S.CHECKING_OWNER, S.CHECKING_LICENCE, S.CLEARED_TO_WIPE])
async def test_switched_off_nothing_is_looked_at_and_the_case_waits(state: CaseState) -> None:
    world = World(Mode.OFF)
    await world.put(story.case_in(state, world.policy, world.clock.now()))
    await world.step()
    case = await world.case()
    assert (case.state, case.reason) == (state, Reason.MODE_IS_OFF)
    assert world.devices.reads.total() == 0
    assert world.tenant.reads == 0
    assert world.graph_writes() == {}


async def test_switched_off_a_wiped_device_is_still_watched_home() -> None:
    world = World()
    await world.hear_of_device()
    await world.live(until=story.START + timedelta(hours=73))
    assert (await world.case()).state is S.AWAITING_RETURN
    world.set_settings(Mode.OFF)
    await world.live()
    assert (await world.case()).state is S.PROVEN


@pytest.mark.parametrize(
    "answer",
    [RetryLater("503"), AccessDenied("no sync for us"), Refused(code="BadRequest", message="offline"), Done()],
    ids=lambda answer: type(answer).__name__,
)
async def test_a_check_in_that_fails_changes_nothing_of_what_was_decided(answer: Answer | Exception) -> None:
    """The look hours later is what makes sure that a device which only lacked the licence is not wiped."""
    world = World()
    now = world.clock.now()
    owners = replace(
        story.staged_device(), user_id=story.OWNER_ID, user_principal_name=story.OWNER_UPN, enrolled_by=story.OWNER_UPN
    )
    world.devices.devices[owners.id] = owners
    world.directory.users[story.OWNER_ID] = story.licensed_owner()
    request = LicenceRequest(sku_id=story.PREMIUM_ID, part_number="SPB", requested_at=now)
    await world.put(
        story.case_in(S.AWAITING_LICENCE, world.policy, now, device=identity_of(owners), bound=False, licence=request)
    )
    world.devices.sync_answers = [answer]
    await world.step()
    case = await world.case()
    assert world.devices.synced == {story.DEVICE_ID: 1}
    assert (case.state, case.due_at, case.stumbles) == (S.WATCHING, now + LOOK_FOR_MENDING_AFTER, 0)


async def two_cases_behind_a_gate(world: World) -> tuple[StepDue, StepDue]:
    """Two cases that are due, and a gate whose time has come."""
    await gate_of(world).close(world.clock.now())
    steps: list[StepDue] = []
    for case_id in (story.CASE_ID, "device-2"):
        case = await world.put(story.case_in(S.OPENED, world.policy, world.clock.now(), id=case_id))
        steps.append(StepDue(case_id=case.id, version=case.version))
    return steps[0], steps[1]


async def test_after_a_throttle_one_case_tries_and_the_others_wait_until_it_came_through() -> None:
    world = World()
    first, second = await two_cases_behind_a_gate(world)
    in_between: list[Outcome] = []
    read = world.devices.read

    async def read_while_the_other_waits(managed_device_id: str) -> ManagedDevice | Missing:
        if not in_between:
            in_between.append(await world.services.advance.one_step(second))
        return await read(managed_device_id)

    world.devices.read = read_while_the_other_waits
    assert await world.services.advance.one_step(first) is Outcome.MOVED
    assert in_between == [Outcome.PARKED_BY_GATE]
    assert await gate_of(world).enter(world.clock.now()) == Passage()


@pytest.mark.parametrize(
    "error", [RetryLater("503"), RetryLater("429", timedelta(minutes=1), throttled=True)], ids=["503", "429"]
)
async def test_when_the_one_that_tries_gets_no_answer_the_others_go_on_waiting(error: RetryLater) -> None:
    world = World()
    first, second = await two_cases_behind_a_gate(world)
    world.devices.read_answers = [error]
    await world.services.advance.one_step(first)
    assert await world.services.advance.one_step(second) is Outcome.PARKED_BY_GATE
    assert world.devices.reads.total() == 1


@pytest.mark.parametrize("wish", [None, timedelta()], ids=["none", "zero"])
async def test_a_429_without_a_sensible_time_closes_the_gate_all_the_same(wish: timedelta | None) -> None:
    world = World()
    await world.put(story.case_in(S.OPENED, world.policy, world.clock.now()))
    world.devices.read_answers = [RetryLater("429", wish, throttled=True)]
    await world.step()
    assert await gate_of(world).closed_until(world.clock.now()) == world.clock.now() + FIRST_PAUSE
