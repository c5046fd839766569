"""What of the resolved packages is deployed: of msgraph what a Graph call reaches, of the rest what runs."""

import json
from collections.abc import Iterator
from pathlib import Path, PurePath

from local.package.target import Target

WALK = Path(__file__).with_name("walk.py")
_NOT_RUN = frozenset({".pyi", ".pyx", ".pxd", ".pxi", ".c", ".h", ".hash", ".pyc"})
"""Stubs and the sources of compiled modules."""
_TESTS = frozenset({"tests", "test", "testing"})
_OF_DIST_INFO = frozenset({"METADATA", "entry_points.txt"})
"""importlib.metadata reads both at run time: OpenTelemetry finds its parts by entry points."""
_NOT_DEPLOYED = frozenset({"h2", "hpack", "hyperframe", "opentelemetry_sdk"})
"""Distributions that others ask for and nothing loads: kiota wants httpx[http2] for a client of its own, while ours speaks
HTTP/1.1 and httpcore loads HTTP/2 when it can; it traces through OpenTelemetry's API, which needs no SDK."""
_FOR_TELEMETRY = frozenset({"opentelemetry_sdk", "opentelemetry/sdk", "opentelemetry/semconv/_incubating"})
"""Of what is left out, what is deployed all the same with requirements-telemetry.txt."""
_NOT_LOADED = tuple(
    PurePath(each)
    for each in (
        "anyio/_backends/_trio.py",
        "anyio/pytest_plugin.py",
        "opentelemetry/sdk",
        "opentelemetry/semconv/_incubating",
        "pydantic/v1",
        "werkzeug/debug",
    )
)
"""Parts of packages for other uses than ours. What is loaded after all is missed by the story that plays in the package."""


def reachable(target: Target, site_packages: Path, app: Path) -> frozenset[PurePath]:
    """The files of msgraph, relative to ``site_packages``, that are loaded when every Graph port method has run."""
    modules = json.loads(target.run(WALK, path=(site_packages, app)))["modules"]
    files = [PurePath(file) for name, file in modules.items() if file and name.split(".")[0] == "msgraph"]
    return frozenset(file.relative_to(site_packages) for file in files)


def kept(site_packages: Path, of_msgraph: frozenset[PurePath], *, telemetry: bool = False) -> Iterator[PurePath]:
    """The files to deploy, relative to ``site_packages``, in order; with ``telemetry``, spans and metrics can be made."""
    for file in sorted(site_packages.rglob("*")):
        inside = file.relative_to(site_packages)
        if file.is_file() and _is_kept(inside, of_msgraph, _FOR_TELEMETRY if telemetry else frozenset()):
            yield inside


def _is_kept(file: PurePath, of_msgraph: frozenset[PurePath], wanted: frozenset[str]) -> bool:
    top = file.parts[0]
    not_loaded = (each for each in _NOT_LOADED if each.as_posix() not in wanted)
    if top.split("-")[0] in _NOT_DEPLOYED - wanted or any(file.is_relative_to(each) for each in not_loaded):
        return False
    if top == "msgraph":
        return file in of_msgraph
    if top.endswith(".dist-info"):
        return file.name in _OF_DIST_INFO or _is_licence(file)
    if top == "bin" or "__pycache__" in file.parts:
        return False
    return file.suffix not in _NOT_RUN and file.name != "py.typed" and not _is_test(file)


def _is_test(file: PurePath) -> bool:
    return bool(_TESTS & set(file.parts[1:-1]))


def _is_licence(file: PurePath) -> bool:
    return "licenses" in file.parts or file.name.upper().startswith(("LICENSE", "LICENCE", "NOTICE", "COPYING"))
