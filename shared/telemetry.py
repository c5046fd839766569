"""Logs are data: one JSON object a line, without secrets and without people's names. The only place that sets logging up."""

import hashlib
import hmac
import json
import logging
import math
import re
import secrets
import traceback
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import Enum
from typing import cast

from shared import tracing
from shared.errors import HandoverError

MOST_CHARACTERS = 256
"""Of one value; what is longer is cut."""
MOST_ITEMS = 20
"""Of one list or mapping, and of one trace."""
MOST_DEPTH = 3
"""Of lists and mappings within each other."""

_REDACTED = "[redacted]"
_SECRET_PARTS = (
    "token", "secret", "clientstate", "authorization", "password", "credential", "cookie", "signature",
    "connectionstring", "accountkey", "functionskey", "apikey",
)  # fmt: skip
_SECRET_WORDS = frozenset({"code", "body", "sas"})
_PLAIN_CODES = frozenset({"errorcode", "statuscode"})
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+")
_SECRET_TEXT = re.compile(
    r"bearer\s+\S+"
    r"|\beyJ[\w-]+\.[\w-]+\.[\w-]*"  # a JSON web token
    r"|[?&](?:code|sig)=[^&\s]+"
    r"|(?:account_?key|shared_?access_?(?:key|signature)|client_?state|client_?secret|(?:access|refresh|id)_?token|password)"
    r"[\"']?\s*[=:]\s*[\"']?[^\s\"',;&]+",
    re.IGNORECASE,
)
_TALKATIVE = ("azure.core", "azure.data", "azure.identity", "azure.storage", "httpcore", "httpx", "msal", "urllib3")
"""Libraries that log every request at INFO, with URLs and headers."""

_key: bytes | None = None
_case = ContextVar[str | None]("case", default=None)


def event(logger: logging.Logger, name: str, /, *, level: int = logging.INFO, **fields: object) -> None:
    """Log that something happened: ``name`` is noun.past-verb, the fields are what a query would ask for.

    Values may be text, numbers, bools, times, enums, and lists and mappings of them. Fields named like secrets are
    redacted before any handler sees them. People and devices are named by ``pseudonym`` only.
    """
    logged = logger.isEnabledFor(level)
    if not logged and not tracing.is_on():
        return
    if (case := _case.get()) is not None:
        fields = {"case": case, **fields}
    safe = _mapping(fields)
    tracing.told(name, safe)
    if logged:
        logger.log(level, name, extra={"fields": safe}, stacklevel=2)


@contextmanager
def about(case_id: str) -> Generator[None]:
    """Every event within names this case, the requests to Graph included: a case can be followed over all its steps."""
    token = _case.set(case_id)
    try:
        yield
    finally:
        _case.reset(token)


def pseudonym(text: str) -> str:
    """12 hexadecimal digits that stand for a UPN, serial number or device name, whatever its case.

    Equal names have equal pseudonyms as long as the key is the same: that of the salt given to ``set_up_logging``,
    else one that this process alone knows.
    """
    global _key  # noqa: PLW0603  # one key per process; a parameter would have to pass through every caller
    if _key is None:
        _key = secrets.token_bytes(32)
    return hmac.new(_key, text.strip().casefold().encode(errors="replace"), hashlib.sha256).hexdigest()[:12]


def set_up_logging(*, salt: str | None = None) -> None:
    """Make every handler of the root logger write redacted JSON lines; without one, standard error gets them.

    The Functions worker brings a handler of its own. ``salt`` is a secret of the deployment, so that all instances
    have the same pseudonyms. Doing it twice changes nothing.
    """
    global _key  # noqa: PLW0603  # see above
    if salt is not None:
        _key = hashlib.sha256(salt.encode()).digest()
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.StreamHandler())
    for handler in root.handlers:
        handler.setFormatter(JsonLines())
        if not any(isinstance(filter_, Redaction) for filter_ in handler.filters):
            handler.addFilter(Redaction())
    root.setLevel(logging.INFO)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


class Redaction(logging.Filter):
    """Takes secrets out of a record, whoever made it: out of its text, and out of extra fields that are named like one."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always True; the record is changed."""
        record.msg, record.args = _without_secrets(_message(record)), None
        for name, value in record.__dict__.items():
            if is_secret(name) and value is not None:
                record.__dict__[name] = _REDACTED
            elif name == "fields" and isinstance(value, Mapping):
                record.__dict__[name] = _mapping(cast("Mapping[object, object]", value))
        return True


class JsonLines(logging.Formatter):
    """One line of ASCII JSON for a record: no input can start a new line or colour a terminal (CWE-117)."""

    def format(self, record: logging.LogRecord) -> str:
        """The record's time, level, logger, text, fields and error."""
        line: dict[str, object] = {
            "at": _time(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname,
            "logger": record.name,
            "event": _text(_message(record)),
        }
        # azure-identity logs with exc_info=False, which the record keeps as it is
        if record.exc_info and record.exc_info[1] is not None:
            line |= _error(record.exc_info[1])
        for name, value in _mapping(getattr(record, "fields", {})).items():
            line[f"{name}_" if name in line else name] = value
        return json.dumps(line, separators=(",", ":"))


def is_secret(name: str) -> bool:
    """Whether a field of this name is never printed: names like token, clientState, x-functions-key, code or body."""
    words = [word.lower() for word in _WORD.findall(name)]
    joined = "".join(words)
    if any(part in joined for part in _SECRET_PARTS):
        return True
    return joined not in _PLAIN_CODES and not _SECRET_WORDS.isdisjoint(words)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):  # arguments that do not fit the text must not cost the line
        return str(record.msg)


def _value(value: object, depth: int = 0) -> object:
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case Enum():
            return _value(value.value, depth)
        case str():
            return _text(value)
        case datetime():
            return _time(value)
        case Mapping() if depth < MOST_DEPTH:
            return _mapping(cast("Mapping[object, object]", value), depth + 1)
        case list() | tuple() | set() | frozenset() if depth < MOST_DEPTH:
            return [_value(item, depth + 1) for item in list(cast("Sequence[object]", value))[:MOST_ITEMS]]
        case _:
            return f"<{type(value).__name__}>"  # its text could hold anything


def _mapping(fields: Mapping[object, object] | Mapping[str, object], depth: int = 0) -> dict[str, object]:
    return {
        _text(str(name)): _REDACTED if is_secret(str(name)) and value is not None else _value(value, depth)
        for name, value in list(fields.items())[:MOST_ITEMS]
    }


def _text(text: str) -> str:
    return _without_secrets(text[: 4 * MOST_CHARACTERS])[:MOST_CHARACTERS]


def _without_secrets(text: str) -> str:
    return _SECRET_TEXT.sub(_REDACTED, text)


def _time(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _error(error: BaseException) -> dict[str, object]:
    """Kinds and places, but the text of our own errors only: a library's may hold what came in."""
    found: dict[str, object] = {"error": " from ".join(type(each).__name__ for each in _causes(error))}
    if isinstance(error, HandoverError):
        found["says"] = _text(str(error))
    frames = traceback.extract_tb(error.__traceback__)[-MOST_ITEMS:]
    found["trace"] = [_text(f"{frame.filename}:{frame.lineno} {frame.name}") for frame in frames]
    return found


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen = set[int]()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
