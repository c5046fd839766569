"""How values are written in Graph's JSON."""

import functools
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

Json = str | int | float | bool | None | Mapping[str, "Json"] | Sequence["Json"]
Version = Literal["v1.0", "beta"]
NEVER = "9999-12-31T23:59:59Z"
"""What Intune writes for a time that will not come."""
LONG_AGO = "0001-01-01T00:00:00Z"
"""What Intune writes for a time that is not known."""


@functools.lru_cache(maxsize=4096)  # the same few times are written again and again
def moment(value: datetime | None) -> str | None:
    """ISO 8601 with Z, to the second unless there is more."""
    if value is None:
        return None
    text = value.astimezone(UTC).isoformat(timespec="microseconds" if value.microsecond else "seconds")
    return text.replace("+00:00", "Z")


def precise(value: datetime) -> str:
    """As ``moment``, with the seven fractional digits that notifications carry."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
