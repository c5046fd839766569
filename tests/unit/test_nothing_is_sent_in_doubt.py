"""The wipe protocol when something is not as it was approved: nothing is sent, and the case says where it went and why."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.case import Approval
from shared.domain.facts import Compliance, WipeTarget
from shared.domain.policy import Mode
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.remedy.advance import Outcome
from tests.fakes import story
from tests.fakes.interference import Interference
from tests.fakes.world import World

S = CaseState
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    "change",
    [
        {"entra_device_id": "00000000-0000-4000-8000-00000000ffff"},
        {"serial_number": "5CG1234XYA"},
        {"enrolled_at": story.START},
        {"user_id": story.OWNER_ID},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_another_device_or_enrolment_than_the_approved_one_is_left_to_a_person(change: dict[str, object]) -> None:
    world = World()
    await world.put_intended()
    world.devices.change(story.DEVICE_ID, **change)
    await world.step()
    case = await world.case()
    assert (case.state, case.reason) == (S.NEEDS_PERSON, Reason.DEVICE_CHANGED)
    assert world.devices.wiped.total() == 0


@pytest.mark.parametrize(
    ("change", "state", "reason"),
    [
        ({"compliance": Compliance.COMPLIANT}, S.NO_ACTION_NEEDED, Reason.MENDED_WITHOUT_WIPE),
        ({"compliance": Compliance.IN_GRACE_PERIOD}, S.NEEDS_PERSON, Reason.COMPLIANCE_NOT_KNOWN),
        ({"compliance": Compliance.UNKNOWN}, S.NEEDS_PERSON, Reason.COMPLIANCE_NOT_KNOWN),
        ({"owner_type": "personal"}, S.REFUSED, Reason.DEVICE_NOT_COMPANY_OWNED),
        ({"management_state": "wipePending"}, S.REFUSED, Reason.DEVICE_NOT_MANAGED_NOW),
    ],
)
async def test_a_device_that_no_longer_asks_for_it_is_not_wiped(
    change: dict[str, object], state: CaseState, reason: Reason
) -> None:
    world = World()
    await world.put_intended()
    world.devices.change(story.DEVICE_ID, **change)
    await world.step()
    case = await world.case()
    assert (case.state, case.reason) == (state, reason)
    assert world.devices.wiped.total() == 0


async def test_a_device_that_left_intune_is_not_wiped() -> None:
    world = World()
    await world.put_intended()
    del world.devices.devices[story.DEVICE_ID]
    await world.step()
    assert (await world.case()).state is S.NO_ACTION_NEEDED
    assert world.devices.wiped.total() == 0


async def test_an_owner_who_lost_the_licence_could_not_enrol_again_so_nothing_is_sent() -> None:
    world = World()
    await world.put_intended()
    world.directory.users[story.OWNER_ID] = story.owner_user()
    await world.step()
    case = await world.case()
    assert (case.state, case.reason) == (S.NEEDS_PERSON, Reason.LICENCE_MISSING)
    assert world.devices.wiped.total() == 0


@pytest.mark.parametrize("mode", [Mode.OFF, Mode.REPORT])
async def test_in_a_mode_that_changes_nothing_not_even_a_fitting_approval_sends_a_wipe(mode: Mode) -> None:
    world = World(mode)
    await world.put_intended()
    await world.step()
    assert world.graph_writes() == {}
    assert (await world.case()).state is S.CLEARED_TO_WIPE


@pytest.mark.parametrize("change", [{"enabled": False}, None], ids=["disabled", "gone"])
async def test_an_owner_whose_account_is_gone_or_disabled_could_not_enrol_so_nothing_is_sent(
    change: dict[str, object] | None,
) -> None:
    world = World()
    await world.put_intended()
    owner = world.directory.users.pop(story.OWNER_ID)
    if change is not None:
        world.directory.users[story.OWNER_ID] = replace(owner, **change)
    await world.step()
    case = await world.case()
    assert (case.state, case.reason) == (S.NEEDS_PERSON, Reason.OWNER_DISABLED)
    assert world.devices.wiped.total() == 0


@pytest.mark.parametrize(
    "change",
    [{"user_principal_name": None}, {"user_principal_name": story.STAGING_UPN}],
)
async def test_long_after_the_readiness_checks_the_registration_is_read_again(change: dict[str, object]) -> None:
    world = World()
    await world.put_intended(ready_at=world.clock.now() - timedelta(hours=20))
    registered = world.autopilot.registrations[story.AUTOPILOT_ID]
    world.autopilot.registrations[story.AUTOPILOT_ID] = replace(registered, **change)
    await world.step()
    case = await world.case()
    assert (case.state, case.reason) == (S.NEEDS_PERSON, Reason.DEVICE_NOT_READY)
    assert world.devices.wiped.total() == 0


async def test_a_registration_that_is_still_right_lets_a_late_wipe_go() -> None:
    world = World()
    await world.put_intended(ready_at=world.clock.now() - timedelta(hours=20))
    await world.step()
    assert world.devices.wiped.total() == 1


def none(_: Approval) -> None:
    return None


def used(approval: Approval) -> Approval:
    return replace(approval, used=True)


def expired(approval: Approval) -> Approval:
    return replace(approval, expires_at=story.START - timedelta(seconds=1))


def for_something_else(approval: Approval) -> Approval:
    return replace(approval, proposal="0" * 32)


@pytest.mark.parametrize("spoil", [none, used, expired, for_something_else])
@pytest.mark.parametrize("state", [S.WIPE_INTENDED, S.CLEARED_TO_WIPE])
async def test_without_a_fitting_approval_nothing_is_sent(
    spoil: Callable[[Approval], Approval | None], state: CaseState
) -> None:
    world = World(Mode.APPROVE)
    world.directory.users[story.OWNER_ID] = story.licensed_owner()
    now = world.clock.now()
    case = story.case_in(state, world.policy, now, wipe=story.attempt(now))
    approval = spoil(story.approval_of(case, world.policy, now, by="Ada"))
    await world.put(replace(case, approval=approval))
    await world.live(until=now + 3 * DAY)
    assert world.devices.wiped.total() == 0
    assert (await world.case()).state is S.AWAITING_APPROVAL


async def pay_for_others(world: World, count: int, *, serial_number: str = "other-{}", back: bool = False) -> None:
    for number in range(count):
        nonce = f"other-{number}"
        serial = serial_number.format(number)
        unlimited = replace(world.policy, wipes_per_hour=99, wipes_per_day=99, wipes_in_flight=99, ramp=(99,))
        assert await world.pay(nonce, WipeTarget(serial_number=serial), unlimited) is None
        if back:
            await world.budget.became(nonce=nonce, back_at=world.clock.now(), now=world.clock.now())


@pytest.mark.parametrize(
    ("setting", "frees_after"), [("wipes_per_hour", HOUR), ("wipes_per_day", DAY)], ids=["in an hour", "in a day"]
)
async def test_a_spent_budget_makes_the_wipe_wait_until_it_frees(setting: str, frees_after: timedelta) -> None:
    world = World(Mode.AUTO, **{setting: 2})
    await world.put_intended()
    await pay_for_others(world, 2, back=True)
    begun = world.clock.now()
    await world.live(until=begun + frees_after - timedelta(minutes=1))
    case = await world.case()
    assert (case.state, case.reason) == (S.CLEARED_TO_WIPE, Reason.WIPE_BUDGET_SPENT)
    assert world.devices.wiped.total() == 0
    if frees_after == HOUR:  # a day later the clearance has to be given anew
        await world.live(until=begun + frees_after + timedelta(minutes=31))
        assert world.devices.wiped.total() == 1


async def test_too_many_devices_that_are_not_back_yet_hold_the_wipe() -> None:
    world = World(wipes_in_flight=1)
    await world.put_intended()
    await pay_for_others(world, 1)
    await world.live(until=world.clock.now() + HOUR * 20)
    assert world.devices.wiped.total() == 0
    await world.budget.became(nonce="other-0", back_at=world.clock.now(), now=world.clock.now())
    await world.live(until=world.clock.now() + HOUR)
    assert world.devices.wiped.total() == 1


async def test_a_serial_number_is_not_wiped_twice_in_a_month() -> None:
    world = World()
    await world.put_intended()
    await pay_for_others(world, 1, serial_number=story.SERIAL_NUMBER.lower(), back=True)
    await world.live()
    case = await world.case()
    assert (case.state, case.reason) == (S.NEEDS_PERSON, Reason.SERIAL_WIPED_RECENTLY)
    assert world.devices.wiped.total() == 0


async def test_of_two_cases_for_the_last_wipe_of_the_budget_one_waits() -> None:
    """Both have passed the fence when the other one pays."""
    world = World(wipes_per_hour=1)
    await world.put_intended()
    another_pays = Interference(lambda call: call.name == "devices.reread", lambda: pay_for_others(world, 1))
    assert await world.step(world.another_worker(another_pays)) is Outcome.MOVED
    case = await world.case()
    assert (case.state, case.reason) == (S.CLEARED_TO_WIPE, Reason.WIPE_BUDGET_SPENT)
    assert world.devices.wiped.total() == 0


async def test_every_attempt_is_written_down_with_a_nonce_of_its_own() -> None:
    world = World()
    await world.put_intended()
    await world.freeze.set(frozen=True, by="Ada", why="wait", at=world.clock.now())
    await world.step()
    await world.freeze.set(frozen=False, by="Ada", why="go on", at=world.clock.now())
    await world.live(until=world.clock.now() + HOUR)
    case = await world.case()
    assert case.wipe is not None
    assert (case.wipe.number, case.wipe.nonce != story.attempt(world.clock.now()).nonce) == (2, True)
    assert world.devices.wiped.total() == 1
