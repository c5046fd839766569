"""What readiness reads beside tenant and registration: nothing in a plain tenant, and each thing once when it matters."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.facts import DeviceLimit, EnrolmentStatusPage, Facts
from shared.domain.policy import Policy
from shared.domain.states import CaseState
from shared.errors import AccessDenied
from shared.remedy.gather_readiness import ReadinessReader
from tests.builders import (
    ENTRA_DEVICE_ID,
    OTHER_ID,
    OWNER_ID,
    a_device,
    a_device_limit,
    a_status_page,
    an_autopilot_device,
    tenant_facts,
)
from tests.case_builders import a_case, a_policy
from tests.fakes import story
from tests.fakes.clock import FixedClock
from tests.fakes.graph import FakeDevices, FakeDirectory, FakeTenant
from tests.fakes.interference import Interference, die
from tests.fakes.world import World

GROUP = "66666666-0000-4000-8000-00000000000a"
CASE = a_case(CaseState.CHECKING_READINESS)
PLAIN = Facts(tenant=tenant_facts(), autopilot=(an_autopilot_device(),))
FOR_THE_GROUP = a_status_page(
    name="Office", priority=1, is_default=False, assigned_to_all=False, group_ids=frozenset({GROUP})
)
PAGES: tuple[EnrolmentStatusPage, ...] = (a_status_page(blocks_use=False), FOR_THE_GROUP)


class Reading:
    """A reader whose calls are noticed."""

    def __init__(self) -> None:
        self.watch = Interference(lambda _: False, die)
        self.devices = FakeDevices([a_device(), a_device(id="of-the-owner", user_id=OWNER_ID)])
        self.directory = FakeDirectory(FakeTenant(FixedClock()))
        self.reader = ReadinessReader(
            devices=self.watch.around("devices", self.devices),
            directory=self.watch.around("directory", self.directory),
        )

    async def gate(self, known: Facts, policy: Policy | None = None) -> Facts:
        return await self.reader.with_gate(CASE, policy or a_policy(), known)

    @property
    def calls(self) -> list[str]:
        return [call.name for call in self.watch.calls]


async def test_in_a_plain_tenant_nothing_more_is_read() -> None:
    reading = Reading()
    assert await reading.gate(PLAIN) == PLAIN
    assert reading.calls == []


async def test_groups_are_read_once_each_when_a_status_page_depends_on_them() -> None:
    reading = Reading()
    reading.directory.groups[GROUP] = {ENTRA_DEVICE_ID.lower()}
    tenant = tenant_facts(status_pages=PAGES)
    facts = await reading.gate(replace(PLAIN, tenant=tenant))
    assert facts.owner_groups is not None
    assert facts.owner_groups.of(GROUP) is False
    assert facts.device_groups[ENTRA_DEVICE_ID.lower()].of(GROUP) is True
    assert reading.calls == ["directory.groups_of_user", "directory.groups_of_device"]
    await reading.gate(facts)
    assert len(reading.calls) == 2


async def test_both_entra_devices_are_asked_about_only_for_the_exclusion_group() -> None:
    two = replace(
        PLAIN, autopilot=(an_autopilot_device(entra_device_id="ANOTHER"),), tenant=tenant_facts(status_pages=PAGES)
    )
    pages, exclusion = Reading(), Reading()
    assert list((await pages.gate(two)).device_groups) == ["another"]
    facts = await exclusion.gate(two, a_policy(exclusion_group=GROUP))
    assert sorted(facts.device_groups) == sorted([ENTRA_DEVICE_ID.lower(), "another"])


async def test_what_graph_refuses_is_a_fact_and_no_end_of_the_case() -> None:
    reading = Reading()
    reading.directory.group_answers = [AccessDenied("groups: 403")]
    reading.directory.key_answers = [AccessDenied("keys: 403")]
    policy = a_policy(exclusion_group=GROUP, recovery_key_required=True)
    facts = await reading.gate(PLAIN, policy)
    assert facts.owner_groups is not None
    assert facts.owner_groups.unreadable == "groups: 403"
    assert facts.recovery_keys is not None
    assert not isinstance(facts.recovery_keys, int)
    assert facts.recovery_keys.why == "keys: 403"


@pytest.mark.parametrize(
    ("limits", "read"), [((a_device_limit(),), False), ((a_device_limit(limit=15),), True), ((), False)]
)
async def test_the_owners_devices_are_counted_when_a_limit_can_be_reached(
    limits: tuple[DeviceLimit, ...], read: bool
) -> None:
    reading = Reading()
    facts = await reading.gate(replace(PLAIN, tenant=tenant_facts(device_limits=limits)))
    assert reading.calls == (["devices.of_user"] if read else [])
    assert facts.owner_devices == ((a_device(id="of-the-owner", user_id=OWNER_ID),) if read else None)


async def test_the_serial_number_is_looked_up_when_the_registration_is_linked_to_another_record() -> None:
    reading = Reading()
    facts = await reading.gate(replace(PLAIN, autopilot=(an_autopilot_device(managed_device_id=OTHER_ID),)))
    assert reading.calls == ["devices.with_serial_number"]
    assert facts.same_serial is not None
    assert len(facts.same_serial) == 2


async def test_recovery_keys_are_counted_when_they_are_required() -> None:
    reading = Reading()
    reading.directory.keys[ENTRA_DEVICE_ID] = 2
    facts = await reading.gate(PLAIN, a_policy(recovery_key_required=True))
    assert facts.recovery_keys == 2
    assert reading.calls == ["directory.recovery_keys"]


async def test_a_case_that_waits_to_get_ready_reads_its_device_only_when_all_else_is_mended() -> None:
    world = World()
    world.tenant.mdm_authority = "sccm"
    world.directory.users[story.OWNER_ID] = story.licensed_owner()
    await world.put(story.case_in(CaseState.NOT_READY, world.policy, world.clock.now(), bound=False))
    await world.step()
    assert world.devices.reads.total() == 0
    assert (await world.case()).state is CaseState.NOT_READY

    world.tenant.mdm_authority = "intune"
    world.clock.move(timedelta(hours=4))
    await world.step()
    assert world.devices.reads.total() == 1
    assert (await world.case()).state is not CaseState.NOT_READY


async def test_a_late_wipe_is_checked_again_with_facts_read_before_the_rule_calls_them_old() -> None:
    """Nine and a half minutes: the rule would let the earlier checks pass, the reading is made all the same."""
    world = World()
    await world.put_intended(ready_at=world.clock.now() - timedelta(minutes=9, seconds=30))
    await world.step()
    assert world.tenant.reads == 1
    assert world.devices.wiped.total() == 1


async def test_a_wipe_right_after_the_checks_reads_nothing_of_them_again() -> None:
    world = World()
    await world.put_intended(ready_at=world.clock.now() - timedelta(minutes=9))
    await world.step()
    assert world.tenant.reads == 0
    assert world.devices.wiped.total() == 1


async def test_a_gate_that_is_red_in_the_fence_sends_nothing_and_the_case_goes_on_by_itself_when_it_is_mended() -> None:
    world = World()
    await world.put_intended(ready_at=world.clock.now() - timedelta(hours=20))
    world.tenant.mdm_authority = "office365"
    await world.step()
    case = await world.case()
    assert (case.state, case.approval, case.ready_at) == (CaseState.NOT_READY, None, None)
    assert [check.name for check in case.checks if check.verdict != "ok"] == ["MDM authority"]
    assert world.graph_writes() == {}
    assert await world.paid_wipes() == 0

    world.tenant.mdm_authority = "intune"
    await world.live()
    assert (await world.case()).state is CaseState.PROVEN
    assert world.devices.wiped.total() == 1
