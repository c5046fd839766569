"""The simulation's own controls: the clock, what is due next, timeline items and their mistakes."""

import asyncio
import sys
from pathlib import Path

import httpx
import pytest

from tests.local.simulated_tenant import (
    HOUR,
    MINUTE,
    OWNER,
    SERIAL,
    STAGING,
    Json,
    bind_and_wipe,
    client_of,
    device,
    license_owner,
    machine,
    registration,
    story,
    wipe,
)


async def test_the_clock_is_shown_and_moved() -> None:
    async with client_of(story()) as client:
        assert (await client.http.get("/_sim/clock")).json() == {"now": "2026-03-02T08:00:00Z"}
        assert (await client.post("/_sim/clock", {"advance_seconds": 90})).json() == {"now": "2026-03-02T08:01:30Z"}
        assert (await client.post("/_sim/clock", {"to": "2026-03-02T12:00:00+02:00"})).json() == {
            "now": "2026-03-02T10:00:00Z"
        }


@pytest.mark.parametrize("body", [{}, {"advance_seconds": "soon"}, {"to": "tomorrow"}, []])
async def test_a_move_that_cannot_be_understood_says_how(body: object) -> None:
    async with client_of(story()) as client:
        answer = await client.post("/_sim/clock", body)
    assert answer.status_code == 400
    assert "advance_seconds" in answer.json()["error"]


async def test_what_is_due_next_is_known() -> None:
    model = story()
    async with client_of(model) as client:
        assert (await client.http.get("/_sim/next")).json() == {"at": None}
        license_owner(model)
        bind_and_wipe(model)
        assert (await client.http.get("/_sim/next")).json() == {"at": "2026-03-02T08:11:00Z"}


async def test_state_says_where_each_computer_is() -> None:
    model = story()
    license_owner(model)
    bind_and_wipe(model)
    model.clock.advance(HOUR)
    async with client_of(model) as client:
        (shown,) = (await client.http.get("/_sim/state")).json()["devices"]
    assert (shown["place"], shown["managed_device_id"], shown["autopilot_user"]) == ("oobe", None, OWNER)


@pytest.mark.parametrize(
    ("item", "error"),
    [
        ({"do": "compliance", "device": "nothing", "to": "compliant"}, "0 devices have the name or serial number"),
        ({"do": "compliance", "device": SERIAL, "to": "perfect"}, "to"),
        ({"do": "compliance", "device": SERIAL, "to": "compliant", "colour": "red"}, "colour: unknown key"),
        ({"do": "event", "type": "device.noncompliant"}, "nothing that the tenant does"),
        ({"do": "delete_user", "user": "nobody@contoso.example"}, "Request_ResourceNotFound"),
        ({"do": "add_to_group", "user": OWNER, "group": "no group"}, "no group is named"),
        ({"device": SERIAL}, "do"),
    ],
)
async def test_an_item_that_cannot_be_done_says_why(item: Json, error: str) -> None:
    async with client_of(story()) as client:
        answer = await client.post("/_sim/do", item)
    assert answer.status_code == 400
    assert error in answer.json()["error"]


REPOSITORY = Path(__file__).parents[2]
GROUPS = {"groups": [{"name": "Gets a device"}]}


async def test_every_item_of_the_tenant_can_be_done_at_any_time() -> None:
    model = story(tenant=GROUPS)
    items: list[Json] = [
        {"do": "compliance", "device": "PC-0427", "to": "inGracePeriod"},
        {"do": "offline", "device": SERIAL},
        {"do": "online", "device": SERIAL},
        {"do": "add_seats", "sku": "SPB", "seats": 3},
        {"do": "assign_licence", "user": OWNER, "sku": "SPB"},
        {"do": "remove_licence", "user": OWNER, "sku": "O365_BUSINESS_PREMIUM"},
        {"do": "set_usage_location", "user": OWNER, "to": "DE"},
        {"do": "add_to_group", "user": OWNER, "group": "Gets a device"},
        {"do": "remove_from_group", "user": OWNER, "group": "Gets a device"},
        {"do": "set_mdm_authority", "to": "office365"},
        {"do": "edit_profile", "profile": "Entra user-driven", "user_type": "administrator"},
        {"do": "expire_delta_tokens"},
        {"do": "drop_subscription", "resource": "users"},
        {"do": "replace_device", "device": "PC-0427", "serial": "NEW-BOARD"},
        {"do": "rename_user", "user": OWNER, "to": "new@contoso.example"},
        {"do": "disable_user", "user": "new@contoso.example"},
        {"do": "enable_user", "user": "new@contoso.example"},
        {"do": "delete_device", "device": "NEW-BOARD"},
        {"do": "register_autopilot", "device": "NEW-BOARD"},
        {"do": "re_enrol", "device": "NEW-BOARD", "user": STAGING},
        {"do": "sign_in", "device": "NEW-BOARD", "user": "new@contoso.example"},
        {"do": "assign_autopilot_user", "device": "NEW-BOARD", "user": STAGING},
        {"do": "assign_autopilot_user", "device": "NEW-BOARD", "user": None},
        {"do": "delete_user", "user": "new@contoso.example"},
    ]
    async with client_of(model) as client:
        for item in items:
            answer = await client.post("/_sim/do", item)
            assert answer.status_code == 204, (item, answer.text)
    assert device(model).upn == STAGING
    assert device(model).serial == "NEW-BOARD"
    assert (model.organization.mdm_authority, model.skus.by_part_number("SPB").seats) == ("office365", 13)
    assert model.profiles.named("Entra user-driven").user_type == "administrator"
    assert model.users.find(OWNER) is None


async def test_a_new_mainboard_changes_the_serial_number_and_asks_for_attention() -> None:
    model = story()
    before = registration(model)
    async with client_of(model) as client:
        await client.post("/_sim/do", {"do": "replace_device", "device": SERIAL, "serial": "NEW-BOARD"})
    after = model.autopilot.store.get(before.id)
    assert after is not None
    assert (after.serial, after.remediation_state) == (SERIAL, "manualRemediationRequired")
    assert device(model).serial == "NEW-BOARD"


def test_items_happen_at_their_time_or_after_their_anchor() -> None:
    model = story(
        timeline=[
            {"at": "PT1H", "do": "compliance", "device": SERIAL, "to": "compliant"},
            {"after": "wipe", "delay": "PT1M", "do": "offline", "device": SERIAL},
            {"at": "PT30M", "do": "event", "type": "of the runner", "anything": ["goes"]},
        ]
    )
    model.clock.advance(59 * MINUTE)
    assert device(model).compliance == "noncompliant"
    model.clock.advance(MINUTE)
    assert device(model).compliance == "compliant"
    license_owner(model)
    bind_and_wipe(model)
    assert machine(model).online
    model.clock.advance(MINUTE)
    assert not machine(model).online


def test_an_anchored_item_happens_once() -> None:
    model = story(timeline=[{"after": "wipe", "do": "offline", "device": SERIAL}])
    bind = wipe(model)
    assert not machine(model).online
    model.machines.set_online(SERIAL, True)
    assert wipe(model) == bind
    assert machine(model).online


async def _command(*arguments: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "local.tenant", "--port", "0", *arguments)
    return await asyncio.create_subprocess_exec(*command, cwd=REPOSITORY, stdout=pipe, stderr=pipe)


async def test_the_command_explains_a_scenario_that_cannot_be_used(tmp_path: Path) -> None:
    file = tmp_path / "broken.json"
    file.write_text('{"title": "x", "tennant": {}}', "utf-8")
    process = await _command("--scenario", str(file))
    _, error = await process.communicate()
    assert process.returncode == 1
    assert b"tennant: unknown key" in error


async def test_the_command_serves_says_what_a_client_needs_and_ends_when_told() -> None:
    process = await _command("--scenario", str(REPOSITORY / "tests" / "story" / "the_story.json"))
    assert process.stdout is not None
    first, *needs = [(await process.stdout.readline()).decode() for _ in range(4)]
    base_url = first.split()[2].rstrip(";")
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{base_url}/_sim/clock")).json() == {"now": "2026-03-02T08:00:00Z"}
    process.terminate()
    await process.communicate()
    assert process.returncode == 0
    names = [line.strip().partition("=")[0] for line in needs]
    assert names == ["GRAPH_BASE_URL", "IDENTITY_ENDPOINT", "IDENTITY_HEADER"]
