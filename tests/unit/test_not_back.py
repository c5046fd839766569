"""A wiped device that is late: Intune's record of failed enrolments is read then and only then, and says why it is not back."""

from datetime import timedelta

import pytest

from shared.domain.facts import EnrolmentFailure
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.errors import AccessDenied, RetryLater, Unexpected
from tests.fakes import story
from tests.fakes.world import World

S = CaseState
LATE = timedelta(hours=72)
WEEK_OVER = timedelta(days=7, minutes=1)


async def waiting(state: CaseState = S.AWAITING_RETURN, after: timedelta = LATE, **fields: object) -> World:
    """A world in which DEF456's PC was wiped so long ago, and its case is due."""
    world = World()
    now = world.clock.now()
    values = {"wipe": story.attempt(now, sent=True), "due_at": now + after, **fields}
    await world.put(story.case_in(state, world.policy, now, **values))
    world.devices.devices.clear()
    world.clock.move(after)
    return world


def failed(world: World, **fields: object) -> EnrolmentFailure:
    values: dict[str, object] = {
        "at": world.clock.now() - timedelta(hours=1),
        "user_id": story.OWNER_ID,
        "entra_device_id": None,
        "operating_system": "Windows",
        "category": "enrollmentRestrictionsEnforced",
        "reason": "DeviceCapReached",
    }
    failure = EnrolmentFailure(**(values | fields))  # pyright: ignore[reportArgumentType]  # passed on as given
    world.devices.troubleshooting.failures.append(failure)
    return failure


async def said(world: World) -> str:
    await world.step()
    return (await world.case()).says


async def test_the_person_who_is_asked_is_told_what_intune_refused() -> None:
    world = await waiting(after=WEEK_OVER)
    failed(world, at=world.clock.now() - timedelta(days=2), category="userValidation", reason="No licence")
    failed(world)
    assert await said(world) == (
        "The device did not come back within 7 days of the wipe. Intune refused 2 enrolments since, the last for "
        "enrollmentRestrictionsEnforced (an enrolment restriction: the device limit, or the platform)."
    )
    case = await world.case()
    assert (case.state, case.reason) == (S.NEEDS_PERSON, Reason.DID_NOT_RETURN)
    evidence = (await world.cases.journal(case.id))[-1].evidence
    assert evidence["refused enrolments"] == 2
    assert evidence["Intune's reason"] == "enrollmentRestrictionsEnforced: DeviceCapReached"
    assert evidence["old record"] == "gone"


async def test_a_device_that_is_late_and_still_waited_for_says_it_too() -> None:
    world = await waiting()
    failed(world)
    assert "Intune refused 1 enrolment since" in await said(world)
    assert (await world.case()).state is S.AWAITING_RETURN


@pytest.mark.parametrize("after", [timedelta(hours=24), LATE - timedelta(seconds=1)])
async def test_nothing_is_read_while_a_device_is_not_late(after: timedelta) -> None:
    world = await waiting(after=after)
    failed(world)
    assert "refused" not in await said(world)
    assert world.devices.troubleshooting.reads == 0


async def test_nothing_is_read_for_a_device_that_is_back() -> None:
    world = await waiting()
    back = story.returned_device(world.clock.now(), story.licensed_owner())
    world.devices.devices[back.id] = back
    await world.step()
    assert (await world.case()).state is S.AWAITING_PROOF
    assert world.devices.troubleshooting.reads == 0


async def test_nothing_is_read_for_a_device_that_waits_for_proof() -> None:
    world = await waiting(S.AWAITING_PROOF, returned_device_id=story.RETURNED_ID)
    await world.step()
    assert world.devices.troubleshooting.reads == 0


@pytest.mark.parametrize(
    "other",
    [
        {"user_id": story.STAGING_ID},
        {"user_id": None},
        {"operating_system": "iOS"},
        {"at": story.START - timedelta(seconds=1)},
        {"at": story.START},
    ],
    ids=["another user", "nobody known", "their phone", "before the wipe", "at the wipe"],
)
async def test_a_failure_that_is_not_this_devices_tells_nothing(other: dict[str, object]) -> None:
    world = await waiting()
    failed(world, **other)
    assert "refused" not in await said(world)
    assert world.devices.troubleshooting.reads == 1


async def test_the_device_itself_is_recognised_whoever_signed_in() -> None:
    world = await waiting()
    failed(world, user_id=story.STAGING_ID, entra_device_id=story.ENTRA_DEVICE_ID.upper(), operating_system="")
    assert "Intune refused 1 enrolment" in await said(world)


@pytest.mark.parametrize("error", [AccessDenied("no"), Unexpected("nonsense")])
async def test_a_record_that_cannot_be_read_takes_nothing_away(error: Exception) -> None:
    world = await waiting(after=WEEK_OVER)
    world.devices.troubleshooting.answers.append(error)
    assert await said(world) == "The device did not come back within 7 days of the wipe."
    assert (await world.case()).reason is Reason.DID_NOT_RETURN


async def test_a_busy_graph_is_asked_again() -> None:
    world = await waiting(after=WEEK_OVER)
    world.devices.troubleshooting.answers.append(RetryLater("busy"))
    await world.step()
    case = await world.case()
    assert (case.state, case.reason) == (S.AWAITING_RETURN, Reason.GRAPH_BUSY)
