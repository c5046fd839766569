"""Mails to users: each matter has its text in each language, says what happens and when, and escapes what it is given."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shared.domain.effects import Matter, TellOwner
from shared.notices.letters import Letter, Letters
from shared.notices.texts import LANGUAGES

LETTERS = Letters(
    language="en",
    time_zone="Europe/Berlin",
    support_contact="IT, +49 30 1234",
    app_url="https://handover.example",
    deferral_hours=24,
)
COMING = TellOwner(
    matter=Matter.WIPE_COMING,
    case_id="device-1",
    user_id="2",
    user_principal_name="DEF456@contoso.example",
    display_name="DEF456",
    device_name="PC-0427",
    serial_number="5CG1234XYZ",
    happens_at=datetime(2026, 7, 6, 16, 0, tzinfo=UTC),
    deferrals_left=2,
    deferral_code="a" * 64,
)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("matter", Matter)
def test_every_matter_has_a_whole_text_in_every_language(matter: Matter, language: str):
    letter = replace(LETTERS, language=language).write(replace(COMING, matter=matter))

    assert "PC-0427" in letter.subject
    assert f'<html lang="{language}">' in letter.html
    assert "DEF456" in letter.html
    assert "IT, +49 30 1234" in letter.html
    assert "None" not in letter.html


def test_the_mail_before_a_wipe_says_when_in_local_time_and_what_is_lost_and_how_to_put_it_off():
    letter = LETTERS.write(COMING)

    assert letter.subject == "Your PC PC-0427 will be reset"
    assert "not before 2026-07-06 18:00 (CEST)" in letter.html
    assert "everything that is stored on the PC itself" in letter.html
    assert f'<a href="https://handover.example/api/defer/device-1/{"a" * 64}">' in letter.html
    assert "by 24 hours, 2 times" in letter.html


@pytest.mark.parametrize(
    ("letters", "what"),
    [
        (replace(LETTERS, app_url=None), COMING),
        (LETTERS, replace(COMING, deferral_code=None)),
        (LETTERS, replace(COMING, deferrals_left=0)),
    ],
)
def test_without_a_way_to_put_it_off_there_is_no_link(letters: Letters, what: TellOwner):
    assert "href" not in letters.write(what).html


def test_the_owner_of_a_personal_device_is_told_where_to_connect_it():
    letter = LETTERS.write(replace(COMING, matter=Matter.CONNECT_PERSONAL_DEVICE))

    assert "<b>Settings</b> &gt; <b>Accounts</b> &gt; <b>Access work or school</b>" in letter.html
    assert "DEF456@contoso.example" in letter.html
    assert "reset" not in letter.html


def test_names_are_escaped_in_the_body_and_plain_in_the_subject():
    letter = LETTERS.write(replace(COMING, display_name="<script>x</script>", device_name="O'Neill & <b>Co</b>"))

    assert letter.subject == "Your PC O'Neill & <b>Co</b> will be reset"
    assert "<script>" not in letter.html
    assert "&lt;script&gt;" in letter.html
    assert "<b>Co</b>" not in letter.html


def test_a_line_break_in_a_name_stays_out_of_the_subject():
    letter = LETTERS.write(replace(COMING, device_name="PC\r\nBcc: everybody@contoso.example"))

    assert letter.subject == "Your PC PC Bcc: everybody@contoso.example will be reset"


def test_a_letter_without_a_contact_does_not_name_one():
    assert "Questions" not in _without_contact().html


def _without_contact() -> Letter:
    return replace(LETTERS, support_contact=None).write(COMING)
