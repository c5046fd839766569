"""Looks whether the tenant is still as it was made: reads only, compares with the file that was applied last."""

import logging
from dataclasses import dataclass

from shared.errors import AccessDenied, BadInput, Unexpected
from shared.ports import Clock
from shared.records.tenant_setup import SetupBook
from shared.telemetry import event
from shared.tenant_setup.desired import read_desired
from shared.tenant_setup.plan_tenant import PlanTenant
from shared.tenant_setup.show import plan_lines

log = logging.getLogger(__name__)

MOST_LINES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class LookForDrift:
    """The use case behind the timer and ``tenant drift``. ``wanted``: the timer looks only when the setting says so."""

    planner: PlanTenant
    book: SetupBook
    clock: Clock
    wanted: bool = True

    async def run(self) -> None:
        """One look, if it is wanted and something was applied. Raises RetryLater: the next timer looks again."""
        text = await self.book.kept_file() if self.wanted else None
        if text is None:
            return
        at = self.clock.now().isoformat()
        try:
            planned = await self.planner.plan(read_desired(text))
        except (AccessDenied, Unexpected, BadInput) as error:
            await self.book.keep_drift({"at": at, "state": "unreadable", "changes": 0, "lines": [str(error)[:500]]})
            event(log, "tenant.drift", level=logging.ERROR, state="unreadable", changes=0)
            return
        state = "drifted" if planned.changes else "as_wanted"
        lines = plan_lines(planned.changes)[:MOST_LINES]
        await self.book.keep_drift({"at": at, "state": state, "changes": len(planned.changes), "lines": lines})
        event(
            log,
            "tenant.drift",
            level=logging.WARNING if planned.changes else logging.INFO,
            state=state,
            changes=len(planned.changes),
        )
