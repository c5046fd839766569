"""What a list may be filtered by. Intune ignores a filter it does not support; the directory refuses it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, TypeVar

T = TypeVar("T")
Operator = Literal["eq", "ne", "lt", "le", "gt", "ge", "contains", "startswith", "in"]
Scalar = str | bool | int | float | datetime | None
Value = Scalar | tuple[Scalar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One comparison of a property with a value; a filter is several of them joined by ``and``."""

    property: str
    operator: Operator
    value: Value


@dataclass(frozen=True, kw_only=True)  # no slots: Python 3.11 cannot make a generic one with them
class Filterable(Generic[T]):
    """A property that a list can be filtered by, with the operators that work."""

    operators: frozenset[Operator]
    value_of: Callable[[T], Scalar]


Table = Mapping[str, Filterable[T]]


def supported(conditions: Sequence[Condition], table: Table[T]) -> bool:
    """Whether every condition is one the list can be filtered by."""
    return all(c.property in table and c.operator in table[c.property].operators for c in conditions)


def holds(record: T, conditions: Sequence[Condition], table: Table[T]) -> bool:
    """Whether the record meets every condition; texts compare without case."""
    return all(_compare(table[c.property].value_of(record), c.operator, c.value) for c in conditions)


def _compare(actual: Scalar, operator: Operator, wanted: Value) -> bool:
    if isinstance(wanted, tuple):
        return any(_compare(actual, "eq", each) for each in wanted)
    match operator:
        case "eq" | "in":
            return _folded(actual) == _folded(wanted)
        case "ne":
            return _folded(actual) != _folded(wanted)
        case "contains":
            return str(_folded(wanted)) in str(_folded(actual) or "")
        case "startswith":
            return str(_folded(actual) or "").startswith(str(_folded(wanted)))
        case _:
            return _ordered(actual, operator, wanted)


def _ordered(actual: Scalar, operator: Operator, wanted: Scalar) -> bool:
    if not isinstance(actual, datetime) or not isinstance(wanted, datetime):
        return False
    return {"lt": actual < wanted, "le": actual <= wanted, "gt": actual > wanted, "ge": actual >= wanted}[operator]


def _folded(value: Scalar) -> Scalar:
    return value.casefold() if isinstance(value, str) else value
