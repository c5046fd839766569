"""A split deployment: the same story, and what each part cannot do whatever it is asked."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

import pytest

from shared.domain.facts import WipeTarget
from shared.domain.hint import Subject
from shared.domain.part import Part
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.errors import AccessDenied
from shared.intake.messages import read_hints
from shared.names import CASE_STEPS, HINTS, WIPE_STEPS
from shared.records.subscriptions import KeptSubscription, SubscriptionBook
from shared.remedy.advance import Advance, Outcome
from shared.remedy.messages import StepDue, read_step
from shared.rules.decide import RULES
from shared.services import Services
from tests.fakes import story
from tests.fakes.interference import Interference, die
from tests.fakes.world import World

S = CaseState


@dataclass(frozen=True)
class _TwoApps:
    """What the two queues lead to when the worker and the wiper are apps of their own."""

    worker: Advance
    wiper: Advance

    async def one_step(self, step: StepDue) -> Outcome:
        return await self.worker.one_step(step)

    async def wipe_step(self, step: StepDue) -> Outcome:
        return await self.wiper.wipe_step(step)

    async def give_up(self, case_id: str, version: int) -> None:
        await self.worker.give_up(case_id, version)


def watched() -> Interference:
    """Notes every call and disturbs none."""
    return Interference(lambda _: False, die)


def split(world: World, at_worker: Interference, at_wiper: Interference) -> Services:
    worker, wiper = world.part(Part.WORKER, at_worker), world.part(Part.WIPER, at_wiper)
    worker.advance = cast("Advance", _TwoApps(worker.advance, wiper.advance))  # it has what a handler calls
    return worker


def graph_calls(interference: Interference) -> set[str]:
    graph = ("devices.", "directory.", "autopilot.", "tenant.", "subscriptions.")
    return {call.name for call in interference.calls if call.name.startswith(graph)}


async def test_worker_and_wiper_tell_the_story_together() -> None:
    world, worker, wiper = World(), watched(), watched()
    await world.hear_of_device()
    await world.live(split(world, worker, wiper))
    assert (await world.case()).state is S.PROVEN
    assert world.graph_writes() == {"assign": 1, "bind": 1, "wipe": 1}
    assert graph_calls(wiper) == {"devices.reread", "directory.user", "devices.wipe"}
    assert {"devices.wipe", "devices.sync", "devices.reread"}.isdisjoint(graph_calls(worker))


async def test_the_wiper_also_hands_the_case_back_when_a_guardrail_holds_the_wipe() -> None:
    world = World()
    await world.freeze.set(frozen=True, by="Ada", why="wait", at=world.clock.now())
    await put_intended(world)
    assert await world.step(world.part(Part.WIPER)) is Outcome.MOVED
    assert (await world.case()).state is S.CLEARED_TO_WIPE
    assert world.messages.queues[WIPE_STEPS] == []
    (message,) = world.messages.queues[CASE_STEPS]
    assert read_step(message.body).version == (await world.case()).version


async def put_intended(world: World) -> None:
    world.directory.users[story.OWNER_ID] = story.licensed_owner()
    now = world.clock.now()
    await world.fleet.look(at_most=timedelta())
    await world.put(story.case_in(S.WIPE_INTENDED, world.policy, now, wipe=story.attempt(now)))


async def test_a_wipe_that_lies_in_the_wrong_queue_is_handed_on_once() -> None:
    world = World()
    await put_intended(world)
    case = await world.case()
    step = StepDue(case_id=case.id, version=case.version)
    assert await world.services.advance.one_step(step) is Outcome.HANDED_ON
    assert await world.case() == case
    assert world.messages.queues[CASE_STEPS] == []
    assert [read_step(each.body) for each in world.messages.queues[WIPE_STEPS]] == [step]
    assert world.graph_writes() == {}


@pytest.mark.parametrize("state", [state for state in RULES if state is not S.WIPE_INTENDED])
async def test_the_wiper_runs_nothing_but_intended_wipes(state: CaseState) -> None:
    world, wiper = World(), watched()
    now = world.clock.now()
    case = await world.put(story.case_in(state, world.policy, now, wipe=story.attempt(now)))
    step = StepDue(case_id=case.id, version=case.version)
    assert await world.part(Part.WIPER, wiper).advance.wipe_step(step) is Outcome.HANDED_ON
    assert await world.case() == case
    assert graph_calls(wiper) == set()
    assert [read_step(each.body) for each in world.messages.queues[CASE_STEPS]] == [step]


@pytest.mark.parametrize("queue", [CASE_STEPS, WIPE_STEPS])
@pytest.mark.parametrize("state", RULES)
async def test_a_worker_never_wipes_or_syncs_whatever_message_it_gets(state: CaseState, queue: str) -> None:
    world = World()
    world.directory.users[story.OWNER_ID] = story.licensed_owner()
    now = world.clock.now()
    await world.put(story.case_in(state, world.policy, now, wipe=story.attempt(now)))
    worker = world.part(Part.WORKER)
    for _ in range(6):
        case = await world.case()
        step = StepDue(case_id=case.id, version=case.version)
        await (worker.advance.wipe_step(step) if queue == WIPE_STEPS else worker.advance.one_step(step))
        world.clock.set(max(world.clock.now(), (await world.case()).due_at or world.clock.now()))
    assert {"wipe", "sync"}.isdisjoint(world.graph_writes())


async def test_a_worker_that_is_made_to_wipe_is_refused_and_pays_nothing() -> None:
    world = World()
    await put_intended(world)
    await world.step(world.part(Part.WORKER))
    case = await world.case()
    assert (case.state, case.reason) == (S.NEEDS_PERSON, Reason.WIPE_REFUSED)
    assert world.devices.wiped.total() == 0
    assert (await world.budget.view(WipeTarget(serial_number=story.SERIAL_NUMBER), world.clock.now())).in_flight == 0


@pytest.mark.parametrize(("part", "synced"), [(Part.SINGLE, 1), (Part.WORKER, 0)])
async def test_a_licence_that_may_mend_the_device_ends_the_case_with_and_without_a_sync(
    part: Part, synced: int
) -> None:
    """The owner enrolled the device before having a licence; the device checks in by itself as well."""
    world = World()
    world.devices.change(story.DEVICE_ID, user_id=story.OWNER_ID, user_principal_name=story.OWNER_UPN)
    mended = timedelta(hours=9)
    world.later(mended, lambda: world.devices.change(story.DEVICE_ID, compliance=story.Compliance.COMPLIANT))
    await world.hear_of_device()
    await world.live(world.part(part))
    assert (await world.case()).state is S.NO_ACTION_NEEDED
    assert world.graph_writes() == {"assign": 1} | ({"sync": synced} if synced else {})


async def test_the_intake_stores_hints_and_calls_no_graph() -> None:
    world, intake = World(), watched()
    book = SubscriptionBook(world.rows, world.ids)
    now = world.clock.now()
    kept = KeptSubscription(
        resource="users", id=story.SUBSCRIPTION_ID, expires_at=now + timedelta(days=20), renewed_at=now
    )
    await book.keep(kept)
    genuine = {
        "changeType": "updated",
        "clientState": story.CLIENT_STATE,
        "resource": f"Users/{story.OWNER_ID}",
        "subscriptionId": story.SUBSCRIPTION_ID,
        "tenantId": story.TENANT_ID,
    }
    lifecycle = {**genuine, "lifecycleEvent": "reauthorizationRequired"}
    body = json.dumps({"value": [genuine, lifecycle]}).encode()
    await world.part(Part.INTAKE, intake).receive.receive(body)
    (message,) = world.messages.queues[HINTS]
    assert [hint.subject for hint in read_hints(message.body)] == [Subject.USER]
    assert [each.asked_to_renew for each in await book.all()] == [True]
    assert graph_calls(intake) == set()
    tables = {call.arguments[0] for call in intake.calls if call.name.startswith("rows.")}
    assert tables == {"subscriptions"}


async def test_whatever_else_is_asked_of_the_intake_calls_no_graph() -> None:
    world, intake = World(), watched()
    await put_intended(world)
    services = world.part(Part.INTAKE, intake)
    await services.advance.wipe_step(StepDue(case_id=story.CASE_ID, version=7))
    with pytest.raises(AccessDenied):
        await services.take_hint.open_or_wake(world.hint())
    assert graph_calls(intake) == set()
    assert world.graph_writes() == {}
