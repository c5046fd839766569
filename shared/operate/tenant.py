"""What is known of the tenant: licences with their free seats, and what is checked for every device. Nothing is read anew."""

from dataclasses import dataclass
from typing import Any

from shared.domain.checks import Check
from shared.domain.facts import Sku, TenantFacts, Unreadable
from shared.domain.policy import EnrolmentAttestation, Policy
from shared.ports import Clock
from shared.records.attestations import AttestationBook
from shared.records.json_form import JsonForm
from shared.records.tenant_facts import TenantFactsCache
from shared.rules.attesting import newest, scope_that_counts
from shared.rules.plans import ENTRA_PREMIUM_PLANS, INTUNE_PLANS, covers
from shared.rules.sku_names import sku_name
from shared.rules.tenant_checks import tenant_checks

Json = dict[str, Any]
_CHECKS = JsonForm(list[Check])


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowTenant:
    """Views of the facts that the cases' steps have read and remembered."""

    facts: TenantFactsCache
    attestations: AttestationBook
    policy: Policy
    clock: Clock

    async def seats(self) -> Json:
        """Every product with its seats; those that allow Autopilot first. ``read_at`` null: no case needed them yet."""
        facts = await self.facts.known()
        skus = () if facts is None else facts.skus
        ordered = sorted(skus, key=lambda sku: (not covers(sku.plan_ids), sku.part_number))
        return {"read_at": _read_at(facts), "licences": [self._licence(sku) for sku in ordered]}

    async def readiness(self) -> Json:
        """The checks that are the same for every device, as the next device would find them, and the attestation."""
        facts = await self.facts.known()
        now = self.clock.now()
        return {
            "read_at": _read_at(facts),
            "mdm_authority": None if facts is None else facts.mdm_authority,
            "checks": _CHECKS.dump_python(list(tenant_checks(facts, self.policy, now))),
            "attestation": self._attestation(await self.attestations.newest()),
        }

    def _licence(self, sku: Sku) -> Json:
        return {
            "sku": sku.part_number,
            "name": sku_name(sku.part_number),
            "seats": sku.seats,
            "used": sku.used,
            "free": sku.free_seats,
            "enabled": sku.enabled,
            "has_intune": bool(sku.plan_ids & INTUNE_PLANS),
            "has_entra_p1": bool(sku.plan_ids & ENTRA_PREMIUM_PLANS),
            "assigned_by_handover": sku.part_number in self.policy.licence_skus,
        }

    def _attestation(self, stored: EnrolmentAttestation | Unreadable | None) -> Json | None:
        """The word that counts; null for none, and for a stored one that cannot be read."""
        if isinstance(stored, Unreadable):
            return None
        word = newest(self.policy.enrolment_attestation, stored)
        if word is None:
            return None
        until = word.on + word.valid_for
        return {
            "by": word.by,
            "on": word.on.isoformat(),
            "scope": word.scope,
            "groups": list(word.group_ids),
            "valid_until": until.isoformat(),
            "valid": scope_that_counts(word, self.clock.now().date()) is not None,
        }


def _read_at(facts: TenantFacts | None) -> str | None:
    return None if facts is None else facts.read_at.isoformat()
