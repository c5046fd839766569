"""The tenant-wide Autopilot service settings: the manual sync and its limits."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from local.tenant.model.refusal import GraphRefusal, Service
from local.tenant.model.signal import Signal
from local.tenant.model.world import World

_SYNC_TAKES = timedelta(minutes=5)
_BETWEEN_SYNCS = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncState:
    """What (beta) windowsAutopilotSettings shows."""

    synced_at: datetime
    triggered_at: datetime | None = None
    status: str = "completed"


class AutopilotSettings:
    """The singleton that a sync is asked of."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._state = SyncState(synced_at=world.clock.start)
        self.syncs = 0
        """How many were started."""
        self.completed = Signal[()]()

    def get(self) -> SyncState:
        """GET (beta) windowsAutopilotSettings."""
        return self._state

    def sync(self) -> None:
        """POST (beta) .../sync. Raises 409 while one runs and 429 within ten minutes of the last one."""
        now, last = self._world.now(), self._state.triggered_at
        if self._state.status == "inProgress":
            raise GraphRefusal(
                status=409, code="Conflict", message="A sync is already in progress.", service=Service.INTUNE
            )
        if last is not None and now - last < _BETWEEN_SYNCS:
            raise GraphRefusal(
                status=429,
                code="TooManyRequests",
                message="A sync was started less than 10 minutes ago.",
                service=Service.INTUNE,
            )
        self._state = replace(self._state, triggered_at=now, status="inProgress")
        self.syncs += 1
        self._world.clock.after(_SYNC_TAKES, self._complete)

    def _complete(self) -> None:
        self._state = replace(self._state, synced_at=self._world.now(), status="completed")
        self.completed.emit()
