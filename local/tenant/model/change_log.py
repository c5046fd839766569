"""Delta queries over a store: what changed since a token, page by page."""

import base64
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from local.tenant.model.refusal import GraphRefusal, bad_request
from local.tenant.model.store import Store
from local.tenant.model.world import World

T = TypeVar("T")

_TOKEN_LIFETIME = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)  # no slots: Python 3.11 cannot make a generic one with them
class DeltaRow(Generic[T]):
    """One object of a delta page; ``record`` is None when the object was removed."""

    id: str
    record: T | None


@dataclass(frozen=True, kw_only=True)  # no slots: Python 3.11 cannot make a generic one with them
class DeltaPage(Generic[T]):
    """One page of a delta round: ``next_token`` leads to the next page, or ``delta_token`` to the next round."""

    rows: tuple[DeltaRow[T], ...]
    next_token: str | None = None
    delta_token: str | None = None
    select: tuple[str, ...] | None = None
    """The properties that the round tracks; None means all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    number: int
    at: datetime
    key: str
    properties: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Position:
    generation: int
    issued: datetime
    since: int | None
    """Changes after this number are in the round; None means a first round over everything."""
    until: int | None
    """Changes up to this number are in the round; None until its first page is asked for."""
    offset: int
    select: tuple[str, ...] | None

    def token(self) -> str:
        data = (self.generation, self.issued.isoformat(), self.since, self.until, self.offset, self.select)
        return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")

    @staticmethod
    def read(token: str) -> "_Position":
        padded = token + "=" * (-len(token) % 4)
        generation, issued, since, until, offset, select = json.loads(base64.urlsafe_b64decode(padded))
        return _Position(
            generation=generation,
            issued=datetime.fromisoformat(issued),
            since=since,
            until=until,
            offset=offset,
            select=None if select is None else tuple(select),
        )


class ChangeLog(Generic[T]):
    """The changes of one store. ``names`` maps fields of its records to the Graph properties that show them."""

    def __init__(self, world: World, store: Store[T], names: Mapping[str, Collection[str]]) -> None:
        self._world = world
        self._store = store
        self._names = names
        self._changes: list[_Change] = []
        self._generation = 1
        self.expired_status = 410
        """What an expired token is answered with: 410, or 400 as older texts of Microsoft have it."""
        store.on_change(self._record)

    def delta(
        self, token: str | None = None, *, latest: bool = False, select: tuple[str, ...] | None = None, size: int
    ) -> DeltaPage[T]:
        """One page: from the start without a token, nothing but a token for ``latest``.

        Raises 410 (or 400) when the token is older than seven days or was thrown away, 400 when it is none.
        """
        position = self._position(token, select)
        next_round = replace(position, issued=self._world.now(), since=position.until, until=None, offset=0)
        if latest:
            return DeltaPage(rows=(), delta_token=next_round.token(), select=select)
        replica = self._world.replica
        if replica.empty_page:
            return DeltaPage(rows=(), next_token=position.token(), select=position.select)
        keys = self._store.order if position.since is None else self._changed(position)
        end = position.offset + size
        more = len(keys) > end
        rows = [DeltaRow(id=key, record=self._store.read(key)) for key in keys[position.offset : end]]
        if position.since is None:
            # a first round says nothing about what was removed while it went on; the next round does
            rows = [row for row in rows if row.record is not None]
        return DeltaPage(
            rows=(*rows, *rows[:1]) if replica.repeat_rows else tuple(rows),
            next_token=replace(position, offset=end).token() if more else None,
            delta_token=None if more else next_round.token(),
            select=position.select,
        )

    def expire_tokens(self) -> None:
        """Throw away every token that was ever given."""
        self._generation += 1

    def _position(self, token: str | None, select: tuple[str, ...] | None) -> _Position:
        now = self._world.now()
        if not token:
            return _Position(
                generation=self._generation,
                issued=now,
                since=None,
                until=self._visible(),
                offset=0,
                select=select,
            )
        try:
            position = _Position.read(token)
        except (ValueError, TypeError) as unreadable:
            raise bad_request("Badly formed token.", code="Directory_InvalidDeltaToken") from unreadable
        if position.generation != self._generation or now - position.issued > _TOKEN_LIFETIME:
            raise self._expired()
        if position.until is None:
            return replace(position, until=max(self._visible(), position.since or 0))
        return position

    def _expired(self) -> GraphRefusal:
        return GraphRefusal(
            status=self.expired_status,
            code="syncStateNotFound",
            message="The sync state generation is not found. The delta token is expired and data must be "
            "synchronized again.",
            headers={"Location": "?$deltatoken="} if self.expired_status == 410 else {},
        )

    def _visible(self) -> int:
        """The number of the newest change that the current request can see."""
        lag = self._world.replica.lag
        if not lag:
            return len(self._changes)
        moment = self._world.now() - lag
        return next((c.number for c in reversed(self._changes) if c.at <= moment), 0)

    def _changed(self, position: _Position) -> list[str]:
        """Ids with a tracked change in the round, the latest change last."""
        tracked = None if position.select is None else {*position.select, "id"}
        keys: dict[str, None] = {}
        for change in self._changes[position.since : position.until]:
            if tracked is None or change.properties & tracked:
                keys.pop(change.key, None)
                keys[change.key] = None
        return list(keys)

    def _record(self, key: str, before: T | None, after: T | None) -> None:
        self._changes.append(
            _Change(
                number=len(self._changes) + 1,
                at=self._world.now(),
                key=key,
                properties=self._properties(before, after),
            )
        )

    def _properties(self, before: T | None, after: T | None) -> frozenset[str]:
        if before is None or after is None:
            return frozenset({"id", *(name for names in self._names.values() for name in names)})
        return frozenset(
            name
            for field in fields(before)  # type: ignore[arg-type]  # every record is a dataclass
            if getattr(before, field.name) != getattr(after, field.name)
            for name in self._names.get(field.name, ())
        )
