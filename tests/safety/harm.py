"""How much harm one mistake or one intruder can do: a bad policy, forged messages, broken settings.

``python -m tests.safety.harm`` runs the full figures; the tests run the same in small.
"""

import asyncio
import contextlib
import json
import logging
import os
import random
import resource
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from unittest import mock

import azure.functions as func
import typer

import function_app
from shared.bootstrap import install
from shared.domain.policy import Mode, Policy
from shared.domain.states import CaseState
from shared.errors import HandoverError
from shared.names import CASE_STEPS, DEVICE_EVENTS, HINTS, NOTICES, PARKED, WIPE_STEPS
from shared.remedy.messages import StepDue, write_step
from tests.fakes.world import World
from tests.handlers.arguments import notification, posted
from tests.unit.test_broken_settings import NAMES, PLAUSIBLE, TENANT, permits_more, read, said
from tests.unit.test_spike_of_a_thousand import a_world_of_due_wipes, all_steps

TAKES = {
    CASE_STEPS: "take_case_step",
    WIPE_STEPS: "take_wipe_step",
    HINTS: "take_hints",
    DEVICE_EVENTS: "take_device_event",
    NOTICES: "send_notice",
}
GIVES_UP = {
    CASE_STEPS: "give_up_case_step",
    WIPE_STEPS: "give_up_wipe_step",
    HINTS: "park_hints",
    DEVICE_EVENTS: "park_device_event",
    NOTICES: "park_notice",
}
WAITING = 40
"""So many devices wait for nothing but their wipe while somebody forges messages."""
PER_HOUR, PER_DAY = 3, 5
EMPTIED_EVERY = 5_000
"""What is set aside lies in storage; the fakes keep it in memory, so it is thrown away after so many messages."""


class AlarmCount(logging.Handler):
    """Counts how often everything was frozen."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.freezes = 0

    def emit(self, record: logging.LogRecord) -> None:
        """One record."""
        self.freezes += record.getMessage() == "freeze.set"


@dataclass(frozen=True, slots=True, kw_only=True)
class Harm:
    """What came of it."""

    tried: int
    wipes: int
    alarms: int = 0
    cases: int = 0
    grown_mebibytes: float = 0.0


async def bad_policy(devices: int) -> Harm:
    """So many devices turn non-compliant at once, each already cleared to be wiped in mode auto."""
    alarms, log, off = AlarmCount(), logging.getLogger("shared"), logging.root.manager.disable
    log.addHandler(alarms)
    logging.disable(logging.NOTSET)
    try:
        world = await a_world_of_due_wipes(devices)
        world.tenant.enrolled, world.tenant.noncompliant = devices * 2, devices + 50
        for _ in range(2):
            await world.services.watch_fleet.run()
            await all_steps(world)
            world.clock.move(timedelta(hours=1))
    finally:
        log.removeHandler(alarms)
        logging.disable(off)
    return Harm(tried=devices, wipes=world.devices.wiped.total(), alarms=alarms.freezes)


async def forged(messages: int, mode: Mode, seed: int = 1) -> Harm:
    """Somebody writes on every queue and posts to the webhook, ten times a second; the steps fit the cases."""
    state = CaseState.AWAITING_APPROVAL if mode is Mode.APPROVE else CaseState.CLEARED_TO_WIPE
    world = await a_world_of_due_wipes(WAITING, state, mode, wipes_per_hour=PER_HOUR, wipes_per_day=PER_DAY)
    install(world.services)
    rng, half_way = random.Random(seed), 0.0
    ids = [line.case_id async for line in world.cases.open_cases()]
    try:
        for number in range(messages):
            await _one(world, rng, rng.choice(ids), number)
            if number % 10 == 0:
                world.clock.move(timedelta(seconds=1))
            if number % EMPTIED_EVERY == 0:
                _empty(world)
            if number == messages // 2:
                half_way = _resident()
    finally:
        install(None)
    return Harm(
        tried=messages,
        wipes=world.devices.wiped.total(),
        cases=len([line async for line in world.cases.open_cases()]),
        grown_mebibytes=_resident() - half_way,
    )


async def _one(world: World, rng: random.Random, case_id: str, number: int) -> None:
    if rng.random() < 0.2:
        fields = {"clientState": rng.choice(("", "guess", None)), "subscriptionId": f"{rng.randrange(10**6)}"}
        await function_app.receive_notifications(posted(*(notification(f"user-{number}", **fields) for _ in range(5))))
        return
    queue = rng.choice(tuple(TAKES))
    trigger = getattr(function_app, (TAKES if rng.random() < 0.9 else GIVES_UP)[queue])
    with contextlib.suppress(HandoverError):
        await trigger(func.QueueMessage(id=str(number), body=await _body(world, rng, case_id)))


async def _body(world: World, rng: random.Random, case_id: str) -> str:
    stored = await world.cases.load(case_id)
    version = stored.case.version if stored is not None else 1
    serial = f"SN{rng.randrange(2 * WAITING):05}"
    event = {"specversion": "1.0", "id": str(rng.random()), "source": "/evil", "type": "device.noncompliant"}
    return rng.choice(
        (
            "garbage",
            "{}",
            "[" * 50,
            write_step(StepDue(case_id=case_id, version=version)),
            write_step(StepDue(case_id=case_id, version=rng.randint(1, 10**6))),
            json.dumps({**event, "data": {"serialNumber": serial}}),
            json.dumps({**event, "data": {"serialNumber": "x" * rng.randint(0, 300)}}),
        )
    )


def _empty(world: World) -> None:
    """Storage is not what is measured: what was set aside there, or waits there, is thrown away."""
    world.rows.clear(PARKED)
    for waiting in world.messages.queues.values():
        waiting.clear()


def _resident() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def broken_settings(number: int, seed: int = 1) -> list[str]:
    """Of so many environments those that permit more than they say; each has one to four settings that make no sense."""
    rng, found = random.Random(seed), list[str]()
    clean = {name: value for name, value in os.environ.items() if not name.upper().startswith("HANDOVER_")}
    with mock.patch.dict(os.environ, clean, clear=True):
        for _ in range(number):
            given = {name: _nonsense(rng) for name in rng.sample(NAMES, rng.randint(1, 4))}
            environment = {"TENANT_ID": TENANT, **given}
            settings = read(environment)
            if settings is not None and (more := permits_more(settings.policy(), than=said(environment))):
                found.append(f"{given} raises {sorted(more)}")
            if settings is not None and len(given) == 1 and len(permits_more(settings.policy(), than=Policy())) > 1:
                found.append(f"{given} raises more than one limit")
    return found


def _nonsense(rng: random.Random) -> str:
    if rng.random() < 0.6:
        return rng.choice(PLAUSIBLE)
    if rng.random() < 0.5:
        return str(rng.randint(-10, 400))
    return "".join(chr(rng.choice((rng.randint(32, 126), rng.randint(161, 0x2FFF)))) for _ in range(rng.randint(0, 12)))


def main(
    devices: Annotated[int, typer.Option(help="So many turn non-compliant at once.")] = 100_000,
    messages: Annotated[int, typer.Option(help="So many messages and notifications are forged.")] = 1_000_000,
    settings: Annotated[int, typer.Option(help="So many broken configurations.")] = 10_000,
) -> None:
    """Exit with 1 when more harm was done than is promised."""
    logging.getLogger().setLevel(logging.ERROR)
    logging.getLogger("shared").propagate = False
    began = time.perf_counter()
    spike = asyncio.run(bad_policy(devices))
    typer.echo(f"bad policy: {spike}, {time.perf_counter() - began:.0f} s")
    asked = asyncio.run(forged(messages // 2, Mode.APPROVE))
    typer.echo(f"forged, mode approve: {asked}, {time.perf_counter() - began:.0f} s")
    free = asyncio.run(forged(messages // 2, Mode.AUTO))
    typer.echo(f"forged, mode auto: {free}, {time.perf_counter() - began:.0f} s")
    broken = broken_settings(settings)
    typer.echo(f"settings: {settings} tried, {len(broken)} permit more; {time.perf_counter() - began:.0f} s")
    for what in broken[:20]:
        typer.echo(f"BROKEN {what}")
    good = (spike.wipes, spike.alarms, asked.wipes, len(broken)) == (0, 1, 0, 0) and free.wipes <= at_most(
        messages // 2
    )
    sys.exit(not good)


def at_most(messages: int) -> int:
    """So many wipes may the limits allow while so many messages are forged."""
    days = messages / 10 / 86_400
    return min(WAITING, PER_DAY * (1 + int(days)))


if __name__ == "__main__":
    typer.run(main)
