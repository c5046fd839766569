"""What a month costs: a calculator over counted cases. Prices and assumptions are parameters, each with its source."""

from collections.abc import Mapping
from dataclasses import dataclass

from local.bench.counted_story import CountedCase

SECONDS_PER_MONTH = 30 * 86_400
MINUTES_BETWEEN = {
    "supervise_cases": 5,
    "keep_subscriptions": 5,
    "watch_returns": 15,
    "watch_fleet": 15,
    "watch_wipes": 5,
    "sweep": 1,
}
"""As in function_app.py."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """EUR without tax. Third-party copies of Microsoft's price pages; not checked against the pages themselves."""

    date: str = "2026-10"
    per_gb_second: float = 0.000025
    per_million_executions: float = 0.371
    free_gb_seconds: float = 100_000
    free_executions: float = 250_000
    """Flex Consumption's monthly grant, on demand, one per subscription."""
    per_10_000_queue_operations: float = 0.004
    per_10_000_table_operations: float = 0.004
    """The queue's price: table operations are cheaper."""
    per_gb_of_logs: float = 2.76
    free_gb_of_logs: float = 5
    per_alert_rule: float = 1.40


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """How a tenant lives. Shares are of all devices, per month."""

    whole_stories: float = 0.01
    """Devices that are re-enrolled under their owner."""
    new_devices: float = 0.01
    """Devices that are given to a user before they are enrolled."""
    quick_looks: float = 0.20
    """Devices that are reported as non-compliant and are compliant again when Handover looks."""
    user_notifications: float = 2.0
    """Graph notifications about the device's user: one webhook call, one message, no case."""
    table_operations_per_notification: int = 4
    seconds_per_execution: float = 1.0
    """Flex Consumption bills at least one second."""
    memory_gb: float = 0.5
    concurrency: int = 1
    """Executions that share an instance's second; 1 is the dearest."""
    queues: int = 8
    """Four, each with its -poison twin."""
    seconds_between_polls: float = 10.0
    """Of the scale controller while no instance runs. Not documented."""
    log_kilobytes_per_execution: float = 4.0
    alert_rules: int = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """One month of one tenant."""

    devices: int
    executions: float
    gb_seconds: float
    queue_operations: float
    table_operations: float
    graph_requests: float
    euros: Mapping[str, float]

    @property
    def total(self) -> float:
        """EUR in all."""
        return sum(self.euros.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """The three journeys, as they were counted."""

    story: CountedCase
    new_device: CountedCase
    quick_look: CountedCase


def month(devices: int, counted: Counted, prices: Prices, assumed: Assumptions) -> Month:
    """The month of a tenant with so many devices."""
    cases = [
        (devices * assumed.whole_stories, counted.story),
        (devices * assumed.new_devices, counted.new_device),
        (devices * assumed.quick_looks, counted.quick_look),
    ]
    notified = devices * assumed.user_notifications
    runs = {timer: SECONDS_PER_MONTH / 60 / minutes for timer, minutes in MINUTES_BETWEEN.items()}
    executions = sum(runs.values()) + 2 * notified + sum(number * case.executions for number, case in cases)
    polls = assumed.queues * SECONDS_PER_MONTH / assumed.seconds_between_polls
    queue = polls + 3 * notified + sum(number * case.queue_operations for number, case in cases)
    table = sum(number * case.table_operations for number, case in cases)
    table += notified * assumed.table_operations_per_notification
    table += sum(runs[timer] * each for timer, each in counted.story.timer_table_operations.items())
    gb_seconds = executions * assumed.seconds_per_execution * assumed.memory_gb / assumed.concurrency
    return Month(
        devices=devices,
        executions=executions,
        gb_seconds=gb_seconds,
        queue_operations=queue,
        table_operations=table,
        graph_requests=sum(number * case.graph_requests for number, case in cases),
        euros=_euros(executions, gb_seconds, queue, table, prices, assumed),
    )


def _euros(  # one per kind of use
    executions: float, gb_seconds: float, queue: float, table: float, prices: Prices, assumed: Assumptions
) -> dict[str, float]:
    logs = executions * assumed.log_kilobytes_per_execution / 1_000_000
    return {
        "compute": max(0, gb_seconds - prices.free_gb_seconds) * prices.per_gb_second
        + max(0, executions - prices.free_executions) / 1_000_000 * prices.per_million_executions,
        "storage": queue / 10_000 * prices.per_10_000_queue_operations
        + table / 10_000 * prices.per_10_000_table_operations,
        "logs": max(0, logs - prices.free_gb_of_logs) * prices.per_gb_of_logs,
        "alerts": assumed.alert_rules * prices.per_alert_rule,
    }
