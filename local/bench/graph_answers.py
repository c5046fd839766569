"""100 devices from Graph: our typed values, plain httpx with json, and the SDK's own models, in one run."""

import gc
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any, Self

import httpx
from azure.core.credentials import AccessToken

from local.bench.canned_graph import DEVICES, FULL, PATH, SELECTED, canned_graph, payloads
from shared.clients.graph.client import Graph
from shared.clients.graph.connection import Endpoint, open_connection
from shared.clients.graph.managed_device import STABLE
from shared.clients.system import SystemClock
from shared.settings import Settings

ROUNDS, WARM_UP, SDK_EVERY = 200, 20, 20
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
Call = Callable[[], Awaitable[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Milliseconds per answer, median: wall time and the CPU time of this process."""

    payload: str
    kilobytes: float
    contender: str
    wall: float
    cpu: float


class Token:
    """A credential that always has a token."""

    async def get_token(self, *_: str, **__: Any) -> AccessToken:  # Any: the protocol's own
        return AccessToken("a-token", 4102444800)

    async def close(self) -> None:
        """Nothing to close."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Nothing to close."""


async def measure() -> list[Measured]:
    """Both payloads, all three contenders, in turns, so that a busy machine is busy for each of them."""
    answers = await payloads()
    with tempfile.TemporaryDirectory() as folder:
        async with canned_graph(answers, Path(folder)) as url:
            return [
                measured
                for payload in (FULL, SELECTED)
                for measured in await _compare(payload, len(answers[payload]) / 1000, f"{url}/{payload}")
            ]


async def _compare(payload: str, kilobytes: float, base_url: str) -> list[Measured]:
    settings = Settings.model_validate({"graph_base_url": base_url, "tenant_id": "0" * 36})
    graph = Graph(settings, SystemClock(), credential=Token())
    sdk = open_connection(Endpoint.of(base_url), Token())
    async with httpx.AsyncClient(headers={"Authorization": "Bearer a-token"}, trust_env=False) as plain:

        async def plain_json() -> int:
            query = {"$select": STABLE, "$filter": "enrolledDateTime gt 2000-01-01T00:00:00Z"}  # what ours asks
            answer = await plain.get(f"{base_url}/{PATH}", params=query)
            return len(answer.raise_for_status().json()["value"])

        async def ours() -> int:
            return len([each async for each in graph.devices.enrolled_since(_LONG_AGO)])

        async def sdk_models() -> int:
            answer = await sdk.v1.device_management.managed_devices.get()
            return len(answer.value or []) if answer else 0

        contenders = {"plain httpx + json": plain_json, "Handover": ours, "msgraph's models": sdk_models}
        times = await _in_turns(contenders)
    await graph.close()
    await sdk.close()
    return [
        Measured(payload=payload, kilobytes=kilobytes, contender=name, wall=wall, cpu=cpu)
        for name, (wall, cpu) in times.items()
    ]


async def _in_turns(contenders: Mapping[str, Call]) -> dict[str, tuple[float, float]]:
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    gc.collect()
    for turn in range(WARM_UP + ROUNDS):
        for name, call in contenders.items():
            if name.startswith("msgraph") and turn % SDK_EVERY:
                continue  # a hundred times as slow
            wall, cpu = time.perf_counter(), time.process_time()
            assert await call() == DEVICES
            if turn >= WARM_UP:
                samples[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return {
        name: (1000 * median(wall for wall, _ in taken), 1000 * median(cpu for _, cpu in taken))
        for name, taken in samples.items()
    }
