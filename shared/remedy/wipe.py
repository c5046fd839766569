"""The wipe protocol, and the only caller of Devices.wipe. One case, one device, at most one wipe per attempt.

    WIPE_INTENDED   written before (with a nonce)
      | read everything once more        any doubt -> back, nothing sent
      | pay from the budget (CAS)        spent     -> back, nothing sent
      | read the kill switch             frozen    -> give back, back, nothing sent
    WIPE_SENT       written before (CAS: of two workers one wins)
      | read the kill switch again       frozen    -> give back, back, nothing sent
      | ONE request, no retry, no redirect
    AWAITING_RETURN | NEEDS_PERSON (cleanly refused) | WIPE_UNKNOWN (anything else)
      | AWAITING_ADMIN_APPROVAL (Multi Admin Approval: not wiped, filed for a second administrator)
          | polled by the worker; only "approved" leads on
        WIPE_INTENDED   the same attempt: same nonce, paid anew; the whole fence and the kill switch once more
        WIPE_SENT       written before
          | ONE identical request, with the approval's code instead of the justification
        AWAITING_RETURN | NEEDS_PERSON (refused: there is no third request) | WIPE_UNKNOWN (only the device is read)

The request with a justification wipes at once where no such policy is: it is the wipe, and obeys every check. One
request per phase and two phases are the most an attempt may send; one of them at most is carried out. A worker that
finds WIPE_SENT never sends: it reads the device, and in the first phase the approval requests. Graph has no
idempotency key for a wipe, so at most one wipe is promised, not exactly one.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.case import Case, Decision, managed_device_id_of, move
from shared.domain.effects import (
    AdminApproved,
    Justified,
    WipeAccepted,
    WipeAnswer,
    WipeBacking,
    WipeNeedsApproval,
    WipeNotSent,
    WipeRefused,
)
from shared.domain.facts import Freeze
from shared.domain.policy import Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.ports import Clock, Devices
from shared.records.budget import BudgetBook
from shared.records.cases import CaseStore, Stored
from shared.records.fleet import FleetBook
from shared.records.freeze import FreezeSwitch
from shared.remedy.brake import Brake
from shared.remedy.gather import Gatherer, target_of
from shared.rules.admin_approval import keep_approval
from shared.rules.after_wipe import after_answer
from shared.rules.fence import back_to_hold, check_fence
from shared.rules.justification import justification
from shared.telemetry import event
from shared.tracing import span

log = logging.getLogger(__name__)

A_LOOK_HOLDS_FOR = timedelta(seconds=60)
"""So old may the reading of the device be when the wipe leaves."""
SWITCH_AT_MOST = timedelta(seconds=5)
"""How old a reading of the kill switch may be when the request leaves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WipeProtocol:
    """Runs the protocol for one stored case."""

    cases: CaseStore
    gatherer: Gatherer
    devices: Devices
    budget: BudgetBook
    freeze: FreezeSwitch
    fleet: FleetBook
    brake: Brake
    clock: Clock

    async def run(self, stored: Stored, policy: Policy) -> Stored:
        """From WIPE_INTENDED as far as the protocol leads.

        Raises Changed when another worker was first, RetryLater or AccessDenied when Graph or storage is away. Then
        this worker has sent nothing, or the row says that it has (WIPE_SENT or later) and nobody sends again.
        """
        case = stored.case
        assert case.state is CaseState.WIPE_INTENDED and case.wipe is not None and case.device is not None
        good_until = self.clock.now() + A_LOOK_HOLDS_FOR
        facts = await self.gatherer.fence(case, policy)
        decision = check_fence(case, facts, policy, self.clock.now())
        if decision.to is not CaseState.WIPE_SENT:
            return await self._save_hold(stored, decision)
        if held := await self._pay_or_hold(stored, facts.freeze, policy):
            return held
        backing = _backing(case)
        sent = await self._save(stored, decision)
        event(log, "wipe.sent", level=logging.WARNING, case=case.id, nonce=case.wipe.nonce)
        with span("wipe", case=case.id, attempt=case.wipe.number, wipe=True):
            answer = await self._send(managed_device_id_of(sent.case), backing, good_until)
            outcome = _word(answer)
            event(log, "wipe.answered", level=logging.WARNING, case=case.id, nonce=case.wipe.nonce, outcome=outcome)
        answered = await self._save(sent, after_answer(sent.case, answer, self.clock.now()))
        await self.settle(answered.case)
        return answered

    async def _send(self, managed_device_id: str, backing: WipeBacking, good_until: datetime) -> WipeAnswer:
        """The one request, unless all is frozen, or storage was so slow that what was read last has become old.

        What was read of the kill switch before the case was saved may be old by now, so it is read once more.
        """
        good_until = min(good_until, self.clock.now() + SWITCH_AT_MOST)
        if (await self.freeze.read()).frozen:
            return WipeNotSent(why="all wipes are frozen", frozen=True)
        if self.clock.now() > good_until:
            return WipeNotSent(why="what was read last is too old")
        return await self.devices.wipe(managed_device_id, backing, not_after=good_until)

    async def settle(self, case: Case) -> None:
        """Bring the budget in line with what became of the last attempt.

        Given back when it never was sent, was cleanly refused or failed on the device; no longer in flight when the
        device is back or a person closed the case. The record of wipes learns the same. Only for a case that has left
        WIPE_INTENDED: then nobody can send that attempt any more. It stays paid while a second administrator decides.
        A worker that died, or that lost a race after it had paid, leaves a payment behind.
        """
        attempt, now = case.wipe, self.clock.now()
        if attempt is None or case.device is None:
            return
        if case.state is CaseState.AWAITING_ADMIN_APPROVAL:
            await self.budget.became(nonce=attempt.nonce, outcome=attempt.outcome, now=now)
            return
        if not attempt.may_have_wiped:
            failed = attempt.sent_at is not None and attempt.outcome == "failed"
            await self.budget.release(nonce=attempt.nonce, target=target_of(case), now=now, failed=failed)
            return
        back = case.returned_device_id is not None
        await self.budget.became(
            nonce=attempt.nonce,
            outcome=attempt.outcome,
            back_at=(case.returned_at or now) if back else None,
            verified=case.state in (CaseState.PROVEN, CaseState.CANCELLED),
            now=now,
        )

    async def _pay_or_hold(self, stored: Stored, freeze: Freeze | None, policy: Policy) -> Stored | None:
        """Pay from the budget, then look at the kill switch; the stored case gone back if either says no.

        ``freeze`` is as the last look found it: wipes before a later thaw still count, so the limits are never wider for it.
        """
        case, now = stored.case, self.clock.now()
        assert case.wipe is not None and case.device is not None
        denied = await self.budget.reserve(
            nonce=case.wipe.nonce,
            target=target_of(case),
            policy=policy,
            fleet=await self.fleet.known(),
            thawed_at=None if freeze is None else freeze.thawed_at,
            now=now,
        )
        if denied is not None:
            if denied.freezes:
                await self.brake.pull(denied.reason, denied.says)
            return await self._save_hold(stored, back_to_hold(denied.reason, denied.says, now))
        if (await self.freeze.read()).frozen:
            return await self._save_hold(
                stored, back_to_hold(Reason.FROZEN, "All wipes are frozen; nothing was sent.", now)
            )
        return None

    async def _save_hold(self, stored: Stored, decision: Decision) -> Stored:
        held = await self._save(stored, keep_approval(stored.case, decision, self.clock.now()))
        await self.settle(held.case)
        return held

    async def _save(self, stored: Stored, decision: Decision) -> Stored:
        moved, entry = move(stored.case, decision, at=self.clock.now())
        return await self.cases.save(stored, moved, [entry])


def _backing(case: Case) -> WipeBacking:
    attempt = case.wipe
    assert attempt is not None
    if not attempt.second_request:
        assert attempt.admin_asked_at is None, "a wipe that waits for an administrator is not sent as a first one"
        return Justified(text=justification(case))
    assert attempt.admin_code is not None, "an approved wipe has its code"
    return AdminApproved(code=attempt.admin_code)


def _word(answer: WipeAnswer) -> str:
    match answer:
        case WipeAccepted():
            return "accepted"
        case WipeRefused():
            return "refused"
        case WipeNeedsApproval():
            return "needs approval"
        case WipeNotSent():
            return "not sent"
        case _:
            return "unknown"
