"""What an owner may do with the link in their mail: see until when the wipe waits, and put it off. The code is the key."""

import logging
import re
from dataclasses import dataclass
from datetime import datetime

from shared.domain.case import move
from shared.domain.policy import Policy
from shared.domain.states import CaseState
from shared.ports import Clock
from shared.records.cases import CaseStore, Stored
from shared.remedy.messages import StepQueue, could_be_case
from shared.rules.notice import code_fits, defer, may_defer
from shared.telemetry import event

log = logging.getLogger(__name__)

_CODE = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What the owner is shown."""

    device: str
    possible: bool
    waits_until: datetime | None
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeferWipe:
    """The owner's own action. Nothing here says whether a case exists to somebody without its code."""

    cases: CaseStore
    steps: StepQueue
    policy: Policy
    clock: Clock

    async def offer(self, case_id: str, code: str) -> Offer | None:
        """What can be done; None for a code that is not the one of the last mail, or no code at all."""
        stored = await self._stored(case_id, code)
        return None if stored is None else self._offer(stored)

    async def put_off(self, case_id: str, code: str) -> Offer | None:
        """Put the wipe off once, if that is possible still; what can be done afterwards, or None as above.

        Raises Changed when the case moved meanwhile: nothing was put off then.
        """
        stored = await self._stored(case_id, code)
        if stored is None or not may_defer(stored.case, self.policy):
            return None if stored is None else self._offer(stored)
        assert stored.case.owner is not None
        now = self.clock.now()
        decision = defer(stored.case, self.policy, now)
        moved, entry = move(stored.case, decision, at=now, who=stored.case.owner.user_principal_name)
        stored = await self.cases.save(stored, moved, [entry])
        event(log, "wipe.deferred", case=moved.id, deferrals=moved.notice.deferrals if moved.notice else 0)
        await self.steps.send(stored.case)
        return self._offer(stored)

    async def _stored(self, case_id: str, code: str) -> Stored | None:
        if not could_be_case(case_id) or _CODE.fullmatch(code) is None:
            return None
        stored = await self.cases.load(case_id)
        return stored if stored is not None and code_fits(stored.case, code) else None

    def _offer(self, stored: Stored) -> Offer:
        case, notice = stored.case, stored.case.notice
        assert notice is not None
        open_still = case.state is not CaseState.NEEDS_PERSON and not case.state.ended
        return Offer(
            device=case.device.name if case.device is not None else "",
            possible=may_defer(case, self.policy),
            waits_until=notice.wipe_not_before if open_still else None,
            left=max(0, self.policy.deferrals - notice.deferrals),
        )
