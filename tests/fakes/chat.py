"""The operators' chat in memory: every card that was posted, and answers other than Done when a test queues them."""

import asyncio
import json
from collections.abc import Mapping

from shared.domain.effects import Answer, Done


class FakeChat:
    """The port Chat. An exception in ``answers`` is raised; what is refused or raised is not in ``cards``."""

    def __init__(self) -> None:
        self.cards: list[str] = []
        self.answers: list[Answer | Exception] = []

    async def post(self, card: Mapping[str, object]) -> Answer:
        await asyncio.sleep(0)
        answer = self.answers.pop(0) if self.answers else Done()
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Done):
            self.cards.append(json.dumps(card, ensure_ascii=False))
        return answer
