"""What one case costs in storage operations and executions: counted while a scenario is played, the player left out."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from local.expect import requests_for
from local.play import Happened, Player
from local.scenario_run import fresh_stack
from local.stack import Stack
from local.virtual_time import services_on
from shared.bootstrap import build, connect, install
from shared.ports import Gone, Messages, Ports, Put, QueueSize, Row, Rows, Value, Write
from shared.services import Services

ROWS_PER_PAGE = 1000
"""Table storage returns at most this many rows a request."""
TIMERS = ("supervise_cases", "keep_subscriptions", "watch_returns", "watch_fleet", "watch_wipes", "sweep")


@dataclass
class Operations:
    """Storage operations by kind: ``table`` and ``queue message``."""

    seen: Counter[str] = field(default_factory=Counter[str])


@dataclass(frozen=True)
class CountedRows:
    """Rows that count one table operation per request."""

    rows: Rows
    operations: Operations

    def _count(self, requests: int = 1) -> None:
        self.operations.seen["table"] += requests

    async def get(self, table: str, partition: str, key: str) -> Row | None:
        self._count()
        return await self.rows.get(table, partition, key)

    async def write(self, table: str, partition: str, writes: Sequence[Write | Put | Gone]) -> list[str]:
        self._count(len(writes))  # Azure bills each row of a batch
        return await self.rows.write(table, partition, writes)

    async def upsert(self, table: str, partition: str, key: str, data: Mapping[str, Value]) -> None:
        self._count()
        await self.rows.upsert(table, partition, key, data)

    async def delete(self, table: str, partition: str, key: str, *, expect: str | None = None) -> None:
        self._count()
        await self.rows.delete(table, partition, key, expect=expect)

    async def scan(
        self,
        table: str,
        partition: str | None = None,
        *,
        key_prefix: str = "",
        after: str = "",
        most: int | None = None,
    ) -> AsyncIterator[Row]:
        number = 0
        self._count()
        async for row in self.rows.scan(table, partition, key_prefix=key_prefix, after=after, most=most):
            number += 1
            if number % ROWS_PER_PAGE == 0:
                self._count()
            yield row


@dataclass(frozen=True)
class CountedMessages:
    """Messages that count those that are sent; each is put, got and deleted, and is one execution."""

    messages: Messages
    operations: Operations

    async def send(self, queue: str, body: str, *, delay: timedelta = timedelta()) -> None:
        self.operations.seen["queue message"] += 1
        await self.messages.send(queue, body, delay=delay)

    async def measure(self, queue: str) -> QueueSize:
        return await self.messages.measure(queue)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedCase:
    """One case, from its event to its end, and one run of each timer with nothing to do."""

    table_operations: int
    queue_messages: int
    outside_events: int
    graph_requests: int
    """All of them, the tenant-wide and those of the subscription included."""
    requests_for_device: int
    """Those that name the device or its owner."""
    timer_table_operations: Mapping[str, int]

    @property
    def executions(self) -> int:
        """One per queue message, those that other systems send included."""
        return self.queue_messages + self.outside_events

    @property
    def queue_operations(self) -> int:
        """Put, get and delete of each message; the put of an outside event counts as well."""
        return 3 * self.executions


async def count(story: Path) -> CountedCase:
    """Play the story and count. Raises AssertionError when it does not come true."""
    of_case, of_timers, events = Operations(), Operations(), Counter[str]()

    def watch(seen: object) -> None:
        if isinstance(seen, Happened) and seen.what.startswith("event"):
            events["event"] += 1

    async with fresh_stack(story) as stack:
        services = _install_counting(stack, of_case, of_timers)
        try:
            problems = await Player(stack=stack, watch=watch).play()
            assert problems == [], problems
            counts, state = await stack.simulated("counts"), await stack.simulated("state")
            services.append(_install_sweep(stack, services[-1], of_timers))
            await _one_run(stack, "sweep", of_timers)  # a round; the runs of the next minutes look whether it is time
            timers = {name: await _one_run(stack, name, of_timers) for name in TIMERS}
        finally:
            for each in services:
                await each.close()
    return CountedCase(
        table_operations=of_case.seen["table"],
        queue_messages=of_case.seen["queue message"],
        outside_events=events["event"],
        graph_requests=counts["requests"],
        requests_for_device=sum(requests_for(device, counts, state) for device in state["devices"]),
        timer_table_operations=timers,
    )


def _install_counting(stack: Stack, of_case: Operations, of_timers: Operations) -> list[Services]:
    """The stack's use cases with counters; what the player asks by the API is not the case's and stays uncounted."""
    plain = services_on(stack.clock, stack.settings, stack.delayed)
    timed = build(stack.settings, _counted(stack, of_timers), hide_hints=False)
    cases = build(stack.settings, _counted(stack, of_case), hide_hints=False)
    cases.look, cases.operate = plain.look, plain.operate
    cases.supervise, cases.keep_subscriptions = timed.supervise, timed.keep_subscriptions
    cases.watch_fleet, cases.watch_wipes = timed.watch_fleet, timed.watch_wipes
    # what it reads is the timer's, what becomes of the cases that it lets go on is theirs
    cases.watch_returns = replace(timed.watch_returns, advance=cases.advance)
    install(cases)
    return [plain, timed, cases]


def _install_sweep(stack: Stack, installed: Services, of_timers: Operations) -> Services:
    """With the sweep, which a story has switched off lest it find the device before the event tells of it."""
    swept = build(stack.settings.model_copy(update={"sweep_minutes": 15}), _counted(stack, of_timers))
    installed.sweep = swept.sweep
    return swept


def _counted(stack: Stack, operations: Operations) -> Ports:
    ports = connect(stack.settings, clock=stack.clock)
    messages = CountedMessages(stack.delayed(ports.messages), operations)
    return replace(ports, rows=CountedRows(ports.rows, operations), messages=messages)


async def _one_run(stack: Stack, timer: str, operations: Operations) -> int:
    before = operations.seen["table"]
    answer = await stack.api.post(f"/admin/functions/{timer}", json={"input": ""})
    answer.raise_for_status()
    return operations.seen["table"] - before
