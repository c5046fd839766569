"""The product over fakes, in which time passes: messages become visible, timers run, a wiped PC comes back."""

import heapq
import itertools
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.case import Case, JournalEntry
from shared.domain.facts import Compliance, Fleet, User, WipeTarget
from shared.domain.hint import Cause, Hint, Subject
from shared.domain.policy import Mode, Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.intake.messages import read_hints, write_hints
from shared.names import CASE_STEPS, HINTS, NOTICES, WIPE_STEPS
from shared.remedy.advance import Outcome
from shared.remedy.messages import StepDue, queue_of, read_step
from shared.remedy.notice_messages import read_pointer
from shared.rules.guardrails import Hold
from shared.services import Services
from tests.fakes import story
from tests.fakes.office import Office

LONGEST_LIFE = timedelta(days=60)
STEPS = (CASE_STEPS, WIPE_STEPS)


class World(Office):
    """The office, and what happens in it.

    ``signs_in`` sets up a wiped PC, ``wiped_pc_returns_after`` (None: never). ``most_deliveries`` is how often a
    message is delivered before it is given up; 1 means that what a worker had in hand is lost with it.
    """

    def __init__(self, mode: Mode = Mode.AUTO, **settings: object) -> None:
        super().__init__(mode, **settings)
        self.signs_in: User = story.licensed_owner()
        self.wiped_pc_returns_after: timedelta | None = timedelta(hours=3)
        self.devices.when_wiped = self._wiped
        self.most_deliveries = 5
        self._happenings: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._deliveries: Counter[str] = Counter()
        self._timer_failed = False

    async def put(self, case: Case) -> Case:
        """Store a case as if it had come this far."""
        entry = JournalEntry(
            sequence=case.version,
            at=case.moved_at,
            from_state=None,
            to_state=case.state,
            reason=case.reason,
            says=case.says,
            who="test",
            evidence={},
        )
        return (await self.cases.open(case, entry)).case

    async def put_intended(self, nonce: str = "nonce-of-the-test", **fields: object) -> Case:
        """Store DEF456's case as it is when it has just written down its wipe; owner and PC are ready for it."""
        self.directory.users[story.OWNER_ID] = story.licensed_owner()
        bound = replace(story.registration(), user_principal_name=story.OWNER_UPN)
        self.autopilot.registrations[bound.id] = bound
        await self.fleet.look(at_most=timedelta())
        now = self.clock.now()
        values = {"wipe": story.attempt(now, nonce=nonce), **fields}
        return await self.put(story.case_in(CaseState.WIPE_INTENDED, self.policy, now, **values))

    async def case(self, case_id: str = story.CASE_ID) -> Case:
        """The stored case; it must be there."""
        stored = await self.cases.load(case_id)
        assert stored is not None, f"there is no {case_id}"
        return stored.case

    async def states(self, case_id: str = story.CASE_ID) -> list[CaseState]:
        """The states of the journal in order, waits left out."""
        entries = await self.cases.journal(case_id)
        return [state for state, _ in itertools.groupby(entry.to_state for entry in entries)]

    async def reasons(self, case_id: str = story.CASE_ID) -> list[Reason]:
        """The reason of every entry of the journal."""
        return [entry.reason for entry in await self.cases.journal(case_id)]

    async def paid_wipes(self) -> int:
        """How many wipes the budget holds as paid for and not yet back."""
        return (await self.budget.view(WipeTarget(serial_number=story.SERIAL_NUMBER), self.clock.now())).in_flight

    async def pay(self, nonce: str, target: WipeTarget | None = None, policy: Policy | None = None) -> Hold | None:
        """Pay for a wipe, by default of DEF456's PC, with the fleet as it is now."""
        fleet = Fleet(
            read_at=self.clock.now(),
            enrolled=self.tenant.enrolled,
            noncompliant=self.tenant.noncompliant,
            usual=self.tenant.noncompliant,
        )
        return await self.budget.reserve(
            nonce=nonce,
            target=target or WipeTarget(serial_number=story.SERIAL_NUMBER),
            policy=policy or self.policy,
            fleet=fleet,
            thawed_at=None,
            now=self.clock.now(),
        )

    def graph_writes(self) -> dict[str, int]:
        """How often Graph was asked to change something, by what."""
        counts = {
            "wipe": self.devices.wiped.total(),
            "sync": self.devices.synced.total(),
            "assign": self.directory.assigned.total(),
            "locate": self.directory.located.total(),
            "bind": self.autopilot.bound.total(),
            "mail": len(self.mail.sent),
        }
        return {name: count for name, count in counts.items() if count}

    def hint(self, cause: Cause = Cause.NONCOMPLIANT, owner: str | None = None) -> Hint:
        """A hint about PC-0427."""
        return Hint(
            subject=Subject.SERIAL_NUMBER,
            key=story.SERIAL_NUMBER,
            cause=cause,
            source="test",
            at=self.clock.now(),
            owner=owner,
        )

    async def hear_of_device(self) -> None:
        """A hint about PC-0427 arrives in the hints queue."""
        await self.messages.send(HINTS, write_hints([self.hint()]))

    def later(self, after: timedelta, what: Callable[[], None]) -> None:
        """Let something happen when its time has come."""
        heapq.heappush(self._happenings, (self.clock.now() + after, next(self._order), what))

    async def step(self, services: Services | None = None) -> Outcome:
        """One step message about the case as it is now, on the queue that it belongs to."""
        case = await self.case()
        return await _run(services or self.services, queue_of(case), StepDue(case_id=case.id, version=case.version))

    def come_back(self, device_id: str) -> None:
        """The wiped PC is set up anew by whoever signs in; Intune finds it compliant 40 minutes later."""
        self.devices.devices.pop(device_id, None)
        back = story.returned_device(self.clock.now(), self.signs_in)
        self.devices.devices[back.id] = back
        self.later(timedelta(minutes=40), lambda: self.devices.change(back.id, compliance=Compliance.COMPLIANT))

    async def step_of(self, body: str) -> Outcome:
        """One step message as it was sent."""
        return await self.services.advance.one_step(read_step(body))

    async def live(self, services: Services | None = None, *, until: datetime | None = None) -> None:
        """Let time pass until the case rests or has ended, or until the given time.

        Between two events time jumps; after each jump the timers run. What raises is delivered again, five times,
        and then given up, as the Functions host does it.
        """
        services = services or self.services
        end = until or self.clock.now() + LONGEST_LIFE
        idle = 0
        while self.clock.now() < end:
            while await self._deliver(services):
                idle = 0
            if until is None and await self._rests():
                return
            idle += 1
            self.clock.set(min(self._next_event(idle), end))
            while self._happenings and self._happenings[0][0] <= self.clock.now():
                heapq.heappop(self._happenings)[2]()
            await self._run_timers(services)
        await self._deliver(services)

    def _next_event(self, idle: int) -> datetime:
        times = [message.visible_at for queue in self.messages.queues.values() for message in queue]
        times += [at for at, _, _ in self._happenings[:1]]
        soon = idle <= 2 or self._timer_failed
        if soon or not times:
            times.append(self.clock.now() + (timedelta(minutes=6) if soon else timedelta(hours=6)))
        return max(min(times), self.clock.now() + timedelta(seconds=1))

    async def _run_timers(self, services: Services) -> None:
        self._timer_failed = False
        complaints = _Complaints()
        logging.getLogger("shared.upkeep").addHandler(complaints)
        try:
            for timer in (services.supervise.run, services.watch_returns.run, services.watch_fleet.run):
                try:
                    await timer()
                except Exception:  # the host logs it and runs the timer again at its next time
                    self._timer_failed = True
        finally:
            logging.getLogger("shared.upkeep").removeHandler(complaints)
        self._timer_failed = self._timer_failed or complaints.heard

    async def _deliver(self, services: Services) -> bool:
        bodies = [(queue, body) for queue in (HINTS, *STEPS, NOTICES) for body in self.messages.take(queue)]
        for queue, body in bodies:
            self._deliveries[body] += 1
            try:
                await self._handle(services, queue, body)
            except Exception:  # the host sees to it that it is delivered again
                await self._deliver_again(queue, body)
        return bool(bodies)

    async def _deliver_again(self, queue: str, body: str) -> None:
        if self._deliveries[body] < self.most_deliveries:
            await self.messages.send(queue, body, delay=timedelta(seconds=30))
        elif self.most_deliveries > 1 and queue in STEPS:
            step = read_step(body)
            await self.services.advance.give_up(step.case_id, step.version)

    async def _handle(self, services: Services, queue: str, body: str) -> None:
        if queue in STEPS:
            await _run(services, queue, read_step(body))
            return
        if queue == NOTICES:
            await services.send_notice.send(*read_pointer(body))
            return
        for hint in read_hints(body):
            await services.take_hint.open_or_wake(hint)

    async def _rests(self) -> bool:
        stored = await self.cases.load(story.CASE_ID)
        return stored is not None and (stored.case.state.ended or stored.case.state is CaseState.NEEDS_PERSON)

    def _wiped(self, device_id: str) -> None:
        if self.wiped_pc_returns_after is not None:
            self.later(self.wiped_pc_returns_after, lambda: self.come_back(device_id))


class _Complaints(logging.Handler):
    """Hears whether a timer could not read what it needs, and leaves it to its next run."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard = False

    def emit(self, record: logging.LogRecord) -> None:
        self.heard = self.heard or record.getMessage().endswith(".unreadable")


async def _run(services: Services, queue: str, step: StepDue) -> Outcome:
    advance = services.advance
    return await (advance.wipe_step(step) if queue == WIPE_STEPS else advance.one_step(step))
