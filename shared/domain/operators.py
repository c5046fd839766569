"""What operators are told: one notice about one matter."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class About(StrEnum):
    """The kind of a matter, by which a flood of them is counted."""

    NEEDS_PERSON = "cases that need a person"
    APPROVAL_NEEDED = "wipes that need an approval"
    NO_SEAT = "owners without a free licence seat"
    WIPE_UNKNOWN = "wipes whose answer was lost"
    FROZEN = "all wipes frozen"
    ALARM = "alarms"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorNotice:
    """``key`` names the matter for ever: the same key is told once a month at most. It is good for a storage key."""

    key: str
    about: About
    at: datetime
    title: str
    text: str
    facts: tuple[tuple[str, str], ...] = ()
    """Name and value, in order."""
    case_id: str | None = None
    """The case that it is about; None for what concerns all."""
