"""People, time, Intune and broken workers in any order: no wipe but one that people said yes to, once, while nothing forbids it.

Stories are told through the product's own use cases over fakes. What breaks a promise is made as short as can be.
"""

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from shared.domain.case import Case
from shared.domain.hint import Cause, Hint, Subject
from shared.domain.policy import Mode
from shared.domain.states import CaseState
from shared.errors import HandoverError
from shared.intake.take_hint import Taken
from shared.names import CASE_STEPS, LEDGERS, WIPE_STEPS
from shared.operate.see_case import proposal_for
from shared.remedy.messages import StepDue, queue_of, read_step, write_step
from tests.fakes import story
from tests.fakes.graph import FakeSecondAdmin
from tests.safety.judge import Wipe, identity
from tests.safety.scheduler import finish
from tests.safety.three_pcs import CHANGES, PCS, PEOPLE, ThreePcs, go_on, suspended

AUTO_MODE_IS_ARMED_FOR = timedelta(days=28)
SWITCH: dict[str, str | None] = {
    "freeze": None,
    "thaw": None,
    "cannot be reached": None,
    "can be reached": None,
    "no JSON": "frozen: no",
    "no object": "[]",
    "says nothing": "{}",
    "says null": '{"frozen": null}',
    "says no in words": '{"frozen": "no"}',
}
BACK_TO_NORMAL = ("thaw", "can be reached", "thaw", "can be reached", "thaw")
"""Tried as often as what stands in the way, so that wipes are sent at all."""
MODES = (Mode.APPROVE, Mode.AUTO, Mode.APPROVE, Mode.REPORT, Mode.APPROVE, Mode.OFF)
MEANWHILE = (
    "freeze", "thaw", "cannot be reached", "cancel", "another worker", "a minute", "another user", "enrolled anew",
)  # fmt: skip
MINUTES = (1, 16, 61, 6 * 60, 24 * 60 + 1, 4 * 24 * 60)
names = st.sampled_from(("Ada", "Bob", "Ada", "Bob", "Rita", "Eve"))
awaits = st.integers(0, 60)


@dataclass(frozen=True)
class Look:
    """What a person saw on the page of a case."""

    case_id: str
    code: str
    version: int
    to: Wipe


class ApprovalsInAnyOrder(RuleBasedStateMachine):
    """Three PCs, four people, one kill switch."""

    cases: Bundle[str] = Bundle("cases")
    looks: Bundle[Look] = Bundle("looks")

    @initialize(
        target=cases,
        alone=st.sampled_from([1, 0, 2]),
        an_hour=st.sampled_from([2, 1]),
        second_admin=st.sampled_from([False, True, False]),
    )
    def a_first_case_waits_for_approval(self, alone: int, an_hour: int, second_admin: bool) -> str:
        self.world = ThreePcs(approvals_by_one=alone, wipes_per_hour=an_hour)
        self.world.devices.second_admin = FakeSecondAdmin(self.world.clock) if second_admin else None
        self.judge = self.world.judge
        self.judge.is_back = self._is_settled
        self.bodies: list[tuple[str, str]] = []
        self.waiting: list[str] = []
        """Cases that a person could approve."""
        self.cleared: list[str] = []
        """Cases that come next to the wiper."""
        return finish(self.world.wait_for_approval(rita_asked=True))

    @precondition(lambda self: self.world.opened < PCS)
    @rule(target=cases, rita_asked=st.booleans())
    def another_case_waits_for_approval(self, rita_asked: bool) -> str:
        return finish(self.world.wait_for_approval(rita_asked=rita_asked))

    @rule(case=cases)
    def a_hint_comes(self, case: str) -> None:
        hint = Hint(
            subject=Subject.MANAGED_DEVICE,
            key=case.removeprefix("device-"),
            cause=Cause.NONCOMPLIANT,
            source="test",
            at=self.world.clock.now(),
        )
        if finish(self.world.services.take_hint.open_or_wake(hint)) is Taken.REOPENED:
            self.judge.begins_anew(case, assigned=finish(self.world.case(case)).named_owner is not None)

    # --- people

    async def _look(self, case_id: str) -> Look | None:
        case, now = await self.world.case(case_id), self.world.clock.now()
        proposal, to = proposal_for(case, self.world.policy.as_of(now), now), self._about(case)
        if proposal is None or to is None:
            return None
        return Look(case_id=case_id, code=proposal.code, version=case.version, to=to)

    def _about(self, case: Case) -> Wipe | None:
        if case.device is None or case.owner is None:
            return None
        return Wipe(device=identity(case.device), owner_id=case.owner.user_id, wishes=self.judge.wishes)

    async def _approve(self, look: Look | None, who: str, seen: int | None = None) -> None:
        if look is None:
            return
        yes = self.judge.hear(look.case_id, who, look.to)
        try:
            await self.world.services.operate.approve(look.case_id, look.code, PEOPLE[who], seen=seen)
        except HandoverError:
            self.judge.refused(look.case_id, yes)
            return
        self.judge.taken(look.case_id, yes, self._about(await self.world.case(look.case_id)))

    @precondition(lambda self: self.waiting)
    @rule(place=st.integers(0, 2), who=names, then_rounds=st.sampled_from([3, 0, 1, 2]))
    def somebody_approves_what_waits(self, place: int, who: str, then_rounds: int) -> None:
        case = self.waiting[place % len(self.waiting)]
        finish(self._approve(finish(self._look(case)), who))
        self._work(then_rounds)

    @rule(target=looks, case=cases)
    def somebody_only_looks(self, case: str) -> Look | MultipleResults[Look]:
        look = finish(self._look(case))
        return multiple() if look is None else look

    @rule(look=looks, who=names, says_version=st.booleans())
    def somebody_approves_what_they_saw(self, look: Look, who: str, says_version: bool) -> None:
        finish(self._approve(look, who, look.version if says_version else None))

    @precondition(lambda self: self.waiting)
    @rule(place=st.integers(0, 2), who=names, after=st.integers(0, 30))
    def a_worker_goes_on_while_somebody_approves(self, place: int, who: str, after: int) -> None:
        case = self.waiting[place % len(self.waiting)]
        approving = suspended(self._approve(finish(self._look(case)), who), after)
        finish(self._step(case))
        go_on(approving)

    @rule(case=cases, what=st.sampled_from(["cancel", "reject", "retry", "release"]), who=names)
    def somebody_does(self, case: str, what: str, who: str) -> None:
        finish(self._do(case, what, who))

    async def _do(self, case: str, what: str, who: str) -> None:
        operate, person = self.world.services.operate, PEOPLE[who]
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "cancel": lambda: operate.cancel(case, person, "no"),
            "reject": lambda: operate.reject(case, person, "no"),
            "retry": lambda: operate.retry(case, person),
            "release": lambda: operate.release(case, person),
        }
        with contextlib.suppress(HandoverError):
            await calls[what]()
            if what != "release":
                self.judge.forget(case)
            if what == "retry":
                self.judge.asked_for[case].add(who)

    @rule(what=st.sampled_from((*SWITCH, *BACK_TO_NORMAL)))
    def the_kill_switch(self, what: str) -> None:
        finish(self._switch(what))

    async def _switch(self, what: str) -> None:
        if (nonsense := SWITCH[what]) is not None:
            await self.world.rows.upsert(LEDGERS, "switch", "freeze", {"body": nonsense, "write_id": "x"})
        elif what in ("freeze", "thaw"):
            await self.world.services.operate.set_freeze(frozen=what == "freeze", who=PEOPLE["Eve"], why="test")
            self.world.people_froze = what == "freeze"
        else:
            self.world.rows.switch_away = what == "cannot be reached"

    @rule(mode=st.sampled_from(MODES), excluded=st.sampled_from(["", "PC-9"]))
    def administrators_change_their_wishes(self, mode: Mode, excluded: str) -> None:
        self.world.wish(mode, excluded)

    # --- the world

    @rule(minutes=st.sampled_from(MINUTES), rounds=st.integers(0, 3))
    def time_passes(self, minutes: int, rounds: int) -> None:
        by = timedelta(minutes=minutes)
        if self.world.clock.now() + by < story.START + AUTO_MODE_IS_ARMED_FOR:
            self.world.clock.move(by)
        self._work(rounds)

    @rule(case=cases, what=st.sampled_from((*CHANGES, "as it was", "returns", "as it was")))
    def the_device_is(self, case: str, what: str) -> None:
        self.world.change(case, what)

    @rule(answer=st.sampled_from(["refused", "lost", "lost on its way there", "not sent"]))
    def the_next_wipe_is_answered(self, answer: str) -> None:
        self.world.devices.answer = answer

    @precondition(lambda self: self.world.devices.someone_is_asked)
    @rule(status=st.sampled_from(["approved", "rejected", "cancelled", "somethingNew"]), rounds=st.integers(0, 3))
    def a_second_administrator_decides(self, status: str, rounds: int) -> None:
        assert self.world.devices.second_admin is not None
        self.world.devices.second_admin.decide(status)
        self.world.clock.move(timedelta(hours=1))
        self._work(rounds)

    def _is_settled(self, pc: str) -> bool:
        return f"{pc}-back" in self.world.devices.devices or finish(self.world.case(f"device-{pc}")).state.ended

    # --- the workers

    @rule(rounds=st.integers(1, 4))
    def workers_do_what_is_due(self, rounds: int) -> None:
        self._work(rounds)

    def _work(self, rounds: int) -> None:
        for _ in range(rounds):
            for queue in (CASE_STEPS, WIPE_STEPS):
                for body in self.world.messages.take(queue):
                    finish(self._handle(queue, body))

    async def _handle(self, queue: str, body: str) -> None:
        self.bodies.append((queue, body))
        advance = self.world.services.advance
        await (advance.wipe_step if queue == WIPE_STEPS else advance.one_step)(read_step(body))

    async def _step(self, case_id: str) -> None:
        case = await self.world.case(case_id)
        await self._handle(queue_of(case), write_step(StepDue(case_id=case_id, version=case.version)))

    @precondition(lambda self: self.bodies)
    @rule(age=st.integers(0, 9))
    def an_old_message_comes_again(self, age: int) -> None:
        finish(self._handle(*self.bodies[-1 - age % len(self.bodies)]))

    @rule(lost_first=st.booleans())
    def timers_run(self, lost_first: bool) -> None:
        """Messages may have been lost before."""
        for queue in (CASE_STEPS, WIPE_STEPS) if lost_first else ():
            self.world.messages.queues[queue].clear()
        services = self.world.services
        for timer in (services.supervise.run, services.watch_returns.run, services.watch_fleet.run):
            finish(timer())

    @rule(case=cases, after=awaits)
    def a_worker_dies(self, case: str, after: int) -> None:
        if (steps := suspended(self._step(case), after)) is not None:
            steps.close()

    @rule(case=cases, after=awaits, what=st.sampled_from(MEANWHILE))
    def while_a_worker_is_busy(self, case: str, after: int, what: str) -> None:
        self._meanwhile(case, after, what)

    @precondition(lambda self: self.cleared)
    @rule(place=st.integers(0, 2), after=st.integers(0, 31), what=st.sampled_from(("freeze", *MEANWHILE, "freeze")))
    def while_the_wiper_is_busy(self, place: int, after: int, what: str) -> None:
        case = self.cleared[place % len(self.cleared)]
        if finish(self.world.case(case)).state is CaseState.CLEARED_TO_WIPE:
            finish(self._step(case))
        self._meanwhile(case, after, what)

    def _meanwhile(self, case: str, after: int, what: str) -> None:
        steps = suspended(self._step(case), after)
        if what in SWITCH:
            finish(self._switch(what))
        elif what == "cancel":
            finish(self._do(case, what, "Ada"))
        elif what == "another worker":
            finish(self._step(case))
        elif what == "a minute":
            self.world.clock.move(timedelta(seconds=61))
        else:
            self.world.change(case, what)
        go_on(steps)

    # --- what must be true

    @invariant()
    def all_is_right(self) -> None:
        """Every wipe was, and each journal tells its row."""
        assert not self.judge.wrong, "; ".join(self.judge.wrong)
        waiting, cleared = list[str](), list[str]()
        for number in range(self.world.opened):
            case = finish(self.world.case(f"device-pc-{number}"))
            assert finish(self.world.cases.replayed(case.id)) == case
            if case.state is CaseState.AWAITING_APPROVAL:
                waiting.append(case.id)
            if case.state in (CaseState.CLEARED_TO_WIPE, CaseState.WIPE_INTENDED):
                cleared.append(case.id)
        self.waiting, self.cleared = waiting, cleared


TestApprovalsInAnyOrder = ApprovalsInAnyOrder.TestCase
TestApprovalsInAnyOrder.settings = settings(max_examples=900, stateful_step_count=40, deadline=None)
