"""Where Graph is, what a token is asked for, and that nobody pays for msgraph who does not use it."""

import subprocess
import sys
from pathlib import Path

import pytest
from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential

from shared.clients.graph.client import Graph
from shared.clients.graph.connection import Endpoint, credential_for
from tests.clients.graph_wire import (
    DEVICE,
    FixedClock,
    Tokens,
    always,
    graph_over,
    settings_for,
)

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("base_url", "scope"),
    [
        ("https://graph.microsoft.com/", "https://graph.microsoft.com/.default"),
        ("https://graph.microsoft.us", "https://graph.microsoft.us/.default"),
        ("https://microsoftgraph.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn/.default"),
        ("https://graph.example:8443", "https://graph.example/.default"),
        ("http://127.0.0.1:8081", "https://graph.microsoft.com/.default"),
        ("http://localhost:8081", "https://graph.microsoft.com/.default"),
        ("http://[::1]:8081", "https://graph.microsoft.com/.default"),
    ],
)
async def test_a_token_is_asked_for_the_graph_of_the_cloud(base_url: str, scope: str) -> None:
    tokens = Tokens()
    async with graph_over(always(404), tokens=tokens, base_url=base_url) as (graph, wire):
        await graph.devices.reread(DEVICE)
    assert tokens.asked_for == [(scope,)]
    assert str(wire.requests[0].url).startswith(
        f"{base_url.rstrip('/')}/v1.0/deviceManagement/managedDevices/{DEVICE}?$select="
    )
    assert wire.requests[0].headers["Authorization"] == "Bearer the-token"


@pytest.mark.parametrize(
    "base_url",
    [
        "http://graph.microsoft.com",
        "http://127.0.0.1.evil.example",
        "http://10.0.0.4",
        "https://user:pass@graph.microsoft.com",
        "https://graph.microsoft.com?x=1",
        "https://graph.microsoft.com/#x",
    ],
)
def test_a_base_url_that_would_leak_a_token_is_refused_before_anything_is_sent(base_url: str) -> None:
    with pytest.raises(ValueError, match="GRAPH_BASE_URL"):
        Graph(settings_for(base_url), FixedClock())


@pytest.mark.parametrize(
    ("url", "held"),
    [
        ("https://graph.example/v1.0/users?$skiptoken=a", True),
        ("https://graph.example:443/v1.0/users", True),
        ("https://GRAPH.example/v1.0/users", True),
        ("http://graph.example/v1.0/users", False),
        ("https://graph.example:8443/v1.0/users", False),
        ("https://graph.example.evil.example/v1.0/users", False),
        ("https://user@graph.example/v1.0/users", False),
        ("https://graph.example:bad/v1.0/users", False),
        ("https://[graph.example/v1.0/users", False),
        ("//graph.example/v1.0/users", False),
        ("/v1.0/users", False),
    ],
)
def test_the_token_goes_to_the_same_scheme_host_and_port_only(url: str, held: bool) -> None:
    assert Endpoint.of("https://graph.example").holds(url) is held


async def test_closing_closes_the_credential_and_the_next_request_opens_again() -> None:
    tokens = Tokens()
    async with graph_over(always(404), tokens=tokens) as (graph, wire):
        await graph.close()
        assert not tokens.closed
        await graph.devices.reread(DEVICE)
        await graph.close()
        assert tokens.closed
        await graph.devices.reread(DEVICE)
    assert len(wire.requests) == 2


async def test_the_settings_choose_the_credential() -> None:
    settings = settings_for("https://graph.microsoft.com")
    managed = credential_for(settings)
    developer = credential_for(settings.model_copy(update={"credential": "developer"}))
    assert isinstance(managed, ManagedIdentityCredential)
    assert isinstance(developer, DefaultAzureCredential)
    await managed.close()
    await developer.close()


_LOADED = """
import importlib, pathlib, sys
for path in sorted(pathlib.Path("shared/clients/graph").glob("*.py")):
    importlib.import_module("shared.clients.graph." + path.stem if path.stem != "__init__" else "shared.clients.graph")
{more}
vendors = ("msgraph", "msgraph_core", "kiota_abstractions", "kiota_http", "httpx", "azure")
print(",".join(sorted(name for name in vendors if name in sys.modules)))
"""

_BUILD_ONE = """
import os
from datetime import datetime, UTC
os.environ["HANDOVER_TENANT_ID"] = "7e6d5c4b-4444-4e3d-a1c3-000000000004"
class Clock:
    def now(self): return datetime.now(UTC)
from shared.settings import Settings
graph = sys.modules["shared.clients.graph.client"].Graph(Settings(), Clock())
{then}
"""


@pytest.mark.parametrize(
    ("more", "loaded"),
    [
        ("", ""),
        (_BUILD_ONE.format(then=""), ""),
        (
            _BUILD_ONE.format(then="graph._transport.v1"),
            "azure,httpx,kiota_abstractions,kiota_http,msgraph,msgraph_core",
        ),
    ],
    ids=["importing it", "building it", "the first request"],
)
def test_only_the_first_request_imports_vendors(more: str, loaded: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", _LOADED.format(more=more)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == loaded


def test_a_start_of_the_product_imports_no_msgraph() -> None:
    heavy = "[name for name in sys.modules if name.startswith(('msgraph', 'kiota'))]"
    run = subprocess.run(
        [sys.executable, "-c", f"import sys, shared.bootstrap; print({heavy})"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == "[]"
