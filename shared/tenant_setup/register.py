"""Registers a whole delivery of PCs: imports their hashes, has Intune sync once, and names each owner to Handover, whose own
journey gives licence and binding. Every step is written down first, so that a run that died goes on and repeats nothing.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shared.domain.effects import Done
from shared.domain.registration import BadLine, HardwareHash, ImportedHash, PcProgress, Progress
from shared.errors import BadInput, RetryLater, Unexpected
from shared.names import DEVICE_EVENTS
from shared.ports import Clock, Ids, Messages, Registrations, Rows
from shared.records.ledger import Ledger
from shared.records.locks import Locks
from shared.records.registration_progress import MOST_IN_A_WRITE, RegistrationProgress, chunks
from shared.rules.device_checks import FIT_PROFILE_STATUSES
from shared.tenant_setup.hardware_hashes import HashFile
from shared.tenant_setup.write_pace import Sleep, WritePace

IMPORT_WITHIN = timedelta(minutes=30)
SYNC_AGAIN_AFTER = timedelta(minutes=10)
LOOK_EVERY_SECONDS = 15.0
LOCKED_FOR = timedelta(minutes=3)
MOST_ROUNDS = 3
MOST_TRIES = 5

_NAME = re.compile(r"[^\s/\\?#%]{1,113}")
_ALREADY_HERE = 806
ERRORS = {
    801: "Autopilot could not read the request",
    802: "Autopilot calls the hardware hash invalid",
    803: "Autopilot found neither a serial number nor a product key",
    806: "it is registered already",
    808: "another tenant has registered it: its last owner has to remove it there, or Microsoft support does",
}
"""Source: "What happens when you register a device with Windows Autopilot?" by Michael Niehaus."""

Tell = Callable[[Counter[Progress]], None]
"""Told after each PC how many have come how far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """The use case behind ``tenant register``."""

    registrations: Registrations
    messages: Messages
    rows: Rows
    clock: Clock
    ids: Ids
    sleep: Sleep

    async def run(
        self,
        file: HashFile,
        *,
        who: str,
        only_good_rows: bool = False,
        retry_failed: bool = False,
        wait_for: timedelta = timedelta(hours=1),
        tell: Tell = lambda _: None,
    ) -> tuple[PcProgress, ...]:
        """Every PC of the file as far as it came. ``who`` asks for it, and may not approve a wipe of these PCs later.

        Raises BadInput before anything is sent, when a line is bad and not only the good ones are wanted; RetryLater
        when another process is at this file; AccessDenied and what storage raises.
        """
        if not _NAME.fullmatch(who):
            raise BadInput("who asks must be named by a user principal name")
        if file.bad and not only_good_rows:
            raise BadInput(f"{lines_in_words(file.bad)} cannot be used; nothing was sent")
        delivery = _Delivery(use_case=self, file=file, who=who, tell=tell)
        await delivery.lock()
        try:
            await delivery.begin(retry_failed=retry_failed)
            await delivery.send_all()
            await delivery.wait_for_imports()
            await delivery.sync_once()
            await delivery.wait_for_profiles(self.clock.now() + wait_for)
        finally:
            await delivery.unlock()
        return delivery.progress.pcs


@dataclass(slots=True, kw_only=True)
class _Delivery:
    """One run over one file."""

    use_case: Register
    file: HashFile
    who: str
    tell: Tell
    progress: RegistrationProgress = field(init=False)
    pace: WritePace = field(init=False)
    locks: Locks = field(init=False)
    holder: str = field(init=False)

    def __post_init__(self) -> None:
        case = self.use_case
        self.progress = RegistrationProgress(case.rows, case.ids, self.file.digest)
        self.pace = WritePace(clock=case.clock, sleep=case.sleep)
        self.locks, self.holder = Locks(Ledger(case.rows, case.ids)), case.ids.new()

    async def lock(self) -> None:
        """Take or prolong the lock of this file."""
        name, now = f"registration-{self.file.digest}", self.use_case.clock.now()
        if not await self.locks.take(name, holder=self.holder, now=now, lasts=LOCKED_FOR):
            raise RetryLater("another run registers this file now, or died within the last three minutes", LOCKED_FOR)

    async def unlock(self) -> None:
        name = f"registration-{self.file.digest}"
        await self.locks.give_back(name, holder=self.holder, now=self.use_case.clock.now())

    def at(self, *states: Progress) -> list[PcProgress]:
        return [pc for pc in self.progress.pcs if pc.at in states]

    async def save(self, pcs: Sequence[PcProgress]) -> None:
        if pcs:
            await self.progress.save(pcs)
            self.tell(counted(self.progress.pcs))

    async def begin(self, *, retry_failed: bool) -> None:
        """Load what an earlier run left; what is registered already is not imported again."""
        await self.progress.load()
        known = {pc.serial_number.lower() for pc in self.progress.pcs}
        fresh = [
            PcProgress(line=pc.line, serial_number=pc.serial_number, at=Progress.WAITING, owner=pc.owner)
            for pc in self.file.good
            if pc.serial_number.lower() not in known
        ]
        again = [replace(pc, at=Progress.WAITING, why="") for pc in self.at(Progress.FAILED) if retry_failed]
        await self.save([*fresh, *again])
        await self._settle_sending()
        await self._look_at_registrations(Progress.WAITING)

    async def send_all(self) -> None:
        """Hand over every hash that waits; what may or may not have arrived is looked up, not sent again blindly."""
        hashes = {pc.serial_number.lower(): pc for pc in self.file.good}
        for _ in range(MOST_ROUNDS):
            for chunk in chunks(self.at(Progress.WAITING), MOST_IN_A_WRITE):
                await self.lock()
                await self._send(chunk, hashes)
            if not await self._settle_sending():
                return

    async def _send(self, chunk: Sequence[PcProgress], hashes: dict[str, HardwareHash]) -> None:
        sending = [replace(pc, at=Progress.SENDING) for pc in chunk]
        await self.save(sending)
        sent, count = list[PcProgress](), counted(self.progress.pcs)
        try:
            for pc in sending:
                sent.append(await self._sent(pc, hashes[pc.serial_number.lower()]))
                count += Counter({sent[-1].at: 1})
                count -= Counter({Progress.SENDING: 1})
                self.tell(count.copy())
        finally:
            await self.save(sent)

    async def _sent(self, pc: PcProgress, hardware: HardwareHash) -> PcProgress:
        for _ in range(MOST_TRIES):
            await self.pace.wait()
            try:
                import_id = await self.use_case.registrations.send(hardware, self.file.digest)
            except RetryLater as error:
                if not error.throttled:
                    return pc  # it may have arrived
                await self.use_case.sleep(_seconds(error, LOOK_EVERY_SECONDS))
            except Unexpected as error:
                return replace(pc, at=Progress.FAILED, why=str(error)[:300])
            else:
                return replace(pc, at=Progress.SENT, import_id=import_id)
        return replace(pc, at=Progress.WAITING)

    async def _settle_sending(self) -> bool:
        """Find out what became of hashes whose sending was begun; true when there were any."""
        doubtful = self.at(Progress.SENDING)
        if not doubtful:
            return False
        seen: dict[str, ImportedHash] = {}
        async for each in self.use_case.registrations.imports():
            if each.import_id == self.file.digest or each.status == "pending":
                seen[each.serial_number.lower()] = each
        settled = [
            replace(pc, at=Progress.WAITING)
            if (found := seen.get(pc.serial_number.lower())) is None
            else replace(pc, at=Progress.SENT, import_id=found.id)
            for pc in doubtful
        ]
        await self.save(settled)
        return True

    async def wait_for_imports(self) -> None:
        """Until the Autopilot service has taken or refused every hash, or half an hour has passed."""
        until = self.use_case.clock.now() + IMPORT_WITHIN
        while self.at(Progress.SENT):
            await self.lock()
            shown = {each.id: each async for each in self.use_case.registrations.imports()}
            moved = [_after_import(pc, shown.get(pc.import_id or "")) for pc in self.at(Progress.SENT)]
            if any(pc.at is Progress.IMPORTED for pc in moved) and await self.progress.asked_to_sync_at() is not None:
                await self.progress.keep_sync(None)
            await self.save([pc for pc in moved if pc.at is not Progress.SENT])
            if not self.at(Progress.SENT) or self.use_case.clock.now() >= until:
                return
            await self.use_case.sleep(LOOK_EVERY_SECONDS)

    async def sync_once(self) -> None:
        """Have Intune fetch the registrations, once for this delivery; a sync that runs, or ran just now, is waited for."""
        while self.at(Progress.IMPORTED) and await self.progress.asked_to_sync_at() is None:
            await self.lock()
            state = await self.use_case.registrations.sync_state()
            now = self.use_case.clock.now()
            if state.running:
                await self.use_case.sleep(LOOK_EVERY_SECONDS)
                continue
            if (wait := _rest(state.asked_at, now)) > 0:
                await self.use_case.sleep(min(wait, 60.0))
                continue
            await self._ask_to_sync(now)

    async def _ask_to_sync(self, now: datetime) -> None:
        await self.pace.wait()
        try:
            if isinstance(await self.use_case.registrations.sync(), Done):
                await self.progress.keep_sync(now)
                return
        except RetryLater as error:
            await self.use_case.sleep(min(_seconds(error, 60.0), 60.0))
            return
        await self.use_case.sleep(LOOK_EVERY_SECONDS)  # refused: somebody else's sync has just begun

    async def wait_for_profiles(self, until: datetime) -> None:
        """Until every PC shows with its profile, or the time is over; owners are named as soon as their PC shows."""
        while True:
            await self.lock()
            await self._look_at_registrations(Progress.IMPORTED, Progress.REGISTERED)
            await self._name_owners()
            if not self.at(Progress.IMPORTED, Progress.REGISTERED) or self.use_case.clock.now() >= until:
                return
            await self.use_case.sleep(LOOK_EVERY_SECONDS)

    async def _look_at_registrations(self, *states: Progress) -> None:
        waiting = self.at(*states)
        if not waiting:
            return
        shown = {each.serial_number.lower(): each async for each in self.use_case.registrations.registered()}
        moved: list[PcProgress] = []
        for pc in waiting:
            found = shown.get(pc.serial_number.lower())
            if found is None:
                continue
            ready = found.profile_status in FIT_PROFILE_STATUSES
            why = "" if ready else f"its deployment profile is {found.profile_status or 'not known'}"
            moved.append(replace(pc, at=Progress.READY if ready else Progress.REGISTERED, why=why))
        before = {pc.serial_number: pc for pc in waiting}
        await self.save([pc for pc in moved if pc != before[pc.serial_number]])

    async def _name_owners(self) -> None:
        """The message that any other system would send; a repeated one changes nothing."""
        untold = [pc for pc in self.progress.pcs if pc.at.at_intune and pc.owner and pc.told_at is None]
        for chunk in chunks(untold, MOST_IN_A_WRITE):
            for pc in chunk:
                await self.use_case.messages.send(DEVICE_EVENTS, self._event(pc))
            now = self.use_case.clock.now()
            await self.save([replace(pc, told_at=now) for pc in chunk])

    def _event(self, pc: PcProgress) -> str:
        return json.dumps(
            {
                "specversion": "1.0",
                "id": f"{self.file.digest}-{pc.line}",
                "source": "/handover/tenant-register",
                "type": "device.user-assigned",
                "time": self.use_case.clock.now().isoformat(),
                "data": {"serialNumber": pc.serial_number, "userPrincipalName": pc.owner, "requestedBy": self.who},
            }
        )


def lines_in_words(bad: Sequence[BadLine]) -> str:
    """How many lines, for a sentence."""
    return "1 line" if len(bad) == 1 else f"{len(bad)} lines"


def counted(pcs: Sequence[PcProgress]) -> Counter[Progress]:
    """How many PCs have come how far."""
    return Counter(pc.at for pc in pcs)


def _after_import(pc: PcProgress, shown: ImportedHash | None) -> PcProgress:
    if shown is None or shown.status in ("unknown", "pending", "partial"):
        return pc
    if shown.status == "complete":
        return replace(pc, at=Progress.IMPORTED)
    code = shown.error_code
    said = f"{ERRORS.get(code, 'Autopilot refused it')} ({code} {shown.error_name[:80]})".replace(" )", ")")
    return replace(pc, at=Progress.IMPORTED if code == _ALREADY_HERE else Progress.FAILED, why=said)


def _rest(asked_at: datetime | None, now: datetime) -> float:
    """How long until Intune takes the next wish for a sync."""
    return 0.0 if asked_at is None else (asked_at + SYNC_AGAIN_AFTER - now).total_seconds()


def _seconds(error: RetryLater, usual: float) -> float:
    return usual if error.after is None else error.after.total_seconds() + 1
