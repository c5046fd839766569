"""One thread, one seed: every await of every worker is a place where another worker may go on, and time only moves here."""

import contextlib
import hashlib
import random
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from local.tenant.model.clock import SimClock


class Crashed(BaseException):
    """The process of this worker ended here. No handler of the product may catch it."""


class Bypassed(AssertionError):
    """Something awaited what the scheduler does not know: an I/O that no fault and no other worker can reach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """What a worker yields: it goes on when so much time has passed."""

    of: timedelta = timedelta()


NOW = Pause()


@types.coroutine
def pause(of: Pause = NOW) -> Generator[Pause, None, None]:
    """Let the others go on; come back when the pause is over."""
    yield of


@dataclass(slots=True, kw_only=True, eq=False)
class Worker:
    """One invocation that is under way."""

    number: int
    name: str
    work: Coroutine[Any, None, None]
    ready_at: datetime
    ended: Callable[[BaseException | None], None]
    before: Callable[[], None]
    """Called each time before it goes on: its process is the current one."""
    crashed: bool = False
    """Its process has ended: what its ``finally`` still asks for is not done."""
    context: Context = field(default_factory=copy_context)
    """Of its own, as every invocation has: which case it logs about, say."""


@dataclass(slots=True, kw_only=True)
class Scheduler:
    """Runs workers in an order that the seed decides, and remembers that order as one hash."""

    clock: SimClock
    rng: random.Random
    switches: int = 0
    current: str = "nobody"
    others_could_begin: Callable[[], bool] = lambda: False
    """Whether another worker could be started at this moment."""
    _running: Worker | None = None
    _workers: list[Worker] = field(default_factory=list[Worker])
    _started: int = 0
    _trace: list[tuple[datetime, tuple[object, ...]]] = field(default_factory=list[tuple[datetime, tuple[object, ...]]])

    def start(
        self,
        name: str,
        work: Coroutine[Any, None, None],
        ended: Callable[[BaseException | None], None],
        before: Callable[[], None],
    ) -> None:
        """Begin an invocation; ``ended`` is told the exception that ended it, or None."""
        self._started += 1
        self._workers.append(
            Worker(number=self._started, name=name, work=work, ready_at=self.clock.now(), ended=ended, before=before)
        )

    @property
    def busy(self) -> bool:
        """Some invocation is under way."""
        return bool(self._workers)

    @property
    def under_way(self) -> int:
        """How many invocations are."""
        return len(self._workers)

    def crowded(self) -> bool:
        """Whether to give way now can change anything; a worker that is alone would only be chosen again.

        Every 64th time it counts as crowded, so that a worker that runs in a circle is noticed.
        """
        self.switches += 1
        return len(self._workers) > 1 or not self.switches % 64 or self.others_could_begin()

    def crash(self) -> Crashed:
        """The process of the worker that is going on ends here: what it has to raise."""
        if self._running is not None:
            self._running.crashed = True
        return Crashed()

    def die_if_crashed(self) -> None:
        """A worker whose process has ended asks for nothing more."""
        if self._running is not None and self._running.crashed:
            raise Crashed

    def next_ready(self) -> datetime | None:
        """When the next worker can go on."""
        return min((worker.ready_at for worker in self._workers), default=None)

    def note(self, *what: object) -> None:
        """Make something part of the history's hash."""
        self._trace.append((self.clock.now(), what))

    @property
    def trace(self) -> str:
        """The hash of everything that happened, in order."""
        lines = (f"{at.isoformat()} {' '.join(map(str, what))}\n" for at, what in self._trace)
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def step(self) -> bool:
        """Let one worker that is ready go on to its next await; False when none is ready."""
        now = self.clock.now()
        ready = [worker for worker in self._workers if worker.ready_at <= now]
        if not ready:
            return False
        worker = ready[self.rng.randrange(len(ready))] if len(ready) > 1 else ready[0]
        self.switches += 1
        self.current, self._running = worker.name, worker
        self._resume(worker)
        self.current, self._running = "nobody", None
        return True

    def _resume(self, worker: Worker) -> None:
        worker.before()
        try:
            yielded: object = worker.context.run(worker.work.send, None)
        except StopIteration:
            self._end(worker, None)
        except (Exception, Crashed) as error:
            self._end(worker, error)
        else:
            if not isinstance(yielded, Pause):
                worker.context.run(worker.work.close)
                raise Bypassed(f"{worker.name} awaits {yielded!r}")
            worker.ready_at = self.clock.now() + yielded.of

    def _end(self, worker: Worker, error: BaseException | None) -> None:
        self._workers.remove(worker)
        self.note(worker.number, worker.name, "ended", type(error).__name__)
        worker.ended(error)

    def crash_all(self) -> None:
        """Every process ends where it is: what is under way is never resumed."""
        for worker in tuple(self._workers):
            self._workers.remove(worker)
            worker.crashed, self._running = True, worker
            with contextlib.suppress(Crashed):
                worker.context.run(worker.work.close)
        self._running = None


def finish(work: Awaitable[Any]) -> Any:
    """The result of something that is asked outside of the history; whatever it awaits is over at once."""
    steps = work.__await__()
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value
