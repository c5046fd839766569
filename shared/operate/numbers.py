"""Everything that the first page of the console shows, in one read: counts, switches, budgets, and what waits for a person."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.facts import Fleet, Freeze, Sku, WipeBudget, WipeTarget
from shared.domain.policy import Policy
from shared.domain.states import CaseState
from shared.errors import HandoverError
from shared.operate.overview import WAITS_FOR, Overview
from shared.operate.principals import Principal
from shared.ports import Clock
from shared.records.budget import BudgetBook
from shared.records.cases import CaseStore
from shared.records.fleet import FleetBook
from shared.records.freeze import FreezeSwitch
from shared.records.gate import GraphGate
from shared.records.subscriptions import KeptSubscription, SubscriptionBook
from shared.records.tenant_facts import TenantFactsCache

MOST_WAITING = 8
"""So many cases are read to be shown."""
MOST_LOOKED_THROUGH = 200
"""Of so many that wait, the longest waiting are found; of more, the longest waiting of the latest."""


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
    """This month."""
    yours: tuple[CaseState, ...]
    """In which states a case waits for the person who looks."""
    waiting: Sequence[Waiting]
    """Longest waiting first."""
    proven_within: Mapping[str, int]
    """This month's proofs by how long they took."""
    proof_hours: float | None
    """On average."""
    by_sweep_percent: int | None
    skus: Sequence[Sku] | None = None
    subscriptions: Sequence[tuple[KeptSubscription, datetime | None]] = field(default=())
    """With the time when it was heard last."""
    gate_closed_until: datetime | None = None

    def waiting_for(self, who: Principal) -> int:
        """How many cases wait for this person, by the roles they hold."""
        return sum(self.open_by_state.get(state, 0) for state, role in WAITS_FOR.items() if who.may(role))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadNumbers:
    """Reads them; no case but those that are shown."""

    overview: Overview
    cases: CaseStore
    freeze: FreezeSwitch
    fleet: FleetBook
    budget: BudgetBook
    tenant: TenantFactsCache
    gate: GraphGate
    book: SubscriptionBook
    policy: Policy
    clock: Clock

    async def read(self, who: Principal) -> Numbers:
        """All of them, as they are now, for this person."""
        now = self.clock.now()
        yours = tuple(state for state, role in WAITS_FOR.items() if who.may(role)) or tuple(WAITS_FOR)
        figures, waiting, subscriptions, budget = await asyncio.gather(
            self.overview.show(who), self._waiting(yours), self._subscriptions(), self._budget(now)
        )
        freeze, fleet, tenant, closed = await asyncio.gather(
            self.freeze.read(), self.fleet.known(), self.tenant.known(), self.gate.closed_until(now)
        )
        return Numbers(
            policy=self.policy.as_of(now),
            freeze=freeze,
            fleet=fleet,
            budget=budget,
            open_by_state=_by_state(figures["open_cases"]),
            ended_by_state=_by_state(figures["ended_this_month"]),
            yours=yours,
            waiting=waiting,
            proven_within=figures["proof_this_month"]["within"],
            proof_hours=figures["proof_this_month"]["hours_on_average"],
            by_sweep_percent=figures["found_by_sweep_percent"],
            skus=None if tenant is None else tenant.skus,
            subscriptions=subscriptions,
            gate_closed_until=closed,
        )

    async def _budget(self, now: datetime) -> WipeBudget | None:
        try:
            return await self.budget.view(WipeTarget(serial_number=""), now)
        except (HandoverError, ValueError, KeyError, TypeError):
            return None

    async def _subscriptions(self) -> list[tuple[KeptSubscription, datetime | None]]:
        kept, heard = await asyncio.gather(self.book.all(), self.book.heard())
        return [(each, heard.get(each.id.lower())) for each in kept]

    async def _waiting(self, states: Sequence[CaseState]) -> list[Waiting]:
        found = await asyncio.gather(*(self._longest_in(state) for state in states))
        return sorted((each for some in found for each in some), key=lambda each: each.since)[:MOST_WAITING]

    async def _longest_in(self, state: CaseState) -> list[Waiting]:
        """Those that came into the state first, of those that the index leads to."""
        pointers = [each async for each in self.cases.finder.in_state(state, most=MOST_LOOKED_THROUGH)]
        stored = await asyncio.gather(*(self.cases.load_readable(each.case_id) for each in pointers[-MOST_WAITING:]))
        return [
            Waiting(
                case_id=case.id,
                device=(case.device.name if case.device else "") or case.serial_number or case.id,
                owner=case.owner.display_name if case.owner else "",
                state=case.state,
                says=case.says,
                since=case.entered_at or case.moved_at,
            )
            for case in (each.case for each in stored if each is not None)
            if case.state is state
        ]


def _by_state(figures: Mapping[str, int]) -> dict[CaseState, int]:
    """Counts by state; a state that this version does not know is left out."""
    return {CaseState(name): count for name, count in figures.items() if name in set(CaseState)}
