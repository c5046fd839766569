"""One case as a person looks at it, with its journal, and, while it waits for approval, exactly what would be approved."""

from dataclasses import dataclass
from datetime import datetime

from shared.domain.case import Approval, Case, JournalEntry, proposal_of
from shared.domain.facts import Freeze
from shared.domain.policy import Policy
from shared.domain.states import CaseState
from shared.ports import Clock
from shared.records.cases import CaseStore
from shared.records.freeze import FreezeSwitch
from shared.rules.approving import first_of_two, must_not_be_wiped
from shared.rules.clearing import approval_expires


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a yes would be to, and what stands in its way."""

    code: str
    """The hash that names it (``proposal_of``)."""
    good_until: datetime
    first: Approval | None
    """The yes that waits for a second person's."""
    excluded: str | None
    """Why nobody can approve it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The case as it was read at ``now``, under the policy of that moment."""

    case: Case
    journal: list[JournalEntry]
    policy: Policy
    freeze: Freeze
    now: datetime
    proposal: Proposal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeeCase:
    """Reads it."""

    cases: CaseStore
    freeze: FreezeSwitch
    policy: Policy
    clock: Clock

    async def see(self, case_id: str) -> Seen | None:
        """The case, or None."""
        stored = await self.cases.load(case_id)
        if stored is None:
            return None
        now = self.clock.now()
        policy = self.policy.as_of(now)
        return Seen(
            case=stored.case,
            journal=await self.cases.journal(case_id),
            policy=policy,
            freeze=await self.freeze.read(),
            now=now,
            proposal=proposal_for(stored.case, policy, now),
        )


def proposal_for(case: Case, policy: Policy, now: datetime) -> Proposal | None:
    """What a yes would be to now; None when the case does not wait for one. ``policy`` is that of this moment."""
    if case.state is not CaseState.AWAITING_APPROVAL or case.device is None or case.owner is None:
        return None
    return Proposal(
        code=proposal_of(case, policy.version),
        good_until=approval_expires(case, policy, now),
        first=first_of_two(case, policy, now),
        excluded=must_not_be_wiped(case, policy),
    )
