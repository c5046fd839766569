"""One history: the product's own triggers, use cases and clients, a tenant, people, and accidents, all from one seed."""

import random
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.functions as func

import function_app
from local.tenant.model.operations import Operation
from local.tenant.model.tenant import TenantModel
from shared.bootstrap import install
from shared.domain.case import Case, JournalEntry
from shared.domain.policy import Mode
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.errors import HandoverError
from shared.names import CASE_STEPS, DEVICE_EVENTS, HINTS, NOTICES, WIPE_STEPS
from shared.records.freeze import FreezeSwitch
from shared.records.ledger import Ledger
from shared.rules.decide import RULES
from shared.rules.watchdog import SLACK
from shared.services import Services
from tests.fakes.ids import CountingIds
from tests.fakes.rows import FakeRows
from tests.safety import cast
from tests.safety.accidents import Accidents, ByChance, NoPlan, Plan
from tests.safety.instances import Outside, settings_of
from tests.safety.people import People
from tests.safety.scheduler import Crashed, Scheduler, finish
from tests.safety.shape import Shape
from tests.safety.storage import MOST_DELIVERIES, Message, SimulatedQueues, SimulatedRows
from tests.safety.tenant_front import InProcessTransport
from tests.safety.witness import Witness

LASTS_AT_MOST = timedelta(days=60)
"""A history ends here; what is not at rest by then is stuck."""
ACCIDENTS_STOP_AFTER = timedelta(days=6)
GOES_ON = RULES.keys() - {CaseState.AWAITING_SEAT}
"""States that must be left one day; a seat may never appear, and then the case looks for it for as long as it takes."""
MOST_SWITCHES = 100_000
MOST_AT_ONCE = 4
"""So many invocations are under way at most before one of them has to end."""
QUIET = tuple(timedelta(hours=hours) for hours in (0.1, 0.1, 1, 6, 24, 48))
"""When nothing happens, the schedules are next run after so long: what they find after minutes, hours or a day is found;
looks in between, with nothing changed since the last one, are left out. Everything that happens begins the row anew."""
FOUND_LATE_AFTER = timedelta(minutes=15)
"""A case that is not gone on with is found by the schedules so long after it was due."""
BESIDE = 0.1
"""How often the schedules run at the same moment as something else."""
GIVEN_BACK_AFTER = timedelta(seconds=30)
TIMERS = (
    ("supervise_cases", timedelta(minutes=5), 1.0),
    ("watch_returns", timedelta(minutes=15), 1.0),
    ("watch_fleet", timedelta(minutes=15), 0.3),  # each case on its way to a wipe counts the fleet as well
    ("watch_wipes", timedelta(minutes=5), 0.3),
)
"""The schedules: how often they run, and how many of those runs are lived through."""
TRIGGERS = {
    DEVICE_EVENTS: ("take_device_event", "park_device_event"),
    HINTS: ("take_hints", "park_hints"),
    CASE_STEPS: ("take_case_step", "give_up_case_step"),
    WIPE_STEPS: ("take_wipe_step", "give_up_wipe_step"),
    NOTICES: ("send_notice", "park_notice"),
}
SENT = (CaseState.WIPE_SENT, CaseState.WIPE_UNKNOWN)
SWEEP = ("sweep", timedelta(minutes=1), 0.5)
SWEEPS_FOR = timedelta(days=12)
"""A device that stays non-compliant is found again and again: so that a history ends, the sweep does."""


@dataclass(kw_only=True)
class History:
    """Build it, run it, read what was broken."""

    seed: int
    shape: Shape | None = None
    plan: Plan | None = None
    told: list[str] = field(default_factory=list[str])
    """What the world and people did, in words."""

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        drawn = Shape.of(self.rng)
        self.shape = shape = self.shape or drawn
        self.model: TenantModel = cast.tenant(shape, self.seed)
        self.clock = self.model.clock
        self.scheduler = Scheduler(clock=self.clock, rng=self.rng)
        self.accidents = Accidents(scheduler=self.scheduler, plan=self._plan(shape), rng=self.rng)
        self.rows = FakeRows(gives_way=False)
        self.queues = SimulatedQueues(self.clock, self.accidents, self.rng)
        self.scheduler.others_could_begin = self.queues.some_visible
        self.settings = settings_of(shape)
        self.witness = Witness(model=self.model, rows=self.rows, settings=self.settings, skew=shape.skew)
        self.witness.worker = lambda: self.scheduler.current
        self._outside = Outside(
            settings=self.settings,
            clock=self.clock,
            rows=SimulatedRows(self.rows, self.accidents, self.witness),
            queues=self.queues,
            graph=InProcessTransport(self.model, self.clock, self.accidents, self.witness),
        )
        self._skews = [
            shape.skew * self.rng.uniform(-1, 1) if shape.skew else timedelta() for _ in range(shape.instances)
        ]
        self._ids = CountingIds()
        self.instances: Sequence[Services] = self._outside.instances(self._skews, self._ids)
        self.people = People(history=self)
        if shape.ambush:
            self.accidents.meanwhile = self.people.lie_in_wait
        self.sweeps, self.shape_skew = shape.sweeps, shape.skew
        self.ended_well = False
        self.began = cast.START
        self.at_rest: Callable[[], None] = lambda: None
        """Called whenever nothing is under way and something is about to begin."""
        self._later: list[tuple[datetime, int, str, Callable[[], None]]] = []
        self._timers: dict[str, datetime] = {}
        self._idle = 0
        self._stood: tuple[list[tuple[CaseState, Reason]], int] = [], 0

    def _plan(self, shape: Shape) -> Plan:
        if self.plan is not None:
            return self.plan
        if not shape.share:
            return NoPlan()
        until = cast.START + ACCIDENTS_STOP_AFTER * self.rng.random()
        return ByChance(rng=self.rng, share=shape.share, until=until, slow=shape.slow)

    def redeploy(self) -> None:
        """New instances with another setting; what is under way goes on in the old ones. The limits are the same."""
        self.settings = self.settings.model_copy(update={"armed_days": self.settings.armed_days + 1})
        self._outside = replace(self._outside, settings=self.settings)
        self.instances = self._outside.instances(self._skews, self._ids)

    def later(self, after: timedelta, what: str, do: Callable[[], None]) -> None:
        """Something happens in the world, some time after the history began."""
        self._later.append((self.began + after, len(self._later), what, do))
        self._later.sort(key=lambda one: one[:2])

    def begin(
        self, name: str, work: Callable[[], Coroutine[Any, Any, None]], *, instance: Services | None = None
    ) -> None:
        """Start something that people do, in a process of the app."""
        self._start(name, work, lambda _: None, instance)

    def run(self) -> "History":
        """Live through it all. Raises Bypassed when something escapes the scheduler."""
        self.people.make_plans()
        return self.go_on()

    def go_on(self) -> "History":
        """Live on from the moment at which it is until all is over."""
        self._live(cast.START + LASTS_AT_MOST)
        self._judge_end()
        return self

    def run_from_here(self, shape: Shape, lasts: timedelta) -> "History":
        """Live on from the moment at which it is, with what the seed brings, until so much time has passed or all is over."""
        self.shape, self.began = shape, self.clock.now()
        self.rng.seed(self.seed)
        if shape.ambush:
            self.accidents.meanwhile = self.people.lie_in_wait
        self.accidents.plan = ByChance(rng=self.rng, share=shape.share, until=self.began + lasts, slow=shape.slow)
        self.people.make_plans_for(lasts)
        self._live(self.began + lasts)
        self._judge_cases()
        return self

    def _live(self, end: datetime) -> None:
        try:
            while self.clock.now() < end:
                self._go_on()
                if self._over() or self.scheduler.switches > MOST_SWITCHES:
                    break
                self._let_time_pass(end)
        finally:
            self.scheduler.crash_all()
            install(None)

    def _go_on(self) -> None:
        """Everything that can go on now goes on."""
        while (self._one_more() and self._deliver()) or self.scheduler.step() or self._deliver():
            if self.scheduler.switches > MOST_SWITCHES:
                self.witness.blame("the history does not come to rest")
                return

    def _one_more(self) -> bool:
        """Another worker begins beside those that are under way."""
        return 0 < self.scheduler.under_way < MOST_AT_ONCE and self.queues.some_visible() and self.rng.random() < 0.5

    def _let_time_pass(self, end: datetime) -> None:
        stands = [(case.state, case.reason) for case in self.cases()], len(self.accidents.struck)
        if stands != self._stood:  # a schedule that an accident befell is run again as soon as any
            self._stood, self._idle = stands, 0
        by_itself, quiet_until = self.clock.next_at(), self._quiet_until()
        until = min(self._next(), quiet_until, end)
        self.clock.advance_to(max(until, self.clock.now() + timedelta(milliseconds=1)))
        if until == quiet_until:
            self._idle += 1
            self._run_timers()
        elif self.rng.random() < BESIDE:
            self._run_timers()
        if by_itself is not None and by_itself <= self.clock.now():
            self._idle = 0  # something happened in the tenant
        while self._later and self._later[0][0] <= self.clock.now():
            _, _, what, do = self._later.pop(0)
            self.told.append(f"{self.clock.now():%d %H:%M:%S} {what}")
            self.scheduler.note(what)
            self._idle = 0
            do()
        self.people.look_around()

    def _quiet_until(self) -> datetime:
        """When the schedules run next if nothing happens: not long after a case is due, for its message may be lost."""
        now = self.clock.now()
        late = (case.due_at + FOUND_LATE_AFTER for case in self.cases() if case.due_at is not None)
        return min([now + QUIET[min(self._idle, len(QUIET) - 1)], *(at for at in late if at > now)])

    def _next(self) -> datetime:
        times = [self._later[0][0]] if self._later else []
        for at in (self.scheduler.next_ready(), self.queues.next_visible(), self.clock.next_at()):
            if at is not None:
                times.append(at)
        return min(times, default=datetime.max.replace(tzinfo=UTC))

    def _over(self) -> bool:
        """Nothing is left that could happen: no message, nothing planned, and every case at rest."""
        if self.scheduler.busy or self._later or self._awaited():
            return False
        return all(case.state not in GOES_ON for case in self.cases())

    def journal(self, case_id: str) -> list[JournalEntry]:
        """What was decided in one case, oldest first."""
        return finish(self.witness.store.journal(case_id))

    def _awaited(self) -> bool:
        """Some message will still be worked on; one that looks for a seat in vain does not count."""
        seats = [case.id for case in self.cases() if case.state is CaseState.AWAITING_SEAT]
        return any(not any(case_id in message.body for case_id in seats) for message in self.queues.messages)

    def cases(self) -> list[Case]:
        """Every stored case, past every accident."""
        return self.witness.cases()

    def _deliver(self) -> bool:
        """Start a worker for one message that is visible."""
        if not self.scheduler.busy:
            self.at_rest()
        message = self.queues.take()
        if message is None:
            return False
        take, give_up = TRIGGERS[message.queue]
        handled_by = give_up if message.taken > MOST_DELIVERIES else take
        trigger = getattr(function_app, handled_by)
        argument = func.QueueMessage(id=str(message.number), body=message.body)
        name = f"{handled_by} {message.number}.{message.taken}"
        self.witness.takes(name, message.queue, message.body)
        self._start(
            name,
            lambda: trigger(argument),
            lambda error: self._handled(message, error),
            None,
        )
        return True

    def _handled(self, message: Message, error: BaseException | None) -> None:
        if error is None:
            self.queues.delete(message)
        elif isinstance(error, Crashed):
            self.queues.give_back(message, timedelta(minutes=10))  # the lease has to run out
        else:
            self.queues.give_back(message, GIVEN_BACK_AFTER)
            self._judge_error(error)

    def _judge_error(self, error: BaseException) -> None:
        if not isinstance(error, HandoverError):
            self.witness.blame(f"a worker broke: {type(error).__name__}: {error}")

    def _run_timers(self) -> None:
        """Every schedule whose time has come."""
        now = self.clock.now()
        for name, every, share in (*TIMERS, SWEEP) if self.sweeps and now - cast.START < SWEEPS_FOR else TIMERS:
            if now - self._timers.get(name, cast.START) >= every and self.rng.random() < share:
                self._timers[name] = now
                trigger: Any = getattr(function_app, name)
                self._start(name, lambda trigger=trigger: trigger(None), self._timer_ended, None)

    def _timer_ended(self, error: BaseException | None) -> None:
        if error is not None and not isinstance(error, Crashed):
            self._judge_error(error)

    def _start(
        self,
        name: str,
        work: Callable[[], Coroutine[Any, Any, None]],
        ended: Callable[[BaseException | None], None],
        instance: Services | None,
    ) -> None:
        services = instance or self.rng.choice(self.instances)
        self.scheduler.start(name, work(), ended, lambda: install(services))

    def _judge_end(self) -> None:
        stuck = [case for case in self.cases() if case.state in GOES_ON]
        for case in stuck:
            self.witness.blame(f"{case.id} is stuck: {case.state} ({case.reason})")
        self._judge_cases()

    def _judge_cases(self) -> None:
        cases = self.cases()
        writes = self.model.counts.writes - self.model.counts.by_operation[Operation.SEND_MAIL]  # to operators
        if self.settings.mode in (Mode.REPORT, Mode.OFF) and writes:
            self.witness.blame(f"{writes} writes in mode {self.settings.mode}")
        for case in cases:
            self._judge_journal(case)
        self._judge_watchdog()
        self.ended_well = any(case.state is CaseState.PROVEN for case in cases)

    def _judge_watchdog(self) -> None:
        """A wipe that another application sent freezes everything, at the latest when somebody looks undisturbed."""
        if self.witness.foreign is None:
            return
        self.accidents.plan = NoPlan()
        at, device_id = self.witness.foreign
        beside = [*self.witness.posted_at, *finish(self.instances[0].watch_wipes.budget.paid_for(device_id))]
        if any(abs(at - ours) <= SLACK + self.shape_skew for ours in beside):
            return  # taken for ours, which wiped this device already
        self.clock.advance(timedelta(hours=2))
        install(self.instances[0])
        finish(self.instances[0].watch_wipes.run())
        install(None)
        switch = finish(FreezeSwitch(Ledger(self.rows, CountingIds())).read())
        thawed = switch.thawed_at is not None and switch.thawed_at >= at - self.shape_skew
        if not switch.frozen and not thawed:
            self.witness.blame("another application wiped a device, and nothing was frozen")

    def _judge_journal(self, case: Case) -> None:
        """The journal tells the way from the first hint to the row without a gap."""
        entries = self.journal(case.id)
        state, sent_at = None, cast.START

        def done(since: datetime, until: datetime) -> bool:
            return any(
                since - self.shape_skew <= at <= until + self.shape_skew for at in self.witness.executed[case.id]
            )

        for number, entry in enumerate(entries, start=1):
            if entry.sequence != number or (entry.from_state is not state and number > 1 and entry.from_state != state):
                self.witness.blame(f"the journal of {case.id} has a gap at {number}")
            if entry.to_state is CaseState.WIPE_SENT:
                sent_at = entry.at
            elif entry.to_state is CaseState.CLEARED_TO_WIPE and entry.from_state in SENT and done(sent_at, entry.at):
                self.witness.blame(f"{case.id} was to be wiped again though the tenant had done it")
            state = entry.to_state
        if finish(self.witness.store.replayed(case.id)) != case:
            self.witness.blame(f"the journal of {case.id} replays to another case")
        if state is not case.state or len(entries) != case.version:
            self.witness.blame(f"the journal of {case.id} does not lead to its row")
