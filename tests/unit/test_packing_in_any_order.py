"""Requests, storage and clocks in any order: what is answered as stored lies in a message that is read after it was told."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shared.domain.hint import Cause, Hint, Subject
from shared.errors import AccessDenied, RetryLater
from shared.intake import packing
from shared.intake.messages import MOST_IN_A_MESSAGE, read_hints
from shared.intake.packing import HIDDEN_FOR, HintQueue
from shared.names import HINTS
from shared.ports import QueueSize
from tests.builders import NOW
from tests.fakes.clock import FixedClock
from tests.fakes.loop import JumpingLoop

HINT = Hint(subject=Subject.USER, key="", cause=Cause.USER_CHANGED, source="graph", at=NOW)
STORAGE_MAY_ROUND_BY = timedelta(seconds=1)
HOW = ("stores", "stores and is silent", "stores and says busy", "is busy", "denies", "breaks")
AT_ONCE, WAITING = 2, 3
"""Smaller than in production, so that stories come to these limits."""


@dataclass(slots=True, kw_only=True, eq=False)
class Request:
    """One POST of Graph's, and whether it was told 202."""

    hints: list[Hint]
    came_at: datetime
    """By storage's clock, which nobody sets."""
    task: asyncio.Task[None]
    given_up: bool = False

    @property
    def accepted(self) -> bool:
        return self.task.done() and not self.task.cancelled() and self.task.exception() is None


@dataclass(slots=True, kw_only=True, eq=False)
class Call:
    """One message on its way to storage."""

    body: str
    delay: timedelta
    answer: asyncio.Future[None]
    is_stored: bool = False
    """Storage has it, though it has not said so yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One message, and from when on it can be read at the earliest."""

    keys: frozenset[str]
    readable_at: datetime


class HeldStorage:
    """The port Messages; each call waits until the story answers it."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    async def send(self, queue: str, body: str, *, delay: timedelta = timedelta()) -> None:
        assert queue == HINTS
        call = Call(body=body, delay=delay, answer=asyncio.get_running_loop().create_future())
        self.calls.append(call)
        await call.answer

    async def measure(self, queue: str) -> QueueSize:
        return QueueSize(messages=0, oldest_at=None)


def about(number: int) -> Hint:
    """A hint about one of the users."""
    return replace(HINT, key=f"{number:08}-0000-4000-8000-000000000000")


class PackingInAnyOrder(RuleBasedStateMachine):
    """One instance's webhook."""

    @initialize(hidden=st.booleans(), clock_may=st.sampled_from(["run", "be set", "run while the machine sleeps"]))
    def the_instance_starts(self, hidden: bool, clock_may: str) -> None:
        packing.MOST_AT_ONCE, packing.MOST_WAITING = AT_ONCE, WAITING
        self.loop, self.storage = JumpingLoop(), HeldStorage()
        self.true, self.clock = FixedClock(NOW), FixedClock(NOW)
        self.clock_may = clock_may
        self.queue = HintQueue(messages=self.storage, clock=self.clock, hidden=hidden)
        self.requests: list[Request] = []
        self.stored: list[Stored] = []

    @rule(first=st.integers(0, 1), many=st.sampled_from([1, 1, 2, 33, 70]), is_stored=st.booleans())
    def a_request_comes(self, first: int, many: int, is_stored: bool) -> None:
        hints = [about(first + number) for number in range(many)]
        task = self.loop.create_task(self.queue.send(hints))
        self.requests.append(Request(hints=hints, came_at=self.true.now(), task=task))
        self._pass(0)
        if is_stored:
            self._pass(0.005)
            for call in tuple(self.storage.calls):
                self._answer(call, "stores")

    @precondition(lambda self: any(not request.task.done() for request in self.requests))
    @rule(place=st.integers(0, 9))
    def a_request_is_given_up(self, place: int) -> None:
        waiting = [request for request in self.requests if not request.task.done()]
        request = waiting[place % len(waiting)]
        request.given_up = True
        request.task.cancel()
        self._pass(0)

    @precondition(lambda self: self.storage.calls)
    @rule(place=st.integers(0, 9), how=st.sampled_from(HOW))
    def storage_answers(self, place: int, how: str) -> None:
        self._answer(self.storage.calls[place % len(self.storage.calls)], how)

    def _answer(self, call: Call, how: str) -> None:
        if how.startswith("stores") and not call.is_stored:
            self._store(call)
        if how == "stores and is silent":
            return
        self.storage.calls.remove(call)
        errors = {"denies": AccessDenied("no"), "breaks": ValueError("a bug")}
        if call.answer.done():
            return
        if how == "stores":
            call.answer.set_result(None)
        else:
            call.answer.set_exception(errors.get(how, RetryLater("busy")))
        self._pass(0)

    def _store(self, call: Call) -> None:
        call.is_stored = True
        hints = read_hints(call.body)
        keys = {hint.key for hint in hints}
        assert 1 <= len(hints) == len(keys) <= MOST_IN_A_MESSAGE
        assert keys <= {hint.key for request in self.requests for hint in request.hints}, "nobody told of these"
        hidden = max(timedelta(), call.delay - STORAGE_MAY_ROUND_BY)
        self.stored.append(Stored(keys=frozenset(keys), readable_at=self.true.now() + hidden))

    @rule(seconds=st.sampled_from([0.001, 0.005, 0.5, 1.2, 3.0]))
    def time_passes(self, seconds: float) -> None:
        self._pass(seconds)

    @precondition(lambda self: self.clock_may != "run")
    @rule(seconds=st.sampled_from([0.5, 1.5, 300.0]), back=st.booleans())
    def a_clock_goes_its_own_way(self, seconds: float, back: bool) -> None:
        """The machine's clock is set, or goes on with storage's while the machine, and with it the loop, sleeps."""
        by = timedelta(seconds=seconds)
        if self.clock_may == "be set":
            self.clock.move(-by if back else by)
        else:
            self.true.move(by)
            self.clock.move(by)

    def _pass(self, seconds: float) -> None:
        self.loop.pass_by(seconds)
        self.true.move(timedelta(seconds=seconds))
        self.clock.move(timedelta(seconds=seconds))

    @invariant()
    def all_is_right(self) -> None:
        """And storage is not asked by more at once than it should be."""
        assert len(self.storage.calls) <= AT_ONCE
        self._what_was_accepted_is_stored()

    def _what_was_accepted_is_stored(self) -> None:
        for request in self.requests:
            if request.accepted:
                for hint in request.hints:
                    assert any(
                        hint.key in message.keys and message.readable_at >= request.came_at for message in self.stored
                    ), "accepted, and in no message that is read after it was told"

    def teardown(self) -> None:
        if not hasattr(self, "loop"):
            return
        try:
            self._come_to_rest()
        finally:
            packing.MOST_AT_ONCE, packing.MOST_WAITING = _AT_ONCE, _WAITING
            self.loop.close()

    def _come_to_rest(self) -> None:
        """No wake-up is lost, and nothing is held on to."""
        self._pass(0.01)
        while self.storage.calls:
            self._answer(self.storage.calls[0], "stores")
        assert all(request.task.done() for request in self.requests), "somebody waits for ever"
        self._what_was_accepted_is_stored()
        self._pass(HIDDEN_FOR.total_seconds())
        assert not self.queue._packs and not self.queue._pending  # pyright: ignore[reportPrivateUsage]  # memory shows nowhere else
        assert all(request.given_up or not request.task.cancelled() for request in self.requests), "one harmed another"
        wrong = [request.task.exception() for request in self.requests if not request.task.cancelled()]
        assert all(error is None or isinstance(error, RetryLater) for error in wrong), "only RetryLater means 503"
        assert not self.loop.errors


_AT_ONCE, _WAITING = packing.MOST_AT_ONCE, packing.MOST_WAITING
TestPackingInAnyOrder = PackingInAnyOrder.TestCase
TestPackingInAnyOrder.settings = settings(max_examples=400, stateful_step_count=30, deadline=None)
