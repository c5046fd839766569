"""A bad compliance policy turns a thousand PCs non-compliant at once, in mode auto: none is wiped, and all is frozen once."""

import asyncio
import logging
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.case import Case, Owner
from shared.domain.policy import Mode
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.remedy.messages import StepDue
from shared.rules.confirm import identity_of
from tests.fakes import story
from tests.fakes.world import World

pytestmark = pytest.mark.long

S = CaseState
A_DAY = timedelta(days=1)
AT_ONCE = 50
"""So many workers."""


async def a_world_of_due_wipes(
    how_many: int, state: CaseState = S.CLEARED_TO_WIPE, mode: Mode = Mode.AUTO, **limits: int
) -> World:
    """Every PC has an owner of its own and waits for nothing but its wipe; until yesterday 50 of 5000 were non-compliant."""
    wide = {"wipes_per_day": 150, "wipes_per_hour": 100, "wipes_in_flight": 100}
    world = World(mode, ramp="99", **{**wide, **limits})
    world.wiped_pc_returns_after = None
    world.devices.devices.clear()
    await world.services.watch_fleet.run()
    world.clock.move(A_DAY)
    for number in range(how_many):
        await world.put(_due_wipe(world, number, state))
    return world


def _due_wipe(world: World, number: int, state: CaseState) -> Case:
    owner = replace(
        story.licensed_owner(),
        id=f"22222222-0000-4000-8000-{number:012}",
        user_principal_name=f"user{number}@contoso.example",
    )
    device = replace(
        story.staged_device(),
        id=f"0d7f3b4a-6c53-4be6-9a3f-{number:012}",
        entra_device_id=f"3c9f2f3e-98c0-44b5-8f3f-{number:012}",
        serial_number=f"SN{number:05}",
        name=f"PC-{number:05}",
        last_sync_at=world.clock.now(),
        logged_on_user_ids=(owner.id,),
    )
    registration = replace(
        story.registration(),
        id=f"52b8f0f4-9d0a-4b0e-8a51-{number:012}",
        serial_number=device.serial_number,
        managed_device_id=device.id,
        user_principal_name=owner.user_principal_name,
    )
    world.devices.devices[device.id] = device
    world.directory.users[owner.id] = owner
    world.autopilot.registrations[registration.id] = registration
    now = world.clock.now()
    return story.case_in(
        state,
        world.policy,
        now,
        id=f"device-{device.id}",
        serial_number=device.serial_number,
        device=identity_of(device),
        autopilot_id=registration.id,
        owner=Owner(
            user_id=owner.id,
            user_principal_name=owner.user_principal_name,
            display_name=owner.display_name,
            source="users",
        ),
        wipe=story.attempt(now, nonce=f"nonce-{number}") if state is S.WIPE_INTENDED else None,
    )


async def all_steps(world: World) -> Counter[tuple[CaseState, Reason]]:
    """One step of every case, many at once, and where they are then."""
    ids = [line.case_id async for line in world.cases.open_cases()]
    for begin in range(0, len(ids), AT_ONCE):
        await asyncio.gather(*(_step(world, case_id) for case_id in ids[begin : begin + AT_ONCE]))
    cases = [await world.case(case_id) for case_id in ids]
    return Counter((case.state, case.reason) for case in cases)


async def _step(world: World, case_id: str) -> None:
    case = await world.case(case_id)
    advance, due = world.services.advance, StepDue(case_id=case.id, version=case.version)
    await (advance.wipe_step(due) if case.state is S.WIPE_INTENDED else advance.one_step(due))


def freezes(caplog: pytest.LogCaptureFixture) -> int:
    return sum(record.getMessage() == "freeze.set" for record in caplog.records)


@pytest.mark.parametrize("watchdog_runs", [True, False])
async def test_a_thousand_due_wipes_are_held_by_one_freeze(
    watchdog_runs: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    world = await a_world_of_due_wipes(1000)
    world.tenant.noncompliant = 1050
    for _ in range(3):
        if watchdog_runs:
            await world.services.watch_fleet.run()
        ends = await all_steps(world)
        assert sum(ends.values()) == 1000
        assert {state for state, _ in ends} == {S.CLEARED_TO_WIPE}
        # of workers that count at the same time some are in each other's way: they wait, as they do for Graph
        assert {Reason.FROZEN} <= {reason for _, reason in ends} <= {Reason.SPIKE, Reason.FROZEN, Reason.GRAPH_BUSY}
        world.clock.move(timedelta(hours=1))
    assert (world.devices.wiped.total(), await world.paid_wipes(), freezes(caplog)) == (0, 0, 1)


async def test_wipes_written_down_before_the_spike_are_not_sent(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    world = await a_world_of_due_wipes(1000, S.WIPE_INTENDED)
    world.tenant.noncompliant = 1050
    await world.fleet.look(at_most=timedelta())
    ends = await all_steps(world)
    assert {state for state, _ in ends} == {S.CLEARED_TO_WIPE}
    assert (world.devices.wiped.total(), await world.paid_wipes(), freezes(caplog)) == (0, 0, 1)


async def test_without_the_spike_the_same_wipes_are_sent() -> None:
    world = await a_world_of_due_wipes(10)
    for _ in range(6):  # clearing, then paying: of those that pay at the same time some wait
        await all_steps(world)
        world.clock.move(timedelta(minutes=1))
    assert world.devices.wiped.total() == 10
