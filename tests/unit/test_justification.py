"""The text for the second administrator: the facts of the case, bounded, printable, and found again."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.states import CaseState
from shared.rules.justification import MOST_CHARACTERS, justification, mark_of
from tests.builders import DEVICE_ID, OWNER, SERIAL
from tests.case_builders import a_case, an_attempt, an_owner

CASE = a_case(CaseState.WIPE_INTENDED)


def test_it_names_device_owner_reason_approver_and_case():
    text = justification(CASE)

    for fact in (DEVICE_ID, SERIAL, OWNER, "nonce-1", "not compliant", "admin@contoso.example", CASE.id):
        assert fact in text


def test_the_same_case_has_the_same_text():
    assert justification(CASE) == justification(replace(CASE, version=99))


@given(st.text(max_size=400), st.text(max_size=2000))
def test_whatever_a_name_holds_the_text_is_bounded_printable_and_found_again(name: str, approver: str):
    case = replace(CASE, owner=an_owner(display_name=name), wipe=an_attempt(allowed_by=approver))

    text = justification(case)

    assert len(text) <= MOST_CHARACTERS
    assert text.isprintable()
    assert mark_of(case) in text
