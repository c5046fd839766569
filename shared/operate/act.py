"""What a person may do to a case: approve, reject, cancel, retry, release; and freeze or thaw all wipes. Each asks first whether
this person may, and says in the journal who did it."""

import logging
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from shared.domain.case import Approval, Case, Decision, move, proposal_of
from shared.domain.effects import Answer, Effect
from shared.domain.policy import Policy
from shared.domain.reasons import Reason
from shared.domain.states import TRANSITIONS, CaseState
from shared.errors import Changed, HandoverError
from shared.operate.go_on import GoOn
from shared.operate.principals import Principal, Role
from shared.operate.refusals import MOVED_MEANWHILE, NoSuchCase, NotNow, Stale
from shared.ports import Clock
from shared.records.approvals import ApprovalBook
from shared.records.cases import CaseStore
from shared.records.fleet import FleetBook
from shared.records.freeze import FreezeSwitch
from shared.remedy.messages import StepQueue
from shared.rules.approving import asked_for_it, first_of_two, must_not_be_wiped
from shared.rules.clearing import approval_expires
from shared.rules.decisions import ask_person, go, wait
from shared.rules.notice import calling_off
from shared.telemetry import event, pseudonym

log = logging.getLogger(__name__)


RELEASED = frozenset(
    {
        CaseState.AWAITING_SEAT,
        CaseState.AWAITING_LICENCE,
        CaseState.NOT_READY,
        CaseState.CLEARED_TO_WIPE,
        CaseState.AWAITING_RETURN,
        CaseState.AWAITING_PROOF,
    }
)
"""Where a case waits for something outside, which a person may have seen to."""


def possible(case: Case) -> tuple[str, ...]:
    """What people can do to the case as it is, by the names of the methods of Operate."""
    return tuple(
        name
        for name, is_so in (
            ("approve", case.state is CaseState.AWAITING_APPROVAL),
            ("reject", case.state is CaseState.AWAITING_APPROVAL),
            ("retry", case.state is CaseState.NEEDS_PERSON),
            ("release", case.state in RELEASED),
            ("cancel", CaseState.CANCELLED in TRANSITIONS[case.state]),
        )
        if is_so
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Operate:
    """The operator's actions. Each raises NotAllowed, NoSuchCase, NotNow, or Changed when somebody else moved the case
    meanwhile; ``seen`` is the version that the person looked at, and another one raises Stale.
    """

    cases: CaseStore
    steps: StepQueue
    freeze: FreezeSwitch
    fleet: FleetBook
    go_on: GoOn
    settle: Callable[[Case], Awaitable[None]]
    """Brings the wipe budget in line with a case that a person stopped."""
    perform: Callable[[Effect, Policy], Awaitable[Answer]]
    """Carries out an effect, as the steps of cases do."""
    approvals: ApprovalBook
    policy: Policy
    clock: Clock

    async def approve(self, case_id: str, proposal: str, who: Principal, *, seen: int | None = None) -> Case:
        """Approve exactly the proposal that was shown; one whose device, owner or policy changed since is refused."""
        who.must(Role.APPROVER)
        policy = self.policy.as_of(self.clock.now())
        if not policy.mode.may_write:
            raise NotNow(f"The mode is {policy.mode.value}; no wipe is sent in it.")
        case = await self._in_state(case_id, seen, CaseState.AWAITING_APPROVAL, "approved")
        if (excluded := must_not_be_wiped(case, policy)) is not None:
            raise NotNow(excluded)
        if proposal != proposal_of(case, policy.version):
            raise NotNow("What was approved is not what would happen now: device, owner or policy changed. Look again.")
        if asked_for_it(case, who.known_as):
            raise NotNow("You asked for this yourself, or let the case go on. Somebody else has to approve the wipe.")
        now = self.clock.now()
        first = first_of_two(case, policy, now)
        if first is not None and (first.by_id == who.id or who.is_called(first.by)):
            raise NotNow("You have approved this already. A second person has to approve it, too.")
        number = await self.approvals.note(who.id, proposal, now)
        until = approval_expires(case, policy, now)
        mine = Approval(proposal=proposal, by=who.name, by_id=who.id, at=now, expires_at=until)
        if first is None and (number is None or number > policy.approvals_by_one):
            return await self._save(case, _half(case, mine, number), who)
        return await self._save(case, _cleared(mine, first), who)

    async def reject(self, case_id: str, who: Principal, why: str, *, seen: int | None = None) -> Case:
        """Say no to the proposed wipe; the case rests for a person."""
        who.must(Role.APPROVER)
        case = await self._in_state(case_id, seen, CaseState.AWAITING_APPROVAL, "rejected")
        says = f"Rejected by {who.name}: {why}"
        return await self._save(case, ask_person(Reason.PERSON_REJECTED, says, approval=None, first_approval=None), who)

    async def cancel(self, case_id: str, who: Principal, why: str, *, seen: int | None = None) -> Case:
        """End the case; not possible once a wipe is under way. An owner who expects the wipe is told that it does not come."""
        who.must(Role.OPERATOR)
        case = await self._load(case_id, seen)
        if CaseState.CANCELLED not in TRANSITIONS[case.state]:
            raise NotNow(f"A case that is {case.state.value} cannot be cancelled.")
        policy = self.policy.as_of(self.clock.now())
        called_off = calling_off(case, policy)
        says = f"Cancelled by {who.name}: {why}"
        if called_off is not None:
            says = f"{says.rstrip('.')}. The owner is told that the wipe is called off."
        cancelled = await self._save(case, go(CaseState.CANCELLED, Reason.PERSON_CANCELLED, says), who)
        if called_off is not None:
            with self._done_all_the_same():
                await self.perform(called_off, policy)
        return cancelled

    async def retry(self, case_id: str, who: Principal, *, seen: int | None = None) -> Case:
        """Let a resting case go on: from the start, or, when a wipe was sent, from waiting for the device's return."""
        who.must(Role.OPERATOR)
        case = await self._in_state(case_id, seen, CaseState.NEEDS_PERSON, "retried")
        to = CaseState.AWAITING_RETURN if case.wipe is not None and case.wipe.may_have_wiped else CaseState.OPENED
        decision = Decision(
            to=to,
            reason=Reason.PERSON_RETRIED,
            says=f"Let go on by {who.name}.",
            due=self.clock.now(),
            changes={
                "stumbles": 0,
                "opened_at": self.clock.now(),
                "first_approval": None,
                # by name, for people to read, and by id, because a name may change before somebody approves
                "requested_by": tuple(dict.fromkeys((*case.requested_by, who.name, who.id))),
            },
        )
        return await self._save(case, decision, who)

    async def release(self, case_id: str, who: Principal, *, seen: int | None = None) -> Case:
        """Let a case that waits look again now. Nothing is skipped: every check and every limit is looked at anew."""
        who.must(Role.OPERATOR)
        case = await self._load(case_id, seen)
        if case.state not in RELEASED:
            raise NotNow(f"A case that is {case.state.value} does not wait for anything outside.")
        says = f"{who.name} asked to look again now."
        return await self._save(case, wait(case, case.reason, says, until=self.clock.now()), who)

    async def set_freeze(self, *, frozen: bool, who: Principal, why: str) -> None:
        """Stop or allow all wipes; takes effect before the next wipe of any instance.

        A thaw accepts the number of non-compliant devices as it is, and lets the cases that were held go on.
        """
        who.must(Role.OPERATOR)
        if not frozen:
            await self.fleet.accept()
        await self.freeze.set(frozen=frozen, by=who.name, by_id=who.id, why=why, at=self.clock.now())
        event(log, "freeze.set", level=logging.WARNING, frozen=frozen, by=pseudonym(who.name))
        if not frozen:
            with self._done_all_the_same():
                await self.go_on.run(who)

    async def _load(self, case_id: str, seen: int | None) -> Case:
        stored = await self.cases.load(case_id)
        if stored is None:
            raise NoSuchCase(f"There is no case {case_id}.")
        if seen is not None and stored.case.version != seen:
            raise Stale(MOVED_MEANWHILE)
        return stored.case

    async def _in_state(self, case_id: str, seen: int | None, state: CaseState, verb: str) -> Case:
        case = await self._load(case_id, seen)
        if case.state is not state:
            raise NotNow(f"Only a case that is {state.value} can be {verb}; this one is {case.state.value}.")
        return case

    async def _save(self, case: Case, decision: Decision, who: Principal) -> Case:
        stored = await self.cases.load(case.id)
        if stored is None or stored.case.version != case.version:
            raise Changed(MOVED_MEANWHILE)
        moved, entry = move(case, decision, at=self.clock.now(), who=who.name, who_id=who.id)
        try:
            saved = await self.cases.save(stored, moved, [entry])
        except Changed as lost:
            raise Changed(MOVED_MEANWHILE) from lost
        with self._done_all_the_same():
            if saved.case.state.rests:
                await self.settle(saved.case)
            if saved.case.due_at is not None:
                await self.steps.send(saved.case)
        return saved.case

    @contextmanager
    def _done_all_the_same(self) -> Generator[None]:
        """What the person wanted is stored. What follows from it is found by the supervisor, or by the case's next look: to
        say that it failed would have them do it twice."""
        try:
            yield
        except HandoverError as error:
            event(log, "action.left_behind", level=logging.WARNING, error=type(error).__name__)


def _half(case: Case, approval: Approval, number: int | None) -> Decision:
    """One person's yes where two are needed: the case goes on waiting."""
    which = "How many they approved today is not known" if number is None else f"It is number {number} of theirs today"
    return wait(
        case,
        Reason.SECOND_APPROVAL_NEEDED,
        f"Approved by {approval.by}. {which}, so a second person has to approve, too.",
        until=approval.expires_at,
        evidence={"proposal": approval.proposal, "approvals today": number},
        first_approval=approval,
        proposal=approval.proposal,
    )


def _cleared(approval: Approval, first: Approval | None) -> Decision:
    by = approval.by if first is None else f"{first.by} and {approval.by}"
    return go(
        CaseState.CLEARED_TO_WIPE,
        Reason.APPROVED,
        f"Approved by {by}.",
        evidence={"proposal": approval.proposal},
        approval=replace(approval, by=by),
        first_approval=None,
        proposal=approval.proposal,
        due=approval.at,
    )
