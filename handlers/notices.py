"""The queue of notices to operators: one message, one notice, or with many at once one message for all."""

import azure.functions as func

from shared.bootstrap import services
from shared.errors import BadInput
from shared.names import NOTICES
from shared.remedy.notice_messages import read_pointer


async def send_notice(message: func.QueueMessage) -> None:
    """Send the notice that the message points at."""
    body = message.get_body().decode("utf-8", "replace")
    try:
        month, key = read_pointer(body)
    except BadInput as error:
        await services().park(NOTICES, body, str(error))
        return
    await services().send_notice.send(month, key)


async def park_notice(message: func.QueueMessage) -> None:
    """A message that failed every time; its notice stays in the outbox, and the supervisor sends it again for a day."""
    body = message.get_body().decode("utf-8", "replace")
    await services().park(NOTICES, body, "it failed every time it was tried")
