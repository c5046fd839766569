"""The few shapes of a decision, so that each rule reads as one sentence."""

from datetime import datetime, timedelta

from shared.domain.case import Case, Decision, Evidence
from shared.domain.effects import Effect
from shared.domain.facts import ManagedDevice
from shared.domain.reasons import Reason
from shared.domain.states import CaseState

GIVE_UP_AFTER = timedelta(days=30)
"""A case that waits for this long before its wipe is left to a person."""


def go(
    to: CaseState,
    reason: Reason,
    says: str,
    *,
    evidence: Evidence | None = None,
    effect: Effect | None = None,
    due: datetime | None = None,
    **changes: object,
) -> Decision:
    """Move to another state; without ``due`` the case goes on at once."""
    return Decision(to=to, reason=reason, says=says, evidence=evidence or {}, changes=changes, effect=effect, due=due)


def wait(
    case: Case,
    reason: Reason,
    says: str,
    *,
    until: datetime,
    evidence: Evidence | None = None,
    effect: Effect | None = None,
    **changes: object,
) -> Decision:
    """Stay in the state and look again at ``until``."""
    return Decision(
        to=case.state, reason=reason, says=says, evidence=evidence or {}, changes=changes, effect=effect, due=until
    )


def ask_person(reason: Reason, says: str, *, evidence: Evidence | None = None, **changes: object) -> Decision:
    """Rest until a person decides."""
    return Decision(to=CaseState.NEEDS_PERSON, reason=reason, says=says, evidence=evidence or {}, changes=changes)


def device_evidence(device: ManagedDevice) -> dict[str, str | int | float | bool | None]:
    """What was read of a device, for the journal."""
    return {
        "compliance": device.compliance.value,
        "enrolled by": device.enrolled_by or device.user_principal_name,
        "enrolled": _moment(device.enrolled_at),
        "last check-in": _moment(device.last_sync_at),
        "management state": device.management_state,
    }


def stamp(at: datetime) -> str:
    """A moment as it stands in the journal: "2026-03-02 08:00 UTC"."""
    return at.strftime("%Y-%m-%d %H:%M UTC")


def _moment(at: datetime | None) -> str | None:
    return None if at is None else stamp(at)


def in_words(span: timedelta) -> str:
    """A duration as people say it: "3 days", "25 minutes"."""
    minutes = round(span.total_seconds() / 60)
    for size, name in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size and (minutes % size == 0 or minutes >= 2 * size):
            count = round(minutes / size)
            return f"{count} {name}{'' if count == 1 else 's'}"
    return "less than a minute"
