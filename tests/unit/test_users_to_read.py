"""Which users are read before the owner is decided: as few as the decision needs."""

from shared.domain.facts import MISSING, Facts
from shared.domain.states import CaseState
from shared.rules.ownership import MOST_READ, to_read
from tests.builders import OTHER, OTHER_ID, OWNER_ID, STAGING, STAGING_ID, a_device, a_user, staging_user, users
from tests.case_builders import a_case, a_policy

CASE = a_case(CaseState.CHECKING_OWNER, owner=None)
OTHER_USER = a_user(id=OTHER_ID, user_principal_name=OTHER, display_name="GHI789")


def test_only_the_users_that_the_decision_needs_are_read():
    facts = Facts(device=a_device(logged_on_user_ids=(OWNER_ID, STAGING_ID)), autopilot=())

    assert to_read(CASE, facts, a_policy()) == OWNER_ID
    known = Facts(device=facts.device, autopilot=(), users=users(a_user()))
    assert to_read(CASE, known, a_policy()) is None


def test_no_more_users_are_read_once_a_source_has_named_a_real_one():
    case = a_case(CaseState.CHECKING_OWNER, named_owner=OTHER)
    facts = Facts(device=a_device(), users={OTHER.lower(): OTHER_USER})

    assert to_read(case, facts, a_policy()) is None


def test_the_next_source_is_read_when_the_first_names_nobody_real():
    case = a_case(CaseState.CHECKING_OWNER, named_owner=STAGING)
    facts = Facts(device=a_device(), users={STAGING: staging_user()})

    assert to_read(case, facts, a_policy()) == OWNER_ID


def test_of_many_who_signed_in_only_some_are_read():
    many = tuple(f"user-{number}" for number in range(10))
    known = dict.fromkeys(many[:MOST_READ], MISSING)

    assert to_read(CASE, Facts(device=a_device(logged_on_user_ids=many)), a_policy()) == "user-0"
    assert to_read(CASE, Facts(device=a_device(logged_on_user_ids=many), users=known), a_policy()) is None


def test_no_user_is_read_when_nobody_is_named():
    assert to_read(CASE, Facts(), a_policy()) is None
