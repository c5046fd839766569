"""Start-up: whole processes that import what a trigger needs, beside the floor that no app of this kind can go below.

Measured in the package that is deployed, with a bare Python of its version.
"""

import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from local.azurite import Azurite
from local.package.build import SITE_PACKAGES, build
from local.package.resolve import resolve
from local.package.target import REPOSITORY, bare_environment, target

PROCESSES, HOSTS = 11, 7
VERSION = "3.13"
_ID = "0d1f6d4c-1111-4a6b-9f55-000000000001"
_SETTINGS = {
    "HANDOVER_TENANT_ID": _ID,
    "AZURE_CLIENT_ID": _ID,
    "AzureWebJobsStorage__queueServiceUri": "https://account.queue.core.windows.net",
    "AzureWebJobsStorage__tableServiceUri": "https://account.table.core.windows.net",
    "IDENTITY_ENDPOINT": "http://127.0.0.1:1/",
    "IDENTITY_HEADER": "made-up",
}
_SERVICES = """
import asyncio, function_app, sys
from shared.bootstrap import services
"""
PROGRAMS = {
    "an empty Python": "",
    "floor": "import azure.functions, azure.identity.aio, azure.storage.queue.aio, azure.data.tables.aio",
    "worker's imports": "import function_app, azure.identity.aio, azure.storage.queue.aio, azure.data.tables.aio, httpx, httpcore\n"
    "import kiota_authentication_azure.azure_identity_authentication_provider, msgraph.graph_service_client",
    "webhook, ready for a notification": _SERVICES
    + """
async def first_notification():
    services().receive
asyncio.run(first_notification())
assert not [name for name in sys.modules if name.startswith(("msgraph", "kiota"))]
""",
    "worker, with its first Graph client open": _SERVICES
    + """
from shared.clients.graph.connection import Endpoint, credential_for, open_connection
from shared.settings import Settings
async def first_step():
    services().advance
    open_connection(Endpoint.of("https://graph.microsoft.com"), credential_for(Settings()))
asyncio.run(first_step())
assert "msgraph.graph_service_client" in sys.modules
""",
}
PARTS = {"webhook, ready for a notification": "intake", "worker, with its first Graph client open": "worker"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Milliseconds, median of whole processes: wall time, and CPU time, which other work on the machine disturbs less."""

    program: str
    wall: float
    cpu: float


def measure() -> list[Started]:
    """Every program, in turns. Raises NoInterpreter or NotResolved when there is nothing to measure with."""
    with tempfile.TemporaryDirectory(prefix="handover-bench-") as temporary:
        folder, wanted = Path(temporary).resolve(), target(VERSION)
        package = build(wanted, resolve(wanted, folder), folder / "handover.zip")
        with zipfile.ZipFile(package.zip) as archive:
            archive.extractall(folder / "app")
        app = folder / "app"
        environment = {**bare_environment((app / SITE_PACKAGES, app)), **_SETTINGS}
        python = (str(wanted.interpreter), "-S", "-s", "-c")
        samples: dict[str, list[tuple[float, float]]] = {name: [] for name in PROGRAMS}
        for turn in range(PROCESSES + 1):
            for name, program in PROGRAMS.items():
                part = {"HANDOVER_PART": PARTS.get(name, "single")}
                taken = _run((*python, program), {**environment, **part})
                if turn:  # the first reads the files from the disk
                    samples[name].append(taken)
    return [
        Started(program=name, wall=median(wall for wall, _ in taken), cpu=median(cpu for _, cpu in taken))
        for name, taken in samples.items()
    ]


def _run(command: Sequence[str], environment: Mapping[str, str]) -> tuple[float, float]:
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return 1000 * wall, 1000 * (usage.ru_utime + usage.ru_stime)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """Seconds from the start of the host's process to its first answer: wall time, and the CPU time that it had used then."""

    wall: float
    cpu: float


def first_handshakes() -> list[Handshake]:
    """Start the development host again and again, each time until it answers Graph's handshake."""
    with Azurite() as storage:
        environment = {**os.environ, "HANDOVER_TENANT_ID": _ID, "AzureWebJobsStorage": storage.connection_string}
        return [_first_handshake(environment) for _ in range(HOSTS)]


def _first_handshake(environment: Mapping[str, str]) -> Handshake:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "local.host", "--port", str(port), "--key", secrets.token_hex(8)]
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment, cwd=REPOSITORY, stdout=subprocess.DEVNULL)
    try:
        while not _shakes_hands(port):
            if process.poll() is not None:
                raise subprocess.CalledProcessError(process.returncode, command)
            time.sleep(0.005)
        return Handshake(wall=time.perf_counter() - began, cpu=_cpu_seconds(process.pid))
    finally:
        process.terminate()
        process.wait()


def _cpu_seconds(pid: int) -> float:
    """Of a running process, to a hundredth."""
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def _shakes_hands(port: int) -> bool:
    request = (
        "POST /api/notifications?validationToken=a-token HTTP/1.1\r\nHost: localhost\r\n"
        "Content-Length: 0\r\nConnection: close\r\n\r\n"
    )
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(request.encode())
            answer = b"".join(iter(lambda: connection.recv(4096), b""))
    except OSError:
        return False
    return answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"a-token")
