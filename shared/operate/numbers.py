"""Everything that the first page of the console shows, in one read: counts, switches, budgets, and what waits for a person."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.facts import Fleet, Freeze, Sku, WipeBudget, WipeTarget
from shared.domain.policy import Policy
from shared.domain.states import CaseState
from shared.errors import HandoverError
from shared.ports import Clock
from shared.records.budget import BudgetBook
from shared.records.cases import CaseStore, Listed
from shared.records.fleet import FleetBook
from shared.records.freeze import FreezeSwitch
from shared.records.gate import GraphGate
from shared.records.subscriptions import KeptSubscription, SubscriptionBook
from shared.records.tenant_facts import TenantFactsCache

YOURS = (CaseState.AWAITING_APPROVAL, CaseState.NEEDS_PERSON)
"""States in which a case waits for a person."""
MOST_WAITING = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A case that waits for a person."""

    case_id: str
    device: str
    owner: str
    state: CaseState
    says: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """Everything that was read for the overview. None: it is not known."""

    policy: Policy
    freeze: Freeze
    fleet: Fleet | None
    budget: WipeBudget | None
    open_by_state: Mapping[CaseState, int]
    ended_by_state: Mapping[CaseState, int]
    ended_when: str
    """In which time they ended, in words."""
    waiting: Sequence[Waiting]
    proof_hours: Sequence[tuple[str, int]] = ()
    """So many proofs in each span of hours, from the quickest to the slowest."""
    proof_median: float | None = None
    by_sweep: int | None = None
    opened: int | None = None
    """Cases opened in that time, and how many of them the sweep found."""
    skus: Sequence[Sku] | None = None
    subscriptions: Sequence[tuple[KeptSubscription, datetime | None]] = field(default=())
    """With the time when it was heard last."""
    gate_closed_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadNumbers:
    """Reads them."""

    cases: CaseStore
    freeze: FreezeSwitch
    fleet: FleetBook
    budget: BudgetBook
    tenant: TenantFactsCache
    gate: GraphGate
    book: SubscriptionBook
    policy: Policy
    clock: Clock

    async def read(self) -> Numbers:
        """All of them, as they are now."""
        now = self.clock.now()
        open_ones = [line async for line in self.cases.open_cases()]
        ended = [line async for line in self.cases.ended_cases(f"{now:%Y-%m}")]
        tenant = await self.tenant.known()
        heard = await self.book.heard()
        return Numbers(
            policy=self.policy.as_of(now),
            freeze=await self.freeze.read(),
            fleet=await self.fleet.known(),
            budget=await self._budget(now),
            open_by_state=_counted(open_ones),
            ended_by_state=_counted(ended),
            ended_when="this month",
            waiting=await self._waiting(open_ones),
            skus=None if tenant is None else tenant.skus,
            subscriptions=[(kept, heard.get(kept.id.lower())) for kept in await self.book.all()],
            gate_closed_until=await self.gate.closed_until(now),
        )

    async def _budget(self, now: datetime) -> WipeBudget | None:
        try:
            return await self.budget.view(WipeTarget(serial_number=""), now)
        except (HandoverError, ValueError, KeyError, TypeError):
            return None

    async def _waiting(self, lines: Sequence[Listed]) -> list[Waiting]:
        yours = sorted((line for line in lines if line.state in YOURS), key=lambda line: line.moved_at)
        found = await asyncio.gather(*(self.cases.load(line.case_id) for line in yours[:MOST_WAITING]))
        return [
            Waiting(
                case_id=case.id,
                device=(case.device.name if case.device else "") or case.serial_number or case.id,
                owner=case.owner.display_name if case.owner else "",
                state=case.state,
                says=case.says,
                since=case.entered_at or case.moved_at,
            )
            for case in (stored.case for stored in found if stored is not None)
        ]


def _counted(lines: Sequence[Listed]) -> dict[CaseState, int]:
    counts: dict[CaseState, int] = {}
    for line in lines:
        counts[line.state] = counts.get(line.state, 0) + 1
    return counts
