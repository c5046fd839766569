"""The only place that touches the semi-private converters and Datum of azure.functions.

What the Python worker and the .NET host do with a value is documented nowhere; it is copied here from their
source, quirks included, so that an app meets them on the laptop and not in production.
"""

import base64
import json
import re
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, Literal, cast

import azure.functions as func
from azure.functions import http, queue, timer
from azure.functions.meta import Datum, InConverter

MessageEncoding = Literal["base64", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueMetadata:
    """What the queue service tells about a received message, besides its body. Times are UTC."""

    id: str
    dequeue_count: int
    pop_receipt: str
    inserted_on: datetime
    expires_on: datetime
    next_visible_on: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """An HTTP response as it goes on the wire; `headers` may repeat Set-Cookie."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


class Output(func.Out[object]):
    """The `func.Out` parameter of one output binding in one invocation."""

    def __init__(self) -> None:
        self._value: object = None

    def set(self, val: object) -> None:
        """Keep the value to be sent; a second call replaces the first."""
        self._value = val

    def get(self) -> object:
        """The value kept, or None."""
        return self._value


@dataclass(frozen=True, slots=True, kw_only=True)
class _TraceContext:
    trace_parent: str = field(default_factory=lambda: f"00-{uuid.uuid4().hex}-{uuid.uuid4().hex[:16]}-01")
    trace_state: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class _RetryContext:
    retry_count: int = 0
    max_retry_count: int = 0
    exception: None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationContext:
    """Stands for `func.Context`; like the worker's own it does not inherit from it."""

    function_name: str
    function_directory: str
    invocation_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    thread_local_storage: threading.local = field(default_factory=threading.local)
    trace_context: _TraceContext = field(default_factory=_TraceContext)
    retry_context: _RetryContext = field(default_factory=_RetryContext)


def context(name: str, directory: Path) -> InvocationContext:
    """A fresh invocation context for a function."""
    return InvocationContext(function_name=name, function_directory=str(directory))


def encode_body(body: bytes, encoding: MessageEncoding) -> str:
    """A message body as it is stored. Without base64, raises UnicodeDecodeError for what is not UTF-8."""
    return base64.b64encode(body).decode("ascii") if encoding == "base64" else body.decode("utf-8")


def decode_body(content: str, encoding: MessageEncoding) -> bytes:
    """A stored message as body. Raises ValueError when it is not base64 (white space is fine, as in .NET)."""
    if encoding == "none":
        return content.encode("utf-8")
    return base64.b64decode(re.sub(r"[ \t\r\n]", "", content), validate=True)


def queue_argument(
    metadata: QueueMetadata, body: bytes, *, binary: bool, plain: bool
) -> func.QueueMessage | str | bytes:
    """What a queue function gets: a QueueMessage, or the bare body if `plain`; as bytes if `binary`.

    Raises UnicodeDecodeError for a body that is not UTF-8, unless binary.
    """
    value = body if binary else body.decode("utf-8")
    if plain:
        return value
    trigger_metadata = {
        "Id": Datum(metadata.id, "string"),
        "PopReceipt": Datum(metadata.pop_receipt, "string"),
        "DequeueCount": Datum(str(metadata.dequeue_count), "json"),
        "InsertionTime": Datum(_json_time(metadata.inserted_on), "json"),
        "ExpirationTime": Datum(_json_time(metadata.expires_on), "json"),
        "NextVisibleTime": Datum(_json_time(metadata.next_visible_on), "json"),
    }
    datum = Datum(value, "bytes" if binary else "string")
    return cast(func.QueueMessage, _decode(queue.QueueMessageInConverter, datum, trigger_metadata))


def timer_argument(*, past_due: bool, last: datetime | None, due: datetime, plain: bool) -> func.TimerRequest | str:
    """What a timer function gets: a TimerRequest, or its JSON text when the function asks for `str`."""
    last_text = last.isoformat() if last else "0001-01-01T00:00:00"
    text = json.dumps(
        {
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": {"Last": last_text, "Next": due.isoformat(), "LastUpdated": last_text},
            "IsPastDue": past_due,
        }
    )
    if plain:
        return text
    return cast(func.TimerRequest, _decode(timer.TimerRequestConverter, Datum(text, "json")))


def http_argument(
    *,
    method: str,
    url: str,
    headers: Mapping[str, str],
    query: Mapping[str, str],
    route: Mapping[str, str],
    body: bytes,
) -> func.HttpRequest:
    """The HttpRequest that an HTTP function gets."""
    value = {
        "method": Datum(method, "string"),
        "url": Datum(url, "string"),
        "headers": {name: Datum(text, "string") for name, text in headers.items()},
        "query": {name: Datum(text, "string") for name, text in query.items()},
        "params": {name: Datum(text, "string") for name, text in route.items()},
        "body": Datum(body, "bytes"),
    }
    return cast(func.HttpRequest, _decode(http.HttpRequestConverter, Datum(value, "http")))


def http_answer(value: object) -> HttpAnswer:
    """The response for what an HTTP function returned: an HttpResponse or a str.

    Raises TypeError for anything else, None and bytes included: the worker cannot encode them either, so
    the caller sees a 500. A header set twice is sent once, with its last value (Set-Cookie is repeated): the
    worker keeps headers in a dict.
    """
    try:
        datum = http.HttpResponseConverter.encode(value, expected_type=None)
    except NotImplementedError:
        raise TypeError(f"an HTTP function must return HttpResponse or str, not {type(value).__name__}") from None
    if datum.type == "string":
        text = cast(str, datum.value)
        return HttpAnswer(
            status=200, headers=[("content-type", "text/plain; charset=utf-8")], body=text.encode("utf-8")
        )
    parts = cast(dict[str, Any], datum.value)  # Any: the converter's own untyped dict, taken apart right here
    headers = {str(name): str(value.value) for name, value in parts["headers"].items()}
    cookies = cast(list[SimpleCookie], parts["cookies"] or [])
    repeated = [("set-cookie", morsel.OutputString()) for cookie in cookies for morsel in cookie.values()]
    return HttpAnswer(
        status=int(parts["status_code"].value),
        headers=[*headers.items(), *repeated],
        body=parts["body"].value,
    )


def accepts_output(annotation: object) -> bool:
    """Whether the worker loads a function whose queue output is declared `func.Out[annotation]`.

    `typing.List[str]` is accepted, `list[str]` is not: then the worker refuses the whole app.
    """
    if not isinstance(annotation, type) and not hasattr(annotation, "_name"):  # _name: only typing's own generics
        return False
    return bool(queue.QueueMessageOutConverter.check_output_type_annotation(cast(type, annotation)))


def queue_output(value: object, annotation: object) -> list[bytes]:
    """The message bodies that one queue output puts on its queue; none for None.

    What happens to the value depends on the annotation in `func.Out[...]`, as in the worker: under `str` or
    `bytes` a dict or list goes out as JSON; under anything else a list is one message per item, and a dict is
    refused here with TypeError, because the library would keep its keys and silently lose its values.

    Then the .NET host looks at text: a JSON array becomes one message per element, and a JSON object is
    written anew, indented (azure-functions-host issue 9581, azure-functions-python-worker issue 1492). It may
    also rewrite dates in such JSON; that is not imitated. Raises ValueError for text in braces or brackets
    that is not JSON.
    """
    if value is None:
        return []
    if isinstance(value, bytes | bytearray):
        return [bytes(value)]
    if annotation is str or annotation is bytes:
        if not isinstance(value, str | dict | list | int | float):
            raise TypeError(f"a queue output cannot be a {type(value).__name__}")
        return _as_the_host_sends(cast(object, value))
    if isinstance(value, Mapping):
        raise TypeError("a queue output cannot be a dict (azure.functions would lose its values): use json.dumps")
    try:
        datum = queue.QueueMessageOutConverter.encode(value, expected_type=None)
    except NotImplementedError:
        raise TypeError(f"a queue output cannot be a {type(value).__name__}, or a list of other than str") from None
    return _as_the_host_sends(json.loads(datum.value) if datum.type == "json" else datum.value)


def _as_the_host_sends(value: object) -> list[bytes]:
    text = value.strip() if isinstance(value, str) else ""
    if text[:1] + text[-1:] in ("{}", "[]"):
        value = json.loads(text)
    elements = cast(list[object], value) if isinstance(value, list) else [value]
    return [_element(element).encode("utf-8") for element in elements]


def _element(value: object) -> str:
    if value is None:
        return ""
    return json.dumps(value, indent=2, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _decode(converter: type[InConverter], datum: Datum, metadata: Mapping[str, Datum] | None = None) -> object:
    return converter.decode(datum, trigger_metadata=metadata)  # pyright: ignore[reportUnknownMemberType] - untyped there


def _json_time(time: datetime) -> str:
    return json.dumps(time.isoformat())
