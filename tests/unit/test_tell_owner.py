"""TellOwner: one mail to the owner's address, never in a mode that changes nothing, its answer kept on the case."""

from dataclasses import replace

import pytest

from shared.domain.case import Notice
from shared.domain.effects import BindOwner, Done, Matter, Refused, TellOwner
from shared.domain.policy import Mode
from shared.notices.letters import Letters
from shared.records.freeze import FreezeSwitch
from shared.records.ledger import Ledger
from shared.remedy.act import Actor, WriteForbidden
from shared.remedy.brake import Brake
from shared.rules.answers import changes_by
from tests.builders import NOW
from tests.case_builders import a_case, a_policy
from tests.fakes.clock import FixedClock
from tests.fakes.graph import FakeAutopilot, FakeDevices, FakeDirectory, FakeTenant
from tests.fakes.ids import CountingIds
from tests.fakes.mail import FakeMail
from tests.fakes.rows import FakeRows

TELL = TellOwner(
    matter=Matter.CONNECT_PERSONAL_DEVICE,
    case_id="device-1",
    user_id="2",
    user_principal_name="DEF456@contoso.example",
    display_name="DEF456",
    device_name="PC-0427",
    serial_number="5CG1234XYZ",
)
REFUSED = Refused(code="ErrorInvalidUser", message="no such mailbox")
NOTICE = Notice(matter=Matter.WIPE_COMING, decided_at=NOW)


def actor(mail: FakeMail) -> Actor:
    tenant = FakeTenant(FixedClock())
    return Actor(
        devices=FakeDevices(),
        directory=FakeDirectory(tenant),
        autopilot=FakeAutopilot(),
        mail=mail,
        letters=Letters(language="en", time_zone="UTC"),
        brake=Brake(freeze=FreezeSwitch(Ledger(FakeRows(), CountingIds())), clock=FixedClock()),
    )


@pytest.mark.parametrize(
    ("address", "to"), [(None, "DEF456@contoso.example"), ("def@mail.contoso.example", "def@mail.contoso.example")]
)
async def test_the_owner_gets_one_mail_at_their_address(address: str | None, to: str) -> None:
    mail = FakeMail()

    assert await actor(mail).perform(replace(TELL, mail_address=address), a_policy()) == Done()

    assert [(sent.to, sent.subject) for sent in mail.sent] == [(to, "Connect PC-0427 to your work account")]


async def test_a_mode_that_changes_nothing_tells_nobody() -> None:
    mail = FakeMail()

    with pytest.raises(WriteForbidden):
        await actor(mail).perform(TELL, a_policy(mode=Mode.REPORT))

    assert mail.sent == []


def test_the_answer_is_kept_with_the_notice() -> None:
    case = replace(a_case(), notice=NOTICE)

    coming = replace(TELL, matter=Matter.WIPE_COMING)
    assert changes_by(case, coming, Done()) == {"notice": replace(NOTICE, sent=True)}
    refused = replace(NOTICE, refused="ErrorInvalidUser: no such mailbox")
    assert changes_by(case, coming, REFUSED) == {"notice": refused}
    assert changes_by(case, TELL, REFUSED) == {}, "that mail was about something else"
    assert changes_by(case, BindOwner(autopilot_id="a", user_principal_name="u", display_name="U"), Done())["bound"]


def test_a_case_that_keeps_no_notice_is_not_changed_by_a_mail() -> None:
    assert changes_by(a_case(), TELL, REFUSED) == {}


def test_the_code_in_a_mails_link_is_shown_in_no_log() -> None:
    assert "secret-code" not in repr(replace(TELL, deferral_code="secret-code"))
