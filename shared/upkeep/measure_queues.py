"""How long our queues are and how long their messages wait, told to the log for the workbook and the alerts."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from shared.errors import AccessDenied
from shared.ports import Clock, Messages
from shared.telemetry import event

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureQueues:
    """One measurement of the queues that this part may read, poison queues included."""

    queues: Sequence[str]
    messages: Messages
    clock: Clock

    async def run(self) -> None:
        """Tell one event for each queue. Raises RetryLater when storage is away."""
        for queue in (*self.queues, *(f"{queue}-poison" for queue in self.queues)):
            try:
                measured = await self.messages.measure(queue)
            except AccessDenied as error:
                event(log, "queue.not_measured", level=logging.WARNING, queue=queue, why=str(error))
                continue
            waits = None if measured.oldest_at is None else (self.clock.now() - measured.oldest_at).total_seconds()
            event(
                log,
                "queue.measured",
                queue=queue,
                messages=measured.messages,
                oldest_seconds=None if waits is None else max(0, round(waits)),
            )
