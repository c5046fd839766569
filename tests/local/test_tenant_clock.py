"""The tenant's clock, its seed, and the purity that a deterministic simulator needs."""

import ast
import random
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from local.tenant.model.clock import SimClock
from local.tenant.model.ids import Ids
from tests.local.simulated_tenant import HOUR, MINUTE, bind_and_wipe, license_owner, story

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
MODEL = Path(__file__).parents[2] / "local" / "tenant" / "model"
IMPURE = {
    "asyncio",
    "httpx",
    "starlette",
    "uvicorn",
    "time",
    "secrets",
    "uuid4",
    "threading",
    "os",
    "socket",
    "pydantic",
}


def test_the_clock_stands_still_until_it_is_moved() -> None:
    clock = SimClock(START)
    ran: list[datetime] = []
    clock.schedule(START + MINUTE, lambda: ran.append(clock.now()))
    assert clock.now() == START
    assert not ran


def test_due_actions_run_in_time_order_each_at_its_own_time() -> None:
    clock = SimClock(START)
    ran: list[tuple[str, datetime]] = []
    clock.schedule(START + 2 * MINUTE, lambda: ran.append(("second", clock.now())))
    clock.schedule(START + MINUTE, lambda: ran.append(("first", clock.now())))
    clock.schedule(START + 2 * MINUTE, lambda: ran.append(("third", clock.now())))
    clock.schedule(START + HOUR, lambda: ran.append(("too late", clock.now())))
    clock.advance_to(START + 10 * MINUTE)
    assert ran == [("first", START + MINUTE), ("second", START + 2 * MINUTE), ("third", START + 2 * MINUTE)]
    assert clock.now() == START + 10 * MINUTE
    assert clock.next_at() == START + HOUR


def test_what_an_action_schedules_within_the_move_runs_too() -> None:
    clock = SimClock(START)
    ran: list[datetime] = []
    clock.schedule(START + MINUTE, lambda: clock.after(MINUTE, lambda: ran.append(clock.now())))
    clock.advance(5 * MINUTE)
    assert ran == [START + 2 * MINUTE]


def test_the_clock_never_goes_back() -> None:
    clock = SimClock(START)
    clock.advance_to(START - HOUR)
    assert clock.now() == START


def test_a_start_without_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="timezone-aware"):
        SimClock(datetime(2026, 3, 2, 8))  # noqa: DTZ001  # the very thing that is refused


def _what_happens(seed: int) -> tuple[object, ...]:
    model = story(seed=seed)
    license_owner(model)
    bind_and_wipe(model)
    model.clock.advance(4 * HOUR)
    return tuple(model.managed_devices.store.values()), tuple(model.users.store.values())


def test_a_seed_always_gives_the_same_tenant() -> None:
    assert _what_happens(7) == _what_happens(7)
    assert _what_happens(7) != _what_happens(8)


@pytest.mark.parametrize("file", sorted(MODEL.glob("*.py")), ids=lambda file: file.stem)
def test_the_model_knows_no_network_no_event_loop_and_no_wall_clock(file: Path) -> None:
    tree = ast.parse(file.read_text("utf-8"))
    imported = {
        alias.name.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            imported |= {node.module.partition(".")[0], *(alias.name for alias in node.names)}
            assert not node.module.startswith("local.tenant") or node.module.startswith("local.tenant.model")
    assert not imported & IMPURE
    asked = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not asked & {"utcnow", "today", "uuid4", "monotonic"}


def test_a_guid_is_the_one_that_the_same_chance_would_give_anybody() -> None:
    ids, same = Ids(random.Random(1)), random.Random(1)
    for _ in range(200):
        assert ids.guid() == str(UUID(int=same.getrandbits(128), version=4))
