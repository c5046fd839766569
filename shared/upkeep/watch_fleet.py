"""Counts the fleet every quarter of an hour, so that what is usual is known, and freezes all wipes at once on a spike."""

import logging
from dataclasses import dataclass
from datetime import timedelta

from shared.domain.policy import Mode, Policy
from shared.domain.reasons import Reason
from shared.errors import AccessDenied, RetryLater, Unexpected
from shared.ports import Clock
from shared.records.fleet import FleetBook
from shared.records.gate import GraphGate
from shared.remedy.brake import Brake
from shared.rules.guardrails import spike_of
from shared.telemetry import event

log = logging.getLogger(__name__)

AT_MOST = timedelta(minutes=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchFleet:
    """One look at the counts."""

    fleet: FleetBook
    brake: Brake
    gate: GraphGate
    policy: Policy
    clock: Clock

    async def run(self) -> bool:
        """Count, and freeze on a spike; whether this run froze. Counts that cannot be read freeze nothing: they hold each wipe."""
        now = self.clock.now()
        if self.policy.mode is Mode.OFF or await self.gate.closed_until(now):
            return False
        try:
            fleet = await self.fleet.look(at_most=AT_MOST)
        except RetryLater as error:
            await self.gate.close_if_throttled(error, now)
            event(log, "fleet.unreadable", level=logging.WARNING, why=str(error))
            return False
        except (AccessDenied, Unexpected) as error:
            event(log, "fleet.unreadable", level=logging.ERROR, why=str(error))
            return False
        event(log, "fleet.counted", enrolled=fleet.enrolled, noncompliant=fleet.noncompliant, usual=fleet.usual)
        spike = spike_of(fleet, self.policy)
        return spike is not None and await self.brake.pull(Reason.SPIKE, spike)
