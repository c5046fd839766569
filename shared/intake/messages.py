"""The hints message: up to 32 references packed together. It carries ids only, nothing that is acted on unread."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

from shared.domain.hint import Cause, Hint, Subject
from shared.errors import BadInput

MOST_IN_A_MESSAGE = 32
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SERIAL = re.compile(r"[A-Za-z0-9 ._-]{1,64}")


def write_hints(hints: Sequence[Hint]) -> str:
    """The message body."""
    packed = [
        {
            "subject": hint.subject.value,
            "key": hint.key,
            "cause": hint.cause.value,
            "source": hint.source,
            "at": hint.at.isoformat(),
        }
        for hint in hints
    ]
    return json.dumps({"v": 1, "hints": packed}, separators=(",", ":"))


def read_hints(body: str) -> list[Hint]:
    """The hints back. Raises BadInput for anything that was not written by write_hints."""
    try:
        document = cast("dict[str, object]", json.loads(body))
        if document["v"] != 1:
            raise BadInput("hints of an unknown version")
        packed = cast("list[dict[str, str]]", document["hints"])
        if len(packed) > MOST_IN_A_MESSAGE:
            raise BadInput("more hints than fit in a message")
        return [
            Hint(
                subject=(subject := Subject(one["subject"])),
                key=_key(subject, one["key"]),
                cause=Cause(one["cause"]),
                source=_text(one["source"])[:64],
                at=_time(one["at"]),
            )
            for one in packed
        ]
    except (ValueError, OverflowError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput("not a hints message") from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise BadInput("a hint's source is no text")
    return value


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise BadInput("a hint's time has no time zone")
    return time.astimezone(UTC)


def _key(subject: Subject, text: str) -> str:
    """Whoever may write to the queue must not bring more than an id into our own ids and filters."""
    shape = _SERIAL if subject is Subject.SERIAL_NUMBER else _GUID
    if shape.fullmatch(text) is None or not text.strip():
        raise BadInput("a hint's key is no id")
    return text
