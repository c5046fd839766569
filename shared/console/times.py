"""Moments as the pages show them: by the clock on the wall there, with the machine's own form beside it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One moment in three forms: for machines, in full, and as people say it."""

    iso: str
    full: str
    said: str


class Times:
    """Writes moments for one page: ``now`` and the time zone are the same on all of it."""

    def __init__(self, time_zone: str, now: datetime) -> None:
        self.now = now
        self._zone = ZoneInfo(time_zone)

    def __call__(self, at: datetime) -> Moment:
        """The moment; ``said`` leaves out what today makes clear."""
        local = at.astimezone(self._zone)
        return Moment(
            iso=at.isoformat(timespec="seconds").replace("+00:00", "Z"),
            full=f"{local:%Y-%m-%d %H:%M:%S (%Z)}",
            said=f"{local:%a} {local.day} {local:%b}{self._year(local)} {local:%H:%M}",
        )

    def maybe(self, at: datetime | None) -> Moment | None:
        """The moment, or None for none."""
        return None if at is None else self(at)

    def distance(self, at: datetime) -> str:
        """How far away it is: ``3 h ago``, ``in 2 days``, ``now``."""
        span = at - self.now
        words = span_in_words(abs(span))
        if words is None:
            return "now"
        return f"in {words}" if span > timedelta() else f"{words} ago"

    def _year(self, local: datetime) -> str:
        return "" if local.year == self.now.astimezone(self._zone).year else f" {local:%Y}"


def span_in_words(span: timedelta) -> str | None:
    """A duration in its largest unit, ``3 h``; None for less than a minute."""
    minutes = int(span.total_seconds() // 60)
    if minutes >= 2 * 1440:
        return f"{minutes // 1440} days"
    if minutes >= 120:
        return f"{minutes // 60} h"
    return f"{minutes} min" if minutes else None
