"""How one area of the tenant learns what happened in another without knowing it."""

from collections.abc import Callable
from typing import Generic, TypeVarTuple

Ts = TypeVarTuple("Ts")


class Signal(Generic[*Ts]):
    """Something that happens; listeners run at once, in the order in which they were connected."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[*Ts], None]] = []

    def connect(self, listener: Callable[[*Ts], None]) -> None:
        """Call ``listener`` each time."""
        self._listeners.append(listener)

    def emit(self, *args: *Ts) -> None:
        """Tell every listener."""
        for listener in tuple(self._listeners):
            listener(*args)
