"""What the world told us, reduced to: look at this device, or at this user. A hint is never evidence."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Subject(StrEnum):
    """What a hint points at, and by which kind of id."""

    MANAGED_DEVICE = "managed_device"
    ENTRA_DEVICE = "entra_device"
    SERIAL_NUMBER = "serial_number"
    USER = "user"
    GROUP = "group"
    AUTOPILOT_DEVICE = "autopilot_device"


class Cause(StrEnum):
    """Why we were told to look."""

    NONCOMPLIANT = "noncompliant"
    USER_ASSIGNED = "user_assigned"
    USER_CHANGED = "user_changed"
    GROUP_CHANGED = "group_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """Look at ``key``.

    ``key`` is a GUID for devices, registrations, users and groups and a serial number for SERIAL_NUMBER.
    ``owner`` is the user id or UPN that an explicit assignment named, else None.
    ``source`` names the way in (graph, device-events, intune, sweep, person); ``at`` is when it happened by the sender's word,
    never later than when it was heard, UTC.
    """

    subject: Subject
    key: str
    cause: Cause
    source: str
    at: datetime
    owner: str | None = None
    requested_by: str | None = None
    """Who asked for that assignment, by the sender's word; they may not approve the wipe."""
