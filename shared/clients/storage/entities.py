"""How a row is written down as an entity of Azure Tables, and what fits into one.

The rules are those of the page "Understanding the Table service data model". They are checked here because the
service answers some breaches with errors that do not name them, and Azurite accepts others.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from shared.ports import Row, Value

if TYPE_CHECKING:
    from azure.data.tables import TableEntity

MOST_KEY_CHARACTERS = 512
MOST_TEXT_CHARACTERS = 32_768
"""Both in UTF-16 code units, which is how the service stores text."""
MOST_PROPERTIES = 252
MOST_BYTES = 1024 * 1024
"""Of one entity, keys and names included."""
MOST_REMEMBERED = 2_000
"""Keys and names that were found good lately: most are used again and again."""

_EARLIEST = datetime(1601, 1, 1, tzinfo=UTC)
_FORBIDDEN_IN_KEYS = re.compile(r"[/\\#?\x00-\x1f\x7f-\x9f]")
_PROPERTY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_RESERVED = frozenset({"PartitionKey", "RowKey", "Timestamp"})
_INT64 = "Edm.Int64"


def entity_of(partition: str, key: str, data: Mapping[str, Value]) -> dict[str, object]:
    """The entity to send. Raises ValueError when a key, a name or a value is none that the service can keep."""
    check_key(partition)
    check_key(key)
    check_data(partition, key, data)
    return {"PartitionKey": partition, "RowKey": key, **{name: _stored(value) for name, value in data.items()}}


def row_of(entity: "TableEntity") -> Row:
    """The row that an entity of the SDK holds; times are plain aware datetimes in UTC."""
    properties = cast("dict[str, object]", entity)
    return Row(
        partition=str(properties["PartitionKey"]),
        key=str(properties["RowKey"]),
        data={name: _read(value) for name, value in properties.items() if name not in _RESERVED},
        etag=str(entity.metadata.get("etag", "")),
    )


@lru_cache(maxsize=MOST_REMEMBERED)
def check_key(key: str) -> None:
    """Raises ValueError for a key with one of / \\ # ? or a control character, or longer than 512 characters."""
    if _FORBIDDEN_IN_KEYS.search(key):
        raise ValueError("a key must not hold / \\ # ? or control characters")
    if _units(key) > MOST_KEY_CHARACTERS:
        raise ValueError(f"a key must not be longer than {MOST_KEY_CHARACTERS} characters")


@lru_cache(maxsize=MOST_REMEMBERED)
def check_property(name: str) -> None:
    """Raises ValueError unless it is letters, digits and underscores, and no name of the service's own."""
    if not _PROPERTY.fullmatch(name) or name in _RESERVED:
        raise ValueError(f"{name!r} cannot be the name of a property")


def check_data(partition: str, key: str, data: Mapping[str, Value]) -> None:
    """Raises ValueError when a name or value is none that the service can keep, or when there is too much of them."""
    if len(data) > MOST_PROPERTIES:
        raise ValueError(f"a row must not have more than {MOST_PROPERTIES} properties")
    size = 4 + 2 * (_units(partition) + _units(key))
    for name, value in data.items():
        check_property(name)
        size += 8 + 2 * len(name) + _size(name, value)
    if size > MOST_BYTES:
        raise ValueError(f"a row must not be bigger than {MOST_BYTES} bytes")


def check_time(time: datetime) -> None:
    """Raises ValueError for a time without a time zone or before 1601."""
    if time.tzinfo is None:
        raise ValueError("a time must have a time zone")
    if time < _EARLIEST:
        raise ValueError("a time must not be before 1601")


def _size(name: str, value: Value) -> int:
    match value:
        case str():
            length = _units(value)
            if length > MOST_TEXT_CHARACTERS:
                raise ValueError(f"{name} must not be longer than {MOST_TEXT_CHARACTERS} characters")
            return 4 + 2 * length
        case bool():
            return 1
        case int() if not -(2**63) <= value < 2**63:
            raise ValueError(f"{name} does not fit into 64 bits")
        case datetime():
            check_time(value)
            return 8
        case int() | float():
            return 8
        case _:  # what came out of JSON may be anything
            raise ValueError(f"{name} is neither text, number, bool nor time")


def _units(text: str) -> int:
    """UTF-16 code units. Raises ValueError for text with lone surrogates, which no service takes."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def _stored(value: Value) -> object:
    # always Int64, not only from 2^31 on: one column is then of one type, and the SDK takes ints for Int32
    return (value, _INT64) if isinstance(value, int) and not isinstance(value, bool) else value


def _read(value: object) -> Value:
    if isinstance(value, tuple):  # the SDK's EntityProperty: (value, type)
        return int(value[0])  # pyright: ignore[reportUnknownArgumentType]  # int() finds out
    if isinstance(value, datetime):  # the SDK's own subclass, which would be stored again as the text it came from
        return datetime.combine(value.date(), value.timetz()).astimezone(UTC)
    if isinstance(value, str | int | float):
        return value
    raise TypeError(f"a stored {type(value).__name__} is no value of ours")
