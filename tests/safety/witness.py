"""What must never happen, judged at the moment of each wipe by what the tenant itself knows."""

import contextlib
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from local.tenant.model.managed_devices import ManagedDevice
from local.tenant.model.tenant import TenantModel
from shared.bootstrap import services
from shared.domain.case import Case, case_id_for_device, proposal_of
from shared.domain.policy import Mode
from shared.errors import BadInput
from shared.names import CASE_STEPS, CASES, LEDGERS, WIPE_STEPS
from shared.records.cases import CaseStore
from shared.remedy.messages import read_step
from shared.settings import Settings
from tests.fakes.ids import CountingIds
from tests.fakes.rows import FakeRows
from tests.safety import cast
from tests.safety.scheduler import finish

READ_BEFORE = timedelta(seconds=60)
"""The last look at the device may be so old when the wipe is sent."""
FREEZE_AFTER = timedelta(seconds=5)
"""So long a freeze may take to be felt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was true when the product took its last look at a device."""

    at: datetime
    device: ManagedDevice | None
    owner_ready: bool


@dataclass(slots=True, kw_only=True)
class Witness:
    """Watches the tenant and notes every broken promise."""

    model: TenantModel
    rows: FakeRows
    settings: Settings
    skew: timedelta = timedelta()
    """By so much at most is the clock of an instance wrong."""
    foreign: tuple[datetime, str] | None = None
    """When another application wiped a device, and which (Intune's id)."""
    posted_at: list[datetime] = field(default_factory=list[datetime])
    """When the product asked for a wipe."""
    broken: list[str] = field(default_factory=list[str])
    wiped_at: list[datetime] = field(default_factory=list[datetime])
    retried: Counter[str] = field(default_factory=Counter[str])
    """How often a person let a case go on, by case id."""
    approved: dict[str, list[tuple[datetime, str]]] = field(default_factory=lambda: defaultdict(list))
    """By case id: when a person said yes, and to which proposal."""
    excluded_at: datetime | None = None
    """When the owner joined the group that is never touched."""
    frozen_since: datetime | None = None
    _known: dict[str, tuple[str, Case]] = field(default_factory=dict[str, tuple[str, Case]])
    """By case id: the ETag of its row, and what the row holds."""
    _all: tuple[int, list[Case]] = (-1, [])
    """Every case, as it was after so many writes."""
    _looks: dict[str, Look] = field(default_factory=dict[str, Look])
    worker: Callable[[], str] = lambda: ""
    """The name of the worker that is going on."""
    _unreadable: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """Which worker could not read what, the last time it tried."""
    executed: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    """By case id: when the tenant carried out a wipe."""
    _wipes_of: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    """By the owner's id."""
    _stale: set[str] = field(default_factory=set[str])
    """Workers whose message points to a version that its case does not have."""
    _codes: set[str] = field(default_factory=set[str])
    """Codes of administrators that were sent."""

    def __post_init__(self) -> None:
        self.model.actions.wiped.connect(self._wiped)

    @property
    def store(self) -> CaseStore:
        """The stored cases, past every accident."""
        return CaseStore(self.rows, CountingIds())

    def case(self, case_id: str) -> Case | None:
        """One stored case, past every accident."""
        row = self.rows.table(CASES).get((case_id, "case"))
        if row is None:
            return None
        known = self._known.get(case_id)
        if known is None or known[0] != row.etag:
            stored = finish(self.store.load(case_id))
            known = self._known[case_id] = row.etag, stored.case
        return known[1]

    def cases(self) -> list[Case]:
        """Every stored case, in the order of their ids."""
        if self._all[0] != self.rows.writes:
            ids = sorted(partition for partition, key in self.rows.table(CASES) if key == "case")
            self._all = self.rows.writes, [case for case_id in ids if (case := self.case(case_id)) is not None]
        return self._all[1]

    def takes(self, worker: str, queue: str, body: str) -> None:
        """A worker begins with a message: one that points to another version of its case must lead to nothing."""
        if queue not in (CASE_STEPS, WIPE_STEPS):
            return
        with contextlib.suppress(BadInput):
            step = read_step(body)
            case = self.case(step.case_id)
            if case is None or case.version != step.version:
                self._stale.add(worker)

    def asked(self, operation: str, segments: tuple[str, ...]) -> None:
        """The product made a request that was answered: the fence's reading of a device is remembered."""
        if self.worker() in self._stale:
            self.blame(f"{self.worker()} asked for {operation} though its step is not the case's")
        if operation != "devices.reread":
            return
        device_id = segments[-1]
        case = self.case(case_id_for_device(device_id))
        device = self.model.managed_devices.store.get(device_id)
        owner = None if case is None or case.owner is None else self.model.users.find(case.owner.user_id)
        ready = owner is not None and owner.enabled and self.model.licences.can_enrol_automatically(owner)
        self._looks[device_id] = Look(at=self.model.clock.now(), device=device, owner_ready=ready)

    def read_groups(self, *, readable: bool) -> None:
        """The groups of an owner or a device were asked for; what was said last is what the product knows."""
        self._note("groups", readable)

    def read_row(self, table: str, partition: str, *, readable: bool) -> None:
        """A row was asked for."""
        if table == LEDGERS and partition == "switch":
            self._note("the switch", readable)

    def _note(self, what: str, readable: bool) -> None:
        if readable:
            self._unreadable.discard((self.worker(), what))
        else:
            self._unreadable.add((self.worker(), what))

    def posted(self, managed_device_id: str, code: str | None) -> None:
        """The product asks to wipe a device: the first request of an attempt, or the second with an administrator's code."""
        now, case = self.model.clock.now(), self.case(case_id_for_device(managed_device_id))
        self.posted_at.append(now)
        if case is None:
            self.blame(f"{managed_device_id} was to be wiped without a case")
        elif code is None:
            self._judge_permission(case, now)
        elif code in self._codes:
            self.blame(f"the code of {case.serial_number} was sent twice")
        else:
            self._codes.add(code)

    def blame(self, what: str) -> None:
        """Note a broken promise."""
        self.broken.append(f"{self.model.clock.now():%d %H:%M:%S} {what}")

    def _wiped(self, device_id: str, serial: str) -> None:
        now = self.model.clock.now()
        self.wiped_at.append(now)
        case_id = case_id_for_device(device_id)
        self.executed[case_id].append(now)
        case = self.case(case_id)
        if self.model.counts.wipes_by_managed_device[device_id] > 1 + self.retried[case_id]:
            self.blame(f"{serial} was wiped twice")
        if case is None or case.device is None or case.wipe is None:
            self.blame(f"{serial} was wiped without a case that says so")
            return
        self._judge_look(case, device_id)
        if self.frozen_since is not None and now - self.frozen_since > FREEZE_AFTER:
            self.blame(f"{serial} was wiped though everything is frozen since {self.frozen_since:%d %H:%M:%S}")
        if (self.worker(), "the switch") in self._unreadable:
            self.blame(f"{serial} was wiped though the switch could not be read")
        if case.notice is not None and (case.notice.wipe_not_before or now) > now + 2 * self.skew:
            self.blame(f"{serial} was wiped before its owner's time was over")
        self._judge_caps(now)
        self._judge_owner(case, now)

    def _judge_look(self, case: Case, device_id: str) -> None:
        look, was = self._looks.get(device_id), case.device
        assert was is not None
        if look is None or look.device is None:
            self.blame(f"{was.serial_number} was wiped without a last look at it")
            return
        if self.model.clock.now() - look.at > READ_BEFORE:
            self.blame(f"{was.serial_number} was wiped on a look of {self.model.clock.now() - look.at} ago")
        now_is, device = (look.device.entra_device_id, look.device.serial, look.device.enrolled_at), look.device
        if now_is != (was.entra_device_id, was.serial_number, was.enrolled_at):
            self.blame(f"{was.serial_number} was wiped though it is not the device that was approved")
        if device.user_id != (was.enrolment_user_id or ""):
            self.blame(f"{was.serial_number} was wiped though its user changed")
        if device.compliance != "noncompliant":
            self.blame(f"{was.serial_number} was wiped though it was {device.compliance}")
        if not look.owner_ready:
            self.blame(f"{was.serial_number} was wiped though its owner could not enrol it again")

    def _judge_permission(self, case: Case, now: datetime) -> None:
        if not self.settings.mode.may_write:
            self.blame(f"{case.serial_number} was wiped in mode {self.settings.mode}")
        if self.settings.mode is Mode.APPROVE:
            given = self.approved[case.id]
            fresh = [one for one in given if now - one[0] <= timedelta(hours=24) + 2 * self.skew]
            fits = [one for one in fresh if one[1] == self._proposal(case, now)]
            if not fits:
                why = "for something else" if fresh else "of the last day"
                self.blame(f"{case.serial_number} was wiped without an approval {why}")
            else:
                given.remove(fits[-1])

    def _proposal(self, case: Case, now: datetime) -> str:
        """What would have to be approved now, by the policy of the instance that asks."""
        return proposal_of(case, services().advance.policy.as_of(now).version)

    def _judge_owner(self, case: Case, now: datetime) -> None:
        user_id = case.owner.user_id if case.owner is not None else ""
        if any(now - at < self.settings.policy().user_rest - 2 * self.skew for at in self._wipes_of[user_id]):
            self.blame(f"two devices of the owner of {case.serial_number} were wiped within a week")
        self._wipes_of[user_id].append(now)
        if self.settings.exclusion_group is None:
            return
        if self.excluded_at is not None and now - self.excluded_at > READ_BEFORE and self._is_def456(user_id):
            self.blame(f"{case.serial_number} was wiped though its owner is never to be touched")
        if (self.worker(), "groups") in self._unreadable:
            self.blame(f"{case.serial_number} was wiped though nobody knew whether it may be touched")

    def _is_def456(self, user_id: str) -> bool:
        user = self.model.users.find(user_id)
        return user is not None and user.upn == cast.OWNER

    def _judge_caps(self, now: datetime) -> None:
        hour = sum(now - at < timedelta(hours=1) - 2 * self.skew for at in self.wiped_at)
        day = sum(now - at < timedelta(days=1) - 2 * self.skew for at in self.wiped_at)
        if hour > self.settings.wipes_per_hour or day > self.settings.wipes_per_day:
            self.blame(f"{hour} wipes in an hour and {day} in a day are more than the settings allow")
