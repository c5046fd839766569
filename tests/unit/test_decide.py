"""The decision core as a whole: every working state has a rule, and switched off means nothing is done."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from shared.domain.facts import MISSING, Facts
from shared.domain.policy import Mode
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.decide import AFTER_THE_WIPE, RULES, decide
from shared.rules.decisions import in_words
from tests.builders import NOW, all_facts
from tests.case_builders import a_case, a_policy

RESTING = [state for state in CaseState if state not in RULES]

NEXT: Mapping[CaseState, CaseState] = {
    CaseState.OPENED: CaseState.CHECKING_OWNER,
    CaseState.CHECKING_OWNER: CaseState.CHECKING_LICENCE,
    CaseState.CHECKING_LICENCE: CaseState.AWAITING_LICENCE,
    CaseState.AWAITING_SEAT: CaseState.AWAITING_LICENCE,
    CaseState.AWAITING_LICENCE: CaseState.WATCHING,
    CaseState.WATCHING: CaseState.CHECKING_READINESS,
    CaseState.CHECKING_READINESS: CaseState.BINDING,
    CaseState.NOT_READY: CaseState.BINDING,
    CaseState.BINDING: CaseState.BINDING,
    CaseState.GIVING_NOTICE: CaseState.AWAITING_APPROVAL,
    CaseState.SENDING_INSTRUCTIONS: CaseState.NEEDS_PERSON,
    CaseState.AWAITING_APPROVAL: CaseState.AWAITING_APPROVAL,
    CaseState.CLEARED_TO_WIPE: CaseState.WIPE_INTENDED,
    CaseState.WIPE_INTENDED: CaseState.WIPE_SENT,
    CaseState.WIPE_SENT: CaseState.WIPE_UNKNOWN,
    CaseState.WIPE_UNKNOWN: CaseState.WIPE_UNKNOWN,
    CaseState.AWAITING_ADMIN_APPROVAL: CaseState.AWAITING_ADMIN_APPROVAL,
    CaseState.AWAITING_RETURN: CaseState.AWAITING_RETURN,
    CaseState.AWAITING_PROOF: CaseState.NEEDS_PERSON,
    CaseState.RECLAIMING_LICENCE: CaseState.PROVEN,
}


@pytest.mark.parametrize("state", list(RULES))
def test_in_the_story_each_state_goes_on_to_its_next(state: CaseState):
    assert decide(a_case(state), all_facts(), a_policy(), NOW).to is NEXT[state]


@pytest.mark.parametrize("state", [state for state in RULES if state not in AFTER_THE_WIPE])
def test_switched_off_nothing_happens_before_a_wipe(state: CaseState):
    decision = decide(a_case(state), all_facts(device=MISSING), a_policy(mode=Mode.OFF), NOW)

    assert (decision.to, decision.reason) == (state, Reason.MODE_IS_OFF)
    assert decision.due == NOW + timedelta(hours=1)
    assert (decision.effect, decision.changes) == (None, {})


@pytest.mark.parametrize("state", sorted(AFTER_THE_WIPE))
def test_switched_off_a_device_that_was_wiped_is_not_left_alone(state: CaseState):
    off, on = a_policy(mode=Mode.OFF), a_policy()

    assert decide(a_case(state), all_facts(), off, NOW) == decide(a_case(state), all_facts(), on, NOW)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("state", RESTING)
def test_a_case_that_rests_is_never_decided(state: CaseState, mode: Mode):
    with pytest.raises(KeyError):
        decide(a_case(state), Facts(), a_policy(mode=mode), NOW)


def test_only_approve_and_auto_may_write():
    assert [mode for mode in Mode if mode.may_write] == [Mode.APPROVE, Mode.AUTO]


@pytest.mark.parametrize("state", list(RULES))
@pytest.mark.parametrize("mode", [Mode.OFF, Mode.REPORT])
def test_nothing_is_written_to_the_world_in_a_mode_that_changes_nothing(state: CaseState, mode: Mode):
    policy = a_policy(mode=mode)

    decision = decide(a_case(state, policy), all_facts(), policy, NOW)

    assert decision.effect is None
    assert decision.to is not CaseState.WIPE_SENT


@pytest.mark.parametrize("state", list(RULES))
def test_the_same_question_has_the_same_answer(state: CaseState):
    first, second = (decide(a_case(state), all_facts(), a_policy(), NOW) for _ in range(2))

    assert first == second


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(days=3), "3 days"),
        (timedelta(days=1), "1 day"),
        (timedelta(hours=47), "47 hours"),
        (timedelta(hours=48), "2 days"),
        (timedelta(hours=25), "25 hours"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(seconds=31), "1 minute"),
        (timedelta(seconds=29), "less than a minute"),
        (timedelta(), "less than a minute"),
        (-timedelta(days=2), "less than a minute"),
        (timedelta(days=365), "365 days"),
    ],
)
def test_durations_are_said_as_people_say_them(span: timedelta, words: str):
    assert in_words(span) == words
