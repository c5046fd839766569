"""Something happens at a chosen call to the outside world: a worker dies, a person interferes, an answer is lost."""

import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

T = TypeVar("T")


class WorkerDied(Exception):
    """The process ended here; nothing of its memory is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a port: "rows.write" and the like, its number among all calls and among those of that name."""

    number: int
    name: str
    nth: int
    arguments: tuple[object, ...]


class Interference:
    """Calls ``do`` once, at the first call for which ``when`` is true: before it has any effect, or ``after``."""

    def __init__(self, when: Callable[[Call], bool], do: Callable[[], Awaitable[None]], *, after: bool = False) -> None:
        self.calls: list[Call] = []
        self.struck_at: Call | None = None
        self._when = when
        self._do = do
        self._after = after

    def around(self, name: str, port: T) -> T:
        """The same port, watched."""
        return cast("T", _Watched(name, port, self))

    async def notice(self, name: str, arguments: tuple[object, ...]) -> Callable[[], Awaitable[None]]:
        """Count a call that begins; the answer is what to await when it has had its effect."""
        nth = 1 + sum(call.name == name for call in self.calls)
        call = Call(number=len(self.calls) + 1, name=name, nth=nth, arguments=arguments)
        self.calls.append(call)
        if self.struck_at is not None or not self._when(call):
            return _nothing
        self.struck_at = call
        if self._after:
            return self._do
        await self._do()
        return _nothing


async def _nothing() -> None:
    return


async def die() -> None:
    """What a worker does that is killed."""
    raise WorkerDied


class _Watched:
    """Any port: its async methods and generators are noticed, everything else is handed through."""

    def __init__(self, name: str, port: object, interference: Interference) -> None:
        self._name = name
        self._port = port
        self._interference = interference

    def __getattr__(self, attribute: str) -> Any:  # the member of whatever port it is
        member = getattr(self._port, attribute)
        name = f"{self._name}.{attribute}"
        if inspect.iscoroutinefunction(member):
            return functools.partial(self._call, name, member)
        if inspect.isasyncgenfunction(member):
            return functools.partial(self._iterate, name, member)
        return member

    async def _call(self, name: str, member: Callable[..., Awaitable[T]], *args: object, **kwargs: object) -> T:
        afterwards = await self._interference.notice(name, args)
        result = await member(*args, **kwargs)
        await afterwards()
        return result

    async def _iterate(
        self, name: str, member: Callable[..., AsyncIterator[T]], *args: object, **kwargs: object
    ) -> AsyncIterator[T]:
        afterwards = await self._interference.notice(name, args)
        async for item in member(*args, **kwargs):
            yield item
        await afterwards()
