"""The checks of the whole tenant: how old its facts may be, the groups of the settings, Multi Admin Approval."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.checks import Check, Verdict
from shared.domain.facts import TenantFacts, Unreadable
from shared.domain.policy import EnrolmentAttestation, Policy
from shared.rules.tenant_checks import tenant_checks
from tests.builders import A_SECOND, NOW, tenant_facts
from tests.case_builders import a_policy

GROUP, SCOPE = "66666666-0000-4000-8000-00000000000a", "66666666-0000-4000-8000-00000000000b"
JUST_NOW = ", read less than a minute ago"


def _checks(tenant: TenantFacts | None, policy: Policy | None = None) -> dict[str, Check]:
    return {check.name: check for check in tenant_checks(tenant, policy or a_policy(), NOW)}


@pytest.mark.parametrize("age", [timedelta(), timedelta(minutes=15), -timedelta(minutes=15)])
def test_fresh_facts_are_believed_and_say_how_old_they_are(age: timedelta):
    assert _checks(tenant_facts(read_at=NOW - age))["MDM authority"].verdict is Verdict.OK
    minutes_old = _checks(tenant_facts(read_at=NOW - timedelta(minutes=4)))
    assert minutes_old["MDM authority"].found == "intune, read 4 minutes ago"


@pytest.mark.parametrize(
    "age", [timedelta(minutes=15) + A_SECOND, timedelta(days=1), -timedelta(minutes=15) - A_SECOND]
)
def test_facts_of_another_time_are_not_believed(age: timedelta):
    checks = _checks(tenant_facts(read_at=NOW - age))

    assert [(name, check.verdict, check.of_tenant) for name, check in checks.items()] == [
        ("Tenant", Verdict.CANNOT_VERIFY, True)
    ]
    assert "which is not now" in checks["Tenant"].found


def test_a_tenant_that_was_not_read_cannot_be_verified():
    assert _checks(None)["Tenant"].verdict is Verdict.CANNOT_VERIFY


ATTESTED = EnrolmentAttestation(by="admin", on=NOW.date(), scope="some", group_ids=(SCOPE,))


@pytest.mark.parametrize(
    ("policy", "missing", "verdict", "found"),
    [
        (a_policy(exclusion_group=GROUP), frozenset[str](), Verdict.OK, "all exist"),
        (a_policy(exclusion_group=GROUP), frozenset({SCOPE}), Verdict.OK, "all exist"),
        (a_policy(exclusion_group=GROUP), frozenset({GROUP.upper()}), Verdict.WRONG, f"there is no group {GROUP}"),
        (a_policy(enrolment_attestation=ATTESTED), frozenset({SCOPE}), Verdict.WRONG, f"there is no group {SCOPE}"),
        (a_policy(exclusion_group=GROUP), Unreadable(why="403"), Verdict.CANNOT_VERIFY, "403"),
    ],
)
def test_a_group_of_the_settings_must_exist(
    policy: Policy, missing: frozenset[str] | Unreadable, verdict: Verdict, found: str
):
    check = _checks(tenant_facts(missing_groups=missing), policy)["Groups of the settings"]

    assert (check.verdict, check.found) == (verdict, found + JUST_NOW)


def test_no_group_is_looked_for_when_no_setting_names_one():
    assert list(_checks(tenant_facts())) == ["MDM authority"]


@pytest.mark.parametrize(
    ("read", "verdict", "found"),
    [
        (True, Verdict.OK, "wipes need a second administrator"),
        (False, Verdict.WRONG, "no access policy covers wipes"),
        (Unreadable(why="403"), Verdict.CANNOT_VERIFY, "403"),
        (None, Verdict.CANNOT_VERIFY, "not read"),
    ],
)
def test_multi_admin_approval_is_looked_at_only_when_it_is_expected(
    read: bool | Unreadable | None, verdict: Verdict, found: str
):
    tenant = tenant_facts(wipes_need_approval=read)

    check = _checks(tenant, replace(a_policy(), approval_policy_expected=True))["Multi Admin Approval"]

    assert (check.verdict, check.found) == (verdict, found + JUST_NOW)
    assert "Multi Admin Approval" not in _checks(tenant)
