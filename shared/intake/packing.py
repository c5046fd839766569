"""Stores the webhook's hints: those of concurrent requests together, because writing to the queue is what limits it.

A request is answered when every message that holds one of its hints is stored, whoever's request had it made. A repeat
joins a message only while nobody can have read that message: what it reports is then seen by the read that follows.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta

from shared.domain.hint import Hint, Subject
from shared.errors import HandoverError, RetryLater
from shared.intake.messages import MOST_IN_A_MESSAGE, write_hints
from shared.names import HINTS
from shared.ports import Clock, Messages
from shared.telemetry import event

log = logging.getLogger(__name__)

GATHER_SECONDS = 0.004
"""How long a message that is not full waits for more."""
MOST_AT_ONCE = 16
"""Messages on their way to storage at a time; the others fill up meanwhile."""
MOST_WAITING = 256
"""Messages that wait their turn; beyond that storage is too slow, and saying so is better than holding on to more."""
HIDDEN_FOR = timedelta(seconds=2)
JOIN_FOR = timedelta(seconds=1)
"""A stored message stays invisible for HIDDEN_FOR, counted by storage from when it arrived there. Repeats may join it for
JOIN_FOR from before it was sent; the second between the two is for whole seconds, to which storage may round."""

_Key = tuple[Subject, str]


class _Pack:
    """One message in the making."""

    def __init__(self) -> None:
        self.hints: dict[_Key, Hint] = {}
        self.stored: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        """None once it is stored, else what went wrong; never an exception, which nobody may be left to fetch."""
        self.ripe = False
        self.waiters = 0
        self.sent_at: datetime | None = None
        self.sent_tick = 0.0

    @property
    def full(self) -> bool:
        return len(self.hints) >= MOST_IN_A_MESSAGE


class HintQueue:
    """Stores hints for later, 32 to a message. For one event loop.

    Without ``hidden`` messages are visible at once and only what is not yet on its way can be joined: for a clock that
    may jump.
    """

    def __init__(self, *, messages: Messages, clock: Clock, hidden: bool = True) -> None:
        self._messages = messages
        self._clock = clock
        self._hidden = hidden
        self._packs: dict[_Key, _Pack] = {}
        """Where a repeat can still be put."""
        self._pending: deque[_Pack] = deque()
        """Packs that are not on their way; only the last of them is not full."""
        self._sending = set[asyncio.Task[None]]()

    async def send(self, hints: Sequence[Hint]) -> None:
        """Returns only when all of them are stored; raises RetryLater when one is not. Cancelling it harms no other."""
        if len(self._pending) >= MOST_WAITING:
            raise RetryLater("too many hints wait to be stored")
        packs = list(dict.fromkeys(self._place(hint) for hint in hints))
        if not packs:
            return
        for pack in packs:
            pack.waiters += 1
        try:
            await asyncio.wait([pack.stored for pack in packs])
        finally:
            for pack in packs:
                pack.waiters -= 1
        if error := next((pack.stored.result() for pack in packs if pack.stored.result()), None):
            raise RetryLater("the hints could not be stored") from error

    def _place(self, hint: Hint) -> _Pack:
        """The pack that holds this hint: one that has it, if it can be joined, else the one that is being filled."""
        key = (hint.subject, hint.key)
        known = self._packs.get(key)
        if known is not None and self._can_be_joined(known):
            return known
        if not self._pending or self._pending[-1].full:
            self._pending.append(_Pack())
            asyncio.get_running_loop().call_later(GATHER_SECONDS, self._ripen, self._pending[-1])
        pack = self._pending[-1]
        pack.hints[key] = hint
        self._packs[key] = pack
        if pack.full:
            self._send_what_is_ready()
        return pack

    def _can_be_joined(self, pack: _Pack) -> bool:
        if pack.sent_at is None:
            return True
        # by both clocks: the one of the day can be set, the other one stands still while the machine sleeps
        passed = self._clock.now() - pack.sent_at
        ticks = asyncio.get_running_loop().time() - pack.sent_tick
        return self._hidden and timedelta() <= passed < JOIN_FOR and ticks < JOIN_FOR.total_seconds()

    def _ripen(self, pack: _Pack) -> None:
        pack.ripe = True
        self._send_what_is_ready()

    def _send_what_is_ready(self) -> None:
        while self._pending and len(self._sending) < MOST_AT_ONCE and (self._pending[0].full or self._pending[0].ripe):
            task = asyncio.get_running_loop().create_task(self._store(self._pending.popleft()))
            self._sending.add(task)
            task.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self._send_what_is_ready()

    async def _store(self, pack: _Pack) -> None:
        error: Exception | None = RetryLater("the hints were not stored")
        pack.sent_at, pack.sent_tick = self._clock.now(), asyncio.get_running_loop().time()
        try:
            if pack.waiters:  # else all who waited have gone, and were told to send it again
                body = write_hints(list(pack.hints.values()))
                await self._messages.send(HINTS, body, delay=HIDDEN_FOR if self._hidden else timedelta())
                error = None
        except Exception as failure:
            error = failure
            why = str(failure) if isinstance(failure, HandoverError) else type(failure).__name__
            event(log, "hints.not_stored", level=logging.ERROR, hints=len(pack.hints), why=why)
        finally:
            if error is None and self._hidden:
                asyncio.get_running_loop().call_later(JOIN_FOR.total_seconds(), self._forget, pack)
            else:
                self._forget(pack)
            if not pack.stored.done():
                pack.stored.set_result(error)

    def _forget(self, pack: _Pack) -> None:
        for key in pack.hints:
            if self._packs.get(key) is pack:
                del self._packs[key]
