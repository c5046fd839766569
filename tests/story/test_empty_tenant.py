"""A tenant that nobody prepared: it is planned and applied; then the story passes, and a delivery of PCs becomes ready to go."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from local.play import Player
from local.scenario_run import fresh_stack
from local.stack import Stack
from local.tenant.http.identity import Identities
from shared.clients.graph.connection import Endpoint, open_connection
from shared.clients.graph.transport import Transport
from shared.clients.storage.connect import Storage
from shared.clients.system import RandomIds
from shared.domain.registration import Progress
from shared.tenant_setup.hardware_hashes import read_hashes
from shared.tenant_setup.register import Register, counted
from tests.tenant_setup.deliveries import a_hash
from tests.tenant_setup.desk import ADMIN, EVERYTHING, Desk, UserTokens

ANN = "ann@contoso.example"
OWNERS = {"5CG0000001": "DEF456@contoso.example", "5CG0000002": ANN}
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


def delivery(folder: Path) -> Path:
    """Two PCs in their boxes, registered with nobody yet, and the people who get them."""
    story = json.loads((STORY.parent / "ready_to_go.json").read_text())
    story["tenant"] |= {"autopilot_profiles": [], "esp": []}
    story["users"].append({"upn": ANN, "name": "Ann", "usage_location": "GB"})
    story["devices"] = [{"serial": serial, "name": serial, "enrolled_by": None, "autopilot": None} for serial in OWNERS]
    story["timeline"] = []
    story["expect"]["cases"] = [
        {"device": serial, "state": "ready_to_go", "reason": "ready_for_first_sign_in", "owner": owner}
        for serial, owner in OWNERS.items()
    ]
    story["expect"]["tenant"] |= {"autopilot_user": OWNERS}
    file = folder / "delivery.json"
    file.write_text(json.dumps(story))
    return file


@asynccontextmanager
async def desk_in(stack: Stack) -> AsyncGenerator[Desk]:
    """An administrator's desk at the tenant of a running stack."""
    model = stack.tenant.model
    token = Identities(model.organization.id, model.identities).user_token(ADMIN, EVERYTHING)
    connection = open_connection(Endpoint.of(stack.tenant.base_url), UserTokens(token))
    desk = Desk(model=model, transport=Transport(lambda: connection, model.clock, lambda _operation, _status: None))
    try:
        yield desk
    finally:
        await desk.transport.close()


async def test_an_empty_tenant_is_made_ready_and_the_story_passes(tmp_path: Path, azurite_account: str) -> None:
    async with fresh_stack(unprepared(tmp_path), connection_string=azurite_account) as stack:
        async with desk_in(stack) as desk:
            assert await desk.apply() == 7
        moments: list[object] = []
        problems = await Player(stack=stack, watch=moments.append).play()
    assert problems == [], "\n".join(str(moment) for moment in moments)


async def test_a_delivery_from_one_file_becomes_ready_to_go_with_licence_and_owner(
    tmp_path: Path, azurite_account: str
) -> None:
    lines = ["serial,hash,owner", *(f"{serial},{a_hash(len(owner))},{owner}" for serial, owner in OWNERS.items())]
    file = read_hashes("\n".join(lines).encode(), group_tag="HANDOVER")
    async with fresh_stack(delivery(tmp_path), connection_string=azurite_account) as stack, desk_in(stack) as desk:
        await desk.apply()
        storage = Storage(stack.settings)
        register = Register(
            registrations=desk.registrations,
            messages=stack.delayed(storage.messages),
            rows=storage.rows,
            clock=desk.clock,
            ids=RandomIds(),
            sleep=desk.sleep,
        )
        done = await register.run(file, who=ADMIN)
        await storage.close()
        assert counted(done) == {Progress.READY: 2}
        moments: list[object] = []
        problems = await Player(stack=stack, watch=moments.append).play()
    assert problems == [], "\n".join(str(moment) for moment in moments)
