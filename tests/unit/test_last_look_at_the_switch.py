"""The kill switch is read once more when the case says WIPE_SENT, right before the one request."""

from datetime import timedelta

import pytest

from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.remedy.wipe import SWITCH_AT_MOST
from tests.fakes.interference import Call, Interference, die
from tests.fakes.world import World

S = CaseState


def case_is_saved(call: Call) -> bool:
    """The write of WIPE_SENT: the first write of the cases table."""
    return call.name == "rows.write" and call.arguments[0] == "cases"


async def test_a_freeze_while_the_case_is_saved_still_stops_the_wipe_and_gives_the_budget_back() -> None:
    world = World()
    await world.put_intended()

    async def freeze() -> None:
        await world.freeze.set(frozen=True, by="Ada", why="wrong policy", at=world.clock.now())

    await world.step(world.another_worker(Interference(case_is_saved, freeze)))

    case = await world.case()
    assert world.devices.wiped.total() == 0
    assert (case.state, case.reason) == (S.CLEARED_TO_WIPE, Reason.FROZEN)
    assert case.approval is not None and not case.approval.used
    assert await world.paid_wipes() == 0
    await world.freeze.set(frozen=False, by="Ada", why="mended", at=world.clock.now())
    await world.live()
    assert (await world.case()).state is S.PROVEN


@pytest.mark.parametrize("too_long", [True, False])
async def test_a_reading_that_took_too_long_is_no_reading(too_long: bool) -> None:
    world = World()
    await world.put_intended()
    saved = False

    async def slow() -> None:
        world.clock.move(SWITCH_AT_MOST + timedelta(seconds=1 if too_long else 0))

    def after_the_save(call: Call) -> bool:
        nonlocal saved
        saved = saved or case_is_saved(call)
        return saved and call.name == "rows.get" and call.arguments[1] == "switch"

    await world.step(world.another_worker(Interference(after_the_save, slow)))

    assert world.devices.wiped.total() == (0 if too_long else 1)


async def test_a_switch_that_cannot_be_read_in_the_last_moment_stops_the_wipe() -> None:
    world = World()
    await world.put_intended()

    async def spoil() -> None:
        await world.rows.upsert("ledgers", "switch", "freeze", {"body": "no JSON", "write_id": "x"})

    await world.step(world.another_worker(Interference(case_is_saved, spoil)))

    assert world.devices.wiped.total() == 0
    assert (await world.case()).state is S.CLEARED_TO_WIPE


async def test_between_the_note_that_a_wipe_is_sent_and_the_wipe_nothing_but_the_switch_is_asked_for() -> None:
    world = World()
    await world.put_intended()
    at = Interference(lambda _: False, die)
    await world.step(world.another_worker(at))
    noted = next(number for number, call in enumerate(at.calls) if case_is_saved(call))
    between = [(call.name, call.arguments[:2]) for call in at.calls[noted + 1 : noted + 3]]
    assert between[0] == ("rows.get", ("ledgers", "switch"))
    assert between[1][0] == "devices.wipe"
