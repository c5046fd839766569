"""The app on a simulated clock: the time comes from the simulated tenant, and delayed messages wait on that clock.

Storage queues only know real time, so a message that is delayed by simulated days is kept here and stored when its
simulated time has come. If the process dies, such a message is lost: that is what the supervisor is for.
"""

import asyncio
import contextlib
import heapq
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import httpx

from shared.bootstrap import build, connect
from shared.bootstrap import install as install_services
from shared.ports import Clock, Messages, QueueSize
from shared.services import Services
from shared.settings import Settings

POLL_SECONDS = 0.02


class FollowedClock:
    """The simulated tenant's clock, asked for 50 times a second by a thread of its own."""

    def __init__(self, url: str) -> None:
        self._url = f"{url.rstrip('/')}/_sim/clock"
        self._now = self._ask(httpx.Client(timeout=5))
        threading.Thread(target=self._follow, daemon=True, name="followed-clock").start()

    def now(self) -> datetime:
        """Simulated time, UTC, at most one poll old."""
        return self._now

    def _follow(self) -> None:
        with httpx.Client(timeout=5) as client:
            while True:
                time.sleep(POLL_SECONDS)
                try:
                    self._now = self._ask(client)
                except httpx.HTTPError:
                    continue

    def _ask(self, client: httpx.Client) -> datetime:
        return datetime.fromisoformat(client.get(self._url).raise_for_status().json()["now"])


class DelayedMessages:
    """Messages whose delay is counted on a simulated clock."""

    def __init__(self, inner: Messages, clock: Clock, stored: Callable[[str], None] = lambda _: None) -> None:
        """``stored`` is told of the queue whenever a message was put on it."""
        self._inner = inner
        self._clock = clock
        self._stored = stored
        self._waiting: list[tuple[datetime, int, str, str]] = []
        self._order = itertools.count()
        self._pump: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()

    async def send(self, queue: str, body: str, *, delay: timedelta = timedelta()) -> None:
        """Store the message now, or keep it until its simulated time has come."""
        if delay <= timedelta():
            await self._store(queue, body)
            return
        heapq.heappush(self._waiting, (self._clock.now() + delay, next(self._order), queue, body))
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._store_when_due())

    async def measure(self, queue: str) -> QueueSize:
        """How full the real queue is; what waits here is not counted."""
        return await self._inner.measure(queue)

    def is_due(self) -> bool:
        """Whether the time of a message has come that is not on its queue yet."""
        return bool(self._waiting) and self._waiting[0][0] <= self._clock.now()

    def next_at(self) -> datetime | None:
        """When the next message is due, or None."""
        return self._waiting[0][0] if self._waiting else None

    def look_at_clock(self) -> None:
        """The clock was moved: store what is due now."""
        self._wake.set()

    def forget(self) -> None:
        """Lose what waits, as a process does that ends."""
        self._waiting.clear()
        if self._pump is not None:
            self._pump.cancel()

    async def _store_when_due(self) -> None:
        while self._waiting:
            if self.is_due():
                # It counts as due until it is stored, so that nobody believes that nothing is under way. It stays the
                # first meanwhile: whatever comes is due later.
                _, _, queue, body = self._waiting[0]
                await self._store(queue, body)
                heapq.heappop(self._waiting)
            else:
                self._wake.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), POLL_SECONDS)

    async def _store(self, queue: str, body: str) -> None:
        await self._inner.send(queue, body)
        self._stored(queue)


def services_on(clock: Clock, settings: Settings, delay: Callable[[Messages], Messages] | None = None) -> Services:
    """The product's real use cases over its real clients, on a simulated clock; ``delay`` makes messages wait on it."""
    ports = connect(settings, clock=clock)
    messages = delay(ports.messages) if delay else DelayedMessages(ports.messages, clock)
    return build(settings, replace(ports, messages=messages), hide_hints=False)


def install(url: str) -> Callable[[], datetime]:
    """Put this process's app on the clock of the simulated tenant at ``url``; returns the time for the host's timers."""
    clock = FollowedClock(url)
    settings = Settings()  # pyright: ignore[reportCallIssue]  # values come from the environment
    install_services(services_on(clock, settings))
    return clock.now
