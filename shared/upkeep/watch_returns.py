"""One shared reading for all wiped devices: who is back, and compliant? Their cases go on from it, so that waiting costs no
request each, and coming back none either."""

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.case import Case, move
from shared.domain.facts import Compliance, ManagedDevice
from shared.domain.states import CaseState
from shared.errors import AccessDenied, Changed, RetryLater, Unexpected
from shared.ports import Clock, Devices
from shared.records.cases import CaseStore, Stored
from shared.records.gate import GraphGate
from shared.remedy.advance import Advance, Outcome
from shared.remedy.messages import StepQueue
from shared.rules.decisions import wait
from shared.telemetry import event

log = logging.getLogger(__name__)

WAITING = frozenset({CaseState.AWAITING_RETURN, CaseState.AWAITING_PROOF})
FIRST_EVALUATION_TAKES = timedelta(hours=2)
"""A returned device that is not compliant after this long is looked at, compliant or not."""
MOST_AT_ONCE = 100
"""So many cases go on in one run, well within the time of a function; any others get a message each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchReturns:
    """One look at every enrolment since the oldest wipe that is still waited for."""

    cases: CaseStore
    steps: StepQueue
    advance: Advance
    devices: Devices
    gate: GraphGate
    clock: Clock

    async def run(self) -> int:
        """Let the cases go on whose device is back; returns how many. One Graph list, none when nothing is waited for.

        A list that cannot be read wakes nobody: the next run reads it, and each case looks for itself once a day.
        """
        waiting = [stored async for stored in self._waiting()]
        if not waiting or await self.gate.closed_until(self.clock.now()):
            return 0
        try:
            found = await self._enrolments(waiting)
        except RetryLater as error:
            await self.gate.close_if_throttled(error, self.clock.now())
            event(log, "returns.unreadable", level=logging.WARNING, why=str(error))
            return 0
        except (AccessDenied, Unexpected) as error:
            event(log, "returns.unreadable", level=logging.ERROR, why=str(error))
            return 0
        went_on = 0
        for stored in waiting:
            enrolments = found.get(_serial(stored.case.serial_number), ())
            if not any(self._is_news(stored.case, device) for device in enrolments):
                continue
            if went_on < MOST_AT_ONCE and _decides(stored.case, enrolments):
                went_on += await self.advance.seen_back(stored, tuple(enrolments)) is Outcome.MOVED
            else:
                went_on += await self._wake(stored)
        return went_on

    async def _waiting(self) -> AsyncIterator[Stored]:
        async for listed in self.cases.open_cases():
            stored = await self.cases.load_readable(listed.case_id) if listed.state in WAITING else None
            if stored is not None and stored.case.state in WAITING:
                yield stored

    async def _enrolments(self, waiting: Sequence[Stored]) -> Mapping[str, Sequence[ManagedDevice]]:
        """The enrolments since the oldest wipe, by the serial numbers that are waited for."""
        sent_times = [sent_at for stored in waiting if (sent_at := _sent_at(stored.case)) is not None]
        found = {_serial(stored.case.serial_number): list[ManagedDevice]() for stored in waiting}
        if not sent_times:
            return {}
        async for device in self.devices.enrolled_since(min(sent_times)):
            if (same := found.get(_serial(device.serial_number))) is not None:
                same.append(device)
        return found

    def _is_news(self, case: Case, device: ManagedDevice) -> bool:
        if not _is_new(case, device) or device.enrolled_at is None:
            return False
        owner = case.owner.user_id.lower() if case.owner is not None else ""
        if device.compliance is Compliance.COMPLIANT or (device.user_id or "").lower() != owner:
            return True
        return (
            case.state is CaseState.AWAITING_RETURN and self.clock.now() - device.enrolled_at >= FIRST_EVALUATION_TAKES
        )

    async def _wake(self, stored: Stored) -> bool:
        """Have the case look for itself: this list does not tell what it needs to know."""
        case, now = stored.case, self.clock.now()
        if case.due_at is not None and case.due_at <= now:
            # Woken already, but its message may have been lost; to repeat it is harmless.
            await self.steps.send(case)
            return False
        decision = wait(case, case.reason, "The shared reading of new enrolments shows this serial number.", until=now)
        moved, entry = move(case, decision, at=now)
        try:
            saved = await self.cases.save(stored, moved, [entry])
        except Changed:
            return False
        await self.steps.send(saved.case)
        return True


def _decides(case: Case, enrolments: Sequence[ManagedDevice]) -> bool:
    """Whether the list has the enrolment that the case's rule is about; the absence of any other tells nothing."""
    if case.state is CaseState.AWAITING_RETURN:
        return any(_is_new(case, device) for device in enrolments)
    return any(device.id.lower() == (case.returned_device_id or "").lower() for device in enrolments)


def _is_new(case: Case, device: ManagedDevice) -> bool:
    """Enrolled after the wipe, and not the record that was wiped."""
    sent_at, wiped = _sent_at(case), case.device.managed_device_id.lower() if case.device is not None else ""
    after_wipe = sent_at is not None and device.enrolled_at is not None and device.enrolled_at > sent_at
    return after_wipe and device.id.lower() != wiped


def _sent_at(case: Case) -> datetime | None:
    return case.wipe.sent_at if case.wipe is not None else None


def _serial(serial_number: str | None) -> str:
    return (serial_number or "").strip().lower()
