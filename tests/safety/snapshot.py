"""Everything that can change within some objects, as it is at one moment: to be put back as often as wished.

Objects stay themselves: only what they hold is put back, so that whoever knows one of them goes on knowing it.
"""

import dataclasses
import functools
import logging
import random
import re
import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from datetime import date, time, timedelta, tzinfo
from enum import Enum
from typing import Any, TypeVar, cast
from uuid import UUID

OURS = ("local", "shared", "tests", "handlers", "function_app")
"""The packages whose objects are looked into."""
LIBRARIES = (
    "typing",
    "pydantic",
    "pydantic_core",
    "azure",
    "httpx",
    "msgraph",
    "msgraph_core",
    "kiota_abstractions",
    "jinja2",
)
"""The packages whose objects are taken to stay as they are: what is opened with them is never used in a history."""
UNCHANGING = (
    *(type(None), bool, int, float, str, bytes, date, time, timedelta, tzinfo, Enum, UUID, re.Pattern, logging.Logger),
    *(type, types.ModuleType, types.BuiltinFunctionType, types.MethodDescriptorType, types.GenericAlias, TypeVar),
    *(types.WrapperDescriptorType, types.MethodWrapperType, ContextVar, property, functools._lru_cache_wrapper),  # pyright: ignore[reportPrivateUsage]  # the type has no other name
)
PutBack = Callable[[], None]


class Snapshot:
    """What can be reached from one object, as it is now. Raises TypeError for what could not be put back."""

    def __init__(self, root: object) -> None:
        self._dicts: list[tuple[dict[Any, Any], dict[Any, Any]]] = []
        self._lists: list[tuple[list[Any], list[Any]]] = []
        self._others: list[PutBack] = []
        self._seen: dict[int, object] = {}
        ahead = [root]
        while ahead:
            thing = ahead.pop()
            if isinstance(thing, UNCHANGING) or id(thing) in self._seen:
                continue
            self._seen[id(thing)] = thing
            ahead += self._keep(thing)

    def restore(self) -> None:
        """All of it is again as it was."""
        for now, then in self._dicts:
            now.clear()
            dict.update(now, then)
        for now, then in self._lists:
            now[:] = then
        for put_back in self._others:
            put_back()

    @functools.singledispatchmethod
    def _keep(self, thing: Any) -> Iterable[object]:
        """Remember what this one holds; what it leads to."""
        kind = cast("type[object]", type(thing))
        package = kind.__module__.partition(".")[0]
        if package in LIBRARIES:
            return ()
        if package not in OURS:
            raise TypeError(f"a {kind.__module__}.{kind.__qualname__} could not be put back")
        attributes: list[object] = [vars(thing)] if hasattr(thing, "__dict__") else []
        slots = {name: getattr(thing, name) for name in _slots(kind) if hasattr(thing, name)}
        if slots and not _frozen(kind):
            self._others.append(functools.partial(_set_all, thing, tuple(slots.items())))
        return [*attributes, *slots.values()]

    @_keep.register(dict)
    def _(self, thing: dict[Any, Any]) -> Iterable[object]:
        self._dicts.append((thing, dict(thing)))
        return [*thing.keys(), *thing.values()]

    @_keep.register(list)
    def _(self, thing: list[Any]) -> Iterable[object]:
        self._lists.append((thing, list(thing)))
        return list(thing)

    @_keep.register(set)
    @_keep.register(deque)
    def _(self, thing: set[Any] | deque[Any]) -> Iterable[object]:
        then = list(thing)
        self._others.append(functools.partial(_refill, thing, then))
        return then

    @_keep.register(tuple)
    @_keep.register(frozenset)
    def _(self, thing: Iterable[object]) -> Iterable[object]:
        return thing

    @_keep.register
    def _(self, thing: random.Random) -> Iterable[object]:
        self._others.append(functools.partial(thing.setstate, thing.getstate()))
        return ()

    @_keep.register
    def _(self, thing: types.CellType) -> Iterable[object]:
        self._others.append(functools.partial(setattr, thing, "cell_contents", thing.cell_contents))
        return (thing.cell_contents,)

    @_keep.register
    def _(self, thing: types.FunctionType) -> Iterable[object]:
        return [*(thing.__closure__ or ()), thing.__defaults__, thing.__kwdefaults__]

    @_keep.register
    def _(self, thing: types.MethodType) -> Iterable[object]:
        return (thing.__self__,)

    @_keep.register(functools.partial)
    def _(self, thing: Any) -> Iterable[object]:
        return [thing.func, thing.args, thing.keywords]


def _slots(kind: type) -> Iterator[str]:
    for each in kind.__mro__:
        slots = each.__dict__.get("__slots__", ())
        yield from (slots,) if isinstance(slots, str) else slots


def _frozen(kind: type) -> bool:
    return dataclasses.is_dataclass(kind) and kind.__dataclass_params__.frozen  # type: ignore[attr-defined]  # undocumented, and the only way to ask


def _refill(thing: Any, then: list[Any]) -> None:
    thing.clear()
    for each in then:
        (thing.append if isinstance(thing, deque) else thing.add)(each)


def _set_all(thing: object, values: tuple[tuple[str, Any], ...]) -> None:
    for name, value in values:
        setattr(thing, name, value)
