"""The story in a tenant that nobody prepared: it is planned, applied, and then the story passes."""

import json
from pathlib import Path

from local.play import Player
from local.scenario_run import fresh_stack
from local.tenant.http.identity import Identities
from shared.clients.graph.connection import Endpoint, open_connection
from shared.clients.graph.transport import Transport
from tests.tenant_setup.desk import ADMIN, EVERYTHING, Desk, UserTokens

STORY = Path(__file__).parent / "the_story.json"


def unprepared(folder: Path) -> Path:
    """The story without a profile and a status page; the events come when the dynamic group has found the PC."""
    story = json.loads(STORY.read_text())
    story["tenant"] |= {"autopilot_profiles": [], "esp": []}
    story["devices"][0]["autopilot"] |= {"group_tag": "HANDOVER", "profile": "-"}
    for event, at in zip(story["timeline"], ("PT10M", "PT20M"), strict=True):
        event["at"] = at
    del story["expect"]["tenant"]["requests_for_device_at_most"]
    file = folder / "unprepared.json"
    file.write_text(json.dumps(story))
    return file


async def test_an_empty_tenant_is_made_ready_and_the_story_passes(tmp_path: Path, azurite_account: str) -> None:
    async with fresh_stack(unprepared(tmp_path), connection_string=azurite_account) as stack:
        model = stack.tenant.model
        token = Identities(model.organization.id, model.identities).user_token(ADMIN, EVERYTHING)
        connection = open_connection(Endpoint.of(stack.tenant.base_url), UserTokens(token))
        desk = Desk(model=model, transport=Transport(lambda: connection, model.clock, lambda _operation, _status: None))
        assert await desk.apply() == 7
        await desk.transport.close()
        moments: list[object] = []
        problems = await Player(stack=stack, watch=moments.append).play()
    assert problems == [], "\n".join(str(moment) for moment in moments)
