"""WIPE_INTENDED: the last look. Every doubt is a no, and nothing but a full yes sends the wipe."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.domain.case import Case, Decision, Readings
from shared.domain.checks import Verdict
from shared.domain.facts import MISSING, AutopilotDevice, Compliance, Missing, User
from shared.domain.policy import Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.after_wipe import LOOK_FOR_WIPE_AFTER
from shared.rules.confirm import identity_of
from shared.rules.fence import (
    READ_AGAIN_AFTER,
    READINESS_AGAIN_AFTER,
    READY_FOR,
    check_fence,
    readiness_is_old,
    what_changed,
)
from tests.builders import (
    A_SECOND,
    BASIC_MOBILITY,
    DEVICE_ID,
    ENROLLED_AT,
    ENTRA_DEVICE_ID,
    ENTRA_P1,
    INTUNE,
    NOW,
    OTHER,
    OWNER,
    OWNER_ID,
    SERIAL,
    STAGING,
    a_device,
    a_device_limit,
    a_licensed_user,
    a_platform_restriction,
    a_status_page,
    all_facts,
    an_autopilot_device,
    staging_user,
    tenant_facts,
    users,
)
from tests.case_builders import a_case, a_policy, an_approval, an_attempt, moved

INTENDED = a_case(CaseState.WIPE_INTENDED)


def _fenced(case: Case = INTENDED, policy: Policy | None = None, **facts: object) -> Decision:
    return check_fence(case, all_facts(**facts), policy or a_policy(), NOW)


def test_the_wipe_goes_out_only_when_everything_is_as_it_was_approved():
    decision = _fenced()

    assert (decision.to, decision.reason) == (CaseState.WIPE_SENT, Reason.FENCE_PASSED)
    assert decision.due == NOW + LOOK_FOR_WIPE_AFTER
    after = moved(INTENDED, decision)
    assert after.wipe == an_attempt(sent_at=NOW)
    assert after.approval == an_approval(INTENDED, a_policy(), used=True)


def test_the_journal_says_which_device_on_whose_word_and_on_what_reading():
    approval = an_approval(INTENDED, a_policy())

    assert _fenced().evidence == {
        "compliance": "noncompliant",
        "enrolled by": STAGING,
        "enrolled": "2026-02-16 09:30 UTC",
        "last check-in": "2026-03-05 08:00 UTC",
        "management state": "managed",
        "device": DEVICE_ID,
        "Entra device": ENTRA_DEVICE_ID,
        "serial number": SERIAL,
        "approved by": approval.by,
        "proposal": approval.proposal,
        "nonce": "nonce-1",
    }


@pytest.mark.parametrize("device", [MISSING, None])
def test_a_device_that_left_is_not_wiped(device: Missing | None):
    decision = _fenced(device=device)

    assert (decision.to, decision.reason) == (CaseState.NO_ACTION_NEEDED, Reason.DEVICE_GONE)


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"id": "another"}, "its Intune device id changed"),
        ({"entra_device_id": None}, "its Entra device id changed"),
        ({"entra_device_id": "another"}, "its Entra device id changed"),
        ({"serial_number": "5CG9999XYZ"}, "its serial number changed"),
        ({"serial_number": SERIAL.lower()}, "its serial number changed"),
        ({"enrolled_at": ENROLLED_AT + A_SECOND}, "its enrolment time changed"),
        ({"enrolled_at": None}, "its enrolment time changed"),
        ({"user_id": OWNER_ID, "user_principal_name": OWNER}, "its enrolment user changed"),
        ({"user_id": None}, "its enrolment user changed"),
    ],
)
def test_a_device_that_is_not_the_approved_one_is_not_wiped(fields: dict[str, object], what: str):
    decision = _fenced(device=a_device(**fields))

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.DEVICE_CHANGED)
    assert decision.says == f"The device is not the one that was approved: {what}. Nothing was sent."


def test_the_spelling_of_ids_the_name_and_later_readings_are_no_change():
    was = identity_of(a_device())
    later = a_device(
        id=DEVICE_ID.upper(),
        entra_device_id=ENTRA_DEVICE_ID.upper(),
        name="renamed",
        last_sync_at=NOW,
        enrolled_by=None,
        logged_on_user_ids=(),
    )

    assert what_changed(was, later) is None
    nothing_linked = {"entra_device_id": None, "user_id": None}
    assert what_changed(identity_of(a_device(**nothing_linked)), a_device(**nothing_linked)) is None


@pytest.mark.parametrize(
    ("compliance", "to", "reason"),
    [
        (Compliance.COMPLIANT, CaseState.NO_ACTION_NEEDED, Reason.MENDED_WITHOUT_WIPE),
        *(
            (each, CaseState.NEEDS_PERSON, Reason.COMPLIANCE_NOT_KNOWN)
            for each in Compliance
            if each not in (Compliance.COMPLIANT, Compliance.NONCOMPLIANT)
        ),
    ],
)
def test_a_device_that_is_not_read_as_noncompliant_is_not_wiped(compliance: Compliance, to: CaseState, reason: Reason):
    decision = _fenced(device=a_device(compliance=compliance))

    assert (decision.to, decision.reason) == (to, reason)


@pytest.mark.parametrize(
    "fields",
    [
        {"owner_type": "personal"},
        {"management_state": "wipePending"},
        {"management_agent": "configurationManagerClientMdm"},
        {"operating_system": "Windows Server"},
    ],
)
def test_a_device_that_may_no_longer_be_touched_is_refused(fields: dict[str, object]):
    assert _fenced(device=a_device(**fields)).to is CaseState.REFUSED


@pytest.mark.parametrize(
    "excluded",
    [
        {"excluded_devices": frozenset({"pc-0427"})},
        {"excluded_devices": frozenset({SERIAL.lower()})},
        {"excluded_users": frozenset({STAGING})},
        {"excluded_users": frozenset({OWNER.lower()})},
    ],
)
def test_what_was_excluded_after_the_approval_is_refused_even_if_it_is_approved_again(
    excluded: dict[str, object],
):
    policy = a_policy(**excluded)

    decision = _fenced(a_case(CaseState.WIPE_INTENDED, policy), policy)

    assert decision.to is CaseState.REFUSED
    assert decision.reason in (Reason.DEVICE_EXCLUDED, Reason.OWNER_EXCLUDED)


@pytest.mark.parametrize("plan_ids", [(), (INTUNE,), (ENTRA_P1,), (BASIC_MOBILITY, ENTRA_P1)])
def test_an_owner_without_intune_and_entra_id_p1_could_not_enrol_again(plan_ids: tuple[str, ...]):
    owner = a_licensed_user(enabled_plan_ids=frozenset(plan_ids))

    decision = _fenced(users=users(owner))

    assert (decision.to, decision.reason) == (CaseState.CHECKING_LICENCE, Reason.LICENCE_LOST)


def test_a_licence_that_was_never_seen_provisioned_is_no_licence():
    decision = _fenced(replace(INTENDED, licence_seen_at=None))

    assert (decision.to, decision.reason) == (CaseState.CHECKING_LICENCE, Reason.LICENCE_LOST)


@pytest.mark.parametrize(
    ("intune_at", "expected"),
    [
        ([-1], CaseState.WIPE_SENT),
        ([0], CaseState.WIPE_SENT),
        ([1], CaseState.CHECKING_LICENCE),
        ([1, -1], CaseState.WIPE_SENT),  # two licences give it, one of them still the old one
        ([], CaseState.WIPE_SENT),  # Graph does not say when
    ],
)
def test_a_licence_that_was_given_anew_since_it_was_seen_provisioned_is_looked_at_again(
    intune_at: list[int], expected: CaseState
):
    assert INTENDED.licence_seen_at is not None
    assigned = tuple((INTUNE, INTENDED.licence_seen_at + timedelta(seconds=seconds)) for seconds in intune_at)

    decision = _fenced(users=users(a_licensed_user(plans_assigned_at=assigned)))

    assert decision.to is expected
    assert ("was given Intune and Entra ID P1 anew" in decision.says) is (expected is CaseState.CHECKING_LICENCE)


@pytest.mark.parametrize(
    "known", [{OWNER_ID: MISSING}, users(a_licensed_user(enabled=False)), {}, users(staging_user())]
)
def test_an_owner_who_is_gone_disabled_or_was_not_read_could_not_enrol_again(known: dict[str, User | Missing]):
    decision = _fenced(users=known)

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.OWNER_DISABLED)


BOUND = an_autopilot_device(user_principal_name=OWNER.upper())


@pytest.mark.parametrize(
    ("registered", "to"),
    [
        ((BOUND,), CaseState.WIPE_SENT),
        ((replace(BOUND, profile_status="assignedUnkownSyncState"),), CaseState.WIPE_SENT),
        ((replace(BOUND, user_principal_name=OTHER),), CaseState.NEEDS_PERSON),
        ((replace(BOUND, user_principal_name=None),), CaseState.NEEDS_PERSON),
        ((replace(BOUND, profile_status="notAssigned"),), CaseState.NOT_READY),
        ((replace(BOUND, userless_status="blocked"),), CaseState.NOT_READY),
        ((BOUND, BOUND), CaseState.NOT_READY),
        ((), CaseState.NOT_READY),
        (None, CaseState.NOT_READY),
    ],
)
def test_when_the_readiness_checks_are_old_the_registration_must_still_be_the_owners(
    registered: tuple[AutopilotDevice, ...] | None, to: CaseState
):
    old = replace(INTENDED, ready_at=NOW - timedelta(days=2))

    assert _fenced(old, autopilot=registered).to is to
    assert _fenced(replace(INTENDED, ready_at=None), autopilot=registered).to is to


GATE: list[dict[str, object]] = [
    {"tenant": None},
    {"tenant": tenant_facts(read_at=NOW - timedelta(hours=1))},
    {"tenant": tenant_facts(mdm_authority="office365")},
    {"tenant": tenant_facts(status_pages=(a_status_page(blocks_use=False),))},
    {"tenant": tenant_facts(platform_restrictions=(a_platform_restriction(windows_blocked=True),))},
    {"tenant": tenant_facts(device_limits=(a_device_limit(limit=1),)), "owner_devices": (a_device(id="another"),)},
    {"autopilot": (replace(BOUND, profile_detail="hardwareRequirementsNotMet"),)},
    {"autopilot": (replace(BOUND, enrolment_state="pendingReset"),)},
    {"autopilot": (replace(BOUND, managed_device_id="another"),), "same_serial": None},
]


@pytest.mark.parametrize("facts", GATE)
def test_when_the_readiness_checks_are_old_the_whole_gate_is_checked_again(facts: dict[str, object]):
    old = replace(INTENDED, ready_at=NOW - timedelta(days=2))

    known = all_facts(**{"autopilot": (BOUND,), **facts})

    decision = check_fence(old, known, a_policy(), NOW)

    assert decision.to is CaseState.NOT_READY
    assert decision.says.endswith("Nothing was sent; the wipe has to be cleared anew.")
    after = moved(old, decision)
    assert (after.approval, after.ready_at) == (None, None)
    assert any(check.verdict is not Verdict.OK for check in after.checks)
    assert decision.due == NOW + READINESS_AGAIN_AFTER
    assert check_fence(INTENDED, known, a_policy(), NOW).to is CaseState.WIPE_SENT


@pytest.mark.parametrize(
    "change",
    [
        {"enrolment_attestation": None},
        {"recovery_key_required": True},
        {"approval_policy_expected": True},
    ],
)
def test_wishes_that_are_not_met_any_more_hold_a_late_wipe(change: dict[str, object]):
    policy = a_policy(**change)
    old = a_case(CaseState.WIPE_INTENDED, policy, ready_at=NOW - timedelta(days=2))

    assert _fenced(old, policy, autopilot=(BOUND,)).to is CaseState.NOT_READY


def test_a_device_that_stopped_checking_in_keeps_its_approval_however_old_the_checks_are():
    old = replace(INTENDED, ready_at=NOW - timedelta(days=2))

    decision = _fenced(old, autopilot=(BOUND,), device=a_device(last_sync_at=NOW - timedelta(days=3)))

    assert (decision.to, decision.reason) == (CaseState.CLEARED_TO_WIPE, Reason.NO_RECENT_CHECK_IN)
    assert "approval" not in decision.changes


def test_facts_are_gathered_before_the_rule_calls_the_checks_old():
    """So that the time between the two clock readings opens no gap."""
    assert READ_AGAIN_AFTER < READY_FOR
    nearly = replace(INTENDED, ready_at=NOW - READ_AGAIN_AFTER - A_SECOND)
    assert readiness_is_old(nearly, NOW, limit=READ_AGAIN_AFTER)
    assert not readiness_is_old(nearly, NOW)


@pytest.mark.parametrize(
    ("ago", "old"), [(timedelta(minutes=10), False), (timedelta(minutes=10, seconds=1), True), (timedelta(), False)]
)
def test_readiness_is_old_after_ten_minutes(ago: timedelta, old: bool):
    assert readiness_is_old(replace(INTENDED, ready_at=NOW - ago), NOW) is old


@pytest.mark.parametrize(
    ("last_sync_at", "to"),
    [
        (NOW - timedelta(hours=24), CaseState.WIPE_SENT),
        (NOW - timedelta(hours=24) - A_SECOND, CaseState.CLEARED_TO_WIPE),
        (None, CaseState.CLEARED_TO_WIPE),
    ],
)
def test_a_device_that_has_not_checked_in_is_not_wiped_before_it_does(last_sync_at: datetime | None, to: CaseState):
    decision = _fenced(device=a_device(last_sync_at=last_sync_at))

    assert decision.to is to
    if to is CaseState.CLEARED_TO_WIPE:
        assert (decision.reason, decision.due) == (Reason.NO_RECENT_CHECK_IN, NOW + timedelta(hours=1))


@pytest.mark.parametrize(
    ("last_at", "to"),
    [
        (NOW - timedelta(days=4), CaseState.WIPE_SENT),
        (NOW - timedelta(days=4) - A_SECOND, CaseState.WATCHING),
    ],
)
def test_one_fresh_reading_does_not_renew_old_evidence(last_at: datetime, to: CaseState):
    readings = Readings(count=2, first_at=NOW - timedelta(days=9), last_at=last_at)

    decision = _fenced(a_case(CaseState.WIPE_INTENDED, None, readings=readings))

    assert decision.to is to
    if to is CaseState.WATCHING:
        assert decision.reason is Reason.EVIDENCE_TOO_OLD
        assert decision.evidence["compliance"] == "noncompliant"
        assert moved(INTENDED, decision).approval is None


def test_a_case_without_readings_sends_nothing():
    assert _fenced(a_case(CaseState.WIPE_INTENDED, None, readings=None)).reason is Reason.EVIDENCE_TOO_OLD
