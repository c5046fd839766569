"""What a lifecycle notification asks of us. It is noted here, and done by those who run by the clock.

Source: "Lifecycle notifications" in the Microsoft Graph docs. For users and groups only reauthorizationRequired is said to come.
"""

import logging
from datetime import datetime

from shared.intake.notifications import Lifecycle
from shared.records.subscriptions import SubscriptionBook
from shared.telemetry import event

log = logging.getLogger(__name__)


async def note_lifecycle(book: SubscriptionBook, lifecycle: Lifecycle, now: datetime) -> None:
    """Note what has to be done. Raises RetryLater when storage is away."""
    event(log, "subscription.lifecycle", what=lifecycle.event)
    match lifecycle.event:
        case "reauthorizationRequired":
            await book.ask_to_renew(lifecycle.subscription_id)
        case "subscriptionRemoved":
            await book.ask_to_recreate(lifecycle.subscription_id)
            await book.ask_to_sweep(now)
        case _:
            # missed, and whatever Microsoft thinks of next: something may have been lost
            await book.ask_to_sweep(now)
