"""The queues of steps, case-steps and wipe-steps: one message, one step of one case. And their poison twins, where the
case is handed to a person."""

import azure.functions as func

from handlers.events import park_step
from shared.bootstrap import services
from shared.errors import BadInput
from shared.names import CASE_STEPS, WIPE_STEPS
from shared.remedy.messages import StepDue, read_step
from shared.telemetry import about


async def take_case_step(message: func.QueueMessage) -> None:
    """Run the step the message points at."""
    if step := await _readable(CASE_STEPS, message):
        with about(step.case_id):
            await services().advance.one_step(step)


async def take_wipe_step(message: func.QueueMessage) -> None:
    """Run the wipe the message points at, if that is what the case waits for."""
    if step := await _readable(WIPE_STEPS, message):
        with about(step.case_id):
            await services().advance.wipe_step(step)


async def give_up_case_step(message: func.QueueMessage) -> None:
    """The step failed every time: the case rests for a person."""
    if step := await _readable(CASE_STEPS, message):
        with about(step.case_id):
            await services().advance.give_up(step.case_id, step.version)


async def give_up_wipe_step(message: func.QueueMessage) -> None:
    """The wipe's step failed every time: the case rests for a person."""
    if step := await _readable(WIPE_STEPS, message):
        with about(step.case_id):
            await services().advance.give_up(step.case_id, step.version)


async def _readable(queue: str, message: func.QueueMessage) -> StepDue | None:
    try:
        return read_step(message.get_body().decode("utf-8", "replace"))
    except BadInput as error:
        await park_step(queue, message, str(error))
        return None
