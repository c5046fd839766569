"""The supervisor: finds cases whose step message was lost or is late, and sends it again. The promise that nothing is forgotten."""

import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.domain.case import Case, case_id_for_device
from shared.ports import Clock
from shared.records.budget import BudgetBook
from shared.records.cases import CaseStore, Listed
from shared.records.freeze import FreezeSwitch
from shared.remedy.messages import StepQueue
from shared.remedy.tell_operators import TellOperators
from shared.rules.decide import RULES
from shared.rules.matters import TOLD_OF, matter_of_freeze
from shared.telemetry import event
from shared.upkeep.mend_overview import MendOverview

log = logging.getLogger(__name__)

LATE_AFTER = timedelta(minutes=5)
TELL_OF_WITHIN = timedelta(hours=1)
SETTLED_AFTER = timedelta(hours=1)
"""A wipe without an end in the record after so long is compared with its case."""
VERIFY_AFTER = timedelta(hours=6)
"""A worklist line is written after its row and may lag behind; lines this old are compared with their row."""
VERIFY_AGAIN_AFTER = timedelta(minutes=30)
"""And not again before; each process remembers by itself when it did so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervise:
    """One look at the whole worklist."""

    cases: CaseStore
    steps: StepQueue
    clock: Clock
    tell: TellOperators
    freeze: FreezeSwitch
    budget: BudgetBook
    settle: Callable[[Case], Awaitable[None]]
    mend: MendOverview
    _verified: dict[str, datetime] = field(default_factory=dict[str, datetime], init=False)
    """By case id."""

    async def run(self) -> int:
        """Send the step of every overdue case again; returns how many. Safe to run twice at once: the row decides."""
        now, sent, by_state, lines = self.clock.now(), 0, Counter[str](), list[Listed]()
        self._forget(now)
        async for listed in self.cases.open_cases():
            by_state[listed.state.value] += 1
            lines.append(listed)
            if listed.state in TOLD_OF and LATE_AFTER <= now - listed.moved_at < TELL_OF_WITHIN:
                await self._tell(listed)
            if _late(listed, now) or self._is_to_verify(listed, now):
                sent += await self._look(listed)
        event(log, "cases.supervised", open=by_state.total(), by_state=by_state)
        if sent:
            event(log, "case.step_sent_again", count=sent)
        await self._settle_again(now)
        await self.mend.run(lines, now)
        if matter := matter_of_freeze(await self.freeze.read()):
            await self.tell.tell(matter)
        await self.tell.again(now)
        return sent

    async def _tell(self, listed: Listed) -> None:
        """What the worker that moved the case tells operators itself, unless it died, or is the wiper."""
        stored = await self.cases.load_readable(listed.case_id) if self.tell.wanted else None
        if stored is not None:
            await self.tell.of_case(stored.case)

    async def _settle_again(self, now: datetime) -> None:
        """What became of a wipe is written to the record after the case; a worker that died in between left it out, and
        the next devices would wait for it."""
        for device_id in await self.budget.still_open(paid_before=now - SETTLED_AFTER):
            stored = await self.cases.load_readable(case_id_for_device(device_id))
            if stored is not None and (stored.case.state.rests or stored.case.returned_device_id is not None):
                await self.settle(stored.case)

    def _is_to_verify(self, listed: Listed, now: datetime) -> bool:
        return now - listed.moved_at >= VERIFY_AFTER and listed.case_id not in self._verified

    def _forget(self, now: datetime) -> None:
        """Of what was verified long ago, so that it is verified again."""
        for case_id, at in tuple(self._verified.items()):
            if not timedelta() <= now - at < VERIFY_AGAIN_AFTER:
                del self._verified[case_id]

    async def _look(self, listed: Listed) -> bool:
        self._verified[listed.case_id] = self.clock.now()
        stored = await self.cases.load_readable(listed.case_id)
        if stored is None and await self.cases.is_there(listed.case_id):
            return False  # it cannot be read: its line stays, so that it is found
        if stored is None or (stored.case.state, stored.case.due_at) != (listed.state, listed.due_at):
            await self.cases.mend_worklist(stored, listed.case_id)
        if stored is None or not _late(stored.case, self.clock.now()):
            return False
        await self.steps.send(stored.case)
        return True


def _late(case: Case | Listed, now: datetime) -> bool:
    """Handover should have gone on by itself, and has not."""
    return case.state in RULES and case.due_at is not None and now - case.due_at >= LATE_AFTER
