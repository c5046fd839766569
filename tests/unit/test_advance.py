"""The engine over fakes: the story from its first hint to its end, and what becomes of every kind of step message."""

import asyncio
import itertools
from datetime import timedelta

import pytest

from shared.domain.case import JournalEntry
from shared.domain.facts import Compliance, WipeTarget
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.errors import Changed
from shared.names import CASE_STEPS
from shared.remedy.advance import Outcome
from shared.remedy.messages import StepDue, read_step
from tests.builders import failing
from tests.fakes import story
from tests.fakes.interference import Interference
from tests.fakes.world import World

S = CaseState
THE_STORY = [
    S.OPENED,
    S.CHECKING_OWNER,
    S.CHECKING_LICENCE,
    S.AWAITING_LICENCE,
    S.WATCHING,
    S.CHECKING_READINESS,
    S.BINDING,
    S.CLEARED_TO_WIPE,
    S.WIPE_INTENDED,
    S.WIPE_SENT,
    S.AWAITING_RETURN,
    S.AWAITING_PROOF,
    S.PROVEN,
]


async def test_the_device_of_def456_is_proven_after_one_licence_one_binding_and_one_wipe() -> None:
    world = World()
    await world.hear_of_device()
    await world.live()
    assert await world.states() == THE_STORY
    assert world.graph_writes() == {"assign": 1, "bind": 1, "wipe": 1}
    case = await world.case()
    assert case.owner is not None and case.owner.user_principal_name == story.OWNER_UPN
    assert case.returned_device_id == story.RETURNED_ID
    assert world.autopilot.registrations[story.AUTOPILOT_ID].user_principal_name == story.OWNER_UPN
    assert world.clock.now() - story.START < timedelta(days=4)
    used = await world.budget.view(WipeTarget(serial_number=story.SERIAL_NUMBER), world.clock.now())
    assert (used.last_day, used.in_flight) == (1, 0)


async def test_the_journal_tells_the_story_without_a_gap() -> None:
    world = World()
    await world.hear_of_device()
    await world.live()
    journal: list[JournalEntry] = await world.cases.journal(story.CASE_ID)
    assert [entry.sequence for entry in journal] == list(range(1, len(journal) + 1))
    assert journal[-1].sequence == (await world.case()).version
    for before, after in itertools.pairwise(journal):
        assert after.from_state is before.to_state
        assert after.at >= before.at


async def test_nothing_is_wiped_before_three_days_of_non_compliance() -> None:
    world = World()
    await world.hear_of_device()
    await world.live(until=story.START + timedelta(hours=71))
    assert world.graph_writes() == {"assign": 1}
    assert (await world.case()).state is S.WATCHING


async def test_a_device_that_mends_itself_while_it_is_watched_is_not_wiped() -> None:
    world = World()
    world.later(timedelta(hours=50), lambda: world.devices.change(story.DEVICE_ID, compliance=Compliance.COMPLIANT))
    await world.hear_of_device()
    await world.live()
    assert (await world.case()).state is S.NO_ACTION_NEEDED
    assert world.devices.wiped.total() == 0


@pytest.mark.parametrize("version", [6, 8])
async def test_a_message_about_another_version_is_dropped(version: int) -> None:
    world = World()
    case = await world.put(story.case_in(S.WATCHING, world.policy, world.clock.now()))
    step = StepDue(case_id=case.id, version=version)
    assert await world.services.advance.one_step(step) is Outcome.STALE
    assert await world.case() == case
    assert world.messages.queues[CASE_STEPS] == []


async def test_a_message_about_an_unknown_case_is_dropped() -> None:
    world = World()
    step = StepDue(case_id="device-nobody-knows", version=1)
    assert await world.services.advance.one_step(step) is Outcome.UNKNOWN_CASE


@pytest.mark.parametrize("state", [S.NEEDS_PERSON, *(state for state in S if state.ended)])
async def test_a_case_that_rests_is_left_alone(state: CaseState) -> None:
    world = World()
    case = await world.put(story.case_in(state, world.policy, world.clock.now()))
    assert await world.step() is Outcome.RESTS
    assert await world.case() == case


async def test_a_message_that_is_hours_early_is_dropped() -> None:
    world = World()
    due = world.clock.now() + timedelta(hours=3)
    await world.put(story.case_in(S.WATCHING, world.policy, world.clock.now(), due_at=due))
    assert await world.step() is Outcome.EARLY
    assert world.messages.queues[CASE_STEPS] == []


async def test_a_message_that_is_early_by_clock_skew_is_sent_again_for_the_right_time() -> None:
    world = World()
    due = world.clock.now() + timedelta(seconds=90)
    case = await world.put(story.case_in(S.WATCHING, world.policy, world.clock.now(), due_at=due))
    assert await world.step() is Outcome.EARLY
    (again,) = world.messages.queues[CASE_STEPS]
    assert again.visible_at == due
    assert read_step(again.body) == StepDue(case_id=case.id, version=case.version)


@pytest.mark.parametrize("head_start", range(12))
async def test_of_two_workers_with_the_same_message_one_wins_and_the_other_changes_nothing(head_start: int) -> None:
    world = World()
    await world.put(story.case_in(S.CHECKING_LICENCE, world.policy, world.clock.now()))

    async def late_worker() -> Outcome:
        for _ in range(head_start):
            await asyncio.sleep(0)
        return await world.step(world.another_worker())

    outcomes = await asyncio.gather(world.step(), late_worker())
    assert Outcome.MOVED in outcomes
    assert set(outcomes) <= {Outcome.MOVED, Outcome.LOST_RACE, Outcome.EARLY, Outcome.STALE}
    assert outcomes.count(Outcome.MOVED) == 1
    assert world.directory.assigned.total() == 1
    journal = await world.cases.journal(story.CASE_ID)
    assert [entry.sequence for entry in journal] == list(range(7, 7 + len(journal)))


@pytest.mark.parametrize("head_start", [0, 1, 2])
async def test_the_loser_of_a_race_says_so(head_start: int) -> None:
    """Two workers that have both read the case before either wrote it."""
    world = World()
    await world.put(story.case_in(S.OPENED, world.policy, world.clock.now()))

    async def late_worker() -> Outcome:
        for _ in range(head_start):
            await asyncio.sleep(0)
        return await world.step(world.another_worker())

    assert sorted(await asyncio.gather(world.step(), late_worker())) == [Outcome.LOST_RACE, Outcome.MOVED]


async def test_a_lost_answer_to_our_own_write_is_not_taken_for_a_lost_race() -> None:
    """Every conditional write of the story, in turn, is made and answered with Changed all the same."""

    async def answer_changed() -> None:
        raise Changed("our own write, repeated by the storage client")

    undisturbed, counting = World(), Interference(lambda _: False, answer_changed)
    await undisturbed.hear_of_device()
    await undisturbed.live(undisturbed.another_worker(counting))
    writes = sum(call.name == "rows.write" for call in counting.calls)
    assert writes > 10
    for number in range(1, writes + 1):
        world = World()
        lost = Interference(
            lambda call, number=number: (call.name, call.nth) == ("rows.write", number), answer_changed, after=True
        )
        await world.hear_of_device()
        await world.live(world.another_worker(lost))
        assert lost.struck_at is not None
        assert await world.states() == THE_STORY, lost.struck_at
        assert world.graph_writes() == undisturbed.graph_writes(), lost.struck_at
        assert world.clock.now() == undisturbed.clock.now(), lost.struck_at


async def test_the_policies_of_the_device_are_read_once_before_its_wipe() -> None:
    world = World()
    await world.hear_of_device()
    await world.live()
    assert world.devices.policy_reads == 1


async def test_a_device_that_the_licence_cannot_mend_but_no_wipe_can_either_costs_one_reading_and_no_wipe() -> None:
    world = World()
    world.devices.policies[story.DEVICE_ID] = failing("Windows10CompliancePolicy.BitLockerEnabled")
    await world.hear_of_device()
    await world.live()
    assert (await world.case()).reason is Reason.FAILING_SETTING_NOT_MENDED
    assert (world.devices.policy_reads, world.graph_writes()) == (1, {"assign": 1})


async def test_a_device_that_left_before_its_policies_were_read_is_not_wiped() -> None:
    world = World()
    world.devices.policy_answers = [()]
    await world.hear_of_device()
    await world.live()
    assert (await world.case()).reason is Reason.FAILING_SETTING_UNKNOWN
    assert world.graph_writes() == {"assign": 1}


@pytest.mark.parametrize(
    ("fields", "state"),
    [({"owner_type": "personal"}, S.INSTRUCTED), ({"model": "Cloud PC Enterprise"}, S.NEEDS_PERSON)],
)
async def test_neither_a_personal_device_nor_a_cloud_pc_is_bound_or_wiped(
    fields: dict[str, object], state: CaseState
) -> None:
    world = World(mail_from="it@contoso.example")
    world.devices.change(story.DEVICE_ID, **fields)
    await world.hear_of_device()
    await world.live()
    assert (await world.case()).state is state
    assert world.graph_writes() == {"assign": 1, **({"mail": 1} if state is S.INSTRUCTED else {})}
