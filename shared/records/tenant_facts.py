"""Tenant-wide facts, read once for all cases and instances; their age is part of every readiness check."""

import json
import logging
from datetime import timedelta

from pydantic import TypeAdapter

from shared.domain.facts import TenantFacts
from shared.ports import Clock, Tenant
from shared.records.ledger import Ledger
from shared.rules.licensing import INTUNE_PLANS
from shared.telemetry import event

log = logging.getLogger(__name__)

_PARTITION, _KEY = "facts", "tenant"
_FACTS = TypeAdapter(TenantFacts)


class TenantFactsCache:
    """The tenant's facts, at most so old."""

    def __init__(self, ledger: Ledger, tenant: Tenant, clock: Clock) -> None:
        self._ledger = ledger
        self._tenant = tenant
        self._clock = clock

    async def get(self, *, at_most: timedelta) -> TenantFacts:
        """Facts not older than ``at_most``; read from Graph when there are none."""
        document = await self._ledger.read(_PARTITION, _KEY)
        if document is not None:
            facts = _FACTS.validate_python(document, strict=False)
            if timedelta() <= self._clock.now() - facts.read_at <= at_most:
                return facts
        facts = await self._tenant.facts()
        fresh = json.loads(_FACTS.dump_json(facts))
        await self._ledger.change(_PARTITION, (_KEY,), lambda _: {_KEY: fresh})
        for sku in facts.skus:
            if sku.plan_ids & INTUNE_PLANS:
                event(log, "licences.counted", product=sku.part_number, seats=sku.seats, used=sku.used)
        return facts
