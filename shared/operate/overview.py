"""The figures at a glance, from kept counters: no case is read for them, however many there are."""

from dataclasses import dataclass
from typing import Any

from shared.domain.states import CaseState
from shared.operate.principals import Principal, Role
from shared.ports import Clock
from shared.records.cases import CaseStore
from shared.records.counts import OPEN, PROVEN, Counts

Json = dict[str, Any]

WAITS_FOR = {CaseState.AWAITING_APPROVAL: Role.APPROVER, CaseState.NEEDS_PERSON: Role.OPERATOR}
"""Which role the people have that a case in this state waits for."""
SWEEP = "sweep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What an operator wants to know first."""

    cases: CaseStore
    clock: Clock

    async def show(self, who: Principal) -> Json:
        """The figures now. They follow a case within moments; what a crash left out is mended within ten minutes."""
        counts, month = await self.cases.counts.read(), f"{self.clock.now():%Y-%m}"
        states = counts.of(OPEN, "state")
        return {
            "time": self.clock.now().isoformat(),
            "month": month,
            "open_cases": states,
            "open": sum(states.values()),
            "ended_this_month": counts.of(month, "state"),
            "waiting_for_you": {
                state.value: states.get(state.value, 0) for state, role in WAITS_FOR.items() if who.may(role)
            },
            "proof_this_month": _proof(counts, month),
            "found_by_sweep_percent": _by_sweep(counts, month),
        }


def _proof(counts: Counts, month: str) -> Json:
    """How many were proven this month, and how long that took from the first hint."""
    cases = counts.of(month, "state").get(PROVEN, 0)
    minutes = counts.of(month, "minutes").get(PROVEN, 0)
    return {
        "cases": cases,
        "hours_on_average": round(minutes / 60 / cases, 1) if cases else None,
        "within": counts.of(month, "within"),
    }


def _by_sweep(counts: Counts, month: str) -> int | None:
    """Of 100 cases that are open or ended this month, so many no event told us of; None without any."""
    both = [counts.of(OPEN, "from"), counts.of(month, "from")]
    everything = sum(sum(found.values()) for found in both)
    return round(100 * sum(found.get(SWEEP, 0) for found in both) / everything) if everything else None
