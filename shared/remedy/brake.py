"""Handover freezes all wipes by itself; only a person thaws them."""

import logging
from dataclasses import dataclass

from shared.domain.reasons import Reason
from shared.ports import Clock
from shared.records.freeze import HANDOVER, FreezeSwitch
from shared.telemetry import event

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Brake:
    """Pulled by a guardrail or by the watchdog."""

    freeze: FreezeSwitch
    clock: Clock

    async def pull(self, reason: Reason, why: str) -> bool:
        """Freeze, unless all is frozen already; whether this call did it. One freeze is told once."""
        pulled = await self.freeze.freeze_by_itself(why=why, at=self.clock.now())
        if pulled:
            event(log, "freeze.set", level=logging.ERROR, frozen=True, by=HANDOVER, reason=reason.value, why=why)
        return pulled
