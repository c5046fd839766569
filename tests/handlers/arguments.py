"""What a handler gets and gives, made by the worker library's own converters, as the Functions host would have it."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import azure.functions as func

from local.host.bindings import HttpAnswer, QueueMetadata, http_answer, http_argument, queue_argument, timer_argument
from tests.fakes import story

JSON_TYPE = {"content-type": "application/json; charset=utf-8"}
FROM_OUR_PROGRAM = {**JSON_TYPE, "x-handover-request": "1"}
PLAYED = "x-handover-development-principal"


def request(
    body: bytes | str = b"",
    *,
    method: str = "POST",
    headers: Mapping[str, str] = FROM_OUR_PROGRAM,
    query: Mapping[str, str] | None = None,
    route: Mapping[str, str] | None = None,
) -> func.HttpRequest:
    """An HTTP request with its body as bytes, which is how the host hands it over."""
    return http_argument(
        method=method,
        url="https://handover.example/api/somewhere",
        headers=headers,
        query=query or {},
        route=route or {},
        body=body.encode() if isinstance(body, str) else body,
    )


def case_request(
    fields: object = None,
    *,
    case_id: str = story.CASE_ID,
    headers: Mapping[str, str] = FROM_OUR_PROGRAM,
    seen: int | None = story.VERSION,
) -> func.HttpRequest:
    """A request about one case with a JSON body, of somebody who saw this version of it; None: of nobody who did."""
    match = {} if seen is None else {"if-match": f'"{seen}"'}
    return request(json.dumps(fields), route={"case_id": case_id}, headers={**match, **headers})


def message(body: str | bytes) -> func.QueueMessage:
    """A queue message on its first delivery."""
    metadata = QueueMetadata(
        id="message-1",
        dequeue_count=1,
        pop_receipt="receipt",
        inserted_on=story.START,
        expires_on=story.START,
        next_visible_on=story.START,
    )
    binary = isinstance(body, bytes)
    argument = queue_argument(metadata, body if isinstance(body, bytes) else body.encode(), binary=binary, plain=False)
    assert isinstance(argument, func.QueueMessage)
    return argument


def tick() -> func.TimerRequest:
    """A timer that is on time."""
    argument = timer_argument(past_due=False, last=None, due=story.START, plain=False)
    assert isinstance(argument, func.TimerRequest)
    return argument


def answer(response: func.HttpResponse) -> HttpAnswer:
    """The response as it goes on the wire."""
    return http_answer(response)


def header(given: HttpAnswer, name: str) -> str | None:
    """One header of an answer, by its name in any case."""
    return next((value for key, value in given.headers if key.lower() == name.lower()), None)


def notification(user_id: str = story.OWNER_ID, **fields: object) -> dict[str, object]:
    """A genuine change notification of Graph about a user, as documented; ``fields`` replace or add."""
    genuine: dict[str, object] = {
        "changeType": "updated",
        "clientState": story.CLIENT_STATE,
        "resource": f"Users/{user_id}",
        "resourceData": {
            "@odata.type": "#Microsoft.Graph.User",
            "@odata.id": f"Users/{user_id}",
            "id": user_id,
            "organizationId": story.TENANT_ID,
        },
        "subscriptionExpirationDateTime": "2026-03-30T08:00:00+00:00",
        "subscriptionId": story.SUBSCRIPTION_ID,
        "tenantId": story.TENANT_ID,
    }
    return {**genuine, **fields}


def posted(*notifications: object) -> func.HttpRequest:
    """Graph's POST of these notifications."""
    return request(json.dumps({"value": notifications}))


Handler = Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]


async def ok(handler: Handler, given: func.HttpRequest) -> dict[str, Any]:
    """The document of an answer with status 200."""
    answered = answer(await handler(given))
    assert (answered.status, header(answered, "content-type")) == (200, "application/json"), answered.body
    return json.loads(answered.body)


async def problem(status: int, handler: Handler, given: func.HttpRequest) -> str:
    """The detail of a problem document (RFC 9457) with this status."""
    answered = answer(await handler(given))
    assert answered.status == status, answered.body
    assert header(answered, "content-type") == "application/problem+json"
    document = json.loads(answered.body)
    assert (document["status"], bool(document["title"])) == (status, True)
    return document["detail"]
