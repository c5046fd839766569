"""A mailbox in memory: every mail that was handed over, and answers other than Done when a test queues them."""

import asyncio
from dataclasses import dataclass

from shared.domain.effects import Answer, Done


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMail:
    """One mail that was accepted."""

    to: str
    subject: str
    html: str


class FakeMail:
    """The port Mail. An exception in ``answers`` is raised; what is refused or raised is not in ``sent``."""

    def __init__(self) -> None:
        self.sent: list[SentMail] = []
        self.answers: list[Answer | Exception] = []

    async def send(self, *, to: str, subject: str, html: str) -> Answer:
        await asyncio.sleep(0)
        answer = self.answers.pop(0) if self.answers else Done()
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Done):
            self.sent.append(SentMail(to=to, subject=subject, html=html))
        return answer
