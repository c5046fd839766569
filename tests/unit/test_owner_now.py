"""The owner, read again: renamed, disabled, gone, or without the licence; and what a case does about it."""

from dataclasses import replace

import pytest

from shared.domain.facts import MISSING
from shared.domain.policy import Mode
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.decide import decide
from shared.rules.fence import check_fence
from shared.rules.owner_now import MOST_LOSSES, owner_changed, reads_owner_again
from tests.builders import NOW, OWNER_ID, a_licensed_user, a_user, all_facts, an_owners_device, users
from tests.case_builders import a_case, a_policy, moved

WAITING = [CaseState.NOT_READY, CaseState.GIVING_NOTICE, CaseState.AWAITING_APPROVAL, CaseState.BINDING]
NEW = "new.name@contoso.example"


@pytest.mark.parametrize("state", WAITING)
def test_a_licence_that_was_lost_leads_back_to_it(state: CaseState):
    case = a_case(state)
    decision = decide(case, all_facts(users=users(a_user())), a_policy(), NOW)

    after = moved(case, decision)
    assert (after.state, after.reason) == (CaseState.CHECKING_LICENCE, Reason.LICENCE_LOST)
    assert (after.approval, after.licence_seen_at, after.licence_losses) == (None, None, 1)


def test_somebody_who_takes_the_licence_away_each_time_is_a_persons_business():
    case = a_case(CaseState.AWAITING_APPROVAL, licence_losses=MOST_LOSSES)
    decision = decide(case, all_facts(users=users(a_user())), a_policy(), NOW)

    after = moved(case, decision)
    assert (after.state, after.reason, after.licence_losses) == (
        CaseState.NEEDS_PERSON,
        Reason.LICENCE_MISSING,
        0,
    )


def test_the_fence_leads_back_to_the_licence_and_sends_nothing():
    case = a_case(CaseState.WIPE_INTENDED)
    decision = check_fence(case, all_facts(users=users(a_user())), a_policy(), NOW)

    assert (decision.to, decision.reason) == (CaseState.CHECKING_LICENCE, Reason.LICENCE_LOST)
    assert moved(case, decision).approval is None


def test_a_case_that_never_saw_the_licence_has_not_lost_it():
    case = a_case(CaseState.NOT_READY, licence_seen_at=None)

    assert owner_changed(case, all_facts(users=users(a_user())), a_policy(), NOW) is None


@pytest.mark.parametrize("state", WAITING)
@pytest.mark.parametrize(
    ("known", "reason"),
    [({OWNER_ID: MISSING}, Reason.OWNER_NOT_FOUND), (users(a_licensed_user(enabled=False)), Reason.OWNER_DISABLED)],
)
def test_an_owner_who_is_gone_or_disabled_stops_a_waiting_case(state: CaseState, known: object, reason: Reason):
    decision = decide(a_case(state), all_facts(users=known), a_policy(), NOW)

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, reason)


@pytest.mark.parametrize(
    ("state", "to"),
    [
        (CaseState.CHECKING_LICENCE, CaseState.CHECKING_LICENCE),
        (CaseState.AWAITING_SEAT, CaseState.AWAITING_SEAT),
        (CaseState.NOT_READY, CaseState.NOT_READY),
        (CaseState.BINDING, CaseState.BINDING),
        (CaseState.GIVING_NOTICE, CaseState.CHECKING_LICENCE),
        (CaseState.AWAITING_APPROVAL, CaseState.CHECKING_LICENCE),
        (CaseState.WIPE_INTENDED, CaseState.CHECKING_LICENCE),
    ],
)
def test_a_renamed_owner_is_the_same_user_under_the_new_name(state: CaseState, to: CaseState):
    case = a_case(state, bound=True)
    user = a_licensed_user(user_principal_name=NEW, display_name="New Name")
    after = moved(case, decide(case, all_facts(users=users(user)), a_policy(), NOW))

    assert (after.state, after.reason, after.bound, after.approval) == (to, Reason.OWNER_RENAMED, False, None)
    assert after.owner is not None
    assert (after.owner.user_id, after.owner.user_principal_name) == (OWNER_ID, NEW)
    assert NEW in after.says


def test_a_name_in_other_letters_is_the_same_name():
    user = a_licensed_user(user_principal_name="def456@CONTOSO.example")

    assert owner_changed(a_case(CaseState.NOT_READY), all_facts(users=users(user)), a_policy(), NOW) is None


def test_a_device_that_is_well_again_needs_no_owner():
    facts = all_facts(users=users(a_user()), device=MISSING)

    assert decide(a_case(CaseState.AWAITING_APPROVAL), facts, a_policy(), NOW).to is CaseState.NO_ACTION_NEEDED


@pytest.mark.parametrize("state", [CaseState.CHECKING_READINESS, CaseState.BINDING, CaseState.GIVING_NOTICE])
def test_where_only_the_fence_comes_next_the_fence_reads_the_owner(state: CaseState):
    facts = all_facts(users=users(a_user()))

    assert owner_changed(a_case(state), facts, a_policy(mode=Mode.AUTO), NOW) is None
    assert owner_changed(a_case(state), facts, a_policy(), NOW) is not None


@pytest.mark.parametrize(
    ("known", "to", "reason"),
    [
        (users(a_user()), CaseState.CHECKING_LICENCE, Reason.LICENCE_LOST),
        ({OWNER_ID: MISSING}, CaseState.NEEDS_PERSON, Reason.OWNER_NOT_FOUND),
        (users(a_licensed_user(user_principal_name=NEW)), CaseState.BINDING, Reason.OWNER_RENAMED),
        (users(a_licensed_user()), CaseState.NEEDS_PERSON, Reason.BINDING_REFUSED),
    ],
)
def test_an_assignment_that_autopilot_refused_has_the_owner_read_again(known: object, to: CaseState, reason: Reason):
    case = a_case(CaseState.BINDING, bound=False, binding_refused="BadRequest: an error has occurred")
    policy = a_policy(mode=Mode.AUTO)
    assert reads_owner_again(case, policy)
    assert not reads_owner_again(replace(case, binding_refused=None), policy)

    decision = decide(case, all_facts(users=known), policy, NOW)

    assert (decision.to, decision.reason) == (to, reason)


def test_a_case_without_an_owner_has_none_to_read():
    case = replace(a_case(CaseState.NOT_READY), owner=None)

    assert owner_changed(case, all_facts(device=an_owners_device()), a_policy(), NOW) is None
