"""Hours of the week in one time zone, as an administrator writes them: ``Mon-Fri 18:00-06:00, Sat 00:00-24:00``."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_ENTRY = re.compile(
    r"(?P<first>[A-Z][a-z]{2})(?:-(?P<last>[A-Z][a-z]{2}))? "
    r"(?P<start>(?:[01]\d|2[0-3]):[0-5]\d)-(?P<end>(?:[01]\d|2[0-3]):[0-5]\d|24:00)"
)
_STEP = timedelta(minutes=15)
"""Clocks are turned at full quarters of an hour, in every zone of today."""
_HORIZON = timedelta(days=15)
"""Two weeks, because a time that does not exist on the day when clocks are turned is there a week later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeklyHours:
    """When something may be done, by the clock on the wall there."""

    spans: tuple[tuple[int, time, time], ...]
    """Weekday (Monday is 0), first minute, and first minute that is outside; midnight as end is the end of the day."""
    zone: str

    @classmethod
    def parse(cls, text: str, zone: str) -> Self:
        """From a setting. An end at or before its start is on the next day. Raises ValueError for anything unclear."""
        spans: list[tuple[int, time, time]] = []
        for entry in text.split(","):
            match = _ENTRY.fullmatch(entry.strip())
            if match is None:
                raise ValueError(f'"{entry.strip()}" is not like "Mon-Fri 18:00-06:00"')
            first, last = match["first"], match["last"] or match["first"]
            if first not in DAYS or last not in DAYS:
                raise ValueError(f"a day must be one of {', '.join(DAYS)}")
            start = time.fromisoformat(match["start"])
            end = time() if match["end"] == "24:00" else time.fromisoformat(match["end"])
            if match["start"] == match["end"]:
                raise ValueError(
                    f'"{entry.strip()}" begins and ends at the same time: for a whole day write 00:00-24:00'
                )
            for offset in range((DAYS.index(last) - DAYS.index(first)) % 7 + 1):
                spans += _of_one_day((DAYS.index(first) + offset) % 7, start, end)
        return cls(spans=tuple(sorted(spans)), zone=zone)

    def is_open(self, at: datetime) -> bool:
        """Whether the clock on the wall is within the hours at this moment."""
        local = at.astimezone(ZoneInfo(self.zone))
        clock = local.time()
        return any(
            day == local.weekday() and start <= clock and (clock < end or end == time())
            for day, start, end in self.spans
        )

    def opens_at(self, at: datetime) -> datetime:
        """The first moment from ``at`` on that is within the hours, UTC; two weeks later if there is none before."""
        if self.is_open(at):
            return at
        zone, day = ZoneInfo(self.zone), at.astimezone(ZoneInfo(self.zone)).date()
        moments = [
            datetime.combine(day + timedelta(days=ahead), start, zone).replace(fold=fold).astimezone(UTC)
            for ahead in range(_HORIZON.days + 1)
            for _, start, _ in self.spans
            for fold in (0, 1)
        ]
        # where clocks are turned they can jump into the hours, past their beginning or back to before their end
        quarter = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        moments += [quarter + n * _STEP for n in range(int(_HORIZON / _STEP))]
        return next((each for each in sorted(moments) if each > at and self.is_open(each)), at + _HORIZON)


def _of_one_day(day: int, start: time, end: time) -> list[tuple[int, time, time]]:
    if end > start or end == time():
        return [(day, start, end)]
    return [(day, start, time()), ((day + 1) % 7, time(), end)]
