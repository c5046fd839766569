"""Sends what is in the outbox to the operators' channels: Teams and mail. A flood becomes one message with counts."""

import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.effects import Answer, Refused
from shared.errors import Changed, HandoverError
from shared.names import NOTICES
from shared.notices.cards import Message, as_card, as_mail, digest, one
from shared.ports import Chat, Clock, Ids, Mail, Messages
from shared.records.ledger import Document, Ledger
from shared.records.locks import Locks
from shared.records.outbox import Outbox
from shared.remedy.tell_operators import write_pointer
from shared.telemetry import event

log = logging.getLogger(__name__)

TEAMS = "teams"
AT_MOST = 5
WITHIN = timedelta(minutes=10)
_LOCK, _LOCKED_FOR, _TRY_AGAIN_AFTER = "notices", timedelta(minutes=2), timedelta(seconds=30)
_PARTITION, _KEY = "notices", "sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class SendNotice:
    """One sender at a time; at most 5 messages in 10 minutes, and what waits longer goes out together."""

    outbox: Outbox
    ledger: Ledger
    locks: Locks
    messages: Messages
    chat: Chat | None
    mail: Mail
    mail_to: tuple[str, ...]
    console: str | None
    """URL of the operator's console, to which a notice leads."""
    clock: Clock
    ids: Ids

    async def send(self, month: str, key: str) -> None:
        """Handle one message of the queue. Raises RetryLater or Changed for the queue's retry, when storage is away."""
        entry = await self.outbox.read(month, key)
        if entry is None or entry.done:
            return
        holder, now = self.ids.new(), self.clock.now()
        if not await self.locks.take(_LOCK, holder=holder, now=now, lasts=_LOCKED_FOR):
            await self.messages.send(NOTICES, write_pointer(month, key), delay=_TRY_AGAIN_AFTER)
            return
        try:
            await self._send_or_wait(month, key, now)
        finally:
            await self.locks.give_back(_LOCK, holder=holder, now=self.clock.now())

    async def _send_or_wait(self, month: str, key: str, now: datetime) -> None:
        entry = await self.outbox.read(month, key)  # another sender may have had the lock until now
        if entry is None or entry.done:
            return
        if not await self._may_send(now):
            await self.messages.send(NOTICES, write_pointer(month, key), delay=WITHIN)
            return
        waiting = [each async for each in self.outbox.waiting(now)]
        chosen = waiting if len(waiting) > AT_MOST else [entry]
        notices = [each.notice for each in chosen]
        message = one(entry.notice, self.console) if len(chosen) == 1 else digest(notices, self.console)
        had_it = frozenset[str].intersection(*(each.sent_by for each in chosen))
        sent_by = await self._through_every_channel(message, had_it)
        for each in chosen:
            with contextlib.suppress(Changed):
                await self.outbox.mark(each, sent_by=each.sent_by | sent_by, done=self._channels <= sent_by)
        event(log, "notice.sent", notices=len(chosen), channels=len(sent_by))

    @property
    def _channels(self) -> frozenset[str]:
        return frozenset({TEAMS} if self.chat is not None else ()) | frozenset(self.mail_to)

    async def _through_every_channel(self, message: Message, had_it: frozenset[str]) -> frozenset[str]:
        """The channels that have it now. One that fails does not keep the others from theirs; it is tried again later."""
        sent_by = set(had_it)
        for name in sorted(self._channels - had_it):
            try:
                answer = await self._through(name, message)
            except HandoverError as error:
                log.warning("notice.not_sent", exc_info=error)
                continue
            if isinstance(answer, Refused):  # sending the same again would not help
                event(log, "notice.refused", level=logging.ERROR, code=answer.code)
            sent_by.add(name)
        return frozenset(sent_by)

    async def _through(self, channel: str, message: Message) -> Answer:
        if channel == TEAMS and self.chat is not None:
            return await self.chat.post(as_card(message))
        return await self.mail.send(to=channel, subject=f"Handover: {message.title}", html=as_mail(message))

    async def _may_send(self, now: datetime) -> bool:
        """Count one more message, unless so many went out lately that the rest has to wait and go together."""
        allowed = False

        def count(documents: Mapping[str, Document]) -> Mapping[str, Document]:
            nonlocal allowed
            sent: list[str] = list(documents.get(_KEY, {}).get("at", []))
            recent = [at for at in sent if now - datetime.fromisoformat(at) < WITHIN]
            allowed = len(recent) < AT_MOST
            return {_KEY: {"at": [*recent, now.isoformat()]}} if allowed else {}

        await self.ledger.change(_PARTITION, (_KEY,), count)
        return allowed
