"""The page behind the link in the owner's mail: GET shows, POST puts off, and a wrong code learns nothing."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import azure.functions as func
import pytest

from handlers import defer
from shared.domain.case import Case, Notice
from shared.domain.states import CaseState
from shared.errors import Changed
from shared.names import CASE_STEPS
from tests.case_builders import CODE, a_notice
from tests.fakes import story
from tests.fakes.interference import Interference
from tests.fakes.world import World
from tests.handlers.arguments import request

DAY = timedelta(days=1)
Handler = Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]


def asked(*, case_id: str = story.CASE_ID, code: str = CODE) -> func.HttpRequest:
    return request(headers={}, route={"case_id": case_id, "code": code})


async def waiting(world: World, state: CaseState = CaseState.GIVING_NOTICE, **fields: object) -> Case:
    notice: Notice = a_notice(wipe_not_before=world.clock.now() + DAY, **fields)
    return await world.put(story.case_in(state, world.policy, world.clock.now(), notice=notice))


async def test_get_shows_what_a_post_would_do_and_does_nothing(world: World) -> None:
    before = await waiting(world)

    answer = await defer.show(asked())

    page = answer.get_body().decode()
    assert answer.status_code == 200
    assert "not before <b>2026-03-03 08:00 (UTC)</b>" in page
    assert '<form method="post"><button>Put it off by 24 hours</button></form>' in page
    assert "2 more times" in page
    assert await world.case() == before


async def test_post_puts_the_wipe_off_and_leads_back_to_the_page(world: World) -> None:
    await waiting(world)

    answer = await defer.put_off(asked())

    case = await world.case()
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/api/defer/{story.CASE_ID}/{CODE}")
    assert case.notice is not None
    assert (case.notice.deferrals, case.notice.wipe_not_before) == (1, world.clock.now() + 2 * DAY)
    (entry,) = (await world.cases.journal(story.CASE_ID))[1:]
    assert entry.says == "DEF456 put the wipe off until 2026-03-04 08:00 UTC (deferral 1 of 2)."
    assert entry.who == story.OWNER_UPN
    assert len(world.messages.queues[CASE_STEPS]) == 1


async def test_a_third_post_puts_nothing_off(world: World) -> None:
    before = await waiting(world, deferrals=2)

    assert (await defer.put_off(asked())).status_code == 303

    assert await world.case() == before
    page = (await defer.show(asked())).get_body().decode()
    assert "cannot be put off any more" in page
    assert "<form" not in page


@pytest.mark.parametrize("state", [CaseState.WIPE_INTENDED, CaseState.AWAITING_RETURN, CaseState.NO_ACTION_NEEDED])
async def test_when_it_is_too_late_nothing_is_changed(world: World, state: CaseState) -> None:
    before = await waiting(world, state)

    await defer.put_off(asked())

    assert await world.case() == before
    assert "<form" not in (await defer.show(asked())).get_body().decode()


@pytest.mark.parametrize("handler", [defer.show, defer.put_off])
@pytest.mark.parametrize(
    ("case_id", "code"),
    [
        (story.CASE_ID, "d" * 64),
        (story.CASE_ID, ""),
        (story.CASE_ID, CODE.upper()),
        (story.CASE_ID, "x" * 100_000),
        (story.CASE_ID, "\ud800"),
        ("device-of-nobody", CODE),
        ("../worklist", CODE),
        ("", ""),
    ],
)
async def test_every_code_that_does_not_fit_gets_the_same_answer(
    world: World, handler: Handler, case_id: str, code: str
) -> None:
    before = await waiting(world)

    answer = await handler(asked(case_id=case_id, code=code))

    assert answer.status_code == 404
    assert answer.get_body().decode() == world.services.pages.no_such_link()
    assert await world.case() == before


async def test_a_code_that_does_not_fit_costs_one_read_of_one_row_at_most(world: World) -> None:
    await waiting(world)
    watched = Interference(lambda _: False, _nothing)
    use_case = world.another_worker(watched).defer

    assert await use_case.put_off(story.CASE_ID, "d" * 64) is None
    assert await use_case.put_off(story.CASE_ID, "not a code") is None

    assert [call.name for call in watched.calls] == ["rows.get"]


async def _nothing() -> None:
    return


async def test_the_page_may_load_nothing_is_not_kept_and_its_address_goes_nowhere(world: World) -> None:
    await waiting(world)
    for handler in (defer.show, defer.put_off):
        headers = (await handler(asked())).headers
        assert headers["Content-Security-Policy"].startswith("default-src 'none';")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"


async def test_a_device_name_is_escaped_on_the_page(world: World) -> None:
    case = story.case_in(CaseState.GIVING_NOTICE, world.policy, world.clock.now(), notice=a_notice())
    assert case.device is not None
    await world.put(replace(case, device=replace(case.device, name="<script>alert(1)</script>")))

    assert "<script>" not in (await defer.show(asked())).get_body().decode()


async def test_without_storage_the_page_says_so_and_nothing_is_promised(world: World) -> None:
    await waiting(world)
    world.rows.away = True

    answer = await defer.put_off(asked())

    assert answer.status_code == 503
    assert "Nothing was changed" in answer.get_body().decode()


async def test_when_the_case_moves_at_the_same_moment_nothing_is_put_off(world: World) -> None:
    """The wipe is written down just as the owner presses the button: one of the two writes wins."""
    await waiting(world, CaseState.CLEARED_TO_WIPE)

    async def moves() -> None:
        stored = await world.cases.load(story.CASE_ID)
        assert stored is not None
        moved = replace(stored.case, state=CaseState.WIPE_INTENDED, version=stored.case.version + 1)
        await world.cases.save(stored, moved, [])

    racing = Interference(lambda call: call.name == "rows.write", moves)
    with pytest.raises(Changed):
        await world.another_worker(racing).defer.put_off(story.CASE_ID, CODE)

    case = await world.case()
    assert case.state is CaseState.WIPE_INTENDED
    assert case.notice is not None
    assert case.notice.deferrals == 0
