"""What `make package` builds: light, the same every time, listed, and whole."""

import inspect
import json
import subprocess
import zipfile
from pathlib import Path
from typing import get_type_hints

import pytest

import shared.ports
from local.package import walk
from local.package.build import SITE_PACKAGES, Package, build
from local.package.prune import WALK
from local.package.resolve import Resolved
from local.package.target import REPOSITORY, Target
from shared.clients.graph.client import Graph
from tests.package.conftest import Unpacked

MEGABYTES_AT_MOST = 40
NOT_OF_GRAPH = {"Chat", "Clock", "Ids", "Rows", "Messages", "MobilityPolicies", "Registrations", "TenantSetup"}
"""Ports that other clients stand for; the last three are for commands of an administrator, which are not deployed."""


def test_the_unpacked_package_weighs_at_most_40_megabytes(package: Package, unpacked: Unpacked) -> None:
    weight = sum(file.stat().st_size for file in unpacked.app.rglob("*") if file.is_file())
    assert weight == package.unpacked_size
    assert weight <= MEGABYTES_AT_MOST * 1_000_000


def test_the_same_input_gives_the_same_hash(
    target: Target, resolved: Resolved, package: Package, tmp_path: Path
) -> None:
    again = build(target, resolved, tmp_path / "in" / "another" / "folder.zip")
    assert _contents(again.zip) == _contents(package.zip)
    assert again.sha256 == package.sha256
    assert again.sbom.read_text() == package.sbom.read_text()


SENDS_A_SPAN = """
import sys
from shared.bootstrap import _trace
from shared.settings import Settings
from shared.tracing import is_on, span
_trace(Settings())
with span("wipe", wipe=True):
    pass
print(is_on(), sys.modules["opentelemetry.sdk"].__path__[0] if "opentelemetry.sdk" in sys.modules else "", flush=True)
import os; os._exit(0)  # else it would try to send it
"""


def test_spans_can_be_made_in_the_package_that_was_built_for_them_and_not_in_the_other(
    target: Target, unpacked: Unpacked, for_telemetry: Path, tmp_path: Path
) -> None:
    settings = f"""
import os
os.environ.update(
    HANDOVER_TELEMETRY="azure_monitor", HANDOVER_TENANT_ID="{walk.ID}", AZURE_CLIENT_ID="{walk.ID}",
    APPLICATIONINSIGHTS_CONNECTION_STRING="InstrumentationKey={walk.ID}",
    APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL="true", APPLICATIONINSIGHTS_SDKSTATS_DISABLED="true",
    APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED="true",
)
"""
    program = tmp_path / "sends_a_span.py"
    program.write_text(settings + SENDS_A_SPAN)
    assert target.run(program, path=unpacked.path).split() == ["False"]
    assert target.run(program, path=(for_telemetry, *unpacked.path)).split() == [
        "True",
        str(for_telemetry / "opentelemetry" / "sdk"),
    ]


def _contents(archive: Path) -> dict[str, int]:
    """The checksum of each file: what differs is named."""
    with zipfile.ZipFile(archive) as opened:
        return {entry.filename: entry.CRC for entry in opened.infolist()}


def test_the_app_lies_where_azure_looks_for_it_and_nothing_else_does(unpacked: Unpacked) -> None:
    assert {path.name for path in unpacked.app.iterdir() if path.name != "__pycache__"} == {
        "function_app.py",
        "handlers",
        "host.json",
        "requirements.txt",
        "constraints.txt",
        "shared",
        ".python_packages",
    }
    assert not [path for path in unpacked.app.rglob("*") if path.suffix in {".pyi", ".c", ".pyx"}]
    assert not list(unpacked.app.rglob("kiota-dom-export.txt"))


def test_every_module_is_compiled_and_the_apps_own_source_is_there(unpacked: Unpacked) -> None:
    own = [path for path in unpacked.app.rglob("*.py") if SITE_PACKAGES.parts[0] not in path.parts]
    assert len(own) > 50
    missing = [path for path in own if not (path.parent / "__pycache__" / f"{path.stem}.cpython-313.pyc").exists()]
    assert missing == []
    assert {path.relative_to(unpacked.site_packages).parts[0] for path in unpacked.site_packages.rglob("*.py")} == {
        "anyio"
    }


def test_every_graph_call_runs_in_the_package(target: Target, unpacked: Unpacked) -> None:
    walked = json.loads(target.run(WALK, path=unpacked.path))
    assert set(walked["requests"]) == _methods_of_ports()
    assert min(walked["requests"].values()) >= len(walk.ANSWERS)
    loaded = {name: Path(file) for name, file in walked["modules"].items() if file and name.startswith("msgraph")}
    assert "msgraph.graph_service_client" in loaded
    assert [name for name, file in loaded.items() if not file.is_relative_to(unpacked.site_packages)] == []


def test_texts_and_time_zones_are_in_the_package(target: Target, unpacked: Unpacked, tmp_path: Path) -> None:
    program = tmp_path / "write_a_letter.py"
    program.write_text(WRITE_A_LETTER)
    assert (
        target.run(program, path=unpacked.path).strip() == "Ihr PC PC-0427 wird zurückgesetzt, 2026-07-06 18:00 (CEST)"
    )


WRITE_A_LETTER = """
import zoneinfo
from datetime import UTC, datetime
from shared.domain.effects import Matter, TellOwner
from shared.notices.letters import Letters

zoneinfo.reset_tzpath(to=())  # only what the package brings
what = TellOwner(matter=Matter.WIPE_COMING, case_id="", user_id="", user_principal_name="", display_name="",
                 device_name="PC-0427", serial_number="", happens_at=datetime(2026, 7, 6, 16, tzinfo=UTC))
letter = Letters(language="de", time_zone="Europe/Berlin").write(what)
time = "2026-07-06 18:00 (CEST)"
print(letter.subject, time if time in letter.html else letter.html, sep=", ")
"""


def test_the_console_is_in_the_package(target: Target, unpacked: Unpacked, tmp_path: Path) -> None:
    program = tmp_path / "write_a_page.py"
    program.write_text(WRITE_A_PAGE)
    written = target.run(program, path=unpacked.path)
    assert "There is no such page." in written
    assert sorted(json.loads(written.splitlines()[-1])) == ["console.css", "console.js", "icon.svg"]
    templates = {file.name for file in (unpacked.app / "shared" / "console" / "templates").iterdir()}
    assert templates == {file.name for file in (REPOSITORY / "shared" / "console" / "templates").iterdir()}


WRITE_A_PAGE = """
import json
from shared.console.assets import assets
from shared.console.frame import Frame
from shared.console.rendering import render

print(render("error.html", {"frame": Frame(), "word": None, "title": "Not found", "text": "There is no such page.", "sign_in": ""}))
print(json.dumps(list(assets())))
"""


def test_a_module_that_is_missing_is_found_by_the_walk(target: Target, unpacked: Unpacked, tmp_path: Path) -> None:
    shadow = tmp_path / "msgraph" / "generated" / "users"
    shadow.mkdir(parents=True)
    for package in (shadow.parent.parent, shadow.parent):
        real = unpacked.site_packages / package.relative_to(tmp_path)
        (package / "__init__.py").write_text(f"__path__ = [*__path__, {str(real)!r}]\n")
    (shadow / "__init__.py").write_text("")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        target.run(WALK, path=(tmp_path, *unpacked.path))
    (said,) = caught.value.__notes__
    assert "WalkFailed: " in said
    assert "No module named 'msgraph.generated.users.users_request_builder'" in said


def test_the_walk_knows_every_port_of_graph() -> None:
    ports = {
        name
        for name, member in inspect.getmembers(shared.ports, inspect.isclass)
        if getattr(member, "_is_protocol", False) and member.__module__ == "shared.ports"
    }
    assert {hint.__name__ for hint in get_type_hints(Graph).values()} == ports - NOT_OF_GRAPH
    assert {f"{port}.{name}" for port, name in walk.methods()} == _methods_of_ports()


def _methods_of_ports() -> set[str]:
    """Every method that a port of Graph declares, read from its own class body."""
    ports: dict[str, type] = get_type_hints(Graph)
    return {
        f"{attribute}.{name}"
        for attribute, port in ports.items()
        for name, member in vars(port).items()
        if inspect.isfunction(member) and not name.startswith("_")
    }


def test_the_bill_of_materials_lists_what_is_in_the_package(package: Package, unpacked: Unpacked) -> None:
    document = json.loads(package.sbom.read_text())
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    listed = {component["name"] for component in document["components"]}
    metadata = [path.parent.name for path in unpacked.site_packages.glob("*.dist-info/METADATA")]
    assert listed == {name.split("-")[0].replace("_", "-") for name in metadata}
    assert {"msgraph-sdk", "azure-functions", "cryptography"} <= listed
    for component in document["components"]:
        assert component["purl"] == f"pkg:pypi/{component['name']}@{component['version']}"
        assert len(component["hashes"][0]["content"]) == 64
        assert component["licenses"], component["name"]
    assert document["metadata"]["component"]["hashes"][0]["content"] == package.sha256
