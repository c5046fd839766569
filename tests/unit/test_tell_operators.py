"""Operators hear of each matter once, in every channel; a flood comes as one message; nothing of it is in a case's way."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.effects import Refused
from shared.domain.operators import About, OperatorNotice
from shared.domain.part import Part
from shared.domain.policy import Mode
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.errors import AccessDenied, BadInput, RetryLater
from shared.names import NOTICES, OUTBOX
from shared.notices.cards import as_card, as_mail, digest, one
from shared.remedy.notice_messages import read_pointer, write_pointer
from shared.rules.matters import matter_of, matter_of_freeze
from shared.upkeep.send_notice import AT_MOST
from tests.builders import NOW
from tests.case_builders import a_case
from tests.fakes import story
from tests.fakes.interference import Interference, die
from tests.fakes.world import World

S = CaseState
URL = "https://teams.example/workflow"
MINUTES = timedelta(minutes=1)


def world(**settings: object) -> World:
    return World(Mode.APPROVE, **{"teams_webhook": URL, **settings})


async def deliver(world: World) -> None:
    """Every message about a notice that is visible now."""
    while bodies := world.messages.take(NOTICES):
        for body in bodies:
            await world.services.send_notice.send(*read_pointer(body))


async def tell(world: World, number: int = 1) -> None:
    case = story.case_in(S.NEEDS_PERSON, world.policy, world.clock.now(), id=f"device-{number}")
    await world.services.advance.tell.of_case(case)


@pytest.mark.parametrize("state", list(CaseState))
def test_operators_are_told_of_what_waits_for_them(state: CaseState):
    notice = matter_of(a_case(state, says="Words of the case."))

    waits = {S.NEEDS_PERSON, S.AWAITING_APPROVAL, S.AWAITING_SEAT, S.WIPE_UNKNOWN}
    assert (notice is not None) is (state in waits)
    if notice is not None:
        assert "PC-0427" in notice.title
        assert notice.text == "Words of the case."
        assert ("Owner", "DEF456@contoso.example") in notice.facts


async def test_a_case_that_comes_to_rest_for_a_person_is_told_once():
    here = world()
    here.directory.users.pop(story.OWNER_ID)
    await here.hear_of_device()

    await here.live()
    await here.live(until=here.clock.now() + timedelta(hours=5))

    assert (await here.case()).state is S.NEEDS_PERSON
    assert len(here.chat.cards) == 1
    assert "PC-0427 needs a person" in here.chat.cards[0]


async def test_a_matter_that_was_told_of_is_not_sent_again():
    here = world()
    await tell(here)
    await tell(here)

    assert len(here.messages.queues[NOTICES]) == 1


async def test_every_channel_that_is_configured_gets_it():
    here = world(operators_mail="ann@contoso.example,ben@contoso.example")
    await tell(here)
    await deliver(here)

    assert len(here.chat.cards) == 1
    assert [sent.to for sent in here.mail.sent] == ["ann@contoso.example", "ben@contoso.example"]
    assert here.mail.sent[0].subject == "Handover: PC-0427 needs a person"


async def test_a_notice_leads_to_its_case_in_the_console():
    here = world(operators_mail="ann@contoso.example", app_url="https://app.example/")
    await tell(here)
    await deliver(here)

    url = "https://app.example/api/console/cases/device-1"
    (card,) = here.chat.cards
    assert json.loads(card)["attachments"][0]["content"]["actions"] == [
        {"type": "Action.OpenUrl", "title": "Open the case", "url": url}
    ]
    assert f'<a href="{url}">Open the case</a>' in here.mail.sent[0].html


async def test_a_digest_leads_to_the_console_and_without_its_address_nothing_leads_anywhere():
    here = world(app_url="https://app.example")
    for number in range(AT_MOST + 1):
        await tell(here, number)
    await deliver(here)
    assert '"https://app.example/api/console"' in here.chat.cards[0]

    nowhere = world(operators_mail="ann@contoso.example")
    await tell(nowhere)
    await deliver(nowhere)
    assert "actions" not in nowhere.chat.cards[0] and "href" not in nowhere.mail.sent[0].html


def test_no_case_id_breaks_out_of_its_link():
    (_, url) = one(replace(NOTICE, case_id="../../x?y#z\"'<"), "https://app.example/api/console").link or ("", "")

    assert url == "https://app.example/api/console/cases/..%2F..%2Fx%3Fy%23z%22%27%3C"


async def test_without_a_channel_nothing_is_kept_or_sent():
    here = World(Mode.APPROVE)
    await tell(here)

    assert [row async for row in here.rows.scan(OUTBOX)] == []
    assert here.messages.queues[NOTICES] == []


@pytest.mark.parametrize("how_many", [AT_MOST + 1, 40])
async def test_a_flood_is_one_card_with_counts(how_many: int):
    here = world()
    for number in range(how_many):
        await tell(here, number)
    await deliver(here)

    (card,) = here.chat.cards
    assert f"Handover: {how_many} notices at once" in card
    assert f"cases that need a person: {how_many}" in card


async def test_what_comes_one_after_the_other_waits_when_five_went_out_lately_and_is_not_lost():
    here = world()
    for number in range(8):
        await tell(here, number)
        await deliver(here)
        here.clock.move(MINUTES)
    assert len(here.chat.cards) == AT_MOST

    for _ in range(30):
        here.clock.move(MINUTES)
        await deliver(here)

    assert len(here.chat.cards) == 8


@pytest.mark.parametrize("failure", [RetryLater("teams is away"), AccessDenied("no")])
async def test_a_channel_that_fails_is_tried_again_by_the_supervisor_and_the_other_gets_it_once(failure: Exception):
    here = world(operators_mail="ann@contoso.example")
    here.chat.answers.append(failure)
    await tell(here)
    await deliver(here)
    assert (len(here.chat.cards), len(here.mail.sent)) == (0, 1)

    here.clock.move(20 * MINUTES)
    await here.services.supervise.run()
    await deliver(here)

    assert (len(here.chat.cards), len(here.mail.sent)) == (1, 1)
    await here.services.supervise.run()
    assert here.messages.queues[NOTICES] == []


async def test_a_channel_that_refuses_is_not_asked_again():
    here = world()
    here.chat.answers.append(Refused(code="http_404", message="gone"))
    await tell(here)
    await deliver(here)
    here.clock.move(20 * MINUTES)
    await here.services.supervise.run()

    assert here.messages.queues[NOTICES] == []
    assert here.chat.cards == []


async def test_a_notice_that_cannot_be_sent_for_a_day_is_given_up():
    here = world()
    here.chat.answers += [RetryLater("away")] * 1000
    await tell(here)
    for _ in range(40):
        await deliver(here)
        here.clock.move(60 * MINUTES)
        await here.services.supervise.run()

    assert here.messages.queues[NOTICES] == []
    assert len(here.chat.answers) > 950


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", ["rows.write", "messages.send"])
async def test_a_case_goes_its_way_when_its_notice_cannot_be_kept_and_the_supervisor_tells_of_it(
    call: str, after: bool
):
    here = world()
    case = await here.put(story.case_in(S.NEEDS_PERSON, here.policy, here.clock.now()))

    async def fails() -> None:
        raise RetryLater("storage is away")

    failing = here.another_worker(Interference(lambda each: each.name == call, fails, after=after))
    await failing.advance.tell.of_case(case)  # raises nothing
    here.clock.move(20 * MINUTES)
    await here.services.supervise.run()
    await deliver(here)

    assert len(here.chat.cards) == 1


async def test_a_worker_that_dies_before_it_tells_is_made_up_for():
    here = world()
    here.directory.users.pop(story.OWNER_ID)
    await here.hear_of_device()
    dying = Interference(lambda each: each.name == "rows.write" and each.arguments[0] == OUTBOX, die)

    await here.live(here.another_worker(dying))
    await here.live(until=here.clock.now() + 30 * MINUTES)

    assert dying.struck_at is not None
    assert len(here.chat.cards) == 1


async def test_the_wiper_leaves_telling_to_the_supervisor():
    here = world()
    assert here.services.advance.tell.wanted
    assert not here.part(Part.WIPER).advance.tell.wanted


async def test_operators_hear_once_that_all_wipes_are_frozen_whoever_did_it():
    here = world()
    await here.freeze.set(frozen=True, by="Ada", why="a strange evening", at=here.clock.now())
    for _ in range(3):
        await here.services.supervise.run()
        await deliver(here)
    assert [("All wipes are frozen" in card, "a strange evening" in card) for card in here.chat.cards] == [(True, True)]

    here.clock.move(60 * MINUTES)
    await here.freeze.set(frozen=False, by="Ada", why="over", at=here.clock.now())
    await here.services.supervise.run()
    await deliver(here)
    assert len(here.chat.cards) == 1
    assert matter_of_freeze(await here.freeze.read()) is None


NOTICE = OperatorNotice(
    key="k", about=About.ALARM, at=NOW, title="<b>PC</b>", text="[x](javascript:y)", facts=(("Who", "**Ann**"),)
)


def test_a_name_is_never_markup_in_a_card():
    card = json.dumps(as_card(one(NOTICE)))

    assert '"TextBlock"' not in card and '"FactSet"' not in card  # both read Markdown
    assert '"text": "[x](javascript:y)"' in card


def test_a_name_is_never_markup_in_a_mail():
    assert "<b>PC</b>" not in as_mail(one(NOTICE))
    assert "&lt;b&gt;PC" in as_mail(one(NOTICE))


def test_a_digest_names_the_first_twenty():
    message = digest([replace(NOTICE, title=f"PC-{number}") for number in range(25)])

    assert message.text.endswith("PC-19; and 5 more.")
    assert message.facts == (("alarms", "25"),)


def test_a_pointer_is_read_as_it_was_written():
    notice = matter_of(a_case(S.NEEDS_PERSON, reason=Reason.OWNER_UNKNOWN))
    assert notice is not None
    assert read_pointer(write_pointer("2026-03", notice.key)) == ("2026-03", notice.key)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        '{"v":2,"month":"2026-03","key":"k"}',
        '{"v":1,"month":"2026","key":"k"}',
        '{"v":1,"month":"2026-03","key":"../x"}',
        '{"v":1,"month":"2026-03","key":7}',
        "[" * 100_000,
    ],
)
def test_any_other_message_names_no_notice(body: str):
    with pytest.raises(BadInput):
        read_pointer(body)


async def test_a_message_about_a_notice_that_is_not_there_is_done():
    here = world()
    await here.services.send_notice.send("2026-03", "nothing")
    assert here.chat.cards == []


async def test_two_senders_at_once_send_one_card():
    here = world()
    await tell(here)
    (body,) = here.messages.take(NOTICES)
    pointer = read_pointer(body)

    async def the_other_one() -> None:
        await here.services.send_notice.send(*pointer)

    at_posting = Interference(lambda each: each.name == "chat.post", the_other_one)
    await here.another_worker(at_posting).send_notice.send(*pointer)
    here.clock.move(MINUTES)
    await deliver(here)

    assert len(here.chat.cards) == 1
