"""Three PCs, their owners and the people of an office, for stories in which anything may come next; and workers that stop halfway."""

from collections.abc import Awaitable, Generator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from shared.domain.case import Owner
from shared.domain.facts import Compliance, ManagedDevice, User
from shared.domain.policy import Mode
from shared.domain.states import CaseState
from shared.operate.principals import Role
from shared.rules.confirm import identity_of
from tests.fakes import story
from tests.fakes.people import person
from tests.fakes.world import World
from tests.safety.judge import Judge, JudgedDevices, Limits, SwitchRows

PEOPLE = {
    "Ada": person("Ada"),
    "Bob": person("Bob"),
    "Rita": replace(person("Rita"), other_names=frozenset({" RITA@contoso.example"})),
    "Eve": person("Eve", Role.OPERATOR),
}
MAY_APPROVE = frozenset({"Ada", "Bob", "Rita"})
PCS = 3
SHORTEST_WAIT = timedelta(hours=24)


def an_owner(number: int) -> User:
    """Somebody with the licence."""
    name = f"Owner{number}"
    upn = f"{name.lower()}@contoso.example"
    return replace(story.licensed_owner(), id=f"{number}" * 8, user_principal_name=upn, display_name=name)


def a_pc(number: int) -> ManagedDevice:
    """A PC that the staging account enrolled."""
    return replace(
        story.staged_device(),
        id=f"pc-{number}",
        entra_device_id=f"entra-{number}",
        serial_number=f"SN{number}",
        name=f"PC-{number}",
        logged_on_user_ids=(an_owner(number).id,),
    )


def number_of(case_id: str) -> int:
    """Which of the PCs it is about."""
    return int(case_id.removeprefix("device-pc-"))


class ThreePcs(World):
    """The world in which a judge watches Intune and the kill switch. PCs are put there one by one."""

    def __init__(self, *, approvals_by_one: int, wipes_per_hour: int) -> None:
        super().__init__(Mode.APPROVE)
        self.rows: SwitchRows = SwitchRows()
        self.people_froze = False
        self.opened = 0
        self._limits: dict[str, object] = {
            "ramp": "99",
            "approvals_by_one": approvals_by_one,
            "wipes_per_hour": wipes_per_hour,
            "wipes_per_day": 2,
            "wipes_in_flight": 2,
        }
        self.judge = Judge(
            clock=self.clock,
            case_of={a_pc(number).id: f"device-pc-{number}" for number in range(PCS)},
            owner_of={a_pc(number).id: an_owner(number).id for number in range(PCS)},
            may_approve=MAY_APPROVE,
            limits=Limits(an_hour=wipes_per_hour, a_day=2, not_back=2, approvals_alone=approvals_by_one),
            wishes=(),
            mode="",
            frozen=lambda: self.people_froze or not self.rows.switch_is_off,
        )
        self.devices: JudgedDevices = JudgedDevices(self.judge, [])
        self.directory.users |= {an_owner(number).id: an_owner(number) for number in range(PCS)}
        self.wish(Mode.APPROVE, excluded="")

    def wish(self, mode: Mode, excluded: str) -> None:
        """Administrators change the settings, and the app starts anew."""
        self.set_settings(mode, excluded_devices=excluded, **self._limits)
        self.judge.mode, self.judge.wishes = mode.value, (mode.value, excluded)

    async def wait_for_approval(self, *, rita_asked: bool) -> str:
        """One more PC is ready for its wipe, by Rita's assignment or by nobody's; the id of its case."""
        number, now = self.opened, self.clock.now()
        self.opened += 1
        pc, owner = replace(a_pc(number), last_sync_at=now), an_owner(number)
        self.devices.devices[pc.id] = pc
        self.autopilot.registrations[f"ap-{number}"] = replace(
            story.registration(),
            id=f"ap-{number}",
            serial_number=pc.serial_number,
            managed_device_id=pc.id,
            user_principal_name=owner.user_principal_name,
        )
        case = replace(
            story.case_in(CaseState.AWAITING_APPROVAL, self.policy, now),
            id=f"device-{pc.id}",
            serial_number=pc.serial_number,
            device=identity_of(pc),
            autopilot_id=f"ap-{number}",
            owner=Owner(
                user_id=owner.id,
                user_principal_name=owner.user_principal_name,
                display_name=owner.display_name,
                source="users",
            ),
            requested_by=("rita@contoso.example",) if rita_asked else (),
            named_owner=owner.user_principal_name if rita_asked else None,
            named_at=now if rita_asked else None,
            due_at=now + SHORTEST_WAIT,
        )
        if rita_asked:
            self.judge.asked_for[case.id].add("Rita")
        return (await self.put(case)).id

    def change(self, case_id: str, what: str) -> None:
        """Something else is true of the device, or what was is true again."""
        number, now = number_of(case_id), self.clock.now()
        was, pc = a_pc(number), f"pc-{number}"
        if what == "gone":
            self.devices.devices.pop(pc, None)
            return
        if what == "returns":
            self._return(number)
            return
        changes: dict[str, dict[str, object]] = {
            "another user": {"user_id": story.OWNER_ID},
            "enrolled anew": {"enrolled_at": now},
            "another serial number": {"serial_number": "SN-NEW-BOARD"},
            "another Entra device": {"entra_device_id": f"entra-of-{now.isoformat()}"},
            "compliant": {"compliance": Compliance.COMPLIANT},
            "as it was": {
                "user_id": was.user_id,
                "enrolled_at": was.enrolled_at,
                "serial_number": was.serial_number,
                "entra_device_id": was.entra_device_id,
                "compliance": was.compliance,
            },
        }
        self.devices.change(pc, **changes[what])

    def _return(self, number: int) -> None:
        """The wiped machine comes back under its owner, compliant."""
        pc = f"pc-{number}"
        device = self.devices.devices.get(pc)
        if device is None or device.management_state != "wipePending":
            return
        del self.devices.devices[pc]
        back = story.returned_device(self.clock.now(), an_owner(number))
        self.devices.devices[f"{pc}-back"] = replace(
            back,
            id=f"{pc}-back",
            entra_device_id=device.entra_device_id,
            serial_number=device.serial_number,
            compliance=Compliance.COMPLIANT,
        )


CHANGES = (
    "another user",
    "enrolled anew",
    "another serial number",
    "another Entra device",
    "compliant",
    "as it was",
    "gone",
    "returns",
)


def suspended(work: Awaitable[object], awaits: int) -> Generator[Any, None, object] | None:
    """``work`` after so many of its awaits; None when it is over by then."""
    steps = work.__await__()
    try:
        for _ in range(awaits):
            next(steps)
    except StopIteration:
        return None
    return steps


def go_on(steps: Generator[Any, None, object] | None) -> None:
    """The rest of it."""
    for _ in steps or ():
        pass
