"""Brings the packages of requirements.txt, as they are for the target, into a folder."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.package.target import PLATFORMS, REPOSITORY, Target

REQUIREMENTS = ("-r", "requirements.txt")
FOR_TELEMETRY = ("-r", "requirements-telemetry.txt")


class NotResolved(Exception):
    """pip could not do it; the text is what it said last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """``site_packages`` holds the packages as pip unpacked them; ``wheel_hashes`` has SHA-256 by name."""

    site_packages: Path
    wheel_hashes: Mapping[str, str]


def resolve(target: Target, folder: Path, wanted: Sequence[str] = REQUIREMENTS) -> Resolved:
    """Install ``wanted`` into ``folder / "resolved"``, wheels of the target's platform only. Raises NotResolved.

    pip runs under the target's interpreter: --python-version alone would leave environment markers to ours.
    """
    site_packages, report = folder / "resolved", folder / "pip.json"
    command = [sys.executable, "-m", "pip", "--python", str(target.interpreter), "install", "--quiet", "--no-compile"]
    command += ["--disable-pip-version-check", "--root-user-action=ignore", "--only-binary=:all:"]
    command += ["--implementation=cp", f"--python-version={target.version}"]
    command += [f"--platform={platform}" for platform in PLATFORMS]
    command += [f"--target={site_packages}", f"--report={report}", "-c", "constraints.txt", *wanted]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotResolved(done.stderr.strip()[-2000:])
    installed = json.loads(report.read_text())["install"]
    hashes = {
        each["metadata"]["name"].lower().replace("_", "-"): each["download_info"]["archive_info"]["hashes"]["sha256"]
        for each in installed
    }
    return Resolved(site_packages=site_packages, wheel_hashes=hashes)
