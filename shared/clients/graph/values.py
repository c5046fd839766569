"""Reading the values of Graph's JSON: what is null, missing or of another type becomes None or empty."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import cast

from shared.errors import Unexpected

Json = Mapping[str, object]

NO_GUID = "00000000-0000-0000-0000-000000000000"
"""What Intune writes where no device or user is linked."""

_GUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_PATH_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_SERIAL_NUMBER = re.compile(r"[A-Za-z0-9 ._-]{1,64}")


def is_guid(value: str) -> bool:
    """Whether ``value`` is a GUID other than the all-zero one."""
    return _GUID.fullmatch(value) is not None and value != NO_GUID


def is_path_id(value: str) -> bool:
    """Whether ``value`` can be an id in a path: httpx folds ``..`` away, and no id means the whole list."""
    return _PATH_ID.fullmatch(value) is not None


def is_user_key(value: str) -> bool:
    """Whether ``value`` can be a user's id or UPN in a path."""
    harmless = value.isprintable() and not set(value) & set("/\\ ")
    return harmless and 0 < len(value) <= 256 and value.strip(".") != ""


def is_serial_number(value: str) -> bool:
    """Whether ``value`` is a serial number that may be put into a filter."""
    return _SERIAL_NUMBER.fullmatch(value) is not None


def quoted(value: str) -> str:
    """``value`` as an OData string literal: quotes are doubled."""
    return "'" + value.replace("'", "''") + "'"


def same(one: str | None, other: str | None) -> bool:
    """Whether two ids, UPNs or serial numbers are the same: trimmed, any case. None equals nothing."""
    return one is not None and other is not None and one.strip().casefold() == other.strip().casefold()


def text(row: Json, name: str) -> str:
    """A string; empty when there is none."""
    value = row.get(name)
    return value if isinstance(value, str) else ""


def word(row: Json, name: str) -> str | None:
    """A string; None when there is none or only blanks."""
    value = row.get(name)
    return value if isinstance(value, str) and value.strip() else None


def link(row: Json, name: str) -> str | None:
    """The id of something else; None when nothing is linked: null, empty or the all-zero GUID."""
    value = row.get(name)
    return value if isinstance(value, str) and value != NO_GUID and value.strip() else None


def own_id(row: Json) -> str:
    """The id of the row itself. Raises Unexpected when there is none: such a row cannot be acted on."""
    value = row.get("id")
    if not isinstance(value, str) or not value.strip() or value == NO_GUID:
        raise Unexpected("Graph returned a row without an id")
    return value


def all_texts(row: Json, names: Iterable[str]) -> list[str]:
    """``text`` of each of the names."""
    return [value if type(value) is str else "" for value in map(row.get, names)]


def all_words(row: Json, names: Iterable[str]) -> list[str | None]:
    """``word`` of each of the names."""
    return [value if type(value) is str and value and not value.isspace() else None for value in map(row.get, names)]


def all_links(row: Json, names: Iterable[str]) -> list[str | None]:
    """``link`` of each of the names."""
    return [
        value if type(value) is str and value and value != NO_GUID and not value.isspace() else None
        for value in map(row.get, names)
    ]


def whole(row: Json, name: str) -> int:
    """A whole number; 0 when there is none."""
    value = row.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def inner(row: Json, name: str) -> Json:
    """A nested object; empty when there is none."""
    value = row.get(name)
    return cast("Json", value) if isinstance(value, dict) else {}


def rows(row: Json, name: str) -> tuple[Json, ...]:
    """A list of nested objects; anything in it that is not an object is left out."""
    value = row.get(name)
    if not value or not isinstance(value, list):
        return ()
    return tuple([cast("Json", each) for each in cast("list[object]", value) if isinstance(each, dict)])


def words(row: Json, name: str) -> tuple[str, ...]:
    """A list of strings; anything else in it is left out."""
    value = row.get(name)
    return (
        tuple(each for each in cast("list[object]", value) if isinstance(each, str)) if isinstance(value, list) else ()
    )


def moment(row: Json, name: str) -> datetime | None:
    """A time in UTC. None when there is none, which Graph also writes as year 1 (never) or 9999 (no end).

    Graph writes up to seven fractional digits, of which six are kept, and ``Z`` or an offset.
    """
    written = row.get(name)
    if not isinstance(written, str):
        return None
    try:
        value = datetime.fromisoformat(written)
        if value.tzinfo is not UTC:
            value = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return value if 1 < value.year < 9999 else None
