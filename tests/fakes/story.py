"""The people, products and devices of the story: a staging account enrolled PC-0427, on which DEF456 works."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shared.domain.case import Approval, Case, Owner, Readings, WipeAttempt, proposal_of
from shared.domain.facts import (
    AutopilotDevice,
    Compliance,
    EnrolmentStatusPage,
    ManagedDevice,
    Sku,
    User,
)
from shared.domain.hint import Cause
from shared.domain.policy import Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.clearing import BY_POLICY
from shared.rules.confirm import identity_of

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
TENANT_ID = "5c1d3c0e-8f57-4f0e-9d0b-6c1b8a4f0a01"
CLIENT_STATE = "the-secret-that-graph-repeats"
SUBSCRIPTION_ID = "7f105c7d-2dc5-4530-97cd-4e7ae6534c07"

DEVICE_ID = "0d7f3b4a-6c53-4be6-9a3f-3f0d1f1f0427"
ENTRA_DEVICE_ID = "3c9f2f3e-98c0-44b5-8f3f-9d0f6f6e0427"
RETURNED_ID = "9b1e5d2c-7a64-4f0b-8c55-1f2a3b4c0428"
AUTOPILOT_ID = "52b8f0f4-9d0a-4b0e-8a51-4f2c7f6a0427"
SERIAL_NUMBER = "5CG1234XYZ"
CASE_ID = f"device-{DEVICE_ID}"
VERSION = 7
"""Of a case as the tests put it."""

STAGING_ID = "11111111-0000-4000-8000-000000000001"
OWNER_ID = "22222222-0000-4000-8000-000000000456"
STAGING_UPN = "staging@contoso.example"
OWNER_UPN = "DEF456@contoso.example"

INTUNE, ENTRA_P1, BASIC_MOBILITY = (
    "c1ec4a95-1f05-45b3-a911-aa3fa01094f5",
    "41781fb2-bc02-4b7c-bd55-b576c07bb09d",
    "882e1d05-acd1-4ccb-8708-6ee03664b117",
)
PREMIUM_ID = "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46"
STANDARD_ID = "f245ecc8-75af-4f8e-b61f-27d8114de5f3"


def premium(*, seats: int = 5, used: int = 1) -> Sku:
    """Business Premium: Intune and Entra ID P1."""
    plans = frozenset({INTUNE, ENTRA_P1})
    return Sku(id=PREMIUM_ID, part_number="SPB", plan_ids=plans, seats=seats, used=used, enabled=True)


def standard() -> Sku:
    """Business Standard, whose part number says Premium: no Intune in it."""
    plans = frozenset({BASIC_MOBILITY})
    return Sku(id=STANDARD_ID, part_number="O365_BUSINESS_PREMIUM", plan_ids=plans, seats=25, used=1, enabled=True)


def _user(user_id: str, upn: str, name: str, sku: Sku) -> User:
    return User(
        id=user_id,
        user_principal_name=upn,
        display_name=name,
        enabled=True,
        user_type="Member",
        usage_location="GB",
        sku_ids=(sku.id,),
        enabled_plan_ids=sku.plan_ids,
    )


def staging_user() -> User:
    """The account that only enrols devices."""
    return _user(STAGING_ID, STAGING_UPN, "Staging", premium())


def owner_user() -> User:
    """DEF456, who holds Business Standard only."""
    return _user(OWNER_ID, OWNER_UPN, "DEF456", standard())


def licensed_owner() -> User:
    """DEF456 with Business Premium."""
    return _user(OWNER_ID, OWNER_UPN, "DEF456", premium())


def staged_device() -> ManagedDevice:
    """PC-0427 as the staging account left it: non-compliant, seen this morning."""
    return ManagedDevice(
        id=DEVICE_ID,
        entra_device_id=ENTRA_DEVICE_ID,
        serial_number=SERIAL_NUMBER,
        name="PC-0427",
        user_id=STAGING_ID,
        user_principal_name=STAGING_UPN,
        enrolled_at=datetime(2026, 2, 16, 9, 30, tzinfo=UTC),
        last_sync_at=START,
        compliance=Compliance.NONCOMPLIANT,
        management_state="managed",
        management_agent="mdm",
        owner_type="company",
        operating_system="Windows",
        enrolled_by=STAGING_UPN,
        logged_on_user_ids=(OWNER_ID,),
    )


def returned_device(at: datetime, user: User) -> ManagedDevice:
    """The PC after OOBE, enrolled anew by this user, not evaluated yet."""
    return ManagedDevice(
        id=RETURNED_ID,
        entra_device_id=ENTRA_DEVICE_ID,
        serial_number=SERIAL_NUMBER,
        name="PC-0427",
        user_id=user.id,
        user_principal_name=user.user_principal_name,
        enrolled_at=at,
        last_sync_at=at,
        compliance=Compliance.NONCOMPLIANT,
        management_state="managed",
        management_agent="mdm",
        owner_type="company",
        operating_system="Windows",
        enrolled_by=user.user_principal_name,
    )


def registration() -> AutopilotDevice:
    """The PC's Autopilot registration with a fitting profile, assigned to nobody."""
    return AutopilotDevice(
        id=AUTOPILOT_ID,
        serial_number=SERIAL_NUMBER,
        user_principal_name=None,
        managed_device_id=DEVICE_ID,
        enrolment_state="enrolled",
        profile_status="assignedInSync",
        remediation_state="noRemediationRequired",
        profile_name="User-driven",
        profile_join_type="entra",
        profile_usage="singleUser",
        profile_user_type="standard",
    )


def status_page() -> EnrolmentStatusPage:
    """An Enrollment Status Page that blocks use until apps are in."""
    return EnrolmentStatusPage(name="All", priority=0, blocks_use=True, is_default=True, assigned_to_all=True)


def case_in(state: CaseState, policy: Policy, now: datetime, **fields: object) -> Case:
    """DEF456's case as it would be when it has come to this state, due now; cleared by auto mode where it has to be."""
    case = Case(
        id=CASE_ID,
        state=state,
        reason=Reason.HINT_TAKEN,
        says="as a test put it",
        version=VERSION,
        episode=1,
        cause=Cause.NONCOMPLIANT,
        heard_from="device-events",
        opened_at=now - timedelta(days=4),
        moved_at=now,
        due_at=None if state.ended or state is CaseState.NEEDS_PERSON else now,
        serial_number=SERIAL_NUMBER,
        device=identity_of(staged_device()),
        autopilot_id=AUTOPILOT_ID,
        owner=Owner(user_id=OWNER_ID, user_principal_name=OWNER_UPN, display_name="DEF456", source="users"),
        readings=Readings(count=2, first_at=now - timedelta(days=4), last_at=now),
        licence_seen_at=now,
        ready_at=now,
        bound=True,
    )
    case = replace(case, **fields)
    if state in CLEARED and "approval" not in fields:
        case = replace(case, approval=approval_of(case, policy, now))
    return case


CLEARED = frozenset({CaseState.CLEARED_TO_WIPE, CaseState.WIPE_INTENDED})


def approval_of(case: Case, policy: Policy, now: datetime, by: str = BY_POLICY) -> Approval:
    """A valid, unused clearance of exactly this case's wipe."""
    proposal = proposal_of(case, policy.version)
    return Approval(proposal=proposal, by=by, at=now, expires_at=now + policy.approval_valid_for)


def attempt(now: datetime, *, sent: bool = False, nonce: str = "nonce-of-the-test") -> WipeAttempt:
    """The wipe as it was written down, or as it was noted when it was sent."""
    return WipeAttempt(number=1, nonce=nonce, intended_at=now, allowed_by=BY_POLICY, sent_at=now if sent else None)


def with_serial(case: Case, serial_number: str) -> Case:
    """The case of another PC."""
    return replace(case, serial_number=serial_number)
