"""Whether a subscription is alive: a subscription that exists may tell nothing, and only what arrives proves that it does."""

from datetime import datetime, timedelta
from enum import StrEnum

from shared.records.subscriptions import KeptSubscription

SILENT_AFTER = timedelta(hours=24)
A_PROBE_TAKES = timedelta(hours=1)
"""Graph promises minutes; half an hour has been seen."""


class Sound(StrEnum):
    """What to think of one subscription now."""

    HEARD = "heard"
    """Something arrived in the last day, or it is younger than that."""
    PROBE = "probe"
    """Nothing arrived; a change should be made that it must tell of."""
    WAITING = "waiting"
    """The change is made, its notification may still come."""
    SILENT = "silent"


def judge(kept: KeptSubscription, heard_at: datetime | None, *, can_probe: bool, now: datetime) -> Sound:
    """``heard_at``: when something of it arrived last. Without a probe a quiet day cannot be told from a dead subscription."""
    last = max(filter(None, (heard_at, kept.created_at)), default=kept.renewed_at)
    if now - last < SILENT_AFTER:
        return Sound.HEARD
    if not can_probe:
        return Sound.SILENT
    if kept.probed_at is None or kept.probed_at <= last:
        return Sound.PROBE
    return Sound.WAITING if now - kept.probed_at < A_PROBE_TAKES else Sound.SILENT
