"""The Event Hub that Intune's diagnostic settings send to; registered only when one is set up."""

from collections.abc import Sequence

import azure.functions as func

from shared.bootstrap import services


async def take_intune_logs(events: Sequence[func.EventHubEvent]) -> None:
    """A batch of events. What raises is tried again by the trigger's retry policy: Event Hubs has no poison queue."""
    await services().take_intune_logs.take([event.get_body().decode("utf-8", "replace") for event in events])
