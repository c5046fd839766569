"""How a wipe shows on the device that Intune still lists (managementState and deviceActionResults)."""

from datetime import datetime, timedelta

from shared.domain.facts import ManagedDevice

NEEDS_APPROVAL = "needs approval"
"""The outcome of a wipe that Intune filed for a second administrator instead of carrying it out."""


def wipe_seen(device: ManagedDevice, sent_at: datetime) -> bool:
    """Intune shows our wipe on the device: pending or issued, or a factory reset that began after we sent it."""
    if device.management_state in ("wipePending", "wipeIssued"):
        return True
    return any(
        action.name.lower() in ("wipe", "factoryreset")
        and action.state in ("pending", "active", "done")
        and action.started_at is not None
        and action.started_at >= sent_at - timedelta(minutes=5)
        for action in device.actions
    )
