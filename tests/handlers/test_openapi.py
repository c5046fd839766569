"""The OpenAPI document is true: it names every route, and the handlers answer as it says, whatever they are sent."""

# schemathesis leaves out the type arguments of what it makes:
# pyright: reportUnknownVariableType=false
import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from handlers import openapi
from handlers.answers import REQUEST_HEADER
from handlers.openapi_document import document
from handlers.operations import OPERATIONS
from shared.bootstrap import install
from shared.domain.policy import Mode
from shared.domain.states import CaseState
from shared.names import DEVICE_EVENTS, PARKED
from tests.fakes import story
from tests.fakes.world import World
from tests.handlers.arguments import ok, request
from tests.handlers.conftest import PLAYS_ADA
from tests.handlers.served import API, served

EXAMPLES = 20
EVENT = json.dumps(
    {
        "specversion": "1.0",
        "id": "event-1",
        "source": "/itsm",
        "type": "device.noncompliant",
        "data": {"serialNumber": story.SERIAL_NUMBER},
    }
)


def test_the_table_names_every_route_of_the_api_and_no_other() -> None:
    assert {one.name: (f"v1/{one.path}", (one.method,)) for one in OPERATIONS} == {
        name: (trigger.where, trigger.methods) for name, trigger in API.items()
    }


async def test_the_document_is_served_and_valid(world: World) -> None:
    served = await ok(openapi.show_openapi, request(method="GET"))
    assert served == document()
    schemathesis.openapi.from_dict(served).validate()


async def test_every_action_on_a_case_asks_for_what_was_seen_and_every_other_for_our_header() -> None:
    for path in document()["paths"].values():
        for method, described in path.items():
            required = {each["name"] for each in described["parameters"] if each["required"] and each["in"] == "header"}
            assert bool(required) is (method == "post"), described["operationId"]


async def asgi_world() -> World:
    """Cases in several states, and a message that was set aside."""
    made = World(Mode.APPROVE, development_principal=PLAYS_ADA)
    for number, state in enumerate((CaseState.AWAITING_APPROVAL, CaseState.NEEDS_PERSON, CaseState.NOT_READY)):
        case_id = story.CASE_ID if number == 0 else f"device-{number}"
        await made.put(story.case_in(state, made.policy, made.clock.now(), id=case_id))
        made.clock.move(timedelta(seconds=1))
    await made.services.park(DEVICE_EVENTS, EVENT, "it could not be used")
    await made.services.advance.gatherer.tenant.get(at_most=timedelta(hours=1))
    return made


@pytest.fixture
def everything() -> Iterator[World]:
    made = asyncio.run(asgi_world())
    install(made.services)
    yield made
    install(None)


def known_ids(world: World) -> dict[str, str]:
    """A case and a message that are there."""
    parked = next(row for row in world.rows.table(PARKED))
    return {"case_id": story.CASE_ID, "parked_id": f"{parked[0]}.{parked[1]}"}


CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.mark.parametrize("name", [name for name in API if name != "show_openapi"])
def test_whatever_is_sent_the_answer_is_as_the_document_says(everything: World, name: str) -> None:
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", served())
    operations: Any = schema.get_all_operations()  # schemathesis leaves out the types of what it makes
    described: Any = next(one.ok() for one in operations if one.ok().definition.raw["operationId"] == name)
    statuses = set[int]()
    made: Any = st.one_of(described.as_strategy(), described.as_strategy(GenerationMode.NEGATIVE))

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    @given(made, st.booleans())
    def send(case: Any, known: bool) -> None:
        if known:  # as a program that looked first, and has nothing to mend
            case.body = {} if name == "replay_parked" else case.body
            case.path_parameters = {**case.path_parameters, **known_ids(everything)}
            case.headers = {**case.headers, "If-Match": f'"{story.VERSION}"', REQUEST_HEADER: "1"}
        response = case.call()
        statuses.add(response.status_code)
        case.validate_response(response, checks=CHECKS)

    send()
    assert statuses & {200, 409}, f"it was never understood: {statuses}"
