"""PCs that are given to somebody before their first sign-in, when no event tells: found by the sweep, if it is asked to look."""

from dataclasses import replace
from datetime import timedelta

from shared.domain.hint import Cause, Hint, Subject
from shared.domain.pages import ListedRegistration, Page
from shared.domain.states import CaseState
from shared.errors import AccessDenied
from shared.upkeep.known_cases import TELL_AGAIN_AFTER
from shared.upkeep.sweep_legs import MOST_REGISTRATIONS, REGISTRATIONS_EVERY
from tests.fakes import story
from tests.fakes.world import World
from tests.upkeep.sweeping import MINUTE, next_round, sweep_and_take, tenant_of

S = CaseState
CASE_ID = f"autopilot-{story.AUTOPILOT_ID}"


def given(upn: str | None = story.OWNER_UPN, *, enrolled: bool = False) -> World:
    """A world whose PC is registered, not enrolled, and given to somebody."""
    world = tenant_of(0, sweep_autopilot=True)
    world.autopilot.registrations = {
        story.AUTOPILOT_ID: replace(
            story.registration(), user_principal_name=upn, managed_device_id=story.DEVICE_ID if enrolled else None
        )
    }
    return world


async def told(world: World) -> list[Hint]:
    return await sweep_and_take(world)


async def test_a_pc_that_was_given_to_somebody_gets_its_case() -> None:
    world = given()
    (hint,) = await told(world)
    assert (hint.subject, hint.key, hint.cause) == (Subject.SERIAL_NUMBER, story.SERIAL_NUMBER, Cause.USER_ASSIGNED)
    case = await world.case(CASE_ID)
    assert (case.state, case.heard_from, case.named_owner) == (S.OPENED, "sweep", None)


async def test_it_is_not_looked_for_unless_asked() -> None:
    world = given()
    world.set_settings(world.policy.mode, sweep_autopilot=False)
    assert await told(world) == []


async def test_one_that_is_nobodys_or_enrolled_is_no_news() -> None:
    assert await told(given(None)) == []
    assert await told(given(enrolled=True)) == []


async def test_an_open_case_is_left_alone() -> None:
    world = given()
    await told(world)
    world.clock.move(REGISTRATIONS_EVERY)
    assert await told(world) == []


async def ended(world: World, name: str) -> None:
    """The PC's case has ended, ready for a user of this name."""
    now = world.clock.now()
    case = story.case_in(S.READY_TO_GO, world.policy, now, id=CASE_ID)
    assert case.owner is not None
    await world.put(replace(case, owner=replace(case.owner, display_name=name)))
    await world.cases.mend_worklist(await world.cases.load(CASE_ID), CASE_ID)


async def test_one_that_is_ready_for_whom_it_is_given_to_is_never_told_again() -> None:
    world = given()
    await ended(world, story.OWNER_UPN.partition("@")[0])
    for _ in range(5):
        assert await told(world) == []
        world.clock.move(TELL_AGAIN_AFTER)


async def test_one_that_was_given_to_somebody_else_since_is_told_a_day_later() -> None:
    world = given()
    await ended(world, "Somebody else")
    assert await told(world) == []
    world.clock.move(TELL_AGAIN_AFTER)
    assert len(await told(world)) == 1


async def test_they_are_read_every_six_hours() -> None:
    world = given(None)
    await told(world)
    world.autopilot.registrations = given().autopilot.registrations
    world.clock.move(REGISTRATIONS_EVERY - timedelta(minutes=16))
    assert await next_round(world) == []
    world.clock.move(MINUTE)
    assert len(await next_round(world)) == 1


async def test_of_very_many_some_are_told_now() -> None:
    world = given()
    (one,) = world.autopilot.registrations.values()
    world.autopilot.registrations = {
        f"9a4b3c2d-3333-4c1f-b0f2-{number:012}": replace(
            one, id=f"9a4b3c2d-3333-4c1f-b0f2-{number:012}", serial_number=f"SN{number}"
        )
        for number in range(MOST_REGISTRATIONS + 20)
    }
    assert len(await told(world)) == MOST_REGISTRATIONS
    world.clock.move(REGISTRATIONS_EVERY)
    assert len(await told(world)) == 20


def hide_names(world: World) -> None:
    """The list leaves the names out, as it leaves out the UPNs."""
    rows = tuple(
        ListedRegistration(
            autopilot_id=each.id, serial_number=each.serial_number, addressed_to=None, managed_device_id=None
        )
        for each in world.autopilot.registrations.values()
    )
    world.autopilot.list_answers = [Page(rows=rows)]


async def test_where_the_list_has_no_names_some_are_read_by_id() -> None:
    world = given()
    hide_names(world)
    (hint,) = await told(world)
    assert hint.key == story.SERIAL_NUMBER
    nobodys = given(None)
    hide_names(nobodys)
    assert await told(nobodys) == []


async def test_every_registration_has_its_turn_to_be_read() -> None:
    world = given()
    (one,) = world.autopilot.registrations.values()
    world.autopilot.registrations = {
        f"id-{number}": replace(
            one,
            id=f"id-{number}",
            serial_number=f"SN{number}",
            user_principal_name=None if number < 60 else one.user_principal_name,
        )
        for number in range(61)
    }
    hide_names(world)
    for _ in range(30):
        if hints := await told(world):
            assert [hint.key for hint in hints] == ["SN60"]
            return
        world.clock.move(REGISTRATIONS_EVERY)
        hide_names(world)
    raise AssertionError("it never had its turn")


async def test_a_refusal_ends_the_round_all_the_same() -> None:
    world = given()
    world.autopilot.list_answers = [AccessDenied("no permission")]
    assert await told(world) == []
    assert len(await next_round(world)) == 1
