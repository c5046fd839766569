"""Scenario files: short ones have sensible defaults, wrong ones are refused with the place and the reason."""

import json
from pathlib import Path

import pytest

from local.tenant.model.machines import Place
from local.tenant.populate import tenant_of
from local.tenant.scenario import ScenarioError, load, parse
from tests.local.simulated_tenant import OWNER, SERIAL, Json, device, machine, registration, story

STORIES = sorted((Path(__file__).parents[1] / "story").glob("*.json"))
USER = {"upn": OWNER}
DEVICE = {"serial": SERIAL}
MISTAKES: list[tuple[Json, str]] = [
    ({"tennant": {}}, "tennant: unknown key"),
    ({"devices": [DEVICE | {"serail": "x"}]}, "devices.0.serail: unknown key"),
    ({"devices": [{}]}, "devices.0.serial: Field required"),
    ({"devices": [DEVICE | {"enrolled_by": "nobody@x"}]}, "devices.0: 'nobody@x' is not in the scenario"),
    ({"devices": [DEVICE | {"autopilot": {"user": "nobody@x"}}]}, "devices.0: 'nobody@x' is not in the scenario"),
    ({"devices": [DEVICE, DEVICE]}, "devices: name must be unique"),
    ({"devices": [DEVICE | {"autopilot": {"profile": "None"}}]}, "devices.0.autopilot.profile: 'None'"),
    ({"users": [USER | {"licences": ["E3"]}]}, "users.0.licences: 'E3' is not in the scenario"),
    ({"users": [USER, USER]}, "users: upn must be unique"),
    ({"users": [USER | {"usage_location": "Britain"}]}, "users.0.usage_location"),
    ({"tenant": {"groups": [{"name": "g", "members": ["nobody@x"]}]}}, "tenant.groups.0.members"),
    ({"tenant": {"esp": [{"assigned_to": ["nobody"]}]}}, "tenant.esp.0.assigned_to"),
    ({"tenant": {"skus": [{"part": "SPC"}]}}, "tenant.skus.0.part: 'SPC' is not one of"),
    ({"tenant": {"delays": {"wipe": "soon"}}}, "tenant.delays.wipe"),
    (
        {"users": [USER | {"licences": ["SPB"]}], "tenant": {"skus": [{"part": "SPB", "used": 0}]}},
        "tenant.skus.0.used: 1 users",
    ),
    ({"timeline": [{"at": "PT1H", "do": "online", "device": "nothing"}]}, "timeline.0.device: 'nothing'"),
    ({"timeline": [{"after": "wiped", "do": "online", "device": "nothing"}]}, "timeline.0.device: 'nothing'"),
    ({"timeline": [{"do": "delete_user", "user": "nobody@x"}]}, "timeline.0.user: 'nobody@x'"),
    ({"timeline": [{"do": "add_seats", "sku": "E3", "seats": 1}]}, "timeline.0.sku: 'E3'"),
    (
        {"users": [USER], "timeline": [{"do": "add_to_group", "user": OWNER, "group": "g"}]},
        "timeline.0.group: 'g' is not in the scenario",
    ),
    ({"timeline": [{"do": "edit_profile", "profile": "p"}]}, "timeline.0.profile: 'p' is not in the scenario"),
    ({"timeline": [{"after": "wiped", "do": "expire_delta_tokens"}]}, "'after' needs an item about a device"),
    ({"timeline": [{"at": "PT1H", "after": "wipe", "do": "online", "device": SERIAL}]}, "exclude each other"),
    ({"faults": [{"on": "wpie", "kind": "status"}]}, "'wpie' is no operation of the tenant"),
]


def test_a_title_is_a_scenario() -> None:
    model = tenant_of(parse({"title": "empty"}))
    assert model.organization.mdm_authority == "intune"
    assert [sku.product.part_number for sku in model.skus.bought()] == ["SPB", "O365_BUSINESS_PREMIUM"]
    assert next(model.profiles.store.values()).usage == "singleUser"


def test_a_serial_number_is_a_device_at_oobe_that_autopilot_knows() -> None:
    model = tenant_of(parse({"title": "new PC", "devices": [DEVICE]}))
    assert machine(model).place is Place.OOBE
    assert registration(model).profile_status == "assignedInSync"
    assert len(model.managed_devices.store) == 0


def test_personal_and_foreign_devices_are_not_registered_by_default() -> None:
    devices = [
        DEVICE | {"ownership": "personal"},
        {"serial": "M-2", "os": "macOS"},
        {"serial": "W-3", "autopilot": None},
    ]
    assert len(tenant_of(parse({"title": "x", "devices": devices})).autopilot.store) == 0


def test_enrolment_and_check_in_may_be_written_as_durations_before_the_start() -> None:
    model = story(device={"enrolled_at": "-P30D", "last_sync": "-PT5H"})
    assert (model.clock.start - device(model).enrolled_at).days == 30
    assert (model.clock.start - device(model).checked_in_at).seconds == 5 * 3600


def test_seats_in_use_count_the_users_of_the_scenario_unless_said() -> None:
    users = [USER | {"licences": ["SPB"]}]
    assert tenant_of(parse({"title": "x", "users": users})).skus.by_part_number("SPB").consumed == 1
    skus = [{"part": "SPB", "seats": 9, "used": 7}]
    assert (
        tenant_of(parse({"title": "x", "users": users, "tenant": {"skus": skus}})).skus.by_part_number("SPB").free == 2
    )


@pytest.mark.parametrize("file", STORIES, ids=lambda file: file.stem)
def test_every_story_can_be_populated(file: Path) -> None:
    scenario = load(file)
    model = tenant_of(scenario)
    assert len(model.machines.store) == len(scenario.devices)


@pytest.mark.parametrize(("wrong", "says"), MISTAKES)
def test_a_mistake_is_refused_with_its_place(wrong: Json, says: str) -> None:
    with pytest.raises(ScenarioError) as error:
        tenant_of(parse({"title": "x", **wrong}, "file.json"))
    assert says in str(error.value)


def test_the_file_is_named_in_the_error(tmp_path: Path) -> None:
    file = tmp_path / "broken.json"
    for text, says in (("{", "not JSON"), (json.dumps({"title": "x", "colour": 1}), "colour: unknown key")):
        file.write_text(text, "utf-8")
        with pytest.raises(ScenarioError, match=says) as error:
            load(file)
        assert str(file) in str(error.value)
