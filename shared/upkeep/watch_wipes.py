"""The watchdog: compares the wipes that Intune wrote down with the ledger, and freezes all when one is nobody's."""

import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.facts import WipeAudit
from shared.domain.policy import Mode, Policy
from shared.domain.reasons import Reason
from shared.errors import AccessDenied, RetryLater, Unexpected
from shared.ports import Clock, Devices
from shared.records.budget import BudgetBook
from shared.records.gate import GraphGate
from shared.records.watchdog_progress import Judged, WatchdogProgress
from shared.remedy.brake import Brake
from shared.remedy.tell_operators import TellOperators
from shared.rules.watchdog import STILL_COMING, Whose, alarm, can_be_judged, is_new, look_from, says, whose
from shared.telemetry import event

log = logging.getLogger(__name__)

SETTLED_EVERY = timedelta(hours=1)
"""So often it is written how far all is settled, when there was nothing to judge; until then a look begins a little earlier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchWipes:
    """One look at Intune's record of wipes. In a split deployment another identity than the one that wipes."""

    devices: Devices
    budget: BudgetBook
    progress: WatchdogProgress
    brake: Brake
    tell: TellOperators
    gate: GraphGate
    policy: Policy
    clock: Clock

    async def run(self) -> int:
        """Judge each wipe since the last look; returns how many were nobody's. A record that cannot be read freezes nothing."""
        now = self.clock.now()
        if self.policy.mode is Mode.OFF or await self.gate.closed_until(now):
            return 0
        judged = await self.progress.read(now, STILL_COMING)
        try:
            audits = await self.devices.wipe_audits()
        except (RetryLater, AccessDenied, Unexpected) as error:
            if isinstance(error, RetryLater):
                await self.gate.close_if_throttled(error, now)
            event(log, "wipe_audits.unreadable", level=logging.ERROR, why=str(error))
            return 0
        if odd := sum(not can_be_judged(audit) for audit in audits):
            event(log, "wipe_audits.unreadable", level=logging.ERROR, why=f"{odd} without an id or a time")
        new = {each.id: each for each in audits if can_be_judged(each) and is_new(each, judged.since, judged.seen)}
        found = await self._sorted(new.values())
        if found[Whose.BY_PERSON]:
            event(log, "wipe.by_person", count=len(found[Whose.BY_PERSON]))
        for audit in found[Whose.NOT_OURS]:
            await self._alarm(audit, now)
        times = {audit.id: audit.requested_at for audit in new.values() if audit.requested_at is not None}
        since = look_from(judged.since, now)
        if times or not judged.kept or since - judged.since >= SETTLED_EVERY:
            await self.progress.save(Judged(since=since, seen={**judged.seen, **times}))
        return len(found[Whose.NOT_OURS])

    async def _sorted(self, audits: Iterable[WipeAudit]) -> dict[Whose, list[WipeAudit]]:
        """The ledger is read after Intune's record: what Handover sent until then is in it."""
        found = defaultdict[Whose, list[WipeAudit]](list)
        for audit in audits:
            found[whose(audit, await self.budget.paid_for(audit.managed_device_id))].append(audit)
        return found

    async def _alarm(self, audit: WipeAudit, now: datetime) -> None:
        event(
            log,
            "wipe.not_ours",
            level=logging.ERROR,
            audit=audit.id,
            device=audit.managed_device_id,
            requested_at=None if audit.requested_at is None else audit.requested_at.isoformat(),
        )
        await self.brake.pull(Reason.WIPE_NOT_OURS, says(audit))
        await self.tell.tell(alarm(audit, now))
