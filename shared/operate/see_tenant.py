"""The tenant's facts for somebody who looks: as they are kept, read anew when they are old and Graph takes requests."""

from dataclasses import dataclass
from datetime import timedelta

from shared.domain.facts import TenantFacts
from shared.errors import HandoverError
from shared.ports import Clock
from shared.records.gate import GraphGate
from shared.records.tenant_facts import TenantFactsCache

GOOD_ENOUGH = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeeTenant:
    """Reads them."""

    tenant: TenantFactsCache
    gate: GraphGate
    clock: Clock

    async def see(self) -> tuple[TenantFacts | None, str]:
        """The facts, however old if there are no newer ones; and why there are none, in words."""
        if await self.gate.closed_until(self.clock.now()) is not None:
            return await self.tenant.known(), "Graph asked to wait, so nothing newer was read."
        try:
            return await self.tenant.get(at_most=GOOD_ENOUGH), ""
        except HandoverError:
            return await self.tenant.known(), "The tenant could not be read just now; the log says why."
