"""Whose word about automatic enrolment counts, and for how long."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from shared.domain.checks import Verdict
from shared.domain.facts import Facts, Unreadable
from shared.domain.policy import EnrolmentAttestation, Policy
from shared.domain.tenant_setup import INTUNE_DISCOVERY_URL
from shared.rules.attesting import newest, scope_that_counts, with_newest_word
from shared.rules.readiness import checks
from tests.case_builders import a_case

TODAY = date(2026, 3, 2)
WORD = EnrolmentAttestation(by="ada", on=TODAY, scope="all")
OLDER = replace(WORD, on=TODAY - timedelta(days=1), scope="none")


def test_the_later_day_counts_and_on_one_day_the_settings() -> None:
    assert newest(None, None) is None
    assert newest(OLDER, None) == OLDER
    assert newest(None, OLDER) == OLDER
    assert newest(OLDER, WORD) == WORD
    assert newest(WORD, OLDER) == WORD
    assert newest(WORD, replace(WORD, scope="none")) == WORD


def test_a_policy_takes_the_word_that_counts_and_none_when_it_cannot_be_read() -> None:
    policy = Policy(enrolment_attestation=OLDER)
    assert with_newest_word(policy, Facts()) == policy
    assert with_newest_word(policy, Facts(attestation=WORD)).enrolment_attestation == WORD
    assert with_newest_word(policy, Facts(attestation=Unreadable(why="broken"))).enrolment_attestation is None


@pytest.mark.parametrize(
    ("word", "scope"),
    [
        (None, None),
        (WORD, "all"),
        (replace(WORD, on=TODAY - timedelta(days=90)), "all"),
        (replace(WORD, on=TODAY - timedelta(days=91)), None),
        (replace(WORD, on=TODAY + timedelta(days=1)), None),
        (replace(WORD, discovery_url=INTUNE_DISCOVERY_URL.upper()), "all"),
        (replace(WORD, discovery_url="none"), None),
    ],
)
def test_a_word_counts_for_ninety_days_and_only_if_it_leads_to_intune(
    word: EnrolmentAttestation | None, scope: str | None
) -> None:
    assert scope_that_counts(word, TODAY) == scope


@pytest.mark.parametrize(
    ("stored", "verdict", "found"),
    [
        (Unreadable(why="broken"), Verdict.CANNOT_VERIFY, "broken"),
        (replace(WORD, discovery_url="none"), Verdict.WRONG, "the MDM discovery URL is not Intune's"),
        (WORD, Verdict.OK, "scope all, attested by ada on 2026-03-02"),
    ],
)
def test_the_check_of_automatic_enrolment_goes_by_the_stored_word(
    stored: EnrolmentAttestation | Unreadable, verdict: Verdict, found: str
) -> None:
    now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    of_gate = {check.name: check for check in checks(a_case(), Facts(attestation=stored), Policy(), now)}
    assert (of_gate["Automatic enrolment"].verdict, of_gate["Automatic enrolment"].found) == (verdict, found)
