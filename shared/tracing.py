"""Spans around what is done, joined over the messages between: for whoever installs a tracer; by default nobody does.

What a tracer is told is what the log is told, so that it holds no more of people than that. It never changes what happens:
whatever goes wrong in it is swallowed here.
"""

import json
import re
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from typing import Protocol, cast

End = Callable[[BaseException | None], None]
"""Ends a span; with the error that it ended by, if any."""

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
"""W3C Trace Context, version 00."""


class Tracer(Protocol):
    """Makes spans and metrics of what it is told."""

    def begin(self, name: str, parent: str | None, facts: Mapping[str, object]) -> End:
        """Begin a span: below ``parent``, a traceparent, else within the one that is open, else as the first of a trace."""
        ...

    def note(self, facts: Mapping[str, object]) -> None:
        """More facts about the span that is open now."""
        ...

    def told(self, name: str, fields: Mapping[str, object]) -> None:
        """Something was logged: the name of the event and its fields, redacted and with pseudonyms for people."""
        ...

    def traceparent(self) -> str | None:
        """The span that is open now, for a message to carry."""
        ...


_tracer: Tracer | None = None


def use(tracer: Tracer | None) -> None:
    """Tell this one from now on; None: nobody."""
    global _tracer  # noqa: PLW0603  # one per process; a parameter would have to pass through every caller
    _tracer = tracer


def is_on() -> bool:
    """Whether anybody is told."""
    return _tracer is not None


@contextmanager
def span(name: str, /, *, parent: str | None = None, **facts: object) -> Generator[None]:
    """What happens within is one span. ``facts``: ids and figures; ``wipe=True``: it is kept, whatever else is left out."""
    end: End | None = None
    if _tracer is not None:
        with suppress(Exception):
            end = _tracer.begin(name, parent, facts)
    try:
        yield
    except BaseException as error:
        _end(end, error)
        raise
    _end(end, None)


def note(**facts: object) -> None:
    """Say more of the span that is open now: ids and figures."""
    if _tracer is not None:
        with suppress(Exception):
            _tracer.note(facts)


def told(name: str, fields: Mapping[str, object]) -> None:
    """Pass on what was logged."""
    if _tracer is not None:
        with suppress(Exception):
            _tracer.told(name, fields)


def traceparent() -> str | None:
    """What a message carries so that its reader's span joins this trace; None when nobody traces."""
    if _tracer is not None:
        with suppress(Exception):
            return _tracer.traceparent()
    return None


def usable(carried: object) -> str | None:
    """A traceparent that a message carried; None for anything else. Nothing is ever decided by it."""
    return carried if isinstance(carried, str) and _TRACEPARENT.fullmatch(carried) is not None else None


def carried_by(event: str) -> str | None:
    """The traceparent of a CloudEvent (its Distributed Tracing extension); not looked for when nobody traces."""
    if _tracer is None:
        return None
    with suppress(ValueError, RecursionError):
        document: object = json.loads(event)
        if isinstance(document, dict):
            return usable(cast("dict[str, object]", document).get("traceparent"))
    return None


def _end(end: End | None, error: BaseException | None) -> None:
    if end is not None:
        with suppress(Exception):
            end(error)
