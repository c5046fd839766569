"""One running app: HTTP server, queue listeners and timers, on the caller's event loop."""

import asyncio
import contextlib
import secrets
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from local.host.admin import NotRunnable, Status, UnknownFunction, admin_routes
from local.host.app import Function, HttpTrigger, QueueTrigger, TimerTrigger, load
from local.host.bindings import QueueMetadata, queue_argument
from local.host.configuration import HostJson, read_host_json
from local.host.http import FunctionRoute, body_limit, http_app
from local.host.invocations import Invoker, Tally
from local.host.messages import Lease
from local.host.queues import POLLING_INTERVAL_MIN, Backoff, QueueListener
from local.host.storage import QueueStorage, load_libraries
from local.host.timers import TimerListener
from local.listening import EmbeddedServer, listen

_STOP_GRACE_SECONDS = 5
_SETTLE_WAIT_SECONDS = 1.0
_CLOCK_POLL_SECONDS = 0.02
_WORKER_THREADS_SETTING = "PYTHON_THREADPOOL_THREAD_COUNT"


class Host:
    """Hosts the v2 app of a directory, on 127.0.0.1 only.

    `environ` are the app settings that host and bindings look at (the app itself reads os.environ). `now`
    replaces the clock of the timers: UTC, free to jump forward. `poll_max_seconds` caps the pause between
    polls of a queue. `key` opens functions that are not anonymous (default: HANDOVER_LOCAL_KEY, or a random
    one). Timers remember their last run in `state_dir`; without one nothing is caught up at the start.
    Use it once: start, stop.
    """

    def __init__(
        self,
        app_dir: Path,
        *,
        environ: Mapping[str, str],
        now: Callable[[], datetime] | None = None,
        poll_max_seconds: float = 2.0,
        key: str | None = None,
        state_dir: Path | None = None,
    ) -> None:
        """Load the app. Raises HostError when app, host.json or settings cannot be hosted."""
        self.app_dir = app_dir.resolve()
        self.app: Sequence[Function] = load(self.app_dir, environ)
        self.host_json: HostJson = read_host_json(self.app_dir)
        self.key = key or environ.get("HANDOVER_LOCAL_KEY") or secrets.token_urlsafe(24)
        self._tally = Tally()
        self._storage = QueueStorage(environ, self.host_json.queues.message_encoding)
        self._threads = ThreadPoolExecutor(max_workers=int(environ.get(_WORKER_THREADS_SETTING) or 0) or None)
        self._invoker = Invoker(send=self._storage.send, tally=self._tally, threads=self._threads)
        self._check_connections()
        lease = Lease.of(environ.get("LOCAL_HOST_LEASE_SECONDS"))
        self._listeners = self._make_listeners(timedelta(seconds=poll_max_seconds), lease)
        self._timers = self._make_timers(now, state_dir)
        self.asgi = self._make_asgi(body_limit(environ))
        self._server: EmbeddedServer | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, port: int = 7071) -> None:
        """Listen on the port (0: a free one), start the triggers. Raises OSError when the port is taken."""
        listening = listen(port)
        self._port = int(listening.getsockname()[1])
        config = uvicorn.Config(
            self.asgi,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=_STOP_GRACE_SECONDS,
        )
        self._server = EmbeddedServer(config)
        self._tasks = [asyncio.create_task(self._server.serve(sockets=[listening]))]
        while not self._server.started:
            if self._tasks[0].done():
                self._tasks[0].result()
                raise OSError("the HTTP server stopped while starting")
            await asyncio.sleep(0.005)
        self._tasks += [asyncio.create_task(_poll(listener)) for listener in self._listeners]
        self._tasks += [asyncio.create_task(timer.run()) for timer in self._timers.values()]

    async def stop(self) -> None:
        """Take nothing more, give running invocations 5 s, abandon the rest, close all connections."""
        for trigger in (*self._listeners, *self._timers.values()):
            trigger.stop()
        if self._server:
            self._server.stop()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=_STOP_GRACE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)
        await self._storage.close()

    @property
    def port(self) -> int:
        """The port it listens on, after `start`."""
        return self._port

    def status(self) -> Status:
        """Numbers of this moment. A receive in flight may hold messages not yet counted: see `settled`."""
        return Status(
            functions=[function.name for function in self.app],
            running=self._tally.running + sum(timer.is_due() for timer in self._timers.values()),
            completed=self._tally.completed,
            failed=self._tally.failed,
            poisoned=self._tally.poisoned,
        )

    async def settled(self) -> Status:
        """Numbers once every receive in flight has been counted (waits 1 s at most).

        If a queue had no visible message before this call and `running` is 0 now, nothing of it is in progress.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SETTLE_WAIT_SECONDS):
                for listener in self._listeners:
                    await listener.received()
        return self.status()

    async def idle(self) -> bool:
        """Whether nothing runs, no timer is due, and no queue of the app has a visible message.

        Messages that are invisible, delayed or waiting to be tried again, do not count.
        """
        before = self.status()
        if before.running:
            return False
        if any(await asyncio.gather(*(listener.has_visible() for listener in self._listeners))):
            return False
        # Anything that ended meanwhile may have put a message on a queue already looked at.
        return await self.settled() == before

    def is_quiet(self) -> bool:
        """As `idle`, at once and without a request, for an embedder who tells of every message: see `look_for`.

        Nothing runs, no timer is due, and every queue was empty when it was looked at after the last word of a message.
        """
        return self.status().running == 0 and all(listener.found_nothing() for listener in self._listeners)

    def look_for(self, queue: str) -> None:
        """A message was put on the queue by somebody else on this machine: look for it now."""
        for listener in self._listeners:
            if listener.queue == queue:
                listener.look()

    def look_at_clock(self) -> None:
        """The clock was moved: do what is due now."""
        for timer in self._timers.values():
            timer.look()

    async def run(self, name: str, text: str = "") -> None:
        """Run one timer or queue function now; a queue function gets the text as its message.

        Raises UnknownFunction, NotRunnable (HTTP functions, and those left alone here), or what it raises.
        """
        function = next((function for function in self.app if function.name == name), None)
        if function is None:
            raise UnknownFunction(name)
        match function.trigger:
            case TimerTrigger():
                await self._timers[name].run_once()
            case QueueTrigger() as trigger:
                argument = partial(
                    queue_argument, _by_hand(), text.encode(), binary=trigger.binary, plain=trigger.plain
                )
                with self._tally.busy():
                    await self._invoker.call(function, argument)
            case HttpTrigger():
                raise NotRunnable(f"{name} is an HTTP function: call its route")
            case None:
                raise NotRunnable(f"{name} does not run here: {function.not_run}")

    def _check_connections(self) -> None:
        for function in self.app:
            if isinstance(function.trigger, QueueTrigger):
                self._storage.check(function.trigger.connection)
            for output in function.outputs:
                self._storage.check(output.connection)

    def _make_listeners(self, poll_max: timedelta, lease: Lease) -> list[QueueListener]:
        poll_max = min(poll_max, self.host_json.queues.max_polling_interval)
        return [
            QueueListener(
                function,
                storage=self._storage,
                options=self.host_json.queues,
                invoker=self._invoker,
                backoff=Backoff(POLLING_INTERVAL_MIN, poll_max),
                lease=lease,
            )
            for function in self.app
            if isinstance(function.trigger, QueueTrigger)
        ]

    def _make_timers(self, now: Callable[[], datetime] | None, state_dir: Path | None) -> dict[str, TimerListener]:
        make = partial(TimerListener, invoker=self._invoker, state_dir=state_dir)
        # A given clock may jump at any moment, so it is watched closely; the real one is slept towards.
        make = partial(make, now=now, poll_seconds=_CLOCK_POLL_SECONDS) if now else partial(make, now=_real_now)
        return {function.name: make(function) for function in self.app if isinstance(function.trigger, TimerTrigger)}

    def _make_asgi(self, body_limit_bytes: int) -> Starlette:
        routes = [
            FunctionRoute(
                function,
                function.trigger,
                prefix=self.host_json.route_prefix,
                key=self.key,
                body_limit_bytes=body_limit_bytes,
                invoker=self._invoker,
            )
            for function in self.app
            if isinstance(function.trigger, HttpTrigger)
        ]
        return http_app(routes, admin_routes(self))


async def _poll(listener: QueueListener) -> None:
    await load_libraries()
    await listener.run()


def _real_now() -> datetime:
    return datetime.now(UTC)


def _by_hand() -> QueueMetadata:
    """What a message that was never on a queue would have."""
    now = _real_now()
    return QueueMetadata(
        id=str(uuid.uuid4()),
        dequeue_count=1,
        pop_receipt="",
        inserted_on=now,
        expires_on=now + timedelta(days=7),
        next_visible_on=now,
    )
