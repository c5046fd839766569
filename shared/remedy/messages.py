"""The step message: look at this case now. A pointer, never a command. And which of the two queues it goes to."""

import json
import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from shared.domain.states import CaseState
from shared.errors import BadInput
from shared.names import CASE_STEPS, WIPE_STEPS
from shared.ports import Clock, Messages
from shared.tracing import traceparent, usable

if TYPE_CHECKING:  # handlers read messages before anything is known of cases
    from shared.domain.case import Case

_CASE_ID = re.compile(r"(?:device|autopilot)-[A-Za-z0-9._-]{1,80}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDue:
    """The case and the version that the sender saw; any other version makes the message stale."""

    case_id: str
    version: int
    traceparent: str | None = field(default=None, compare=False)
    """The span that sent it, if somebody traces; nothing is decided by it."""


def could_be_case(case_id: str) -> bool:
    """A case may have this id. Any other text is better refused at the door: storage takes no key with / \\ # ? in it."""
    return _CASE_ID.fullmatch(case_id) is not None


def write_step(step: StepDue) -> str:
    """The message body."""
    fields: dict[str, object] = {"v": 1, "case": step.case_id, "version": step.version}
    if step.traceparent is not None:
        fields["traceparent"] = step.traceparent
    return json.dumps(fields, separators=(",", ":"))


def fields_of(body: str, message: str) -> dict[str, object]:
    """The fields of a message of ours; none of any other version. Raises BadInput, naming ``message``, for what is not JSON."""
    try:
        document: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{message} is not JSON") from error
    fields = cast("dict[str, object]", document) if isinstance(document, dict) else {}
    return fields if fields.get("v") == 1 else {}


def read_step(body: str) -> StepDue:
    """The message back; raises BadInput for anything else."""
    fields = fields_of(body, "the step message")
    case_id, version = fields.get("case"), fields.get("version")
    if not isinstance(case_id, str) or not isinstance(version, int):
        raise BadInput("the step message has not the fields v=1, case and version")
    if not could_be_case(case_id):
        raise BadInput("the step message names no case")
    return StepDue(case_id=case_id, version=version, traceparent=usable(fields.get("traceparent")))


def queue_of(case: "Case") -> str:
    """The wipe has a queue of its own, so that the one identity that may wipe need not read any other."""
    return WIPE_STEPS if case.state is CaseState.WIPE_INTENDED else CASE_STEPS


@dataclass(frozen=True, slots=True, kw_only=True)
class StepQueue:
    """Sends step messages so that they arrive when the case is due."""

    messages: Messages
    clock: Clock

    async def send(self, case: "Case") -> None:
        """Send the next step of a saved case; nothing for one that rests or has ended."""
        if case.due_at is None:
            return
        delay = max(timedelta(), case.due_at - self.clock.now())
        step = StepDue(case_id=case.id, version=case.version, traceparent=traceparent())
        await self.messages.send(queue_of(case), write_step(step), delay=delay)
