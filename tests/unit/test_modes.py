"""How far Handover goes in each mode: report changes nothing, approve waits for a person, and seats are waited for."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.case import proposal_of
from shared.domain.effects import AssignLicence, BindOwner, Effect, Matter, SyncDevice, TellOwner
from shared.domain.facts import Compliance
from shared.domain.hint import Cause
from shared.domain.policy import Mode
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.notices.letters import Letters
from shared.operate.refusals import NotNow
from shared.remedy.act import Actor, WriteForbidden
from shared.remedy.brake import Brake
from tests.fakes import story
from tests.fakes.people import ADA
from tests.fakes.world import World

S = CaseState


async def awaiting_approval() -> World:
    """The story in approve mode, up to the question."""
    world = World(Mode.APPROVE)
    await world.hear_of_device()
    await world.live(until=story.START + timedelta(days=4))
    assert (await world.case()).state is S.AWAITING_APPROVAL
    return world


async def test_report_mode_writes_nothing_and_says_what_would_have_happened() -> None:
    world = World(Mode.REPORT)
    await world.hear_of_device()
    await world.live()
    case = await world.case()
    assert case.state is S.REPORTED
    assert world.graph_writes() == {}
    assert case.would_do == (
        f"assign SPB to {story.OWNER_UPN}",
        f"bind the Autopilot device to {story.OWNER_UPN}",
        "wipe the device once",
    )


@pytest.mark.long
@pytest.mark.parametrize("state", [state for state in S if not state.ended and state is not S.NEEDS_PERSON])
async def test_report_mode_writes_nothing_whatever_state_a_case_was_in(state: CaseState) -> None:
    """The mode was auto when the case came this far."""
    world = World(Mode.AUTO)
    now = world.clock.now()
    sent = state in (S.WIPE_SENT, S.WIPE_UNKNOWN, S.AWAITING_RETURN, S.AWAITING_PROOF)
    await world.put(story.case_in(state, world.policy, now, bound=False, wipe=story.attempt(now, sent=sent)))
    world.set_settings(Mode.REPORT)
    await world.live()
    assert world.graph_writes() == {}


@pytest.mark.parametrize("mode", [Mode.OFF, Mode.REPORT])
@pytest.mark.parametrize(
    "effect",
    [
        AssignLicence(user_id=story.OWNER_ID, sku_id=story.PREMIUM_ID),
        BindOwner(autopilot_id=story.AUTOPILOT_ID, user_principal_name=story.OWNER_UPN, display_name="DEF456"),
        SyncDevice(managed_device_id=story.DEVICE_ID),
        TellOwner(
            matter=Matter.WIPE_COMING,
            case_id=story.CASE_ID,
            user_id=story.OWNER_ID,
            user_principal_name=story.OWNER_UPN,
            display_name="DEF456",
            device_name="PC-0427",
            serial_number=story.SERIAL_NUMBER,
        ),
    ],
    ids=lambda effect: type(effect).__name__,
)
async def test_even_a_wrong_rule_cannot_write_in_a_mode_that_changes_nothing(mode: Mode, effect: Effect) -> None:
    world = World(mode)
    actor = Actor(
        devices=world.devices,
        directory=world.directory,
        autopilot=world.autopilot,
        mail=world.mail,
        letters=Letters(language="en", time_zone="UTC"),
        brake=Brake(freeze=world.freeze, clock=world.clock),
    )
    with pytest.raises(WriteForbidden):
        await actor.perform(effect, world.policy)
    assert world.graph_writes() == {}


async def test_approve_mode_binds_and_then_waits_for_a_person() -> None:
    world = await awaiting_approval()
    await world.live(until=world.clock.now() + timedelta(days=20))
    assert (await world.case()).state is S.AWAITING_APPROVAL
    assert world.graph_writes() == {"assign": 1, "bind": 1}


async def test_an_approval_lets_exactly_one_wipe_go() -> None:
    world = await awaiting_approval()
    case = await world.case()
    assert case.proposal is not None
    await world.services.operate.approve(case.id, case.proposal, ADA)
    await world.live()
    case = await world.case()
    assert case.state is S.PROVEN
    assert world.devices.wiped.total() == 1
    assert case.approval is not None and (case.approval.by, case.approval.used) == ("Ada", True)
    assert case.wipe is not None and case.wipe.allowed_by == "Ada"


async def test_an_approval_of_something_else_is_refused() -> None:
    world = await awaiting_approval()
    case = await world.case()
    other_owner = replace(case, owner=replace(case.owner, user_id=story.STAGING_ID) if case.owner else None)
    for wrong in ("", "0" * 32, proposal_of(other_owner, world.policy.version), proposal_of(case, "other policy")):
        with pytest.raises(NotNow):
            await world.services.operate.approve(case.id, wrong, ADA)
    await world.live(until=world.clock.now() + timedelta(days=2))
    assert world.devices.wiped.total() == 0


async def test_an_approval_does_not_survive_a_change_of_policy() -> None:
    world = await awaiting_approval()
    case = await world.case()
    assert case.proposal is not None
    await world.services.operate.approve(case.id, case.proposal, ADA)
    world.set_settings(Mode.APPROVE, wipes_per_day=24)
    await world.live(until=world.clock.now() + timedelta(hours=1))
    case = await world.case()
    assert (case.state, case.reason) == (S.AWAITING_APPROVAL, Reason.APPROVAL_NO_LONGER_FITS)
    assert world.devices.wiped.total() == 0


async def test_nobody_is_asked_any_longer_when_the_device_is_compliant_again() -> None:
    world = await awaiting_approval()
    world.devices.change(story.DEVICE_ID, compliance=Compliance.COMPLIANT)
    await world.live()
    assert (await world.case()).state is S.NO_ACTION_NEEDED
    assert world.devices.wiped.total() == 0


async def test_without_a_free_seat_nothing_is_wiped_and_the_case_goes_on_when_one_appears() -> None:
    world = World()
    world.tenant.skus[story.PREMIUM_ID] = story.premium(seats=1, used=1)
    await world.hear_of_device()
    await world.live(until=story.START + timedelta(days=6))
    assert (await world.case()).state is S.AWAITING_SEAT
    assert world.graph_writes() == {}
    world.tenant.skus[story.PREMIUM_ID] = story.premium(seats=2, used=1)
    await world.live()
    assert (await world.case()).state is S.PROVEN
    assert world.devices.wiped.total() == 1


async def test_a_licence_that_is_slow_to_arrive_is_waited_for() -> None:
    world = World()
    world.directory.provisions = False
    world.later(timedelta(minutes=18), lambda: world.directory.provision(story.OWNER_ID))
    await world.hear_of_device()
    await world.live()
    assert (await world.case()).state is S.PROVEN
    assert Reason.LICENCE_PROVISIONING in await world.reasons()
    assert world.graph_writes() == {"assign": 1, "bind": 1, "wipe": 1}


async def test_a_licence_that_never_arrives_ends_with_a_person_before_any_wipe() -> None:
    world = World()
    world.directory.provisions = False
    await world.hear_of_device()
    await world.live()
    case = await world.case()
    assert (case.state, case.reason) == (S.NEEDS_PERSON, Reason.LICENCE_TOO_SLOW)
    assert world.devices.wiped.total() == 0


@pytest.mark.parametrize("who", [story.STAGING_ID, "stranger"])
async def test_a_device_that_comes_back_under_somebody_else_is_left_to_a_person(who: str) -> None:
    world = World()
    world.signs_in = replace(story.licensed_owner(), id=who, user_principal_name=f"{who}@contoso.example")
    await world.hear_of_device()
    await world.live()
    case = await world.case()
    assert (case.state, case.reason) == (S.NEEDS_PERSON, Reason.WRONG_USER_SIGNED_IN)
    assert world.devices.wiped.total() == 1


async def test_a_device_that_never_comes_back_is_left_to_a_person_after_a_week() -> None:
    world = World()
    world.wiped_pc_returns_after = None
    await world.hear_of_device()
    await world.live()
    case = await world.case()
    assert (case.state, case.reason) == (S.NEEDS_PERSON, Reason.DID_NOT_RETURN)
    assert world.clock.now() - story.START < timedelta(days=11)
    assert world.devices.wiped.total() == 1


async def test_a_named_owner_decides_whose_device_it_is() -> None:
    world = World()
    await world.services.take_hint.open_or_wake(world.hint(Cause.USER_ASSIGNED, owner=story.OWNER_UPN))
    await world.live()
    case = await world.case()
    assert case.state is S.PROVEN
    assert case.owner is not None and case.owner.source == "assignment event"
