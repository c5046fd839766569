"""From an event on the queue to the first decision about its device: the whole way through storage, host, app and Graph."""

import asyncio
import json
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from local.package.target import REPOSITORY
from local.scenario_run import fresh_stack
from local.stack import Stack

EVENTS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """Milliseconds from the message's being stored to the case's end in Table storage."""

    p50: float
    longest: float
    count: int


def measure() -> Decided:
    """One event after the other, each about a device of its own that turns out to be compliant."""
    scenario = json.loads((REPOSITORY / "tests" / "story" / "already_compliant.json").read_text())
    device: dict[str, Any] = scenario["devices"][0]
    scenario["timeline"] = []
    scenario["devices"] = [{**device, "serial": f"5CG{n:07}", "name": f"PC-{n:04}"} for n in range(EVENTS)]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "many.json"
        file.write_text(json.dumps(scenario))
        return asyncio.run(_measure(file, [each["serial"] for each in scenario["devices"]]))


async def _measure(file: Path, serials: list[str]) -> Decided:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
    async with fresh_stack(file) as stack:
        times = [await _one(stack, serial, number) for number, serial in enumerate(serials, start=1)]
    return Decided(p50=median(times), longest=max(times), count=len(times))


async def _one(stack: Stack, serial: str, number: int) -> float:
    event = {
        "specversion": "1.0",
        "id": serial,
        "source": "/bench",
        "type": "device.noncompliant",
        "data": {"serialNumber": serial},
    }
    await stack.send("device-events", json.dumps(event))
    began = time.perf_counter()
    while sum(each["state"] == "no_action_needed" for each in (await stack.ask("cases"))["cases"]) < number:
        await asyncio.sleep(0.005)
    return 1000 * (time.perf_counter() - began)
