"""The sweep: finds what no event told, by reading what changed and, now and then, everything that is non-compliant.

It runs page by page and saves after each page, so that a run may end anywhere - by its time, by a kill, because Graph is busy -
and the next one goes on. What it finds becomes hints like any other; a page that is read twice only repeats them.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.domain.policy import Mode, Policy
from shared.errors import AccessDenied, ResyncNeeded, RetryLater, Unexpected
from shared.intake.packing import HintQueue
from shared.ports import Clock, Ids
from shared.records.gate import GraphGate
from shared.records.locks import Locks
from shared.records.subscriptions import SubscriptionBook
from shared.records.sweep_progress import Leg, Round, SweepProgress
from shared.telemetry import event
from shared.upkeep.pace import Pace
from shared.upkeep.sweep_legs import Legs, Visit

log = logging.getLogger(__name__)

RUN_FOR = timedelta(minutes=4)
"""One run; the host ends an invocation after ten minutes."""
LOCK_LASTS = timedelta(minutes=6)
"""Taken again with every page; a killed run keeps the next one out for so long."""
MOST_TOLD = 500
"""Hints of one run: the steps that they start read Graph as well. The next run, a minute later, goes on."""
MOST_STUMBLES = 5
"""A page that fails this often in a row, a minute apart, is not waited for: the other legs have their turn."""
_LOCK = "sweep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """One tick of the timer: begins a round when it is time, goes on with one that is under way, else does nothing."""

    every: timedelta
    """Between the ends of two rounds; zero: never."""
    policy: Policy
    progress: SweepProgress
    legs: Legs
    hints: HintQueue
    book: SubscriptionBook
    gate: GraphGate
    locks: Locks
    clock: Clock
    ids: Ids

    async def run(self) -> None:
        """Sweep as far as it goes now. Raises RetryLater when storage is away; trouble with Graph is logged, not raised."""
        now = self.clock.now()
        if not self.every or self.policy.mode is Mode.OFF or not await self._has_work(now):
            return
        if await self.gate.closed_until(now):
            return
        holder = self.ids.new()
        if not await self.locks.take(_LOCK, holder=holder, now=now, lasts=LOCK_LASTS):
            return
        try:
            at = await self.progress.round()  # once more: somebody may have gone on until the lock was ours
            if at.leg is not None or self._is_time(at, await self.book.sweep_asked_at(), now):
                await self._go_on(at, holder, until=now + RUN_FOR)
        except RetryLater as error:
            await self.gate.close_if_throttled(error, self.clock.now())
            event(log, "sweep.interrupted", level=logging.WARNING, why=error.why)
        finally:
            await self.locks.give_back(_LOCK, holder=holder, now=self.clock.now())

    async def _has_work(self, now: datetime) -> bool:
        at = await self.progress.round()
        return at.leg is not None or self._is_time(at, await self.book.sweep_asked_at(), now)

    def _is_time(self, at: Round, asked_at: datetime | None, now: datetime) -> bool:
        if at.finished_at is None or at.started_at is None:
            return True
        if asked_at is not None and at.started_at <= min(asked_at, now):
            return True
        return not timedelta() <= now - at.finished_at < self.every

    async def _go_on(self, at: Round, holder: str, *, until: datetime) -> None:
        """Page after page, until the round is over or the run has had its share."""
        visit = Visit(pace=Pace())
        if at.leg is None:
            at = await self._begin(at)
        while at.leg is not None:
            now = self.clock.now()
            if now >= until or visit.told >= MOST_TOLD:
                return
            if not await self.locks.take(_LOCK, holder=holder, now=now, lasts=LOCK_LASTS):
                return
            if not visit.pace.may_ask(*self.legs.costs(at.leg)):
                return
            at = await self._page(at, at.leg, visit)
        event(
            log,
            "sweep.finished",
            seconds=round(((at.finished_at or until) - (at.started_at or until)).total_seconds()),
            pages=at.pages,
            rows=at.rows,
            told=at.told,
            listed=at.listed_at == at.listing_since,
        )

    async def _begin(self, at: Round) -> Round:
        now = self.clock.now()
        begun = replace(
            at, leg=Leg.DEVICES, link=None, started_at=now, listing_since=None, changed=(), pages=0, rows=0, told=0
        )
        await self.progress.save(begun)
        return begun

    async def _page(self, at: Round, leg: Leg, visit: Visit) -> Round:
        """One page, or the step to the next leg: told first, saved after. Raises RetryLater."""
        if not self.legs.wants(leg, at):
            at, links = self._onward(at, leg), {}
        else:
            try:
                at, links = await self._visited(at, leg, visit)
            except ResyncNeeded as error:
                event(log, "sweep.begins_anew", level=logging.WARNING, leg=leg.value, why=str(error))
                at, links = self.legs.anew(leg, at), {leg: None}
                if not visit.may_begin_anew(leg):
                    at = self._onward(at, leg)
            except (AccessDenied, Unexpected) as error:
                at, links = self._left_out(at, leg, error), {}
            except RetryLater as error:
                if error.throttled or at.stumbles < MOST_STUMBLES:
                    await self.progress.save(replace(at, stumbles=at.stumbles + 1))
                    raise
                at, links = self._left_out(at, leg, error), {}
        await self.progress.save(at, links)
        return at

    async def _visited(self, at: Round, leg: Leg, visit: Visit) -> tuple[Round, Mapping[Leg, str | None]]:
        seen, told, links = await self.legs.visit(leg, at, visit)
        self.progress.check(seen, links)
        await self.hints.send(told)
        visit.told += len(told)
        seen = replace(seen, stumbles=0)
        return (self._onward(seen, leg) if seen.link is None else seen), links

    def _left_out(self, at: Round, leg: Leg, error: Exception) -> Round:
        """The round goes on without this leg, and the next round tries it again."""
        event(log, "sweep.failed", level=logging.ERROR, leg=leg.value, why=str(error))
        return self._onward(self.legs.anew(leg, at), leg)

    def _onward(self, at: Round, leg: Leg) -> Round:
        after = leg.after
        return replace(at, leg=after, link=None, stumbles=0, finished_at=at.finished_at if after else self.clock.now())
