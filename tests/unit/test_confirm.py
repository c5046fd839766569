"""OPENED: which devices are acted on, and what counts as non-compliant."""

from datetime import timedelta

import pytest

from shared.domain.case import Decision, Journey, Readings
from shared.domain.facts import MISSING, Compliance, Facts, Missing
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.confirm import INDEPENDENT_AFTER, confirm, identity_of, read_again, refusal_of
from tests.builders import A_SECOND, DEVICE_ID, NAME, NOW, SERIAL, STAGING, a_device
from tests.case_builders import a_case, a_policy, an_unenrolled_case


def _opened(**fields: object) -> Decision:
    case = a_case(device=None, owner=None, serial_number=None, readings=None)
    return confirm(case, Facts(device=a_device(**fields)), a_policy(), NOW)


def test_the_storys_device_goes_on_to_its_owner_with_everything_it_is_known_by():
    decision = _opened()

    assert (decision.to, decision.reason) == (CaseState.CHECKING_OWNER, Reason.DEVICE_NOT_COMPLIANT)
    assert decision.says == "PC-0427 is non-compliant; it was enrolled by staging@contoso.example."
    assert decision.changes == {
        "device": identity_of(a_device()),
        "serial_number": SERIAL,
        "readings": Readings(count=1, first_at=NOW, last_at=NOW),
        "notice": None,
        "journey": Journey.RE_ENROL,
    }
    assert decision.evidence == {
        "compliance": "noncompliant",
        "enrolled by": STAGING,
        "enrolled": "2026-02-16 09:30 UTC",
        "last check-in": "2026-03-05 08:00 UTC",
        "management state": "managed",
    }
    assert decision.due is None


@pytest.mark.parametrize("device", [MISSING, None])
def test_a_device_that_is_not_there_needs_no_action(device: Missing | None):
    decision = confirm(a_case(), Facts(device=device), a_policy(), NOW)

    assert (decision.to, decision.reason) == (CaseState.NO_ACTION_NEEDED, Reason.DEVICE_GONE)


@pytest.mark.parametrize(
    ("compliance", "reason"),
    [
        (Compliance.COMPLIANT, Reason.DEVICE_COMPLIANT),
        (Compliance.IN_GRACE_PERIOD, Reason.DEVICE_IN_GRACE_PERIOD),
        (Compliance.UNKNOWN, Reason.COMPLIANCE_NOT_KNOWN),
        (Compliance.CONFLICT, Reason.COMPLIANCE_NOT_KNOWN),
        (Compliance.ERROR, Reason.COMPLIANCE_NOT_KNOWN),
        (Compliance.CONFIG_MANAGER, Reason.COMPLIANCE_NOT_KNOWN),
        (Compliance.UNRECOGNISED, Reason.COMPLIANCE_NOT_KNOWN),
    ],
)
def test_only_noncompliant_is_acted_on(compliance: Compliance, reason: Reason):
    decision = _opened(compliance=compliance)

    assert (decision.to, decision.reason) == (CaseState.NO_ACTION_NEEDED, reason)
    assert decision.evidence["compliance"] == compliance.value
    assert decision.changes["device"] == identity_of(a_device())


def test_every_compliance_value_has_been_thought_of():
    acted_on = [each for each in Compliance if _opened(compliance=each).to is CaseState.CHECKING_OWNER]

    assert acted_on == [Compliance.NONCOMPLIANT]


@pytest.mark.parametrize(
    ("fields", "reason", "why"),
    [
        ({"owner_type": "unknown"}, Reason.DEVICE_NOT_COMPANY_OWNED, "its ownership is unknown"),
        ({"owner_type": ""}, Reason.DEVICE_NOT_COMPANY_OWNED, "its ownership is unknown"),
        ({"owner_type": "Company"}, Reason.DEVICE_NOT_COMPANY_OWNED, "its ownership is Company"),
        ({"operating_system": "macOS"}, Reason.DEVICE_NOT_WINDOWS, "it runs macOS"),
        ({"operating_system": "Windows Phone"}, Reason.DEVICE_NOT_WINDOWS, "it runs Windows Phone"),
        ({"operating_system": ""}, Reason.DEVICE_NOT_WINDOWS, "it runs nothing known"),
        (
            {"management_agent": "configurationManagerClientMdm"},
            Reason.DEVICE_CO_MANAGED,
            "it is co-managed with Configuration Manager",
        ),
        (
            {"enrolment_type": "windowsCoManagement"},
            Reason.DEVICE_CO_MANAGED,
            "it is co-managed with Configuration Manager",
        ),
        (
            {"management_agent": "jamf"},
            Reason.DEVICE_NOT_MDM_ONLY,
            "it is managed by jamf, not by Intune alone",
        ),
        (
            {"management_agent": ""},
            Reason.DEVICE_NOT_MDM_ONLY,
            "it is managed by nothing known, not by Intune alone",
        ),
        (
            {"serial_number": "System Serial Number"},
            Reason.DEVICE_SERIAL_UNUSABLE,
            "its serial number cannot identify one machine",
        ),
        ({"management_state": "wipePending"}, Reason.DEVICE_NOT_MANAGED_NOW, "its management state is wipePending"),
        ({"management_state": ""}, Reason.DEVICE_NOT_MANAGED_NOW, "its management state is unknown"),
    ],
)
def test_a_device_that_is_not_ours_to_touch_is_refused_with_the_reason(
    fields: dict[str, object], reason: Reason, why: str
):
    decision = _opened(**fields)

    assert (decision.to, decision.reason) == (CaseState.REFUSED, reason)
    assert decision.says == f"{NAME} is not touched: {why}."
    refused = a_device(**fields)
    assert decision.changes == {"device": identity_of(refused), "serial_number": refused.serial_number}


@pytest.mark.parametrize(
    ("fields", "policy", "reason"),
    [
        ({}, {"excluded_devices": frozenset({"pc-0427"})}, Reason.DEVICE_EXCLUDED),
        ({}, {"excluded_devices": frozenset({"5cg1234xyz"})}, Reason.DEVICE_EXCLUDED),
        ({"serial_number": " 5cg1234XYZ "}, {"excluded_devices": frozenset({"5cg1234xyz"})}, Reason.DEVICE_EXCLUDED),
        ({"name": "PC-Zoë-İ"}, {"excluded_devices": frozenset({"pc-zoë-İ".lower()})}, Reason.DEVICE_EXCLUDED),
        (
            {"user_principal_name": "Patrick.O'Neill@Contoso.example"},
            {"excluded_users": frozenset({"patrick.o'neill@contoso.example"})},
            Reason.OWNER_EXCLUDED,
        ),
    ],
)
def test_an_excluded_device_or_user_is_refused_however_it_is_spelled(
    fields: dict[str, object], policy: dict[str, object], reason: Reason
):
    refusal = refusal_of(a_device(**fields), a_policy(**policy))

    assert refusal is not None
    assert refusal[0] is reason


def test_exclusion_is_named_before_any_other_reason():
    device = a_device(owner_type="personal", operating_system="iOS")

    refusal = refusal_of(device, a_policy(excluded_devices=frozenset({"pc-0427"})))

    assert refusal is not None
    assert refusal[0] is Reason.DEVICE_EXCLUDED


def test_a_device_like_an_excluded_one_is_not_excluded():
    assert refusal_of(a_device(name="PC-04271"), a_policy(excluded_devices=frozenset({"pc-0427"}))) is None


def test_a_device_of_no_user_is_not_taken_for_an_excluded_users_device():
    device = a_device(user_id=None, user_principal_name=None, enrolled_by=None)

    assert refusal_of(device, a_policy(excluded_users=frozenset({STAGING}))) is None
    assert "enrolled by nobody" in confirm(a_case(), Facts(device=device), a_policy(), NOW).says


def test_a_pc_before_its_first_sign_in_goes_on_without_a_reading():
    decision = confirm(an_unenrolled_case(), Facts(), a_policy(), NOW)

    assert (decision.to, decision.reason) == (CaseState.CHECKING_OWNER, Reason.DEVICE_NOT_YET_ENROLLED)
    assert SERIAL in decision.says


@pytest.mark.parametrize("serial", [SERIAL, " 5cg1234xyz "])
def test_an_excluded_pc_is_not_touched_before_its_first_sign_in_either(serial: str):
    policy = a_policy(excluded_devices=frozenset({"5cg1234xyz"}))

    decision = confirm(an_unenrolled_case(serial_number=serial), Facts(), policy, NOW)

    assert (decision.to, decision.reason) == (CaseState.REFUSED, Reason.DEVICE_EXCLUDED)


def test_a_second_reading_counts_only_when_it_is_independent_of_the_first():
    first = read_again(None, a_policy(), NOW)

    assert read_again(first, a_policy(), NOW + INDEPENDENT_AFTER - A_SECOND) == first
    assert read_again(first, a_policy(), NOW + INDEPENDENT_AFTER) == Readings(
        count=2, first_at=NOW, last_at=NOW + INDEPENDENT_AFTER
    )


@pytest.mark.parametrize("noncompliant_for", [timedelta(hours=72), timedelta(hours=1)])
def test_after_a_gap_in_which_nobody_looked_the_readings_begin_anew(noncompliant_for: timedelta):
    policy, first_at = a_policy(noncompliant_for=noncompliant_for), NOW - timedelta(days=9)
    often = Readings(count=7, first_at=first_at, last_at=NOW)
    last_moment = NOW + noncompliant_for + timedelta(hours=24)

    assert read_again(often, policy, last_moment) == Readings(count=8, first_at=first_at, last_at=last_moment)
    too_late = last_moment + A_SECOND
    assert read_again(often, policy, too_late) == Readings(count=1, first_at=too_late, last_at=too_late)


def test_a_clock_that_runs_backwards_counts_no_reading():
    first = read_again(None, a_policy(), NOW)

    assert read_again(first, a_policy(), NOW - timedelta(days=2)) == first


def test_a_case_that_starts_again_keeps_counting_its_readings():
    before = Readings(count=1, first_at=NOW - timedelta(hours=24), last_at=NOW - timedelta(hours=24))

    decision = confirm(a_case(readings=before), Facts(device=a_device()), a_policy(), NOW)

    assert decision.changes["readings"] == Readings(count=2, first_at=before.first_at, last_at=NOW)


def test_a_case_that_starts_again_after_a_long_rest_counts_from_now():
    before = Readings(count=4, first_at=NOW - timedelta(days=21), last_at=NOW - timedelta(days=20))

    decision = confirm(a_case(readings=before), Facts(device=a_device()), a_policy(), NOW)

    assert decision.changes["readings"] == Readings(count=1, first_at=NOW, last_at=NOW)


def test_the_identity_names_the_enrolment_user_by_the_better_source():
    by_beta = identity_of(a_device(enrolled_by=STAGING, user_principal_name="DEF456@contoso.example"))
    by_v1 = identity_of(a_device(enrolled_by=None))

    assert by_beta.enrolment_user == STAGING
    assert by_v1.enrolment_user == STAGING
    assert identity_of(a_device(enrolled_by=None, user_principal_name=None)).enrolment_user is None


def test_a_device_without_a_name_is_called_by_its_serial_number():
    assert _opened(name=" ").says.startswith(f"{SERIAL} is non-compliant")
    assert identity_of(a_device(name="")).name == SERIAL
    assert a_device(name="", serial_number="").called == DEVICE_ID
