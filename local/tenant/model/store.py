"""Records by id with their recent past, so that a read may see an older state, as Graph's replicas do."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from local.tenant.model.clock import SimClock

T = TypeVar("T")

_REMEMBERED_VERSIONS = 16


class Replica:
    """How the current request sees the tenant: how far behind, and with what wrong with its pages."""

    def __init__(self) -> None:
        self.lag = timedelta()
        self.empty_page = False
        self.repeat_rows = False

    @contextmanager
    def seen_with(self, *, lag: timedelta, empty_page: bool, repeat_rows: bool) -> Generator[None]:
        """Reads inside see the state of ``lag`` ago and pages that are empty or repeat a row."""
        self.lag, self.empty_page, self.repeat_rows = lag, empty_page, repeat_rows
        try:
            yield
        finally:
            self.lag, self.empty_page, self.repeat_rows = timedelta(), False, False


class Store(Generic[T]):
    """Immutable records by lower-case id, in the order of creation.

    ``get`` and ``values`` give the truth and are what writes use; ``read`` and ``readable`` see what a replica
    would answer.
    """

    def __init__(self, clock: SimClock, replica: Replica) -> None:
        self._clock = clock
        self._replica = replica
        self._records: dict[str, T] = {}
        self._past: dict[str, list[tuple[datetime, T | None]]] = {}
        self.order: list[str] = []
        """Every id that was ever created, oldest first, removed ones too: a stable order to page through."""
        self._listeners: list[Callable[[str, T | None, T | None], None]] = []
        self._indexes: list[Index[T]] = []

    def index(self, value_of: Callable[[T], str]) -> "Index[T]":
        """An index of this store by another value, kept up to date; make it before the first record."""
        index = Index(self, value_of)
        self._indexes.append(index)
        return index

    def on_change(self, listener: Callable[[str, T | None, T | None], None]) -> None:
        """Call ``listener(id, before, after)`` at each change but the seeding; None means not there."""
        self._listeners.append(listener)

    def seed(self, key: str, record: T) -> None:
        """Put a record that was there before time began: nobody is told."""
        self._records[key.lower()] = record
        self.order.append(key.lower())
        for index in self._indexes:
            index.moved(key.lower(), None, record)

    def put(self, key: str, record: T) -> None:
        """Create or replace a record."""
        self._change(key.lower(), record)

    def remove(self, key: str) -> None:
        """Remove a record that is there."""
        self._change(key.lower(), None)

    def get(self, key: str) -> T | None:
        """The record as it truly is."""
        return self._records.get(key.lower())

    def values(self) -> Iterator[T]:
        """Every record as it truly is, oldest first."""
        return iter(self._records.values())

    def read(self, key: str) -> T | None:
        """The record as the current request sees it."""
        key = key.lower()
        if not self._replica.lag:
            return self._records.get(key)
        return self._as_of(key, self._clock.now() - self._replica.lag)

    def readable(self) -> list[T]:
        """Every record as the current request sees it, oldest first."""
        if not self._replica.lag:
            return list(self._records.values())
        moment = self._clock.now() - self._replica.lag
        keys = dict.fromkeys((*self._past, *self._records))
        return [record for key in keys if (record := self._as_of(key, moment)) is not None]

    def __len__(self) -> int:
        return len(self._records)

    def _as_of(self, key: str, moment: datetime) -> T | None:
        past = self._past.get(key)
        if past is None:
            return self._records.get(key)
        return next((record for at, record in reversed(past) if at <= moment), past[0][1])

    def _change(self, key: str, record: T | None) -> None:
        before = self._records.get(key)
        past = self._past.setdefault(key, [(self._clock.start, before)])
        past.append((self._clock.now(), record))
        del past[:-_REMEMBERED_VERSIONS]
        if record is None:
            self._records.pop(key, None)
        else:
            if before is None:
                self.order.append(key)
            self._records[key] = record
        for index in self._indexes:
            index.moved(key, before, record)
        for listener in self._listeners:
            listener(key, before, record)


class Index(Generic[T]):
    """Finds the records of a store by a value that is not their id, without case; the truth, not what a replica sees."""

    def __init__(self, store: Store[T], value_of: Callable[[T], str]) -> None:
        self._store = store
        self._value_of = value_of
        self._keys: dict[str, dict[str, None]] = {}

    def find(self, value: str) -> list[T]:
        """Every record with that value, oldest first."""
        found = (self._store.get(key) for key in self._keys.get(value.casefold(), ()))
        return [record for record in found if record is not None]

    def moved(self, key: str, before: T | None, after: T | None) -> None:
        """A record of the store came, changed or went."""
        had = None if before is None else self._value_of(before).casefold()
        has = None if after is None else self._value_of(after).casefold()
        if had != has:
            if had is not None:
                self._keys[had].pop(key, None)
            if has is not None:
                self._keys.setdefault(has, {})[key] = None
