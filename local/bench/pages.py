"""The pages that the benches write."""

from collections.abc import Sequence
from dataclasses import fields
from statistics import median

from local.bench.cold_start import HOSTS, PROCESSES, VERSION, Handshake, Started
from local.bench.cost import Assumptions, Counted, Month, Prices, month
from local.bench.event_to_decision import Decided
from local.bench.graph_answers import ROUNDS, Measured
from local.bench.webhook import PER_SECOND, SECONDS, Load

WEBHOOK = "## The webhook under load"
"""This section can be measured by itself."""
TENANTS = (100, 10_000, 1_000_000)


def benchmarks(
    machine: str, started: Sequence[Started], handshakes: Sequence[Handshake], answers: Sequence[Measured]
) -> str:
    """docs/benchmarks.md."""
    empty, floor = started[0], started[1]
    lines = ["# Benchmarks", "", f"Written by `make bench`: {machine}.", ""]
    lines += ["Wall time suffers from whatever else runs on the machine, CPU time hardly: judge by the CPU ratios.", ""]
    lines += ["## Start-up", ""]
    lines += [
        f"Whole processes, median of {PROCESSES}, a bare Python {VERSION} in the package of `make package`. The floor imports"
    ]
    lines += [
        "`azure.functions`, `azure.identity.aio`, `azure.storage.queue.aio` and `azure.data.tables.aio`; ratios are"
    ]
    lines += ["without the start of an empty Python. Goal: imports at most 1.5 times the floor.", ""]
    lines += ["| process | wall ms | CPU ms | wall / floor | CPU / floor |", "|---|---|---|---|---|"]
    for each in started:
        ratios = [
            f"{(each.wall - empty.wall) / (floor.wall - empty.wall):.2f}",
            f"{(each.cpu - empty.cpu) / (floor.cpu - empty.cpu):.2f}",
        ]
        shown = ["", ""] if each is empty else ratios
        lines.append(f"| {each.program} | {each.wall:.0f} | {each.cpu:.0f} | {shown[0]} | {shown[1]} |")
    lines += ["", "The webhook loads no module of msgraph or kiota: the process checks it."]
    wall, cpu = median(each.wall for each in handshakes), median(each.cpu for each in handshakes)
    lines += ["", "### The first handshake", ""]
    lines += [
        f"From the start of the development host's process to its first answer to Graph's handshake: {wall:.2f} s, of which"
    ]
    lines += [f"{cpu:.2f} s are CPU time; median of {HOSTS}, fastest {min(each.wall for each in handshakes):.2f} s."]
    lines += ["Goal: 1 s.", "", *_answers(answers)]
    return "\n".join([*lines, ""])


def webhook(machine: str, loads: Sequence[Load], decided: Decided) -> str:
    """The section about the webhook in docs/benchmarks.md."""
    lines = [WEBHOOK, "", f"Written by `make bench`, or by `python -m local.bench --webhook-only`: {machine}.", ""]
    lines += [
        f"{PER_SECOND:,} notifications a second for {SECONDS} s, every one about another user, in POSTs of 10 and of 100. The receiver has"
    ]
    lines += [
        "one core; the load and Azurite, in memory, share the other with whatever else runs on the machine. `plain` is a Starlette"
    ]
    lines += [
        "receiver that checks nothing and stores whatever it is sent by the same enqueue. Requests go out by the clock, and latency"
    ]
    lines += [
        "counts from when a request was due. Stored messages are Azurite's own count; lost are notifications answered with 202 whose"
    ]
    lines += ["reference is in no stored message. Slow is what Graph calls slow: over 2.9 s.", ""]
    lines += [
        "| receiver | per POST | accepted/s | refused | lost | messages | p50 ms | p99 ms | max ms | slow | CPU ms per 1,000 | CPU / plain |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    plain = {load.per_post: load.cpu_per_thousand for load in loads if load.receiver == "plain"}
    for load in loads:
        lines.append(
            f"| {load.receiver} | {load.per_post} | {load.accepted / load.seconds:,.0f} | {load.refused} | {load.lost} "
            f"| {load.messages:,} | {load.p50:.0f} | {load.p99:.0f} | {load.longest:.0f} | {load.slow} "
            f"| {load.cpu_per_thousand:.0f} | {load.cpu_per_thousand / plain[load.per_post]:.2f} |"
        )
    lines += [
        "",
        "Goal: 10,000 a second, p99 under 100 ms, none lost, none slow. Times suffer from the load named above, in both receivers alike.",
        "",
    ]
    lines += [
        "From a message on `device-events` to the end of its case in Table storage (found in Graph, opened, read, decided):"
    ]
    lines += [
        f"median {decided.p50:.0f} ms, longest {decided.longest:.0f} ms of {decided.count}. The development host looks into a queue"
    ]
    lines += ["every 0.1 s here; with the 2 s of host.json an idle queue adds up to 2 s, twice."]
    return "\n".join([*lines, ""])


def _answers(answers: Sequence[Measured]) -> list[str]:
    plain = {each.payload: each for each in answers if each.contender.startswith("plain")}
    lines = ["## 100 devices from Graph", ""]
    lines += [
        f"The same request to a server on this machine, answered with the simulated tenant's devices; median of {ROUNDS}"
    ]
    lines += [
        "(msgraph's models: a twentieth of that), in turns. `full` has every property of a device, `selected` only those that"
    ]
    lines += [
        "Handover selects. Plain makes dictionaries; Handover makes typed values, with every field checked. Goal: 1.5 times plain.",
        "",
    ]
    lines += ["| answer | kB | | wall ms | CPU ms | wall / plain | CPU / plain |", "|---|---|---|---|---|---|---|"]
    for each in answers:
        base = plain[each.payload]
        lines.append(
            f"| {each.payload} | {each.kilobytes:.0f} | {each.contender} | {each.wall:.2f} | {each.cpu:.2f} "
            f"| {each.wall / base.wall:.2f} | {each.cpu / base.cpu:.2f} |"
        )
    return lines


def costs(counted: Counted) -> str:
    """docs/costs.md."""
    prices, assumed = Prices(), Assumptions()
    lines = ["# What it costs", ""]
    lines += [
        "Written by `make bench` (`python -m local.bench --costs-only`) from cases that are counted while they are played; prices"
    ]
    lines += ["and assumptions are parameters of `local/bench/cost.py`.", "", "## Counted per case", ""]
    lines += ["| case | executions | queue operations | table operations | Graph requests | of them for the device |"]
    lines += ["|---|---|---|---|---|---|"]
    for name, case in (
        ("the story: licence, binding, one wipe, proof", counted.story),
        ("a device given to a user before it is enrolled", counted.new_device),
        ("compliant again when looked at", counted.quick_look),
    ):
        numbers = (
            case.executions,
            case.queue_operations,
            case.table_operations,
            case.graph_requests,
            case.requests_for_device,
        )
        lines.append(f"| {name} | {' | '.join(map(str, numbers))} |")
    timers = ", ".join(f"{name} {each}" for name, each in counted.story.timer_table_operations.items())
    lines += [
        "",
        "Graph requests include those of the subscription and of the tenant-wide readings that all cases share; those for the",
        "device name it or its owner, and a test holds every journey to its number of them: 12 at most, 7.5 on average.",
        f"Table operations of a timer with nothing to do: {timers}.",
        "",
    ]
    lines += ["## A month", ""]
    lines += [
        "| devices | executions | GB-s | queue operations | table operations | Graph requests | EUR | of it compute, storage, logs, alerts |"
    ]
    lines += ["|---|---|---|---|---|---|---|---|"]
    lines += [_month(month(devices, counted, prices, assumed)) for devices in TENANTS]
    lines += [
        "",
        "Network access through private endpoints, the optional Event Hub, Key Vault, the timers' own leases and stored bytes are",
    ]
    lines += ["not in it: cents, but for the endpoints. Nothing here was compared with a bill.", ""]
    lines += ["## Parameters", "", "| | |", "|---|---|"]
    lines += [
        f"| {each.name} | {getattr(values, each.name)} |" for values in (prices, assumed) for each in fields(values)
    ]
    return "\n".join([*lines, ""])


def _month(one: Month) -> str:
    numbers = (
        one.devices,
        one.executions,
        one.gb_seconds,
        one.queue_operations,
        one.table_operations,
        one.graph_requests,
    )
    parts = ", ".join(f"{euros:.2f}" for euros in one.euros.values())
    return f"| {' | '.join(f'{number:,.0f}' for number in numbers)} | {one.total:.2f} | {parts} |"
