"""The operators' channel in Teams: the URL of a workflow that takes Adaptive Cards. Whoever has the URL can post there."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from shared.domain.effects import Answer, Done, Refused
from shared.errors import RetryLater

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS = 3.0
READ_SECONDS = 10.0


class TeamsWorkflow:
    """The port Chat. Its errors never hold the URL."""

    def __init__(self, url: str | None, network: "httpx.AsyncBaseTransport | None" = None) -> None:
        """``url`` None refuses every card; ``network`` replaces the real one in tests."""
        self._url = url
        self._network = network

    async def post(self, card: Mapping[str, object]) -> Answer:
        """See the port. One request, no redirect; a workflow answers 202."""
        import httpx  # noqa: PLC0415  # only who posts pays for loading it

        if self._url is None:
            return Refused(code="no_workflow", message="HANDOVER_TEAMS_WEBHOOK is not set")
        timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
        try:
            async with httpx.AsyncClient(transport=self._network, timeout=timeout, follow_redirects=False) as client:
                answer = await client.post(self._url, json=dict(card), headers={"User-Agent": "handover"})
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RetryLater(f"teams.post: {type(error).__name__}") from None
        if answer.is_success:
            return Done()
        if answer.status_code in (408, 429) or answer.status_code >= 500:
            raise RetryLater(f"teams.post: answered {answer.status_code}")
        return Refused(code=f"http_{answer.status_code}", message="the workflow did not take the card")
