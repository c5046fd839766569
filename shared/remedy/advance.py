"""Move one case as far as it can go now: load, gather, decide, save, act, enqueue."""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.domain.case import Case, Decision, JournalEntry, move
from shared.domain.facts import Facts, ManagedDevice
from shared.domain.policy import Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.errors import AccessDenied, Changed, RetryLater, Unexpected
from shared.ports import Clock
from shared.records.cases import CaseStore, Stored
from shared.records.gate import GraphGate
from shared.remedy.act import Actor
from shared.remedy.gather import Gatherer
from shared.remedy.messages import StepDue, StepQueue
from shared.remedy.tell_operators import TellOperators
from shared.remedy.wipe import WipeProtocol
from shared.rules.answers import changes_by
from shared.rules.decide import AFTER_THE_WIPE, RULES, decide
from shared.rules.decisions import ask_person, wait
from shared.rules.reclaiming import keep
from shared.tracing import note, span

MOST_MOVES = 20
_SETTLED = AFTER_THE_WIPE | {CaseState.AWAITING_ADMIN_APPROVAL}
EARLY_BY_SKEW = timedelta(minutes=2)
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=1)
MOST_STUMBLES = 30
"""About a day of pauses; then a person is told."""
MOST_STUMBLES_AFTER_PROOF = 5
"""A seat is not worth more tries: the case is proven without it."""


class Outcome(StrEnum):
    """What became of one step message."""

    MOVED = "moved"
    STALE = "stale"
    EARLY = "early"
    UNKNOWN_CASE = "unknown_case"
    HANDED_ON = "handed_on"
    """It belongs to the other queue, and lies there now."""
    RESTS = "rests"
    LOST_RACE = "lost_race"
    PARKED_BY_GATE = "parked_by_gate"


@dataclass(slots=True, kw_only=True)
class _Walk:
    """How far one step has come: what is stored, what was decided since, and what was read."""

    stored: Stored
    case: Case
    known: Facts
    entries: list[JournalEntry] = field(default_factory=list[JournalEntry])

    def note(self, case: Case, entry: JournalEntry) -> None:
        """One more move."""
        self.case = case
        self.entries.append(entry)


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """The engine that runs one step of one case."""

    cases: CaseStore
    steps: StepQueue
    gatherer: Gatherer
    actor: Actor
    wipe: WipeProtocol
    gate: GraphGate
    tell: TellOperators
    policy: Policy
    clock: Clock

    @property
    def _policy(self) -> Policy:
        return self.policy.as_of(self.clock.now())

    async def one_step(self, step: StepDue) -> Outcome:
        """Handle one message of case-steps: anything but the wipe, which it hands on.

        Every outcome is final for the message. Storage errors are raised for the queue's retry.
        """
        with span("case.step", parent=step.traceparent, case=step.case_id, version=step.version):
            return await self._step(step, wiping=False)

    async def wipe_step(self, step: StepDue) -> Outcome:
        """Handle one message of wipe-steps: the wipe protocol and nothing else; see ``one_step``."""
        with span("wipe.step", parent=step.traceparent, case=step.case_id, version=step.version, wipe=True):
            return await self._step(step, wiping=True)

    async def seen_back(self, stored: Stored, enrolments: tuple[ManagedDevice, ...]) -> Outcome:
        """Go on with a case that waits for its wiped device, from a list that was read just now: it is not read again.

        ``enrolments`` has every enrolment of the serial number since the wipe, the one that is decided about among them.
        """
        with span("case.seen_back", case=stored.case.id, version=stored.case.version):
            return await self._through_gate(stored, Facts(same_serial=enrolments), wiping=False)

    async def _step(self, step: StepDue, *, wiping: bool) -> Outcome:
        stored = await self.cases.load(step.case_id)
        if stored is None:
            return Outcome.UNKNOWN_CASE
        if stored.case.version != step.version:
            return Outcome.STALE
        if stored.case.state not in RULES:
            return Outcome.RESTS
        now = self.clock.now()
        if stored.case.due_at is not None and stored.case.due_at > now:
            if stored.case.due_at - now <= EARLY_BY_SKEW:
                await self.steps.send(stored.case)
            return Outcome.EARLY
        if (stored.case.state is CaseState.WIPE_INTENDED) is not wiping:
            await self.steps.send(stored.case)
            return Outcome.HANDED_ON
        return await self._through_gate(stored, Facts(), wiping=wiping)

    async def _through_gate(self, stored: Stored, known: Facts, *, wiping: bool) -> Outcome:
        case = stored.case
        note(state=case.state.value, reason=case.reason.value, attempt=case.stumbles + 1)
        passage = await self.gate.enter(self.clock.now())
        if passage.wait_until is not None:
            return await self._wait_at_gate(stored, passage.wait_until)
        try:
            outcome = await (self._wipe(stored) if wiping else self._go_on(stored, known))
        except Changed:
            outcome = Outcome.LOST_RACE
        if passage.tries:
            await self.gate.came_through(self.clock.now())
        return outcome

    async def give_up(self, case_id: str, version: int) -> None:
        """A step failed again and again: the case rests for a person, unless somebody moved it meanwhile."""
        stored = await self.cases.load_readable(case_id)
        if stored is None or stored.case.version != version or stored.case.state not in RULES:
            return
        decision = ask_person(Reason.STEP_FAILED, "This step failed several times in a row; the log has the error.")
        if stored.case.state is CaseState.RECLAIMING_LICENCE:
            decision = keep("this step failed several times in a row; the log has the error")
        await self._save_and_send(stored, *move(stored.case, decision, at=self.clock.now()))

    async def _wait_at_gate(self, stored: Stored, until: datetime) -> Outcome:
        decision = wait(
            stored.case, Reason.GRAPH_BUSY, "Graph asked the whole tenant to wait.", until=until + _jitter(stored.case)
        )
        try:
            await self._save_and_send(stored, *move(stored.case, decision, at=self.clock.now()))
        except Changed:
            return Outcome.LOST_RACE
        return Outcome.PARKED_BY_GATE

    async def _go_on(self, stored: Stored, known: Facts) -> Outcome:
        walk = _Walk(stored=stored, case=stored.case, known=known)
        for _ in range(MOST_MOVES):
            try:
                await self._decide(walk)
            except (RetryLater, Unexpected, AccessDenied) as error:
                # whatever else this step did, it ends in "try later" once more
                walk.note(*await self._in_trouble(replace(walk.case, stumbles=stored.case.stumbles), error))
            if self._stops(walk.case):
                break
        await self._flush(walk)
        await self._after(walk.stored)
        return Outcome.MOVED

    async def _wipe(self, stored: Stored) -> Outcome:
        """Run the protocol, which settles what it did; once anything was sent the row says so, and a trouble then loses the race
        against that row."""
        try:
            stored = await self.wipe.run(stored, self._policy)
        except (RetryLater, Unexpected, AccessDenied) as error:
            await self._save_and_send(stored, *await self._in_trouble(stored.case, error))
            return Outcome.MOVED
        await self._hand_on(stored.case)
        return Outcome.MOVED

    def _stops(self, case: Case) -> bool:
        """Nothing more to do in this step: the case rests, waits for its time, or belongs to the wiper."""
        later = case.due_at is not None and case.due_at > self.clock.now()
        return later or case.state not in RULES or case.state is CaseState.WIPE_INTENDED

    async def _decide(self, walk: "_Walk") -> None:
        """One decision, and its effect if it has one: saved before, answered after."""
        if walk.case.state is CaseState.CLEARED_TO_WIPE:
            await self.wipe.settle(walk.case)
        walk.known = await self.gatherer.facts(walk.case, self._policy, walk.known)
        case = replace(walk.case, stumbles=0) if walk.case.stumbles else walk.case
        decision = decide(case, walk.known, self._policy, self.clock.now())
        walk.note(*move(case, decision, at=self.clock.now()))
        if decision.effect is None:
            return
        await self._flush(walk)
        answer = await self.actor.perform(decision.effect, self._policy)
        answered = replace(walk.case, **dict(changes_by(walk.case, decision.effect, answer)))
        if answered != walk.case:
            walk.case = replace(answered, due_at=self.clock.now())

    async def _flush(self, walk: "_Walk") -> None:
        """Save the moves made so far, if any."""
        walk.stored = await self._flushed(walk.stored, walk.case, walk.entries)
        walk.entries = []

    async def _flushed(self, stored: Stored, case: Case, entries: list[JournalEntry]) -> Stored:
        """Save the moves made so far, if any."""
        if not entries:
            return stored
        return await self.cases.save(stored, case, entries)

    async def _after(self, stored: Stored) -> None:
        case = stored.case
        if case.returned_device_id is not None or case.state.rests or case.state in _SETTLED:
            await self.wipe.settle(case)
        await self._hand_on(case)

    async def _hand_on(self, case: Case) -> None:
        if case.state in RULES:
            await self.steps.send(case)
        await self.tell.of_case(case)

    async def _save_and_send(self, stored: Stored, case: Case, entry: JournalEntry) -> None:
        await self._after(await self._flushed(stored, case, [entry]))

    async def _in_trouble(self, case: Case, error: RetryLater | Unexpected | AccessDenied) -> tuple[Case, JournalEntry]:
        """The case waits, or asks a person. The gate is everybody's: it closes for the time that Graph named, not for
        this case's pause."""
        now = self.clock.now()
        if case.state is CaseState.RECLAIMING_LICENCE and case.stumbles >= MOST_STUMBLES_AFTER_PROOF:
            return move(case, keep(str(error)), at=now)
        if isinstance(error, AccessDenied) and case.state is CaseState.RECLAIMING_LICENCE:
            return move(case, keep(str(error)), at=now)
        if isinstance(error, AccessDenied):
            return move(case, ask_person(Reason.ACCESS_DENIED, str(error)), at=now)
        if isinstance(error, Unexpected):
            error = RetryLater(str(error))
        elif error.throttled:
            await self.gate.close(now + (error.after or FIRST_PAUSE))
        else:
            await self.gate.still_closed(now + FIRST_PAUSE, now)
        return move(case, self._later(case, error), at=now)

    def _later(self, case: Case, error: RetryLater) -> Decision:
        if case.stumbles >= MOST_STUMBLES:
            return ask_person(Reason.GRAPH_BUSY, f"Gave up after {case.stumbles} tries: {error.why}", stumbles=0)
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(case.stumbles, 10))
        until = self.clock.now() + max(pause, error.after or timedelta()) + _jitter(case)
        return wait(
            case, Reason.GRAPH_BUSY, f"Trying again later: {error.why}", until=until, stumbles=case.stumbles + 1
        )


def _jitter(case: Case) -> timedelta:
    """Up to 6 seconds, spread by case, so that parked cases do not all come back in one instant."""
    return timedelta(seconds=hashlib.sha256(case.id.encode()).digest()[0] / 42)
