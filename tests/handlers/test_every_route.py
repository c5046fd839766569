"""Bad input to every route of the API, and what the newer routes show and do."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from handlers import api
from handlers.answers import REQUEST_HEADER
from handlers.operations import OPERATIONS, Operation
from shared.domain.policy import EnrolmentAttestation
from shared.domain.states import CaseState
from shared.names import CASE_STEPS, DEVICE_EVENTS, LEDGERS
from shared.operate.act import RELEASED
from shared.operate.principals import Role
from shared.records.attestations import AttestationBook
from tests.fakes import story
from tests.fakes.world import World
from tests.handlers.arguments import (
    FROM_OUR_PROGRAM,
    JSON_TYPE,
    PLAYED,
    answer,
    case_request,
    header,
    ok,
    problem,
    request,
)
from tests.handlers.served import HANDLERS

S = CaseState
POSTS = [one for one in OPERATIONS if one.method == "POST"]
MATCH = {"if-match": f'"{story.VERSION}"'}
EVERYTHING: dict[str, object] = {"why": "because", "proposal": "0" * 32, "frozen": True}
BAD_QUERIES = {
    "which": ["x", "OPEN"],
    "month": ["2026-13", "x", "2026-1"],
    "state": ["x", ""],
    "reason": ["x"],
    "most": ["0", "101", "x", "-1", "9" * 400],
    "after": ["a/b", "x" * 501, "\ud800", "line\nbreak"],
    "serial": ["x" * 321, "\ud800"],
    "device": ["x" * 321],
    "user": ["x" * 321],
    "source": ["cases", ""],
    "settled": ["maybe"],
    "days": ["0", "93", "x"],
    "format": ["pdf"],
}


async def fill(world: World) -> str:
    """A case that waits for an approval, and a message that was set aside; its id."""
    await world.put(story.case_in(S.AWAITING_APPROVAL, world.policy, world.clock.now()))
    await world.services.park(DEVICE_EVENTS, "not JSON", "it could not be used")
    return next(f"{row[0]}.{row[1]}" for row in world.rows.table("parked"))


def given(route: dict[str, str], fields: object = None, headers: dict[str, str] | None = None) -> Any:
    """A POST; without headers, one that a program of ours sends."""
    return request(
        json.dumps(EVERYTHING if fields is None else fields),
        route=route,
        headers=headers or {**FROM_OUR_PROGRAM, **MATCH},
    )


async def stays_as_it_was(world: World, before: object) -> None:
    assert await world.case() == before
    assert not (await world.freeze.read()).frozen
    assert (await world.services.tend_parked.list(source=None, after="", settled=True))["parked"] == []


@pytest.mark.parametrize("one", POSTS, ids=lambda one: one.name)
async def test_whoever_lacks_the_role_is_told_which_and_nothing_is_done(world: World, one: Operation) -> None:
    route = {"case_id": story.CASE_ID, "parked_id": await fill(world)}
    before = await world.case()
    others = [role.value.removeprefix("Handover.") for role in Role if role is not one.role]
    for roles in (*others, ",".join(others)):
        headers = {**FROM_OUR_PROGRAM, **MATCH, PLAYED: f"Eve;{roles}"}
        assert f"{one.role.value} is missing" in await problem(403, HANDLERS[one.name], given(route, headers=headers))
    await stays_as_it_was(world, before)


@pytest.mark.parametrize("one", POSTS, ids=lambda one: one.name)
async def test_what_a_form_of_another_site_can_send_does_nothing(world: World, one: Operation) -> None:
    route = {"case_id": story.CASE_ID, "parked_id": await fill(world)}
    before, handler = await world.case(), HANDLERS[one.name]
    await problem(428, handler, given(route, headers=JSON_TYPE))
    for kind in ("", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        await problem(415, handler, given(route, headers={REQUEST_HEADER: "1", **MATCH, "content-type": kind}))
    foreign = {**FROM_OUR_PROGRAM, **MATCH, "sec-fetch-site": "same-site"}
    await problem(403, handler, given(route, headers=foreign))
    await stays_as_it_was(world, before)


@pytest.mark.parametrize("one", POSTS, ids=lambda one: one.name)
async def test_a_body_that_does_not_say_what_is_needed_is_refused_by_the_name_of_the_field(
    world: World, one: Operation
) -> None:
    assert one.body is not None
    route = {"case_id": story.CASE_ID, "parked_id": await fill(world)}
    before, handler = await world.case(), HANDLERS[one.name]
    headers = {**FROM_OUR_PROGRAM, **MATCH}
    for body in (b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000):
        await problem(400, handler, request(body, route=route, headers=headers))
    required = [name for name, field in one.body.model_fields.items() if field.is_required()]
    for name in required:
        for wrong in (None, "", "   ", 5, ["x"], {"x": 1}, "x" * 501, "half \ud83d"):
            assert f'"{name}"' in await problem(400, handler, given(route, {**EVERYTHING, name: wrong}))
        without = {key: value for key, value in EVERYTHING.items() if key != name}
        assert f'"{name}"' in await problem(400, handler, given(route, without))
    await stays_as_it_was(world, before)


@pytest.mark.parametrize(
    ("one", "name", "value"),
    [
        pytest.param(one, name, value, id=f"{one.name}-{name}-{ascii(value)[:12]}")
        for one in OPERATIONS
        if one.query is not None
        for name in one.query.model_fields
        for value in BAD_QUERIES[name]
    ],
)
async def test_a_query_that_makes_no_sense_is_refused_by_its_name(
    world: World, one: Operation, name: str, value: str
) -> None:
    said = await problem(400, HANDLERS[one.name], request(method="GET", query={name: value}))
    assert f'"{name}"' in said
    assert len(value) < 300 or value not in said


@pytest.mark.parametrize("one", [one for one in OPERATIONS if "{" in one.path], ids=lambda one: one.name)
@pytest.mark.parametrize("wrong", ["device-unknown", "", "a/b", "a#b", "x" * 600, "\ud800", "line\nbreak"], ids=ascii)
async def test_what_is_not_there_is_404(world: World, one: Operation, wrong: str) -> None:
    await fill(world)
    await problem(404, HANDLERS[one.name], given({"case_id": wrong, "parked_id": wrong}))


@pytest.mark.parametrize("one", [one for one in OPERATIONS if one.name != "show_openapi"], ids=lambda one: one.name)
async def test_when_storage_is_down_the_answer_is_503(world: World, one: Operation) -> None:
    route = {"case_id": story.CASE_ID, "parked_id": await fill(world)}
    world.rows.away = True
    fields = {**EVERYTHING, "frozen": False}
    await problem(503, HANDLERS[one.name], given(route, fields))


@pytest.mark.parametrize("state", RELEASED)
async def test_a_case_that_waits_looks_again_now_and_nothing_else_changes(world: World, state: CaseState) -> None:
    later = world.clock.now() + timedelta(hours=3)
    case = await world.put(story.case_in(state, world.policy, world.clock.now(), due_at=later))
    world.clock.move(timedelta(minutes=1))
    moved = await ok(api.release_case, case_request({}))
    assert moved["says"] == "Ada asked to look again now."
    after = await world.case()
    assert after.due_at == world.clock.now()
    assert replace(after, due_at=later, version=case.version, says=case.says, moved_at=case.moved_at) == case
    assert len(world.messages.queues[CASE_STEPS]) == 1


@pytest.mark.parametrize("state", [state for state in S if state not in RELEASED])
async def test_what_does_not_wait_for_anything_outside_is_not_released(world: World, state: CaseState) -> None:
    case = await world.put(story.case_in(state, world.policy, world.clock.now()))
    await problem(409, api.release_case, case_request({}))
    assert await world.case() == case


async def test_what_is_possible_stands_in_the_case(world: World) -> None:
    await fill(world)
    assert (await ok(api.show_case, case_request()))["possible"] == ["approve", "reject", "cancel"]


async def test_seats_and_checks_are_shown_as_they_were_read_and_are_not_read_anew(world: World) -> None:
    assert await ok(api.show_seats, request(method="GET")) == {"read_at": None, "licences": []}
    unread = await ok(api.show_tenant, request(method="GET"))
    assert (unread["checks"][0]["verdict"], unread["attestation"]["by"]) == ("cannot verify", "admin@contoso.example")
    await world.services.advance.gatherer.tenant.get(at_most=timedelta(hours=1))
    world.tenant.skus = {}
    seats = (await ok(api.show_seats, request(method="GET")))["licences"]
    assert [(one["sku"], one["free"], one["has_intune"], one["has_entra_p1"]) for one in seats] == [
        ("SPB", 4, True, True),
        ("O365_BUSINESS_PREMIUM", 24, False, False),
    ]
    checks = (await ok(api.show_tenant, request(method="GET")))["checks"]
    assert [(check["name"], check["verdict"]) for check in checks] == [("MDM authority", "ok")]


async def test_an_attestation_that_is_over_is_not_valid_any_more(world: World) -> None:
    assert (await ok(api.show_tenant, request(method="GET")))["attestation"]["valid"] is True
    world.clock.move(timedelta(days=91))
    assert (await ok(api.show_tenant, request(method="GET")))["attestation"]["valid"] is False


async def test_an_attestation_that_leads_elsewhere_than_to_intune_is_not_valid(world: World) -> None:
    world.clock.move(timedelta(days=1))
    today = world.clock.now().date()
    word = EnrolmentAttestation(by="ada@contoso.example", on=today, scope="all", discovery_url="https://mdm.example/")
    await AttestationBook(world.rows, world.ids).write(word, at=world.clock.now(), how="by hand")
    assert (await ok(api.show_tenant, request(method="GET")))["attestation"]["valid"] is False


async def test_a_newer_word_that_is_stored_is_the_one_that_counts(world: World) -> None:
    world.clock.move(timedelta(days=100))
    book = AttestationBook(world.rows, world.ids)
    word = EnrolmentAttestation(by="ada@contoso.example", on=world.clock.now().date(), scope="some", group_ids=("g",))
    await book.write(word, at=world.clock.now(), how="by hand")
    shown = (await ok(api.show_tenant, request(method="GET")))["attestation"]
    assert (shown["by"], shown["scope"], shown["valid"]) == ("ada@contoso.example", "some", True)
    await world.rows.upsert(LEDGERS, "attestation", "newest", {"body": "not JSON", "write_id": ""})
    assert (await ok(api.show_tenant, request(method="GET")))["attestation"] is None


async def test_journals_come_as_lines_with_the_way_to_the_next_page(world: World) -> None:
    for number in range(3):
        await world.put(story.case_in(S.WATCHING, world.policy, world.clock.now(), id=f"device-{number}"))
    lines, after = list[str](), ""
    for _ in range(3):
        query = {"most": "2", **({"after": after} if after else {})}
        answered = answer(await api.export_journals(request(method="GET", query=query)))
        assert (answered.status, header(answered, "cache-control")) == (200, "no-store")
        lines += answered.body.decode().splitlines()
        after = header(answered, api.NEXT) or ""
        if not after:
            break
    assert [json.loads(line)["case_id"] for line in lines] == ["device-0", "device-1", "device-2"]
    assert json.loads(lines[0])["to_state"] == "watching"
