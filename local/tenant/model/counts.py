"""What the tenant counts by itself: requests by operation, device and user, wipes, writes, refusals, notifications."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Counts:
    """Plain numbers; serial numbers and UPNs are in lower case."""

    requests: int = 0
    writes: int = 0
    throttled: int = 0
    client_errors: int = 0
    server_errors: int = 0
    lost_answers: int = 0
    unknown_paths: int = 0
    by_operation: Counter[str] = field(default_factory=Counter[str])
    by_device: Counter[str] = field(default_factory=Counter[str])
    """Requests that name a device, by its serial number."""
    by_user: Counter[str] = field(default_factory=Counter[str])
    """Requests that name a user, by user id."""
    by_status: Counter[int] = field(default_factory=Counter[int])
    wipe_posts: int = 0
    """Wipe requests that arrived, whatever became of them."""
    wipe_posts_by_serial: Counter[str] = field(default_factory=Counter[str])
    wipes_by_managed_device: Counter[str] = field(default_factory=Counter[str])
    """Wipes that were accepted and carried out, by managed device id."""
    wipes_by_serial: Counter[str] = field(default_factory=Counter[str])
    notifications_sent: int = 0
    notifications_acknowledged: int = 0
    notifications_refused: int = 0
    notifications_lost: int = 0

    @property
    def wipes(self) -> int:
        """Wipes that were accepted."""
        return self.wipes_by_serial.total()

    def answered(self, status: int) -> None:
        """One request was answered with this status."""
        self.by_status[status] += 1
        if status == 429:
            self.throttled += 1
        if 400 <= status < 500:
            self.client_errors += 1
        elif status >= 500:
            self.server_errors += 1

    def wipe_accepted(self, managed_device_id: str, serial: str) -> None:
        """One wipe was accepted."""
        self.wipes_by_managed_device[managed_device_id] += 1
        self.wipes_by_serial[serial.casefold()] += 1
