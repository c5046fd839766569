"""What the tests of the sweep begin with: a tenant of many devices, and looks at what was told of them."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

from shared.domain.facts import Compliance
from shared.domain.hint import Hint
from shared.intake.messages import read_hints
from shared.names import HINTS
from shared.records.ledger import Ledger
from shared.records.sweep_progress import Round, SweepProgress
from tests.fakes import story
from tests.fakes.world import World

MINUTE = timedelta(minutes=1)
EVERY = timedelta(minutes=15)


def device_id(number: int) -> str:
    """The managed device id of the number-th device."""
    return f"0d7f3b4a-6c53-4be6-9a3f-{number:012}"


def entra_id(number: int) -> str:
    """Its Entra device id."""
    return f"3c9f2f3e-98c0-44b5-8f3f-{number:012}"


def tenant_of(count: int, *, noncompliant: int = 0, **settings: object) -> World:
    """A world with so many compliant devices, the first of which are not."""
    world = World(**settings)  # type: ignore[arg-type]  # settings by name
    world.devices.devices = {
        device_id(number): replace(
            story.staged_device(),
            id=device_id(number),
            entra_device_id=entra_id(number),
            serial_number=f"SN{number:05}",
            name=f"PC-{number:05}",
            compliance=Compliance.NONCOMPLIANT if number < noncompliant else Compliance.COMPLIANT,
        )
        for number in range(count)
    }
    return world


async def sweep(world: World) -> list[Hint]:
    """One tick of the timer, and what it told."""
    await world.services.sweep.run()
    return hints_in_the_queue(world)


def hints_in_the_queue(world: World) -> list[Hint]:
    """Every hint that lies there, those not visible yet included; they are taken."""
    waiting, world.messages.queues[HINTS] = world.messages.queues[HINTS], []
    return [hint for message in waiting for hint in read_hints(message.body)]


async def sweep_and_take(world: World) -> list[Hint]:
    """One tick, and every hint taken."""
    told = await sweep(world)
    for hint in told:
        await world.services.take_hint.open_or_wake(hint)
    return told


async def next_round(world: World) -> list[Hint]:
    """The round a quarter of an hour later."""
    world.clock.move(EVERY)
    return await sweep_and_take(world)


async def round_of(world: World) -> Round:
    """The round as it is saved."""
    return await SweepProgress(Ledger(world.rows, world.ids)).round()


async def cases_of(world: World) -> Counter[str]:
    """How many cases each device has."""
    return Counter([line.case_id async for line in world.cases.open_cases()])
