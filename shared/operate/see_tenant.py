"""The tenant for somebody who looks: as it is kept, read anew when that is old and Graph takes requests."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.domain.facts import TenantFacts
from shared.domain.tenant_setup import FoundProfile
from shared.errors import HandoverError
from shared.ports import Clock, TenantReader
from shared.records.gate import GraphGate
from shared.records.tenant_facts import TenantFactsCache

GOOD_ENOUGH = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenTenant:
    """What is known. ``profiles`` None: they could not be read. ``trouble`` says why something is not new, or not there."""

    facts: TenantFacts | None
    profiles: tuple[FoundProfile, ...] | None
    trouble: str


@dataclass(slots=True, kw_only=True)
class SeeTenant:
    """Reads it: the facts at most every ten minutes for all instances, the profiles for each."""

    tenant: TenantFactsCache
    setup: TenantReader | None
    gate: GraphGate
    clock: Clock
    _profiles: tuple[datetime, tuple[FoundProfile, ...]] | None = field(default=None, init=False)

    async def see(self) -> SeenTenant:
        """The tenant now, or as it was read last."""
        if await self.gate.closed_until(self.clock.now()) is not None:
            return await self._known("Graph asked to wait, so nothing newer was read.")
        try:
            facts = await self.tenant.get(at_most=GOOD_ENOUGH)
            return SeenTenant(facts=facts, profiles=await self._read_profiles(), trouble="")
        except HandoverError:
            return await self._known("The tenant could not be read just now; the log says why.")

    async def _known(self, trouble: str) -> SeenTenant:
        profiles = None if self._profiles is None else self._profiles[1]
        return SeenTenant(facts=await self.tenant.known(), profiles=profiles, trouble=trouble)

    async def _read_profiles(self) -> tuple[FoundProfile, ...] | None:
        now, kept = self.clock.now(), self._profiles
        if kept is not None and timedelta() <= now - kept[0] <= GOOD_ENOUGH:
            return kept[1]
        if self.setup is None:
            return None
        self._profiles = now, await self.setup.profiles()
        return self._profiles[1]
