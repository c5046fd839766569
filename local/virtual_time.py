"""The app on a simulated clock: the time comes from the simulated tenant, and delayed messages wait on that clock.

Storage queues only know real time, so a message that is delayed by simulated days is kept here and stored when its
simulated time has come. If the process dies, such a message is lost: that is what the supervisor is for.
"""

import asyncio
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

    def __init__(self, inner: Messages, clock: Clock) -> None:
        self._inner = inner
        self._clock = clock
        self._waiting: list[tuple[datetime, int, str, str]] = []
        self._order = itertools.count()
        self._pump: asyncio.Task[None] | None = None

    async def send(self, queue: str, body: str, *, delay: timedelta = timedelta()) -> None:
        """Store the message now, or keep it until its simulated time has come."""
        if delay <= timedelta():
            await self._inner.send(queue, body)
            return
        heapq.heappush(self._waiting, (self._clock.now() + delay, next(self._order), queue, body))
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._store_when_due())

    async def measure(self, queue: str) -> QueueSize:
        """How full the real queue is; what waits here is not counted."""
        return await self._inner.measure(queue)

    async def _store_when_due(self) -> None:
        while self._waiting:
            if self._waiting[0][0] <= self._clock.now():
                _, _, queue, body = heapq.heappop(self._waiting)
                await self._inner.send(queue, body)
            else:
                await asyncio.sleep(POLL_SECONDS)


def services_on(clock: Clock, settings: Settings) -> Services:
    """The product's real use cases over its real clients, on a simulated clock."""
    ports = connect(settings, clock=clock)
    return build(settings, replace(ports, messages=DelayedMessages(ports.messages, clock)), hide_hints=False)


def install(url: str) -> Callable[[], datetime]:
    """Put this process's app on the clock of the simulated tenant at ``url``; returns the time for the host's timers."""
    clock = FollowedClock(url)
    settings = Settings()  # pyright: ignore[reportCallIssue]  # values come from the environment
    install_services(services_on(clock, settings))
    return clock.now
