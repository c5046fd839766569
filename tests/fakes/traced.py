"""Spans and metrics kept in memory, as OpenTelemetry makes them of what the product tells."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, NumberDataPoint
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared import tracing
from shared.clients.telemetry import KeepWipes, OpenTelemetryTracer


@dataclass(frozen=True)
class Traced:
    """What was kept."""

    exporter: InMemorySpanExporter
    reader: InMemoryMetricReader

    @property
    def spans(self) -> list[ReadableSpan]:
        """Those that have ended, in the order of their beginnings."""
        return sorted(self.exporter.get_finished_spans(), key=lambda each: each.start_time or 0)

    def named(self, *names: str) -> list[ReadableSpan]:
        """The spans of these names."""
        return [span for span in self.spans if span.name in names]

    def metrics(self) -> dict[str, dict[tuple[object, ...], float]]:
        """By the metric's name and the values of its attributes: a counter's sum, a histogram's."""
        data = self.reader.get_metrics_data()
        found: dict[str, dict[tuple[object, ...], float]] = {}
        for resource in data.resource_metrics if data is not None else ():
            for metric in (each for scope in resource.scope_metrics for each in scope.metrics):
                for point in metric.data.data_points:
                    assert isinstance(point, NumberDataPoint | HistogramDataPoint)
                    value = point.sum if isinstance(point, HistogramDataPoint) else point.value
                    found.setdefault(metric.name, {})[tuple((point.attributes or {}).values())] = value
        return found

    def everything(self) -> str:
        """All that would leave the process, as text."""
        return "\n".join([*(span.to_json() for span in self.spans), repr(self.metrics())])


@contextmanager
def traced(ratio: float = 1.0) -> Generator[Traced]:
    """Trace the product meanwhile."""
    kept = Traced(InMemorySpanExporter(), InMemoryMetricReader())
    tracers = TracerProvider(sampler=KeepWipes(ratio), shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(kept.exporter))
    meters = MeterProvider([kept.reader], shutdown_on_exit=False)
    tracing.use(OpenTelemetryTracer(tracers, meters))
    try:
        yield kept
    finally:
        tracing.use(None)
        tracers.shutdown()
        meters.shutdown()
