"""Whatever is thrown at the doors: no error of ours, nothing asked of Graph outside a short list of URLs, memory bounded."""

import json
import logging
import os
import random
import re
import tracemalloc
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers import events, intune_logs, notifications
from shared.bootstrap import build, install
from shared.domain.hint import Hint, Subject
from shared.errors import BadInput
from shared.intake.messages import read_hints
from shared.intake.notifications import MOST_BYTES, Expected, read_notifications
from shared.names import DEVICE_EVENTS, HINTS
from shared.records.subscriptions import KeptSubscription, SubscriptionBook
from tests.clients.graph_wire import BASE, always, error, graph_over
from tests.fakes import story
from tests.fakes.world import World
from tests.handlers.arguments import answer, message, notification, posted, request
from tests.unit.test_intune_logs import batch

GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
EXPECTED = Expected(
    tenant_id=story.TENANT_ID,
    client_states=(story.CLIENT_STATE.encode(),),
    subscription_ids=frozenset({story.SUBSCRIPTION_ID.lower()}),
)


async def world_with_a_subscription() -> World:
    world = World()
    now = world.clock.now()
    await SubscriptionBook(world.rows, world.ids).keep(
        KeptSubscription(resource="users", id=story.SUBSCRIPTION_ID, expires_at=now, renewed_at=now)
    )
    return world


@pytest.fixture
async def world() -> Any:
    made = await world_with_a_subscription()
    install(made.services)
    yield made
    install(None)


# --- resources

PIECES = [
    "users", "Users", "groups", "GROUPS", "devices", "me", "https://evil.example", "//evil.example", "http://169.254.169.254",
    "file:///etc/passwd", "..", ".", "%2e%2e", "%00", "\x00", "\n", "\r\n", " ", "\t", "#", "?", "?$expand=manager", "&", ";", "@",
    "@evil.example", ":443", "('", "')", "'", '"', "`", "\\", "{id}", "${7*7}", "members", "owners", "$ref", "$batch", "microsoft.graph.wipe",
    "deviceManagement", "managedDevices", "wipe", "Ⅷ", "ｕsers", "\u202e", "\ud800", "\U0001f600", "0" * 4000, "-", "null", "",
    story.OWNER_ID, story.OWNER_ID.upper(), story.OWNER_ID[:-1], story.OWNER_ID + "0", "{" + story.OWNER_ID + "}",
]  # fmt: skip


def resources(count: int) -> Iterator[str]:
    """The same ones in every run: pieces of the above in any order, with and without slashes."""
    chance = random.Random(20)  # for a test
    for _ in range(count):
        parts = chance.choices(PIECES, k=chance.randrange(1, 7))
        if chance.random() < 0.3:
            parts[:0] = [chance.choice(["users", "Groups"]), story.OWNER_ID]
        yield chance.choice(["/", "", "//"]).join(parts)


async def test_of_100_000_resources_each_is_a_guid_of_a_user_or_a_group_or_is_discarded() -> None:
    found = list[Hint]()
    for resource in resources(100_000):
        body = json.dumps({"value": [notification(resource=resource)]}).encode()
        received = read_notifications(body, EXPECTED, story.START)
        assert len(received.hints) + sum(received.discarded.values()) == 1
        for hint in received.hints:
            found.append(hint)
            assert hint.subject in (Subject.USER, Subject.GROUP)
            assert GUID.fullmatch(hint.key)
            assert resource.lower().startswith(("users", "groups"))
            assert not set(resource) & set(":?#%@&;\\\n\r\x00 ")
    assert 10 < len(found) < 10_000, "some must get through, or this tests nothing"
    await nothing_else_is_asked_of_graph(found)


# --- bodies

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(PIECES),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
MUTATED = st.dictionaries(
    st.sampled_from([*notification(), "lifecycleEvent", "encryptedContent", "id"]), VALUES, max_size=4
)
ITEMS = st.lists(MUTATED.map(lambda fields: {**notification(), **fields}) | VALUES, max_size=6)
BODIES = (
    ITEMS.map(lambda items: json.dumps({"value": items}).encode())
    | VALUES.map(lambda value: json.dumps(value).encode())
    | st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
)


def mangled(body: bytes, chance: random.Random) -> bytes:
    """Some bytes changed, cut out, put in or doubled."""
    given = bytearray(body)
    for _ in range(chance.randrange(1, 5)):
        start = chance.randrange(len(given) + 1)
        end = start + chance.randrange(1, 12)
        match chance.randrange(5):
            case 0:
                given[start:end] = b""
            case 1:
                given[start:start] = chance.randbytes(3)
            case 2:
                given[start:end] = chance.choice(
                    [b"null", b"[", b"]", b"{", b"}", b'"', b",", b":", b"\\ud800", b"1e999"]
                )
            case 3:
                given[start : start + 1] = chance.choice("0123456789abcdef").encode()
            case _:
                given[start:start] = given[start : start + 300]
    return bytes(given)


GENUINE = [file.read_bytes() for file in sorted((Path(__file__).parents[1] / "payloads").glob("*.json"))]


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def test_100_000_mangled_bodies_meet_no_error_of_ours_and_leave_nothing_behind(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)  # pytest would keep every line
    chance = random.Random(21)  # for a test
    answers, found = Counter[int](), dict[tuple[Subject, str], Hint]()
    held = 0
    for number in range(100_000):
        body = mangled(chance.choice(GENUINE), chance)
        answers[(await notifications.receive(request(body))).status_code] += 1
        if number % 1_000 == 0:
            found |= {(hint.subject, hint.key): hint for hint in hints_of(world)}
            world.clock.move(timedelta(minutes=1))
            held = held or (resident_bytes() if number else 0)
    found |= {(hint.subject, hint.key): hint for hint in hints_of(world)}
    assert set(answers) == {202, 400}
    assert min(answers.values()) > 5_000
    assert resident_bytes() - held < 30_000_000
    assert all(GUID.fullmatch(hint.key) for hint in found.values())
    assert len(found) > 100, "some must get through, or this tests nothing"
    await nothing_else_is_asked_of_graph(list(found.values()))


def hints_of(world: World) -> list[Hint]:
    """What was stored, taken off the queue."""
    bodies = [waiting.body for waiting in world.messages.queues[HINTS]]
    world.messages.queues[HINTS].clear()
    return [hint for body in bodies for hint in read_hints(body)]


@settings(max_examples=400, deadline=None)
@given(BODIES)
def test_no_body_is_more_than_bad_input(body: bytes) -> None:
    try:
        received = read_notifications(body, EXPECTED, story.START)
    except BadInput:
        return
    assert all(GUID.fullmatch(hint.key) for hint in received.hints)


@settings(max_examples=150, deadline=None)
@given(st.lists(BODIES, min_size=1, max_size=5), st.sampled_from(["application/json", "text/json", "", "ü"]))
async def test_the_webhook_answers_everything_with_what_graph_expects(bodies: list[bytes], kind: str) -> None:
    world = await world_with_a_subscription()
    install(world.services)
    try:
        for body in bodies:
            given_answer = answer(await notifications.receive(request(body, headers={"content-type": kind})))
            assert given_answer.status in (202, 400, 413, 415)
        for waiting in world.messages.queues[HINTS]:
            assert all(GUID.fullmatch(hint.key) for hint in read_hints(waiting.body))
    finally:
        install(None)


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=1100) | st.sampled_from(PIECES))
async def test_any_token_comes_back_as_it_is_or_is_refused(token: str) -> None:
    given_answer = answer(await notifications.receive(request(query={"validationToken": token}, headers={})))
    assert given_answer.status in (200, 400)
    if given_answer.status == 200:
        assert given_answer.body == token.encode()
        assert ("content-type", "text/plain; charset=utf-8") in [(n.lower(), v) for n, v in given_answer.headers]


HEAVY = {
    "brackets": b"[" * (MOST_BYTES - 1),
    "many items": b'{"value": [' + b"1," * (MOST_BYTES // 2 - 10) + b"1]}",
    "many objects": b'{"value": [' + b"{}," * (MOST_BYTES // 3 - 10) + b"{}]}",
    "a long text": b'{"value": ["' + b"x" * (MOST_BYTES - 20) + b'"]}',
    "a long number": b'{"value": [' + b"1" * (MOST_BYTES - 20) + b"]}",
    "many keys": b"{" + b",".join(b'"%06d":0' % number for number in range(90_000)) + b"}",
    "escapes": b'{"value": ["' + b"\\u0000" * (MOST_BYTES // 6 - 10) + b'"]}',
    "larger than allowed": b"x" * (2 * MOST_BYTES),
}


@pytest.mark.parametrize("body", HEAVY.values(), ids=HEAVY)
async def test_the_heaviest_bodies_need_little_memory(world: World, body: bytes) -> None:
    tracemalloc.start()
    try:
        assert (await notifications.receive(request(body))).status_code in (202, 400, 413)
        assert tracemalloc.get_traced_memory()[1] < 64_000_000
    finally:
        tracemalloc.stop()


async def test_after_a_flood_nothing_is_held_on_to(world: World) -> None:
    tracemalloc.start()
    try:
        for number in range(200):
            users = [f"{number:08x}-0000-4000-8000-{each:012}" for each in range(100)]
            assert (await notifications.receive(posted(*map(notification, users)))).status_code == 202
            world.clock.move(timedelta(seconds=1))
            world.messages.queues[HINTS].clear()
        assert tracemalloc.get_traced_memory()[0] < 40_000_000
    finally:
        tracemalloc.stop()


# --- what is asked of Graph

_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_SERIAL = r"[A-Za-z0-9._-](?:[A-Za-z0-9 ._-]{0,62}[A-Za-z0-9._-])?"
_DEVICES = r"/v1\.0/deviceManagement/managedDevices\?\$select=[A-Za-z,]+&\$filter="
_REGISTRATIONS = r"/beta/deviceManagement/windowsAutopilotDeviceIdentities"
ALLOWED = [
    re.compile(rf"{_DEVICES}serialNumber eq '{_SERIAL}'"),
    re.compile(rf"{_DEVICES}azureADDeviceId eq '{_ID}'"),
    re.compile(rf"{_REGISTRATIONS}\?\$filter=contains\(serialNumber,'{_SERIAL}'\)"),
    re.compile(rf"{_REGISTRATIONS}/{_ID}\?\$expand=deploymentProfile"),
]
KEYS: list[object] = [
    *PIECES, story.SERIAL_NUMBER, "O'Brien", "x' or 1 eq 1 or 'x", "a b.c_d-e", " 5CG ", "*", "a" * 64, "A" * 65, "..", "../wipe",
    "5CG/../../users", "5CG?$select=id", "5CG&$top=999", "5CG#", "5CG%27", 5, None, [], {}, story.DEVICE_ID, story.ENTRA_DEVICE_ID,
]  # fmt: skip


def anything(chance: random.Random) -> str:
    """A device event that is nearly right."""
    names = ("managedDeviceId", "entraDeviceId", "serialNumber", "userId", "userPrincipalName")
    data = {name: chance.choice(KEYS) for name in chance.sample(names, chance.randrange(1, 4))}
    kind = chance.choice(["device.noncompliant", "device.user-assigned", "user.licence-changed", "device.exploded"])
    return json.dumps({"specversion": "1.0", "id": "1", "source": "/itsm", "type": kind, "data": data})


def hints_message(chance: random.Random) -> str:
    one = {
        "subject": chance.choice([*(subject.value for subject in Subject), "planet"]),
        "key": chance.choice(KEYS),
        "cause": "noncompliant",
        "source": "graph",
        "at": story.START.isoformat(),
    }
    return json.dumps({"v": 1, "hints": [one]})


def log_record(chance: random.Random) -> dict[str, object]:
    name, ids = "assignUserToDevice WindowsAutopilotDeviceIdentity", chance.choices(KEYS, k=3)
    return {
        "category": "AuditLogs",
        "operationName": name,
        "resultType": "Success",
        "tenantId": story.TENANT_ID,
        "properties": {"TargetObjectIds": ids},
    }


def nothing_there(request: httpx.Request) -> httpx.Response:
    """A tenant in which nobody has anything."""
    one = re.fullmatch(r".*/windowsAutopilotDeviceIdentities/[^/]+", request.url.path)
    return (error(404, "NotFound") if one else always(200, {"value": []}))(request)


async def nothing_else_is_asked_of_graph(hints: Sequence[Hint]) -> None:
    """Whatever the hints name, it is looked for by the URLs of the list alone, or not at all."""
    world = await world_with_a_subscription()
    async with graph_over(nothing_there) as (graph, wire):
        ports = replace(world.ports(), devices=graph.devices, directory=graph.directory, autopilot=graph.autopilot)
        take = build(world.settings, ports).take_hint
        for hint in hints:
            await take.open_or_wake(hint)
    asked = {unquote(target) for target in wire.targets}
    assert [target for target in sorted(asked) if not any(allowed.fullmatch(target) for allowed in ALLOWED)] == []


async def test_nothing_is_asked_of_graph_but_by_the_urls_of_the_list() -> None:
    chance = random.Random(7)  # for a test
    world = await world_with_a_subscription()
    async with graph_over(nothing_there) as (graph, wire):
        ports = replace(world.ports(), devices=graph.devices, directory=graph.directory, autopilot=graph.autopilot)
        install(build(world.settings, ports))
        try:
            for number in range(1_500):
                world.clock.move(timedelta(minutes=2))  # so that each is looked for, however often it came before
                await events.take_device_event(message(anything(chance)))
                await events.take_hints(message(hints_message(chance)))
                if number % 10 == 0:
                    await intune_logs.take_intune_logs(batch(log_record(chance)))
                for queue in (HINTS, DEVICE_EVENTS):
                    for body in world.messages.take(queue):
                        await (events.take_hints if queue == HINTS else events.take_device_event)(message(body))
        finally:
            install(None)
    assert len(wire.requests) > 200
    assert {request.method for request in wire.requests} == {"GET"}
    assert {request.url.copy_with(path="/", query=None) for request in wire.requests} == {httpx.URL(BASE + "/")}
    asked = {unquote(target) for target in wire.targets}
    assert [target for target in sorted(asked) if not any(allowed.fullmatch(target) for allowed in ALLOWED)] == []
