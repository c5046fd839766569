"""A sweep of 100,000 devices: requests, CPU time and memory of a whole process, beside a request or two for each device."""

import asyncio
import json
import logging
import resource
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from local.azurite import Azurite
from local.bench.chapters import put
from local.bench.graph_answers import Token
from local.bench.sweep_graph import CHANGED, DEVICES, FEW, device_id, graph_of_many
from local.package.target import REPOSITORY
from local.storage import make as make_storage
from shared.bootstrap import build, connect
from shared.clients.graph.client import Graph
from shared.records.sweep_progress import Round
from shared.services import Services
from shared.settings import Settings

NAIVE = 1_000
"""Devices that are read one by one; scaled up, because all of them take too long."""
TITLE = "## A sweep of 100,000 devices"
PAGE = REPOSITORY / "docs" / "benchmarks.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """One process. ``requests`` by operation; CPU seconds without the start of Python and its imports; MB at the most."""

    what: str
    requests: dict[str, int]
    cpu: float
    wall: float
    megabytes: float
    told: int = 0

    @property
    def total(self) -> int:
        """Requests in all."""
        return sum(self.requests.values())


ROUNDS = {
    "documented": "first round, 3,000 non-compliant",
    "ignoring": 'first round, filter and "from now on" ignored: everything comes back',
    "idle": "next round, nothing changed",
    "changed": f"next round, {CHANGED} turned non-compliant (of 900 in all)",
    "many": f"next round, {CHANGED} turned non-compliant (of 5,000 in all)",
    "few": f"next round, {FEW} turned non-compliant (of 5,000 in all)",
}
_NONCOMPLIANT = {"idle": (850, 850), "changed": (850, 900), "many": (4_950, 5_000), "few": (4_998, 5_000)}
"""In the round before, and in the one that is measured."""


def measure() -> list[Swept]:
    """Each round in a process of its own, with its own storage account, then the devices one by one."""
    measured: list[Swept] = []
    with Azurite(accounts=[f"sweep{index}" for index in range(len(ROUNDS))]) as azurite, graph_of_many() as url:
        for index, mode in enumerate(ROUNDS):
            asyncio.run(make_storage(account := azurite.account(f"sweep{index}")))
            before, now = _NONCOMPLIANT.get(mode, (0, 3_000))
            if before:
                _set(url, "documented", noncompliant=before)
                _in_a_process("sweep", url, account, 0)
            _set(url, mode, noncompliant=now)
            measured.append(replace(_in_a_process("sweep", url, account, 5), what=ROUNDS[mode]))
        measured.append(_in_a_process("naive", url, "none", 0))
    return measured


def _set(url: str, mode: str, *, noncompliant: int) -> None:
    httpx.get(f"{url}/mode/{mode}", params={"noncompliant": noncompliant}, trust_env=False).raise_for_status()


def _in_a_process(what: str, url: str, account: str, minutes_ahead: int) -> Swept:
    command = [sys.executable, "-m", "local.bench.sweep", what, url, account, str(minutes_ahead)]
    done = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True)
    return Swept(**json.loads(done.stdout))


async def _sweep(url: str, account: str, minutes_ahead: int) -> Swept:
    """The product's sweep, run after run as the timer does, until the round is over."""
    requests = Counter[str]()
    logging.disable()
    settings = Settings.model_validate(
        {"graph_base_url": url, "tenant_id": "0" * 36, "storage": account, "mode": "report", "sweep_minutes": 1}
    )
    clock = _Ahead(minutes_ahead)
    graph = Graph(settings, clock, credential=Token(), on_request=lambda name, _: requests.update([name]))
    ports = replace(connect(settings, clock=clock), devices=graph.devices, directory=graph.directory)
    services = build(settings, ports)
    wall, cpu = time.perf_counter(), time.process_time()
    at = await services.sweep.progress.round()
    began = at.finished_at
    while (at := await _once(services)).leg is not None or at.finished_at == began:
        pass
    swept = Swept(
        what="sweep",
        requests=dict(requests),
        cpu=time.process_time() - cpu,
        wall=time.perf_counter() - wall,
        megabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
        told=at.told,
    )
    await services.close()
    await graph.close()
    return swept


async def _once(services: Services) -> Round:
    await services.sweep.run()
    return await services.sweep.progress.round()


@dataclass(frozen=True, slots=True)
class _Ahead:
    """A clock that is some minutes ahead, so that a round is due right after the one before."""

    minutes: int

    def now(self) -> datetime:
        """The time there, UTC."""
        return datetime.now(UTC) + timedelta(minutes=self.minutes)


async def _naive(url: str) -> Swept:
    """What scripts do: list the devices, then read each one's user and licences."""
    requests = Counter[str]()
    wall, cpu = time.perf_counter(), time.process_time()
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:

        async def get(path: str) -> object:
            requests["one by one"] += 1
            return (await client.get(path, headers={"Authorization": "Bearer a-token"})).raise_for_status().json()

        await get("/v1.0/deviceManagement/managedDevices?$top=1000")
        for number in range(NAIVE):
            await get(f"/v1.0/users/{device_id(number)}")
            await get(f"/v1.0/users/{device_id(number)}/licenseDetails")
    factor = DEVICES // NAIVE
    return Swept(
        what=f"a request for each user and each licence, {NAIVE:,} devices times {factor}",
        requests={name: number * factor for name, number in requests.items()},
        cpu=(time.process_time() - cpu) * factor,
        wall=(time.perf_counter() - wall) * factor,
        megabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
    )


def section(measured: list[Swept]) -> str:
    """The chapter of docs/benchmarks.md."""
    lines = [TITLE, ""]
    lines += [
        "Against a Graph in another process and Azurite; CPU time and memory are those of the process that sweeps, Graph client"
    ]
    lines += [
        "and storage client included. Goals: 205 requests, 5 s of CPU time, 250 MB; one request for the devices when nothing"
    ]
    lines += ["changed, two when 50 did. Wall time is without Graph's own, about 0.15 s a request.", ""]
    lines += ["| round | requests | of these | told | CPU s | wall s | MB |", "|---|---|---|---|---|---|---|"]
    for each in measured:
        of_these = ", ".join(f"{name} {number:,}" for name, number in each.requests.items())
        lines.append(
            f"| {each.what} | {each.total:,} | {of_these} | {each.told:,} | {each.cpu:.2f} | {each.wall:.1f} | {each.megabytes:.0f} |"
        )
    lines += [
        "",
        "A round with changes reads the list of the non-compliant once: one request for each 1,000 of them. When fewer devices",
        "changed than that list has pages, they are told by their Entra ids, and whoever takes the hint finds each by one request.",
    ]
    return "\n".join([*lines, ""])


def write(page: Path = PAGE) -> None:
    """Measure, and put the chapter into the page in place of the one before."""
    put(page, TITLE, section(measure()))


def main() -> None:
    """Without arguments write the chapter; with them be one of the processes."""
    match sys.argv[1:]:
        case ["sweep", url, account, minutes]:
            print(json.dumps(asdict(asyncio.run(_sweep(url, account, int(minutes))))))
        case ["naive", url, _, _]:
            print(json.dumps(asdict(asyncio.run(_naive(url)))))
        case _:
            write()


if __name__ == "__main__":
    main()
