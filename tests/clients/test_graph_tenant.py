"""The tenant's facts: three requests, and an Enrollment Status Page that must prove that it blocks use."""

import pytest

from shared.clients.graph.configurations import device_limit, platform_restriction, status_page
from shared.clients.graph.tenant import bought_sku
from shared.domain.facts import DeviceLimit, EnrolmentStatusPage, PlatformRestriction, Sku, Unreadable
from shared.errors import RetryLater
from tests.clients.graph_wire import NOW, Answering, always, error, graph_over, in_turn, page

SPB: dict[str, object] = {
    "id": "5c1d3c0e_cbdc14ab",
    "skuId": "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46",
    "skuPartNumber": "SPB",
    "capabilityStatus": "Enabled",
    "consumedUnits": 4,
    "prepaidUnits": {"enabled": 5, "warning": 10, "suspended": 0, "lockedOut": 0},
    "servicePlans": [{"servicePlanId": "plan-1", "servicePlanName": "INTUNE_A"}, {"servicePlanId": None}],
}
PAGE: dict[str, object] = {
    "@odata.type": "#microsoft.graph.windows10EnrollmentCompletionPageConfiguration",
    "id": "a1_Windows10EnrollmentCompletionPageConfiguration",
    "displayName": "Block until ready",
    "priority": 1,
    "showInstallationProgress": True,
    "allowDeviceUseOnInstallFailure": False,
    "blockDeviceSetupRetryByUser": False,
    "assignments": [
        {"target": {"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": "group-1"}},
        {"target": {"@odata.type": "#microsoft.graph.exclusionGroupAssignmentTarget", "groupId": "group-2"}},
        {"target": None},
    ],
}

LIMIT: dict[str, object] = {
    "@odata.type": "#microsoft.graph.deviceEnrollmentLimitConfiguration",
    "id": "a1_DefaultLimit",
    "displayName": "All users",
    "priority": 0,
    "limit": 5,
    "assignments": [],
}
RESTRICTIONS: dict[str, object] = {
    "@odata.type": "#microsoft.graph.deviceEnrollmentPlatformRestrictionsConfiguration",
    "id": "a1_DefaultPlatformRestrictions",
    "displayName": "All users",
    "priority": 0,
    "windowsRestriction": {"platformBlocked": True, "personalDeviceEnrollmentBlocked": False},
}
ONE_PLATFORM: dict[str, object] = {
    "@odata.type": "#microsoft.graph.deviceEnrollmentPlatformRestrictionConfiguration",
    "id": "a2_SinglePlatformRestriction",
    "displayName": "Windows for some",
    "priority": 2,
    "platformType": "windows",
    "platformRestriction": {"platformBlocked": False},
    "assignments": [{"target": {"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": "GROUP-1"}}],
}


def test_a_device_limit_is_read() -> None:
    read = DeviceLimit(name="All users", priority=0, is_default=True, assigned_to_all=False, limit=5)
    assert device_limit(LIMIT) == read
    assert device_limit(LIMIT | {"limit": None}).limit is None


def test_a_platform_restriction_says_whether_windows_is_blocked() -> None:
    everybody = PlatformRestriction(
        name="All users", priority=0, is_default=True, assigned_to_all=False, windows_blocked=True
    )
    assert platform_restriction(RESTRICTIONS) == everybody
    some = platform_restriction(ONE_PLATFORM)
    assert some is not None
    assert (some.windows_blocked, some.priority, some.is_default) == (False, 2, False)
    assert some.group_ids == frozenset({"group-1"})


@pytest.mark.parametrize("platform", ["android", "ios", "mac", "linux"])
def test_a_restriction_of_another_platform_is_left_out(platform: str) -> None:
    assert platform_restriction(ONE_PLATFORM | {"platformType": platform}) is None


SILENT: list[dict[str, object]] = [
    RESTRICTIONS | {"windowsRestriction": None},
    RESTRICTIONS | {"windowsRestriction": {"platformBlocked": "no"}},
    ONE_PLATFORM | {"platformType": "unknownFutureValue", "platformRestriction": None},
    ONE_PLATFORM | {"platformRestriction": {}},
]


@pytest.mark.parametrize("row", SILENT)
def test_a_restriction_that_does_not_say_is_not_taken_for_one_that_allows(row: dict[str, object]) -> None:
    restriction = platform_restriction(row)
    assert restriction is not None
    assert restriction.windows_blocked is None


def test_an_assignment_with_a_filter_is_one_that_nobody_can_follow() -> None:
    target = {
        "@odata.type": "#microsoft.graph.allDevicesAssignmentTarget",
        "deviceAndAppManagementAssignmentFilterType": "include",
    }
    read = status_page(PAGE | {"assignments": [{"target": target}]})
    assert (read.filtered, read.assigned_to_all, read.all_devices) == (True, True, True)
    none = status_page(
        PAGE | {"assignments": [{"target": target | {"deviceAndAppManagementAssignmentFilterType": "none"}}]}
    )
    assert not none.filtered


def test_a_status_page_that_leaves_out_a_property_does_not_say_whether_it_blocks() -> None:
    assert status_page(PAGE | {"showInstallationProgress": None}).blocks_use is None
    assert (
        status_page(PAGE | {"showInstallationProgress": None, "allowDeviceUseOnInstallFailure": True}).blocks_use
        is False
    )


def test_a_sku_is_read_and_seats_in_grace_do_not_count() -> None:
    assert bought_sku(SPB) == Sku(
        id="cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46",
        part_number="SPB",
        plan_ids=frozenset({"plan-1"}),
        seats=5,
        used=4,
        enabled=True,
        plan_names={"plan-1": "INTUNE_A"},
    )
    assert bought_sku(SPB | {"capabilityStatus": "Warning"}).free_seats == 0
    assert bought_sku({"skuId": "x", "prepaidUnits": None}).free_seats == 0


def test_a_status_page_is_read_with_the_groups_it_is_assigned_to() -> None:
    assert status_page(PAGE) == EnrolmentStatusPage(
        name="Block until ready",
        priority=1,
        blocks_use=True,
        is_default=False,
        assigned_to_all=False,
        group_ids=frozenset({"group-1"}),
        excluded_group_ids=frozenset({"group-2"}),
    )


@pytest.mark.parametrize(
    "change",
    [
        {"showInstallationProgress": False},
        {"allowDeviceUseOnInstallFailure": True},
        {"blockDeviceSetupRetryByUser": True},
        {"showInstallationProgress": None},
        {"allowDeviceUseOnInstallFailure": None},
        {"blockDeviceSetupRetryByUser": None},
    ],
)
def test_a_status_page_blocks_use_only_when_all_three_properties_say_so(change: dict[str, object]) -> None:
    assert not status_page(PAGE | change).blocks_use


@pytest.mark.parametrize("target", ["allDevicesAssignmentTarget", "allLicensedUsersAssignmentTarget"])
def test_a_status_page_for_all_is_assigned_to_all(target: str) -> None:
    assignments = [{"target": {"@odata.type": f"#microsoft.graph.{target}"}}]
    assert status_page(PAGE | {"assignments": assignments}).assigned_to_all


def test_the_default_status_page_is_known_by_its_id() -> None:
    default = status_page(PAGE | {"id": "a1_DefaultWindows10EnrollmentCompletionPageConfiguration", "priority": 0})
    assert default.is_default
    assert default.priority == 0


async def test_facts_are_read_now_with_three_requests() -> None:
    hello = {"@odata.type": "#microsoft.graph.deviceEnrollmentWindowsHelloForBusinessConfiguration", "id": "hello"}
    configurations = page(hello, LIMIT, RESTRICTIONS, PAGE)
    answers = in_turn(page({"id": "tenant", "mobileDeviceManagementAuthority": "intune"}), page(SPB), configurations)
    async with graph_over(answers) as (graph, wire):
        facts = await graph.tenant.facts()
    assert (facts.read_at, facts.mdm_authority) == (NOW, "intune")
    assert facts.skus == (bought_sku(SPB),)
    assert facts.status_pages == (status_page(PAGE),)
    assert facts.device_limits == (device_limit(LIMIT),)
    assert facts.platform_restrictions == (platform_restriction(RESTRICTIONS),)
    assert (facts.missing_groups, facts.wipes_need_approval) == (frozenset(), None)
    assert wire.targets[:2] == [
        "/v1.0/organization?$select=id,mobileDeviceManagementAuthority",
        "/v1.0/subscribedSkus",
    ]
    assert wire.requests[2].url.path == "/beta/deviceManagement/deviceEnrollmentConfigurations"
    assert dict(wire.requests[2].url.params) == {"$expand": "assignments"}


@pytest.mark.parametrize("organization", [page(), page({"id": "x", "mobileDeviceManagementAuthority": None})])
async def test_an_authority_that_is_not_told_is_unknown(organization: Answering) -> None:
    async with graph_over(in_turn(organization, page(), page())) as (graph, _):
        assert (await graph.tenant.facts()).mdm_authority == "unknown"


async def test_half_of_the_facts_are_no_facts() -> None:
    async with graph_over(in_turn(page(), always(200, {"value": [SPB]}), error(503))) as (graph, _):
        with pytest.raises(RetryLater):
            await graph.tenant.facts()


ORGANIZATION = page({"id": "tenant", "mobileDeviceManagementAuthority": "intune"})
GROUP, OTHER_GROUP = "66666666-0000-4000-8000-00000000000a", "66666666-0000-4000-8000-00000000000b"


async def test_groups_of_the_settings_are_looked_for() -> None:
    answers = in_turn(ORGANIZATION, page(), page(), always(200, {"id": GROUP}), error(404))
    async with graph_over(answers, exclusion_group=GROUP.upper(), enrolment_attested_groups=(OTHER_GROUP,)) as (
        graph,
        wire,
    ):
        facts = await graph.tenant.facts()
    assert facts.missing_groups == {OTHER_GROUP}
    assert wire.targets[3:] == [f"/v1.0/groups/{GROUP}?$select=id", f"/v1.0/groups/{OTHER_GROUP}?$select=id"]


@pytest.mark.parametrize(
    ("rows", "needed"),
    [
        ((), False),
        (({"policyType": "app"}, {"policyType": None}), False),
        (({"policyType": "app"}, {"policyType": "deviceWipe"}), True),
    ],
)
async def test_approval_policies_are_read_when_they_are_expected(rows: tuple[object, ...], needed: bool) -> None:
    answers = in_turn(ORGANIZATION, page(), page(), page(*rows))
    async with graph_over(answers, expect_multi_admin_approval=True) as (graph, wire):
        assert (await graph.tenant.facts()).wipes_need_approval is needed
    assert wire.targets[3:] == ["/beta/deviceManagement/operationApprovalPolicies"]


async def test_a_permission_that_is_missing_leaves_these_facts_unreadable_and_the_others_read() -> None:
    answers = in_turn(ORGANIZATION, page(SPB), page(), error(403), error(403))
    async with graph_over(answers, exclusion_group=GROUP, expect_multi_admin_approval=True) as (graph, _):
        facts = await graph.tenant.facts()
    assert isinstance(facts.missing_groups, Unreadable)
    assert isinstance(facts.wipes_need_approval, Unreadable)
    assert "tenant.group" in facts.missing_groups.why
    assert facts.skus == (bought_sku(SPB),)


@pytest.mark.parametrize("answers", [(error(503),), (always(200, {"id": GROUP}), error(429))])
async def test_what_may_be_read_later_is_not_taken_for_read(answers: tuple[Answering, ...]) -> None:
    async with graph_over(
        in_turn(ORGANIZATION, page(), page(), *answers), exclusion_group=GROUP, expect_multi_admin_approval=True
    ) as (graph, _):
        with pytest.raises(RetryLater):
            await graph.tenant.facts()
