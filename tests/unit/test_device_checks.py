"""The checks of the device: values that Graph adds or leaves out, leftover records, its check-in and recovery key."""

from datetime import timedelta

import pytest

from shared.domain.case import Case
from shared.domain.checks import Check, Verdict
from shared.domain.facts import AutopilotDevice, Facts, ManagedDevice, Unreadable
from shared.domain.policy import Policy
from shared.domain.states import CaseState
from shared.rules.device_checks import device_checks
from tests.builders import DEVICE_ID, ENROLLED_AT, NOW, a_device, an_autopilot_device
from tests.case_builders import a_case, a_policy, an_unenrolled_case

CASE = a_case(CaseState.CHECKING_READINESS)


def _checks(facts: Facts, policy: Policy | None = None, case: Case = CASE) -> dict[str, Check]:
    return {check.name: check for check in device_checks(case, facts, policy or a_policy(), NOW)}


def _of(name: str, registered: AutopilotDevice) -> Check:
    return _checks(Facts(autopilot=(registered,)))[name]


@pytest.mark.parametrize("value", ["", "unknownFutureValue", "somethingNew", "ASSIGNEDINSYNC"])
@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("Deployment profile assignment", "profile_status"),
        ("Deployment profile assignment", "profile_detail"),
        ("Hardware", "remediation_state"),
        ("Autopilot enrolment state", "enrolment_state"),
        ("Userless enrolment", "userless_status"),
    ],
)
def test_a_value_that_is_not_known_or_missing_cannot_be_verified_and_is_named(name: str, field: str, value: str):
    check = _of(name, an_autopilot_device(**{field: value}))

    assert check.verdict is Verdict.CANNOT_VERIFY
    assert (value or "no ") in check.found
    assert check.mend


@pytest.mark.parametrize(
    ("name", "fields", "words"),
    [
        ("Deployment profile assignment", {"profile_status": "pending"}, "Wait until"),
        ("Deployment profile assignment", {"profile_status": "assignedOutOfSync"}, "Wait until"),
        ("Deployment profile assignment", {"profile_status": "notAssigned"}, "Assign an Autopilot"),
        ("Deployment profile assignment", {"profile_status": "failed"}, "assign it again"),
        ("Deployment profile assignment", {"profile_detail": "hardwareRequirementsNotMet"}, "TPM 2.0"),
        ("Deployment profile assignment", {"profile_detail": "surfaceHubProfileNotSupported"}, "Surface Hub"),
        ("Deployment profile assignment", {"profile_detail": "surfaceHub2SProfileNotSupported"}, "Surface Hub 2S"),
        ("Deployment profile assignment", {"profile_detail": "holoLensProfileNotSupported"}, "HoloLens"),
        ("Deployment profile assignment", {"profile_detail": "windowsPcProfileNotSupported"}, "Windows PC"),
        ("Hardware", {"remediation_state": "manualRemediationRequired"}, "Register the device again"),
        ("Autopilot enrolment state", {"enrolment_state": "pendingReset"}, "reset it by hand"),
        ("Autopilot enrolment state", {"enrolment_state": "blocked"}, "Unblock device"),
        ("Userless enrolment", {"userless_status": "blocked"}, "Unblock device"),
        ("Deployment profile", {"profile_join_type": "hybrid", "profile_user_type": None}, "Microsoft Entra joined"),
        ("Deployment profile", {"profile_name": None, "profile_join_type": None}, "Assign a user-driven"),
    ],
)
def test_what_is_known_to_be_wrong_says_how_to_mend_it(name: str, fields: dict[str, object], words: str):
    check = _of(name, an_autopilot_device(**fields))

    assert check.verdict is Verdict.WRONG
    assert words in check.mend


@pytest.mark.parametrize("status", ["assignedInSync", "assignedUnkownSyncState"])
def test_a_detailed_status_is_believed_before_the_status(status: str):
    registered = an_autopilot_device(profile_status=status, profile_detail="hardwareRequirementsNotMet")

    check = _of("Deployment profile assignment", registered)

    assert (check.verdict, check.found) == (Verdict.WRONG, f"{status}, hardwareRequirementsNotMet")


@pytest.mark.parametrize(
    "fields",
    [{"profile_join_type": None}, {"profile_usage": "unknownFutureValue"}, {"profile_user_type": None}],
)
def test_a_profile_that_leaves_something_open_cannot_be_verified(fields: dict[str, object]):
    assert _of("Deployment profile", an_autopilot_device(**fields)).verdict is Verdict.CANNOT_VERIFY


@pytest.mark.parametrize(
    ("name", "field", "values"),
    [
        ("Autopilot enrolment state", "enrolment_state", ("enrolled", "notContacted", "failed")),
        ("Userless enrolment", "userless_status", ("allowed", "unknown")),
    ],
)
def test_what_a_user_driven_device_may_show_is_ok(name: str, field: str, values: tuple[str, ...]):
    assert {_of(name, an_autopilot_device(**{field: value})).verdict for value in values} == {Verdict.OK}


ELSEWHERE = an_autopilot_device(managed_device_id="another")
LEFT_OVER = a_device(id="another", name="PC-OLD", last_sync_at=ENROLLED_AT - timedelta(days=1))
ALIVE = a_device(id="another", name="PC-OTHER", last_sync_at=NOW - timedelta(hours=2))


@pytest.mark.parametrize(
    ("rows", "verdict", "found"),
    [
        (None, Verdict.CANNOT_VERIFY, "not read"),
        ((), Verdict.OK, "none"),
        ((a_device(),), Verdict.OK, "none"),
        ((a_device(), LEFT_OVER), Verdict.OK, "left over: PC-OLD"),
        ((a_device(), ALIVE), Verdict.WRONG, "also in use: PC-OTHER (seen 2 hours ago)"),
        ((a_device(id="another", last_sync_at=None),), Verdict.WRONG, "also in use: PC-0427"),
    ],
)
def test_a_second_record_of_the_serial_number_that_lives_stops_and_a_leftover_is_told(
    rows: tuple[ManagedDevice, ...] | None, verdict: Verdict, found: str
):
    check = _checks(Facts(autopilot=(ELSEWHERE,), same_serial=rows))["Other records of the serial number"]

    assert (check.verdict, check.found) == (verdict, found)


@pytest.mark.parametrize("linked", [None, DEVICE_ID, DEVICE_ID.upper()])
def test_other_records_are_looked_for_only_when_the_registration_is_linked_to_one(linked: str | None):
    assert "Other records of the serial number" not in _checks(
        Facts(autopilot=(an_autopilot_device(managed_device_id=linked),))
    )
    unenrolled = an_unenrolled_case(CaseState.CHECKING_READINESS)
    assert "Other records of the serial number" not in _checks(Facts(autopilot=(ELSEWHERE,)), case=unenrolled)


@pytest.mark.parametrize(
    ("last_sync_at", "verdict", "found"),
    [
        (NOW - timedelta(hours=24), Verdict.OK, "24 hours ago"),
        (NOW - timedelta(hours=25), Verdict.WRONG, "25 hours ago"),
        (None, Verdict.WRONG, "never"),
    ],
)
def test_a_device_that_was_read_must_have_checked_in(last_sync_at: object, verdict: Verdict, found: str):
    check = _checks(Facts(device=a_device(last_sync_at=last_sync_at)))["Check-in"]

    assert check.verdict is verdict
    assert check.found.replace("1 day ago", "24 hours ago") == found


@pytest.mark.parametrize(
    ("kept", "verdict", "found"),
    [
        (1, Verdict.OK, "1 recovery key in Entra ID"),
        (2, Verdict.OK, "2 recovery keys in Entra ID"),
        (0, Verdict.WRONG, "no recovery keys in Entra ID"),
        (None, Verdict.CANNOT_VERIFY, "not read"),
        (Unreadable(why="403"), Verdict.CANNOT_VERIFY, "403"),
    ],
)
def test_a_recovery_key_is_needed_when_it_is_required(kept: int | Unreadable | None, verdict: Verdict, found: str):
    required = a_policy(recovery_key_required=True)

    check = _checks(Facts(recovery_keys=kept), required)["BitLocker recovery key"]

    assert (check.verdict, check.found) == (verdict, found)
    assert "BitLocker recovery key" not in _checks(Facts(recovery_keys=kept))
    unenrolled = an_unenrolled_case(CaseState.CHECKING_READINESS)
    assert "BitLocker recovery key" not in _checks(Facts(recovery_keys=kept), required, unenrolled)
