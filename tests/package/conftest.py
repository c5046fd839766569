"""The package is built once per run, and unpacked as Azure would run it."""

import os
import platform
import shutil
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.package.build import SITE_PACKAGES, Package, build
from local.package.prune import kept
from local.package.resolve import FOR_TELEMETRY, REQUIREMENTS, NotResolved, Resolved, resolve
from local.package.target import NoInterpreter, Target
from local.package.target import target as target_for

VERSION = "3.13"
HOST_NEEDS = ("starlette", "uvicorn", "croniter", "typer")


@dataclass(frozen=True)
class Unpacked:
    """The package in a folder."""

    app: Path

    @property
    def site_packages(self) -> Path:
        return self.app / SITE_PACKAGES

    @property
    def path(self) -> tuple[Path, ...]:
        """Where Azure's worker looks for modules."""
        return self.site_packages, self.app


@pytest.fixture(scope="session")
def target() -> Target:
    """The Python that the package is built for; its compiled modules have to run on this machine."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        pytest.skip("the package is for Linux on x86-64, which this machine is not")
    try:
        return target_for(VERSION)
    except NoInterpreter as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def resolved(target: Target, tmp_path_factory: pytest.TempPathFactory) -> Resolved:
    """The packages of requirements.txt for the target, from the registry."""
    return _fetched(target, tmp_path_factory.mktemp("resolved"), REQUIREMENTS)


@pytest.fixture(scope="session")
def package(target: Target, resolved: Resolved, tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The package, as `make package` builds it."""
    return build(target, resolved, tmp_path_factory.mktemp("package") / "handover.zip")


@pytest.fixture(scope="session")
def unpacked(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Unpacked:
    """The package in a folder of its own."""
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(package.zip) as archive:
        archive.extractall(folder)
    return Unpacked(folder)


@pytest.fixture(scope="session")
def for_telemetry(target: Target, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make package TELEMETRY=1` deploys more, as it is deployed, but with its source."""
    resolved = _fetched(target, tmp_path_factory.mktemp("telemetry"), FOR_TELEMETRY).site_packages
    folder = tmp_path_factory.mktemp("for-telemetry")
    for file in kept(resolved, frozenset(), telemetry=True):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(resolved / file, folder / file)
    return folder


@pytest.fixture(scope="session")
def host_tools(target: Target, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """What the development host needs beside the app: `local` itself, and its packages, to come after those of the app."""
    folder = tmp_path_factory.mktemp("host")
    (folder / "local").symlink_to(Path(__file__).parents[2] / "local", target_is_directory=True)
    return folder, _fetched(target, folder, HOST_NEEDS).site_packages


def _fetched(target: Target, folder: Path, wanted: Sequence[str]) -> Resolved:
    try:
        return resolve(target, folder, wanted)
    except NotResolved as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"pip could not fetch the packages: {error}")
