"""Turns what Azure's storage SDKs raise into our errors. The only place that knows their exceptions and error codes."""

import asyncio
import json
from collections.abc import Awaitable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar, cast

from shared.errors import AccessDenied, AlreadyThere, Changed, HandoverError, RetryLater

if TYPE_CHECKING:  # azure.core is imported with the first client: 0.1 s
    from azure.core.exceptions import AzureError, HttpResponseError

_Answer = TypeVar("_Answer")

_MISSING = frozenset({"TableNotFound", "QueueNotFound"})
_GOING_AWAY = frozenset({"TableBeingDeleted", "QueueBeingDeleted"})


async def within(seconds: float, call: Awaitable[_Answer]) -> _Answer:
    """The answer of a call to storage, awaited for at most so long; whatever fails is raised as one of our errors."""
    from azure.core.exceptions import AzureError  # noqa: PLC0415  # see above

    try:
        async with asyncio.timeout(seconds):
            return await call
    except TimeoutError as error:
        raise RetryLater(f"storage did not answer within {seconds:g} seconds") from error
    except AzureError as error:
        raise translated(error) from error
    except AttributeError as error:
        # azure-data-tables trips over an insert's answer that breaks off; what really happened is the context
        if not isinstance(error.__context__, AzureError):
            raise
        raise translated(error.__context__) from error


def translated(error: "AzureError") -> HandoverError:
    """What happens next after an error of Azure's SDKs. The text names status and code, never what was sent.

    Changed and AlreadyThere may be about our own write: when its answer is lost the SDK sends it again, and the
    repetition meets what the first one wrote. ``throttled`` stays False: it is about Graph, not about storage.
    """
    from azure.core.exceptions import ClientAuthenticationError, HttpResponseError  # noqa: PLC0415  # see above

    if not isinstance(error, HttpResponseError):  # nothing came back, or only a part of it
        return RetryLater(f"storage could not be reached ({type(error).__name__})")
    if isinstance(error, ClientAuthenticationError) and error.status_code is None:
        return AccessDenied(f"no token for storage ({type(error).__name__})")
    return _refusal(error.status_code or 0, _code(error), _wish(error))


def _refusal(status: int, code: str, wish: timedelta | None) -> HandoverError:
    said = f"storage answered {status} {code}".rstrip()
    match status:
        case 401 | 403:
            return AccessDenied(said)
        case 404 if code in _MISSING:
            return RetryLater(f"{said}: it has to be created first")
        case 404 | 412:
            return Changed(said)
        case 409 if code not in _GOING_AWAY:
            return AlreadyThere(said)
        case 204 if code == "QueueAlreadyExists":  # the service is content, the SDK raises
            return AlreadyThere(said)
        case 408 | 409 | 429:
            return RetryLater(said, wish)
        case _ if status < 400 or status >= 500:  # below 400: an answer that could not be read
            return RetryLater(said, wish)
        case _:
            return HandoverError(said)


def _code(error: "HttpResponseError") -> str:
    """The service's error code: as the SDK gives it, else from the header, else from the body (inserts into tables)."""
    found: object = getattr(error, "error_code", None)
    if found is None:
        found = _headers(error).get("x-ms-error-code") or _code_in_body(error)
    return str(getattr(found, "value", found) or "")


def _code_in_body(error: "HttpResponseError") -> str | None:
    try:
        return str(json.loads(error.response.text())["odata.error"]["code"])  # type: ignore[union-attr]
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _wish(error: "HttpResponseError") -> timedelta | None:
    """Retry-After in whole seconds; a date is left to our own waiting."""
    seconds = _headers(error).get("Retry-After", "")
    return timedelta(seconds=int(seconds)) if seconds.isdecimal() and len(seconds) < 8 else None


def _headers(error: "HttpResponseError") -> Mapping[str, str]:
    return cast("Mapping[str, str]", getattr(error.response, "headers", {}))
