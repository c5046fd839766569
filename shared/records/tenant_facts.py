"""Tenant-wide facts, read once for all cases and instances; their age is part of every readiness check."""

import json
import logging
from dataclasses import replace
from datetime import timedelta

from shared.domain.facts import TenantFacts
from shared.ports import Clock, Tenant
from shared.records.json_form import JsonForm
from shared.records.ledger import Ledger
from shared.rules.plans import DECISIVE_PLANS, INTUNE_PLANS
from shared.telemetry import event

log = logging.getLogger(__name__)

_PARTITION, _KEY = "facts", "tenant-2"
_FACTS = JsonForm(TenantFacts)


MOST_BYTES = 30_000
"""What fits into one property of a row; a tenant with more is read by each process."""


class TenantFactsCache:
    """The tenant's facts, at most so old."""

    def __init__(
        self, ledger: Ledger, tenant: Tenant, clock: Clock, *, with_all_plans: frozenset[str] = frozenset()
    ) -> None:
        """``with_all_plans``: skuPartNumbers whose plans a rule names one by one."""
        self._ledger = ledger
        self._tenant = tenant
        self._clock = clock
        self._with_all_plans = with_all_plans
        self._last: TenantFacts | None = None

    async def get(self, *, at_most: timedelta) -> TenantFacts:
        """Facts not older than ``at_most``, as this process or any other read them; from Graph when there are none."""
        if self._last is not None and self._is_young(self._last, at_most):
            return self._last
        kept = await self._kept()
        if kept is not None and self._is_young(kept, at_most):
            self._last = kept
            return kept
        facts = _slim(await self._tenant.facts(), self._with_all_plans)
        self._last = facts
        text = _FACTS.dump_json(facts)
        if len(text) <= MOST_BYTES:
            await self._ledger.replace(_PARTITION, _KEY, json.loads(text))
        for sku in facts.skus:
            if sku.plan_ids & INTUNE_PLANS:
                event(log, "licences.counted", product=sku.part_number, seats=sku.seats, used=sku.used)
        return facts

    def _is_young(self, facts: TenantFacts, at_most: timedelta) -> bool:
        return timedelta() <= self._clock.now() - facts.read_at <= at_most

    async def known(self) -> TenantFacts | None:
        """What was read last, however old it is; None: nothing, or nothing that can be read."""
        return await self._kept()

    async def _kept(self) -> TenantFacts | None:
        """What is remembered; None for nothing, and for what another version of the product wrote."""
        try:
            document = await self._ledger.read(_PARTITION, _KEY)
            facts = None if document is None else _FACTS.validate_python(document)
        except (ValueError, KeyError):
            return None
        return facts if facts is not None and self._says_enough(facts) else None

    def _says_enough(self, facts: TenantFacts) -> bool:
        """What was remembered before a change of settings may lack the names that are needed now."""
        return all(sku.plan_names for sku in facts.skus if sku.part_number in self._with_all_plans)


def _slim(facts: TenantFacts, with_all_plans: frozenset[str]) -> TenantFacts:
    """Without the hundreds of service plans that no rule asks for."""
    named = [sku for sku in facts.skus if sku.part_number in with_all_plans]
    wanted = DECISIVE_PLANS.union(*(sku.plan_ids for sku in named))
    skus = tuple(
        replace(sku, plan_ids=sku.plan_ids & wanted, plan_names=sku.plan_names if sku in named else {})
        for sku in facts.skus
    )
    return replace(facts, skus=skus)
