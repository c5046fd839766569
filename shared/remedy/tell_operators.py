"""Tells operators of matters: keeps each in the outbox, once, and sends a message that points at it. Never in the way of a case."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.case import Case
from shared.domain.operators import OperatorNotice
from shared.errors import HandoverError
from shared.names import NOTICES
from shared.ports import Messages
from shared.records.outbox import Outbox, place_of
from shared.remedy.notice_messages import write_pointer
from shared.rules.matters import matter_of

log = logging.getLogger(__name__)

LATE_AFTER = timedelta(minutes=15)
"""Longer than a notice waits for its turn in a flood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TellOperators:
    """``wanted`` is False where no channel is configured, and in a part that leaves it to the supervisor."""

    outbox: Outbox
    messages: Messages
    wanted: bool

    async def of_case(self, case: Case) -> None:
        """Tell of the case as it stands, if there is anything to tell. Raises nothing of ours."""
        if notice := matter_of(case):
            await self.tell(notice)

    async def tell(self, notice: OperatorNotice) -> None:
        """Tell of one matter, once. Raises nothing of ours: what could not be kept is found by the supervisor."""
        if not self.wanted:
            return
        try:
            if await self.outbox.put(notice):
                await self.send(notice)
        except HandoverError as error:
            log.warning("notice.not_kept", exc_info=error)

    async def again(self, now: datetime) -> None:
        """Send the message of every notice once more that waits for long. Raises RetryLater."""
        if not self.wanted:
            return
        async for entry in self.outbox.waiting(now):
            if now - entry.notice.at >= LATE_AFTER:
                await self.send(entry.notice)

    async def send(self, notice: OperatorNotice) -> None:
        """Send the message that points at a kept notice. Raises RetryLater."""
        await self.messages.send(NOTICES, write_pointer(*place_of(notice)))
