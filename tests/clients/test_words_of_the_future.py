"""Words that Graph may say tomorrow, or leaves out: from its JSON to the rule, none of them opens the way to a wipe."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from shared.clients.graph.autopilot import autopilot_device
from shared.clients.graph.configurations import platform_restriction, status_page
from shared.clients.graph.directory import directory_user, licence_plans
from shared.clients.graph.managed_device import managed_device
from shared.clients.graph.tenant import bought_sku
from shared.domain.facts import Compliance, PolicyState, SettingState
from shared.domain.states import CaseState
from shared.rules.causes import Stop, weigh
from shared.rules.confirm import identity_of
from shared.rules.decide import decide
from shared.rules.effective import may_take_effect
from shared.rules.plans import covers, provisioned
from shared.rules.readiness import bad_of, checks
from tests.builders import (
    AUTOPILOT_ID,
    DEVICE_ID,
    ENTRA_DEVICE_ID,
    ENTRA_P1,
    INTUNE,
    NOW,
    OWNER,
    OWNER_ID,
    SERIAL,
    SPB_ID,
    STAGING,
    STAGING_ID,
    a_device,
    a_returned_device,
    all_facts,
    an_autopilot_device,
    tenant_facts,
)
from tests.case_builders import a_case, a_policy

WORDS = ["unknownFutureValue", "somethingNew", "", None, 7]
Row = Mapping[str, object]
DEVICE: Row = {
    "id": DEVICE_ID,
    "azureADDeviceId": ENTRA_DEVICE_ID,
    "serialNumber": SERIAL,
    "deviceName": "PC-0427",
    "userId": STAGING_ID,
    "userPrincipalName": STAGING,
    "enrolledByUserPrincipalName": STAGING,
    "enrolledDateTime": "2026-02-16T09:30:00Z",
    "lastSyncDateTime": "2026-03-05T08:00:00Z",
    "complianceState": "noncompliant",
    "managementState": "managed",
    "managementAgent": "mdm",
    "managedDeviceOwnerType": "company",
    "operatingSystem": "Windows",
    "model": "EliteBook 840",
    "deviceEnrollmentType": "windowsAzureADJoin",
    "joinType": "azureADJoined",
    "deviceType": "windowsRT",
    "skuFamily": "Pro",
}
REGISTRATION: Row = {
    "id": AUTOPILOT_ID,
    "serialNumber": SERIAL,
    "userPrincipalName": OWNER,
    "managedDeviceId": DEVICE_ID,
    "enrollmentState": "enrolled",
    "deploymentProfileAssignmentStatus": "assignedInSync",
    "deploymentProfileAssignmentDetailedStatus": "none",
    "remediationState": "noRemediationRequired",
    "userlessEnrollmentStatus": "unknown",
}
EXPERIENCE: Row = {"deviceUsageType": "singleUser", "userType": "standard"}
PROFILE: Row = {
    "@odata.type": "#microsoft.graph.azureADWindowsAutopilotDeploymentProfile",
    "displayName": "User-driven",
    "outOfBoxExperienceSetting": EXPERIENCE,
}
USER: Row = {
    "id": OWNER_ID,
    "userPrincipalName": OWNER,
    "accountEnabled": True,
    "userType": "Member",
    "assignedLicenses": [{"skuId": SPB_ID}],
}
INTENDED = replace(a_case(CaseState.WIPE_INTENDED), device=identity_of(managed_device(DEVICE)))


def _sent(row: Row) -> bool:
    """The last look before the wipe lets this device through."""
    return decide(INTENDED, all_facts(device=managed_device(row)), a_policy(), NOW).to is CaseState.WIPE_SENT


def _ready(registration: Row, profile: Row = PROFILE) -> bool:
    case = a_case(CaseState.CHECKING_READINESS)
    read = autopilot_device({**registration, "deploymentProfile": profile})
    return not bad_of(checks(case, all_facts(autopilot=(read,)), a_policy(), NOW))


def test_the_words_that_are_known_lead_on():
    assert _sent(DEVICE)
    assert _ready(REGISTRATION)


@pytest.mark.parametrize("word", [*WORDS, "unknown"])
@pytest.mark.parametrize(
    "name", ["complianceState", "managementState", "managementAgent", "managedDeviceOwnerType", "operatingSystem"]
)
def test_a_device_whose_word_is_not_known_is_not_wiped(name: str, word: object):
    assert not _sent({**DEVICE, name: word})
    assert not _sent({key: value for key, value in DEVICE.items() if key != name})


@pytest.mark.parametrize("word", [*WORDS, "unknown"])
def test_a_device_that_came_back_is_proven_only_by_the_one_word(word: object):
    row = {**DEVICE, "complianceState": word}
    back = replace(a_returned_device(), compliance=managed_device(row).compliance)

    assert decide(a_case(CaseState.AWAITING_PROOF), all_facts(same_serial=(back,)), a_policy(), NOW).to is (
        CaseState.AWAITING_PROOF
    )
    proven = replace(back, compliance=Compliance.COMPLIANT)
    assert decide(a_case(CaseState.AWAITING_PROOF), all_facts(same_serial=(proven,)), a_policy(), NOW).to is (
        CaseState.PROVEN
    )


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize(
    "name",
    [
        "enrollmentState",
        "deploymentProfileAssignmentStatus",
        "deploymentProfileAssignmentDetailedStatus",
        "remediationState",
        "userlessEnrollmentStatus",
    ],
)
def test_a_registration_whose_word_is_not_known_is_not_ready(name: str, word: object):
    assert not _ready({**REGISTRATION, name: word})


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("name", ["deviceUsageType", "userType", "@odata.type"])
def test_a_profile_whose_word_is_not_known_is_not_ready(name: str, word: object):
    changed = {**PROFILE, "outOfBoxExperienceSetting": {**EXPERIENCE, name: word}}
    assert not _ready(REGISTRATION, {**PROFILE, name: word} if name.startswith("@") else changed)


@pytest.mark.parametrize("word", [*WORDS, "Suspended", "Warning", "enabled"])
def test_a_plan_counts_only_when_it_is_called_enabled(word: object):
    plans = [{"servicePlanId": plan, "capabilityStatus": "Enabled"} for plan in (INTUNE, ENTRA_P1)]
    assert covers(directory_user({**USER, "assignedPlans": plans}).enabled_plan_ids)
    odd = [plans[0], {**plans[1], "capabilityStatus": word}]
    assert not covers(directory_user({**USER, "assignedPlans": odd}).enabled_plan_ids)


@pytest.mark.parametrize("word", [*WORDS, "PendingActivation", "success"])
def test_a_plan_is_provisioned_only_when_it_is_called_a_success(word: object):
    plans = [{"servicePlanId": plan, "provisioningStatus": "Success"} for plan in (INTUNE, ENTRA_P1)]
    assert provisioned(licence_plans({"skuId": SPB_ID, "servicePlans": plans}))
    odd = [plans[0], {**plans[1], "provisioningStatus": word}]
    assert not provisioned(licence_plans({"skuId": SPB_ID, "servicePlans": odd}))


@pytest.mark.parametrize("word", [*WORDS, 1, "true"])
def test_an_account_is_enabled_only_when_graph_says_true(word: object):
    assert not directory_user({**USER, "accountEnabled": word}).enabled


@pytest.mark.parametrize("word", WORDS)
def test_a_product_whose_status_is_not_known_has_no_seat(word: object):
    sku = {"skuId": SPB_ID, "skuPartNumber": "SPB", "consumedUnits": 0, "prepaidUnits": {"enabled": 5}}
    assert bought_sku({**sku, "capabilityStatus": "Enabled"}).free_seats == 5
    assert bought_sku({**sku, "capabilityStatus": word}).free_seats == 0


@pytest.mark.parametrize("word", ["unknownFutureValue", "somethingNew", "", "unknown"])
def test_an_mdm_authority_that_is_not_known_is_not_ready(word: str):
    case = a_case(CaseState.CHECKING_READINESS)
    registered = an_autopilot_device(user_principal_name=OWNER)
    found = checks(case, all_facts(tenant=tenant_facts(mdm_authority=word), autopilot=(registered,)), a_policy(), NOW)
    assert [check.name for check in bad_of(found)] == ["MDM authority"]


@pytest.mark.parametrize("word", ["unknownFutureValue", "somethingNew", "", "unknown"])
def test_a_compliance_setting_whose_state_is_not_known_is_not_mended_by_a_wipe(word: str):
    states = (PolicyState(name="A policy", state="nonCompliant", settings=(SettingState(name="New.One", state=word),)),)
    assert weigh(states).stops is Stop.UNKNOWN


@pytest.mark.parametrize("word", ["unknownFutureValue", "somethingNew", "", None])
def test_a_restriction_on_a_platform_that_is_not_known_is_taken_as_one_on_windows(word: object):
    row = {
        "id": "a_SinglePlatformRestriction",
        "@odata.type": "#microsoft.graph.deviceEnrollmentPlatformRestrictionConfiguration",
        "platformType": word,
        "platformRestriction": {"platformBlocked": True},
    }
    read = platform_restriction(row)
    assert read is not None and read.windows_blocked is True


@pytest.mark.parametrize("target", ["configurationManagerCollectionAssignmentTarget", "somethingNew"])
def test_an_assignment_to_whom_nobody_knows_leaves_a_doubt(target: str):
    rows = [
        {"id": "b_Windows10EnrollmentCompletionPageConfiguration", "priority": 2, "displayName": "For all"},
        {"id": "a_Windows10EnrollmentCompletionPageConfiguration", "priority": 1, "displayName": "For whom"},
    ]
    kinds = ["allLicensedUsersAssignmentTarget", target]
    pages = [
        status_page({**row, "assignments": [{"target": {"@odata.type": f"#microsoft.graph.{kind}"}}]})
        for row, kind in zip(rows, kinds, strict=True)
    ]
    possible = may_take_effect(pages, owner=None)
    assert [page and page.name for page in possible] == ["For whom", "For all"]


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("name", ["deviceEnrollmentType", "joinType", "deviceType", "skuFamily"])
def test_a_kind_that_is_not_known_is_no_kind(name: str, word: object):
    """v1.0 leaves most of them out: what decides is then everything else."""
    assert _sent({**DEVICE, name: word})


def test_the_row_is_the_device_of_the_story():
    read = managed_device(DEVICE)
    assert (read.id, read.user_id, read.enrolled_at) == (a_device().id, a_device().user_id, a_device().enrolled_at)
