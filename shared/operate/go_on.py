"""A thaw lets the cases that the freeze held go on, longest waiting first, one after the other."""

from dataclasses import dataclass
from datetime import timedelta

from shared.domain.case import move
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.errors import Changed
from shared.operate.principals import Principal
from shared.ports import Clock
from shared.records.cases import CaseStore, Stored
from shared.remedy.messages import StepQueue
from shared.rules.decisions import wait

ENDED_BY_A_THAW = frozenset({Reason.FROZEN, Reason.SPIKE, Reason.ERROR_BUDGET_SPENT, Reason.RETURN_RATE_LOW})
APART = timedelta(seconds=20)
MOST_CASES = 100
"""The others look by themselves within a quarter of an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoOn:
    """Wakes cases held by what a thaw ends."""

    cases: CaseStore
    steps: StepQueue
    clock: Clock

    async def run(self, who: Principal) -> int:
        """Wake them; returns how many."""
        held = await self._held()
        held.sort(key=lambda stored: (stored.case.entered_at or stored.case.moved_at, stored.case.id))
        return sum([await self._wake(stored, place, who) for place, stored in enumerate(held)])

    async def _held(self) -> list[Stored]:
        found: list[Stored] = []
        async for listed in self.cases.open_cases():
            if listed.state is CaseState.CLEARED_TO_WIPE and listed.reason in ENDED_BY_A_THAW:
                stored = await self.cases.load_readable(listed.case_id)
                if stored is not None and (stored.case.state, stored.case.reason) == (listed.state, listed.reason):
                    found.append(stored)
            if len(found) == MOST_CASES:
                break
        return found

    async def _wake(self, stored: Stored, place: int, who: Principal) -> bool:
        now = self.clock.now()
        says = f"{who.name} thawed all wipes; this case is number {place + 1} of those that go on."
        decision = wait(stored.case, Reason.GUARDRAIL_LIFTED, says, until=now + place * APART)
        moved, entry = move(stored.case, decision, at=now, who=who.name, who_id=who.id)
        try:
            saved = await self.cases.save(stored, moved, [entry])
        except Changed:
            return False
        await self.steps.send(saved.case)
        return True
