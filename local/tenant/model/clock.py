"""The tenant's time: it stands still until it is moved, and what is due on the way happens at its own time."""

import heapq
from collections.abc import Callable
from datetime import datetime, timedelta

Action = Callable[[], None]


class SimClock:
    """Virtual time, UTC. Actions due at the same moment run in the order in which they were scheduled."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("the start must be timezone-aware")
        self.start = start
        self._now = start
        self._scheduled = 0
        self._due: list[tuple[datetime, int, Action]] = []

    def now(self) -> datetime:
        """The current virtual time, UTC."""
        return self._now

    def schedule(self, at: datetime, action: Action) -> None:
        """Run ``action`` when the time comes; a time in the past means at the next move."""
        self._scheduled += 1
        heapq.heappush(self._due, (at, self._scheduled, action))

    def after(self, delay: timedelta, action: Action) -> None:
        """Run ``action`` when ``delay`` has passed; no delay means now."""
        if delay <= timedelta():
            action()
        else:
            self.schedule(self._now + delay, action)

    def next_at(self) -> datetime | None:
        """When the next action is due, or None when nothing is scheduled."""
        return self._due[0][0] if self._due else None

    def advance_to(self, until: datetime) -> None:
        """Move the time forward, running due actions in time order, each at its own time. Never goes back."""
        while self._due and self._due[0][0] <= until:
            at, _, action = heapq.heappop(self._due)
            self._now = max(self._now, at)
            action()
        self._now = max(self._now, until)

    def advance(self, by: timedelta) -> None:
        """Move the time forward by a duration."""
        self.advance_to(self._now + by)
