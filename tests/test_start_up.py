"""What a process may load before it answers: whole processes, since any other test has loaded everything already."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
ID = "0d1f6d4c-1111-4a6b-9f55-000000000001"
SETTINGS = {
    "HANDOVER_TENANT_ID": ID,
    "AZURE_CLIENT_ID": ID,
    "AzureWebJobsStorage__queueServiceUri": "https://account.queue.core.windows.net",
    "AzureWebJobsStorage__tableServiceUri": "https://account.table.core.windows.net",
}

FOR_GRAPH = ("msgraph", "msgraph_core", "kiota", "httpx", "httpcore", "h11", "opentelemetry")
"""Only the first request to Graph pays for them."""
FOR_PEOPLE = ("jinja2", "starlette", "uvicorn", "rich", "typer", "shared.console", "shared.notices")
"""Pages, mails and the console: loaded when somebody asks for one."""
NOT_DEPLOYED = ("local", "tests", "pytest", "hypothesis")

USE_CASES = (
    "shared.upkeep",
    "shared.operate.act",
    "shared.operate.report",
    "shared.remedy.advance",
    "shared.remedy.wipe",
    "shared.intake.receive",
    "shared.intake.take_hint",
    "shared.records.cases",
    "shared.rules",
    "shared.domain.case",
    "shared.domain.facts",
)
"""What the first call of a handler brings, with what it needs."""

IMPORTED = "import function_app"
FIRST_NOTIFICATION = """
import asyncio, function_app
from shared.bootstrap import services
async def first_notification():
    services().receive
asyncio.run(first_notification())
"""
FIRST_STEP = """
import asyncio, function_app
from shared.bootstrap import services
from shared.clients.graph.connection import Endpoint, credential_for, open_connection
from shared.settings import Settings
async def first_step():
    services().advance
    open_connection(Endpoint.of("https://graph.microsoft.com"), credential_for(Settings()))
asyncio.run(first_step())
"""


FOR_AZURE_MONITOR = ("opentelemetry.sdk", "azure.monitor", "shared.clients.telemetry", "shared.clients.azure_monitor")
"""Only where HANDOVER_TELEMETRY asks for spans and metrics."""
TRACING = {"HANDOVER_TELEMETRY": "azure_monitor", "APPLICATIONINSIGHTS_CONNECTION_STRING": f"InstrumentationKey={ID}"}


def loaded(program: str, **settings: str) -> set[str]:
    """The names of all modules of a process that ran the program."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), **SETTINGS, **settings}
    shown = f"{program}\nimport sys; print(*sys.modules)"
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", shown]
    done = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def within(modules: set[str], names: tuple[str, ...]) -> list[str]:
    """Those of the modules that are, or are inside, one of the names; ``kiota`` stands for every kiota_ package."""
    return sorted(
        module
        for module in modules
        if any(module == name or module.startswith((f"{name}.", f"{name}_")) for name in names)
    )


@pytest.mark.parametrize("part", ["single", "intake"])
def test_the_import_of_the_app_loads_no_use_case_no_graph_and_nothing_for_people(part: str) -> None:
    modules = loaded(IMPORTED, HANDOVER_PART=part)
    assert within(modules, (*FOR_GRAPH, *FOR_PEOPLE, *NOT_DEPLOYED)) == []
    assert within(modules, (*USE_CASES, "azure.storage")) == []


def test_a_webhook_that_is_ready_for_a_notification_has_loaded_no_graph_and_nothing_for_people() -> None:
    modules = loaded(FIRST_NOTIFICATION, HANDOVER_PART="intake")
    assert "shared.intake.receive" in modules
    assert within(modules, (*FOR_GRAPH, *FOR_PEOPLE, *NOT_DEPLOYED)) == []
    assert within(modules, ("shared.upkeep", "shared.remedy.advance", "shared.remedy.wipe")) == []


def test_a_worker_at_its_first_step_has_loaded_graphs_builders_and_none_of_its_models() -> None:
    modules = loaded(FIRST_STEP, HANDOVER_PART="worker")
    assert {"msgraph.graph_service_client", "shared.remedy.advance"} <= modules
    assert within(modules, ("msgraph.generated.models",)) == []
    assert within(modules, ("jinja2", "starlette", "uvicorn", *NOT_DEPLOYED)) == []
    assert within(modules, ("shared.upkeep", "shared.console", "shared.intake.receive")) == []


@pytest.mark.parametrize(("program", "part"), [(FIRST_NOTIFICATION, "intake"), (FIRST_STEP, "worker")])
def test_spans_and_metrics_cost_nobody_anything_who_did_not_ask_for_them(program: str, part: str) -> None:
    assert within(loaded(program, HANDOVER_PART=part), FOR_AZURE_MONITOR) == []
    assert set(within(loaded(program, HANDOVER_PART=part, **TRACING), FOR_AZURE_MONITOR)) >= set(FOR_AZURE_MONITOR) - {
        "azure.monitor"
    }
