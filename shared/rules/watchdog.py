"""Whose a wipe is that Intune wrote down: Handover's, a person's, or nobody's that is known."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from shared.domain.facts import WipeAudit
from shared.domain.operators import About, OperatorNotice
from shared.rules.decisions import stamp

SLACK = timedelta(minutes=5)
"""A wipe leaves within a minute of its payment; the rest is for clocks that differ."""
STILL_COMING = timedelta(hours=1)
"""So long after a wipe Intune may need to write it down."""


class Whose(StrEnum):
    """Who asked for a wipe, as far as it can be told."""

    OURS = "ours"
    """Paid for in the ledger of wipes."""
    BY_PERSON = "by_person"
    """Not ours; Intune names the person."""
    NOT_OURS = "not_ours"
    """Not ours, and no person's: an application wiped, perhaps with Handover's identity."""


def can_be_judged(audit: WipeAudit) -> bool:
    """It says when it was, and can be told from others."""
    return audit.requested_at is not None and audit.id != ""


def is_new(audit: WipeAudit, since: datetime, seen: Iterable[str]) -> bool:
    """Nobody has judged it yet."""
    return audit.requested_at is not None and audit.requested_at >= since and audit.id not in seen


def whose(audit: WipeAudit, paid: Iterable[datetime]) -> Whose:
    """``paid``: when wipes of this very device were paid for."""
    at = audit.requested_at
    if at is not None and any(abs(at - each) <= SLACK for each in paid):
        return Whose.OURS
    return Whose.NOT_OURS if audit.started_by is None else Whose.BY_PERSON


def look_from(since: datetime, now: datetime) -> datetime:
    """From when on the next look judges: what Intune is slow to write down is judged, too, but nothing before the first."""
    return max(since, now - STILL_COMING)


def says(audit: WipeAudit) -> str:
    """One sentence for whoever has to look. It is logged as well, so it does not name the device by its name."""
    which = f"The Intune device {audit.managed_device_id}" if audit.managed_device_id else "A device"
    when = "at an unknown time" if audit.requested_at is None else f"at {stamp(audit.requested_at)}"
    return f"{which} was wiped {when} by an application, and Handover did not send that wipe."


def alarm(audit: WipeAudit, now: datetime) -> OperatorNotice:
    """What operators are told of a wipe that is nobody's, once."""
    named = "".join(each for each in audit.id if each.isascii() and (each.isalnum() or each == "-"))
    facts = (
        ("Device", audit.device_name),
        ("Intune device id", audit.managed_device_id),
        ("Wiped", "" if audit.requested_at is None else stamp(audit.requested_at)),
        ("Audit", audit.id),
    )
    return OperatorNotice(
        key=f"wipe-not-ours-{named[:100]}",
        about=About.ALARM,
        at=now,
        title="A wipe that Handover did not send",
        text=f"{says(audit)} All wipes of Handover are frozen until a person thaws them.",
        facts=tuple((name, value) for name, value in facts if value),
    )
