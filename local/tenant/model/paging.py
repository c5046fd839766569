"""One page of a list and where the next one starts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from local.tenant.model.store import Replica

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)  # no slots: Python 3.11 cannot make a generic one with them
class Page(Generic[T]):
    """Rows from position ``start``; ``next_start`` is None on the last page."""

    rows: tuple[T, ...]
    start: int = 0
    next_start: int | None = None
    total: int | None = None


def page_of(rows: Sequence[T], replica: Replica, *, start: int, size: int) -> Page[T]:
    """The ``size`` rows from position ``start``, as the current request sees them."""
    end = start + size
    if replica.empty_page:
        return Page(rows=(), start=start, next_start=start, total=len(rows))
    found = tuple(rows[start:end])
    return Page(
        rows=(*found, *found[:1]) if replica.repeat_rows else found,
        start=start,
        next_start=end if end < len(rows) else None,
        total=len(rows),
    )
