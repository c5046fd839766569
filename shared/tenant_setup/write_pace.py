"""How fast Intune may be written to, by our own clock, so that it never has to say that we are too fast."""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.ports import Clock

Sleep = Callable[[float], Awaitable[None]]
"""Waits so many seconds."""

MOST_WRITES = 80
WINDOW = timedelta(seconds=20)
"""Graph allows an app 100 writes to Intune in 20 seconds ("Microsoft Graph service-specific throttling limits"); others write, too."""


@dataclass(slots=True, kw_only=True)
class WritePace:
    """A window that slides: waits before a write that would be one too many."""

    clock: Clock
    sleep: Sleep
    _written: deque[datetime] = field(default_factory=deque[datetime])

    async def wait(self) -> None:
        """Return when one more write may be sent."""
        while len(self._written) >= MOST_WRITES and (left := self._left()) > 0:
            await self.sleep(left)
        if len(self._written) >= MOST_WRITES:
            self._written.popleft()
        self._written.append(self.clock.now())

    def _left(self) -> float:
        return (self._written[0] + WINDOW - self.clock.now()).total_seconds()
