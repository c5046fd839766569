"""A clock that stands still until a test moves it."""

from datetime import UTC, datetime, timedelta


class FixedClock:
    """The port Clock with a time of the test's choice."""

    def __init__(self, now: datetime = datetime(2026, 3, 2, 9, tzinfo=UTC)) -> None:
        self._now = now

    def now(self) -> datetime:
        """The time it was set to."""
        return self._now

    def move(self, by: timedelta) -> None:
        """Let time pass; a negative one turns the clock back."""
        self._now += by

    def set(self, to: datetime) -> None:
        """Make it this time, which must be aware."""
        if to.tzinfo is None:
            raise ValueError("a time must have a time zone")
        self._now = to.astimezone(UTC)
