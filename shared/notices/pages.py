"""The page behind the link in a mail: what the owner can do, in the configured language. Every value is escaped."""

from dataclasses import dataclass
from datetime import datetime

from shared.notices.texts import fill_in, local_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """Writes pages."""

    language: str
    time_zone: str
    deferral_hours: int
    support_contact: str | None = None

    def deferral(self, *, device: str, possible: bool, waits_until: datetime | None, left: int) -> str:
        """Until when the wipe waits, and the button to put it off, if that is possible."""
        return self._page(
            "deferral",
            device=device,
            possible=possible,
            waits_until=local_time(waits_until, self.time_zone),
            left=left,
            deferral_hours=self.deferral_hours,
        )

    def no_such_link(self) -> str:
        """The one answer to every code that does not fit, whatever is wrong with it."""
        return self._page("no_such_link")

    def try_again_later(self) -> str:
        """The page when nothing can be said or done now."""
        return self._page("try_again_later")

    def _page(self, name: str, **values: object) -> str:
        return fill_in(f"{self.language}/{name}.html", {"support_contact": self.support_contact, **values})
