"""What the package is made for: a Python version and a platform, and the interpreter here that can stand for it."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux2014_x86_64")
"""Azure Functions on Linux runs on x86-64 with glibc 2.28 or newer; pip takes the first that has a wheel."""


class NoInterpreter(Exception):
    """The wanted Python is not installed here; the text says how to get it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """``version`` is like 3.13. ``interpreter`` is a Python of that version: it resolves markers, traces and compiles."""

    version: str
    interpreter: Path

    def run(self, *arguments: str | Path, path: tuple[Path, ...] = ()) -> str:
        """Run the interpreter bare, with ``path`` and the standard library alone; what it printed.

        Raises subprocess.CalledProcessError, whose notes hold what it wrote to stderr.
        """
        command = [str(self.interpreter), "-S", "-s", "-B", *map(str, arguments)]
        done = subprocess.run(command, env=bare_environment(path), capture_output=True, text=True, check=False)
        if done.returncode:
            error = subprocess.CalledProcessError(done.returncode, command)
            error.add_note(done.stderr)
            raise error
        return done.stdout


def bare_environment(path: tuple[Path, ...]) -> Mapping[str, str]:
    """The environment of a Python that sees only ``path``. The fixed hash seed keeps sets, and so .pyc, in one order."""
    return {"PYTHONPATH": os.pathsep.join(map(str, path)), "PYTHONHASHSEED": "0", "PYTHONSAFEPATH": "1"}


def target(version: str) -> Target:
    """The target for a version like 3.13. Raises NoInterpreter."""
    # a PYTHON in the environment names the interpreter of the virtual environment, not this one
    environment = {name: value for name, value in os.environ.items() if name != "PYTHON"}
    command = ["sh", "local/find_python.sh", version]
    found = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    if found.returncode:
        raise NoInterpreter(found.stderr.strip())
    return Target(version=version, interpreter=Path(found.stdout.strip()))
