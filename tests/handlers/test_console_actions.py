"""The forms of the console: who may send them, from where, about which version; and what is then so."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.bootstrap import install
from shared.console.tokens import GOOD_FOR, make_token
from shared.domain.case import Approval, Case, proposal_of
from shared.domain.policy import EnrolmentAttestation, Mode
from shared.domain.reasons import Reason
from shared.domain.states import TRANSITIONS, CaseState
from shared.errors import Changed, RetryLater
from shared.names import CASE_STEPS, DEVICE_EVENTS
from shared.records.attestations import AttestationBook
from tests.fakes import story
from tests.fakes.world import World
from tests.handlers.arguments import PLAYED
from tests.handlers.console import ADA, BOB, FORM, OURS, RITA, Page, get, leads_to, post, press

S = CaseState
CASE = f"cases/{story.CASE_ID}"
YES = {"read": "yes"}
ACTIONS = {"approve": YES, "reject": {"why": "not now"}, "cancel": {"why": "not now"}, "retry": {}, "release": {}}
OLGA = "Olga;Operator"


async def put(world: World, state: CaseState, **fields: object) -> Case:
    return await world.put(story.case_in(state, world.policy, world.clock.now(), **fields))


def offered(page: Page) -> set[str]:
    """Which actions the page has a form for."""
    return {path.rsplit("/", 1)[1] for path in page.forms if path.startswith(f"/api/console/{CASE}/")}


@pytest.mark.parametrize(
    ("state", "who", "actions"),
    [
        (S.AWAITING_APPROVAL, ADA, {"approve", "reject", "cancel"}),
        (S.AWAITING_APPROVAL, BOB, {"approve", "reject"}),
        (S.AWAITING_APPROVAL, OLGA, {"approve", "cancel"}),  # what would happen is told, and no button with it
        (S.AWAITING_APPROVAL, RITA, {"approve"}),
        (S.NEEDS_PERSON, ADA, {"retry", "cancel"}),
        (S.NEEDS_PERSON, BOB, set[str]()),
        (S.NEEDS_PERSON, RITA, set[str]()),
        (S.WATCHING, ADA, {"cancel"}),
        (S.WIPE_SENT, ADA, set[str]()),
        (S.AWAITING_RETURN, ADA, {"release"}),
        (S.NOT_READY, ADA, {"release", "cancel"}),
        (S.NOT_READY, BOB, set[str]()),
        (S.PROVEN, ADA, set[str]()),
    ],
)
async def test_a_page_offers_what_this_person_may_do_now(
    world: World, state: CaseState, who: str, actions: set[str]
) -> None:
    await put(world, state)
    assert offered(await get(CASE, who=who)) == actions


@pytest.mark.parametrize("who", [RITA, OLGA])
async def test_who_cannot_approve_is_told_why_and_has_no_button(world: World, who: str) -> None:
    await put(world, S.AWAITING_APPROVAL)
    page = await get(CASE, who=who)
    assert "To approve it takes the app role Handover.Approver." in page.text
    assert "Approve the wipe" not in page.text
    assert "token" not in page.forms[f"/api/console/{CASE}/approve"]


@pytest.mark.parametrize("state", S)
async def test_the_page_offers_a_cancel_exactly_where_it_is_legal(world: World, state: CaseState) -> None:
    await put(world, state)
    assert ("cancel" in offered(await get(CASE))) is (S.CANCELLED in TRANSITIONS[state])


async def test_before_the_yes_one_reads_exactly_what_it_does(world: World) -> None:
    case = await put(world, S.AWAITING_APPROVAL)
    text = (await get(CASE)).text
    for said in (
        f"PC-0427 (serial number {story.SERIAL_NUMBER}) is reset to factory settings. All data on it is lost",
        f"DEF456 ({story.OWNER_UPN}) sets it up anew",
        proposal_of(case, world.policy.version),
        "good until Tue 3 Mar 08:00",
        "It is sent within moments",
        f"Intune device {story.DEVICE_ID} Entra device {story.ENTRA_DEVICE_ID} Enrolled Mon 16 Feb 09:30 Owner {story.OWNER_ID}",
        "keepEnrollmentData=false keepUserData=false",
    ):
        assert said in text, said


async def test_a_yes_under_a_freeze_says_that_it_waits(world: World) -> None:
    await put(world, S.AWAITING_APPROVAL)
    await world.freeze.set(frozen=True, by="Ben", why="patch day", at=world.clock.now())
    assert "All wipes are frozen: it waits until an operator thaws them." in (await get(CASE)).text


async def test_an_approval_clears_the_case_and_is_journalled_with_who(world: World) -> None:
    case = await put(world, S.AWAITING_APPROVAL)
    page = await press(await get(CASE), f"{CASE}/approve", **YES)
    assert leads_to(page) == f"/{CASE}?done=approved"
    now = await world.case()
    assert (now.state, now.approval) == (
        S.CLEARED_TO_WIPE,
        Approval(
            proposal=proposal_of(case, world.policy.version),
            by="Ada",
            by_id="development:ada",
            at=world.clock.now(),
            expires_at=world.clock.now() + timedelta(hours=24),
        ),
    )
    entry = (await world.cases.journal(case.id))[-1]
    assert (entry.who, entry.who_id, entry.reason) == ("Ada", "development:ada", Reason.APPROVED)
    assert len(world.messages.take(CASE_STEPS)) == 1
    shown = await get(f"{CASE}?done=approved")
    assert shown.word == "Approved. The wipe goes as soon as no guardrail holds it."


async def test_a_reload_after_an_approval_does_nothing_again(world: World) -> None:
    await put(world, S.AWAITING_APPROVAL)
    page = await get(CASE)
    await press(page, f"{CASE}/approve", **YES)
    again = await press(page, f"{CASE}/approve", **YES)
    assert again.status == 409
    assert len(await world.cases.journal(story.CASE_ID)) == 2


async def test_of_two_approvers_the_second_is_told_and_nothing_is_done(world: World) -> None:
    await put(world, S.AWAITING_APPROVAL)
    first, second = await get(CASE, who=ADA), await get(CASE, who=BOB)
    assert (await press(first, f"{CASE}/approve", who=ADA, **YES)).status == 303
    told = await press(second, f"{CASE}/approve", who=BOB, **YES)
    assert told.status == 409
    assert told.word.startswith("Somebody else, or Handover, moved this case a moment ago. Nothing was done")
    assert "cleared to wipe" in told.text
    assert (await world.case()).approval is not None
    assert (await world.case()).approval.by == "Ada"  # pyright: ignore[reportOptionalMemberAccess]  # asserted above


@pytest.mark.parametrize("action", ACTIONS)
async def test_an_action_on_what_is_no_longer_so_is_refused(world: World, action: str) -> None:
    state = {"retry": S.NEEDS_PERSON, "release": S.NOT_READY}.get(action, S.AWAITING_APPROVAL)
    await put(world, state)
    page = await get(CASE)
    stored = await world.cases.load(story.CASE_ID)
    assert stored is not None
    await world.cases.save(stored, replace(stored.case, version=stored.case.version + 1), [])
    told = await press(page, f"{CASE}/{action}", **ACTIONS[action])
    assert (told.status, "moved this case a moment ago" in told.word) == (409, True)
    assert (await world.case()).state is state


async def test_a_case_that_waits_looks_again_when_it_is_told(world: World) -> None:
    await put(world, S.NOT_READY, due_at=world.clock.now() + timedelta(hours=4))
    assert leads_to(await press(await get(CASE), f"{CASE}/release")) == f"/{CASE}?done=released"
    case = await world.case()
    assert (case.state, case.due_at, case.says) == (S.NOT_READY, world.clock.now(), "Ada asked to look again now.")


async def test_a_version_that_is_none_is_refused(world: World) -> None:
    await put(world, S.AWAITING_APPROVAL)
    page = await get(CASE)
    for version in ("", "x", "-1", "7; drop", "٧", "9" * 40):
        told = await press(page, f"{CASE}/approve", **YES, version=version)
        assert (told.status, "Nothing was done" in told.word) == (400, True)
    assert (await world.case()).state is S.AWAITING_APPROVAL


async def test_an_approval_that_was_not_read_is_refused(world: World) -> None:
    await put(world, S.AWAITING_APPROVAL)
    told = await press(await get(CASE), f"{CASE}/approve")
    assert (told.status, told.word) == (400, "Tick that you have read what an approval does. Nothing was done.")
    assert (await world.case()).state is S.AWAITING_APPROVAL


async def test_an_approval_of_something_else_is_refused(world: World) -> None:
    await put(world, S.AWAITING_APPROVAL)
    told = await press(await get(CASE), f"{CASE}/approve", **YES, proposal="0" * 32)
    assert (told.status, "What was approved is not what would happen now" in told.word) == (409, True)


async def test_who_let_the_case_go_on_sees_no_button_for_its_wipe(world: World) -> None:
    await put(world, S.AWAITING_APPROVAL, requested_by=("ADA",))
    page = await get(CASE)
    assert "You asked for this yourself, or let the case go on." in page.text
    assert "Approve the wipe" not in page.text
    forged = {
        **page.forms[f"/api/console/{CASE}/reject"],
        **YES,
        "proposal": proposal_of(await world.case(), world.policy.version),
    }
    assert (await post(f"{CASE}/approve", forged)).status == 409


async def test_a_second_person_sees_who_approved_first(world: World) -> None:
    world.set_settings(Mode.APPROVE, approvals_by_one=0, development_principal=ADA)
    install(world.services)
    await put(world, S.AWAITING_APPROVAL)
    half = await press(await get(CASE), f"{CASE}/approve", **YES)
    assert leads_to(half) == f"/{CASE}?done=half"
    assert "You have approved this already." in (await get(CASE)).text
    page = await get(CASE, who=BOB)
    assert "Ada has approved. Yours is the second yes" in page.text
    await press(page, f"{CASE}/approve", who=BOB, **YES)
    assert (await world.case()).state is S.CLEARED_TO_WIPE


async def test_a_rejection_a_cancel_and_a_retry_say_who_and_why(world: World) -> None:
    await put(world, S.AWAITING_APPROVAL)
    await press(await get(CASE), f"{CASE}/reject", why="on a trip")
    assert (await world.case()).says == "Rejected by Ada: on a trip"
    await press(await get(CASE), f"{CASE}/retry")
    assert ((await world.case()).state, (await world.case()).says) == (S.OPENED, "Let go on by Ada.")
    await press(await get(CASE), f"{CASE}/cancel", why="sold")
    assert ((await world.case()).state, (await world.case()).says) == (S.CANCELLED, "Cancelled by Ada: sold")
    assert {entry.who for entry in (await world.cases.journal(story.CASE_ID))[1:]} == {"Ada"}


@pytest.mark.parametrize("why", ["", "   ", "x" * 501])
async def test_a_reason_that_has_to_be_given_is_asked_for(world: World, why: str) -> None:
    await put(world, S.AWAITING_APPROVAL)
    told = await press(await get(CASE), f"{CASE}/cancel", why=why)
    assert (told.status, "A reason must be given" in told.word) == (400, True)
    assert (await world.case()).state is S.AWAITING_APPROVAL


@pytest.mark.parametrize(
    ("who", "paths"),
    [
        (RITA, [f"{CASE}/{action}" for action in ACTIONS] + ["freeze", "parked/x/replay", "parked/x/discard"]),
        (BOB, [f"{CASE}/cancel", f"{CASE}/retry", f"{CASE}/release", "freeze", "parked/x/replay", "parked/x/discard"]),
        (OLGA, [f"{CASE}/approve", f"{CASE}/reject"]),
    ],
)
async def test_a_forged_form_of_somebody_without_the_role_is_403(world: World, who: str, paths: list[str]) -> None:
    """With a token of their own, as a reader could make one of any page with a form."""
    await put(world, S.AWAITING_APPROVAL)
    key = await world.services.console.key.read()
    for path in paths:
        fields = {"token": token(key, who, world), "version": "7", "proposal": "x", "why": "x", **YES}
        answered = await post(path, fields, who=who)
        assert (answered.status, "the app role" in answered.text) == (403, True), path
        # and before anything of the form is looked at
        answered = await post(path, {}, who=who)
        assert (answered.status, "the app role" in answered.text) == (403, True), path
    assert (await world.case()).state is S.AWAITING_APPROVAL
    assert not (await world.freeze.read()).frozen


def token(key: bytes, who: str, world: World) -> str:
    return make_token(key, f"development:{who.partition(';')[0].casefold()}", world.clock.now())


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "https://handover.example.evil.example"},
        {"origin": "https://handover.example", "sec-fetch-site": "cross-site"},
        {"origin": "https://handover.example", "sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "same-origin", "origin": "https://evil.example"},
    ],
)
async def test_a_form_of_another_site_does_nothing(world: World, headers: Mapping[str, str]) -> None:
    await put(world, S.AWAITING_APPROVAL)
    fields = {**(await get(CASE)).forms[f"/api/console/{CASE}/approve"], **YES}
    answered = await post(f"{CASE}/approve", fields, headers=headers)
    assert (answered.status, "came from another site" in answered.text) == (403, True)
    assert (await world.case()).state is S.AWAITING_APPROVAL


@pytest.mark.parametrize("changed", ["", "x", "0.0", ".", "69a54b00.deadbeef", "é.é", "z" * 5000])
async def test_a_form_without_its_token_does_nothing(world: World, changed: str) -> None:
    await put(world, S.AWAITING_APPROVAL)
    answered = await press(await get(CASE), f"{CASE}/approve", **YES, token=changed)
    assert (answered.status, "not from a page that was shown to you" in answered.text) == (403, True)
    assert (await world.case()).state is S.AWAITING_APPROVAL


async def test_the_token_of_somebody_else_does_nothing(world: World) -> None:
    await put(world, S.AWAITING_APPROVAL)
    fields = {**(await get(CASE, who=BOB)).forms[f"/api/console/{CASE}/approve"], **YES}
    assert (await post(f"{CASE}/approve", fields, who=ADA)).status == 403


async def test_an_old_token_does_nothing(world: World) -> None:
    await put(world, S.AWAITING_APPROVAL)
    page = await get(CASE)
    world.clock.move(GOOD_FOR + timedelta(seconds=1))
    assert (await press(page, f"{CASE}/approve", **YES)).status == 403
    world.clock.move(-2 * GOOD_FOR)
    assert (await press(page, f"{CASE}/approve", **YES)).status == 403


async def test_the_key_of_the_tokens_is_the_same_for_all_instances(world: World) -> None:
    await put(world, S.AWAITING_APPROVAL)
    page = await get(CASE)
    install(world.another_worker())
    assert (await press(page, f"{CASE}/approve", **YES)).status == 303


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"\xff\xfe=1", FORM, 400),
        (b"a=1&" * 30, FORM, 400),
        (b"x" * 300_000, FORM, 400),
        (b"{}", {"content-type": "application/json"}, 400),
        (b"", FORM, 403),
        (b"%zz=%00&token=%ff", FORM, 403),
    ],
)
async def test_what_is_no_form_does_nothing(world: World, body: bytes, kind: Mapping[str, str], status: int) -> None:
    await put(world, S.AWAITING_APPROVAL)
    answered = await post(f"{CASE}/approve", {}, body=body, headers={**OURS, **kind})
    assert answered.status == status
    assert (await world.case()).state is S.AWAITING_APPROVAL


async def test_a_form_about_no_case_is_404(world: World) -> None:
    await put(world, S.AWAITING_APPROVAL)
    fields = {**(await get(CASE)).forms[f"/api/console/{CASE}/approve"], **YES}
    for case_id in ("device-unknown", "x", "..", "device-" + "x" * 300):
        assert (await post(f"cases/{case_id}/approve", fields)).status == 404
    assert (await post("nothing", fields)).status == 404


async def test_the_switch_is_turned_and_says_who_and_why(world: World) -> None:
    frozen = await press(await get(), "freeze", why="patch day")
    assert leads_to(frozen) == "?done=frozen"
    assert (await world.freeze.read()).by == "Ada"
    page = await get("?done=frozen")
    assert page.word == "All wipes are frozen."
    assert "by Ada now: patch day" in page.text
    assert leads_to(await press(page, "freeze", why="done")) == "?done=thawed"
    assert not (await world.freeze.read()).frozen


async def test_a_switch_that_somebody_else_turned_is_left_as_it_is(world: World) -> None:
    page = await get()
    await world.freeze.set(frozen=True, by="Ben", why="patch day", at=world.clock.now())
    told = await press(page, "freeze", why="mine")
    assert (told.status, "turned the switch a moment ago" in told.text) == (409, True)
    assert (await world.freeze.read()).by == "Ben"


@pytest.mark.parametrize("fields", [{"frozen": "true", "was": "true"}, {"frozen": "x", "was": "true"}, {"frozen": ""}])
async def test_a_switch_that_is_turned_nowhere_is_refused(world: World, fields: dict[str, str]) -> None:
    assert (await press(await get(), "freeze", why="x", **fields)).status == 400


async def test_a_parked_message_is_mended_and_replayed(world: World) -> None:
    await world.services.parking.park("device-events", '{"specversion": "1.0"}', "type is missing", world.clock.now())
    [line] = (await world.services.tend_parked.list(source=None, after="", settled=False))["parked"]
    path = f"parked/{line['id']}"
    refused = await press(await get(path), f"{path}/replay", body='{"specversion": "1.0"}')
    assert (refused.status, "cannot be used" in refused.text) == (400, True)
    good = '{"specversion": "1.0", "id": "1", "source": "/itsm", "type": "device.noncompliant",\r\n"data": {"serialNumber": "5CG1234XYZ"}}'
    assert leads_to(await press(await get(path), f"{path}/replay", body=good)) == f"/{path}?done=replayed"
    [sent] = world.messages.take(DEVICE_EVENTS)
    assert sent == good.replace("\r\n", "\n")
    assert "Replayed by Ada" in (await get(path)).text


async def test_a_parked_message_is_shown_as_it_is_and_discarded(world: World) -> None:
    body = "\n</textarea><script>alert(1)</script>\u202e {é}"
    await world.services.parking.park("hints", body, "it is not JSON", world.clock.now())
    [line] = (await world.services.tend_parked.list(source=None, after="", settled=False))["parked"]
    path = f"parked/{line['id']}"
    page = await get(path)
    assert "&lt;/textarea&gt;&lt;script&gt;alert(1)&lt;/script&gt;\u202e {é}</textarea>" in page.html
    assert leads_to(await press(page, f"{path}/discard", why="a test")) == f"/{path}?done=discarded"
    gone = await get(path)
    assert "Its body was forgotten" in gone.text
    assert "discarded by Ada" in (await get("parked?settled=true")).text


WORD = {"scope": "some", "groups": f"{story.OWNER_ID}, {story.STAGING_ID}", "looked": "yes"}


async def test_a_word_on_automatic_enrolment_is_written_down_with_who(world: World) -> None:
    given = await press(await get("tenant"), "tenant/attest", **WORD)
    assert leads_to(given) == "/tenant?done=attested"
    stored = await AttestationBook(world.rows, world.ids).newest()
    assert isinstance(stored, EnrolmentAttestation)
    assert (stored.by, stored.on, stored.scope) == ("Ada", world.clock.now().date(), "some")
    assert stored.group_ids == (story.OWNER_ID, story.STAGING_ID)


@pytest.mark.parametrize(
    "wrong",
    [
        {"looked": ""},
        {"scope": "many"},
        {"groups": ""},
        {"groups": "Sales"},
        {"scope": "all"},
        {"discovery_url": "x" * 300},
    ],
)
async def test_a_word_that_makes_no_sense_is_refused(world: World, wrong: dict[str, str]) -> None:
    told = await press(await get("tenant"), "tenant/attest", **{**WORD, **wrong})
    assert (told.status, "Nothing was written down." in told.word) == (400, True)
    assert await AttestationBook(world.rows, world.ids).newest() is None


async def test_only_an_operator_gives_their_word(world: World) -> None:
    for who in (RITA, BOB):
        page = await get("tenant", who=who)
        assert "/api/console/tenant/attest" not in page.forms
        fields = {"token": token(await world.services.console.key.read(), who, world), **WORD}
        assert (await post("tenant/attest", fields, who=who)).status == 403
    assert await AttestationBook(world.rows, world.ids).newest() is None


async def test_a_word_that_nobody_wrote_is_not_shown(world: World) -> None:
    for code in ("<b>hello", "Your account is locked", "approved "):
        assert (await get(f"?done={code}")).word == ""


async def test_a_race_that_is_lost_in_the_last_moment_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await put(world, S.AWAITING_APPROVAL)
    page = await get(CASE)

    async def lost(*_: object, **__: object) -> None:
        raise Changed("lost")

    monkeypatch.setattr("shared.records.cases.CaseStore.save", lost)
    told = await press(page, f"{CASE}/approve", **YES)
    assert (told.status, "moved this case a moment ago" in told.word) == (409, True)


async def test_what_is_done_is_said_to_be_done_though_the_queue_is_away(world: World) -> None:
    """The case is stored, and the supervisor sends its step: whoever is told that it failed would do it again."""
    await put(world, S.AWAITING_APPROVAL)
    page = await get(CASE)
    world.messages.away = True
    assert leads_to(await press(page, f"{CASE}/approve", **YES)) == f"/{CASE}?done=approved"
    world.messages.away = False
    world.clock.move(timedelta(minutes=6))
    assert await world.services.supervise.run() == 1


async def test_a_thaw_is_said_to_be_one_though_the_cases_cannot_be_woken(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.freeze.set(frozen=True, by="Ben", why="patch day", at=world.clock.now())

    async def away(*_: object) -> None:
        raise RetryLater("storage is away")

    monkeypatch.setattr("shared.operate.go_on.GoOn.run", away)
    thawed = await press(await get(), "freeze", why="patched")
    assert (leads_to(thawed), (await world.freeze.read()).frozen) == ("?done=thawed", False)


async def test_an_action_while_storage_is_away_claims_neither_that_it_was_done_nor_that_it_was_not(
    world: World,
) -> None:
    await put(world, S.AWAITING_APPROVAL)
    page = await get(CASE)
    world.rows.away = True
    told = await press(page, f"{CASE}/approve", **YES)
    assert (told.status, "may have been done, or not" in told.text) == (503, True)
    assert "may have been done" not in (await get(CASE)).text


async def test_a_refusal_keeps_names_as_they_are_written(world: World) -> None:
    told = await press(await get("tenant"), "tenant/attest", **{**WORD, "discovery_url": "x" * 300})
    assert told.word.startswith("The discovery URL must be a URL of at most 200 characters. Nothing was written down.")


async def test_a_header_alone_signs_nobody_in(world: World) -> None:
    """The console asks the same question as the API: App Service's own headers are not believed where it does not stand."""
    page = await get("", headers={PLAYED: "not a person"})
    assert page.status == 401
