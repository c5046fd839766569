"""What happens to a case whose tenant or device is not ready, and in report mode."""

from datetime import timedelta

import pytest

from shared.domain.case import Case
from shared.domain.checks import Verdict
from shared.domain.effects import BindOwner
from shared.domain.facts import MISSING, Compliance, Facts, ManagedDevice, Missing
from shared.domain.policy import Mode
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.readiness import LOOK_AGAIN_AFTER, check_readiness
from tests.builders import NOW, a_device, all_facts, an_autopilot_device, tenant_facts
from tests.case_builders import a_case, a_policy, an_unenrolled_case, moved

CASE = a_case(CaseState.CHECKING_READINESS)
NOT_INTUNE = all_facts(tenant=tenant_facts(mdm_authority="sccm"))
NOT_REGISTERED = all_facts(autopilot=())


def test_a_case_that_is_not_ready_waits_with_the_reason_and_the_way_to_mend_it():
    decision = check_readiness(CASE, NOT_INTUNE, a_policy(), NOW)

    assert (decision.to, decision.reason) == (CaseState.NOT_READY, Reason.TENANT_NOT_READY)
    assert decision.due == NOW + LOOK_AGAIN_AFTER
    assert decision.says == (
        "Not ready for re-enrolment. MDM authority: sccm, read less than a minute ago. "
        "Set the MDM authority to Microsoft Intune (Intune admin center, Tenant administration)."
    )


def test_a_fault_of_the_tenant_is_named_before_one_of_the_device():
    facts = Facts(autopilot=(), tenant=tenant_facts(mdm_authority="sccm"))

    decision = check_readiness(CASE, facts, a_policy(), NOW)

    assert decision.reason is Reason.TENANT_NOT_READY
    assert "Autopilot registration: no registrations" in decision.says


@pytest.mark.parametrize(
    ("device", "to", "reason"),
    [
        (a_device(compliance=Compliance.COMPLIANT), CaseState.NO_ACTION_NEEDED, Reason.MENDED_WITHOUT_WIPE),
        (a_device(compliance=Compliance.IN_GRACE_PERIOD), CaseState.NO_ACTION_NEEDED, Reason.DEVICE_IN_GRACE_PERIOD),
        (a_device(compliance=Compliance.ERROR), CaseState.NOT_READY, Reason.COMPLIANCE_NOT_KNOWN),
        (a_device(compliance=Compliance.UNRECOGNISED), CaseState.NOT_READY, Reason.COMPLIANCE_NOT_KNOWN),
        (a_device(owner_type="personal"), CaseState.REFUSED, Reason.DEVICE_NOT_COMPANY_OWNED),
        (a_device(last_sync_at=None), CaseState.NOT_READY, Reason.DEVICE_NOT_READY),
        (MISSING, CaseState.NO_ACTION_NEEDED, Reason.DEVICE_GONE),
        (None, CaseState.NOT_READY, Reason.COMPLIANCE_NOT_KNOWN),
    ],
)
def test_when_all_is_mended_the_device_must_still_need_it(
    device: ManagedDevice | Missing | None, to: CaseState, reason: Reason
):
    decision = check_readiness(a_case(CaseState.NOT_READY), all_facts(device=device), a_policy(), NOW)

    assert (decision.to, decision.reason) == (to, reason)
    assert decision.effect is None


def test_a_compliance_that_stays_unknown_is_a_question_for_a_person_after_thirty_days():
    old = a_case(CaseState.NOT_READY, opened_at=NOW - timedelta(days=31))

    decision = check_readiness(old, all_facts(device=a_device(compliance=Compliance.ERROR)), a_policy(), NOW)

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.COMPLIANCE_NOT_KNOWN)


def test_a_pc_that_nobody_enrolled_has_no_device_to_read_again():
    case = an_unenrolled_case(CaseState.NOT_READY)

    assert check_readiness(case, all_facts(device=None), a_policy(), NOW).to is CaseState.BINDING


@pytest.mark.parametrize("state", [CaseState.CHECKING_READINESS, CaseState.NOT_READY])
@pytest.mark.parametrize("opened_ago", [timedelta(), timedelta(days=31)])
def test_the_case_carries_what_was_found_for_machines_to_read(state: CaseState, opened_ago: timedelta):
    case = a_case(state, opened_at=NOW - opened_ago)

    after = moved(case, check_readiness(case, NOT_INTUNE, a_policy(), NOW))

    (bad,) = [check for check in after.checks if check.verdict is not Verdict.OK]
    assert (bad.name, bad.verdict, bad.of_tenant) == ("MDM authority", Verdict.WRONG, True)
    assert bad.mend.startswith("Set the MDM authority")


def test_report_mode_leaves_the_checks_on_the_case():
    after = moved(CASE, check_readiness(CASE, NOT_INTUNE, a_policy(mode=Mode.REPORT), NOW))

    assert [check.name for check in after.checks if check.verdict is not Verdict.OK] == ["MDM authority"]


def test_it_looks_again_and_goes_on_by_itself():
    case = a_case(CaseState.NOT_READY)

    still = check_readiness(case, NOT_REGISTERED, a_policy(), NOW)
    mended = check_readiness(case, all_facts(), a_policy(), NOW)

    assert (still.to, still.due) == (CaseState.NOT_READY, NOW + LOOK_AGAIN_AFTER)
    assert mended.to is CaseState.BINDING
    assert isinstance(mended.effect, BindOwner)


@pytest.mark.parametrize("state", [CaseState.CHECKING_READINESS, CaseState.NOT_READY])
@pytest.mark.parametrize(
    ("opened_ago", "to"),
    [(timedelta(days=30), CaseState.NOT_READY), (timedelta(days=30, seconds=1), CaseState.NEEDS_PERSON)],
)
def test_after_thirty_days_a_person_is_asked(state: CaseState, opened_ago: timedelta, to: CaseState):
    decision = check_readiness(a_case(state, opened_at=NOW - opened_ago), NOT_REGISTERED, a_policy(), NOW)

    assert (decision.to, decision.reason) == (to, Reason.DEVICE_NOT_READY)


@pytest.mark.parametrize(
    ("case", "would_do"),
    [
        (CASE, ("bind the Autopilot device to DEF456@contoso.example", "wipe the device once")),
        (
            a_case(CaseState.NOT_READY, would_do=("assign SPB to DEF456@contoso.example",)),
            (
                "assign SPB to DEF456@contoso.example",
                "bind the Autopilot device to DEF456@contoso.example",
                "wipe the device once",
            ),
        ),
        (
            an_unenrolled_case(CaseState.CHECKING_READINESS),
            ("bind the Autopilot device to DEF456@contoso.example",),
        ),
    ],
)
def test_report_mode_writes_down_what_would_happen_and_ends(case: Case, would_do: tuple[str, ...]):
    decision = check_readiness(case, all_facts(), a_policy(mode=Mode.REPORT), NOW)

    assert (decision.to, decision.reason) == (CaseState.REPORTED, Reason.MODE_IS_REPORT)
    assert decision.effect is None
    assert decision.says == f"Report mode. Would {'; '.join(would_do)}."
    assert moved(case, decision).would_do == would_do


def test_report_mode_says_what_is_not_ready():
    facts = Facts(autopilot=(an_autopilot_device(profile_status="failed"),), tenant=tenant_facts(status_pages=()))

    decision = check_readiness(CASE, facts, a_policy(mode=Mode.REPORT), NOW)

    assert decision.says == (
        "Report mode. Would wait: Enrollment Status Page, Deployment profile assignment not ready."
    )


def test_a_licence_that_was_only_reported_is_not_taken_for_an_assigned_one():
    case = a_case(CaseState.CHECKING_READINESS, licence_seen_at=None, would_do=("assign SPB to DEF456",))

    decision = check_readiness(case, all_facts(), a_policy(mode=Mode.APPROVE), NOW)

    assert (decision.to, decision.reason) == (CaseState.CHECKING_LICENCE, Reason.MODE_IS_NO_LONGER_REPORT)
    assert decision.effect is None
    assert moved(case, decision).would_do == ()


@pytest.mark.parametrize("state", [CaseState.CHECKING_READINESS, CaseState.NOT_READY])
def test_a_licence_that_was_never_seen_is_a_question_for_a_person(state: CaseState):
    decision = check_readiness(a_case(state, licence_seen_at=None), all_facts(), a_policy(), NOW)

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.LICENCE_MISSING)
    assert decision.effect is None


def test_a_case_that_waits_to_get_ready_goes_on_whatever_an_earlier_mode_wrote_down():
    case = a_case(CaseState.NOT_READY, would_do=("assign SPB to DEF456",))

    assert moved(case, check_readiness(case, all_facts(), a_policy(), NOW)).state is CaseState.BINDING
