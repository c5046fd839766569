"""AWAITING_RETURN: back under its owner, or a person is told what happened."""

from datetime import datetime, timedelta

import pytest

from shared.domain.case import Case, Decision
from shared.domain.facts import Compliance, Facts, ManagedDevice
from shared.domain.policy import Mode
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.decide import decide
from shared.rules.returning import LOOK_FOR_PROOF_AFTER, LOOK_FOR_USER_AFTER, OWN_POLL_AFTER, await_return
from tests.builders import (
    A_SECOND,
    DEVICE_ID,
    NOW,
    OTHER,
    OTHER_ID,
    OWNER_ID,
    RETURNED_ID,
    SENT_AT,
    STAGING,
    STAGING_ID,
    a_device,
    a_returned_device,
)
from tests.case_builders import a_case, a_policy, an_attempt, moved

GONE = a_case(CaseState.AWAITING_RETURN)
WEEK = timedelta(days=7)
BACK_AT = SENT_AT + timedelta(minutes=40)


def _awaited(*rows: ManagedDevice, case: Case = GONE, at: datetime = NOW) -> Decision:
    return await_return(case, Facts(same_serial=rows), a_policy(), at)


def test_a_device_that_its_owner_enrolled_after_the_wipe_is_back():
    decision = _awaited(a_device(), a_returned_device())

    assert (decision.to, decision.reason) == (CaseState.AWAITING_PROOF, Reason.BACK_UNDER_OWNER)
    assert decision.due == NOW + LOOK_FOR_PROOF_AFTER
    after = moved(GONE, decision)
    assert (after.returned_device_id, after.returned_at) == (RETURNED_ID, BACK_AT)


def test_a_device_that_is_back_and_compliant_is_looked_at_again_at_once():
    row = a_returned_device(compliance=Compliance.COMPLIANT)

    assert _awaited(row).due == NOW


@pytest.mark.parametrize(
    "row",
    [
        a_device(),
        a_returned_device(enrolled_at=SENT_AT),
        a_returned_device(enrolled_at=SENT_AT - A_SECOND),
        a_returned_device(enrolled_at=None),
        a_returned_device(id=DEVICE_ID.upper()),
    ],
)
def test_an_enrolment_of_before_the_wipe_is_no_return(row: ManagedDevice):
    decision = _awaited(row)

    assert (decision.to, decision.reason) == (CaseState.AWAITING_RETURN, Reason.AWAITING_OOBE)


def test_of_several_enrolments_the_newest_counts():
    older = a_returned_device(id="older", user_id=OTHER_ID, enrolled_at=SENT_AT + A_SECOND)

    assert _awaited(older, a_returned_device(), a_device()).to is CaseState.AWAITING_PROOF
    assert _awaited(a_returned_device(), older).changes["returned_device_id"] == RETURNED_ID


@pytest.mark.parametrize(
    ("fields", "under"),
    [
        ({"user_id": OTHER_ID, "user_principal_name": OTHER}, OTHER),
        ({"user_id": STAGING_ID, "user_principal_name": STAGING}, STAGING),
        ({"user_id": None, "user_principal_name": None}, "no user"),
        ({"user_id": None, "user_principal_name": "DEF456@contoso.example"}, "DEF456@contoso.example"),
    ],
)
def test_a_device_that_came_back_under_somebody_else_is_not_wiped_again(fields: dict[str, object], under: str):
    decision = _awaited(a_returned_device(**fields), at=NOW + timedelta(hours=2))

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.WRONG_USER_SIGNED_IN)
    assert decision.says == f"The device came back under {under}, not under DEF456. It is not wiped again."
    assert decision.effect is None
    assert moved(GONE, decision).returned_device_id == RETURNED_ID


@pytest.mark.parametrize("ago", [timedelta(), timedelta(hours=2)])
def test_a_device_that_is_back_without_a_user_is_looked_at_again_for_two_hours(ago: timedelta):
    decision = _awaited(a_returned_device(user_id=None, user_principal_name=None), at=BACK_AT + ago)

    assert (decision.to, decision.reason) == (CaseState.AWAITING_RETURN, Reason.AWAITING_OOBE)
    assert decision.says == "PC-0427 is back; Intune does not name the user who enrolled it yet."
    assert decision.due == BACK_AT + ago + LOOK_FOR_USER_AFTER


def test_the_owner_is_known_by_id_not_by_a_name_that_may_change():
    row = a_returned_device(user_id=OWNER_ID.upper(), user_principal_name="renamed@contoso.example")

    assert _awaited(row).to is CaseState.AWAITING_PROOF


@pytest.mark.parametrize("state", ["wipeFailed", "wipeCanceled"])
def test_a_wipe_that_failed_is_given_to_a_person_who_may_start_again(state: str):
    decision = _awaited(a_device(management_state=state))

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.WIPE_FAILED_ON_DEVICE)
    assert moved(GONE, decision).wipe == an_attempt(sent_at=SENT_AT, outcome="failed")


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ((a_device(management_state="wipeIssued"),), "The wipe has not reached the device yet."),
        ((), "Wiped; nobody has signed in at OOBE yet."),
    ],
)
def test_what_it_waits_for_depends_on_the_old_record(rows: tuple[ManagedDevice, ...], says: str):
    decision = _awaited(*rows)

    assert (decision.to, decision.says, decision.due) == (CaseState.AWAITING_RETURN, says, NOW + OWN_POLL_AFTER)


def test_nothing_read_is_waited_for_like_nothing_there():
    assert await_return(GONE, Facts(), a_policy(), NOW).to is CaseState.AWAITING_RETURN


@pytest.mark.parametrize(
    ("at", "to", "due"),
    [
        (
            SENT_AT + WEEK - timedelta(hours=1),
            CaseState.AWAITING_RETURN,
            SENT_AT + WEEK + timedelta(minutes=1),
        ),
        (SENT_AT + WEEK, CaseState.AWAITING_RETURN, SENT_AT + WEEK + timedelta(minutes=1)),
        (SENT_AT + WEEK + A_SECOND, CaseState.NEEDS_PERSON, None),
        (SENT_AT - WEEK, CaseState.AWAITING_RETURN, SENT_AT - WEEK + OWN_POLL_AFTER),
    ],
)
def test_after_seven_days_a_person_is_told_that_it_did_not_return(at: datetime, to: CaseState, due: datetime | None):
    decision = _awaited(at=at)

    assert (decision.to, decision.due) == (to, due)


@pytest.mark.parametrize(("rows", "old"), [((), "gone"), ((a_device(),), "still there")])
def test_the_evidence_of_a_missing_return_says_whether_the_old_record_is_there(
    rows: tuple[ManagedDevice, ...], old: str
):
    decision = _awaited(*rows, at=SENT_AT + WEEK + A_SECOND)

    assert decision.reason is Reason.DID_NOT_RETURN
    assert decision.evidence == {"old record": old}
    assert decision.says == "The device did not come back within 7 days of the wipe."


def test_a_person_who_lets_the_case_go_on_gives_it_the_whole_time_again():
    let_go_on_at = SENT_AT + 3 * WEEK
    case = a_case(CaseState.AWAITING_RETURN, None, opened_at=let_go_on_at)

    assert _awaited(case=case, at=let_go_on_at + WEEK).to is CaseState.AWAITING_RETURN
    late = _awaited(case=case, at=let_go_on_at + WEEK + A_SECOND)
    assert (late.to, late.reason) == (CaseState.NEEDS_PERSON, Reason.DID_NOT_RETURN)
    assert late.says == (
        "The device did not come back within 7 days of being waited for once more; the wipe was 28 days ago."
    )


def test_a_device_that_comes_back_late_is_still_taken():
    assert _awaited(a_returned_device(), at=SENT_AT + 9 * WEEK).to is CaseState.AWAITING_PROOF


def test_an_attempt_without_a_time_counts_from_the_last_move():
    case = a_case(CaseState.AWAITING_RETURN, None, wipe=an_attempt(sent_at=None))

    assert _awaited(a_returned_device(), case=case).to is CaseState.AWAITING_PROOF


@pytest.mark.parametrize("mode", list(Mode))
def test_a_wiped_device_is_followed_to_its_end_in_every_mode(mode: Mode):
    facts = Facts(same_serial=(a_returned_device(compliance=Compliance.COMPLIANT),))

    back = moved(GONE, decide(GONE, facts, a_policy(mode=mode), NOW))

    assert decide(back, facts, a_policy(mode=mode), NOW).to is CaseState.PROVEN
