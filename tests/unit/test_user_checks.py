"""The checks of the owner: what is not known to let them enrol on this device is no yes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.checks import Check, Verdict
from shared.domain.facts import DeviceLimit, EnrolmentStatusPage, Facts, Memberships, PlatformRestriction, TenantFacts
from shared.domain.policy import EnrolmentAttestation, Policy
from shared.domain.states import CaseState
from shared.rules.user_checks import user_checks
from tests.builders import (
    DEVICE_ID,
    ENTRA_DEVICE_ID,
    NOW,
    a_device,
    a_device_limit,
    a_platform_restriction,
    a_status_page,
    an_autopilot_device,
    an_owners_device,
    tenant_facts,
)
from tests.case_builders import a_case, a_policy

CASE = a_case(CaseState.CHECKING_READINESS)
A, B = "66666666-0000-4000-8000-00000000000a", "66666666-0000-4000-8000-00000000000b"
IN_A, IN_NONE = Memberships(asked=frozenset({A, B}), found=frozenset({A})), Memberships(asked=frozenset({A, B}))
REFUSED = Memberships(unreadable="directory.groups_of_user: Graph answered 403")
LATELY = ", read 4 minutes ago"


def _tenant(**fields: object) -> TenantFacts:
    return tenant_facts(read_at=NOW - timedelta(minutes=4), **fields)


def _check(name: str, facts: Facts, policy: Policy | None = None) -> Check:
    return next(each for each in user_checks(CASE, facts, policy or a_policy(), NOW) if each.name == name)


def _names(facts: Facts) -> list[str]:
    return [each.name for each in user_checks(CASE, facts, a_policy(), NOW)]


def _some(*group_ids: str) -> Policy:
    word = EnrolmentAttestation(by="admin", on=NOW.date(), scope="some", group_ids=group_ids)
    return a_policy(enrolment_attestation=word)


@pytest.mark.parametrize(
    ("groups", "policy", "verdict", "words"),
    [
        (IN_A, _some(A), Verdict.OK, "DEF456 is in one of its groups"),
        (IN_A, _some(B, A), Verdict.OK, "DEF456 is in one of its groups"),
        (IN_A, _some(B), Verdict.WRONG, "DEF456 is in none of its groups"),
        (IN_NONE, _some(A, B), Verdict.WRONG, "DEF456 is in none of its groups"),
        (REFUSED, _some(A), Verdict.CANNOT_VERIFY, "Graph answered 403"),
        (None, _some(A), Verdict.CANNOT_VERIFY, "were not read"),
        (Memberships(asked=frozenset({B})), _some(A, B), Verdict.CANNOT_VERIFY, "too many groups"),
        (IN_A, _some(), Verdict.CANNOT_VERIFY, "of which groups nobody said"),
    ],
)
def test_with_the_scope_some_the_owner_must_be_in_one_of_the_groups(
    groups: Memberships | None, policy: Policy, verdict: Verdict, words: str
):
    check = _check("Automatic enrolment", Facts(owner_groups=groups), policy)

    assert check.verdict is verdict
    assert words in check.found
    assert bool(check.mend) is (verdict is not Verdict.OK)


OPEN = a_status_page(blocks_use=False)
BLOCKING_FOR_A = a_status_page(
    name="For A", priority=1, is_default=False, assigned_to_all=False, group_ids=frozenset({A})
)


def _of_device(groups: Memberships) -> dict[str, Memberships]:
    return {ENTRA_DEVICE_ID.lower(): groups}


@pytest.mark.parametrize(
    ("pages", "owner", "device", "verdict", "found"),
    [
        ((OPEN, BLOCKING_FOR_A), IN_NONE, IN_A, Verdict.OK, "For A: blocks use until apps are installed"),
        ((OPEN, BLOCKING_FOR_A), IN_A, IN_NONE, Verdict.OK, "For A: blocks use until apps are installed"),
        (
            (OPEN, BLOCKING_FOR_A),
            IN_NONE,
            IN_NONE,
            Verdict.WRONG,
            "Default: does not block use until apps are installed",
        ),
        (
            (OPEN, BLOCKING_FOR_A),
            REFUSED,
            IN_NONE,
            Verdict.CANNOT_VERIFY,
            "For A: blocks use until apps are installed; or Default: does not block use until apps are installed: "
            "directory.groups_of_user: Graph answered 403",
        ),
        (
            (OPEN, replace(BLOCKING_FOR_A, filtered=True)),
            IN_A,
            IN_NONE,
            Verdict.CANNOT_VERIFY,
            "For A: blocks use until apps are installed; or Default: does not block use until apps are installed: "
            "an assignment filter, or an assignment of an unknown kind, decides, and no application can follow it",
        ),
        (
            (OPEN, replace(BLOCKING_FOR_A, priority=0)),
            IN_A,
            IN_NONE,
            Verdict.CANNOT_VERIFY,
            "For A: blocks use until apps are installed; or Default: does not block use until apps are installed: "
            "a priority is missing",
        ),
        (
            (OPEN, BLOCKING_FOR_A),
            Memberships(asked=frozenset({B})),
            IN_NONE,
            Verdict.CANNOT_VERIFY,
            "For A: blocks use until apps are installed; or Default: does not block use until apps are installed: "
            "more groups are named than can be asked about",
        ),
        (
            (a_status_page(blocks_use=None),),
            IN_NONE,
            IN_NONE,
            Verdict.CANNOT_VERIFY,
            "Default: does not say whether it blocks use",
        ),
        ((a_status_page(), BLOCKING_FOR_A), REFUSED, REFUSED, Verdict.OK, None),
        ((OPEN, replace(BLOCKING_FOR_A, blocks_use=False)), REFUSED, REFUSED, Verdict.WRONG, None),
    ],
)
def test_the_status_page_that_takes_effect_for_this_owner_and_device_must_block_use(
    pages: tuple[EnrolmentStatusPage, ...],
    owner: Memberships,
    device: Memberships,
    verdict: Verdict,
    found: str | None,
):
    facts = Facts(tenant=_tenant(status_pages=pages), owner_groups=owner, device_groups=_of_device(device))

    check = _check("Enrollment Status Page", facts)

    assert check.verdict is verdict
    assert found is None or check.found == found + LATELY


def test_the_groups_of_the_registered_entra_device_decide_before_those_of_the_enrolled_one():
    registered = an_autopilot_device(entra_device_id="ANOTHER")
    facts = Facts(
        tenant=_tenant(status_pages=(OPEN, BLOCKING_FOR_A)),
        autopilot=(registered,),
        owner_groups=IN_NONE,
        device_groups={"another": IN_NONE, **_of_device(IN_A)},
    )

    assert _check("Enrollment Status Page", facts).verdict is Verdict.WRONG
    assert _check("Enrollment Status Page", replace(facts, autopilot=())).verdict is Verdict.OK


BLOCKED = a_platform_restriction(windows_blocked=True)
BLOCKED_FOR_A = a_platform_restriction(
    name="Not in A", priority=1, is_default=False, assigned_to_all=False, group_ids=frozenset({A}), windows_blocked=True
)


@pytest.mark.parametrize(
    ("restrictions", "groups", "verdict", "words"),
    [
        ((a_platform_restriction(),), None, Verdict.OK, "Windows may enrol"),
        ((BLOCKED,), None, Verdict.WRONG, "All users: Windows is blocked"),
        ((a_platform_restriction(), BLOCKED_FOR_A), IN_NONE, Verdict.OK, "Windows may enrol"),
        ((a_platform_restriction(), BLOCKED_FOR_A), IN_A, Verdict.WRONG, "Not in A: Windows is blocked"),
        ((a_platform_restriction(), BLOCKED_FOR_A), REFUSED, Verdict.CANNOT_VERIFY, "Graph answered 403"),
        ((a_platform_restriction(windows_blocked=None),), IN_NONE, Verdict.CANNOT_VERIFY, "it does not say"),
        ((BLOCKED_FOR_A,), IN_NONE, Verdict.OK, "Windows may enrol"),
    ],
)
def test_the_platform_restriction_of_the_owner_must_let_windows_enrol(
    restrictions: tuple[PlatformRestriction, ...], groups: Memberships | None, verdict: Verdict, words: str
):
    facts = Facts(tenant=_tenant(platform_restrictions=restrictions), owner_groups=groups)

    check = _check("Platform restriction", facts)

    assert (check.verdict, check.of_tenant) == (verdict, True)
    assert words in check.found
    assert check.found.endswith(LATELY)


def test_a_tenant_without_restrictions_and_limits_is_not_asked_about_them():
    assert _names(Facts(tenant=_tenant())) == ["Automatic enrolment", "Enrollment Status Page"]
    assert _names(Facts()) == ["Automatic enrolment"]


TIGHT_FOR_A = a_device_limit(
    name="One in A", priority=1, is_default=False, assigned_to_all=False, group_ids=frozenset({A}), limit=1
)


@pytest.mark.parametrize(
    ("limits", "groups", "others", "verdict"),
    [
        ((a_device_limit(limit=2),), None, 1, Verdict.OK),
        ((a_device_limit(limit=2),), None, 2, Verdict.WRONG),
        ((a_device_limit(limit=1),), None, 0, Verdict.OK),
        ((a_device_limit(limit=5), TIGHT_FOR_A), IN_A, 1, Verdict.WRONG),
        ((a_device_limit(limit=5), TIGHT_FOR_A), IN_NONE, 1, Verdict.OK),
        ((a_device_limit(limit=5), TIGHT_FOR_A), REFUSED, 1, Verdict.WRONG),
        ((a_device_limit(limit=None),), None, 0, Verdict.CANNOT_VERIFY),
        ((a_device_limit(limit=2),), None, None, Verdict.CANNOT_VERIFY),
    ],
)
def test_the_owner_must_be_allowed_one_more_device(
    limits: tuple[DeviceLimit, ...], groups: Memberships | None, others: int | None, verdict: Verdict
):
    devices = None if others is None else tuple(a_device(id=f"other-{number}") for number in range(others))
    facts = Facts(tenant=_tenant(device_limits=limits), owner_groups=groups, owner_devices=devices)

    assert _check("Device limit", facts).verdict is verdict


def test_the_device_that_is_wiped_does_not_count():
    facts = Facts(
        tenant=_tenant(device_limits=(a_device_limit(limit=1),)),
        owner_devices=(an_owners_device(id=DEVICE_ID.upper()),),
    )

    check = _check("Device limit", facts)

    assert (check.verdict, check.found) == (Verdict.OK, "0 other devices of 1 allowed, limit read 4 minutes ago")


def test_a_limit_beyond_what_intune_sets_is_none():
    assert "Device limit" not in _names(Facts(tenant=_tenant(device_limits=(a_device_limit(limit=1000),))))
