"""The black box: two real hosts on one Azurite and one simulated tenant over HTTP, killed again and again.

``python -m tests.safety.black_box --kills 300 --cases 200``. Only the tenant's own count is believed.
"""

import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import typer

from local.azurite import Azurite
from local.listening import free_port
from local.stack import Stack
from shared.operate.report import months
from tests.safety.black_box_cast import disabled, scenario, serials, untouchable

A_LITTLE = timedelta(minutes=15)
LONGEST_STEP = timedelta(hours=1)
SETTLES_WITHIN = 30
"""Looks, a twentieth of a second apart."""
CALM_STEPS = 400
"""After the last kill, at most so many steps of the tenant's clock."""
LEASE_SECONDS = 3.0
"""What a killed host was working on is seen again after so long."""
KILLED_EVERY_SECONDS = 2.0


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What the tenant counted, and what the cases say."""

    cases: int
    kills: int = 0
    azurite_restarts: int = 0
    wipes: Counter[str] = field(default_factory=Counter[str])
    """By serial number, upper case: the tenant's own count."""
    states: Counter[str] = field(default_factory=Counter[str])
    lost: list[str] = field(default_factory=list[str])
    """Serial numbers without a case, or with one that neither ended nor waits for a person."""

    @property
    def twice(self) -> list[str]:
        """Devices that were wiped more than once."""
        return [serial for serial, times in self.wipes.items() if times > 1]

    @property
    def wrongly(self) -> list[str]:
        """Devices that were wiped and must not be."""
        return sorted(self.wipes.keys() - set(serials(self.cases)))

    @property
    def good(self) -> bool:
        """No double wipe, no wrong wipe, no lost case."""
        return not (self.twice or self.wrongly or self.lost)


@dataclass(kw_only=True)
class BlackBox:
    """Runs it once. ``stack`` has the first host in a process of its own; the second is started here."""

    stack: Stack
    azurite: Azurite
    outcome: Outcome
    _began: datetime = field(init=False)
    _second: asyncio.subprocess.Process | None = None
    _second_port: int = field(default_factory=free_port)

    async def run(self, kills: int) -> Outcome:
        """Report every device, kill so many hosts, then let everything come to rest."""
        self._began = self.stack.clock.now()
        for upn in disabled(self.outcome.cases):
            await self.stack.simulated("do", {"do": "disable_user", "user": upn})
        await self._start_second()
        for serial in (*serials(self.outcome.cases), *untouchable(self.outcome.cases)):
            await self.stack.send("device-events", _event(serial))
        killing = asyncio.create_task(self._kill(kills))
        try:
            while not killing.done():
                await self._step()
            await killing
            for _ in range(CALM_STEPS):
                if await self._at_rest():
                    break
                await self._step()
        finally:
            killing.cancel()
            await _end(self._second)
        return await self._count()

    async def _step(self) -> None:
        """Wait until nothing is under way, a moment at most; then time passes, and a person looks after what was frozen."""
        for _ in range(SETTLES_WITHIN):
            if await self._idle():
                break
            await asyncio.sleep(0.05)
        await self.stack.simulated("clock", {"advance_seconds": (await self._next()).total_seconds()})
        await asyncio.sleep(0.05)
        await self._thaw()

    async def _idle(self) -> bool:
        try:
            answer = await self.stack.api.get("/admin/host/status?idle")
        except httpx.TransportError:
            return False
        return answer.status_code == 200 and bool(answer.json()["idle"])

    async def _next(self) -> timedelta:
        """Until a case is due; or a little, so that the supervisor finds what is late."""
        listed, now = await self._listed(), self.stack.clock.now()
        if listed is None:
            return A_LITTLE
        due = [datetime.fromisoformat(case["due_at"]) for case in listed if case["due_at"] is not None]
        next_due = min((at for at in due if at > now), default=now + LONGEST_STEP)
        return A_LITTLE if any(at <= now for at in due) else max(A_LITTLE, min(next_due - now, LONGEST_STEP))

    async def _kill(self, kills: int) -> None:
        """Now the one host, now the other, by SIGKILL; after a third and two thirds the storage emulator is restarted."""
        for number in range(kills):
            await asyncio.sleep(KILLED_EVERY_SECONDS)
            if number in (kills // 3, kills * 2 // 3):
                await asyncio.to_thread(self.azurite.restart)
                self.outcome.azurite_restarts += 1
            if self.outcome.kills % 2:
                await self.stack.kill_host()
                await self.stack.start_host()
            else:
                await _end(self._second)
                await self._start_second()
            self.outcome.kills += 1

    async def _start_second(self) -> None:
        command = [
            str(self._second_port) if part == str(self.stack.host_port) else part for part in self.stack.command()
        ]
        with self.stack.host_log.open("ab") as log:
            self._second = await asyncio.create_subprocess_exec(
                *command, env={**os.environ, **self.stack.host_environ}, cwd=self.stack.app, stdout=log, stderr=log
            )
        await self._up(f"http://127.0.0.1:{self._second_port}")

    async def _up(self, url: str) -> None:
        async with httpx.AsyncClient(base_url=url, headers={"x-functions-key": self.stack.key}) as api:
            for _ in range(600):
                try:
                    if (await api.get("/admin/host/status")).status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.05)
        raise RuntimeError("the second host did not start")

    async def _listed(self) -> list[dict[str, Any]] | None:
        """Every open case, and what ended in any month since the beginning; None while the first host is down."""
        found: list[dict[str, Any]] = []
        ended = [f"which=ended&month={month}" for month in months(self._began, self.stack.clock.now())]
        for asked in ("which=open", *ended):
            if (lines := await self._pages(asked)) is None:
                return None
            found += lines
        return found

    async def _pages(self, asked: str) -> list[dict[str, Any]] | None:
        found: list[dict[str, Any]] = []
        after = ""
        while (page := await self._asked(f"cases?{asked}{after}")) is not None:
            found += page["cases"]
            if page["next"] is None:
                return found
            after = f"&after={quote(page['next'])}"
        return None

    async def _asked(self, path: str) -> Any:
        """GET from the first host; None while it is down."""
        try:
            answer = await self.stack.api.get(f"/api/v1/{path}")
        except httpx.TransportError:
            return None
        return answer.json() if answer.status_code == 200 else None

    async def _thaw(self) -> None:
        status = await self._asked("status")
        if status is None or not status["frozen"]:
            return
        try:
            await self.stack.tell("freeze", {"frozen": False, "why": "looked at it", "by": "ann@contoso.example"})
        except httpx.TransportError:
            return

    async def _at_rest(self) -> bool:
        cases = await self._every_case()
        return all(serial in cases and _rests(cases[serial]) for serial in serials(self.outcome.cases))

    async def _every_case(self) -> dict[str, str]:
        """The state of the latest case of each serial number."""
        for _ in range(200):
            if (listed := await self._listed()) is not None:
                moves = sorted(listed, key=lambda case: str(case["moved_at"]))
                return {case["serial_number"]: case["state"] for case in moves}
            await asyncio.sleep(0.1)
        raise RuntimeError("the host does not list its cases")

    async def _count(self) -> Outcome:
        counts = await self.stack.simulated("counts")
        self.outcome.wipes = Counter({serial.upper(): times for serial, times in counts["wipes_by_serial"].items()})
        cases = await self._every_case()
        self.outcome.states = Counter(cases.values())
        everybody = serials(self.outcome.cases)
        self.outcome.lost = [serial for serial in everybody if serial not in cases or not _rests(cases[serial])]
        return self.outcome


def _rests(state: str) -> bool:
    return state in ("proven", "needs_person", "no_action_needed", "refused", "cancelled", "reported")


def _event(serial: str) -> str:
    kind, data = "device.noncompliant", {"serialNumber": serial}
    return json.dumps({"specversion": "1.0", "id": serial, "source": "/black-box", "type": kind, "data": data})


async def _end(process: asyncio.subprocess.Process | None) -> None:
    if process is not None and process.returncode is None:
        process.send_signal(signal.SIGKILL)
        await process.wait()


async def run(*, cases: int, kills: int) -> Outcome:
    """A whole run on an Azurite that keeps its data on disk. Raises AzuriteMissing."""
    with tempfile.TemporaryDirectory(prefix="handover-black-box-") as folder:
        azurite = Azurite(in_memory=False, folder=Path(folder))
        await asyncio.to_thread(azurite.start)
        try:
            stack = Stack(
                scenario=scenario(cases),
                connection_string=azurite.connection_string,
                own_process=True,
                host_environ={"LOCAL_HOST_LEASE_SECONDS": str(LEASE_SECONDS)},
            )
            async with stack:
                box = BlackBox(stack=stack, azurite=azurite, outcome=Outcome(cases=cases))
                return await box.run(kills)
        finally:
            await asyncio.to_thread(azurite.stop)


def main(
    kills: Annotated[int, typer.Option(help="So many hosts are killed, one every two seconds.")] = 300,
    cases: Annotated[int, typer.Option(help="How many devices are handed over.")] = 200,
) -> None:
    """Exit with 1 for a double wipe, a wrong wipe or a lost case."""
    began = time.perf_counter()
    outcome = asyncio.run(run(cases=cases, kills=kills))
    typer.echo(
        f"{cases} cases, {outcome.kills} hosts killed, Azurite restarted {outcome.azurite_restarts} times, "
        f"{time.perf_counter() - began:.0f} s: {outcome.wipes.total()} wipes, {len(outcome.twice)} double, "
        f"{len(outcome.wrongly)} wrong, {len(outcome.lost)} cases lost; {dict(outcome.states)}"
    )
    for what in (*outcome.twice, *outcome.wrongly, *outcome.lost):
        typer.echo(f"BROKEN {what}")
    sys.exit(not outcome.good)


if __name__ == "__main__":
    typer.run(main)
