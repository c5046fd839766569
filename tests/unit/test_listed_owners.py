"""HANDOVER_OWNERS and staging accounts by id: where they stand among the sources, and whom they can never name."""

import pytest

from shared.domain.facts import MISSING, Facts
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.ownership import enrolled_by_staging, find_owner, is_staging
from tests.builders import (
    NOW,
    OTHER,
    OTHER_ID,
    OWNER,
    OWNER_ID,
    SERIAL,
    STAGING,
    STAGING_ID,
    a_device,
    a_user,
    an_autopilot_device,
    staging_user,
)
from tests.case_builders import a_case, a_policy, an_unenrolled_case, moved

LISTED = a_policy(owners=((SERIAL.lower(), OTHER),))
OTHER_USER = a_user(id=OTHER_ID, user_principal_name=OTHER, display_name="GHI789")
CASE = a_case(CaseState.CHECKING_OWNER, owner=None)
USERS = {OWNER.lower(): a_user(), OWNER_ID: a_user(), OTHER.lower(): OTHER_USER, STAGING.lower(): staging_user()}


def facts(**fields: object) -> Facts:
    return Facts(**{"device": a_device(serial_number=f" {SERIAL} "), "users": USERS, **fields})  # pyright: ignore[reportArgumentType]  # names and types are those of Facts


def owner_of(read: Facts, case: object = CASE, policy: object = LISTED) -> str:
    decision = find_owner(case, read, policy, NOW)  # pyright: ignore[reportArgumentType]  # a case and a policy
    found = moved(CASE, decision).owner
    return decision.reason.value if found is None else found.user_principal_name


def test_the_list_comes_before_who_signed_in_and_after_event_and_autopilot():
    bound = (an_autopilot_device(user_principal_name=OWNER),)
    named = a_case(CaseState.CHECKING_OWNER, owner=None, named_owner=OWNER)

    assert owner_of(facts()) == OTHER
    assert owner_of(facts(autopilot=bound)) == OWNER
    assert owner_of(facts(), case=named) == OWNER


def test_a_pc_before_its_first_sign_in_is_found_in_the_list_by_its_registration():
    case = an_unenrolled_case(CaseState.CHECKING_OWNER, owner=None)

    assert owner_of(facts(device=None), case=case) == OTHER


def test_somebody_in_the_list_who_does_not_exist_is_a_mistake_for_a_person():
    assert owner_of(facts(users={**USERS, OTHER.lower(): MISSING})) == Reason.OWNER_NOT_FOUND.value


def test_a_staging_account_in_the_list_owns_nothing():
    assert owner_of(facts(), policy=a_policy(owners=((SERIAL.lower(), STAGING),))) == OWNER


@pytest.mark.parametrize(
    ("listed", "upn", "user_id", "staging"),
    [
        (STAGING_ID.upper(), "renamed@contoso.example", STAGING_ID, True),
        (STAGING_ID, None, STAGING_ID, True),
        (STAGING_ID, STAGING, None, False),
        ("1*", "ann@contoso.example", STAGING_ID, False),
        (STAGING_ID, "ann@contoso.example", OWNER_ID, False),
    ],
)
def test_an_id_is_listed_whole_and_a_pattern_is_never_tried_on_one(
    listed: str, upn: str | None, user_id: str | None, staging: bool
):
    assert is_staging(upn, a_policy(staging_accounts=(listed,)), user_id=user_id) is staging


def test_the_id_of_the_primary_user_counts_only_while_they_are_who_enrolled_the_device():
    by_id = a_policy(staging_accounts=(STAGING_ID,))

    assert enrolled_by_staging(a_device(enrolled_by=None), by_id)
    assert enrolled_by_staging(a_device(), by_id)
    assert not enrolled_by_staging(a_device(enrolled_by=OWNER), by_id)
