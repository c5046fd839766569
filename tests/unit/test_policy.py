"""Policy and facts as values: careful defaults, a version that changes with every wish, and honest ages and seats."""

import subprocess
import sys
from dataclasses import fields
from datetime import date, timedelta
from pathlib import Path

import pytest

from shared.domain.facts import Sku, age
from shared.domain.policy import EnrolmentAttestation, LicenceWay, Mode, Policy
from shared.domain.weekly_hours import WeeklyHours
from tests.builders import NOW, SPB_ID, spb, tenant_facts

ROOT = Path(__file__).parents[2]

OTHERWISE: dict[str, object] = {
    "mode": Mode.AUTO,
    "staging_accounts": ("dem@contoso.example",),
    "excluded_devices": frozenset({"pc-1"}),
    "excluded_users": frozenset({"ceo@contoso.example"}),
    "licence_skus": ("SPB",),
    "usage_location": "GB",
    "enrolment_attestation": EnrolmentAttestation(by="admin", on=date(2026, 3, 1), scope="all"),
    "noncompliant_for": timedelta(hours=1),
    "readings_needed": 3,
    "last_sync_within": timedelta(hours=1),
    "licence_within": timedelta(hours=1),
    "return_within": timedelta(hours=1),
    "compliant_within": timedelta(hours=1),
    "wipe_seen_within": timedelta(hours=1),
    "approval_valid_for": timedelta(hours=1),
    "wipes_per_hour": 1,
    "wipes_per_day": 1,
    "wipes_in_flight": 1,
    "serial_rest": timedelta(hours=1),
    "exclusion_group": "66666666-0000-4000-8000-000000000001",
    "recovery_key_required": True,
    "approval_policy_expected": True,
    "tells_owner": True,
    "grace": timedelta(hours=1),
    "deferral": timedelta(hours=1),
    "deferrals": 1,
    "auto_until": date(2026, 3, 12),
    "armed_days": 1,
    "wipes_per_day_percent": 2,
    "ramp": (1, 2),
    "spike_percent": 1,
    "spike_devices": 1,
    "spike_factor": 1,
    "spike_floor": 1,
    "error_free_wipes": 1,
    "error_percent": 1,
    "unknown_wipes": 0,
    "back_percent": 99,
    "back_within": timedelta(hours=1),
    "serial_wipes_per_year": 1,
    "user_rest": timedelta(hours=1),
    "site_wipes_per_hour": 1,
    "why_not_auto": "Auto mode expired on 2026-03-04",
    "reenrol_for": frozenset({"windows10compliancepolicy.bitlockerenabled"}),
    "approvals_by_one": 1,
    "owners": (("5cg1", "ann@contoso.example"),),
    "licence_way": LicenceWay.SWAP,
    "licence_group": "0f5c9a52-7f3c-4a52-8a41-2f6d0c9b0001",
    "licence_swap_from": ("O365_BUSINESS_PREMIUM",),
    "reclaim_staging_licence": True,
    "wipe_hours": WeeklyHours.parse("Sat 00:00-24:00", "UTC"),
}


def test_the_defaults_are_the_careful_choice():
    policy = Policy()

    assert policy.mode is Mode.REPORT
    assert policy.licence_skus == ()
    assert policy.enrolment_attestation is None
    assert policy.usage_location is None
    assert (policy.noncompliant_for, policy.readings_needed) == (timedelta(hours=72), 2)
    assert (policy.wipes_per_hour, policy.wipes_per_day, policy.wipes_in_flight) == (5, 25, 10)
    assert policy.serial_rest == timedelta(days=30)
    assert policy.approval_valid_for == timedelta(hours=24)


def test_every_wish_of_the_policy_is_in_its_version():
    assert set(OTHERWISE) == {each.name for each in fields(Policy)}
    versions = {Policy(**{name: value}).version for name, value in OTHERWISE.items()}  # pyright: ignore[reportArgumentType]  # names and types stand in OTHERWISE
    assert len(versions | {Policy().version}) == len(OTHERWISE) + 1


def test_the_same_policy_has_the_same_version_in_every_process():
    program = (
        "from shared.domain.policy import Policy; "
        "print(Policy(excluded_devices=frozenset('abcdefgh'), excluded_users=frozenset('ijklmnop')).version)"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(told) == 1
    assert len(told.pop().strip()) == 12


@pytest.mark.parametrize(
    ("sku", "free"),
    [
        (spb(seats=5, used=1), 4),
        (spb(seats=5, used=5), 0),
        (spb(seats=5, used=9), 0),
        (spb(seats=5, used=1, enabled=False), 0),
    ],
)
def test_free_seats_are_those_that_can_be_assigned_now(sku: Sku, free: int):
    assert sku.free_seats == free


def test_a_bought_product_is_found_by_its_id():
    assert tenant_facts().sku(SPB_ID) == spb()
    assert tenant_facts().sku("unknown") is None


def test_a_time_that_is_not_known_is_infinitely_old():
    assert age(None, NOW) == timedelta.max
    assert age(NOW - timedelta(hours=2), NOW) == timedelta(hours=2)
    assert age(NOW + timedelta(hours=2), NOW) == timedelta(hours=-2)
