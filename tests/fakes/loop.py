"""An event loop whose time is the test's: it never waits, and jumps to the next timer instead."""

import asyncio
import selectors
from collections.abc import Mapping
from typing import Any


class _Jumps(selectors.SelectSelector):
    """Where a loop would wait, time passes at once."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.passed += max(0.0, timeout or 0.0)
        return super().select(0)


class JumpingLoop(asyncio.SelectorEventLoop):
    """For one test; ``errors`` is what was raised where nobody awaits it. Close it."""

    def __init__(self) -> None:
        self._jumps = _Jumps()
        super().__init__(self._jumps)
        self.errors: list[Mapping[str, Any]] = []
        self.set_exception_handler(lambda _, context: self.errors.append(context))

    def time(self) -> float:
        """Seconds since it was made."""
        return self._jumps.passed

    def pass_by(self, seconds: float) -> None:
        """Run what is ready and what becomes ready within this time."""
        self.run_until_complete(asyncio.sleep(seconds))
        for _ in range(5):
            self.run_until_complete(asyncio.sleep(0))
