"""WATCHING: only lasting non-compliance with a cause that a re-enrolment mends leads towards a wipe."""

from datetime import datetime, timedelta

import pytest

from shared.domain.case import Case, Decision, Readings
from shared.domain.facts import MISSING, Compliance, Facts, Missing, PolicyState
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.watching import LOOK_FOR_CHECK_IN_AFTER, wants_policy_states, watch, what_reenrolment_mends
from tests.builders import (
    A_SECOND,
    NOW,
    OTHER,
    OTHER_ID,
    OWNER,
    OWNER_ID,
    a_device,
    an_owners_device,
    failing,
)
from tests.case_builders import a_case, a_licence_request, a_policy, moved

HOUR = timedelta(hours=1)
CASE = a_case(CaseState.WATCHING)


def _read(count: int, since: timedelta, last: timedelta = 2 * HOUR) -> Case:
    readings = Readings(count=count, first_at=NOW - since, last_at=NOW - last)
    return a_case(CaseState.WATCHING, readings=readings)


def _watched(case: Case = CASE, at: datetime = NOW, **fields: object) -> Decision:
    return watch(case, Facts(device=a_device(**fields), policy_states=failing()), a_policy(), at)


def test_a_staged_device_noncompliant_for_seventy_two_hours_goes_on():
    decision = _watched()

    assert (decision.to, decision.reason) == (CaseState.CHECKING_READINESS, Reason.EVIDENCE_COMPLETE)
    assert decision.says == (
        "Non-compliant for 3 days in 2 readings, and it was enrolled by the staging account staging@contoso.example: "
        "only a re-enrolment mends that. DefaultDeviceCompliancePolicy.RequireUserExistence fails."
    )
    assert decision.evidence["non-compliant for"] == "3 days"
    assert decision.evidence["readings"] == 2
    assert moved(CASE, decision).readings == Readings(count=2, first_at=NOW - 72 * HOUR, last_at=NOW)


def test_one_second_before_the_seventy_two_hours_it_waits_one_more_look():
    decision = _watched(at=NOW - A_SECOND)

    assert (decision.to, decision.reason) == (CaseState.WATCHING, Reason.WATCHING_FOR_CHEAPER_FIX)
    assert decision.due == NOW - A_SECOND + HOUR


def test_it_looks_again_when_the_seventy_two_hours_are_over():
    decision = _watched(_read(1, 10 * HOUR, 10 * HOUR))

    assert decision.due == NOW + 62 * HOUR
    assert decision.says == "Still non-compliant after 10 hours."


@pytest.mark.parametrize(
    ("case", "to"),
    [
        (_read(1, 80 * HOUR, 24 * HOUR), CaseState.CHECKING_READINESS),
        (_read(1, 80 * HOUR, 24 * HOUR - A_SECOND), CaseState.WATCHING),
        (_read(2, 80 * HOUR, A_SECOND), CaseState.CHECKING_READINESS),
        (_read(9, 71 * HOUR), CaseState.WATCHING),
        (a_case(CaseState.WATCHING, readings=None), CaseState.WATCHING),
    ],
)
def test_two_independent_readings_over_seventy_two_hours_are_needed(case: Case, to: CaseState):
    decision = _watched(case)

    assert decision.to is to
    assert to is CaseState.CHECKING_READINESS or (decision.due is not None and decision.due >= NOW + HOUR)


def test_a_clock_that_runs_backwards_proves_nothing():
    decision = _watched(at=NOW - timedelta(days=30))

    assert decision.to is CaseState.WATCHING
    assert decision.due == NOW


@pytest.mark.parametrize(
    ("compliance", "reason"),
    [
        (Compliance.COMPLIANT, Reason.MENDED_WITHOUT_WIPE),
        (Compliance.IN_GRACE_PERIOD, Reason.DEVICE_IN_GRACE_PERIOD),
    ],
)
def test_a_device_that_is_mended_or_gets_time_ends_the_case(compliance: Compliance, reason: Reason):
    decision = _watched(compliance=compliance)

    assert (decision.to, decision.reason) == (CaseState.NO_ACTION_NEEDED, reason)
    assert decision.evidence["compliance"] == compliance.value


@pytest.mark.parametrize("device", [MISSING, None])
def test_a_device_that_is_gone_ends_the_case(device: Missing | None):
    decision = watch(CASE, Facts(device=device), a_policy(), NOW)

    assert (decision.to, decision.reason) == (CaseState.NO_ACTION_NEEDED, Reason.DEVICE_GONE)


def test_a_device_that_may_no_longer_be_touched_is_refused():
    decision = _watched(owner_type="personal")

    assert (decision.to, decision.reason) == (CaseState.REFUSED, Reason.DEVICE_NOT_COMPANY_OWNED)


UNCLEAR = [
    Compliance.UNKNOWN,
    Compliance.CONFLICT,
    Compliance.ERROR,
    Compliance.CONFIG_MANAGER,
    Compliance.UNRECOGNISED,
]


@pytest.mark.parametrize("compliance", UNCLEAR)
def test_an_unclear_compliance_is_looked_at_again_and_counts_as_no_reading(compliance: Compliance):
    decision = _watched(compliance=compliance)

    assert (decision.to, decision.reason) == (CaseState.WATCHING, Reason.COMPLIANCE_NOT_KNOWN)
    assert decision.due == NOW + LOOK_FOR_CHECK_IN_AFTER
    assert decision.changes == {}


@pytest.mark.parametrize(
    ("opened_ago", "to"),
    [(timedelta(days=30), CaseState.WATCHING), (timedelta(days=30, seconds=1), CaseState.NEEDS_PERSON)],
)
def test_an_unclear_compliance_is_not_looked_at_for_ever(opened_ago: timedelta, to: CaseState):
    case = a_case(CaseState.WATCHING, opened_at=NOW - opened_ago)

    decision = _watched(case, compliance=Compliance.UNKNOWN)

    assert (decision.to, decision.reason) == (to, Reason.COMPLIANCE_NOT_KNOWN)


@pytest.mark.parametrize(
    ("last_sync_at", "to"),
    [
        (NOW - 24 * HOUR, CaseState.CHECKING_READINESS),
        (NOW - 24 * HOUR - A_SECOND, CaseState.WATCHING),
        (None, CaseState.WATCHING),
        (NOW + HOUR, CaseState.CHECKING_READINESS),
    ],
)
def test_a_wipe_needs_a_check_in_of_the_last_twenty_four_hours(last_sync_at: datetime | None, to: CaseState):
    decision = _watched(last_sync_at=last_sync_at)

    assert decision.to is to
    if to is CaseState.WATCHING:
        assert decision.reason is Reason.NO_RECENT_CHECK_IN
        assert decision.due == NOW + LOOK_FOR_CHECK_IN_AFTER


@pytest.mark.parametrize(
    ("lasted", "to"),
    [(timedelta(days=14), CaseState.WATCHING), (timedelta(days=14, seconds=1), CaseState.NEEDS_PERSON)],
)
def test_a_device_that_never_checks_in_is_given_to_a_person(lasted: timedelta, to: CaseState):
    decision = _watched(_read(2, lasted), last_sync_at=None)

    assert (decision.to, decision.reason) == (to, Reason.NO_RECENT_CHECK_IN)


def test_an_owner_who_enrolled_with_a_licence_has_a_problem_that_no_wipe_mends():
    decision = watch(CASE, Facts(device=an_owners_device()), a_policy(), NOW)

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.NOT_A_REENROLMENT_PROBLEM)
    assert decision.evidence["enrolled by"] == OWNER


OWNERS: dict[str, object] = {"user_id": OWNER_ID, "user_principal_name": OWNER, "enrolled_by": OWNER}


@pytest.mark.parametrize(
    "enrolled",
    [
        OWNERS,
        {**OWNERS, "enrolled_by": None},
        {**OWNERS, "user_id": OWNER_ID.upper()},
        # an administrator made somebody else its primary user
        {"user_id": OTHER_ID, "user_principal_name": OTHER, "enrolled_by": OWNER.lower()},
    ],
)
def test_however_its_owners_enrolment_shows_it_is_watched_from_the_licence_on(enrolled: dict[str, object]):
    readings = Readings(count=5, first_at=NOW - 90 * HOUR, last_at=NOW - 2 * HOUR)
    seen_at = NOW - 10 * HOUR
    case = a_case(CaseState.WATCHING, None, readings=readings, licence=a_licence_request(), licence_seen_at=seen_at)

    early = _watched(case, NOW, **enrolled)
    in_time = _watched(case, seen_at + 72 * HOUR, last_sync_at=NOW + 60 * HOUR, **enrolled)

    assert (early.to, early.due) == (CaseState.WATCHING, seen_at + 72 * HOUR)
    assert early.says == "Still non-compliant after 10 hours."
    assert (in_time.to, in_time.reason) == (CaseState.CHECKING_READINESS, Reason.EVIDENCE_COMPLETE)
    assert in_time.evidence["non-compliant for"] == "3 days"


def test_a_licence_says_nothing_about_a_device_that_somebody_else_enrolled():
    case = a_case(CaseState.WATCHING, licence=a_licence_request(), licence_seen_at=NOW - HOUR)

    assert _watched(case).to is CaseState.CHECKING_READINESS


def test_while_the_licence_is_only_reported_its_owners_device_is_watched_from_its_first_reading():
    case = a_case(CaseState.WATCHING, licence_seen_at=None, would_do=("assign SPB to DEF456@contoso.example",))

    assert _watched(case, NOW, **OWNERS).to is CaseState.CHECKING_READINESS


def test_three_weeks_without_a_reading_are_no_three_weeks_of_noncompliance():
    """It waited for a seat; nobody looked at the device meanwhile."""
    decision = _watched(_read(1, timedelta(days=21), timedelta(days=21)))

    assert (decision.to, decision.reason) == (CaseState.WATCHING, Reason.WATCHING_FOR_CHEAPER_FIX)
    assert decision.changes["readings"] == Readings(count=1, first_at=NOW, last_at=NOW)
    assert decision.due == NOW + 72 * HOUR


def _with_policies(*states: PolicyState, case: Case = CASE) -> Decision:
    return watch(case, Facts(device=a_device(), policy_states=states), a_policy(), NOW)


@pytest.mark.parametrize(
    ("states", "reason"),
    [
        ((), Reason.FAILING_SETTING_UNKNOWN),
        (failing("Vendor.Custom"), Reason.FAILING_SETTING_UNKNOWN),
        (failing("Windows10CompliancePolicy.BitLockerEnabled"), Reason.FAILING_SETTING_NOT_MENDED),
        (
            failing("Windows10CompliancePolicy.TpmRequired", "DefaultDeviceCompliancePolicy.RequireUserExistence"),
            Reason.FAILING_SETTING_COMES_FIRST,
        ),
    ],
)
def test_a_staged_device_is_not_wiped_for_what_a_reenrolment_does_not_mend(
    states: tuple[PolicyState, ...], reason: Reason
):
    decision = _with_policies(*states)

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, reason)
    assert decision.says.startswith(
        "PC-0427 is not wiped, although it was enrolled by the staging account staging@contoso.example. "
    )
    assert decision.evidence["failing settings"] == (", ".join(s.name for p in states for s in p.settings) or None)
    assert moved(CASE, decision).readings == Readings(count=2, first_at=NOW - 72 * HOUR, last_at=NOW)


def test_a_setting_named_by_policy_is_reason_enough():
    states = failing("Windows10CompliancePolicy.BitLockerEnabled")
    policy = a_policy(reenrol_for=frozenset({"windows10compliancepolicy.bitlockerenabled"}))

    decision = watch(CASE, Facts(device=a_device(), policy_states=states), policy, NOW)

    assert (decision.to, decision.reason) == (CaseState.CHECKING_READINESS, Reason.EVIDENCE_COMPLETE)


@pytest.mark.parametrize(
    ("case", "facts", "wanted"),
    [
        (CASE, Facts(device=a_device()), True),
        (CASE, Facts(device=a_device(), policy_states=()), False),
        (CASE, Facts(device=MISSING), False),
        (CASE, Facts(), False),
        (CASE, Facts(device=a_device(compliance=Compliance.COMPLIANT)), False),
        (CASE, Facts(device=an_owners_device()), False),
        (CASE, Facts(device=a_device(last_sync_at=None)), False),
        (_read(1, 10 * HOUR, 10 * HOUR), Facts(device=a_device()), False),
    ],
)
def test_the_policies_are_read_once_and_only_when_all_else_speaks_for_a_wipe(case: Case, facts: Facts, wanted: bool):
    assert wants_policy_states(case, facts, a_policy(), NOW) is wanted


def test_the_second_reading_is_not_looked_for_before_it_would_count():
    case = a_case(CaseState.WATCHING, readings=Readings(count=1, first_at=NOW - HOUR, last_at=NOW - HOUR))

    decision = watch(case, Facts(device=a_device()), a_policy(noncompliant_for=HOUR), NOW)

    assert (decision.to, decision.due) == (CaseState.WATCHING, NOW + 23 * HOUR)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"user_id": None, "user_principal_name": None, "enrolled_by": None}, "it is enrolled without a user"),
        (
            {"user_id": OTHER_ID, "user_principal_name": None, "enrolled_by": None},
            "it is enrolled by somebody else, not by its owner",
        ),
    ],
)
def test_a_device_that_its_owner_did_not_enrol_needs_a_new_enrolment(fields: dict[str, object], why: str):
    assert what_reenrolment_mends(CASE, a_device(**fields), a_policy()) == why
