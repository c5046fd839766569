"""The way of spans and metrics to Azure Monitor (Application Insights). Its packages are deployed only where they are asked for.

Microsoft's distribution (azure-monitor-opentelemetry) is not used, but what it exports by: the distribution takes no sampler of
ours, and would send each line of the log a second time. Neither provider is made the global one, as it would make them, so that
libraries that trace by themselves (kiota, azure-core) find none and stay silent.
"""

from typing import TypedDict

from azure.core.credentials import TokenCredential
from azure.identity import DefaultAzureCredential, ManagedIdentityCredential
from azure.monitor.opentelemetry.exporter import AzureMonitorMetricExporter, AzureMonitorTraceExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from shared.clients.telemetry import NAME, KeepWipes, OpenTelemetryTracer
from shared.settings import Settings

SPANS_GO_EVERY_MILLISECONDS = 2_000
METRICS_GO_EVERY_MILLISECONDS = 60_000


class _To(TypedDict):
    connection_string: str
    credential: TokenCredential | None
    disable_offline_storage: bool
    """What cannot be sent is dropped, not kept on the disk: the journal is the record."""


def azure_monitor(settings: Settings) -> OpenTelemetryTracer:
    """To the Application Insights of the settings, in the name of the managed identity."""
    assert settings.application_insights is not None
    signs_in = (
        DefaultAzureCredential()
        if settings.credential == "developer"
        else ManagedIdentityCredential(client_id=settings.identity_client_id)
    )
    tracers, meters = providers(
        settings.application_insights.get_secret_value(), signs_in, part=settings.part.value, ratio=settings.trace_ratio
    )
    return OpenTelemetryTracer(tracers, meters)


def providers(
    connection_string: str, signs_in: TokenCredential | None, *, part: str, ratio: float
) -> tuple[TracerProvider, MeterProvider]:
    """What spans and metrics are made by. Both send what they hold when the process ends."""
    to = _To(connection_string=connection_string, credential=signs_in, disable_offline_storage=True)
    resource = Resource.create({SERVICE_NAME: f"{NAME}-{part}"})
    tracers = TracerProvider(sampler=KeepWipes(ratio), resource=resource)
    spans = AzureMonitorTraceExporter(**to)
    tracers.add_span_processor(BatchSpanProcessor(spans, schedule_delay_millis=SPANS_GO_EVERY_MILLISECONDS))
    metrics = AzureMonitorMetricExporter(**to)
    reader = PeriodicExportingMetricReader(metrics, export_interval_millis=METRICS_GO_EVERY_MILLISECONDS)
    return tracers, MeterProvider(metric_readers=[reader], resource=resource)
