"""What is known of all cases from the worklist alone, so that a sweep loads none of them: who has a case, and who waits."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.domain.case import case_id_for_device
from shared.domain.states import CaseState
from shared.intake.take_hint import waits_for_licence
from shared.records.cases import CaseStore, Listed

TELL_AGAIN_AFTER = timedelta(hours=24)
"""A case that ended although its device is non-compliant is opened again by a sweep no sooner, unless something changed."""

_SAID_ALL_IS_WELL = frozenset({CaseState.NO_ACTION_NEEDED, CaseState.PROVEN, CaseState.READY_TO_GO})
"""A device that is non-compliant after this is news."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCases:
    """One scan of the worklist: open cases, and those that ended since the beginning of yesterday's month."""

    by_id: dict[str, Listed] = field(default_factory=dict[str, Listed])
    waiting_owners: frozenset[str] = frozenset()
    """Ids, lower case, of the owners of cases that wait for a licence."""

    def is_news(self, managed_device_id: str, *, changed: bool, now: datetime) -> bool:
        """Whether a case should look at this non-compliant device: it has none, or its last one is not about what is so now."""
        listed = self.by_id.get(case_id_for_device(managed_device_id))
        if listed is None:
            return True
        if not listed.state.ended:
            return False
        return changed or listed.state in _SAID_ALL_IS_WELL or now - listed.moved_at >= TELL_AGAIN_AFTER


async def known_cases(cases: CaseStore, now: datetime) -> KnownCases:
    """Scan the worklist. Raises RetryLater when storage is away."""
    by_id: dict[str, Listed] = {}
    months = sorted({f"{now - TELL_AGAIN_AFTER:%Y-%m}", f"{now:%Y-%m}"})
    for month in months:
        by_id |= {listed.case_id: listed async for listed in cases.ended_cases(month)}
    waiting = set[str]()
    # last, and in place of an ended line: a case that was opened again meanwhile may stand in both for a moment
    async for listed in cases.open_cases():
        by_id[listed.case_id] = listed
        if listed.owner_id and waits_for_licence(listed):
            waiting.add(listed.owner_id.lower())
    return KnownCases(by_id=by_id, waiting_owners=frozenset(waiting))
