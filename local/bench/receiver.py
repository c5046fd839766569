"""The process under load: one core, one route, either the product's webhook or a receiver that checks nothing.

Usage: python -m local.bench.receiver product|plain PORT. Reads the storage account from AzureWebJobsStorage; prints a line of
JSON when it is asked for /counted: messages that storage acknowledged, the references in them, and its own CPU seconds.
"""

import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.functions as func
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from handlers import notifications
from shared.bootstrap import build, connect, install
from shared.domain.hint import Cause, Hint, Subject
from shared.intake.packing import HintQueue
from shared.ports import Messages, QueueSize
from shared.settings import Settings


@dataclass(kw_only=True)
class CountedMessages:
    """The real queues; counts what they have acknowledged."""

    inner: Messages
    messages: int = 0
    references: int = 0

    async def send(self, queue: str, body: str, *, delay: timedelta = timedelta()) -> None:
        """Send one, and count it once it is stored."""
        await self.inner.send(queue, body, delay=delay)
        self.messages += 1
        self.references += body.count('"key"')

    async def measure(self, queue: str) -> QueueSize:
        """As the real queue says."""
        return await self.inner.measure(queue)


Handler = Callable[[Request], Awaitable[Response]]


async def receive(request: Request) -> Response:
    """What the Functions host and the worker do around the product's handler."""
    given = func.HttpRequest(
        method=request.method,
        url=str(request.url),
        headers=dict(request.headers),
        params=dict(request.query_params),
        body=await request.body(),
    )
    answer = await notifications.receive(given)
    return Response(answer.get_body(), status_code=answer.status_code)


def plain(hints: HintQueue) -> Handler:
    """The same enqueue with no checks: whatever is in the list is stored."""

    async def receive_anything(request: Request) -> Response:
        items: list[dict[str, Any]] = json.loads(await request.body())["value"]
        now = datetime.now(UTC)
        await hints.send(
            [
                Hint(
                    subject=Subject.USER,
                    key=item["resource"].partition("/")[2],
                    cause=Cause.USER_CHANGED,
                    source="graph",
                    at=now,
                )
                for item in items
            ]
        )
        return Response(status_code=202)

    return receive_anything


def main() -> None:
    """Serve until terminated."""
    kind, port = sys.argv[1], int(sys.argv[2])
    settings = Settings()  # pyright: ignore[reportCallIssue]  # values come from the environment
    ports = connect(settings)
    counted = CountedMessages(inner=ports.messages)
    ports = replace(ports, messages=counted)
    handler: Handler = receive
    if kind == "plain":
        handler = plain(HintQueue(messages=counted, clock=ports.clock))
    else:
        install(build(settings, ports))

    async def tell(_: Request) -> Response:
        cpu = time.process_time()
        return JSONResponse({"messages": counted.messages, "references": counted.references, "cpu": cpu})

    routes = [Route("/api/notifications", handler, methods=["POST"]), Route("/counted", tell)]
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {0})
    uvicorn.run(Starlette(routes=routes), host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
