"""A hint that comes right after a look may tell of something newer: it comes again when that look is old, but only once."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.domain.hint import Hint
from shared.errors import HandoverError
from shared.intake.messages import write_hints
from shared.names import HINTS
from shared.ports import Clock, Messages
from shared.records.asked import AskedBook

CLOCKS_DIFFER_BY = timedelta(seconds=30)
"""The second look comes this much later, so that the worker that takes it agrees that its time has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondLook:
    """Sends hints to ourselves, with a delay."""

    asked: AskedBook
    messages: Messages
    clock: Clock

    async def ask(self, hint: Hint, at: datetime, delivery: str | None) -> bool:
        """Have the hint come again after this time; False when another one about the same does already.

        ``delivery`` is the id of the message that the hint came with. Raises RetryLater when storage is away; then
        nothing is on its way, or the row says so too long and the next sweep finds what was meant.
        """
        now = self.clock.now()
        if not await self.asked.ask_again(hint.subject, hint.key, at, now, delivery):
            return False
        again = replace(hint, at=now, owner=None)
        try:
            await self.messages.send(HINTS, write_hints([again]), delay=at - now + CLOCKS_DIFFER_BY)
        except HandoverError:
            await self.asked.not_asked_again(hint.subject, hint.key)
            raise
        return True
