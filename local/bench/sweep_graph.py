"""A Graph of 100,000 devices in a process of its own: it answers lists, deltas and single reads from what it wrote beforehand.

How it behaves is set by GET /mode/NAME: ``documented`` honours the filter and "from now on"; ``ignoring`` honours neither, so
that everything comes back; ``idle`` and ``changed`` answer the second round of changes with nothing, or with 50 devices.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Generator
from typing import Any
from urllib.parse import parse_qs, urlsplit

from local.package.target import REPOSITORY

DEVICES = 100_000
CHANGED = 50
FEW = 2
LIST_PAGE, DELTA_PAGE = 1000, 999
_UUID = "{}-0000-4000-8000-{:012d}"


def device_id(number: int) -> str:
    """The managed device id of the number-th device."""
    return _UUID.format("0d7f3b4a", number)


@contextlib.contextmanager
def graph_of_many() -> Generator[str]:
    """The URL of the server."""
    command = [sys.executable, "-m", "local.bench.sweep_graph"]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.wait()


def _managed(number: int, noncompliant: int) -> dict[str, str]:
    state = "noncompliant" if number < noncompliant else "compliant"
    return {"id": device_id(number), "azureADDeviceId": _UUID.format("3c9f2f3e", number), "complianceState": state}


def _directory(number: int, *, compliant: bool) -> dict[str, object]:
    ids = {"id": _UUID.format("7e6d5c4b", number), "deviceId": _UUID.format("3c9f2f3e", number)}
    return {"@odata.type": "#microsoft.graph.device", **ids, "isCompliant": compliant, "isManaged": True}


class _Graph:
    """The answers, and how many of the devices are non-compliant."""

    def __init__(self) -> None:
        self.mode = "documented"
        self.noncompliant = 3_000

    def answer(self, target: str) -> dict[str, Any]:  # Any: JSON
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        here = f"http://127.0.0.1:{self.port}{parts.path}"
        last = parts.path.rpartition("/")[2]
        match last:
            case "delta()" if "users" in parts.path:
                return {"value": [], "@odata.deltaLink": f"{here}?$deltatoken=1"}
            case "delta()":
                return self._changes(here, query)
            case "managedDevices":
                return self._list(here, query)
            case _ if "/mode/" in parts.path:
                self.mode, self.noncompliant = last, int(query.get("noncompliant", self.noncompliant))
                return {}
            case "licenseDetails":
                return {"value": [{"skuId": "x", "servicePlans": [{"servicePlanId": "y"}] * 20}]}
            case _:
                return {"id": last, "userPrincipalName": "user@contoso.example", "displayName": "A user"}

    port = 0

    def _changes(self, here: str, query: dict[str, str]) -> dict[str, Any]:
        """The first round from now on, or over everything; a later one with nothing, or with some."""
        if "$deltatoken" in query and query["$deltatoken"] != "latest":
            count = {"changed": CHANGED, "many": CHANGED, "few": FEW}.get(self.mode, 0)
            rows = [_directory(number, compliant=False) for number in range(count)]
            return {"value": rows, "@odata.deltaLink": f"{here}?$deltatoken=2"}
        if self.mode != "ignoring":
            return {"value": [], "@odata.deltaLink": f"{here}?$deltatoken=1"}
        start = int(query.get("$skiptoken", 0))
        end = min(start + DELTA_PAGE, DEVICES)
        rows = [_directory(number, compliant=number >= self.noncompliant) for number in range(start, end)]
        link = {"@odata.nextLink": f"{here}?$skiptoken={end}"} if end < DEVICES else {}
        return {"value": rows, **(link or {"@odata.deltaLink": f"{here}?$deltatoken=1"})}

    def _list(self, here: str, query: dict[str, str]) -> dict[str, Any]:
        ignoring = self.mode == "ignoring" or ("$filter" not in query and "$skip" not in query)
        most = DEVICES if ignoring else self.noncompliant
        start = int(query.get("$skip", 0))
        end = min(start + LIST_PAGE, most)
        rows = [_managed(number, self.noncompliant) for number in range(start, end)]
        more = {"@odata.nextLink": f"{here}?$skip={end}"} if end < most else {}
        return {"value": rows, **more}


async def _serve() -> None:
    graph = _Graph()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                body = json.dumps(graph.answer(request.split(b" ", 2)[1].decode())).encode()
                head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
                await writer.drain()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    graph.port = int(server.sockets[0].getsockname()[1])
    print(graph.port, flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
