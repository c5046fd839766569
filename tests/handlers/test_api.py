"""The JSON API for people and scripts: what it shows, what it does, and a problem document for everything else."""

import json
from datetime import timedelta

import pytest

from handlers import api
from shared.bootstrap import install
from shared.domain.case import Case, proposal_of
from shared.domain.policy import Mode
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.names import CASE_STEPS, LEDGERS
from tests.fakes import story
from tests.fakes.world import World
from tests.handlers.arguments import (
    FROM_OUR_PROGRAM,
    JSON_TYPE,
    PLAYED,
    Handler,
    answer,
    case_request,
    header,
    ok,
    problem,
    request,
)
from tests.handlers.conftest import PLAYS_ADA

S = CaseState
ON_A_CASE: dict[str, Handler] = {
    "show": api.show_case,
    "approve": api.approve_case,
    "reject": api.reject_case,
    "cancel": api.cancel_case,
    "retry": api.retry_case,
}
BOB = {**FROM_OUR_PROGRAM, PLAYED: "Bob;Operator"}
EVERYTHING = {"why": "because", "proposal": "0" * 32, "frozen": True}


async def put(world: World, state: CaseState, **fields: object) -> Case:
    return await world.put(story.case_in(state, world.policy, world.clock.now(), **fields))


async def test_status_shows_mode_switch_and_open_cases_by_state(world: World) -> None:
    await put(world, S.WATCHING)
    await put(world, S.AWAITING_APPROVAL, id="device-2")
    await put(world, S.AWAITING_APPROVAL, id="device-3")
    status = await ok(api.show_status, request(method="GET"))
    assert (status["mode"], status["frozen"]) == ("approve", False)
    assert status["open_cases"] == {"watching": 1, "awaiting_approval": 2}
    assert status["policy"] == world.policy.version


async def test_the_list_shows_the_newest_move_first(world: World) -> None:
    await put(world, S.WATCHING)
    await put(world, S.NEEDS_PERSON, id="device-2", moved_at=world.clock.now() + timedelta(hours=1))
    listed = (await ok(api.list_cases, request(method="GET")))["cases"]
    assert [(one["case_id"], one["state"]) for one in listed] == [
        ("device-2", "needs_person"),
        (story.CASE_ID, "watching"),
    ]


async def test_the_list_shows_cases_that_ended_this_month(world: World) -> None:
    await put(world, S.WATCHING)
    await ok(api.cancel_case, case_request({"why": "lost"}))
    listed = (await ok(api.list_cases, request(method="GET")))["cases"]
    assert [(one["case_id"], one["state"]) for one in listed] == [(story.CASE_ID, "cancelled")]


async def test_a_case_is_shown_with_its_journal_and_what_an_approval_would_do(world: World) -> None:
    case = await put(world, S.AWAITING_APPROVAL)
    shown = await ok(api.show_case, case_request())
    assert shown["case"]["id"] == case.id
    assert shown["meaning"] == "A person has to approve the wipe."
    assert [entry["to_state"] for entry in shown["journal"]] == ["awaiting_approval"]
    assert shown["to_approve"]["proposal"] == proposal_of(case, world.policy.version)
    for word in ("Factory reset", "PC-0427", story.SERIAL_NUMBER, story.DEVICE_ID, story.OWNER_UPN):
        assert word in shown["to_approve"]["action"]


async def test_a_case_that_needs_no_approval_shows_nothing_to_approve(world: World) -> None:
    await put(world, S.WATCHING)
    assert "to_approve" not in await ok(api.show_case, case_request())


@pytest.mark.parametrize("case_id", ["device-unknown", "", "a/b", "a#b", "a?b", "x" * 600, "\ud800", "line\nbreak"])
@pytest.mark.parametrize("handler", ON_A_CASE.values(), ids=ON_A_CASE)
async def test_a_case_that_is_not_there_is_404_however_it_is_called(
    world: World, handler: Handler, case_id: str
) -> None:
    await problem(404, handler, case_request(EVERYTHING, case_id=case_id))


async def test_the_right_proposal_clears_the_wipe_once(world: World) -> None:
    case = await put(world, S.AWAITING_APPROVAL)
    approval = {"proposal": proposal_of(case, world.policy.version)}
    moved = await ok(api.approve_case, case_request(approval))
    assert (moved["state"], moved["version"]) == ("cleared_to_wipe", case.version + 1)
    stored = await world.case()
    assert stored.approval is not None and (stored.approval.by, stored.approval.used) == ("Ada", False)
    assert len(world.messages.queues[CASE_STEPS]) == 1
    again = case_request(approval, seen=moved["version"])
    assert "cleared_to_wipe" in await problem(409, api.approve_case, again)
    assert await world.case() == stored


@pytest.mark.parametrize("mode", [Mode.OFF, Mode.REPORT])
async def test_nothing_is_approved_in_a_mode_that_sends_no_wipe(world: World, mode: Mode) -> None:
    world.set_settings(mode, development_principal=PLAYS_ADA)
    install(world.services)
    case = await put(world, S.AWAITING_APPROVAL)
    approval = {"proposal": proposal_of(case, world.policy.version)}
    assert mode.value in await problem(409, api.approve_case, case_request(approval))
    assert await world.case() == case


async def test_another_proposal_is_refused_and_changes_nothing(world: World) -> None:
    case = await put(world, S.AWAITING_APPROVAL)
    said = await problem(409, api.approve_case, case_request({"proposal": "0" * 32}))
    assert "device, owner or policy changed" in said
    assert await world.case() == case


async def test_a_rejected_case_rests_with_the_reason(world: World) -> None:
    await put(world, S.AWAITING_APPROVAL)
    await ok(api.reject_case, case_request({"why": "she is on leave"}))
    case = await world.case()
    assert (case.state, case.reason, case.approval) == (S.NEEDS_PERSON, Reason.PERSON_REJECTED, None)
    assert "she is on leave" in case.says
    last = (await world.cases.journal(case.id))[-1]
    assert (last.who, last.who_id) == ("Ada", "development:ada")


@pytest.mark.parametrize("state", [state for state in S if state is not S.AWAITING_APPROVAL])
async def test_only_what_waits_for_approval_can_be_approved_or_rejected(world: World, state: CaseState) -> None:
    case = await put(world, state)
    await problem(409, api.approve_case, case_request(EVERYTHING))
    await problem(409, api.reject_case, case_request(EVERYTHING))
    assert await world.case() == case


@pytest.mark.parametrize("state", [S.OPENED, S.WATCHING, S.AWAITING_APPROVAL, S.CLEARED_TO_WIPE, S.NEEDS_PERSON])
async def test_a_case_can_be_cancelled_before_its_wipe(world: World, state: CaseState) -> None:
    await put(world, state)
    await ok(api.cancel_case, case_request({"why": "sold"}))
    assert (await world.case()).state is S.CANCELLED
    assert world.messages.queues[CASE_STEPS] == []


@pytest.mark.parametrize("state", [S.WIPE_SENT, S.WIPE_UNKNOWN, S.AWAITING_RETURN, S.AWAITING_PROOF, S.PROVEN])
async def test_a_case_cannot_be_cancelled_once_its_wipe_was_sent(world: World, state: CaseState) -> None:
    case = await put(world, state)
    assert state.value in await problem(409, api.cancel_case, case_request({"why": "sold"}))
    assert await world.case() == case


async def test_a_resting_case_is_tried_again_from_its_start(world: World) -> None:
    await put(world, S.NEEDS_PERSON)
    assert (await ok(api.retry_case, case_request({})))["state"] == "opened"
    assert len(world.messages.queues[CASE_STEPS]) == 1
    assert (await world.case()).opened_at == world.clock.now(), "its time limits begin anew"
    await problem(409, api.retry_case, case_request({}, seen=story.VERSION + 1))


async def test_a_resting_case_whose_wipe_was_sent_only_waits_for_the_device(world: World) -> None:
    now = world.clock.now()
    await put(world, S.NEEDS_PERSON, wipe=story.attempt(now, sent=True))
    assert (await ok(api.retry_case, case_request({})))["state"] == "awaiting_return"


@pytest.mark.parametrize("frozen", [True, False])
async def test_a_switch_that_cannot_be_read_can_be_set_again(world: World, frozen: bool) -> None:
    await world.rows.upsert(LEDGERS, "switch", "freeze", {"body": "not JSON", "write_id": ""})
    fields = {"frozen": frozen, "why": "looked at it"}
    assert (await ok(api.set_freeze, request(json.dumps(fields))))["frozen"] is frozen


async def test_freeze_and_thaw_show_at_once_in_the_status(world: World) -> None:
    frozen = await ok(api.set_freeze, request(json.dumps({"frozen": True, "why": "odd numbers"})))
    assert (frozen["frozen"], frozen["frozen_by"], frozen["why"]) == (True, "Ada", "odd numbers")
    assert (await world.freeze.read()).frozen
    thawed = await ok(api.set_freeze, request(json.dumps({"frozen": False, "why": "all clear"}), headers=BOB))
    assert (thawed["frozen"], thawed["frozen_by"]) == (False, "Bob")


@pytest.mark.parametrize("frozen", [None, "true", 1, 0, []])
async def test_a_freeze_is_true_or_false_and_nothing_else(world: World, frozen: object) -> None:
    assert '"frozen"' in await problem(400, api.set_freeze, request(json.dumps({**EVERYTHING, "frozen": frozen})))
    assert not (await world.freeze.read()).frozen


WRITES: dict[str, Handler] = {**ON_A_CASE, "freeze": api.set_freeze}
del WRITES["show"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b"[" * 100_000], ids=lambda body: repr(body[:5]))
@pytest.mark.parametrize("handler", WRITES.values(), ids=WRITES)
async def test_a_body_that_is_no_json_object_is_refused(world: World, handler: Handler, body: bytes) -> None:
    await put(world, S.AWAITING_APPROVAL)
    headers = {**FROM_OUR_PROGRAM, "if-match": f'"{story.VERSION}"'}
    await problem(400, handler, request(body, route={"case_id": story.CASE_ID}, headers=headers))


async def test_a_case_is_shown_with_the_etag_that_an_action_has_to_match(world: World) -> None:
    await put(world, S.WATCHING)
    assert header(answer(await api.show_case(case_request(seen=None))), "etag") == '"7"'


ACTIONS: dict[str, tuple[Handler, CaseState]] = {
    "approve": (api.approve_case, S.AWAITING_APPROVAL),
    "reject": (api.reject_case, S.AWAITING_APPROVAL),
    "cancel": (api.cancel_case, S.WATCHING),
    "retry": (api.retry_case, S.NEEDS_PERSON),
}


def saying_all(case: Case, world: World) -> dict[str, object]:
    return {**EVERYTHING, "proposal": proposal_of(case, world.policy.version)}


@pytest.mark.parametrize(("handler", "state"), ACTIONS.values(), ids=ACTIONS)
async def test_who_saw_an_older_version_is_told_to_look_again(world: World, handler: Handler, state: CaseState) -> None:
    case = await put(world, state)
    said = await problem(412, handler, case_request(saying_all(case, world), seen=story.VERSION - 1))
    assert "look again" in said
    assert await world.case() == case
    await ok(handler, case_request(saying_all(case, world)))


@pytest.mark.parametrize(("handler", "state"), ACTIONS.values(), ids=ACTIONS)
async def test_who_does_not_say_what_they_saw_does_nothing(world: World, handler: Handler, state: CaseState) -> None:
    case = await put(world, state)
    await problem(428, handler, case_request(saying_all(case, world), seen=None))
    for nonsense in ("*", "7", '"x"', '"7", "8"', '"' + "7" * 40 + '"', "\ud800"):
        given = case_request(saying_all(case, world), seen=None, headers={**FROM_OUR_PROGRAM, "if-match": nonsense})
        await problem(400, handler, given)
    assert await world.case() == case


WRONG_TYPES = [
    "",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/jsonp",
]


@pytest.mark.parametrize("content_type", WRONG_TYPES)
@pytest.mark.parametrize(("handler", "state"), ACTIONS.values(), ids=ACTIONS)
async def test_a_form_of_another_site_can_do_nothing(
    world: World, handler: Handler, state: CaseState, content_type: str
) -> None:
    case = await put(world, state)
    headers = {**FROM_OUR_PROGRAM, "content-type": content_type}
    await problem(415, handler, case_request(saying_all(case, world), headers=headers))
    assert await world.case() == case


async def test_the_switch_needs_a_header_that_no_form_can_send(world: World) -> None:
    fields = json.dumps({"frozen": True, "why": "x"})
    await problem(428, api.set_freeze, request(fields, headers=JSON_TYPE))
    await problem(415, api.set_freeze, request(fields, headers={"x-handover-request": "1"}))
    foreign = {**FROM_OUR_PROGRAM, "sec-fetch-site": "cross-site"}
    await problem(403, api.set_freeze, request(fields, headers=foreign))
    assert not (await world.freeze.read()).frozen


async def test_no_cache_keeps_an_answer(world: World) -> None:
    answered = answer(await api.show_status(request(method="GET")))
    assert (header(answered, "cache-control"), header(answered, "x-content-type-options")) == ("no-store", "nosniff")
