"""Spans and metrics by OpenTelemetry. Imported only where HANDOVER_TELEMETRY asks for it."""

from collections.abc import Mapping, Sequence

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.metrics import MeterProvider
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult, TraceIdRatioBased
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, TraceFlags, TracerProvider, TraceState
from opentelemetry.trace.status import Status, StatusCode
from opentelemetry.util.types import Attributes

from shared.tracing import End

NAME = "handover"
WIPE = "handover.wipe"
"""The attribute of a span that is about a wipe."""
SAMPLE_RATE = "_MS.sampleRate"
"""By this Azure Monitor's exporter tells how many spans one stands for, in percent of all."""

_ON_THE_SPAN = {"case.moved": ("case", "state", "reason"), "wipe.answered": ("outcome",)}
"""Of what is logged within a span, what is said of the span; the last word counts."""
_HELD = frozenset({"cleared_to_wipe", "wipe_intended"})


class KeepWipes(Sampler):
    """Keeps every span of a wipe, and of the others this share of the traces: by the trace's id, so that all parts agree."""

    def __init__(self, ratio: float) -> None:
        self._others = TraceIdRatioBased(ratio)

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """As the base class says."""
        if attributes and attributes.get(WIPE):
            return SamplingResult(Decision.RECORD_AND_SAMPLE, {**attributes, SAMPLE_RATE: 100.0})
        found = self._others.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)
        return SamplingResult(found.decision, {**(attributes or {}), SAMPLE_RATE: 100.0 * self._others.rate})

    def get_description(self) -> str:
        """As the base class says."""
        return f"KeepWipes{{{self._others.rate}}}"


class OpenTelemetryTracer:
    """The port Tracer over these providers."""

    def __init__(self, tracers: TracerProvider, meters: MeterProvider) -> None:
        self._tracer = tracers.get_tracer(NAME)
        meter = meters.get_meter(NAME)
        self._wipes = meter.create_counter("handover.wipes", "{wipe}", "Wipes by their outcome")
        self._holds = meter.create_counter("handover.holds", "{hold}", "Looks at a cleared wipe that held it")
        self._parked = meter.create_counter("handover.parked", "{message}", "Messages that could not be used")
        self._requests = meter.create_counter("handover.graph.requests", "{request}", "Requests to Microsoft Graph")
        self._throttled = meter.create_counter("handover.graph.throttled", "{request}", "Of them, answered with 429")
        self._proof = meter.create_histogram("handover.time_to_proof", "h", "From the first hint to the proof")

    def begin(self, name: str, parent: str | None, facts: Mapping[str, object]) -> End:
        """See the port. The first span of a process is what takes a message; those within are steps of ours."""
        above = contexts.get_current() if parent is None else trace.set_span_in_context(_remote(parent))
        outermost = not trace.get_current_span().get_span_context().is_valid
        span = self._tracer.start_span(
            name,
            above,
            SpanKind.CONSUMER if outermost else SpanKind.INTERNAL,
            _attributes(facts),
        )
        token = contexts.attach(trace.set_span_in_context(span))

        def end(error: BaseException | None) -> None:
            if error is not None:  # its kind alone: a text could hold anything
                span.set_status(Status(StatusCode.ERROR))
                span.set_attribute("error.type", type(error).__name__)
            span.end()
            contexts.detach(token)

        return end

    def note(self, facts: Mapping[str, object]) -> None:
        """See the port."""
        trace.get_current_span().set_attributes(_attributes(facts))

    def told(self, name: str, fields: Mapping[str, object]) -> None:
        """See the port."""
        if name in _ON_THE_SPAN:
            self.note(_only(fields, *_ON_THE_SPAN[name]))
        match name:
            case "wipe.answered":
                self._wipes.add(1, _only(fields, "outcome"))
            case "case.moved":
                self._moved(fields)
            case "input.parked":
                self._parked.add(1, _only(fields, "source"))
            case "graph.requested":
                self._requests.add(1, _only(fields, "operation", "status"))
                if fields.get("status") == 429:
                    self._throttled.add(1, _only(fields, "operation"))
            case _:
                pass

    def traceparent(self) -> str | None:
        """See the port."""
        here = trace.get_current_span().get_span_context()
        if not here.is_valid:
            return None
        return f"00-{trace.format_trace_id(here.trace_id)}-{trace.format_span_id(here.span_id)}-{here.trace_flags:02x}"

    def _moved(self, fields: Mapping[str, object]) -> None:
        state, before, hours = fields.get("state"), fields.get("before"), fields.get("open_hours")
        if state == "cleared_to_wipe" and before in _HELD:
            self._holds.add(1, _only(fields, "reason"))
        if state == "proven" != before and isinstance(hours, int | float):
            self._proof.record(float(hours))


def _remote(parent: str) -> NonRecordingSpan:
    _, trace_id, span_id, flags = parent.split("-")
    return NonRecordingSpan(
        SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))
    )


def _attributes(facts: Mapping[str, object]) -> dict[str, str | int | float | bool]:
    return {f"handover.{name}": _attribute(value) for name, value in facts.items() if value is not None}


def _only(fields: Mapping[str, object], *names: str) -> dict[str, str | int | float | bool]:
    return {name: _attribute(fields[name]) for name in names if fields.get(name) is not None}


def _attribute(value: object) -> str | int | float | bool:
    return value if isinstance(value, str | int | float | bool) else str(value)
