"""What a sweep reads page by page: the rows, and the link that leads on from them."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)  # no slots: Python 3.11 cannot make a generic one with them
class Page(Generic[T]):
    """One page. Empty ones are legal; rows may come twice, in any order, or unchanged.

    ``next_link`` leads to the next page. On the last page of a round of changes ``delta_link`` leads to the next round.
    """

    rows: tuple[T, ...]
    next_link: str | None = None
    delta_link: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceChange:
    """A device object of the directory that changed; None is what Graph did not say."""

    entra_device_id: str | None
    compliant: bool | None
    managed: bool | None
    removed: bool = False

    @property
    def turned_noncompliant(self) -> bool:
        """It is managed, as far as we were told, and called non-compliant."""
        return not self.removed and self.compliant is False and self.managed is not False


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDevice:
    """An enrolment that Intune calls non-compliant."""

    managed_device_id: str
    entra_device_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRegistration:
    """An Autopilot registration as the list has it, which leaves the assigned user's UPN out."""

    autopilot_id: str
    serial_number: str
    addressed_to: str | None
    """The name that the sign-in page shows; set beside the user by whoever assigned one."""
    managed_device_id: str | None
