"""Group memberships of users and devices, and recovery keys: what cannot be read is never a no."""

import pytest

from shared.domain.facts import MISSING
from shared.errors import AccessDenied, RetryLater, Unexpected
from tests.clients.graph_wire import DEVICE, USER, always, error, graph_over, in_turn, page

GROUP, OTHER_GROUP = "66666666-0000-4000-8000-00000000000a", "66666666-0000-4000-8000-00000000000B"
OBJECT = "77777777-0000-4000-8000-000000000001"


async def test_the_groups_of_a_user_are_those_that_were_asked_about_and_found() -> None:
    stranger = "66666666-0000-4000-8000-00000000000c"
    async with graph_over(always(200, {"value": [GROUP.upper(), stranger]})) as (graph, wire):
        assert await graph.directory.groups_of_user(USER, (GROUP, OTHER_GROUP)) == {GROUP}
    assert wire.targets == [f"/v1.0/users/{USER}/checkMemberGroups"]
    assert wire.bodies == [{"groupIds": [GROUP, OTHER_GROUP]}]


async def test_the_groups_of_a_device_are_asked_of_its_directory_object() -> None:
    answers = in_turn(page({"id": OBJECT, "deviceId": DEVICE.upper()}), always(200, {"value": [OTHER_GROUP]}))
    async with graph_over(answers) as (graph, wire):
        assert await graph.directory.groups_of_device(DEVICE, (OTHER_GROUP,)) == {OTHER_GROUP.lower()}
    assert wire.targets == [
        f"/v1.0/devices?$filter=deviceId%20eq%20'{DEVICE}'&$select=id,deviceId",
        f"/v1.0/devices/{OBJECT}/checkMemberGroups",
    ]


@pytest.mark.parametrize(
    "objects",
    [
        (),
        ({"id": OBJECT, "deviceId": USER},),
        ({"id": OBJECT, "deviceId": DEVICE}, {"id": "another", "deviceId": DEVICE}),
    ],
    ids=["none", "another device", "two"],
)
async def test_a_device_that_is_not_exactly_one_object_has_no_known_groups(objects: tuple[object, ...]) -> None:
    async with graph_over(in_turn(page(*objects))) as (graph, _):
        assert await graph.directory.groups_of_device(DEVICE, (GROUP,)) is MISSING


async def test_a_device_object_that_is_listed_twice_is_one() -> None:
    row = {"id": OBJECT, "deviceId": DEVICE}
    async with graph_over(in_turn(page(row, row), always(200, {"value": []}))) as (graph, _):
        assert await graph.directory.groups_of_device(DEVICE, (GROUP,)) == frozenset()


async def test_a_user_or_object_that_is_gone_has_no_known_groups() -> None:
    async with graph_over(error(404)) as (graph, _):
        assert await graph.directory.groups_of_user(USER, (GROUP,)) is MISSING
    async with graph_over(in_turn(page({"id": OBJECT, "deviceId": DEVICE}), error(404))) as (graph, _):
        assert await graph.directory.groups_of_device(DEVICE, (GROUP,)) is MISSING


@pytest.mark.parametrize(
    ("status", "raised"),
    [(403, AccessDenied), (401, AccessDenied), (429, RetryLater), (503, RetryLater), (400, Unexpected)],
)
async def test_a_refused_question_is_no_answer(status: int, raised: type[Exception]) -> None:
    async with graph_over(error(status)) as (graph, _):
        with pytest.raises(raised):
            await graph.directory.groups_of_user(USER, (GROUP,))
        with pytest.raises(raised):
            await graph.directory.groups_of_device(DEVICE, (GROUP,))
        with pytest.raises(raised):
            await graph.directory.recovery_keys(DEVICE)


@pytest.mark.parametrize("body", [{}, {"value": None}, {"value": [None]}, {"value": [{"id": GROUP}]}, b"<html>"])
async def test_an_answer_without_group_ids_is_no_answer(body: object) -> None:
    async with graph_over(always(200, body)) as (graph, _):
        with pytest.raises(RetryLater):
            await graph.directory.groups_of_user(USER, (GROUP,))


async def test_what_is_no_id_is_not_asked_about() -> None:
    async with graph_over(error(500)) as (graph, wire):
        assert await graph.directory.groups_of_user("a/b", (GROUP,)) is MISSING
        assert await graph.directory.groups_of_device("not-a-guid", (GROUP,)) is MISSING
        assert await graph.directory.recovery_keys("not-a-guid") == 0
    assert wire.requests == []


async def test_recovery_keys_are_counted_and_those_of_other_devices_are_not() -> None:
    keys = page({"id": "1", "deviceId": DEVICE}, {"id": "2", "deviceId": USER}, {"id": "3", "deviceId": DEVICE.upper()})
    async with graph_over(keys) as (graph, wire):
        assert await graph.directory.recovery_keys(DEVICE) == 2
    assert wire.targets == [f"/v1.0/informationProtection/bitlocker/recoveryKeys?$filter=deviceId%20eq%20'{DEVICE}'"]


async def test_the_devices_of_a_user_are_checked_again_and_newest_first() -> None:
    rows = page(
        {"id": "old", "userId": USER, "enrolledDateTime": "2026-01-01T00:00:00Z"},
        {"id": "strange", "userId": DEVICE, "enrolledDateTime": "2026-01-02T00:00:00Z"},
        {"id": "new", "userId": USER.upper(), "enrolledDateTime": "2026-01-03T00:00:00Z"},
    )
    async with graph_over(rows) as (graph, wire):
        assert [device.id for device in await graph.devices.of_user(USER)] == ["new", "old"]
        assert await graph.devices.of_user("a/b") == ()
    assert wire.requests[0].url.path == f"/v1.0/users/{USER}/managedDevices"
