"""Whatever happens to a worker while it tells the owner: the owner is told, and has the whole time before the wipe."""

from datetime import datetime, timedelta

import pytest

from shared.domain.effects import Refused
from shared.domain.policy import Mode
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.errors import AccessDenied, RetryLater
from tests.fakes.interference import Interference, die
from tests.fakes.world import World

GRACE = timedelta(hours=24)


def world() -> World:
    return World(Mode.AUTO, mail_from="it@contoso.example")


async def wiped_at(here: World) -> datetime:
    entries = await here.cases.journal((await here.case()).id)
    return next(entry.at for entry in entries if entry.reason is Reason.FENCE_PASSED)


async def told_at(here: World) -> datetime:
    entries = await here.cases.journal((await here.case()).id)
    return next(entry.at for entry in reversed(entries) if entry.reason is Reason.TELLING_OWNER)


async def test_the_story_with_a_mail_and_a_day_between() -> None:
    here = world()
    await here.hear_of_device()
    await here.live()

    assert (await here.case()).state is CaseState.PROVEN
    assert here.graph_writes() == {"assign": 1, "bind": 1, "mail": 1, "wipe": 1}
    assert await wiped_at(here) - await told_at(here) >= GRACE


@pytest.mark.parametrize("after", [False, True])
async def test_a_worker_that_dies_at_the_mail_leaves_an_owner_who_is_told_and_has_the_whole_time(after: bool) -> None:
    here = world()
    await here.hear_of_device()
    dying = Interference(lambda call: call.name == "mail.send", die, after=after)

    await here.live(here.another_worker(dying))

    assert dying.struck_at is not None
    assert (await here.case()).state is CaseState.PROVEN
    assert len(here.mail.sent) == (2 if after else 1)
    assert await wiped_at(here) - await told_at(here) >= GRACE
    assert here.devices.wiped.total() == 1


async def test_a_mail_that_has_to_be_sent_later_gives_the_whole_time_from_then() -> None:
    here = world()
    here.mail.answers += [RetryLater("busy")] * 4
    await here.hear_of_device()
    await here.live()

    assert (await here.case()).state is CaseState.PROVEN
    assert len(here.mail.sent) == 1
    assert await wiped_at(here) - await told_at(here) >= GRACE


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Refused(code="ErrorInvalidUser", message="no such mailbox"), Reason.OWNER_NOT_TOLD),
        (AccessDenied("Mail.Send is missing"), Reason.ACCESS_DENIED),
    ],
)
async def test_an_owner_who_cannot_be_told_is_not_wiped(answer: Refused | Exception, reason: Reason) -> None:
    here = world()
    here.mail.answers.append(answer)
    await here.hear_of_device()
    await here.live()

    case = await here.case()
    assert (case.state, case.reason) == (CaseState.NEEDS_PERSON, reason)
    assert here.devices.wiped.total() == 0
