"""The queues that hints come in by: device-events from other systems, hints from our own webhook, and what was poisoned."""

import azure.functions as func

from shared.bootstrap import services
from shared.errors import BadInput, RetryLater
from shared.intake.device_events import read_device_event
from shared.intake.messages import read_hints, write_hints
from shared.names import DEVICE_EVENTS, HINTS
from shared.tracing import carried_by, span


async def take_device_event(message: func.QueueMessage) -> None:
    """One CloudEvent; what cannot be used is parked with the reason, and when Graph is busy it comes again later."""
    body = _text(message)
    try:
        hint = read_device_event(body, services().clock.now())
    except BadInput as error:
        await services().park(DEVICE_EVENTS, body, str(error))
        return
    try:
        with span("device_event", parent=carried_by(body)):
            await services().take_hint.open_or_wake(hint, message.id)
    except RetryLater as error:
        await services().send_again(DEVICE_EVENTS, body, error)


async def take_hints(message: func.QueueMessage) -> None:
    """One packed message of hints from the webhook; those that Graph or storage are too busy for come again later."""
    body = _text(message)
    try:
        hints = read_hints(body)
    except BadInput as error:
        await services().park(HINTS, body, str(error))
        return
    untaken = await services().take_hint.take_all(hints, message.id)
    if untaken is not None:
        await services().send_again(HINTS, write_hints(untaken.hints), untaken.error)


async def park_device_event(message: func.QueueMessage) -> None:
    """A device event that failed every time."""
    await services().park(DEVICE_EVENTS, _text(message), "it failed every time it was tried")


async def park_hints(message: func.QueueMessage) -> None:
    """A hints message that failed every time."""
    await services().park(HINTS, _text(message), "it failed every time it was tried")


async def park_step(queue: str, message: func.QueueMessage, reason: str) -> None:
    """A step message that cannot be read."""
    await services().park(queue, _text(message), reason)


def _text(message: func.QueueMessage) -> str:
    return message.get_body().decode("utf-8", "replace")
