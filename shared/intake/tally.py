"""Counts of what happens often, told at most once a second: a flood of requests must not become a flood of log lines."""

import asyncio
from collections import Counter
from collections.abc import Callable

TELL_EVERY_SECONDS = 1.0


class Tally:
    """Sums that are told: the first at once, what comes within the next second together after it."""

    def __init__(self, tell: Callable[[Counter[str]], None]) -> None:
        self._tell = tell
        self._sums: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, **counts: int) -> None:
        """Add to the sums. Needs a running event loop."""
        self._sums.update(counts)
        if self._timer is None:
            self._tell_and_wait()

    def _tell_and_wait(self) -> None:
        self._timer = None
        if self._sums:
            self._tell(self._sums)
            self._sums = Counter()
            self._timer = asyncio.get_running_loop().call_later(TELL_EVERY_SECONDS, self._tell_and_wait)
