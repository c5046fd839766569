"""Faults: what goes wrong with which requests and notifications, how often and when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Literal

from local.tenant.model.operations import Operation
from local.tenant.model.world import World

NOTIFICATION = "notification"
"""The name that faults of notifications are ``on``."""


class FaultKind(StrEnum):
    """What goes wrong."""

    STATUS = "status"
    LOST_ANSWER = "lost_answer"
    SLOW = "slow"
    THROTTLE = "throttle"
    EMPTY_PAGE = "empty_page"
    REPEAT_ROWS = "repeat_rows"
    STALE_READ = "stale_read"
    RESYNC = "resync"
    LOST = "lost"
    DUPLICATE = "duplicate"
    LATE = "late"
    REORDER = "reorder"


ANSWERS = frozenset({FaultKind.STATUS, FaultKind.LOST_ANSWER, FaultKind.THROTTLE, FaultKind.RESYNC})
"""Kinds that replace the answer: at most one of them hits a request."""
When = Literal["before", "after"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault. It hits requests whose operation matches ``on`` (a name, a pattern, or ``*``)."""

    on: str
    kind: FaultKind
    times: int | None = None
    """How many requests it hits; None means every one."""
    skip: int = 0
    """How many matching requests pass first."""
    since: datetime | None = None
    until: datetime | None = None
    serial: str | None = None
    """Only requests that name this device."""
    when: When = "after"
    """Before or after the request is applied."""
    status: int = 503
    code: str = "ServiceUnavailable"
    message: str = "The service is temporarily unavailable."
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    retry_after: str | None = None
    """Retry-After of a throttled answer: seconds, ``date`` for an HTTP date 10 s ahead, None for no header."""
    drop: bool = True
    """A lost answer breaks the connection; otherwise it is a 504."""
    duration: timedelta = timedelta()
    """How slow, how late, or how old a stale read is."""


@dataclass(slots=True)
class _Armed:
    fault: Fault
    passed: int = 0
    hit: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """What happens to one notification on its way."""

    lost: bool = False
    copies: int = 1
    late: timedelta = timedelta()
    reordered: bool = False


class Faults:
    """The faults that are armed. Each use counts, so that a fault with ``times`` ends by itself."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._armed: list[_Armed] = []

    def add(self, fault: Fault) -> None:
        """Arm one more fault."""
        self._armed.append(_Armed(fault))

    def clear(self) -> None:
        """Disarm all."""
        self._armed.clear()

    def hit(self, operation: Operation, serials: Sequence[str]) -> tuple[Fault, ...]:
        """The faults that hit this request: several may add up, but only one replaces the answer."""
        if not self._armed:
            return ()
        found: list[Fault] = []
        for armed in self._armed:
            fault = armed.fault
            taken = fault.kind in ANSWERS and any(other.kind in ANSWERS for other in found)
            if not taken and _matches(fault, operation, serials) and self._strikes(armed):
                found.append(fault)
        return tuple(found)

    def notification_journey(self) -> Journey:
        """What happens to the next notification."""
        kinds: dict[FaultKind, timedelta] = {}
        for armed in self._armed:
            if armed.fault.on == NOTIFICATION and self._strikes(armed):
                kinds[armed.fault.kind] = armed.fault.duration
        return Journey(
            lost=FaultKind.LOST in kinds,
            copies=2 if FaultKind.DUPLICATE in kinds else 1,
            late=kinds.get(FaultKind.LATE, timedelta()),
            reordered=FaultKind.REORDER in kinds,
        )

    def _strikes(self, armed: _Armed) -> bool:
        fault, now = armed.fault, self._world.now()
        if (fault.since is not None and now < fault.since) or (fault.until is not None and now >= fault.until):
            return False
        if fault.times is not None and armed.hit >= fault.times:
            return False
        if armed.passed < fault.skip:
            armed.passed += 1
            return False
        armed.hit += 1
        return True


def _matches(fault: Fault, operation: Operation, serials: Sequence[str]) -> bool:
    if fault.on == NOTIFICATION or not (fault.on == "*" or fnmatchcase(operation, fault.on)):
        return False
    return fault.serial is None or fault.serial.casefold() in serials
