"""Who may approve: not who asked, not one person too often in a day, nobody what is excluded; and of two at once one wins."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.case import Case, move, proposal_of
from shared.domain.hint import Cause
from shared.domain.policy import Mode
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.errors import Changed
from shared.intake.device_events import read_device_event
from shared.names import LEDGERS
from shared.operate.refusals import NotNow
from shared.records.approvals import ApprovalBook
from shared.records.ledger import Ledger
from shared.rules.approving import must_not_be_wiped
from shared.rules.decisions import wait
from tests.fakes import story
from tests.fakes.interference import Interference
from tests.fakes.people import person
from tests.fakes.world import World

S = CaseState
ADA, BOB = "ada@contoso.example", "bob@contoso.example"


async def waiting(world: World, number: int = 0, **fields: object) -> Case:
    case_id = story.CASE_ID if number == 0 else f"device-{number}"
    return await world.put(story.case_in(S.AWAITING_APPROVAL, world.policy, world.clock.now(), id=case_id, **fields))


async def approve(world: World, who: str = ADA, case_id: str = story.CASE_ID) -> Case:
    shown = await world.services.look.case(case_id)
    assert shown is not None
    return await world.services.operate.approve(case_id, shown["to_approve"]["proposal"], person(who))


async def approve_others(world: World, count: int, who: str = ADA) -> None:
    for number in range(1, count + 1):
        await waiting(world, number)
        assert (await approve(world, who, f"device-{number}")).state is S.CLEARED_TO_WIPE


async def to_approve(world: World) -> dict[str, object]:
    shown = await world.services.look.case(story.CASE_ID)
    assert shown is not None
    return shown["to_approve"]


@pytest.mark.parametrize("who", [ADA, ADA.upper(), f" {ADA} "])
async def test_who_asked_for_it_may_not_approve_it_however_their_name_is_written(who: str) -> None:
    world = World(Mode.APPROVE)
    case = await waiting(world, requested_by=(BOB, "Ada@Contoso.Example"))
    with pytest.raises(NotNow, match="Somebody else has to approve"):
        await approve(world, who)
    assert await world.case() == case
    assert (await to_approve(world))["not_by"] == [BOB, "Ada@Contoso.Example"]


async def test_a_new_name_does_not_make_another_person() -> None:
    """Who let the case go on, and who gave the first of two approvals, is known by the id that stays."""
    world = World(Mode.APPROVE, approvals_by_one=0)
    await world.put(story.case_in(S.NEEDS_PERSON, world.policy, world.clock.now()))
    await world.services.operate.retry(story.CASE_ID, person(ADA))
    renamed = replace(person(ADA), name="ada.married@contoso.example")
    retried = await world.case()
    await waiting(world, 1, requested_by=retried.requested_by)
    await waiting(world, 2)
    proposals = [proposal_of(await world.case(f"device-{n}"), world.policy.version) for n in (1, 2)]
    with pytest.raises(NotNow, match="asked for this yourself"):
        await world.services.operate.approve("device-1", proposals[0], renamed)
    await world.services.operate.approve("device-2", proposals[1], person(ADA))
    with pytest.raises(NotNow, match="A second person"):
        await world.services.operate.approve("device-2", proposals[1], renamed)


async def test_a_requester_is_known_by_every_name_of_their_account() -> None:
    world = World(Mode.APPROVE)
    case = await waiting(world, requested_by=("ada.mail@contoso.example",))
    both = replace(person(ADA), other_names=frozenset({"Ada.Mail@contoso.example"}))
    with pytest.raises(NotNow, match="Somebody else has to approve"):
        await world.services.operate.approve(case.id, proposal_of(case, world.policy.version), both)


async def test_anybody_else_may() -> None:
    world = World(Mode.APPROVE)
    await waiting(world, requested_by=(ADA,))
    assert (await approve(world, BOB)).state is S.CLEARED_TO_WIPE


def test_a_serial_number_may_be_excluded_before_the_device_is_enrolled() -> None:
    world = World(Mode.APPROVE)
    case = replace(story.case_in(S.AWAITING_APPROVAL, world.policy, world.clock.now()), device=None)
    assert must_not_be_wiped(case, world.policy) is None
    excluded = replace(world.policy, excluded_devices=frozenset({story.SERIAL_NUMBER.lower()}))
    assert must_not_be_wiped(case, excluded) is not None


async def test_an_assignment_event_says_who_asked_and_the_case_keeps_it() -> None:
    world = World(Mode.APPROVE)
    event = (
        '{"specversion": "1.0", "id": "1", "source": "/itsm", "type": "device.user-assigned", "data": '
        f'{{"serialNumber": "{story.SERIAL_NUMBER}", "userPrincipalName": "{story.OWNER_UPN}", "requestedBy": "{ADA}"}}}}'
    )
    await world.services.take_hint.open_or_wake(read_device_event(event, world.clock.now()))
    assert (await world.case()).requested_by == (ADA,)
    await world.live(until=world.clock.now() + timedelta(days=5))
    assert (await world.case()).state is S.AWAITING_APPROVAL
    with pytest.raises(NotNow):
        await approve(world, ADA)


async def test_an_assignment_to_somebody_else_adds_its_requester_and_a_new_episode_forgets_them() -> None:
    world = World(Mode.APPROVE)
    await waiting(world, requested_by=(ADA,), first_approval=None)
    hint = replace(world.hint(Cause.USER_ASSIGNED, owner=story.STAGING_UPN), requested_by=BOB)
    await world.services.take_hint.open_or_wake(hint)
    assert (await world.case()).requested_by == (ADA, BOB)
    await world.services.operate.cancel(story.CASE_ID, person("Eve"), "over")
    world.clock.move(timedelta(days=2))
    again = replace(world.hint(Cause.USER_ASSIGNED, owner=story.OWNER_UPN), requested_by="carl@contoso.example")
    await world.services.take_hint.open_or_wake(again)
    assert (await world.case()).requested_by == ("carl@contoso.example",)


async def test_who_let_a_case_go_on_has_asked_for_it() -> None:
    world = World(Mode.APPROVE)
    await world.put(story.case_in(S.NEEDS_PERSON, world.policy, world.clock.now(), requested_by=(BOB,)))
    await world.services.operate.retry(story.CASE_ID, person(ADA))
    assert (await world.case()).requested_by == (BOB, ADA, person(ADA).id)


async def test_five_in_a_day_one_person_approves_alone_and_the_sixth_waits_for_a_second_person() -> None:
    world = World(Mode.APPROVE)
    await approve_others(world, 5)
    await waiting(world)
    case = await approve(world)
    assert (case.state, case.reason, case.approval) == (S.AWAITING_APPROVAL, Reason.SECOND_APPROVAL_NEEDED, None)
    assert "number 6 of theirs today" in case.says
    assert (await to_approve(world))["approved_by"] == ADA
    with pytest.raises(NotNow, match="A second person"):
        await approve(world, ADA.upper())
    case = await approve(world, BOB)
    assert (case.state, case.reason) == (S.CLEARED_TO_WIPE, Reason.APPROVED)
    assert case.approval is not None and case.approval.by == f"{ADA} and {BOB}"
    assert case.first_approval is None
    assert await world.reasons() == [Reason.HINT_TAKEN, Reason.SECOND_APPROVAL_NEEDED, Reason.APPROVED]


async def test_one_persons_half_sends_no_wipe_however_long_it_waits() -> None:
    world = World(Mode.APPROVE, approvals_by_one=0)
    world.directory.users[story.OWNER_ID] = story.licensed_owner()
    await waiting(world)
    await approve(world)
    await world.live(until=world.clock.now() + timedelta(days=3))
    case = await world.case()
    assert (case.state, case.reason) == (S.AWAITING_APPROVAL, Reason.APPROVAL_NEEDED)
    assert case.first_approval is None, "it ran out after a day"
    assert world.devices.wiped.total() == 0


async def test_while_the_second_person_is_waited_for_the_case_says_so() -> None:
    world = World(Mode.APPROVE, approvals_by_one=0)
    world.directory.users[story.OWNER_ID] = story.licensed_owner()
    await waiting(world)
    await approve(world)
    world.clock.move(timedelta(hours=1))
    stored = await world.cases.load(story.CASE_ID)
    assert stored is not None
    woken, entry = move(
        stored.case, wait(stored.case, stored.case.reason, "look", until=world.clock.now()), at=world.clock.now()
    )
    await world.cases.save(stored, woken, [entry])
    await world.step()
    case = await world.case()
    assert case.reason is Reason.SECOND_APPROVAL_NEEDED
    assert ADA in case.says


async def test_two_persons_approve_and_the_wipe_goes_once() -> None:
    world = World(Mode.APPROVE, approvals_by_one=0)
    world.directory.users[story.OWNER_ID] = story.licensed_owner()
    await waiting(world)
    await approve(world, ADA)
    await approve(world, BOB)
    await world.live()
    assert (await world.case()).state is S.PROVEN
    assert world.devices.wiped.total() == 1


async def test_the_second_approval_is_for_the_same_proposal_or_it_is_a_first_one() -> None:
    world = World(Mode.APPROVE, approvals_by_one=0)
    await waiting(world)
    await approve(world, ADA)
    world.set_settings(Mode.APPROVE, approvals_by_one=0, excluded_users="other@contoso.example")
    case = await approve(world, BOB)
    assert (case.state, case.reason) == (S.AWAITING_APPROVAL, Reason.SECOND_APPROVAL_NEEDED)
    assert case.first_approval is not None and case.first_approval.by == BOB


async def test_a_new_utc_day_counts_anew_and_the_same_proposal_only_once() -> None:
    world = World(Mode.APPROVE)
    await approve_others(world, 5)
    book = ApprovalBook(Ledger(world.rows, world.ids))
    now, ada = world.clock.now(), person(ADA).id
    assert [await book.note(ada, "p", now), await book.note(ada.upper(), "p", now)] == [6, 6]
    assert await book.note(BOB, "p", now) == 1
    assert await book.note(ada, "p", now + timedelta(days=1)) == 1


async def test_approvals_at_once_on_several_instances_are_all_counted() -> None:
    world = World(Mode.APPROVE)
    books = [ApprovalBook(Ledger(world.rows, world.ids)) for _ in range(6)]
    now = world.clock.now()
    numbers = await asyncio.gather(*(book.note(ADA, f"p{n}", now) for n, book in enumerate(books)))
    assert sorted(number or 0 for number in numbers) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("body", ["not JSON", "[]", '{"proposals": 5}', "{}"])
async def test_a_count_that_cannot_be_read_asks_for_a_second_person(body: str) -> None:
    world = World(Mode.APPROVE)
    await approve_others(world, 1)
    rows = [row async for row in world.rows.scan(LEDGERS, "approvals")]
    await world.rows.upsert(LEDGERS, "approvals", rows[0].key, {"body": body, "write_id": ""})
    await waiting(world)
    assert (await approve(world)).reason is Reason.SECOND_APPROVAL_NEEDED


@pytest.mark.parametrize("head_start", range(0, 12))
@pytest.mark.parametrize(("one", "other"), [(ADA, BOB), (ADA, ADA)])
async def test_of_two_browsers_at_once_one_wins_and_the_other_is_told(one: str, other: str, head_start: int) -> None:
    world = World(Mode.APPROVE)
    case = await waiting(world)
    proposal = proposal_of(case, world.policy.version)

    async def late() -> Case:
        for _ in range(head_start):
            await asyncio.sleep(0)
        return await world.services.operate.approve(case.id, proposal, person(other))

    answers = await asyncio.gather(
        world.services.operate.approve(case.id, proposal, person(one)), late(), return_exceptions=True
    )
    lost = [answer for answer in answers if isinstance(answer, Changed | NotNow)]
    assert len(lost) == 1
    assert "look again" in str(lost[0]) or "cleared_to_wipe" in str(lost[0])
    stored = await world.case()
    assert stored.version == case.version + 1


async def test_a_case_that_moves_between_reading_and_saving_is_told_in_words() -> None:
    world = World(Mode.APPROVE)
    case = await waiting(world)

    async def somebody_is_faster() -> None:
        await world.services.operate.reject(case.id, person(BOB), "no")

    slow = world.another_worker(Interference(lambda call: call.name == "rows.write", somebody_is_faster, after=True))
    with pytest.raises(Changed, match="look again"):
        await slow.operate.approve(case.id, proposal_of(case, world.policy.version), person(ADA))
    assert (await world.case()).reason is Reason.PERSON_REJECTED


@pytest.mark.parametrize(
    "settings",
    [
        {"excluded_devices": story.SERIAL_NUMBER},
        {"excluded_devices": "pc-0427"},
        {"excluded_users": story.OWNER_UPN.upper()},
    ],
    ids=["serial number", "name", "owner"],
)
async def test_what_is_excluded_by_now_nobody_can_approve(settings: dict[str, object]) -> None:
    world = World(Mode.APPROVE)
    await waiting(world)
    world.set_settings(Mode.APPROVE, **settings)
    with pytest.raises(NotNow, match="list of excluded"):
        await approve(world)
    assert "list of excluded" in str((await to_approve(world))["not_possible"])
    assert (await world.case()).state is S.AWAITING_APPROVAL


async def test_a_proposal_of_another_policy_is_refused() -> None:
    world = World(Mode.APPROVE)
    case = await waiting(world)
    old = proposal_of(case, world.policy.version)
    world.set_settings(Mode.APPROVE, wipes_per_hour=1)
    with pytest.raises(NotNow, match="policy changed"):
        await world.services.operate.approve(case.id, old, person(ADA))


async def test_a_rejection_takes_the_first_half_back() -> None:
    world = World(Mode.APPROVE, approvals_by_one=0)
    await waiting(world)
    await approve(world, ADA)
    case = await world.services.operate.reject(story.CASE_ID, person(BOB), "no")
    assert (case.state, case.first_approval, case.approval) == (S.NEEDS_PERSON, None, None)
