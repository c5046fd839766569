"""The case-steps queue: one message, one step of one case. And its poison twin, where the case is handed to a person."""

import azure.functions as func

from handlers.events import park_step
from shared.bootstrap import services
from shared.errors import BadInput
from shared.remedy.messages import read_step


async def take_case_step(message: func.QueueMessage) -> None:
    """Run the step the message points at."""
    try:
        step = read_step(message.get_body().decode("utf-8", "replace"))
    except BadInput as error:
        await park_step(message, str(error))
        return
    await services().advance.one_step(step)


async def give_up_case_step(message: func.QueueMessage) -> None:
    """The step failed every time: the case rests for a person."""
    try:
        step = read_step(message.get_body().decode("utf-8", "replace"))
    except BadInput as error:
        await park_step(message, str(error))
        return
    await services().advance.give_up(step.case_id, step.version)
