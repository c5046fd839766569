"""Spans and metrics: one trace from the hint to the wipe, nothing that changes what is done, and wipes are never left out."""

import json
import logging
from collections.abc import Iterator, Mapping
from typing import NoReturn

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext

from handlers import events
from shared import bootstrap, tracing
from shared.domain.policy import Mode
from shared.domain.states import CaseState
from shared.errors import RetryLater
from shared.names import CASE_STEPS
from shared.remedy.messages import StepDue, read_step, write_step
from shared.telemetry import event
from shared.tracing import End, span
from tests.fakes import story
from tests.fakes.traced import Traced, traced
from tests.fakes.world import World
from tests.handlers.arguments import message

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"
log = logging.getLogger(__name__)


@pytest.fixture
def kept() -> Iterator[Traced]:
    with traced() as kept:
        yield kept


@pytest.fixture
def world() -> Iterator[World]:
    made = World(Mode.AUTO)
    bootstrap.install(made.services)
    yield made
    bootstrap.install(None)


def context(span: ReadableSpan) -> SpanContext:
    found = span.get_span_context()
    assert found is not None
    return found


async def play(world: World) -> World:
    await world.hear_of_device()
    await world.live()
    assert (await world.case()).state is CaseState.PROVEN
    return world


async def test_one_trace_leads_from_the_hint_over_every_step_to_the_wipe(kept: Traced) -> None:
    await play(World(Mode.AUTO))
    names = [each.name for each in kept.spans]
    to_the_wipe = kept.spans[: names.index("wipe") + 1]
    assert {each.name for each in to_the_wipe} == {"hint", "case.step", "wipe.step", "wipe"}
    assert to_the_wipe[0].name == "hint" and to_the_wipe[0].parent is None
    assert len({context(each).trace_id for each in to_the_wipe}) == 1
    by_id = {context(each).span_id for each in kept.spans}
    assert all(each.parent.span_id in by_id for each in to_the_wipe[1:] if each.parent is not None)
    assert all(each.parent is not None for each in to_the_wipe[1:])


async def test_every_step_says_its_case_its_state_its_reason_and_its_attempt(kept: Traced) -> None:
    await play(World(Mode.AUTO))
    steps = kept.named("case.step", "wipe.step", "case.seen_back")
    for each in steps:
        assert each.attributes is not None
        assert each.attributes["handover.case"] == story.CASE_ID
        if "handover.state" in each.attributes:  # not on a message that came too late
            assert {"handover.reason", "handover.attempt"} <= set(each.attributes)
    told = [str((each.attributes or {}).get("handover.state")) for each in steps]
    assert {"wipe_intended", "awaiting_return"} <= set(told)
    (wipe,) = kept.named("wipe")
    assert wipe.attributes is not None
    assert wipe.attributes["handover.outcome"] == "accepted"
    assert wipe.attributes["handover.attempt"] == 1


async def test_the_metrics_of_the_story_are_counted(kept: Traced) -> None:
    world = World(Mode.AUTO)
    await world.services.park(CASE_STEPS, "?", "not a step")
    await play(world)
    metrics = kept.metrics()
    assert metrics["handover.wipes"] == {("accepted",): 1}
    assert metrics["handover.parked"] == {(CASE_STEPS,): 1}
    assert 0 < metrics["handover.time_to_proof"][()] < 24 * 30


async def test_a_wipe_that_is_held_is_counted_by_its_reason(kept: Traced) -> None:
    world = World(Mode.AUTO, wipes_per_hour=0)
    await world.hear_of_device()
    await world.live(until=world.clock.now().replace(year=2027))
    assert kept.metrics()["handover.holds"][("wipe_budget_spent",)] >= 1
    assert "handover.wipes" not in kept.metrics()


def test_requests_to_graph_are_counted_and_those_that_it_throttled(kept: Traced) -> None:
    for status in (200, 200, 429, 503):
        bootstrap._count("devices.read", status)  # pyright: ignore[reportPrivateUsage]  # what Graph's client calls
    metrics = kept.metrics()
    assert metrics["handover.graph.requests"] == {
        ("devices.read", 200): 2,
        ("devices.read", 429): 1,
        ("devices.read", 503): 1,
    }
    assert metrics["handover.graph.throttled"] == {("devices.read",): 1}


async def test_nothing_but_wipes_is_kept_at_a_ratio_of_zero_and_their_trace_is_still_one() -> None:
    with traced(ratio=0) as kept:
        await play(World(Mode.AUTO))
    assert [each.name for each in kept.spans] == ["wipe.step", "wipe"]
    assert len({context(each).trace_id for each in kept.spans}) == 1
    assert kept.metrics()["handover.wipes"] == {("accepted",): 1}


async def test_a_story_is_the_same_whether_it_is_traced_or_not(kept: Traced) -> None:
    with_spans = await play(World(Mode.AUTO))
    tracing.use(None)
    without = await play(World(Mode.AUTO))
    assert await with_spans.states() == await without.states()
    assert with_spans.graph_writes() == without.graph_writes()


class Broken:
    """A tracer that fails whatever it is asked."""

    def begin(self, name: str, parent: str | None, facts: Mapping[str, object]) -> End:
        raise RuntimeError(name)

    def note(self, facts: Mapping[str, object]) -> None:
        raise RuntimeError

    def told(self, name: str, fields: Mapping[str, object]) -> None:
        raise RuntimeError(name)

    def traceparent(self) -> str | None:
        raise RuntimeError


class BreaksAtTheEnd(Broken):
    def begin(self, name: str, parent: str | None, facts: Mapping[str, object]) -> End:
        def end(error: BaseException | None) -> NoReturn:
            raise RuntimeError(name)

        return end


@pytest.mark.parametrize("broken", [Broken(), BreaksAtTheEnd()])
async def test_a_tracer_that_fails_changes_nothing(kept: Traced, broken: Broken) -> None:
    tracing.use(broken)
    await play(World(Mode.AUTO))
    with pytest.raises(RetryLater), span("a step"):
        raise RetryLater("Graph is busy")


def test_a_step_carries_the_span_that_sent_it_and_is_the_same_step_with_it_or_without() -> None:
    step = StepDue(case_id="device-1", version=7, traceparent=PARENT)
    assert json.loads(write_step(step)) == {"v": 1, "case": "device-1", "version": 7, "traceparent": PARENT}
    assert read_step(write_step(step)).traceparent == PARENT
    assert step == StepDue(case_id="device-1", version=7)


UNUSABLE = [
    None,
    7,
    "",
    "guessed",
    PARENT.upper(),
    PARENT + "\n",
    PARENT + "-00",
    f"01-{TRACE}-{SPAN}-01",
    f"00-{'0' * 32}-{SPAN}-01",
    f"00-{TRACE}-{'0' * 16}-01",
    [PARENT],
]


@pytest.mark.parametrize("carried", UNUSABLE)
def test_a_step_whose_traceparent_is_malformed_is_taken_without_it(carried: object) -> None:
    body = json.dumps({"v": 1, "case": "device-1", "version": 7, "traceparent": carried})
    assert read_step(body) == StepDue(case_id="device-1", version=7)
    assert read_step(body).traceparent is None


def device_event(**more: object) -> str:
    data = {"serialNumber": story.SERIAL_NUMBER}
    known = {"specversion": "1.0", "id": "1", "source": "/itsm", "type": "device.noncompliant", "data": data}
    return json.dumps(known | more)


async def test_the_trace_of_a_cloud_event_goes_on_in_its_case(kept: Traced, world: World) -> None:
    await events.take_device_event(message(device_event(traceparent=PARENT)))
    await world.live(until=world.clock.now())
    assert [each.name for each in kept.spans[:3]] == ["device_event", "hint", "case.step"]
    assert {context(each).trace_id for each in kept.spans[:3]} == {int(TRACE, 16)}
    assert kept.spans[0].parent is not None and kept.spans[0].parent.span_id == int(SPAN, 16)


@pytest.mark.parametrize("carried", UNUSABLE)
async def test_a_cloud_event_whose_traceparent_is_malformed_is_taken_all_the_same(
    kept: Traced, world: World, carried: object
) -> None:
    await events.take_device_event(message(device_event(traceparent=carried)))
    assert (await world.case()).state is CaseState.OPENED
    assert kept.spans[0].parent is None


def test_a_span_that_ends_by_an_error_names_its_kind_and_never_its_text(kept: Traced) -> None:
    with pytest.raises(RetryLater), span("a step", case="device-1"):
        raise RetryLater("ada@contoso.example is busy")
    (only,) = kept.spans
    assert only.attributes == {"handover.case": "device-1", "error.type": "RetryLater", "_MS.sampleRate": 100.0}
    assert "ada@" not in only.to_json()


def test_what_is_logged_below_the_level_of_a_logger_is_counted_all_the_same(kept: Traced) -> None:
    log.setLevel(logging.CRITICAL)
    event(log, "input.parked", source="hints", reason="?")
    assert kept.metrics()["handover.parked"] == {("hints",): 1}
