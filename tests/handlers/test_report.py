"""GET report and the daily mail."""

import json
from datetime import timedelta

import azure.functions as func
import pytest

from handlers import report, schedules
from shared.bootstrap import install
from shared.domain.effects import Refused
from shared.domain.policy import Mode
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.errors import AccessDenied
from shared.operate.report import months
from tests.fakes import story
from tests.fakes.world import World
from tests.handlers.arguments import request, tick

DAY = timedelta(days=1)


def asked(accept: str = "", **query: str) -> func.HttpRequest:
    return request(method="GET", headers={"accept": accept} if accept else {}, query=query)


async def put(world: World, number: int, state: CaseState, ago: timedelta) -> None:
    now = world.clock.now() - ago
    case = story.case_in(state, world.policy, now, id=f"device-{number}", reason=Reason.MENDED_WITHOUT_WIPE)
    stored = await world.cases.load((await world.put(case)).id)
    assert stored is not None
    await world.cases.save(stored, case, [])  # an ended case leaves the list of open ones when it is saved


async def test_it_tells_of_open_cases_and_of_those_that_ended_in_the_period(world: World) -> None:
    await put(world, 1, CaseState.WATCHING, 40 * DAY)
    await put(world, 2, CaseState.NO_ACTION_NEEDED, 6 * DAY)
    await put(world, 3, CaseState.NO_ACTION_NEEDED, 8 * DAY)
    await put(world, 4, CaseState.NO_ACTION_NEEDED, 35 * DAY)

    async def ids(days: str) -> list[str]:
        answer = await report.show_report(asked(days=days))
        assert answer.status_code == 200
        return [line["case_id"] for line in json.loads(answer.get_body())["lines"]]

    assert await ids("7") == ["device-2", "device-1"]
    assert await ids("10") == ["device-2", "device-3", "device-1"]
    assert await ids("60") == ["device-2", "device-3", "device-4", "device-1"]


async def test_it_names_the_mode_that_holds_not_the_one_that_was_set() -> None:
    """Auto mode ends by itself: a report that goes on calling it auto would be believed."""
    today = World(Mode.AUTO, auto_until=story.START.date())
    assert (await today.services.report.of_days(7)).mode == "auto"
    today.clock.move(DAY)
    latest, _ = await today.services.report.latest(7)
    assert {latest.mode, (await today.services.report.of_days(7)).mode} == {"approve"}


@pytest.mark.parametrize(
    ("accept", "query", "kind"),
    [
        ("", {}, "application/json"),
        ("*/*", {}, "application/json"),
        ("text/html,application/xhtml+xml", {}, "text/html"),
        ("text/markdown", {}, "text/markdown"),
        ("text/html", {"format": "markdown"}, "text/markdown"),
        ("", {"format": "html"}, "text/html"),
    ],
)
async def test_it_comes_in_the_form_that_is_asked_for(
    world: World, accept: str, query: dict[str, str], kind: str
) -> None:
    answer = await report.show_report(asked(accept, **query))

    assert (answer.status_code, answer.mimetype) == (200, kind)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "query", [{"days": "0"}, {"days": "93"}, {"days": "-1"}, {"days": "x"}, {"days": "²"}, {"format": "pdf"}]
)
async def test_what_it_cannot_do_is_a_bad_request(world: World, query: dict[str, str]) -> None:
    assert (await report.show_report(asked(**query))).status_code == 400


async def test_without_storage_it_is_not_available(world: World) -> None:
    world.rows.away = True
    assert (await report.show_report(asked())).status_code == 503


def operators(*addresses: str) -> World:
    world = World(Mode.REPORT, operators_mail=addresses)
    install(world.services)
    return world


async def test_the_report_of_the_day_is_mailed_to_the_operators_in_any_mode(world: World) -> None:
    world = operators("ann@contoso.example", "ben@contoso.example")

    await schedules.send_report(tick())

    assert [sent.to for sent in world.mail.sent] == ["ann@contoso.example", "ben@contoso.example"]
    assert world.mail.sent[0].subject == "Handover: 0 cases in the last day (mode report)"
    assert "<h1>Handover report</h1>" in world.mail.sent[0].html


async def test_without_an_address_nothing_is_read_and_nothing_is_sent(world: World) -> None:
    world.rows.away = True
    await schedules.send_report(tick())
    assert world.mail.sent == []


@pytest.mark.parametrize("trouble", [AccessDenied("no"), Refused(code="no_mailbox", message="")])
async def test_a_mail_that_fails_does_not_keep_the_others_from_theirs(
    world: World, trouble: Exception | Refused
) -> None:
    world = operators("ann@contoso.example", "ben@contoso.example")
    world.mail.answers.append(trouble)

    await schedules.send_report(tick())

    assert [sent.to for sent in world.mail.sent] == ["ben@contoso.example"]


def test_the_months_of_a_period_go_past_the_end_of_a_year(world: World) -> None:
    now = world.clock.now()
    assert months(now - 90 * DAY, now) == ["2025-12", "2026-01", "2026-02", "2026-03"]
    assert months(now, now) == ["2026-03"]
