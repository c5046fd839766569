"""One shared reading for all wiped devices: who is back, and compliant? It wakes their cases, so that waiting costs no request each."""

from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.case import Case, move
from shared.domain.facts import Compliance, ManagedDevice
from shared.domain.states import CaseState
from shared.errors import Changed
from shared.ports import Clock, Devices
from shared.records.cases import CaseStore, Stored
from shared.remedy.messages import StepQueue
from shared.rules.decisions import wait

WAITING = frozenset({CaseState.AWAITING_RETURN, CaseState.AWAITING_PROOF})
FIRST_EVALUATION_TAKES = timedelta(hours=2)
"""A returned device that is not compliant after this long is looked at, compliant or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchReturns:
    """One look at every enrolment since the oldest wipe that is still waited for."""

    cases: CaseStore
    steps: StepQueue
    devices: Devices
    clock: Clock

    async def run(self) -> int:
        """Wake the cases whose device is back; returns how many. One Graph list, none when nothing is waited for."""
        waiting, sent_times = defaultdict[str, list[Stored]](list), list[datetime]()
        async for stored in self._waiting():
            waiting[_serial(stored.case)].append(stored)
            if stored.case.wipe is not None and stored.case.wipe.sent_at is not None:
                sent_times.append(stored.case.wipe.sent_at)
        if not sent_times:
            return 0
        woken = 0
        async for device in self.devices.enrolled_since(min(sent_times)):
            for stored in waiting.get(device.serial_number.strip().lower(), ()):
                if self._worth_waking(stored.case, device):
                    woken += await self._wake(stored)
        return woken

    async def _waiting(self) -> AsyncIterator[Stored]:
        async for listed in self.cases.open_cases():
            stored = await self.cases.load(listed.case_id) if listed.state in WAITING else None
            if stored is not None and stored.case.state in WAITING:
                yield stored

    def _worth_waking(self, case: Case, device: ManagedDevice) -> bool:
        sent_at = case.wipe.sent_at if case.wipe is not None else None
        if sent_at is None or device.enrolled_at is None or device.enrolled_at <= sent_at:
            return False
        owner = case.owner.user_id.lower() if case.owner is not None else ""
        if device.compliance is Compliance.COMPLIANT or (device.user_id or "").lower() != owner:
            return True
        return (
            case.state is CaseState.AWAITING_RETURN and self.clock.now() - device.enrolled_at >= FIRST_EVALUATION_TAKES
        )

    async def _wake(self, stored: Stored) -> bool:
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


def _serial(case: Case) -> str:
    return (case.serial_number or "").strip().lower()
