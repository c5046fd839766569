"""What could be read in the story, for the unit tests: each builder takes only what a test cares about, the rest is right."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shared.domain.facts import (
    AdminApprovalRequest,
    AutopilotDevice,
    Compliance,
    DeviceLimit,
    EnrolmentStatusPage,
    Facts,
    Fleet,
    Freeze,
    ManagedDevice,
    Missing,
    PlanStatus,
    PlatformRestriction,
    PolicyState,
    SettingState,
    Sku,
    TenantFacts,
    User,
    WipeBudget,
)

NOW = datetime(2026, 3, 5, 9, tzinfo=UTC)
ENROLLED_AT = datetime(2026, 2, 16, 9, 30, tzinfo=UTC)
SENT_AT = NOW - timedelta(hours=1)
A_SECOND = timedelta(seconds=1)

DEVICE_ID = "0d7f3b4a-6c53-4be6-9a3f-3f0d1f1f0427"
ENTRA_DEVICE_ID = "3c9f2f3e-98c0-44b5-8f3f-9d0f6f6e0427"
RETURNED_ID = "9b1e5d2c-7a64-4f0b-8c55-1f2a3b4c0428"
AUTOPILOT_ID = "52b8f0f4-9d0a-4b0e-8a51-4f2c7f6a0427"
SERIAL = "5CG1234XYZ"
NAME = "PC-0427"

STAGING_ID, STAGING = "11111111-0000-4000-8000-000000000001", "staging@contoso.example"
OWNER_ID, OWNER = "22222222-0000-4000-8000-000000000456", "DEF456@contoso.example"
OTHER_ID, OTHER = "33333333-0000-4000-8000-000000000789", "GHI789@contoso.example"

INTUNE = "c1ec4a95-1f05-45b3-a911-aa3fa01094f5"
ENTRA_P1 = "41781fb2-bc02-4b7c-bd55-b576c07bb09d"
BASIC_MOBILITY = "882e1d05-acd1-4ccb-8708-6ee03664b117"
SPB_ID = "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46"
STANDARD_ID = "f245ecc8-75af-4f8e-b61f-27d8114de5f3"


def a_device(**fields: object) -> ManagedDevice:
    """PC-0427 as the staging account left it: non-compliant, seen an hour ago, used by DEF456."""
    device = ManagedDevice(
        id=DEVICE_ID,
        entra_device_id=ENTRA_DEVICE_ID,
        serial_number=SERIAL,
        name=NAME,
        user_id=STAGING_ID,
        user_principal_name=STAGING,
        enrolled_at=ENROLLED_AT,
        last_sync_at=NOW - timedelta(hours=1),
        compliance=Compliance.NONCOMPLIANT,
        management_state="managed",
        management_agent="mdm",
        owner_type="company",
        operating_system="Windows",
        model="EliteBook 840",
        enrolled_by=STAGING,
        logged_on_user_ids=(OWNER_ID,),
    )
    return replace(device, **fields)


def an_owners_device(**fields: object) -> ManagedDevice:
    """PC-0427 as DEF456 enrolled it."""
    mine: dict[str, object] = {"user_id": OWNER_ID, "user_principal_name": OWNER, "enrolled_by": OWNER}
    return a_device(**{**mine, **fields})


def a_returned_device(**fields: object) -> ManagedDevice:
    """The PC after the wipe: a new enrolment by DEF456, not evaluated yet."""
    new: dict[str, object] = {
        "id": RETURNED_ID,
        "enrolled_at": SENT_AT + timedelta(minutes=40),
        "compliance": Compliance.UNKNOWN,
    }
    return an_owners_device(**{**new, **fields})


def a_user(**fields: object) -> User:
    """DEF456 with Business Standard only."""
    user = User(
        id=OWNER_ID,
        user_principal_name=OWNER,
        display_name="DEF456",
        enabled=True,
        user_type="Member",
        usage_location="GB",
        sku_ids=(STANDARD_ID,),
        enabled_plan_ids=frozenset({BASIC_MOBILITY}),
    )
    return replace(user, **fields)


def a_licensed_user(**fields: object) -> User:
    """DEF456 with Business Premium beside it."""
    plans = frozenset({BASIC_MOBILITY, INTUNE, ENTRA_P1})
    licensed: dict[str, object] = {"sku_ids": (STANDARD_ID, SPB_ID), "enabled_plan_ids": plans}
    return a_user(**{**licensed, **fields})


def staging_user() -> User:
    """The account that only enrols devices."""
    return a_licensed_user(id=STAGING_ID, user_principal_name=STAGING, display_name="Staging")


def users(*read: User, **missing: Missing) -> dict[str, User | Missing]:
    """Users as they were read, by lower-case id; ``missing`` names those who are not there."""
    return {**{user.id.lower(): user for user in read}, **missing}


def an_autopilot_device(**fields: object) -> AutopilotDevice:
    """PC-0427's registration with a fitting profile, assigned to nobody."""
    registered = AutopilotDevice(
        id=AUTOPILOT_ID,
        serial_number=SERIAL,
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
    return replace(registered, **fields)


def spb(**fields: object) -> Sku:
    """Business Premium: Intune and Entra ID P1; one of five seats is used."""
    plans = frozenset({BASIC_MOBILITY, INTUNE, ENTRA_P1})
    sku = Sku(id=SPB_ID, part_number="SPB", plan_ids=plans, seats=5, used=1, enabled=True)
    return replace(sku, **fields)


def standard() -> Sku:
    """Business Standard, whose part number says Premium; no Intune in it."""
    plans = frozenset({BASIC_MOBILITY})
    return Sku(id=STANDARD_ID, part_number="O365_BUSINESS_PREMIUM", plan_ids=plans, seats=25, used=1, enabled=True)


def a_status_page(**fields: object) -> EnrolmentStatusPage:
    """The default Enrollment Status Page, which blocks use until apps are in."""
    page = EnrolmentStatusPage(name="Default", priority=0, blocks_use=True, is_default=True, assigned_to_all=True)
    return replace(page, **fields)


def a_device_limit(**fields: object) -> DeviceLimit:
    """The default device limit, which limits nobody."""
    limit = DeviceLimit(name="All users", priority=0, is_default=True, assigned_to_all=True, limit=1000)
    return replace(limit, **fields)


def a_platform_restriction(**fields: object) -> PlatformRestriction:
    """The default platform restriction, which lets Windows enrol."""
    restriction = PlatformRestriction(
        name="All users", priority=0, is_default=True, assigned_to_all=True, windows_blocked=False
    )
    return replace(restriction, **fields)


def tenant_facts(**fields: object) -> TenantFacts:
    """A tenant that is ready and has free seats."""
    tenant = TenantFacts(read_at=NOW, mdm_authority="intune", skus=(spb(), standard()), status_pages=(a_status_page(),))
    return replace(tenant, **fields)


def plans(status: str = "Success", *, sku_id: str = SPB_ID) -> tuple[PlanStatus, ...]:
    """Both deciding plans of one licence with this provisioning status."""
    both = ((INTUNE, "INTUNE_A"), (ENTRA_P1, "AAD_PREMIUM"))
    return tuple(PlanStatus(sku_id=sku_id, plan_id=plan, name=name, status=status) for plan, name in both)


def failing(*settings: str, state: str = "nonCompliant", policy: str = "nonCompliant") -> tuple[PolicyState, ...]:
    """One compliance policy in which these settings have this state; by default the enrolment user is gone."""
    names = settings or ("DefaultDeviceCompliancePolicy.RequireUserExistence",)
    states = tuple(SettingState(name=name, state=state) for name in names)
    return (PolicyState(name="Compliance", state=policy, settings=states),)


def a_budget(**fields: object) -> WipeBudget:
    """Nothing of the wipe budget is used."""
    return replace(WipeBudget(last_hour=0, last_day=0, in_flight=0, serial_wiped_at=None, frees_at=None), **fields)


def a_fleet(**fields: object) -> Fleet:
    """5,000 devices, of which 50 are non-compliant, as usual."""
    return replace(Fleet(read_at=NOW, enrolled=5000, noncompliant=50, usual=50), **fields)


def an_approval_request(**fields: object) -> AdminApprovalRequest:
    """The request in Intune for the case's first wipe, not decided yet."""
    request = AdminApprovalRequest(
        id="request-1",
        status="needsApproval",
        justification=f"Handover: Intune device {DEVICE_ID} attempt nonce-1. Factory reset",
        requested_at=SENT_AT,
    )
    return replace(request, **fields)


def all_facts(**fields: object) -> Facts:
    """Everything read, and everything right for DEF456, who has got the licence."""
    facts = Facts(
        device=a_device(),
        same_serial=(a_device(),),
        autopilot=(an_autopilot_device(),),
        users=users(a_licensed_user(), staging_user()),
        plans=plans(),
        tenant=tenant_facts(),
        freeze=Freeze(frozen=False),
        budget=a_budget(),
        fleet=a_fleet(),
        nonce="nonce-2",
        deferral_code="2" * 64,
        policy_states=failing(),
        admin_requests=(),
    )
    return replace(facts, **fields)
