"""The timer trigger by a clock that the tests move: schedules, jumps, catching up, never two runs at once."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from local.host.app import load
from local.host.configuration import HostError
from local.host.host import Host
from local.host.invocations import Invoker, Tally
from local.host.timers import Schedule, TimerListener
from tests.local.hosting import calls, eventually, open_gate, running, write_app

START = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
HOURLY = """
@app.timer_trigger(arg_name="timer", schedule="%SCHEDULE%")
def tick(timer: func.TimerRequest) -> None:
    calls.append(timer.past_due)
"""
ENVIRON = {"SCHEDULE": "0 0 * * * *"}


class MovableClock:
    """A clock that stands still until it is moved."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def advance(self, **by: float) -> None:
        self.at += timedelta(**by)


async def ran(host: Host, times: int) -> None:
    """Wait for that many runs, and look long enough to see one too many."""
    await eventually(lambda: host.status().completed + host.status().failed == times)
    await asyncio.sleep(0.15)
    assert host.status().completed + host.status().failed == times
    assert host.status().running == 0


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("0 */5 * * * *", "2026-03-01T12:30:00Z", "2026-03-01T12:35:00Z"),
        ("*/5 * * * *", "2026-03-01T12:31:00Z", "2026-03-01T12:35:00Z"),
        ("30 0 9 * * 1-5", "2026-03-06T10:00:00Z", "2026-03-09T09:00:30Z"),
        ("0 0 0 1 * MON", "2026-03-01T12:30:00Z", "2026-06-01T00:00:00Z"),  # both day fields, unlike Unix cron
    ],
)
def test_an_ncrontab_expression_gives_its_next_time(expression: str, after: str, expected: str) -> None:
    found = Schedule(expression).after(datetime.fromisoformat(after))
    assert found == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    "expression",
    ["00:05:00", "* * * *", "0 0 25 * * *", "0 0 0 L * *", "0 0 0 * * 7", "0 0 0 * * Sunday", "0 0 0 ? * *"],
)
def test_an_expression_that_azure_refuses_is_refused(expression: str) -> None:
    with pytest.raises(HostError, match="schedule"):
        Schedule(expression)


def test_a_schedule_that_never_occurs_is_refused() -> None:
    with pytest.raises(HostError, match="never"):
        Schedule("0 0 0 30 2 *").after(START)


async def test_a_tick_runs_when_the_clock_reaches_it_and_not_before(tmp_path: Path) -> None:
    clock = MovableClock()
    async with running(write_app(tmp_path, HOURLY), now=clock, environ=ENVIRON) as (host, _):
        clock.advance(minutes=29)
        await ran(host, 0)
        clock.advance(minutes=1)
        await ran(host, 1)
        assert calls() == [False]


async def test_a_timer_that_is_told_that_the_clock_was_moved_does_not_sleep_on(tmp_path: Path) -> None:
    clock, tally = MovableClock(), Tally()
    with ThreadPoolExecutor(1) as threads:
        timer = TimerListener(
            load(write_app(tmp_path, HOURLY), ENVIRON)[0],
            now=clock,
            poll_seconds=3600,
            invoker=Invoker(send=_nowhere, tally=tally, threads=threads),
            state_dir=None,
        )
        task = asyncio.create_task(timer.run())
        await asyncio.sleep(0)  # it sleeps for half an hour now
        clock.advance(minutes=30)
        timer.look()
        await eventually(lambda: tally.completed == 1)
        timer.stop()
        await task


async def _nowhere(connection: str, queue: str, body: bytes) -> None:
    raise AssertionError(f"{connection} {queue} {body!r}")


async def test_a_jump_over_many_ticks_runs_once_past_due_and_goes_on_from_there(tmp_path: Path) -> None:
    clock = MovableClock()
    async with running(write_app(tmp_path, HOURLY), now=clock, environ=ENVIRON) as (host, _):
        clock.advance(days=5)
        assert host.status().running == 1, "a due timer counts as running, so that nobody believes the host idle"
        await ran(host, 1)
        assert calls() == [True]
        clock.advance(minutes=30)
        await ran(host, 2)
        assert calls() == [True, False]


async def test_a_timer_never_overlaps_itself_and_ticks_missed_meanwhile_are_dropped(tmp_path: Path) -> None:
    source = """
    @app.timer_trigger(arg_name="timer", schedule="0 0 * * * *")
    async def tick(timer: func.TimerRequest) -> None:
        calls.append("begun")
        await gate.wait()
    """
    clock = MovableClock()
    async with running(write_app(tmp_path, source), now=clock) as (host, client):
        clock.advance(hours=1)
        await eventually(lambda: calls() == ["begun"])
        by_hand = asyncio.create_task(client.post("/admin/functions/tick", json={}))
        clock.advance(hours=3)
        await asyncio.sleep(0.15)
        assert calls() == ["begun"]
        open_gate()
        assert (await by_hand).status_code == 202
        await ran(host, 2)


async def test_a_failure_is_swallowed_and_the_schedule_goes_on(tmp_path: Path) -> None:
    source = """
    @app.timer_trigger(arg_name="timer", schedule="0 0 * * * *")
    async def tick(timer: func.TimerRequest) -> None:
        raise RuntimeError
    """
    clock = MovableClock()
    async with running(write_app(tmp_path, source), now=clock) as (host, _):
        for runs in (1, 2):
            clock.advance(hours=1)
            await ran(host, runs)
        assert host.status().failed == 2


async def test_a_tick_missed_while_no_host_ran_is_caught_up_once(tmp_path: Path) -> None:
    app, state, clock = write_app(tmp_path, HOURLY), tmp_path / "state", MovableClock()
    async with running(app, now=clock, state_dir=state, environ=ENVIRON) as (host, _):
        clock.advance(hours=1)
        await ran(host, 1)
    clock.advance(hours=5)
    async with running(app, now=clock, state_dir=state, environ=ENVIRON) as (host, _):
        await ran(host, 1)
        assert calls() == [True]
    async with running(app, now=clock, state_dir=state, environ=ENVIRON) as (host, _):
        await ran(host, 0)


@pytest.mark.parametrize(
    ("reason", "environ", "state", "moved"),
    [
        ("another schedule", {"SCHEDULE": "0 30 * * * *"}, True, timedelta(hours=5)),
        ("a clock set back", ENVIRON, True, timedelta(days=-1)),
        ("nothing is remembered", ENVIRON, False, timedelta(hours=5)),
    ],
)
async def test_nothing_is_caught_up_without_a_status_that_fits(
    tmp_path: Path, reason: str, environ: dict[str, str], state: bool, moved: timedelta
) -> None:
    app, clock = write_app(tmp_path, HOURLY), MovableClock()
    state_dir = tmp_path / "state" if state else None
    async with running(app, now=clock, state_dir=state_dir, environ=ENVIRON) as (host, _):
        await ran(host, 0)
    clock.at += moved + timedelta(minutes=1)
    async with running(app, now=clock, state_dir=state_dir, environ=environ) as (host, _):
        await ran(host, 0)


async def test_a_schedule_of_many_ticks_a_minute_is_not_remembered(tmp_path: Path) -> None:
    app, state, clock = write_app(tmp_path, HOURLY), tmp_path / "state", MovableClock()
    async with running(app, now=clock, state_dir=state, environ={"SCHEDULE": "*/10 * * * * *"}) as (host, _):
        clock.advance(seconds=10)
        await ran(host, 1)
    assert not state.exists()


async def test_run_on_startup_runs_at_once(tmp_path: Path) -> None:
    app = write_app(tmp_path, HOURLY.replace('"%SCHEDULE%"', '"0 0 * * * *", run_on_startup=True'))
    async with running(app, now=MovableClock()) as (host, _):
        await ran(host, 1)
        assert calls() == [False]


async def test_without_a_given_clock_the_real_one_is_kept(tmp_path: Path) -> None:
    app = write_app(tmp_path, HOURLY)
    async with running(app, environ={"SCHEDULE": "* * * * * *"}) as (host, _):
        await eventually(lambda: host.status().completed == 1)
