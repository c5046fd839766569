"""What leaves for Azure Monitor, read at a place of our own that takes it in; and that nothing stops when it cannot leave."""

import gzip
import json
import logging
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from azure.identity import ManagedIdentityCredential
from pydantic import ValidationError

from shared import bootstrap, tracing
from shared.clients import azure_monitor
from shared.clients.telemetry import OpenTelemetryTracer
from shared.domain.policy import Mode
from shared.settings import Settings
from tests.fakes import story
from tests.fakes.world import World

KEY = "0d1f6d4c-1111-4a6b-9f55-000000000001"
CONNECTION = f"InstrumentationKey={KEY};IngestionEndpoint=https://nowhere.invalid/"


@dataclass
class Intake:
    """Takes telemetry in as Azure Monitor does, and keeps it."""

    url: str = ""
    items: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])  # Any: nested JSON

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [each["data"]["baseData"] for each in self.items if each["data"]["baseType"] == kind]


@contextmanager
def intake() -> Generator[Intake]:
    kept = Intake()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            items = json.loads(body)
            kept.items += items
            answer = json.dumps({"itemsReceived": len(items), "itemsAccepted": len(items), "errors": []}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as inherited
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    kept.url = f"http://127.0.0.1:{server.server_address[1]}/"
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def as_deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As infra/ sets them up: the exporters tell nobody of themselves."""
    for what in ("STATSBEAT_DISABLED_ALL", "SDKSTATS_DISABLED", "CONTROLPLANE_DISABLED"):
        monkeypatch.setenv(f"APPLICATIONINSIGHTS_{what}", "true")
    yield
    tracing.use(None)


def settings(**more: object) -> Settings:
    needed = {"tenant_id": KEY, "telemetry": "azure_monitor", "application_insights": CONNECTION}
    return Settings.model_validate(needed | more)


async def test_a_story_arrives_as_requests_and_metrics_and_names_nobody() -> None:
    with intake() as kept:
        connection = f"InstrumentationKey={KEY};IngestionEndpoint={kept.url}"
        tracers, meters = azure_monitor.providers(connection, None, part="worker", ratio=0.0)
        tracing.use(OpenTelemetryTracer(tracers, meters))
        world = World(Mode.AUTO)
        await world.hear_of_device()
        await world.live()
        tracers.shutdown()
        meters.shutdown()
    (step,) = kept.of("RequestData")
    (wipe,) = kept.of("RemoteDependencyData")
    assert (step["name"], wipe["name"]) == ("wipe.step", "wipe")
    assert wipe["properties"]["handover.outcome"] == "accepted"
    assert wipe["properties"]["handover.case"] == story.CASE_ID
    counted = {each["metrics"][0]["name"]: each["metrics"][0]["value"] for each in kept.of("MetricData")}
    assert counted["handover.wipes"] == 1
    roles = {each["tags"]["ai.cloud.role"] for each in kept.items}
    assert roles == {"handover-worker"}
    told = json.dumps(kept.items).lower()
    never = (story.OWNER_UPN, story.STAGING_UPN, story.SERIAL_NUMBER, story.CLIENT_STATE)
    assert [word for word in never if word.lower() in told] == []


def test_the_identity_of_the_app_signs_in_and_nothing_is_kept_on_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[dict[str, object]] = []

    class Unused:
        def __init__(self, *_: object, **__: object) -> None:
            """What sends metrics: another test reads what it sends."""

    class Exporter:
        def __init__(self, **to: object) -> None:
            given.append(to)

        def shutdown(self, **_: object) -> None:
            """Nothing to shut down."""

    monkeypatch.setattr(azure_monitor, "AzureMonitorTraceExporter", Exporter)
    monkeypatch.setattr(azure_monitor, "AzureMonitorMetricExporter", Exporter)
    monkeypatch.setattr(azure_monitor, "PeriodicExportingMetricReader", Unused)
    monkeypatch.setattr(azure_monitor, "MeterProvider", Unused)
    tracers, _ = azure_monitor.providers(CONNECTION, ManagedIdentityCredential(client_id=KEY), part="single", ratio=1)
    tracers.shutdown()
    assert len(given) == 2
    for to in given:
        assert isinstance(to["credential"], ManagedIdentityCredential)
        assert to["disable_offline_storage"] is True


def test_without_its_packages_the_app_goes_on_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "shared.clients.azure_monitor", None)
    with caplog.at_level(logging.ERROR):
        bootstrap._trace(settings())  # pyright: ignore[reportPrivateUsage]  # what services() does first
    assert [record.getMessage() for record in caplog.records] == ["telemetry.failed"]
    assert not tracing.is_on()


def test_by_default_nobody_traces() -> None:
    bootstrap._trace(settings(telemetry="host"))  # pyright: ignore[reportPrivateUsage]  # as above
    assert not tracing.is_on()


@pytest.mark.parametrize("nowhere", [None, ""])
def test_spans_without_a_place_to_go_are_refused(nowhere: str | None) -> None:
    with pytest.raises(ValidationError, match="APPLICATIONINSIGHTS_CONNECTION_STRING"):
        settings(application_insights=nowhere)


@pytest.mark.parametrize("ratio", ["-0.1", "1.1", "nan", "inf", "all"])
def test_a_ratio_that_is_none_is_refused(ratio: str) -> None:
    with pytest.raises(ValidationError):
        settings(trace_ratio=ratio)
