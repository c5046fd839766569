"""A PC on its way into Windows Autopilot: its line in a file, its import, its registration, and how far it has come."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class HardwareHash:
    """One good line of a file. ``owner`` and ``group_tag`` are empty when the line has none."""

    line: int
    serial_number: str
    hash: str
    """Base64, as Windows gives it."""
    product_key: str = ""
    group_tag: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadLine:
    """A line that cannot be used, and why; ``why`` holds no hash."""

    line: int
    serial_number: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedHash:
    """One import as Intune shows it. ``status`` is Graph's: unknown, pending, partial, complete, error."""

    id: str
    serial_number: str
    import_id: str
    status: str
    error_code: int = 0
    error_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredPc:
    """One registration in the list. ``profile_status`` is Graph's deploymentProfileAssignmentStatus."""

    id: str
    serial_number: str
    profile_status: str
    group_tag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOfAutopilot:
    """The tenant-wide fetch of registrations."""

    synced_at: datetime | None
    asked_at: datetime | None
    running: bool


class Progress(StrEnum):
    """How far one PC has come."""

    WAITING = "waiting"
    """Nothing was sent yet."""
    SENDING = "sending"
    """It may have been sent: the process has not said yet."""
    SENT = "sent"
    IMPORTED = "imported"
    """The Autopilot service has it; Intune does not show it yet."""
    REGISTERED = "registered"
    """Intune shows it; a profile is not assigned yet."""
    READY = "ready"
    """Its profile is assigned."""
    FAILED = "failed"

    @property
    def at_intune(self) -> bool:
        """Whether Intune shows it."""
        return self in (Progress.REGISTERED, Progress.READY)


@dataclass(frozen=True, slots=True, kw_only=True)
class PcProgress:
    """One PC of a run. ``told`` is when its owner was named to Handover; None: not yet, or it has none."""

    line: int
    serial_number: str
    at: Progress
    owner: str = ""
    import_id: str | None = None
    why: str = ""
    told_at: datetime | None = None
