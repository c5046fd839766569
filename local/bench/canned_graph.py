"""A Graph that answers every request with the same 100 devices, in a process of its own so that it costs us nothing."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx

from local.package.target import REPOSITORY
from local.tenant.populate import tenant_of
from local.tenant.scenario import parse
from local.tenant.server import TenantServer
from shared.clients.graph.managed_device import STABLE

DEVICES = 100
FULL, SELECTED = "full", "selected"
PATH = "v1.0/deviceManagement/managedDevices"
_UPN = "staging@contoso.example"


async def payloads() -> dict[str, bytes]:
    """The simulated tenant's answers about 100 devices: with every property, and with those that we select."""
    devices = [
        {"serial": f"5CG{number:07}", "name": f"PC-{number:04}", "enrolled_by": _UPN} for number in range(DEVICES)
    ]
    scenario: dict[str, Any] = {  # Any: a scenario file is nested JSON
        "title": "a hundred devices",
        "tenant": {"skus": [{"part": "SPB", "seats": 5}]},
        "users": [{"upn": _UPN, "name": "Staging", "licences": ["SPB"]}],
        "devices": devices,
    }
    server = TenantServer(tenant_of(parse(scenario)))
    await server.start()
    try:
        async with httpx.AsyncClient(base_url=server.base_url, headers=await _token(server)) as client:
            full = await client.get(f"/{PATH}")
            selected = await client.get(f"/{PATH}", params={"$select": STABLE})
    finally:
        await server.stop()
    return {FULL: full.raise_for_status().content, SELECTED: selected.raise_for_status().content}


async def _token(server: TenantServer) -> dict[str, str]:
    environ = server.environ()
    async with httpx.AsyncClient() as client:
        answer = await client.get(
            environ["IDENTITY_ENDPOINT"],
            params={"resource": "https://graph.microsoft.com", "api-version": "2019-08-01"},
            headers={"X-IDENTITY-HEADER": environ["IDENTITY_HEADER"]},
        )
    return {"Authorization": f"Bearer {answer.raise_for_status().json()['access_token']}"}


@contextlib.asynccontextmanager
async def canned_graph(answers: dict[str, bytes], folder: Path) -> AsyncGenerator[str, None]:
    """The URL of the server; below it, ``full`` and ``selected`` are each a Graph of their own."""
    for name, body in answers.items():
        (folder / name).write_bytes(body)
    command = [sys.executable, "-m", "local.bench.canned_graph", str(folder)]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220  # it starts at once
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.wait()


async def _serve(folder: Path) -> None:
    """The server itself: keep-alive, no thought."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                body = (folder / request.split(b"/", 2)[1].decode()).read_bytes()
                head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
                await writer.drain()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
