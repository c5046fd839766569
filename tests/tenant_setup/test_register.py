"""A delivery of PCs becomes registrations with a profile and an owner, once, whatever dies or is refused on the way."""

import json
from datetime import timedelta

import pytest

from shared.domain.registration import HardwareHash, PcProgress, Progress
from shared.errors import BadInput, HandoverError, RetryLater
from shared.names import DEVICE_EVENTS
from shared.tenant_setup.hardware_hashes import HashFile, read_hashes
from shared.tenant_setup.register import Register, counted
from shared.tenant_setup.write_pace import MOST_WRITES, WritePace
from tests.fakes.clock import FixedClock
from tests.fakes.messages import FakeMessages
from tests.tenant_setup.deliveries import a_csv, a_file, a_hash
from tests.tenant_setup.desk import ADMIN, Desk, desk_of, empty_tenant

OWNER = "ann@contoso.example"


class Killed(BaseException):
    """The process ends here; nothing after it is written."""


class Counter:
    """The registrations port, which counts what is sent and can end the process after so many."""

    def __init__(self, desk: Desk, dies_after: int | None = None) -> None:
        self._desk = desk
        self.sent = 0
        self.dies_after = dies_after
        self.imports = desk.registrations.imports
        self.registered = desk.registrations.registered
        self.sync_state = desk.registrations.sync_state
        self.sync = desk.registrations.sync

    async def send(self, pc: HardwareHash, import_id: str) -> str:
        if self.sent == self.dies_after:
            self._desk.rows.away = True
            raise Killed
        self.sent += 1
        return await self._desk.registrations.send(pc, import_id)


def register(desk: Desk, messages: FakeMessages | None = None, port: Counter | None = None) -> Register:
    return Register(
        registrations=port or desk.registrations,
        messages=messages or FakeMessages(desk.clock),
        rows=desk.rows,
        clock=desk.clock,
        ids=desk.ids,
        sleep=desk.sleep,
    )


async def run(desk: Desk, file: HashFile, **options: object) -> tuple[PcProgress, ...]:
    return await register(desk).run(file, who=ADMIN, **options)  # type: ignore[arg-type]  # options by name


def serials_registered(desk: Desk) -> list[str]:
    return sorted(each.serial for each in desk.model.autopilot.store.values())


async def test_a_delivery_is_registered_gets_the_profile_and_its_owners_are_named() -> None:
    async with desk_of(empty_tenant(users=[{"upn": OWNER}])) as desk:
        await desk.apply()
        messages = FakeMessages(desk.clock)
        done = await register(desk, messages).run(a_file(3, OWNER), who=ADMIN)
        assert [(pc.serial_number, pc.at) for pc in done] == [(f"PC0000{n}", Progress.READY) for n in range(3)]
        identities = list(desk.model.autopilot.store.values())
        assert {(each.group_tag, each.profile_status) for each in identities} == {
            ("HANDOVER", "assignedUnkownSyncState")
        }
        assert {each.upn for each in identities} == {""}, "binding is the journey's work, after the licence"
        told = [json.loads(message.body) for message in messages.queues[DEVICE_EVENTS]]
        assert [(each["type"], each["data"]) for each in told] == [
            (
                "device.user-assigned",
                {"serialNumber": f"PC0000{n}", "userPrincipalName": OWNER, "requestedBy": ADMIN},
            )
            for n in range(3)
        ]
        assert desk.model.autopilot_settings.syncs == 1


async def test_a_second_run_of_the_same_file_does_nothing() -> None:
    async with desk_of() as desk:
        await desk.apply()
        first = await run(desk, a_file(3))
        writes = desk.model.counts.writes
        assert await run(desk, a_file(3)) == first
        assert desk.model.counts.writes == writes


@pytest.mark.long
async def test_a_thousand_lines_with_twenty_bad_ones_register_the_rest_and_name_each_bad_line() -> None:
    bad = {f"line{line}": f"BAD{line},,{a_hash(line)[:-3]},HANDOVER," for line in range(10, 30)}
    file = read_hashes(a_csv(1000, **bad))
    assert [each.line for each in file.bad] == list(range(10, 30))
    async with desk_of() as desk:
        await desk.apply()
        before = desk.model.counts.writes
        with pytest.raises(BadInput, match="20 lines cannot be used; nothing was sent"):
            await run(desk, file)
        assert desk.model.counts.writes == before
        started = desk.clock.now()
        done = await run(desk, file, only_good_rows=True)
        assert counted(done) == {Progress.READY: 980}
        assert len(serials_registered(desk)) == 980
        assert desk.model.counts.throttled == 0, "our own pace keeps Graph's limit"
        assert desk.model.counts.by_operation["importedWindowsAutopilotDeviceIdentities.create"] == 980
        assert desk.clock.now() - started < timedelta(minutes=30)


@pytest.mark.long
@pytest.mark.parametrize("dies_after", [0, 1, 99, 100, 130])
async def test_a_run_that_is_killed_goes_on_without_a_duplicate(dies_after: int) -> None:
    async with desk_of() as desk:
        await desk.apply()
        port = Counter(desk, dies_after)
        with pytest.raises((Killed, HandoverError)):
            await register(desk, port=port).run(a_file(150), who=ADMIN)
        desk.rows.away, port.dies_after = False, None
        with pytest.raises(RetryLater, match="died within the last three minutes"):
            await register(desk, port=port).run(a_file(150), who=ADMIN)
        await desk.sleep(181)
        done = await register(desk, port=port).run(a_file(150), who=ADMIN)
        assert counted(done) == {Progress.READY: 150}
        assert port.sent == 150
        assert len(serials_registered(desk)) == len(set(serials_registered(desk))) == 150


async def test_an_answer_that_is_lost_is_looked_up_and_not_sent_again() -> None:
    fault = {"on": "importedWindowsAutopilotDeviceIdentities.create", "kind": "lost_answer", "drop": False, "times": 2}
    async with desk_of(empty_tenant(faults=[fault])) as desk:
        await desk.apply()
        port = Counter(desk)
        done = await register(desk, port=port).run(a_file(5), who=ADMIN)
        assert (counted(done), port.sent) == ({Progress.READY: 5}, 5)


async def test_a_throttled_hash_waits_as_long_as_graph_wishes_and_is_sent_again() -> None:
    fault = {"on": "importedWindowsAutopilotDeviceIdentities.create", "kind": "throttle", "retry_after": 40, "times": 1}
    async with desk_of(empty_tenant(faults=[fault])) as desk:
        await desk.apply()
        started = desk.clock.now()
        assert counted(await run(desk, a_file(2))) == {Progress.READY: 2}
        assert desk.clock.now() - started > timedelta(seconds=40)


async def test_what_autopilot_refuses_is_told_for_each_pc_and_can_be_tried_again() -> None:
    async with desk_of() as desk:
        await desk.apply()
        desk.model.hardware_imports.of_other_tenants.add("pc00001")
        done = await run(desk, a_file(3))
        assert [pc.at for pc in done] == [Progress.READY, Progress.FAILED, Progress.READY]
        assert done[1].why == (
            "another tenant has registered it: its last owner has to remove it there, or Microsoft support does "
            "(808 ZtdDeviceAssignedToOtherTenant)"
        )
        desk.model.hardware_imports.of_other_tenants.clear()
        await desk.sleep(600)
        assert counted(await run(desk, a_file(3))) == {Progress.READY: 2, Progress.FAILED: 1}
        assert counted(await run(desk, a_file(3), retry_failed=True)) == {Progress.READY: 3}
        assert desk.model.autopilot_settings.syncs == 2


async def test_a_pc_that_is_registered_already_is_not_imported_again_and_its_owner_is_named() -> None:
    async with desk_of(empty_tenant(users=[{"upn": OWNER}], devices=[{"serial": "PC00000"}])) as desk:
        messages = FakeMessages(desk.clock)
        done = await register(desk, messages).run(a_file(1, OWNER), who=ADMIN, wait_for=timedelta())
        assert (done[0].at, done[0].why) == (Progress.REGISTERED, "its deployment profile is notAssigned")
        assert desk.model.counts.writes == 0
        assert len(messages.queues[DEVICE_EVENTS]) == 1


async def test_a_sync_of_somebody_else_is_waited_for_and_ours_comes_ten_minutes_after_it() -> None:
    async with desk_of() as desk:
        await desk.apply()
        desk.model.autopilot_settings.sync()
        asked = desk.clock.now()
        assert counted(await run(desk, a_file(2))) == {Progress.READY: 2}
        assert desk.model.autopilot_settings.syncs == 2
        triggered = desk.model.autopilot_settings.get().triggered_at
        assert triggered is not None and triggered - asked >= timedelta(minutes=10)
        assert desk.model.counts.throttled == 0


async def test_a_profile_that_never_comes_ends_the_wait_and_says_so() -> None:
    async with desk_of() as desk:
        (pc,) = await run(desk, a_file(1), wait_for=timedelta(minutes=20))
        assert (pc.at, pc.why) == (Progress.REGISTERED, "its deployment profile is notAssigned")


async def test_without_the_permission_nothing_is_half_done() -> None:
    async with desk_of(scopes=("DeviceManagementServiceConfig.Read.All",)) as desk:
        with pytest.raises(HandoverError, match="403"):
            await run(desk, a_file(2))
        assert serials_registered(desk) == []


@pytest.mark.parametrize("who", ["", "Ann Example", "a/b"])
async def test_who_asks_must_be_named_as_the_four_eyes_know_people(who: str) -> None:
    async with desk_of() as desk:
        with pytest.raises(BadInput, match="user principal name"):
            await register(desk).run(a_file(1), who=who)


async def test_the_pace_never_lets_more_than_its_share_into_any_window() -> None:
    clock = FixedClock()

    async def sleep(seconds: float) -> None:
        clock.move(timedelta(seconds=seconds))

    pace, written = WritePace(clock=clock, sleep=sleep), list[object]()
    for _ in range(500):
        await pace.wait()
        clock.move(timedelta(milliseconds=30))
        written.append(clock.now())
    worst = max(sum(at <= each < at + timedelta(seconds=20) for each in written) for at in written)  # type: ignore[operator]  # times
    assert worst <= MOST_WRITES
