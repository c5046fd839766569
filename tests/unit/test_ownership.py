"""CHECKING_OWNER: whose device it is, by the most trusted source that names a real user."""

from dataclasses import replace

import pytest

from shared.domain.case import Case, Decision
from shared.domain.facts import MISSING, Facts
from shared.domain.policy import Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.ownership import find_owner, is_staging
from tests.builders import (
    NOW,
    OTHER,
    OTHER_ID,
    OWNER,
    OWNER_ID,
    STAGING,
    STAGING_ID,
    a_device,
    a_user,
    an_autopilot_device,
    an_owners_device,
    staging_user,
    users,
)
from tests.case_builders import a_case, a_policy, an_owner, an_unenrolled_case, moved

CASE = a_case(CaseState.CHECKING_OWNER, owner=None)
OTHER_USER = a_user(id=OTHER_ID, user_principal_name=OTHER, display_name="GHI789")


def _found(case: Case = CASE, policy: Policy | None = None, **facts: object) -> Decision:
    known = Facts(device=a_device(), autopilot=(), users=users(a_user(), staging_user(), OTHER_USER))
    return find_owner(case, replace(known, **facts), policy or a_policy(), NOW)


def test_the_user_who_signs_in_to_a_staged_device_owns_it():
    decision = _found()

    assert (decision.to, decision.reason) == (CaseState.CHECKING_LICENCE, Reason.OWNER_FOUND)
    assert decision.says == "The device should be DEF456's; source: users who signed in."
    assert moved(CASE, decision).owner == an_owner(source="users who signed in")
    assert decision.evidence == {"source": "users who signed in", "user": OWNER}


def test_an_explicit_assignment_is_believed_before_any_other_source():
    case = a_case(CaseState.CHECKING_OWNER, owner=None, named_owner=OTHER)
    registered = (an_autopilot_device(user_principal_name=OWNER),)

    decision = _found(case, autopilot=registered, users={**users(a_user()), OTHER.lower(): OTHER_USER})

    assert decision.evidence == {"source": "assignment event", "user": OTHER}


def test_the_autopilot_user_is_believed_before_those_who_sign_in():
    registered = (an_autopilot_device(user_principal_name=OTHER),)

    decision = _found(autopilot=registered, users={**users(a_user()), OTHER.lower(): OTHER_USER})

    assert decision.evidence == {"source": "Autopilot assigned user", "user": OTHER}


def test_two_registrations_of_one_serial_number_say_nothing_about_the_owner():
    registered = (an_autopilot_device(user_principal_name=OTHER), an_autopilot_device(id="another"))

    assert _found(autopilot=registered).evidence["source"] == "users who signed in"


def test_a_real_enrolment_user_owns_the_device():
    decision = _found(device=an_owners_device(logged_on_user_ids=(OTHER_ID,)))

    assert decision.evidence == {"source": "enrolment user", "user": OWNER}


def test_a_primary_user_whom_an_administrator_set_on_a_staged_device_owns_it():
    device = a_device(user_id=OWNER_ID, user_principal_name=OWNER, enrolled_by=STAGING, logged_on_user_ids=())

    decision = _found(device=device)

    assert decision.to is CaseState.CHECKING_LICENCE
    assert decision.evidence == {"source": "primary user", "user": OWNER}


@pytest.mark.parametrize("named_owner", [STAGING, STAGING_ID])
def test_a_staging_account_is_never_the_owner_even_when_it_is_named(named_owner: str):
    case = a_case(CaseState.CHECKING_OWNER, owner=None, named_owner=named_owner)
    known = {**users(staging_user()), STAGING: staging_user()}

    decision = _found(case, device=a_device(logged_on_user_ids=(STAGING_ID,)), users=known)

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.OWNER_UNKNOWN)
    assert decision.says.startswith("Only staging accounts are known")


def test_a_staging_account_that_was_renamed_is_known_by_its_present_name():
    device = a_device(user_principal_name="old-name@contoso.example", enrolled_by=None)

    decision = _found(device=device)

    assert decision.evidence["user"] == OWNER


def test_nothing_known_about_the_owner_asks_a_person():
    decision = _found(device=a_device(logged_on_user_ids=()))

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.OWNER_UNKNOWN)
    assert decision.says.startswith("Nothing says whose device this is")


def test_nothing_read_asks_a_person():
    assert find_owner(CASE, Facts(), a_policy(), NOW).reason is Reason.OWNER_UNKNOWN
    assert find_owner(CASE, Facts(device=MISSING), a_policy(), NOW).reason is Reason.OWNER_UNKNOWN


def test_two_people_who_signed_in_are_a_question_for_a_person():
    decision = _found(device=a_device(logged_on_user_ids=(OWNER_ID, OTHER_ID)))

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.OWNER_AMBIGUOUS)
    assert decision.evidence == {"who": f"{OWNER}, {OTHER}"}


def test_one_person_seen_twice_is_one_person():
    decision = _found(device=a_device(logged_on_user_ids=(OWNER_ID, OWNER_ID.upper(), STAGING_ID)))

    assert decision.evidence["user"] == OWNER


def test_more_people_than_are_looked_up_are_a_question_for_a_person():
    signed_in = ("gone-1", OWNER_ID, "gone-2", OTHER_ID)
    known = users(a_user(), **{"gone-1": MISSING, "gone-2": MISSING})

    decision = _found(device=a_device(logged_on_user_ids=signed_in), users=known)

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.OWNER_AMBIGUOUS)
    assert decision.evidence == {"who": OWNER, "not looked up": 1}


def test_a_user_who_signed_in_and_is_gone_does_not_hide_the_one_who_is_there():
    decision = _found(device=a_device(logged_on_user_ids=("gone", OWNER_ID)), users=users(a_user(), gone=MISSING))

    assert decision.evidence["user"] == OWNER


def test_a_named_owner_who_does_not_exist_is_not_replaced_by_a_guess():
    case = a_case(CaseState.CHECKING_OWNER, owner=None, named_owner="nobody@contoso.example")

    decision = _found(case, users={**users(a_user()), "nobody@contoso.example": MISSING})

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.OWNER_NOT_FOUND)
    assert decision.evidence == {"named": "nobody@contoso.example"}


@pytest.mark.parametrize(
    ("fields", "to", "reason"),
    [
        ({"enabled": False}, CaseState.NEEDS_PERSON, Reason.OWNER_DISABLED),
        ({"user_type": "Guest"}, CaseState.NEEDS_PERSON, Reason.OWNER_IS_GUEST),
        ({"user_type": "guest"}, CaseState.NEEDS_PERSON, Reason.OWNER_IS_GUEST),
    ],
)
def test_an_owner_who_could_not_enrol_is_a_question_for_a_person(
    fields: dict[str, object], to: CaseState, reason: Reason
):
    decision = _found(users=users(a_user(**fields)))

    assert (decision.to, decision.reason) == (to, reason)
    assert decision.evidence["user"] == OWNER
    assert "owner" not in decision.changes


def test_the_device_of_an_excluded_owner_is_refused():
    decision = _found(policy=a_policy(excluded_users=frozenset({OWNER.lower()})))

    assert (decision.to, decision.reason) == (CaseState.REFUSED, Reason.OWNER_EXCLUDED)


def test_an_owner_without_a_display_name_is_called_by_upn_everywhere():
    decision = _found(users=users(a_user(display_name="")))

    assert moved(CASE, decision).owner == an_owner(display_name=OWNER)
    assert OWNER in decision.says


def test_names_of_people_may_hold_any_character():
    user = a_user(user_principal_name="Zoë.O'Neill@contoso.example", display_name="Zoë “Zo” O'Neill")

    decision = _found(users=users(user))

    assert decision.says == "The device should be Zoë “Zo” O'Neill's; source: users who signed in."


def test_a_pc_before_its_first_sign_in_gets_its_owner_from_event_or_autopilot():
    registered = (an_autopilot_device(user_principal_name=OWNER),)

    decision = _found(
        an_unenrolled_case(CaseState.CHECKING_OWNER, owner=None),
        device=None,
        autopilot=registered,
        users={OWNER.lower(): a_user()},
    )

    assert decision.evidence == {"source": "Autopilot assigned user", "user": OWNER}


@pytest.mark.parametrize(
    ("upn", "pattern", "staging"),
    [
        (STAGING, "staging@contoso.example", True),
        ("Staging7@Contoso.Example", "staging*@contoso.example", True),
        (STAGING, "STAGING@CONTOSO.EXAMPLE", True),
        ("dem@contoso.example", "staging*@contoso.example", False),
        ("staging@contoso.example.evil", "staging@contoso.example", False),
        (None, "staging@contoso.example", False),
        ("", "staging@contoso.example", False),
    ],
)
def test_staging_accounts_are_known_by_name_or_pattern_in_any_case(upn: str | None, pattern: str, staging: bool):
    assert is_staging(upn, a_policy(staging_accounts=(pattern,))) is staging


def test_without_staging_accounts_nobody_is_one():
    assert not is_staging(STAGING, a_policy(staging_accounts=()))
