"""The journal alone is enough to tell what a case is and how it came to be so."""

import json

from shared.domain.states import CaseState
from shared.names import CASES
from shared.records.cases import changed_fields
from tests.fakes import story
from tests.fakes.world import World


async def test_the_whole_story_can_be_replayed_from_its_journal() -> None:
    world = World()
    await world.hear_of_device()
    await world.live()

    case = await world.case()
    assert case.state is CaseState.PROVEN
    assert await world.cases.replayed(case.id) == case


async def test_each_entry_holds_what_it_changed_and_nothing_else() -> None:
    world = World()
    await world.hear_of_device()
    await world.live()

    rows = [row async for row in world.rows.scan(CASES, story.CASE_ID, key_prefix="journal-")]
    changes = [json.loads(str(row.data.get("changes", "{}"))) for row in rows]
    assert changes[0]["id"] == story.CASE_ID
    assert all("version" in one for one in changes if one)
    assert not any("id" in one or "opened_at" in one for one in changes[1:])


async def test_a_case_without_a_journal_cannot_be_replayed() -> None:
    assert await World().cases.replayed("device-nobody") is None


def test_nothing_changes_between_a_case_and_itself() -> None:
    world = World()
    case = story.case_in(CaseState.WATCHING, world.policy, story.START)

    assert changed_fields(case, case) == "{}"
    assert json.loads(changed_fields(None, case))["state"] == "watching"
