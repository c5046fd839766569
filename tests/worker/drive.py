"""Runs the app under Microsoft's worker library, in a process of its own: the library keeps one app per process.

Usage: python -m tests.worker.drive APP_DIR, with a JSON list of invocations on standard input. Prints one line of
JSON: the functions that the library found, and what became of each invocation.
"""

import asyncio
import base64
import importlib
import json
import sys
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from tests.worker import protos
from tests.worker.protos import Message, ParameterBinding, TypedData


class WorkerLibrary(Protocol):
    """The functions of azure_functions_runtime that a host calls. Undocumented, hence its version is pinned."""

    def start_threadpool_executor(self) -> None: ...
    def stop_threadpool_executor(self) -> None: ...
    async def worker_init_request(self, request: Message) -> Message: ...
    async def functions_metadata_request(self, request: Message) -> Message: ...
    async def invocation_request(self, request: Message) -> Message: ...


def http(
    *,
    method: str,
    url: str,
    headers: Mapping[str, str],
    query: Mapping[str, str],
    params: Mapping[str, str],
    body: str,
) -> tuple[TypedData, dict[str, TypedData]]:
    """A request as the host sends it: the body in bytes, query and route decoded."""
    content = TypedData(bytes=body.encode()) if body else TypedData()
    given = Message(method=method, url=url, headers=headers, query=query, params=params, body=content)
    return TypedData(http=given), {}


def queue(*, body: str) -> tuple[TypedData, dict[str, TypedData]]:
    """A queue message with its metadata."""
    time = json.dumps("2026-03-02T08:00:00+00:00")
    metadata = {
        "Id": TypedData(string=str(uuid.uuid4())),
        "PopReceipt": TypedData(string="receipt"),
        "DequeueCount": TypedData(json="1"),
        "InsertionTime": TypedData(json=time),
        "ExpirationTime": TypedData(json=time),
        "NextVisibleTime": TypedData(json=time),
    }
    return TypedData(string=body), metadata


def timer() -> tuple[TypedData, dict[str, TypedData]]:
    """A timer that is on time."""
    text = json.dumps({"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": False})
    return TypedData(json=text), {}


def event_hub(*, bodies: Sequence[str]) -> tuple[TypedData, dict[str, TypedData]]:
    """A batch of events with what the host tells of each of them."""
    each = {"EnqueuedTimeUtc": "2026-03-02T08:00:00Z", "PartitionKey": None, "SequenceNumber": 1, "Offset": 1}
    metadata = {"SystemPropertiesArray": TypedData(json=json.dumps([each] * len(bodies)))}
    return TypedData(collection_string=Message(string=list(bodies))), metadata


KINDS = {"event_hub": event_hub, "http": http, "queue": queue, "timer": timer}


def _request(verb: str, **fields: object) -> Message:
    return Message(request=Message(**{verb: Message(**fields)}), properties={"host": "127.0.0.1", "protos": protos})


async def _load(library: WorkerLibrary, app_dir: str) -> list[Message]:
    started = await library.worker_init_request(
        _request("worker_init_request", capabilities={}, function_app_directory=app_dir)
    )
    if started.result.status != protos.StatusResult.Success:
        raise RuntimeError(started.result.exception.message)
    found = await library.functions_metadata_request(_request("functions_metadata_request"))
    return found.function_metadata_results


async def _invoke(library: WorkerLibrary, function: Message, kind: str, given: Mapping[str, Any]) -> dict[str, object]:
    data, metadata = KINDS[kind](**given)
    trigger = next(binding for binding in map(json.loads, function.raw_bindings) if binding["direction"] == "IN")
    answered = await library.invocation_request(
        _request(
            "invocation_request",
            invocation_id=str(uuid.uuid4()),
            function_id=function.function_id,
            input_data=[ParameterBinding(name=trigger["name"], data=data)],
            trigger_metadata=metadata,
            trace_context=Message(trace_parent="", trace_state="", attributes={}),
            retry_context=Message(retry_count=0, max_retry_count=0, exception=None),
        )
    )
    if answered.result.status != protos.StatusResult.Success:
        raised = answered.result.exception
        return {"succeeded": False, "raised": f"{raised.message}\n{raised.stack_trace}"}
    return {"succeeded": True, "http": _http_answer(answered.return_value)}


def _http_answer(value: TypedData | None) -> dict[str, object] | None:
    if value is None:
        return None
    response = value.http
    body = base64.b64encode(response.body.bytes).decode()
    return {"status": int(response.status_code), "headers": dict(response.headers), "body_base64": body}


async def drive(app_dir: str, invocations: Sequence[Mapping[str, Any]]) -> dict[str, object]:
    """Load the app and run the invocations one after the other: {"function": name, "kind": ..., "given": {...}}."""
    library = cast("WorkerLibrary", importlib.import_module("azure_functions_runtime"))
    library.start_threadpool_executor()
    functions = {function.name: function for function in await _load(library, app_dir)}
    answers = [await _invoke(library, functions[one["function"]], one["kind"], one["given"]) for one in invocations]
    library.stop_threadpool_executor()
    return {"functions": {name: list(f.raw_bindings) for name, f in functions.items()}, "answers": answers}


if __name__ == "__main__":
    directory = str(Path(sys.argv[1]).resolve())
    sys.path.insert(0, directory)
    print(json.dumps(asyncio.run(drive(directory, json.load(sys.stdin)))))  # noqa: T201  # the answer
