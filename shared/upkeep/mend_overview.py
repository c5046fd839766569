"""Corrects what lists and counts are made from, where a worker died before it wrote them; nothing is decided by them."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.records.cases import CaseStore, Listed
from shared.records.counts import OPEN, tally
from shared.telemetry import event

log = logging.getLogger(__name__)

WHOLE_LOOK_WITHIN = timedelta(minutes=5)
"""The lists by state and the cases that ended this month are compared in the first supervision of an hour only."""
BELIEVED_WITHIN = timedelta(minutes=10)
"""The figures of open cases are compared for so long after one moved, and after each hour began: two looks, which have to agree.
While nothing moves they cannot become wrong."""
ENDED_LATELY = timedelta(hours=2)
"""Cases that ended so short a time ago are listed under their state once more, whether they were or not."""
SETTLED_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class MendOverview:
    """Compares the derived rows with the worklist."""

    cases: CaseStore

    async def run(self, lines: Sequence[Listed], now: datetime) -> None:
        """``lines`` is the whole worklist as it was just read."""
        since_hour = timedelta(minutes=now.minute, seconds=now.second)
        if since_hour >= BELIEVED_WITHIN and not any(now - line.moved_at < BELIEVED_WITHIN for line in lines):
            return
        wrong = Counter(await self._counts(lines, OPEN, now))
        if since_hour < WHOLE_LOOK_WITHIN:
            month = f"{now:%Y-%m}"
            ended = [line async for line in self.cases.ended_cases(month)]
            wrong.update(await self._counts(ended, month, now))
            await self.cases.finder.add([line for line in ended if now - line.moved_at < ENDED_LATELY])
            pointers = await self.cases.finder.mend(lines, before=now - SETTLED_AFTER)
            if pointers:
                event(log, "overview.pointers_mended", count=pointers)
        if wrong:
            event(log, "overview.counts_mended", level=logging.WARNING, count=len(wrong))

    async def _counts(self, lines: Sequence[Listed], when: str, now: datetime) -> dict[str, int]:
        counted = Counter[str]()
        for line in lines:
            counted.update(tally(line))
        return await self.cases.counts.mend(counted, when, now)
