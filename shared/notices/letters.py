"""Mails to users: the text of the matter in the configured language, filled in. Every value is escaped."""

from dataclasses import dataclass

from shared.domain.effects import TellOwner
from shared.notices.texts import fill_in, local_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail before it has an address."""

    subject: str
    html: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Letters:
    """Writes letters. ``app_url`` has no trailing slash; without it a letter holds no link."""

    language: str
    time_zone: str
    support_contact: str | None = None
    app_url: str | None = None
    deferral_hours: int = 0

    def write(self, what: TellOwner) -> Letter:
        """The letter about this matter."""
        values: dict[str, object] = {
            "name": what.display_name,
            "sign_in_name": what.user_principal_name,
            "device": what.device_name,
            "serial_number": what.serial_number,
            "happens_at": local_time(what.happens_at, self.time_zone),
            "deferrals_left": what.deferrals_left,
            "deferral_hours": self.deferral_hours,
            "deferral_link": self._link(what),
            "support_contact": self.support_contact,
        }
        template = f"{self.language}/{what.matter.value}.html"
        subject = fill_in(template, values, block="subject")
        return Letter(subject=subject, html=fill_in(template, values))

    def _link(self, what: TellOwner) -> str | None:
        if self.app_url is None or what.deferral_code is None or what.deferrals_left < 1:
            return None
        return f"{self.app_url}/api/defer/{what.case_id}/{what.deferral_code}"
