"""What people said and what Intune was asked, written down beside the product: whether a wipe was right by their words alone.

Nothing here asks the product what it thinks. The judge hears a yes when a person gives it, and sees a wipe when its request
arrives; for the minute between the last look at a device and the request, what that look showed counts.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.domain.case import DeviceIdentity
from shared.domain.effects import (
    AdminApproved,
    WipeAccepted,
    WipeAnswer,
    WipeBacking,
    WipeNeedsApproval,
    WipeNotSent,
    WipeRefused,
    WipeUnknown,
)
from shared.domain.facts import Compliance, ManagedDevice, Missing
from shared.errors import RetryLater
from shared.names import LEDGERS
from shared.ports import Clock, Row
from tests.fakes.graph import FakeDevices
from tests.fakes.rows import FakeRows

A_YES_LASTS = timedelta(hours=24)
A_LOOK_LASTS = timedelta(seconds=60)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

Wishes = tuple[object, ...]
"""The administrators' settings, as far as these stories change them."""
Identity = tuple[object, ...]


def identity(device: ManagedDevice | DeviceIdentity) -> Identity:
    """What makes a device this very enrolment of this very machine."""
    if isinstance(device, ManagedDevice):
        return device.id, device.entra_device_id, device.serial_number, device.enrolled_at, device.user_id
    return (
        device.managed_device_id,
        device.entra_device_id,
        device.serial_number,
        device.enrolled_at,
        device.enrolment_user_id,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wipe:
    """What exactly would be wiped, for whom, under which wishes."""

    device: Identity
    owner_id: str
    wishes: Wishes


@dataclass(slots=True, kw_only=True, eq=False)
class Yes:
    """One person's yes. ``alone``: it was theirs to give without a second person."""

    who: str
    to: Wipe
    at: datetime
    alone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One wipe that happened."""

    at: datetime
    device_id: str
    serial_number: str
    case_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the administrators allow."""

    an_hour: int
    a_day: int
    not_back: int
    approvals_alone: int
    serial_rest: timedelta = timedelta(days=30)


@dataclass(slots=True, kw_only=True)
class Judge:
    """Hears everything, and lists what was wrong in ``wrong``."""

    clock: Clock
    case_of: Mapping[str, str]
    """Case id by Intune id."""
    owner_of: Mapping[str, str]
    """Owner's id by Intune id."""
    may_approve: frozenset[str]
    limits: Limits
    wishes: Wishes
    mode: str
    frozen: Callable[[], bool]
    """Whether all wipes are, by what people said and by what the row of the switch says."""
    wrong: list[str] = field(default_factory=list[str])
    sent: list[Sent] = field(default_factory=list[Sent])
    asked_for: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict[str, set[str]](set))
    """Who had a case opened or let it go on."""
    is_back: Callable[[str], bool] = lambda _: False
    """Whether the machine of this Intune id has come back, or its case was closed by a person."""
    _yes: defaultdict[str, list[Yes]] = field(default_factory=lambda: defaultdict[str, list[Yes]](list))
    _approved_today: defaultdict[tuple[str, str], list[tuple[str, Wipe]]] = field(
        default_factory=lambda: defaultdict[tuple[str, str], list[tuple[str, Wipe]]](list)
    )
    _requests: set[str] = field(default_factory=set[str])
    _filed: dict[str, list[Wipe]] = field(default_factory=dict[str, list[Wipe]])
    """By case: a wipe that waits for a second administrator, and what people had said yes to."""

    # --- what people say

    def hear(self, case_id: str, who: str, to: Wipe) -> Yes:
        """A person says yes; taken back by ``forget`` if they were told no."""
        said = self._approved_today[who, f"{self.clock.now():%Y-%m-%d}"]
        if (case_id, to) not in said:
            said.append((case_id, to))
        alone = said.index((case_id, to)) < self.limits.approvals_alone
        yes = Yes(who=who, to=to, at=self.clock.now(), alone=alone)
        self._yes[case_id].append(yes)
        return yes

    def taken(self, case_id: str, yes: Yes, to_now: Wipe | None) -> None:
        """The person was told that their yes counts; ``to_now`` is what the case is about."""
        self._expect(yes.who in self.may_approve, f"{yes.who} approved without the role")
        self._expect(yes.who not in self.asked_for[case_id], f"{yes.who} approved what they asked for")
        self._expect(yes.to == to_now, f"{yes.who} approved something else than what would happen")

    def refused(self, case_id: str, yes: Yes) -> None:
        """The person was told that their yes does not count."""
        if yes in self._yes[case_id]:
            self._yes[case_id].remove(yes)
            self._approved_today[yes.who, f"{yes.at:%Y-%m-%d}"].remove((case_id, yes.to))

    def forget(self, case_id: str) -> None:
        """Whatever was said about this case counts no more: it was rejected, cancelled or begun anew."""
        self._yes[case_id].clear()
        self._filed.pop(case_id, None)

    def begins_anew(self, case_id: str, *, assigned: bool) -> None:
        """An ended case is opened again by a new hint; who ``assigned`` the device is remembered, who had retried it is not."""
        self.forget(case_id)
        if not assigned:
            self.asked_for[case_id].clear()

    # --- what Intune is asked

    def wipe(self, device_id: str, backing: WipeBacking, looks: list[tuple[datetime, ManagedDevice | Missing]]) -> None:
        """A request to wipe arrives."""
        case_id, now = self.case_of[device_id], self.clock.now()
        fresh = [(at, d) for at, d in looks if now - at <= A_LOOK_LASTS and isinstance(d, ManagedDevice)]
        seen = [(at, identity(d)) for at, d in fresh if d.compliance is Compliance.NONCOMPLIANT]
        self._expect(bool(seen), f"{device_id} was wiped without a fresh look at it as non-compliant")
        self._expect(not self.frozen(), f"{device_id} was wiped while all wipes were frozen")
        self._expect(self.mode in ("approve", "auto"), f"{device_id} was wiped in mode {self.mode}")
        if isinstance(backing, AdminApproved):
            self._expect(case_id in self._filed, f"{device_id} was wiped by a request that nobody had made before")
            good = any(self._is_that(to, device) for to in self._filed.get(case_id, ()) for _, device in seen)
        else:
            good = self._allowed(case_id, seen)
            self._expect(backing.text not in self._requests, f"the attempt was sent twice: {backing.text}")
            self._requests.add(backing.text)
        if self.mode == "approve":
            self._expect(good, f"{device_id} was wiped without a good yes to exactly that")
        self._caps(device_id, seen, now)

    def answered(self, device_id: str, serial_number: str, came_of_it: WipeAnswer | None) -> None:
        """What Intune made of it, whatever it answered; every yes to it is used up."""
        case_id, at = self.case_of[device_id], self.clock.now()
        said = [yes.to for yes in self._yes[case_id]]
        self.forget(case_id)
        if isinstance(came_of_it, WipeNeedsApproval):
            self._filed[case_id] = said
        if isinstance(came_of_it, WipeAccepted):
            self.sent.append(Sent(at=at, device_id=device_id, serial_number=serial_number, case_id=case_id))

    def _is_that(self, to: Wipe, device: Identity) -> bool:
        return to == Wipe(device=device, owner_id=self.owner_of[str(device[0])], wishes=self.wishes)

    def _allowed(self, case_id: str, seen: list[tuple[datetime, Identity]]) -> bool:
        good = [
            yes
            for yes in self._yes[case_id]
            if yes.who in self.may_approve
            and yes.who not in self.asked_for[case_id]
            and any(self._is_that(yes.to, device) and at - yes.at <= A_YES_LASTS for at, device in seen)
        ]
        return any(yes.alone for yes in good) or len({yes.who for yes in good}) > 1

    def _caps(self, device_id: str, seen: list[tuple[datetime, Identity]], now: datetime) -> None:
        limits, ages = self.limits, [now - sent.at for sent in self.sent]
        self._expect(sum(age < HOUR for age in ages) < limits.an_hour, "more wipes in an hour than allowed")
        self._expect(sum(age < DAY for age in ages) < limits.a_day, "more wipes in a day than allowed")
        out = {sent.device_id for sent in self.sent if not self.is_back(sent.device_id)}
        self._expect(len(out) < limits.not_back, "more devices wiped and not yet back than allowed")
        serials = {device[2] for _, device in seen}
        rested = all(now - sent.at >= limits.serial_rest for sent in self.sent if sent.serial_number in serials)
        self._expect(rested, f"the machine of {device_id} was wiped again too soon")

    def _expect(self, right: bool, otherwise: str) -> None:
        if not right:
            self.wrong.append(otherwise)


class JudgedDevices(FakeDevices):
    """Intune as the product sees it; the judge sees every look and every wipe."""

    def __init__(self, judge: Judge, devices: list[ManagedDevice]) -> None:
        super().__init__(devices)
        self.judge = judge
        self.answer = "accepted"
        """To the next wipe: accepted (or whatever Intune makes of it), refused, lost on its way back or on its way there, not sent."""
        self.looks: defaultdict[str, list[tuple[datetime, ManagedDevice | Missing]]] = defaultdict(list)

    @property
    def someone_is_asked(self) -> bool:
        """A second administrator has something to decide."""
        requests = () if self.second_admin is None else self.second_admin.requests.values()
        return any(request.status == "needsApproval" for request in requests)

    async def read(self, managed_device_id: str) -> ManagedDevice | Missing:
        found = await super().read(managed_device_id)
        self.looks[managed_device_id].append((self.judge.clock.now(), found))
        return found

    async def wipe(
        self, managed_device_id: str, backing: WipeBacking, *, not_after: datetime | None = None
    ) -> WipeAnswer:
        how, self.answer = self.answer, "accepted"
        if how != "not sent":
            self.judge.wipe(managed_device_id, backing, self.looks[managed_device_id])
        came_of_it = self._carry_out(managed_device_id, backing) if how in ("accepted", "lost") else None
        told: dict[str, WipeAnswer] = {
            "refused": WipeRefused(status=403, code="Forbidden", message="no"),
            "not sent": WipeNotSent(why="no connection"),
        }
        answer = told.get(how, WipeUnknown(why="the connection broke"))
        if how == "accepted" and came_of_it is not None:
            answer = came_of_it
        if how != "not sent":
            serial_number = self.devices[managed_device_id].serial_number if managed_device_id in self.devices else ""
            self.judge.answered(managed_device_id, serial_number, came_of_it)
        self.wipe_answers = [answer]
        return await super().wipe(managed_device_id, backing, not_after=not_after)

    def _carry_out(self, managed_device_id: str, backing: WipeBacking) -> WipeAnswer:
        answer = WipeAccepted() if self.second_admin is None else self.second_admin.check(managed_device_id, backing)
        if isinstance(answer, WipeAccepted):
            self.change(managed_device_id, management_state="wipePending")
        return answer


class SwitchRows(FakeRows):
    """Storage in which the one row of the kill switch can be out of reach, and is read past the product."""

    def __init__(self) -> None:
        super().__init__()
        self.switch_away = False

    async def get(self, table: str, partition: str, key: str) -> Row | None:
        row = await super().get(table, partition, key)
        if self.switch_away and (table, partition, key) == (LEDGERS, "switch", "freeze"):
            raise RetryLater("this row cannot be read")
        return row

    @property
    def switch_is_off(self) -> bool:
        """Whether the row says plainly that nothing is frozen; no row says so, too."""
        row = self.table(LEDGERS).get(("switch", "freeze"))
        if self.switch_away or row is None:
            return not self.switch_away
        try:
            document: object = json.loads(str(row.data["body"]))
        except ValueError:
            return False
        return isinstance(document, dict) and document.get("frozen") is False
