"""The timer trigger: NCRONTAB by a clock that may jump, one catch-up run, never two runs at once."""

import asyncio
import contextlib
import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from croniter import CroniterBadDateError, croniter

from local.host.app import Function, HostError, TimerTrigger
from local.host.bindings import timer_argument
from local.host.invocations import Invoker

logger = logging.getLogger(__name__)

_MINUTE = timedelta(minutes=1)
_SLEEP_MAX_SECONDS = 30.0
_OCCURRENCES_COMPARED = 5


class Schedule:
    """An NCRONTAB expression in UTC, seconds first (they may be left out). Both day fields must match."""

    def __init__(self, expression: str) -> None:
        fields = expression.split()
        if len(fields) not in (5, 6):
            raise HostError(
                f"schedule '{expression}' must have six fields (seconds first); timespans are not supported"
            )
        self.expression = expression
        self._cron = expression if len(fields) == 6 else f"0 {expression}"
        # croniter knows more than NCRONTAB: L, #, hashes and 7 for Sunday would be refused on Azure.
        known = all(re.fullmatch(r"([\d*/,-]|[A-Za-z]{3})+", field) for field in fields)
        if (
            not known
            or re.search(r"(?<![\d/])7", fields[-1])
            or not croniter.is_valid(self._cron, second_at_beginning=True)
        ):
            raise HostError(f"schedule '{expression}' is not a valid NCRONTAB expression")

    def after(self, moment: datetime) -> datetime:
        """The first occurrence later than `moment`. Raises HostError when there is none within 50 years."""
        try:
            found: datetime = croniter(self._cron, moment, second_at_beginning=True, day_or=False).get_next(datetime)
        except CroniterBadDateError as error:
            raise HostError(f"schedule '{self.expression}' never occurs") from error
        return found

    def is_dense(self, moment: datetime) -> bool:
        """Whether it occurs more often than once a minute; then the real host keeps no status."""
        for _ in range(_OCCURRENCES_COMPARED):
            following = self.after(moment := self.after(moment))
            if following - moment < _MINUTE:
                return True
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Status:
    """What is remembered of a timer between two runs of the host."""

    schedule: str
    last: datetime | None
    next: datetime
    updated: datetime


class TimerStatusFile:
    """One timer's status as a JSON file, as the real host keeps it in a blob."""

    def __init__(self, directory: Path, function_name: str) -> None:
        self._path = directory / f"{function_name}.json"

    def read(self) -> _Status | None:
        """The status last written, or None when there is none that can be read."""
        try:
            data = json.loads(self._path.read_text("utf-8"))
            last = datetime.fromisoformat(data["Last"]) if data["Last"] else None
            moments = datetime.fromisoformat(data["Next"]), datetime.fromisoformat(data["LastUpdated"])
            return _Status(schedule=data["Schedule"], last=last, next=moments[0], updated=moments[1])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, status: _Status) -> None:
        """Replace the status in one move."""
        data = {
            "Schedule": status.schedule,
            "Last": status.last.isoformat() if status.last else None,
            "Next": status.next.isoformat(),
            "LastUpdated": status.updated.isoformat(),
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".tmp")
        fresh.write_text(json.dumps(data), "utf-8")
        fresh.replace(self._path)


class TimerListener:
    """Runs one function at its times until it is told to stop.

    `now` gives UTC and may jump forward at any moment; it is looked at each `poll_seconds`. After a jump over many
    ticks the function runs once, with past_due, and goes on from there.
    """

    def __init__(
        self,
        function: Function,
        *,
        now: Callable[[], datetime],
        poll_seconds: float = _SLEEP_MAX_SECONDS,
        invoker: Invoker,
        state_dir: Path | None,
    ) -> None:
        if not isinstance(function.trigger, TimerTrigger):
            raise HostError(f"{function.name} has no timer trigger")
        self.function = function
        self._trigger = function.trigger
        self._schedule = Schedule(function.trigger.schedule)
        self._now = now
        self._poll_seconds = poll_seconds
        self._invoker = invoker
        started = now()
        monitored = state_dir and function.trigger.use_monitor and not self._schedule.is_dense(started)
        self._status_file = TimerStatusFile(state_dir, function.name) if state_dir and monitored else None
        self._last: datetime | None = None
        self._due = self._schedule.after(started)
        self._lock = asyncio.Lock()
        self._stopping = False
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Keep the schedule until `stop` was called and the run in progress is over."""
        past_due = self._missed()
        if past_due or self._trigger.run_on_startup:
            await self._tick(past_due=past_due)
        else:
            self._remember()
        while not self._stopping:
            if self.is_due():
                await self._tick(past_due=self._is_late())
            else:
                await self._sleep()

    def stop(self) -> None:
        """Start no more runs; `run` returns once the running one is over."""
        self._stopping = True
        self._wake.set()

    def look(self) -> None:
        """The clock was moved: look at it now."""
        self._wake.set()

    def is_due(self) -> bool:
        """Whether the clock has reached the next occurrence, the run for which has not begun."""
        return not self._lock.locked() and self._now() >= self._due

    async def run_once(self, *, past_due: bool = False) -> None:
        """Run the function now, after a run in progress. Raises what it raises."""
        async with self._lock:
            with self._invoker.tally.busy():
                argument = timer_argument(past_due=past_due, last=self._last, due=self._due, plain=self._trigger.plain)
                await self._invoker.call(self.function, lambda: argument)

    def _missed(self) -> bool:
        """Whether a tick was missed while no host ran. A changed schedule forgets the past."""
        status = self._status_file.read() if self._status_file else None
        if status is None or status.schedule != self._schedule.expression:
            return False
        self._last = status.last
        if status.next > self._now():
            return False
        self._due = status.next
        return True

    def _is_late(self) -> bool:
        now = self._now()
        return now - self._due > _MINUTE or self._schedule.after(self._due) <= now

    async def _tick(self, *, past_due: bool) -> None:
        began = self._now()
        with contextlib.suppress(Exception):  # already counted and logged; the schedule goes on
            await self.run_once(past_due=past_due)
        self._last = began
        self._due = self._schedule.after(self._now())
        self._remember()

    def _remember(self) -> None:
        if self._status_file:
            self._status_file.write(
                _Status(schedule=self._schedule.expression, last=self._last, next=self._due, updated=self._now())
            )

    async def _sleep(self) -> None:
        left = (self._due - self._now()).total_seconds()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), min(max(left, 0.001), self._poll_seconds))
        if not self._stopping:
            self._wake.clear()
