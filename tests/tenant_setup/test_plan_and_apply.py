"""From an empty tenant to one that is ready, over the real client against the simulated tenant."""

from dataclasses import replace

import pytest

from local.tenant.model.autopilot_profiles import AutopilotProfile
from local.tenant.model.enrolment_configurations import ConfigurationType
from shared.domain.tenant_setup import MARKER, Action, Kind
from shared.errors import AccessDenied, Changed, RetryLater, Unexpected
from shared.records.tenant_setup import SetupEntry
from shared.rules.tenant_plan import adopted
from tests.tenant_setup.desk import ADMIN, FILE, WISH, Desk, desk_of, empty_tenant

RULE = '(device.devicePhysicalIds -any (_ -eq "[OrderID]:HANDOVER"))'


def seen(desk: Desk) -> tuple[int, int, int]:
    pages = [c for c in desk.model.configurations.all(()) if c.type is ConfigurationType.STATUS_PAGE]
    return len(desk.model.profiles.profiles()), len(pages), len(list(desk.model.groups.store.values()))


async def test_an_empty_tenant_is_planned_and_made_ready() -> None:
    async with desk_of() as desk:
        planned = await desk.plan()
        assert [(change.action, change.kind) for change in planned.to_make] == [
            (Action.CREATE, Kind.DEVICE_GROUP),
            (Action.CREATE, Kind.PROFILE),
            (Action.ASSIGN, Kind.PROFILE),
            (Action.CREATE, Kind.STATUS_PAGE),
            (Action.ASSIGN, Kind.STATUS_PAGE),
            (Action.CREATE, Kind.LICENCE_GROUP),
            (Action.LICENSE, Kind.LICENCE_GROUP),
        ]
        assert seen(desk) == (0, 0, 0), "a plan changes nothing"
        assert await desk.apply() == 7
        group, premium = desk.model.groups.find("Autopilot PCs"), desk.model.groups.find("Premium")
        assert group is not None and (group.rule, group.rule_is_on) == (RULE, True)
        assert MARKER in group.description
        assert premium is not None and len(premium.sku_ids) == 1
        (profile,) = desk.model.profiles.profiles()
        assert (profile.join, profile.usage, profile.user_type, profile.group_ids) == (
            "entra",
            "singleUser",
            "standard",
            (group.id,),
        )
        (page,) = [c for c in desk.model.configurations.all(()) if c.type is ConfigurationType.STATUS_PAGE]
        assert (page.blocks_use, page.blocks_retry, page.group_ids, page.priority) == (True, False, (group.id,), 1)


async def test_a_second_apply_changes_nothing() -> None:
    async with desk_of() as desk:
        await desk.apply()
        writes = desk.model.counts.writes
        assert (await desk.plan()).to_make == ()
        assert await desk.apply() == 0
        assert desk.model.counts.writes == writes


async def test_the_journal_says_what_was_made_by_whom_and_only_grows() -> None:
    async with desk_of() as desk:
        await desk.apply()
        entries: list[SetupEntry] = [entry async for entry in desk.book.journal()]
        assert [entry.what for entry in entries] == ["begun", "done"] * 7
        assert {entry.by for entry in entries} == {ADMIN}
        await desk.apply()
        assert [entry async for entry in desk.book.journal()] == entries


async def test_what_fits_is_adopted_and_nothing_of_the_kind_is_added() -> None:
    async with desk_of() as desk:
        await desk.apply()
        for store in (desk.model.profiles.store, desk.model.groups.store):
            for thing in tuple(store.values()):
                store.put(thing.id, replace(thing, name=f"Other {thing.name}", description=""))  # type: ignore[arg-type]
        other = replace(WISH, licence_groups=())
        fresh = Desk(model=desk.model, transport=desk.transport)
        planned = await fresh.ready.plan(other)
        assert [change for change in planned.to_make if change.kind is not Kind.STATUS_PAGE] == []
        assert seen(desk) == (1, 1, 2)


async def test_a_thing_of_the_wanted_name_that_fits_is_adopted_whoever_made_it() -> None:
    async with desk_of(empty_tenant(tenant={"autopilot_profiles": [{"name": "Handover user-driven"}]})) as desk:
        planned = await desk.plan()
        assert [change for change in planned.changes if change.kind is Kind.PROFILE] == []
        assert (Kind.PROFILE, "Handover user-driven", "Handover user-driven") in adopted(WISH, planned.found)
        await desk.apply()
        desk.model.profiles.edit("Handover user-driven", usage="shared")
        (change,) = [change for change in (await desk.plan()).changes if change.kind is Kind.PROFILE]
        assert change.action is Action.BLOCKED, "adopted is not ours"


async def test_what_is_not_ours_is_not_changed_unless_told() -> None:
    profile = {"name": "Handover user-driven", "user_type": "administrator", "assigned_to": ["all"]}
    async with desk_of(empty_tenant(tenant={"autopilot_profiles": [profile]})) as desk:
        (blocked,) = [change for change in (await desk.plan()).changes if change.action is Action.BLOCKED]
        assert (blocked.kind, [(f.name, f.after) for f in blocked.fields]) == (
            Kind.PROFILE,
            [("user type", "standard")],
        )
        await desk.apply()
        assert desk.model.profiles.profiles()[0].user_type == "administrator"
        (change,) = (await desk.plan("Handover user-driven")).to_make
        assert (change.action, change.id) == (Action.UPDATE, desk.model.profiles.profiles()[0].id)
        await desk.apply("Handover user-driven")
        assert desk.model.profiles.profiles()[0].user_type == "standard"
        desk.model.profiles.edit("Handover user-driven", user_type="administrator")
        assert [change.action for change in (await desk.plan()).to_make] == [Action.UPDATE], "it is ours from now on"


async def test_apply_refuses_when_the_tenant_is_not_what_was_planned() -> None:
    async with desk_of() as desk:
        planned = await desk.plan()
        desk.model.profiles.create(
            AutopilotProfile(
                id=desk.model.world.ids.guid(), name="Handover user-driven", created_at=desk.clock.now(), group_ids=()
            )
        )
        with pytest.raises(Changed, match="plan again"):
            await desk.ready.apply(planned, text=FILE, who=ADMIN)
        assert seen(desk) == (1, 0, 0)


async def test_a_creation_whose_answer_is_lost_is_not_made_twice() -> None:
    async with desk_of(
        empty_tenant(faults=[{"on": "groups.create", "kind": "lost_answer", "drop": False, "times": 1}])
    ) as desk:
        with pytest.raises(RetryLater):
            await desk.apply()
        assert seen(desk) == (0, 0, 1)
        await desk.apply()
        assert seen(desk) == (1, 1, 2)


async def test_a_creation_that_does_not_show_yet_is_waited_for() -> None:
    async with desk_of(
        empty_tenant(
            tenant={"delays": {"directory": "PT2M"}},
            faults=[{"on": "groups.create", "kind": "lost_answer", "drop": False, "times": 1}],
        )
    ) as desk:
        with pytest.raises(RetryLater):
            await desk.apply()
        with pytest.raises(RetryLater, match="may have been created a moment ago"):
            await desk.apply()
        await desk.sleep(301)
        await desk.apply()
        assert seen(desk) == (1, 1, 2)


async def test_without_the_permission_to_write_nothing_is_made() -> None:
    async with desk_of(scopes=("DeviceManagementServiceConfig.Read.All", "Group.Read.All", "User.Read.All")) as desk:
        with pytest.raises(AccessDenied):
            await desk.plan()  # the products
    reading = ("DeviceManagementServiceConfig.Read.All", "GroupMember.Read.All", "LicenseAssignment.Read.All")
    async with desk_of(scopes=reading) as desk:
        with pytest.raises(AccessDenied):
            await desk.apply()
        assert seen(desk) == (0, 0, 0)


async def test_the_status_page_goes_before_those_of_others_which_stay_as_they_are() -> None:
    pages = [{"name": "For everybody", "blocks_use": False, "priority": 1}]
    async with desk_of(empty_tenant(tenant={"esp": pages})) as desk:
        await desk.apply()
        found = {page.name: page for page in desk.model.configurations.all(()) if page.priority}
        assert {name: page.priority for name, page in found.items()} == {"Apps first": 1, "For everybody": 2}
        assert not found["For everybody"].blocks_use


async def test_an_exclusion_is_left_to_a_person() -> None:
    async with desk_of() as desk:
        await desk.apply()
        (page,) = [c for c in desk.model.configurations.all(()) if c.type is ConfigurationType.STATUS_PAGE]
        group = desk.model.groups.find("Autopilot PCs")
        assert group is not None
        desk.model.configurations.put(replace(page, excluded_group_ids=(group.id,)))
        (blocked,) = [change for change in (await desk.plan()).changes if change.kind is Kind.STATUS_PAGE]
        assert blocked.action is Action.BLOCKED and "exclusion" in blocked.why


async def test_two_things_of_one_name_block() -> None:
    twice = [{"name": "Handover user-driven"}, {"name": "Handover user-driven", "usage": "shared"}]
    async with desk_of(empty_tenant(tenant={"autopilot_profiles": twice})) as desk:
        blocked = [change for change in (await desk.plan()).changes if change.kind is Kind.PROFILE]
        assert [change.action for change in blocked] == [Action.BLOCKED]


async def test_a_plan_of_a_tenant_with_fifty_profiles_takes_fewer_than_ten_requests() -> None:
    profiles = [{"name": f"Profile {number}", "usage": "shared"} for number in range(50)]
    async with desk_of(empty_tenant(tenant={"autopilot_profiles": profiles})) as desk:
        await desk.apply()
        before = desk.model.counts.requests
        await desk.plan()
        assert desk.model.counts.requests - before == 6
        assert desk.model.counts.throttled == 0


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("windowsAutopilotDeploymentProfiles", {"displayName": "X"}),
        ("windowsAutopilotDeploymentProfiles", {"@odata.type": "#microsoft.graph.wrong", "displayName": "X"}),
        ("deviceEnrollmentConfigurations", {"@odata.type": "#microsoft.graph.deviceEnrollmentLimitConfiguration"}),
    ],
)
async def test_the_simulated_tenant_refuses_what_graph_refuses(path: str, body: dict[str, object]) -> None:
    async with desk_of() as desk:
        reply = await desk.transport.send("x", "POST", desk.transport.beta(f"deviceManagement/{path}"), body)
        assert reply.status == 400
        assert seen(desk) == (0, 0, 0)


async def test_a_product_that_was_not_bought_blocks_its_group() -> None:
    async with desk_of(empty_tenant(tenant={"skus": [{"part": "O365_BUSINESS_PREMIUM"}]})) as desk:
        (blocked,) = [change for change in (await desk.plan()).changes if change.action is Action.BLOCKED]
        assert blocked.why == "the tenant has not bought SPB"
        await desk.apply()
        assert desk.model.groups.find("Premium") is None


async def test_a_priority_that_is_none_is_refused_by_the_simulated_tenant() -> None:
    async with desk_of() as desk:
        await desk.apply()
        (page,) = [c for c in desk.model.configurations.all(()) if c.type is ConfigurationType.STATUS_PAGE]
        with pytest.raises(Unexpected, match="priority"):
            await desk.setup.set_priority(page.id, 2)
