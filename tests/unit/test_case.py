"""The case: move is the only door, the journal says what happened, and a proposal stands for exactly one wipe."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import TypeAdapter

from shared.domain.case import (
    Case,
    Decision,
    JournalEntry,
    case_id_for_autopilot,
    case_id_for_device,
    managed_device_id_of,
    move,
    proposal_of,
)
from shared.domain.reasons import Reason
from shared.domain.states import CaseState, IllegalMove
from shared.rules.confirm import identity_of
from tests.builders import AUTOPILOT_ID, DEVICE_ID, NOW, a_device
from tests.case_builders import a_case, a_policy, an_owner, an_unenrolled_case

LATER = NOW + timedelta(hours=3)
VERSION = a_policy().version


def _decision(to: CaseState = CaseState.CHECKING_OWNER, **values: object) -> Decision:
    return replace(Decision(to=to, reason=Reason.DEVICE_NOT_COMPLIANT, says="It is."), **values)


def test_a_move_changes_the_state_counts_the_version_and_writes_the_journal():
    case = a_case(version=7)

    after, entry = move(case, _decision(evidence={"a": 1}, changes={"stumbles": 2}, due=LATER), at=NOW, who="a person")

    assert (after.state, after.reason, after.says) == (
        CaseState.CHECKING_OWNER,
        Reason.DEVICE_NOT_COMPLIANT,
        "It is.",
    )
    assert (after.version, after.moved_at, after.due_at, after.stumbles) == (8, NOW, LATER, 2)
    assert entry == JournalEntry(
        sequence=8,
        at=NOW,
        from_state=CaseState.OPENED,
        to_state=CaseState.CHECKING_OWNER,
        reason=Reason.DEVICE_NOT_COMPLIANT,
        says="It is.",
        who="a person",
        evidence={"a": 1},
    )
    assert case.version == 7


def test_a_wait_is_a_move_too():
    after, entry = move(a_case(version=7), _decision(CaseState.OPENED, due=LATER), at=NOW)

    assert (after.state, after.version, after.due_at) == (CaseState.OPENED, 8, LATER)
    assert (entry.from_state, entry.to_state, entry.who) == (CaseState.OPENED, CaseState.OPENED, "handover")


def test_waiting_does_not_renew_when_the_state_was_entered():
    entered, _ = move(a_case(), _decision(), at=NOW)
    waited, _ = move(entered, _decision(due=LATER), at=NOW + timedelta(hours=2))

    assert entered.entered_at == waited.entered_at == NOW
    assert waited.moved_at == NOW + timedelta(hours=2)


def test_without_a_time_the_case_goes_on_at_once():
    after, _ = move(a_case(), _decision(), at=NOW)

    assert after.due_at == NOW


@pytest.mark.parametrize("to", [CaseState.REFUSED, CaseState.NEEDS_PERSON])
def test_a_case_that_rests_is_never_due(to: CaseState):
    after, _ = move(a_case(), _decision(to, due=LATER), at=NOW)

    assert after.due_at is None


def test_an_illegal_move_is_refused():
    with pytest.raises(IllegalMove, match="opened -> wipe_sent"):
        move(a_case(), _decision(CaseState.WIPE_SENT), at=NOW)


@pytest.mark.parametrize(
    "name", ["id", "state", "reason", "says", "version", "episode", "moved_at", "entered_at", "due_at"]
)
def test_what_move_keeps_itself_no_rule_may_set(name: str):
    with pytest.raises(IllegalMove, match=name):
        move(a_case(), _decision(changes={name: "x"}), at=NOW)


def test_a_field_that_the_case_does_not_have_cannot_be_set():
    with pytest.raises(TypeError):
        move(a_case(), _decision(changes={"no_such_field": 1}), at=NOW)


def test_cases_are_named_by_what_they_are_about():
    device, pc = case_id_for_device(DEVICE_ID.upper()), case_id_for_autopilot(AUTOPILOT_ID.upper())

    assert device == f"device-{DEVICE_ID}"
    assert pc == f"autopilot-{AUTOPILOT_ID}"
    assert managed_device_id_of(a_case()) == DEVICE_ID
    assert a_case().enrolled
    assert not an_unenrolled_case().enrolled


def test_a_pc_before_its_first_sign_in_has_no_enrolment_to_act_on():
    with pytest.raises(ValueError, match="has no enrolment"):
        managed_device_id_of(an_unenrolled_case())


def test_a_proposal_is_the_same_for_the_same_wipe():
    assert proposal_of(a_case(), VERSION) == proposal_of(a_case(CaseState.CLEARED_TO_WIPE, says="x"), VERSION)
    assert len(proposal_of(a_case(), VERSION)) == 32


@pytest.mark.parametrize(
    "changed",
    [
        a_case(id=case_id_for_device("another")),
        a_case(episode=2),
        a_case(device=identity_of(a_device(id="another"))),
        a_case(device=identity_of(a_device(entra_device_id="another"))),
        a_case(device=identity_of(a_device(entra_device_id=None))),
        a_case(device=identity_of(a_device(serial_number="another"))),
        a_case(device=identity_of(a_device(enrolled_at=NOW))),
        a_case(device=identity_of(a_device(enrolled_at=None))),
        a_case(owner=an_owner(user_id="another")),
    ],
)
def test_another_device_enrolment_owner_or_episode_is_another_proposal(changed: Case):
    assert proposal_of(changed, VERSION) != proposal_of(a_case(), VERSION)


def test_another_policy_is_another_proposal():
    assert proposal_of(a_case(), "another") != proposal_of(a_case(), VERSION)


@pytest.mark.parametrize("missing", ["device", "owner"])
def test_without_device_or_owner_there_is_nothing_to_propose(missing: str):
    with pytest.raises(ValueError, match="nothing to propose"):
        proposal_of(replace(a_case(), **{missing: None}), VERSION)


@pytest.mark.parametrize("state", list(CaseState))
def test_a_case_is_the_same_after_it_was_stored_and_so_is_its_proposal(state: CaseState):
    stored = TypeAdapter(Case)
    enrolled_at = datetime(2026, 2, 16, 9, 30, 0, 123456, tzinfo=UTC)
    case = a_case(state, None, device=identity_of(a_device(name="PC-Zoë “1”", enrolled_at=enrolled_at)))

    read = stored.validate_json(stored.dump_json(case))

    assert read == case
    assert proposal_of(read, VERSION) == proposal_of(case, VERSION)


def test_a_journal_entry_is_the_same_after_it_was_stored():
    stored = TypeAdapter(JournalEntry)
    _, entry = move(a_case(), _decision(evidence={"n": 1, "f": 0.5, "b": True, "s": "“x”", "none": None}), at=NOW)

    assert stored.validate_json(stored.dump_json(entry)) == entry


def test_a_case_says_by_itself_that_it_cannot_be_changed():
    with pytest.raises(AttributeError):
        setattr(a_case(), "state", CaseState.PROVEN)  # noqa: B010  # the point: not even by name
    assert {each.name for each in fields(Case)} >= {"state", "version", "episode"}
