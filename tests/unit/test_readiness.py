"""CHECKING_READINESS and NOT_READY: anything that is not known to be right means no wipe."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from shared.domain.case import Case, Decision
from shared.domain.checks import Check, Verdict
from shared.domain.effects import BindOwner
from shared.domain.facts import AutopilotDevice, EnrolmentStatusPage, Facts, TenantFacts
from shared.domain.policy import EnrolmentAttestation, Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.readiness import check_readiness, checks
from tests.builders import (
    AUTOPILOT_ID,
    NOW,
    OWNER,
    a_status_page,
    an_autopilot_device,
    tenant_facts,
)
from tests.case_builders import a_case, a_policy, moved

CASE = a_case(CaseState.CHECKING_READINESS)
TODAY = NOW.date()
JUST_NOW = ", read less than a minute ago"


def _facts(*registered: AutopilotDevice, tenant: TenantFacts | None = None) -> Facts:
    return Facts(autopilot=registered or (an_autopilot_device(),), tenant=tenant or tenant_facts())


def _checked(facts: Facts | None = None, policy: Policy | None = None, case: Case = CASE) -> Decision:
    return check_readiness(case, facts or _facts(), policy or a_policy(), NOW)


def _check(name: str, facts: Facts | None = None, policy: Policy | None = None) -> Check:
    return next(each for each in checks(CASE, facts or _facts(), policy or a_policy(), NOW) if each.name == name)


def test_when_everything_is_ready_the_owner_is_bound():
    decision = _checked()

    assert (decision.to, decision.reason) == (CaseState.BINDING, Reason.READY)
    assert decision.effect == BindOwner(autopilot_id=AUTOPILOT_ID, user_principal_name=OWNER, display_name="DEF456")
    assert decision.evidence == {
        "MDM authority": f"ok: intune{JUST_NOW}",
        "Automatic enrolment": "ok: scope all, attested by admin@contoso.example on 2026-02-23",
        "Enrollment Status Page": f"ok: Default: blocks use until apps are installed{JUST_NOW}",
        "Autopilot registration": "ok: serial number 5CG1234XYZ",
        "Deployment profile assignment": "ok: assignedInSync",
        "Deployment profile": "ok: User-driven: join entra, usage singleUser, user type standard",
        "Hardware": "ok: noRemediationRequired",
        "Autopilot enrolment state": "ok: enrolled",
        "Userless enrolment": "ok: unknown: never self-deployed or pre-provisioned",
    }
    assert moved(CASE, decision).checks == tuple(checks(CASE, _facts(), a_policy(), NOW))


def _attested(on: date, scope: str = "all") -> Policy:
    return a_policy(enrolment_attestation=EnrolmentAttestation(by="admin", on=on, scope=scope))


@pytest.mark.parametrize(
    ("policy", "verdict", "found"),
    [
        (a_policy(enrolment_attestation=None), Verdict.CANNOT_VERIFY, "nobody attested it"),
        (_attested(TODAY), Verdict.OK, f"scope all, attested by admin on {TODAY}"),
        (_attested(TODAY - timedelta(days=90)), Verdict.OK, "scope all, attested by admin on 2025-12-05"),
        (
            _attested(TODAY - timedelta(days=91)),
            Verdict.CANNOT_VERIFY,
            "attested by admin on 2025-12-04: out of date",
        ),
        (
            _attested(TODAY + timedelta(days=1)),
            Verdict.CANNOT_VERIFY,
            "attested by admin on 2026-03-06: in the future",
        ),
        (_attested(TODAY, "none"), Verdict.WRONG, "MDM user scope is none"),
        (_attested(TODAY, "some"), Verdict.CANNOT_VERIFY, "MDM user scope is some, of which groups nobody said"),
        (
            _attested(TODAY - timedelta(days=91), "none"),
            Verdict.CANNOT_VERIFY,
            "attested by admin on 2025-12-04: out of date",
        ),
    ],
)
def test_automatic_enrolment_is_what_a_person_attested_not_long_ago(policy: Policy, verdict: Verdict, found: str):
    check = _check("Automatic enrolment", policy=policy)

    assert (check.verdict, check.found, check.of_tenant) == (verdict, found, True)


@pytest.mark.parametrize(
    ("authority", "verdict", "found"),
    [
        ("intune", Verdict.OK, "intune"),
        ("office365", Verdict.WRONG, "office365"),
        ("sccm", Verdict.WRONG, "sccm"),
        ("unknown", Verdict.CANNOT_VERIFY, "unknown"),
        ("unknownFutureValue", Verdict.CANNOT_VERIFY, "unknownFutureValue"),
        ("", Verdict.CANNOT_VERIFY, "no value"),
    ],
)
def test_the_mdm_authority_must_be_intune(authority: str, verdict: Verdict, found: str):
    check = _check("MDM authority", _facts(tenant=tenant_facts(mdm_authority=authority)))

    assert (check.verdict, check.found) == (verdict, found + JUST_NOW)


BLOCKING, OPEN = a_status_page(), a_status_page(blocks_use=False)


def _for_all(name: str, priority: int, *, blocks: bool) -> EnrolmentStatusPage:
    return a_status_page(name=name, priority=priority, is_default=False, blocks_use=blocks)


@pytest.mark.parametrize(
    ("pages", "verdict", "found"),
    [
        ((BLOCKING,), Verdict.OK, "Default: blocks use until apps are installed"),
        ((OPEN,), Verdict.WRONG, "Default: does not block use until apps are installed"),
        ((), Verdict.WRONG, "none"),
        ((OPEN, _for_all("All", 3, blocks=True)), Verdict.OK, "All: blocks use until apps are installed"),
        (
            (BLOCKING, _for_all("First", 1, blocks=False), _for_all("Second", 2, blocks=True)),
            Verdict.WRONG,
            "First: does not block use until apps are installed",
        ),
        (
            (OPEN, _for_all("Second", 2, blocks=False), _for_all("First", 1, blocks=True)),
            Verdict.OK,
            "First: blocks use until apps are installed",
        ),
        (
            (OPEN, replace(_for_all("Some", 1, blocks=True), assigned_to_all=False)),
            Verdict.WRONG,
            "Default: does not block use until apps are installed",
        ),
    ],
)
def test_the_status_page_with_the_lowest_priority_value_must_block_use(
    pages: tuple[EnrolmentStatusPage, ...], verdict: Verdict, found: str
):
    check = _check("Enrollment Status Page", _facts(tenant=tenant_facts(status_pages=pages)))

    assert (check.verdict, check.found) == (verdict, found + JUST_NOW)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("Autopilot registration", {"serial_number": "5CG9999XYZ"}),
        ("Autopilot registration", {"serial_number": ""}),
        *(
            ("Deployment profile assignment", {"profile_status": status})
            for status in ("", "unknown", "assignedOutOfSync", "notAssigned", "pending", "failed", "assignedinsync")
        ),
        ("Deployment profile", {"profile_join_type": "hybrid"}),
        ("Deployment profile", {"profile_join_type": None, "profile_name": None}),
        ("Deployment profile", {"profile_usage": "shared"}),
        ("Deployment profile", {"profile_usage": None}),
        ("Deployment profile", {"profile_user_type": "administrator"}),
        ("Deployment profile", {"profile_user_type": None}),
        *(
            ("Hardware", {"remediation_state": state})
            for state in ("", "automaticRemediationRequired", "manualRemediationRequired", "somethingNew")
        ),
    ],
)
def test_whatever_is_not_known_to_fit_the_device_is_wrong_and_says_how_to_mend_it(name: str, fields: dict[str, object]):
    facts = _facts(an_autopilot_device(**fields))
    bad = [check for check in checks(CASE, facts, a_policy(), NOW) if check.verdict is not Verdict.OK]
    decision = _checked(facts)

    assert [(check.name, check.of_tenant, bool(check.mend)) for check in bad] == [(name, False, True)]
    assert (decision.to, decision.reason) == (CaseState.NOT_READY, Reason.DEVICE_NOT_READY)
    assert f"{name}: " in decision.says
    assert decision.effect is None


@pytest.mark.parametrize(
    "fields",
    [
        {"profile_status": "assignedUnkownSyncState"},
        {"remediation_state": "unknown"},
        {"serial_number": " 5cg1234xyz "},
        {"managed_device_id": None, "enrolment_state": "notContacted"},
    ],
)
def test_what_graph_may_also_say_of_a_fitting_device_is_ready(fields: dict[str, object]):
    assert _checked(_facts(an_autopilot_device(**fields))).to is CaseState.BINDING


@pytest.mark.parametrize(
    ("registered", "found"),
    [
        ((), "no registrations with serial number 5CG1234XYZ"),
        ((an_autopilot_device(), an_autopilot_device(id="b")), "2 registrations with serial number 5CG1234XYZ"),
    ],
)
def test_exactly_one_registration_is_needed(registered: tuple[AutopilotDevice, ...], found: str):
    facts = Facts(autopilot=registered, tenant=tenant_facts())

    decision = _checked(facts)

    assert (decision.to, decision.reason) == (CaseState.NOT_READY, Reason.DEVICE_NOT_READY)
    assert decision.evidence["Autopilot registration"] == f"wrong: {found}"
    assert "Deployment profile" not in decision.evidence


def test_a_device_that_was_registered_anew_is_looked_for_by_its_serial_number():
    gone = moved(CASE, _checked(Facts(autopilot=(), tenant=tenant_facts())))
    still_there = moved(CASE, _checked(_facts(an_autopilot_device(profile_status="pending"))))

    assert gone.autopilot_id is None
    assert still_there.autopilot_id == AUTOPILOT_ID


def test_what_was_not_read_is_not_ready():
    decision = _checked(Facts(autopilot=(an_autopilot_device(),)))

    assert (decision.to, decision.reason) == (CaseState.NOT_READY, Reason.TENANT_NOT_READY)
    assert decision.evidence["Tenant"] == "cannot verify: not read"
    assert _checked(Facts(tenant=tenant_facts())).to is CaseState.NOT_READY
