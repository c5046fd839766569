"""What an answer of Graph means: status, error body and Retry-After become our values and errors."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import cast

from shared.clients.graph.values import Json, inner, text
from shared.domain.effects import (
    Answer,
    Done,
    Refused,
    WipeAccepted,
    WipeAnswer,
    WipeNeedsApproval,
    WipeRefused,
    WipeUnknown,
)
from shared.errors import AccessDenied, HandoverError, RetryLater, Unexpected

LONGEST_WAIT = timedelta(hours=1)
"""No Retry-After is believed beyond this."""

_LONGEST_MESSAGE = 200
_SECONDS = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_REFUSED = frozenset({400, 404, 409, 412, 422})
_REFUSED_WIPE = frozenset({400, 401, 403, 404, 409, 412})

APPROVAL_CODE = "x-msft-approval-code"
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_CODE_IN_TEXT = re.compile(APPROVAL_CODE + r"\W{1,4}([A-Za-z0-9][A-Za-z0-9._-]{0,127})", re.IGNORECASE)
_WANTS_APPROVAL = re.compile(r"ApprovalRequired|x-msft-approval-|active Approval Request already exists", re.IGNORECASE)
"""How a tenant with Multi Admin Approval words it; the status may be 400, 403, 409 or 412."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer as it came: nothing is parsed yet."""

    status: int
    content: bytes = b""
    retry_after: str | None = None
    approval_code: str | None = None

    @property
    def ok(self) -> bool:
        """Whether Graph did what was asked."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphError:
    """Graph's own code and message, safe to store and show."""

    code: str
    message: str


def json_object(reply: Reply, operation: str) -> Json:
    """The body as a JSON object. Raises RetryLater when it is none, like half an answer or a proxy's page."""
    body = _parsed(reply.content)
    if body is None:
        raise RetryLater(f"{operation}: Graph answered {reply.status} with a body that cannot be read")
    return body


def graph_error(reply: Reply) -> GraphError | None:
    """The error that the body carries; None when it carries none and so may not come from Graph itself."""
    error = inner(_parsed(reply.content) or {}, "error")
    code = text(error, "code")
    return GraphError(code=printable(code), message=printable(text(error, "message"))) if code else None


def refusal(reply: Reply, operation: str, now: datetime) -> HandoverError:
    """The error to raise for an answer that is neither a success nor handled by the caller."""
    error = graph_error(reply) or GraphError(code="no error code", message="")
    said = f"{operation}: Graph answered {reply.status} ({error.code})"
    wait = retry_after(reply.retry_after, now)
    if reply.status == 429:
        return RetryLater(said, wait, throttled=True)
    if reply.status == 408 or reply.status >= 500:
        return RetryLater(said, wait)
    if reply.status in (401, 403):
        return AccessDenied(said)
    return Unexpected(f"{said} {error.message}".rstrip())


def write_answer(reply: Reply, operation: str, now: datetime) -> Answer:
    """The outcome of a write that may be repeated. Raises RetryLater, AccessDenied or Unexpected."""
    if reply.ok:
        return Done()
    if reply.status in _REFUSED:
        error = graph_error(reply) or GraphError(code=f"http_{reply.status}", message="")
        return Refused(code=error.code, message=error.message)
    raise refusal(reply, operation, now)


def wipe_answer(reply: Reply) -> WipeAnswer:
    """The outcome of a wipe. A refusal needs Graph's own error body; 429 and 5xx prove nothing."""
    if reply.ok and reply.approval_code is None:
        return WipeAccepted()
    error = graph_error(reply)
    if reply.status in _REFUSED_WIPE and (needs := _needs_approval(reply, error)) is not None:
        return needs
    if error is None or reply.status not in _REFUSED_WIPE:
        return WipeUnknown(why=f"Graph answered {reply.status} ({error.code if error else 'no error code'})")
    return WipeRefused(status=reply.status, code=error.code, message=error.message)


def _needs_approval(reply: Reply, error: GraphError | None) -> WipeNeedsApproval | None:
    """The sign of Multi Admin Approval in header or body, if there is one; what cannot be a code is none."""
    said = "" if error is None else f"{error.code} {error.message}"
    if reply.approval_code is None and _WANTS_APPROVAL.search(said) is None:
        return None
    code = reply.approval_code or ""
    if not is_approval_code(code):
        found = _CODE_IN_TEXT.search(said)
        code = found[1].rstrip(".") if found is not None else ""
    return WipeNeedsApproval(status=reply.status, code=code or None, message=said.strip())


def is_approval_code(value: str) -> bool:
    """Whether ``value`` may stand in a header as an approval's code."""
    return _CODE.fullmatch(value) is not None


def retry_after(header: str | None, now: datetime) -> timedelta | None:
    """How long the server wishes us to wait: 0 to 1 hour; None when it does not say, or makes no sense.

    Seconds (Graph's throttling guidance shows fractions, too) or an HTTP date, compared with ``now``.
    """
    value = (header or "").strip()
    if _SECONDS.fullmatch(value):
        return timedelta(seconds=min(float(value), LONGEST_WAIT.total_seconds()))
    try:
        until = parsedate_to_datetime(value)
        wait = (until if until.tzinfo else until.replace(tzinfo=UTC)) - now
    except (ValueError, OverflowError):
        return None
    return max(timedelta(), min(wait, LONGEST_WAIT))


def printable(message: str) -> str:
    """``message`` with control characters escaped, at most 200 characters: it is stored, logged and shown."""
    kept = message[: _LONGEST_MESSAGE + 1]
    escaped = kept if kept.isprintable() else "".join(map(_escaped, kept))
    return escaped if len(escaped) <= _LONGEST_MESSAGE else escaped[: _LONGEST_MESSAGE - 1] + "…"


def _escaped(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()


def _parsed(content: bytes) -> Json | None:
    try:
        body: object = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return cast("Json", body) if isinstance(body, dict) else None
