"""Assignments: an explicit word about whose device it is answers the question, or contradicts the answer before a wipe."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.case import Case
from shared.domain.hint import Cause, Hint
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.intake.take_hint import REMEMBER_AN_OWNER_FOR, Taken
from tests.fakes import story
from tests.fakes.world import World

S, T = CaseState, Taken
OTHER_UPN = "other@contoso.example"
OWNER_REASONS = [Reason.OWNER_UNKNOWN, Reason.OWNER_AMBIGUOUS, Reason.OWNER_NOT_FOUND, Reason.OWNER_DISABLED]


async def take(world: World, hint: Hint) -> Taken:
    return await world.services.take_hint.open_or_wake(hint)


async def put(world: World, state: CaseState, **fields: object) -> Case:
    return await world.put(story.case_in(state, world.policy, world.clock.now(), **fields))


async def test_a_new_owner_reopens_at_once() -> None:
    world = World()
    await put(world, S.NO_ACTION_NEEDED)
    assert await take(world, world.hint(Cause.USER_ASSIGNED, owner=story.OWNER_UPN)) is T.REOPENED
    assert (await world.case()).named_owner == story.OWNER_UPN


@pytest.mark.parametrize("reason", OWNER_REASONS)
async def test_a_case_that_asks_whose_device_it_is_is_answered_by_an_assignment(reason: Reason) -> None:
    world = World()
    await put(world, S.NEEDS_PERSON, reason=reason, owner=None)
    assert await take(world, world.hint(Cause.USER_ASSIGNED, owner=story.OWNER_UPN)) is T.WOKEN
    await world.live()
    case = await world.case()
    assert case.owner is not None and case.owner.source == "assignment event"
    assert case.state is S.PROVEN


BEFORE_THE_WIPE = [S.WATCHING, S.AWAITING_APPROVAL, S.CLEARED_TO_WIPE, S.WIPE_INTENDED]


@pytest.mark.parametrize("state", BEFORE_THE_WIPE)
async def test_an_assignment_to_somebody_else_stops_a_case_before_its_wipe(state: CaseState) -> None:
    world = World()
    await put(world, state, wipe=story.attempt(world.clock.now()))
    world.clock.move(timedelta(minutes=1))
    assert await take(world, world.hint(Cause.USER_ASSIGNED, owner=OTHER_UPN)) is T.WOKEN
    case = await world.case()
    assert (case.state, case.reason, case.approval) == (S.NEEDS_PERSON, Reason.OWNER_CONTRADICTED, None)
    await world.live()
    assert world.devices.wiped.total() == 0


@pytest.mark.parametrize("owner", [story.OWNER_UPN.upper(), story.OWNER_ID])
async def test_an_assignment_to_the_owner_changes_nothing(owner: str) -> None:
    world = World()
    case = await put(world, S.AWAITING_APPROVAL)
    assert await take(world, world.hint(Cause.USER_ASSIGNED, owner=owner)) is T.ALREADY_HANDLED
    assert await world.case() == case


@pytest.mark.parametrize("state", [S.WIPE_SENT, S.WIPE_UNKNOWN, S.AWAITING_RETURN, S.AWAITING_PROOF])
async def test_an_assignment_after_the_wipe_changes_nothing(state: CaseState) -> None:
    world = World()
    case = await put(world, state, wipe=story.attempt(world.clock.now(), sent=True))
    assert await take(world, world.hint(Cause.USER_ASSIGNED, owner=OTHER_UPN)) is T.ALREADY_HANDLED
    assert await world.case() == case


async def test_an_older_assignment_does_not_undo_a_newer_one() -> None:
    world = World()
    named = world.clock.now()
    case = await put(world, S.CHECKING_OWNER, owner=None, named_owner=story.OWNER_UPN, named_at=named)
    late = replace(world.hint(Cause.USER_ASSIGNED, owner=story.STAGING_UPN), at=named - timedelta(minutes=1))
    assert await take(world, late) is T.ALREADY_HANDLED
    assert await world.case() == case


@pytest.mark.parametrize(("after", "owner"), [(REMEMBER_AN_OWNER_FOR, story.OWNER_UPN), (timedelta(days=31), None)])
async def test_a_reopened_case_remembers_who_was_named_for_a_month(after: timedelta, owner: str | None) -> None:
    world = World()
    await put(world, S.NO_ACTION_NEEDED, named_owner=story.OWNER_UPN, named_at=world.clock.now())
    world.clock.move(after)
    assert await take(world, world.hint()) is T.REOPENED
    assert (await world.case()).named_owner == owner


async def test_a_case_that_waits_for_a_person_takes_note_of_the_assignment_and_goes_on_waiting() -> None:
    world = World()
    await put(world, S.NEEDS_PERSON, reason=Reason.WIPE_REFUSED, owner=None)
    assert await take(world, world.hint(Cause.USER_ASSIGNED, owner=OTHER_UPN)) is T.WOKEN
    case = await world.case()
    assert (case.state, case.reason, case.named_owner) == (S.NEEDS_PERSON, Reason.WIPE_REFUSED, OTHER_UPN)


async def test_an_assignment_back_to_the_first_owner_is_the_newest_word_too() -> None:
    """Given to another and back again: whoever lets the case go on must not hand the device to the other."""
    world = World()
    await put(world, S.WATCHING)
    for minutes, owner in ((1, OTHER_UPN), (2, story.OWNER_UPN)):
        world.clock.set(story.START + timedelta(minutes=minutes))
        assert await take(world, world.hint(Cause.USER_ASSIGNED, owner=owner)) is T.WOKEN
    case = await world.case()
    assert (case.state, case.reason, case.named_owner) == (S.NEEDS_PERSON, Reason.OWNER_CONTRADICTED, story.OWNER_UPN)
