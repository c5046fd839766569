"""A thousand devices through the whole story, end to end: the real app in the development host, Azurite, the simulated tenant.

The limits on wipes stay in force at the highest that the settings allow (100 an hour, 150 a day, 100 on their way), so the
devices are told of in groups, half a day apart. Time is virtual; everything else is as in a scenario.
"""

import asyncio
import json
import logging
import os
import resource
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from local.azurite import Azurite
from local.bench.chapters import put
from local.expect import requests_for
from local.package.target import REPOSITORY
from local.scenario_run import fresh_stack
from local.settle import settle
from local.stack import Json, Stack

CHAPTER = "## A thousand stories"
PAGE = REPOSITORY / "docs" / "benchmarks.md"
DEVICES = 1000
IN_A_GROUP = 70
GROUPS_APART = timedelta(hours=12, minutes=15)
"""Two groups fall into one day of the wipe budget, never three."""
STEP = timedelta(minutes=5)
"""Time moves by no less: that is how often the app's own timers look."""
GOAL_SECONDS = 90
GIVE_UP_AFTER = timedelta(days=21)
SETTINGS = {
    "HANDOVER_MODE": "auto",
    "HANDOVER_WIPES_PER_HOUR": 100,
    "HANDOVER_WIPES_PER_DAY": 150,
    "HANDOVER_WIPES_IN_FLIGHT": 100,
    "HANDOVER_RAMP": "99",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What it took. Seconds of this process (tenant, host, app) and of Azurite; requests by the tenant's own count."""

    devices: int
    wall: float
    cpu: float
    cpu_of_azurite: float
    requests_per_device: float
    requests_in_all: int
    wipes: int
    wiped_twice: int
    lost: int
    """Devices that did not come back to their owner compliant, and cases that are still open."""
    days: float


def measure(devices: int = DEVICES) -> Played:
    """Play and count. Nothing is raised for a story that did not come true: it is counted as lost."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "thousand.json"
        file.write_text(json.dumps(_scenario(devices)))
        before = _cpu_of_children()
        began, cpu = time.perf_counter(), time.process_time()
        with Azurite() as azurite:
            counted = asyncio.run(_play(file, azurite.connection_string, devices))
            wall, cpu = time.perf_counter() - began, time.process_time() - cpu
        return Played(devices=devices, wall=wall, cpu=cpu, cpu_of_azurite=_cpu_of_children() - before, **counted)


def _scenario(devices: int) -> Json:
    """The story of DEF456, for so many owners with a device each, in a tenant where they are a small share."""
    scenario: Json = json.loads((REPOSITORY / "tests" / "story" / "the_story.json").read_text())
    device, (staging, owner) = scenario["devices"][0], scenario["users"]
    scenario["tenant"] |= {
        "skus": [{"part": "SPB", "seats": devices + 1}, {"part": owner["licences"][0], "seats": devices}]
    }
    scenario["tenant"] |= {"device_limit": devices + 1, "other_devices": {"enrolled": 1_000_000}}
    scenario["users"] = [staging, *({**owner, "upn": _upn(n), "name": f"USER{n:04}"} for n in range(devices))]
    scenario["devices"] = [
        {**device, "serial": _serial(n), "name": f"PC-{n:04}", "logged_on": [_upn(n)]} for n in range(devices)
    ]
    return scenario | {"settings": SETTINGS, "timeline": [], "expect": {}}


def _serial(number: int) -> str:
    return f"5CG{number:04}XYZ"


def _upn(number: int) -> str:
    return f"user{number:04}@contoso.example"


async def _play(file: Path, connection_string: str, devices: int) -> dict[str, Any]:
    async with fresh_stack(file, connection_string=connection_string) as stack:
        start, told = stack.scenario.start, 0
        while stack.clock.now() - start < GIVE_UP_AFTER:
            due = min(devices, int((stack.clock.now() - start) / GROUPS_APART + 1) * IN_A_GROUP)
            await asyncio.gather(*(stack.send("device-events", _event(n)) for n in range(told, due)))
            told = due
            await settle(stack)
            coming = await _next_time(stack, start, told, devices)
            if coming is None:
                break
            await stack.move_clock(coming)
        return await _counted(stack)


async def _next_time(stack: Stack, start: datetime, told: int, devices: int) -> datetime | None:
    """When anything happens next, in whole steps; None when nothing does, and every case has ended."""
    now = stack.clock.now()
    at = (await stack.simulated("next"))["at"]
    coming = [stack.next_message_at(), None if at is None else datetime.fromisoformat(at)]
    if told < devices:
        coming.append(start + told // IN_A_GROUP * GROUPS_APART)
    known = [each for each in coming if each is not None]
    if told == devices and not await _still_going(stack):
        return None
    soonest = min(known, default=now + timedelta(minutes=15))
    steps = max(1, -((start - soonest) // STEP) - -((start - now) // STEP))
    return now + steps * STEP


async def _still_going(stack: Stack) -> int:
    """How many cases go on by themselves; one that rests for a person does not."""
    by_state: dict[str, int] = (await stack.ask("status"))["open_cases"]
    return sum(number for state, number in by_state.items() if state != "needs_person")


def _event(number: int) -> str:
    return json.dumps(
        {
            "specversion": "1.0",
            "id": f"event-{number}",
            "source": "/bench",
            "type": "device.user-assigned",
            "data": {"serialNumber": _serial(number), "userPrincipalName": _upn(number)},
        }
    )


async def _counted(stack: Stack) -> dict[str, Any]:
    counts, state = await stack.simulated("counts"), await stack.simulated("state")
    open_cases: dict[str, int] = (await stack.ask("status"))["open_cases"]
    owners = {_serial(n): _upn(n) for n in range(len(state["devices"]))}
    home = [d for d in state["devices"] if d["enrolled_by"] == owners[d["serial"]] and d["compliance"] == "compliant"]
    by_serial: dict[str, int] = counts["wipes_by_serial"]
    return {
        "requests_per_device": sum(requests_for(d, counts, state) for d in state["devices"]) / len(state["devices"]),
        "requests_in_all": counts["requests"],
        "wipes": sum(by_serial.values()),
        "wiped_twice": sum(number > 1 for number in by_serial.values()),
        "lost": len(state["devices"]) - len(home) + sum(open_cases.values()),
        "days": (stack.clock.now() - stack.scenario.start) / timedelta(days=1),
    }


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def write(page: Path, played: Played, machine: str) -> None:
    """Put the chapter into docs/benchmarks.md."""
    put(page, CHAPTER, "\n".join(_lines(played, machine)))


def _lines(played: Played, machine: str) -> list[str]:
    verdict = "reached" if played.wall < GOAL_SECONDS and played.devices == DEVICES else "missed"
    return [
        CHAPTER,
        "",
        f"Written by `make bench`, or by `python -m local.bench.thousand`: {machine}.",
        "",
        f"{played.devices:,} devices of the story through the app in the development host, Azurite and the simulated tenant, on",
        f"virtual time: {played.days:.1f} days of it, as the limits on wipes are in force at their highest (100 an hour, 150 a day,",
        f"100 on their way) and the devices are told of in groups of {IN_A_GROUP}. Tenant, host and app share one process and so one core.",
        "",
        "| devices | wall s | CPU s | CPU s of Azurite | CPU ms a device | Graph requests a device | Graph requests in all | wipes | wiped twice | lost |",
        "|---|---|---|---|---|---|---|---|---|---|",
        f"| {played.devices:,} | {played.wall:.0f} | {played.cpu:.0f} | {played.cpu_of_azurite:.0f} "
        f"| {1000 * (played.cpu + played.cpu_of_azurite) / played.devices:.0f} | {played.requests_per_device:.1f} "
        f"| {played.requests_in_all:,} | {played.wipes:,} | {played.wiped_twice} | {played.lost} |",
        "",
        f"Goal: 1,000 stories in {GOAL_SECONDS} s of wall time, {DEVICES:,} wipes, none lost: {verdict}.",
    ]


def main(
    devices: Annotated[int, typer.Option(help="How many.")] = DEVICES,
    save: Annotated[bool, typer.Option(help="Write the chapter of docs/benchmarks.md.")] = True,
) -> None:
    """Play a thousand stories."""
    logging.disable(logging.ERROR)
    played = measure(devices)
    load = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    typer.echo("\n".join(_lines(played, load)))
    if save:
        write(PAGE, played, load)


if __name__ == "__main__":
    typer.run(main)
