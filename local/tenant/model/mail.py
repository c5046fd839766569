"""What was sent through the tenant: mails and Teams activity notifications."""

from dataclasses import dataclass, field
from datetime import datetime

from local.tenant.model.users import Users
from local.tenant.model.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMail:
    """One mail in the sent items of a user."""

    at: datetime
    sender: str
    to: tuple[str, ...]
    subject: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SentActivity:
    """One Teams activity notification to a user."""

    at: datetime
    to: str
    activity_type: str
    preview: str


@dataclass(slots=True, kw_only=True)
class Mail:
    """Everything sent, oldest first."""

    world: World
    users: Users
    sent: list[SentMail] = field(default_factory=list[SentMail])
    activities: list[SentActivity] = field(default_factory=list[SentActivity])

    def send(self, sender: str, *, to: tuple[str, ...], subject: str, body: str) -> None:
        """POST users/{sender}/sendMail. Raises 404 when there is no such mailbox."""
        user = self.users.require(sender)
        mail = SentMail(at=self.world.now(), sender=user.upn, to=to, subject=subject, body=body)
        self.sent.append(mail)

    def notify(self, recipient: str, *, activity_type: str, preview: str) -> None:
        """POST users/{id}/teamwork/sendActivityNotification. Raises 404."""
        user = self.users.require(recipient)
        self.activities.append(
            SentActivity(at=self.world.now(), to=user.upn, activity_type=activity_type, preview=preview)
        )
