"""Reads the tenant and says what is missing. Nothing here can change anything."""

from dataclasses import dataclass, replace

from shared.domain.facts import Unreadable
from shared.domain.policy import EnrolmentAttestation
from shared.domain.tenant_setup import Change, DesiredTenant, FoundTenant
from shared.ports import Clock, TenantReader
from shared.records.attestations import AttestationBook
from shared.records.tenant_setup import SetupBook
from shared.rules.attesting import newest, scope_that_counts
from shared.rules.tenant_plan import plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What a person is asked to confirm."""

    desired: DesiredTenant
    found: FoundTenant
    take_over: frozenset[str]
    changes: tuple[Change, ...]

    @property
    def to_make(self) -> tuple[Change, ...]:
        """The changes that apply makes."""
        return tuple(change for change in self.changes if change.action.is_made)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTenant:
    """The use case behind plan and the look for drift."""

    reader: TenantReader
    book: SetupBook
    attestations: AttestationBook
    clock: Clock
    attested: EnrolmentAttestation | None = None
    """The word in the settings, where they are known."""

    async def plan(self, desired: DesiredTenant, take_over: frozenset[str] = frozenset()) -> Planned:
        """Read the tenant and say what is missing. Raises RetryLater, AccessDenied or Unexpected."""
        names = (desired.device_group.name, *(group.name for group in desired.licence_groups))
        found = await self.reader.found(await self.book.remembered(), names)
        stored = await self.attestations.newest()
        word = None if isinstance(stored, Unreadable) else newest(self.attested, stored)
        found = replace(found, attested_scope=scope_that_counts(word, self.clock.now().date()))
        return Planned(desired=desired, found=found, take_over=take_over, changes=plan(desired, found, take_over))
