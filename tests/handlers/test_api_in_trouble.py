"""The JSON API when storage is down or refuses us: a problem document, and nothing of our inner words."""

import pytest

from handlers import api
from shared.errors import AccessDenied
from tests.fakes.world import World
from tests.handlers.arguments import Handler, case_request, problem

EVERYTHING = {"why": "because", "proposal": "0" * 32, "frozen": True}
ALL: dict[str, Handler] = {
    "status": api.show_status,
    "list": api.list_cases,
    "show": api.show_case,
    "approve": api.approve_case,
    "reject": api.reject_case,
    "cancel": api.cancel_case,
    "retry": api.retry_case,
    "freeze": api.set_freeze,
}


@pytest.mark.parametrize("handler", ALL.values(), ids=ALL)
async def test_when_storage_is_down_the_answer_is_503(world: World, handler: Handler) -> None:
    world.rows.away = True
    assert "not available" in await problem(503, handler, case_request(EVERYTHING))


@pytest.mark.parametrize("handler", ALL.values(), ids=ALL)
async def test_when_storage_refuses_us_the_answer_is_a_problem_without_inner_words(
    world: World, handler: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(table: str) -> None:
        raise AccessDenied("the account key of handovertest is wrong")

    monkeypatch.setattr(world.rows, "_reach", refuse)
    assert "account key" not in await problem(500, handler, case_request(EVERYTHING))
