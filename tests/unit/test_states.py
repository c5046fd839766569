"""The transition table: complete, with a way out of every state that has not ended, and every state within reach."""

import pytest

from shared.domain.states import MEANINGS, TRANSITIONS, CaseState, IllegalMove, check_move
from shared.rules.decide import AFTER_THE_WIPE, RULES

ENDED = {
    CaseState.PROVEN,
    CaseState.READY_TO_GO,
    CaseState.INSTRUCTED,
    CaseState.NO_ACTION_NEEDED,
    CaseState.REFUSED,
    CaseState.REPORTED,
    CaseState.CANCELLED,
}


def _reachable(start: CaseState) -> set[CaseState]:
    seen, waiting = {start}, [start]
    while waiting:
        fresh = TRANSITIONS[waiting.pop()] - seen
        seen |= fresh
        waiting += fresh
    return seen


def test_every_state_is_in_the_table_and_has_a_meaning():
    assert set(TRANSITIONS) == set(CaseState)
    assert set(MEANINGS) == set(CaseState)
    assert all(state.meaning.endswith(".") and len(state.meaning) > 15 for state in CaseState)
    assert len(set(MEANINGS.values())) == len(CaseState)


def test_only_the_known_end_states_have_ended():
    assert {state for state in CaseState if state.ended} == ENDED


def test_handover_rests_when_the_case_has_ended_or_a_person_decides():
    assert {state for state in CaseState if state.rests} == ENDED | {CaseState.NEEDS_PERSON}


def test_every_state_can_be_reached_from_opened():
    assert _reachable(CaseState.OPENED) == set(CaseState)


@pytest.mark.parametrize("state", [state for state in CaseState if not state.ended])
def test_every_open_case_can_end_and_can_be_given_to_a_person(state: CaseState):
    assert _reachable(state) & ENDED
    proven = state is CaseState.RECLAIMING_LICENCE  # what happens there takes no proof away
    assert proven or state is CaseState.NEEDS_PERSON or CaseState.NEEDS_PERSON in TRANSITIONS[state]


def test_no_state_is_listed_as_its_own_next():
    assert [state for state, following in TRANSITIONS.items() if state in following] == []


def test_every_state_in_which_handover_itself_goes_on_has_a_rule_and_no_other():
    assert set(RULES) == {state for state in CaseState if not state.rests}


def test_a_wipe_is_sent_from_one_state_only():
    assert [state for state, following in TRANSITIONS.items() if CaseState.WIPE_SENT in following] == [
        CaseState.WIPE_INTENDED
    ]
    assert [state for state, following in TRANSITIONS.items() if CaseState.WIPE_INTENDED in following] == [
        CaseState.CLEARED_TO_WIPE,
        CaseState.AWAITING_ADMIN_APPROVAL,
    ]


def test_after_the_wipe_nothing_leads_back_to_another_one_but_a_person():
    for state in AFTER_THE_WIPE:
        assert CaseState.CANCELLED not in TRANSITIONS[state]
        onwards = TRANSITIONS[state] - AFTER_THE_WIPE
        # back to CLEARED_TO_WIPE is for the very worker whose request provably never left it
        may_go_back = {CaseState.CLEARED_TO_WIPE} if state is CaseState.WIPE_SENT else set[CaseState]()
        # Intune said, or shows, that it filed the wipe instead of carrying it out
        filed = {CaseState.AWAITING_ADMIN_APPROVAL} & TRANSITIONS[state]
        assert not filed or state in (CaseState.WIPE_SENT, CaseState.WIPE_UNKNOWN)
        assert onwards <= {CaseState.NEEDS_PERSON, CaseState.PROVEN} | may_go_back | filed


def test_only_a_wipe_that_never_left_goes_back_to_its_clearance():
    assert [state for state in AFTER_THE_WIPE if CaseState.CLEARED_TO_WIPE in TRANSITIONS[state]] == [
        CaseState.WIPE_SENT
    ]


@pytest.mark.parametrize("state", list(CaseState))
def test_waiting_is_always_legal(state: CaseState):
    check_move(state, state)


@pytest.mark.parametrize("state", list(CaseState))
def test_every_move_that_is_not_in_the_table_is_illegal(state: CaseState):
    for to in set(CaseState) - TRANSITIONS[state] - {state}:
        with pytest.raises(IllegalMove, match=f"{state} -> {to}"):
            check_move(state, to)
    for to in TRANSITIONS[state]:
        check_move(state, to)


def test_states_are_stored_by_a_name_that_says_what_they_are():
    assert all(state.value == state.name.lower() for state in CaseState)
