"""The Teams workflow: one POST to the secret URL, which appears in no error."""

import json

import httpx
import pytest

from shared.clients.teams import TeamsWorkflow
from shared.domain.effects import Done, Refused
from shared.errors import RetryLater
from tests.clients.graph_wire import Answering, Wire, always, raising

URL = "https://prod.example/workflows/abc?sig=the-secret"
CARD = {"type": "message"}


async def test_a_card_is_posted_to_the_workflow() -> None:
    wire = Wire(always(202))
    assert await TeamsWorkflow(URL, wire).post(CARD) == Done()
    (request,) = wire.requests
    assert (request.method, str(request.url), json.loads(request.content)) == ("POST", URL, CARD)


@pytest.mark.parametrize("status", [301, 302, 400, 401, 404])
async def test_what_the_workflow_does_not_take_is_refused_and_not_sent_elsewhere(status: int) -> None:
    wire = Wire(always(status, b"", headers={"Location": "https://elsewhere.example/"}))
    assert await TeamsWorkflow(URL, wire).post(CARD) == Refused(
        code=f"http_{status}", message="the workflow did not take the card"
    )
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    "answer", [always(429), always(503), raising(httpx.ConnectTimeout("no")), raising(httpx.ReadError("no"))]
)
async def test_trouble_is_for_later_and_does_not_tell_the_url(answer: Answering) -> None:
    with pytest.raises(RetryLater) as caught:
        await TeamsWorkflow(URL, Wire(answer)).post(CARD)
    assert "the-secret" not in repr(caught.value)
    assert caught.value.__cause__ is None


async def test_without_a_url_nothing_is_sent() -> None:
    wire = Wire(always(202))
    assert isinstance(await TeamsWorkflow(None, wire).post(CARD), Refused)
    assert wire.requests == []
