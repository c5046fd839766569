"""When nothing is under way any more on a running stack, so that its clock may be moved."""

import asyncio
import time
from datetime import datetime

import httpx

from local.stack import Json, Stack

SETTLE_SECONDS_AT_MOST = 15
OVERDUE_SECONDS_AT_MOST = 2
"""A case that is due moves within moments; after this long its message is lost and the supervisor's turn has come."""
_LOOK_SECONDS = 0.002


async def settle(stack: Stack) -> None:
    """Wait until nothing is under way: no invocation, no visible message, no message or timer that is due."""
    if stack.own_process:
        await _settle_from_outside(stack)
        return
    give_up_at = time.monotonic() + SETTLE_SECONDS_AT_MOST
    while not await stack.is_quiet() and time.monotonic() < give_up_at:
        await asyncio.sleep(_LOOK_SECONDS)


async def ask(stack: Stack, path: str) -> Json:
    """GET from the host, through restarts."""
    for _ in range(200):
        try:
            answer = await stack.api.get(path)
            if answer.status_code == 200:
                return answer.json()
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.05)
    raise RuntimeError(f"the host does not answer {path}")


async def all_cases(stack: Stack) -> list[Json]:
    """Every open case and every one that ended this month, newest move first, from page to page."""
    page = await ask(stack, "/api/v1/cases?most=100")
    found: list[Json] = page["cases"]
    while page["next"] is not None:
        page = await ask(stack, f"/api/v1/cases?most=100&after={page['next']}")
        found += page["cases"]
    return sorted(found, key=lambda case: case["moved_at"], reverse=True)


async def _settle_from_outside(stack: Stack) -> None:
    """A host in its own process is idle twice in a row, has the tenant's time, and lists no case that is due."""
    quiet, began = 0, time.monotonic()
    while quiet < 2 and (waited := time.monotonic() - began) < SETTLE_SECONDS_AT_MOST:
        idle, due = await _under_way(stack)
        quiet = quiet + 1 if idle and (not due or waited > OVERDUE_SECONDS_AT_MOST) else 0
        await asyncio.sleep(0.01)


async def _under_way(stack: Stack) -> tuple[bool, bool]:
    """Whether the host is idle, and whether a case is due."""
    if not (await ask(stack, "/admin/host/status?idle"))["idle"]:
        return False, True
    followed = datetime.fromisoformat((await ask(stack, "/api/v1/status"))["time"])
    cases = await all_cases(stack)
    now = stack.clock.now()
    due = any(case["due_at"] is not None and datetime.fromisoformat(case["due_at"]) <= now for case in cases)
    return followed >= now, due
