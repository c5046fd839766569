"""The figures at a glance and the ways to a case: they follow every move, and what a crash left out is mended."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.case import Case, Owner
from shared.domain.facts import Compliance
from shared.domain.policy import Mode
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.errors import AlreadyThere, BadInput, Changed
from shared.names import CASES, OVERVIEW
from shared.operate.principals import Role
from shared.operate.search import MOST_LOOKED_AT
from shared.operate.search_terms import Asked
from shared.records.counts import OPEN, SHARDS, tally
from shared.records.worklist_line import line_of
from tests.fakes import story
from tests.fakes.interference import Interference, WorkerDied, die
from tests.fakes.people import ADA, person
from tests.fakes.world import World

S = CaseState
MONTH = f"{story.START:%Y-%m}"


async def put(world: World, number: int, state: CaseState, **fields: object) -> Case:
    return await world.put(story.case_in(state, world.policy, world.clock.now(), id=f"device-{number}", **fields))


async def counted(world: World) -> Counter[str]:
    """The figures as the worklist itself has them, counted line by line."""
    total = Counter[str]()
    for lines in (world.cases.open_cases(), world.cases.ended_cases(f"{world.clock.now():%Y-%m}")):
        async for line in lines:
            total.update(tally(line))
    return total


async def figures(world: World) -> dict[str, int]:
    return {name: n for name, n in (await world.cases.counts.read()).figures.items() if n}


async def found(world: World, **asked: object) -> list[str]:
    """The ids of all pages."""
    ids = list[str]()
    for _ in range(50):
        lines, following = await world.services.search.find(Asked(**asked))  # pyright: ignore[reportArgumentType]  # passed on as given
        ids += [line.case_id for line in lines]
        if following is None:
            return ids
        asked["after"] = following
    raise AssertionError("the pages do not end")


@pytest.mark.parametrize("mode", [Mode.AUTO, Mode.REPORT])
async def test_through_a_whole_life_the_figures_are_those_of_the_worklist(mode: Mode) -> None:
    world = World(mode)
    await world.hear_of_device()
    for _ in range(12):
        await world.live(until=world.clock.now() + timedelta(hours=12))
        assert await figures(world) == dict(await counted(world))
    assert (await world.case()).state.ended
    assert await found(world, state=(await world.case()).state) == [story.CASE_ID]


async def test_a_case_that_is_opened_again_counts_once() -> None:
    world = World()
    await put(world, 1, S.WATCHING)
    await world.services.operate.cancel("device-1", ADA, "sold")
    assert (await figures(world))[f"{MONTH} state cancelled"] == 1
    world.clock.move(timedelta(days=1))
    hint = replace(world.hint(), key=story.SERIAL_NUMBER)
    await world.services.take_hint.open_or_wake(hint)
    assert await figures(world) == dict(await counted(world))


async def test_the_overview_says_what_waits_for_whom_and_how_long_a_proof_took() -> None:
    world = World()
    day = timedelta(days=1)
    await put(world, 1, S.AWAITING_APPROVAL)
    await put(world, 2, S.NEEDS_PERSON, heard_from="sweep")
    await put(world, 3, S.NEEDS_PERSON)
    await put(world, 4, S.PROVEN, opened_at=world.clock.now() - day, moved_at=world.clock.now())
    await put(world, 5, S.PROVEN, opened_at=world.clock.now() - 5 * day, moved_at=world.clock.now())
    shown = await world.services.overview.show(ADA)
    assert (shown["open"], shown["open_cases"]) == (3, {"awaiting_approval": 1, "needs_person": 2})
    assert shown["ended_this_month"] == {"proven": 2}
    assert shown["proof_this_month"] == {"cases": 2, "hours_on_average": 72.0, "within": {"1 day": 1, "7 days": 1}}
    assert shown["found_by_sweep_percent"] == 20
    assert shown["waiting_for_you"] == {"awaiting_approval": 1, "needs_person": 2}
    assert (await world.services.overview.show(person("Eve", Role.OPERATOR)))["waiting_for_you"] == {"needs_person": 2}
    assert (await world.services.overview.show(person("Rob", Role.READER)))["waiting_for_you"] == {}


async def test_an_overview_of_nothing_is_all_zero() -> None:
    shown = await World().services.overview.show(ADA)
    assert (shown["open"], shown["found_by_sweep_percent"], shown["proof_this_month"]["hours_on_average"]) == (
        0,
        None,
        None,
    )


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_what_a_worker_that_died_left_out_is_mended_by_the_supervisor(nth: int, after: bool) -> None:
    world = World()
    await put(world, 1, S.WATCHING)
    at = Interference(
        lambda call: OVERVIEW in call.arguments and sum(OVERVIEW in c.arguments for c in at.calls) == nth,
        die,
        after=after,
    )
    with pytest.raises(WorkerDied):
        await world.another_worker(at).operate.cancel("device-1", ADA, "sold")
    for _ in range(3):
        world.clock.set((world.clock.now() + timedelta(hours=1)).replace(minute=1))
        await world.services.supervise.run()
    assert await figures(world) == dict(await counted(world))
    assert await found(world, state=S.CANCELLED) == ["device-1"]
    assert await found(world, state=S.WATCHING) == []
    rows = [key for _, key in world.rows.table(OVERVIEW) if "watching" in key]
    assert rows == [], "a row that is left behind is taken away"


async def test_a_difference_is_believed_only_when_it_is_seen_twice() -> None:
    """Cases move while they are counted."""
    world = World()
    await put(world, 1, S.WATCHING)
    world.clock.move(timedelta(minutes=30))
    counts, now = world.cases.counts, world.clock.now()
    lines = dict(await counted(world))
    wrong = {**lines, f"{OPEN} state watching": 3}
    assert await counts.mend(wrong, OPEN, now) == {}
    assert await counts.mend(lines, OPEN, now) == {}, "it was gone at the second look"
    assert await counts.mend(wrong, OPEN, now) == {}
    assert await counts.mend(wrong, OPEN, now) == {f"{OPEN} state watching": 2}
    assert (await figures(world))[f"{OPEN} state watching"] == 3


@pytest.mark.parametrize("body", ["not JSON", "[]", '{"figures": 5}', '{"figures": {"open state watching": "x"}}'])
async def test_a_case_moves_and_the_figures_are_mended_whatever_their_rows_hold(body: str) -> None:
    world = World()
    await put(world, 1, S.WATCHING)
    for partition, key in list(world.rows.table(OVERVIEW)):
        if key.startswith("figures"):
            await world.rows.upsert(OVERVIEW, partition, key, {"body": body, "write_id": ""})
    await world.services.operate.cancel("device-1", ADA, "sold")
    await put(world, 2, S.WATCHING)
    for _ in range(3):
        world.clock.set((world.clock.now() + timedelta(hours=1)).replace(minute=1))
        await world.services.supervise.run()
    assert await figures(world) == dict(await counted(world))


async def test_a_case_does_not_wait_for_the_figures() -> None:
    world = World()
    await put(world, 1, S.WATCHING)

    async def refuse() -> None:
        raise BadInput("the overview is full")

    at = Interference(lambda call: call.name != "rows.get" and OVERVIEW in call.arguments, refuse)
    assert (await world.another_worker(at).operate.cancel("device-1", ADA, "sold")).state is S.CANCELLED


async def test_months_long_past_are_forgotten() -> None:
    world = World()
    await put(world, 1, S.PROVEN)
    world.clock.move(timedelta(days=500))
    for number in range(2, 60):  # so that every row of the sum is written
        await put(world, number, S.WATCHING)
    assert not [name for name in await figures(world) if name.startswith(MONTH)]


async def test_cases_are_found_by_the_beginning_of_their_names_in_any_case() -> None:
    world = World()
    bob = Owner(
        user_id="id-bob", user_principal_name="Bob_x.com#EXT#@contoso.example", display_name="Bob", source="test"
    )
    await put(world, 1, S.WATCHING)
    await put(world, 2, S.WATCHING, serial_number="ABC/12 3|4", owner=bob)
    assert await found(world, serial=story.SERIAL_NUMBER.lower()[:6]) == ["device-1"]
    assert await found(world, serial="abc/12 3|") == ["device-2"]
    assert await found(world, user="bob_x.com#ext") == ["device-2"]
    assert await found(world, user="ID-BOB") == ["device-2"]
    assert await found(world, user="ABC/12") == []
    assert await found(world, device="pc-04", state=S.WATCHING) == await found(world, device="PC-04")
    assert await found(world, device="pc-04", reason=Reason.NO_FREE_SEAT) == []


async def test_an_owner_who_changed_does_not_lead_to_the_case_any_more() -> None:
    world = World()
    await world.hear_of_device()
    await world.live(until=world.clock.now() + timedelta(hours=1))
    assert await found(world, user=story.OWNER_UPN) == [story.CASE_ID]
    stored = await world.cases.load(story.CASE_ID)
    assert stored is not None and stored.case.owner is not None
    owner = replace(stored.case.owner, user_id="other", user_principal_name="other@contoso.example")
    await world.cases.save(stored, replace(stored.case, owner=owner, version=stored.case.version + 1), [])
    assert await found(world, user=story.OWNER_UPN) == []
    assert await found(world, user="other@") == [story.CASE_ID]


@pytest.mark.parametrize(
    "asked", [{}, {"state": S.WATCHING}, {"serial": "5CG"}, {"which": "open"}, {"reason": Reason.HINT_TAKEN}]
)
async def test_pages_show_every_case_once(asked: dict[str, object]) -> None:
    world = World()
    for number in range(23):
        await put(world, number, S.WATCHING, serial_number=f"5CG{number:04}")
        world.clock.move(timedelta(seconds=1))
    ids = await found(world, most=5, **asked)
    assert sorted(ids) == sorted(f"device-{number}" for number in range(23))


async def test_in_a_state_the_newest_comes_first_and_a_page_reads_no_more_than_it_shows() -> None:
    world = World()
    for number in range(30):
        await put(world, number, S.NEEDS_PERSON)
        world.clock.move(timedelta(seconds=1))
    at = Interference(lambda _: False, die)
    lines, following = await world.another_worker(at).search.find(Asked(state=S.NEEDS_PERSON, most=5))
    assert [line.case_id for line in lines] == [f"device-{number}" for number in (29, 28, 27, 26, 25)]
    assert following is not None
    assert sum(call.name == "rows.get" for call in at.calls) == 5


async def test_a_filter_that_fits_nothing_reads_a_bounded_number_and_can_go_on() -> None:
    world = World()
    for number in range(MOST_LOOKED_AT + 3):
        await put(world, number, S.WATCHING)
    lines, following = await world.services.search.find(Asked(state=S.WATCHING, reason=Reason.NO_FREE_SEAT, most=50))
    assert (lines, following is not None) == ([], True)
    assert await found(world, state=S.WATCHING, reason=Reason.NO_FREE_SEAT) == []


async def test_open_and_ended_cases_are_listed_apart_or_together() -> None:
    world = World()
    await put(world, 1, S.WATCHING)
    await put(world, 2, S.WATCHING)
    await world.services.operate.cancel("device-2", ADA, "sold")
    assert await found(world, which="open") == ["device-1"]
    assert await found(world, which="ended") == ["device-2"]
    assert await found(world, which="ended", month="2020-01") == []
    assert sorted(await found(world, most=1)) == ["device-1", "device-2"]


@pytest.mark.parametrize(
    "asked",
    [
        {"which": "x"},
        {"most": 0},
        {"most": 101},
        {"month": "2026-13"},
        {"after": "a/b"},
        {"after": "\ud800"},
        {"user": "x" * 400},
    ],
    ids=ascii,
)
async def test_a_question_that_makes_no_sense_is_refused(asked: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        await found(World(), **asked)


async def test_of_many_moves_at_once_each_counts() -> None:
    world = World()
    for number in range(40):
        await put(world, number, S.WATCHING)
    assert (await figures(world))[f"{OPEN} state watching"] == 40


async def test_what_a_move_changes_in_lists_and_figures_is_written_with_one_request() -> None:
    world = World()
    await world.hear_of_device()
    at = Interference(lambda _: False, die)
    worker = world.another_worker(at)
    await world.live(worker, until=world.clock.now() + timedelta(hours=1))
    asked = [call for call in at.calls if OVERVIEW in call.arguments and call.name != "rows.scan"]
    saves = [call for call in at.calls if call.name == "rows.write" and CASES in call.arguments]
    assert [call.name for call in asked] == ["rows.get", *["rows.write"] * (len(asked) - 1)]
    assert 2 < len(asked) - 1 <= len(saves), "a case that only waits changes nothing in them"


async def test_processes_that_write_the_same_figures_at_once_lose_nothing() -> None:
    world = World()
    workers = [world.another_worker(Interference(lambda _: False, die)).look.cases for _ in range(3 * SHARDS)]
    cases = [
        story.case_in(S.WATCHING, world.policy, world.clock.now(), id=f"device-{number}")
        for number in range(len(workers))
    ]
    for _ in range(3):
        await asyncio.gather(
            *(store.counts.moved(None, line_of(case)) for store, case in zip(workers, cases, strict=True))
        )
    assert await figures(world) == {
        f"{OPEN} from device-events": 3 * len(cases),
        f"{OPEN} state watching": 3 * len(cases),
    }


@pytest.mark.parametrize("error", [Changed, AlreadyThere])
async def test_figures_whose_answer_was_lost_are_not_added_again(error: type[Exception]) -> None:
    world = World()
    await put(world, 1, S.WATCHING)

    async def lose_the_answer() -> None:
        raise error("our own write")

    at = Interference(lambda c: c.name == "rows.write" and OVERVIEW in c.arguments, lose_the_answer, after=True)
    await world.another_worker(at).operate.cancel("device-1", ADA, "sold")
    assert at.struck_at is not None
    assert await figures(world) == dict(await counted(world))
    assert await found(world, state=S.CANCELLED) == ["device-1"]


async def test_a_row_that_is_gone_already_keeps_no_move_from_being_listed() -> None:
    world = World()
    await put(world, 1, S.WATCHING)
    for partition, key in list(world.rows.table(OVERVIEW)):
        if "watching" in key:
            await world.rows.delete(OVERVIEW, partition, key)
    await world.services.operate.cancel("device-1", ADA, "sold")
    assert await figures(world) == dict(await counted(world))
    assert await found(world, state=S.CANCELLED) == ["device-1"]


async def test_figures_that_were_thrown_away_begin_anew_in_a_process_that_knew_them() -> None:
    world = World()
    await put(world, 1, S.WATCHING)
    world.rows.clear(OVERVIEW)
    await world.services.operate.cancel("device-1", ADA, "sold")
    assert await found(world, state=S.CANCELLED) == ["device-1"]
    for _ in range(3):
        world.clock.set((world.clock.now() + timedelta(hours=1)).replace(minute=1))
        await world.services.supervise.run()
    assert await figures(world) == dict(await counted(world))


@pytest.mark.parametrize("minute", range(0, 60, 5))
async def test_a_supervision_reads_three_times_when_nothing_moved_and_the_hour_is_not_new(minute: int) -> None:
    world = World()
    await put(world, 1, S.NEEDS_PERSON)
    world.clock.set((world.clock.now() + timedelta(hours=1)).replace(minute=minute))
    at = Interference(lambda _: False, die)
    await world.another_worker(at).supervise.run()
    looks = [call for call in at.calls if OVERVIEW in call.arguments]
    assert len(at.calls) - len(looks) == (3 if minute else 4), "worklist, payments, switch; and the month's ended cases"
    assert bool(looks) == (minute < 10)


async def test_figures_that_a_move_left_wrong_are_mended_within_ten_minutes_of_it() -> None:
    world = World()
    world.clock.set(world.clock.now().replace(minute=20))
    await put(world, 1, S.AWAITING_APPROVAL)
    at = Interference(lambda call: OVERVIEW in call.arguments, die)
    with pytest.raises(WorkerDied):
        await world.another_worker(at).operate.reject("device-1", ADA, "not this one")
    for _ in range(2):
        assert await figures(world) != dict(await counted(world))
        world.clock.move(timedelta(minutes=4, seconds=59))
        await world.services.supervise.run()
    assert await figures(world) == dict(await counted(world))


@pytest.mark.parametrize(
    ("why", "state"),
    [
        ({"management_agent": "configurationManagerClient"}, S.REFUSED),
        ({"compliance": Compliance.COMPLIANT}, S.NO_ACTION_NEEDED),
    ],
)
async def test_why_a_device_is_left_alone_is_found_by_its_serial_number(why: dict[str, object], state: S) -> None:
    world = World()
    world.devices.change(story.DEVICE_ID, **why)
    await world.services.take_hint.open_or_wake(world.hint())
    await world.live()
    (line,), _ = await world.services.search.find(Asked(serial=story.SERIAL_NUMBER))
    assert (line.state, line.serial_number) == (state, story.SERIAL_NUMBER)
