"""The wipe where Multi Admin Approval is on: two requests at most, one wipe at most, whoever dies, races or answers when."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.effects import AdminApproved, Justified, WipeNeedsApproval, WipeNotSent, WipeRefused, WipeUnknown
from shared.domain.facts import Compliance, WipeTarget
from shared.domain.policy import Mode
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.errors import AccessDenied, RetryLater
from shared.remedy.advance import Outcome
from shared.rules.guardrails import returns_hold
from tests.builders import a_fleet
from tests.fakes import story
from tests.fakes.graph import FakeSecondAdmin
from tests.fakes.interference import Call, Interference, WorkerDied
from tests.fakes.people import ADA
from tests.fakes.world import World

S = CaseState
NONCE = "nonce-of-the-test"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class TwoAdmins(World):
    """The world of the story with Multi Admin Approval on; ``status`` is what the second administrator decides."""

    def __init__(self, mode: Mode = Mode.AUTO, *, status: str | None = "approved", after: timedelta = 5 * HOUR) -> None:
        super().__init__(mode)
        self.admin = FakeSecondAdmin(self.clock)
        self.devices.second_admin = self.admin
        if status is not None:
            self.later(after, lambda: self.admin.decide(status))

    @property
    def requests_sent(self) -> int:
        """How many wipe requests reached Intune."""
        return self.devices.wiped.total()

    @property
    def wipes(self) -> int:
        """How many wipes Intune carried out."""
        return self.devices.executed.total()


async def asked(**fields: object) -> TwoAdmins:
    """A world in which the first request was just filed."""
    world = TwoAdmins(status=None)
    await world.put_intended(NONCE, **fields)
    await world.step()
    return world


async def approved() -> TwoAdmins:
    """A world in which the second administrator said yes, and the poll has seen it."""
    world = await asked()
    world.admin.decide("approved")
    world.clock.move(HOUR)
    await world.step()
    assert (await world.case()).state is S.WIPE_INTENDED
    assert world.tenant.fleet_reads == 2, "counted when the wipe was put down, and once more for this request"
    return world


async def test_the_first_request_is_filed_and_the_case_waits_with_its_code_and_stays_paid() -> None:
    world = await asked()
    case = await world.case()
    assert (case.state, case.reason) == (S.AWAITING_ADMIN_APPROVAL, Reason.ADMIN_APPROVAL_NEEDED)
    assert case.wipe is not None
    assert (case.wipe.admin_code, case.wipe.nonce, case.wipe.sent_at) == ("request-1", NONCE, None)
    assert case.due_at == world.clock.now() + HOUR
    assert (world.requests_sent, world.wipes, await world.paid_wipes()) == (1, 0, 1)


async def test_after_the_second_yes_the_same_attempt_is_sent_once_more_with_the_code_and_the_story_ends_well() -> None:
    world = TwoAdmins()
    await world.put_intended(NONCE)
    await world.live()
    case = await world.case()
    assert case.state is S.PROVEN
    assert case.wipe is not None and (case.wipe.nonce, case.wipe.number) == (NONCE, 1)
    assert (world.requests_sent, world.wipes, await world.paid_wipes()) == (2, 1, 0)
    first, second = world.devices.backings
    assert isinstance(first, Justified) and second == AdminApproved(code="request-1")
    for fact in (NONCE, story.SERIAL_NUMBER, story.DEVICE_ID, story.OWNER_UPN, story.CASE_ID):
        assert fact in first.text


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("rejected", Reason.ADMIN_APPROVAL_REJECTED),
        ("cancelled", Reason.ADMIN_APPROVAL_REJECTED),
        ("expired", Reason.ADMIN_APPROVAL_EXPIRED),
        ("completed", Reason.ADMIN_APPROVAL_NOT_FOUND),
        ("somethingNew", Reason.ADMIN_APPROVAL_EXPIRED),
        (None, Reason.ADMIN_APPROVAL_EXPIRED),
    ],
)
async def test_without_a_yes_nothing_is_wiped_and_the_budget_is_given_back(status: str | None, reason: Reason) -> None:
    world = TwoAdmins(status=status)
    await world.put_intended(NONCE)
    begun = world.clock.now()
    await world.live()
    case = await world.case()
    assert (case.state, case.reason) == (S.NEEDS_PERSON, reason)
    assert (world.requests_sent, world.wipes, await world.paid_wipes()) == (1, 0, 0)
    assert world.clock.now() - begun < timedelta(days=3, hours=2)
    if status == "rejected":
        assert "by Second Admin" in case.says


async def test_there_is_no_third_request() -> None:
    world = await approved()
    world.devices.wipe_answers = [WipeNeedsApproval(status=403, code="request-2", message="ApprovalRequired")]
    await world.step()
    case = await world.case()
    assert (case.state, case.reason) == (S.NEEDS_PERSON, Reason.WIPE_REFUSED)
    assert "although a second administrator had approved it" in case.says
    assert (world.requests_sent, world.wipes, await world.paid_wipes()) == (2, 0, 0)


async def test_a_refusal_of_the_second_request_is_left_to_a_person() -> None:
    world = await approved()
    world.devices.wipe_answers = [WipeRefused(status=403, code="Forbidden", message="the code was used")]
    await world.live()
    assert (await world.case()).reason is Reason.WIPE_REFUSED
    assert world.requests_sent == 2


@pytest.mark.parametrize("executed", [True, False])
async def test_a_lost_answer_to_the_second_request_is_only_looked_into(executed: bool) -> None:
    world = await approved()
    world.devices.wipe_answers = [WipeUnknown(why="504")]
    await world.step()
    assert (await world.case()).state is S.WIPE_UNKNOWN
    if executed:
        world.devices.change(story.DEVICE_ID, management_state="wipePending")
        world.later(3 * HOUR, lambda: world.come_back(story.DEVICE_ID))
    await world.live()
    case = await world.case()
    assert case.state is (S.PROVEN if executed else S.NEEDS_PERSON)
    assert world.requests_sent == 2
    assert S.AWAITING_ADMIN_APPROVAL not in (await world.states())[-4:]


async def test_a_lost_first_answer_is_found_among_the_approval_requests() -> None:
    world = TwoAdmins()
    await world.put_intended(NONCE)

    async def answer_is_lost() -> None:
        raise WorkerDied

    dying = Interference(lambda call: call.name == "devices.wipe", answer_is_lost, after=True)
    with pytest.raises(WorkerDied):
        await world.step(world.another_worker(dying))
    await world.live()
    assert (await world.case()).state is S.PROVEN
    assert S.WIPE_UNKNOWN in await world.states()
    assert (world.requests_sent, world.wipes) == (2, 1)


async def test_a_request_of_another_attempt_does_not_explain_a_lost_answer() -> None:
    world = TwoAdmins(status=None)
    await world.put_intended(NONCE)
    world.admin.check(story.DEVICE_ID, Justified(text=f"Handover: Intune device {story.DEVICE_ID} attempt another"))
    world.devices.wipe_answers = [WipeUnknown(why="504")]
    await world.live()
    assert (await world.case()).reason is Reason.WIPE_NEVER_SEEN
    assert world.requests_sent == 1


@pytest.mark.parametrize("error", [AccessDenied("no role"), None])
async def test_after_a_lost_answer_the_device_is_read_even_where_approval_requests_cannot_be(
    error: Exception | None,
) -> None:
    world = World()
    await world.put_intended(NONCE)
    world.devices.wipe_answers = [WipeUnknown(why="504")]
    await world.step()
    if error is not None:
        world.devices.approval_answers = [error] * 100
    await world.live()
    assert (await world.case()).reason is Reason.WIPE_NEVER_SEEN


async def test_a_case_that_may_not_see_its_approval_is_given_to_a_person_with_the_missing_right() -> None:
    world = await asked()
    world.devices.approval_answers = [AccessDenied("devices.approval_requests: Graph answered 403")]
    await world.live()
    case = await world.case()
    assert (case.state, case.reason) == (S.NEEDS_PERSON, Reason.ACCESS_DENIED)
    assert await world.paid_wipes() == 0


@pytest.mark.parametrize("earlier", [True, False])
async def test_an_answer_without_a_code_leads_to_the_request_that_names_the_device(earlier: bool) -> None:
    world = TwoAdmins()
    await world.put_intended(NONCE)
    if earlier:
        world.admin.check(story.DEVICE_ID, Justified(text=f"Handover: Intune device {story.DEVICE_ID} attempt earlier"))
    world.admin.names_code = False
    await world.live()
    assert (await world.case()).state is S.PROVEN
    assert (world.requests_sent, world.wipes) == (2, 1)


async def test_a_request_of_somebody_else_is_not_taken_for_ours() -> None:
    world = TwoAdmins()
    await world.put_intended(NONCE)
    world.admin.check(story.DEVICE_ID, Justified(text=f"please wipe {story.DEVICE_ID}"))
    await world.live()
    case = await world.case()
    assert (case.state, case.reason) == (S.NEEDS_PERSON, Reason.ADMIN_APPROVAL_NOT_FOUND)
    assert (world.requests_sent, world.wipes) == (1, 0)


async def test_a_freeze_holds_what_was_approved_and_the_same_approval_serves_after_the_thaw() -> None:
    world = await asked()
    await world.freeze.set(frozen=True, by="Ada", why="wait", at=world.clock.now())
    world.admin.decide("approved")
    await world.live(until=world.clock.now() + 6 * HOUR)
    case = await world.case()
    assert (case.state, case.reason) == (S.AWAITING_ADMIN_APPROVAL, Reason.FROZEN)
    assert world.requests_sent == 1
    await world.freeze.set(frozen=False, by="Ada", why="go on", at=world.clock.now())
    await world.live()
    assert (await world.case()).state is S.PROVEN
    assert (world.requests_sent, world.wipes) == (2, 1)


@pytest.mark.parametrize("at", ["devices.reread", "rows.write"], ids=["in the fence", "while saving"])
async def test_a_freeze_between_the_second_fence_and_the_request_sends_nothing_and_keeps_the_approval(at: str) -> None:
    world = await approved()

    async def freeze() -> None:
        await world.freeze.set(frozen=True, by="Ada", why="wait", at=world.clock.now())

    await world.step(world.another_worker(Interference(lambda call: call.name == at, freeze, after=True)))
    case = await world.case()
    assert (case.state, case.reason) == (S.AWAITING_ADMIN_APPROVAL, Reason.FROZEN)
    assert case.wipe is not None and (case.wipe.admin_code, case.wipe.second_request) == ("request-1", False)
    assert (world.requests_sent, await world.paid_wipes()) == (1, 1)
    await world.freeze.set(frozen=False, by="Ada", why="go on", at=world.clock.now())
    await world.live()
    assert (await world.case()).state is S.PROVEN
    assert (world.requests_sent, world.wipes) == (2, 1)


async def test_what_was_approved_all_at_once_still_keeps_to_the_budget() -> None:
    world = await approved()
    now, unlimited = world.clock.now(), replace(world.policy, wipes_per_hour=99, wipes_in_flight=99)
    for number in range(world.policy.wipes_per_hour):
        nonce = f"other-{number}"
        target, fleet = WipeTarget(serial_number=nonce), a_fleet(read_at=now)
        paid = await world.budget.reserve(
            nonce=nonce, target=target, policy=unlimited, fleet=fleet, thawed_at=None, now=now
        )
        assert paid is None
        await world.budget.became(nonce=nonce, back_at=now, verified=True, now=now)
    await world.step()
    case = await world.case()
    assert (case.state, case.reason) == (S.AWAITING_ADMIN_APPROVAL, Reason.WIPE_BUDGET_SPENT)
    assert world.requests_sent == 1
    await world.live()
    assert (await world.case()).state is S.PROVEN
    assert (world.requests_sent, world.wipes) == (2, 1)


async def test_a_wipe_that_waits_for_an_administrator_is_neither_in_doubt_nor_overdue() -> None:
    world = TwoAdmins(status=None)
    await world.put_intended(NONCE)

    async def dies() -> None:
        raise WorkerDied

    with pytest.raises(WorkerDied):
        await world.step(world.another_worker(Interference(lambda call: call.name == "devices.wipe", dies, after=True)))
    await world.live(until=world.clock.now() + 2 * HOUR)
    assert (await world.case()).state is S.AWAITING_ADMIN_APPROVAL
    (wipe,) = (await world.budget.view(WipeTarget(serial_number=story.SERIAL_NUMBER), world.clock.now())).wipes
    assert wipe.outcome == "needs approval"
    late = [replace(wipe, at=world.clock.now() - timedelta(days=9))] * 10
    assert returns_hold(late, world.policy, world.clock.now()) is None
    assert (
        returns_hold([replace(each, outcome="accepted") for each in late], world.policy, world.clock.now()) is not None
    )


async def test_a_second_request_that_never_left_is_made_again() -> None:
    world = await approved()
    world.devices.wipe_answers = [WipeNotSent(why="no token")]
    await world.step()
    assert (await world.case()).state is S.AWAITING_ADMIN_APPROVAL
    await world.live()
    assert (await world.case()).state is S.PROVEN
    assert (world.requests_sent, world.wipes) == (2, 1)


async def test_the_whole_fence_comes_before_the_second_request() -> None:
    world = await approved()
    world.devices.change(story.DEVICE_ID, user_id=story.OWNER_ID)
    await world.step()
    case = await world.case()
    assert (case.state, case.reason) == (S.NEEDS_PERSON, Reason.DEVICE_CHANGED)
    assert (world.requests_sent, await world.paid_wipes()) == (1, 0)


@pytest.mark.parametrize("when", ["waiting", "approved"])
async def test_a_policy_that_changed_meanwhile_gives_the_case_to_a_person(when: str) -> None:
    world = await (asked() if when == "waiting" else approved())
    world.admin.decide("approved")
    world.set_settings(Mode.AUTO, excluded_users="somebody@contoso.example")
    await world.live()
    case = await world.case()
    assert (case.state, case.reason) == (S.NEEDS_PERSON, Reason.APPROVAL_NO_LONGER_FITS)
    assert (world.requests_sent, world.wipes, await world.paid_wipes()) == (1, 0, 0)


async def test_a_persons_approval_that_ran_out_while_the_second_administrator_thought_still_serves() -> None:
    world = TwoAdmins(Mode.APPROVE, after=timedelta(days=2, hours=20))
    now = world.clock.now()
    case = story.case_in(S.WIPE_INTENDED, world.policy, now, wipe=story.attempt(now))
    await world.put_intended(approval=story.approval_of(case, world.policy, now, by="Ada"))
    world.later(timedelta(days=2), lambda: world.devices.change(story.DEVICE_ID, last_sync_at=now + 2 * DAY))
    await world.live()
    assert (await world.case()).state is S.PROVEN
    assert (world.requests_sent, world.wipes) == (2, 1)


async def test_a_device_that_mends_while_an_administrator_thinks_is_not_wiped() -> None:
    world = TwoAdmins(after=9 * HOUR)
    await world.put_intended(NONCE)
    world.later(2 * HOUR, lambda: world.devices.change(story.DEVICE_ID, compliance=Compliance.COMPLIANT))
    await world.live()
    assert (await world.case()).reason is Reason.MENDED_WITHOUT_WIPE
    assert (world.requests_sent, world.wipes, await world.paid_wipes()) == (1, 0, 0)


async def test_a_case_may_be_cancelled_while_it_waits_and_costs_nothing() -> None:
    world = await asked()
    await world.services.operate.cancel(story.CASE_ID, ADA, "not now")
    assert await world.paid_wipes() == 0
    world.admin.decide("approved")
    await world.live()
    assert (await world.case()).state is S.CANCELLED
    assert (world.requests_sent, world.wipes) == (1, 0)


async def test_after_a_no_a_person_can_let_it_try_again_and_it_asks_anew() -> None:
    world = TwoAdmins(status="rejected")
    await world.put_intended(NONCE)
    await world.live()
    await world.services.operate.retry(story.CASE_ID, ADA)
    world.later(30 * HOUR, lambda: world.admin.decide("approved"))
    await world.live()
    case = await world.case()
    assert case.state is S.PROVEN
    assert case.wipe is not None and case.wipe.number == 2
    assert (world.requests_sent, world.wipes) == (3, 1)


@pytest.mark.parametrize("head_start", range(0, 40, 2))
@pytest.mark.parametrize("phase", [1, 2])
async def test_two_workers_on_one_message_send_one_request_in_each_phase(head_start: int, phase: int) -> None:
    world = TwoAdmins(status=None) if phase == 1 else await approved()
    if phase == 1:
        await world.put_intended(NONCE)

    async def late_worker() -> Outcome:
        for _ in range(head_start):
            await asyncio.sleep(0)
        return await world.step(world.another_worker())

    await asyncio.gather(world.step(), late_worker())
    assert (world.requests_sent, world.wipes, await world.paid_wipes()) == (phase, phase - 1, 1)


async def told(interference: Interference) -> TwoAdmins:
    world = TwoAdmins()
    await world.put_intended(NONCE)
    # what the worker dies of is delivered again, and the supervisor finds what is overdue
    await world.live(world.another_worker(interference))
    return world


async def each_mishap(error: Exception, *, after: bool) -> AsyncIterator[tuple[TwoAdmins, Call]]:
    async def strike() -> None:
        raise error

    undisturbed = Interference(lambda _: False, strike)
    await told(undisturbed)
    for number in range(1, len(undisturbed.calls) + 1):
        interference = Interference(lambda call, number=number: call.number == number, strike, after=after)
        world = await told(interference)
        if interference.struck_at is not None:
            yield world, interference.struck_at


@pytest.mark.long
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("error", [WorkerDied(), RetryLater("away")], ids=["dies", "away"])
async def test_whatever_fails_in_either_phase_there_are_two_requests_and_one_wipe_at_most(
    error: Exception, after: bool
) -> None:
    ends: list[bool] = []
    async for world, call in each_mishap(error, after=after):
        case = await world.case()
        if isinstance(error, RetryLater) and call.name == "devices.wipe":
            continue  # the port never raises: its answer is a value
        assert world.requests_sent <= 2, call
        assert world.wipes <= 1, call
        if case.state is S.NEEDS_PERSON:
            assert case.reason is Reason.WIPE_NEVER_SEEN, call
            assert world.wipes == 0, call
        else:
            assert (case.state, world.wipes) == (S.PROVEN, 1), call
        ends.append(case.state is S.PROVEN)
    assert len(ends) > 40
    assert ends.count(False) <= 6  # between a note "sent" and its request, in either phase
