"""What can go wrong with one I/O, and when it does: by chance from a seed, or at chosen I/Os only."""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from shared.clients.graph.answers import Reply
from shared.errors import AlreadyThere, Changed, RetryLater
from tests.safety.scheduler import Pause, Scheduler, pause


class Accident(StrEnum):
    """One thing that goes wrong with one I/O."""

    CRASH_BEFORE = "crash_before"
    CRASH_AFTER = "crash_after"
    AWAY = "away"
    """It fails, and nothing was done."""
    LOST = "lost"
    """It was done, and the answer does not arrive."""
    OWN_CONFLICT = "own_conflict"
    """It was done; the storage SDK repeated it by itself and reports the conflict with our own write."""
    TWICE = "twice"
    """A message is stored two times."""
    SLOW = "slow"
    THROTTLED = "throttled"
    THROTTLED_THOUGH_DONE = "throttled_though_done"
    GATEWAY = "gateway"
    """A 504, nothing was done."""
    GATEWAY_THOUGH_DONE = "gateway_though_done"
    FORBIDDEN = "forbidden"
    """403 once: the permission was not there."""
    DENIED = "denied"
    """401 once: the token was not good enough."""


_A = Accident
_EVERYWHERE = (_A.CRASH_BEFORE, _A.CRASH_AFTER, _A.AWAY, _A.SLOW)
_GRAPH = (*_EVERYWHERE, _A.LOST, _A.THROTTLED, _A.GATEWAY)
POSSIBLE: Mapping[str, Sequence[Accident]] = {
    "rows.get": _EVERYWHERE,
    "rows.scan": _EVERYWHERE,
    "rows.write": (*_EVERYWHERE, _A.LOST, _A.OWN_CONFLICT),
    "rows.upsert": (*_EVERYWHERE, _A.LOST),
    "rows.delete": (*_EVERYWHERE, _A.LOST),
    "queue.send": (*_EVERYWHERE, _A.LOST, _A.TWICE),
    "token": (_A.CRASH_BEFORE, _A.AWAY, _A.SLOW),
    "graph.read": _GRAPH,
    "graph.groups": (*_GRAPH, *(_A.FORBIDDEN,) * 4),
    "graph.write": (*_GRAPH, _A.THROTTLED_THOUGH_DONE, _A.GATEWAY_THOUGH_DONE),
    "graph.wipe": (*_GRAPH, _A.THROTTLED_THOUGH_DONE, _A.GATEWAY_THOUGH_DONE, _A.DENIED),
}
"""What can go wrong with which kind of I/O."""

RETRY_AFTER = ("30", "2.128", "0", None, "Wed, 21 Oct 2015 07:28:00 GMT", "600")
SLOWEST = timedelta(seconds=120)
_STATUS = {
    _A.THROTTLED: 429,
    _A.THROTTLED_THOUGH_DONE: 429,
    _A.GATEWAY: 504,
    _A.GATEWAY_THOUGH_DONE: 504,
    _A.DENIED: 401,
    _A.FORBIDDEN: 403,
}


@dataclass(slots=True, kw_only=True)
class Io:
    """One I/O of the product."""

    kind: str
    name: str
    number: int = 0
    accident: Accident | None = None


class Plan(Protocol):
    """Decides what goes wrong with an I/O."""

    def strike(self, io: Io, now: datetime) -> Accident | None:
        """The accident that befalls it, or None."""
        ...


class NoPlan:
    """Nothing goes wrong."""

    def strike(self, io: Io, now: datetime) -> Accident | None:
        """Never."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """At these I/Os these accidents, and no others."""

    at: Mapping[int, Accident]

    def strike(self, io: Io, now: datetime) -> Accident | None:
        """By the number of the I/O; one that cannot befall this kind does not."""
        accident = self.at.get(io.number)
        return accident if accident in POSSIBLE[io.kind] else None


@dataclass(slots=True, kw_only=True)
class ByChance:
    """Every I/O may be struck, until the accidents stop."""

    rng: random.Random
    share: float
    until: datetime
    slow: bool = False
    """Nothing but slowness."""

    def strike(self, io: Io, now: datetime) -> Accident | None:
        """One of those that can befall this kind."""
        share = 0.5 if self.slow and io.kind == "token" else self.share  # the last that comes before the wipe leaves
        if now >= self.until or self.rng.random() >= share:
            return None
        return Accident.SLOW if self.slow else self.rng.choice(POSSIBLE[io.kind])


@dataclass(slots=True, kw_only=True)
class Accidents:
    """Stands around every I/O: the others get their turn before and after it, and what is planned happens."""

    scheduler: Scheduler
    plan: Plan
    rng: random.Random
    meanwhile: Callable[[Io], None] = lambda _: None
    """Called at each I/O: the world may do something in this very moment."""
    count: int = 0
    struck: list[str] = field(default_factory=list[str])
    kinds: list[str] = field(default_factory=list[str])
    """The kind of each I/O so far."""

    async def before(self, io: Io) -> Reply | None:
        """Before the I/O has any effect. Raises Crashed or RetryLater; for Graph a failure may be the answer instead."""
        self.scheduler.die_if_crashed()
        if self.scheduler.crowded():
            await pause()
        self.count += 1
        io.number = self.count
        self.kinds.append(io.kind)
        self.meanwhile(io)
        io.accident = self.plan.strike(io, self.scheduler.clock.now())
        self.scheduler.note(io.number, self.scheduler.current, io.kind, io.name, io.accident or "")
        if io.accident is None:
            return None
        self.struck.append(
            f"{self.scheduler.clock.now():%d %H:%M:%S} I/O {io.number} ({io.name} of {self.scheduler.current}): {io.accident}"
        )
        match io.accident:
            case Accident.CRASH_BEFORE:
                raise self.scheduler.crash()
            case Accident.AWAY:
                if io.kind.startswith("graph."):
                    return _failed(503, None)
                raise RetryLater(f"{io.name}: away")
            case Accident.SLOW if io.kind != "graph.wipe":
                await pause(Pause(of=SLOWEST * self.rng.random()))
            case Accident.THROTTLED | Accident.GATEWAY | Accident.DENIED | Accident.FORBIDDEN:
                return self._failed(io.accident)
            case _:
                pass
        return None

    async def after(self, io: Io) -> Reply | None:
        """After the I/O had its effect, before the caller hears of it."""
        if self.scheduler.crowded():
            await pause()
        match io.accident:
            case Accident.CRASH_AFTER:
                raise self.scheduler.crash()
            case Accident.SLOW if io.kind == "graph.wipe":  # what has left cannot be called back: its answer is slow
                await pause(Pause(of=SLOWEST * self.rng.random()))
                return None
            case Accident.LOST if io.kind.startswith("graph."):
                raise ConnectionError("the answer was lost")
            case Accident.LOST:
                raise RetryLater(f"{io.name}: the answer was lost")
            case Accident.THROTTLED_THOUGH_DONE | Accident.GATEWAY_THOUGH_DONE:
                return self._failed(io.accident)
            case _:
                return None

    def own_conflict(self, io: Io, *, new: bool) -> None:
        """Raise what the storage SDK makes of a repeated write."""
        if io.accident is Accident.OWN_CONFLICT:
            raise (AlreadyThere if new else Changed)(f"{io.name}: conflict with our own write")

    def _failed(self, accident: Accident) -> Reply:
        status = _STATUS[accident]
        return _failed(status, self.rng.choice(RETRY_AFTER) if status == 429 else None)


def _failed(status: int, retry_after: str | None) -> Reply:
    error = {"error": {"code": "simulated", "message": "simulated"}}
    return Reply(status=status, content=json.dumps(error).encode(), retry_after=retry_after)
