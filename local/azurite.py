"""Azurite, Microsoft's storage emulator, as a context manager: own process, own ports, own accounts."""

import base64
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

_HERE = Path(__file__).parent
_INSTALLED = _HERE / "node_modules" / ".bin" / "azurite"
_LISTENING = re.compile(r"Azurite (\w+) service is successfully listening at \S+:(\d+)")
_SERVICES = ("Blob", "Queue", "Table")
_START_SECONDS = 15.0
_STOP_SECONDS = 5.0
_PRINTED_BYTES = 100_000


class AzuriteError(Exception):
    """Azurite did not start; the text holds what it printed last."""


class AzuriteMissing(AzuriteError):
    """Node or Azurite is not installed; the text says how to install them."""


class Azurite:
    """One Azurite on 127.0.0.1 that dies with this process.

    ``accounts`` are the storage accounts to serve (3-24 lower-case letters and digits); each is a world of
    its own. ``ports`` are those of blob, queue and table; without them free ports are taken. ``folder`` is
    where the data is kept when it is not ``in_memory``; without one it is a temporary folder that ``stop``
    removes. Every method blocks: from asyncio call it with ``asyncio.to_thread``.
    """

    def __init__(
        self,
        in_memory: bool = True,
        folder: Path | None = None,
        ports: tuple[int, int, int] | None = None,
        *,
        accounts: Sequence[str] = ("devstoreaccount1",),
    ) -> None:
        if in_memory and folder is not None:
            raise ValueError("an Azurite in memory has no folder: pass in_memory=False")
        self._in_memory = in_memory
        self._folder = folder
        self._own_folder: tempfile.TemporaryDirectory[str] | None = None
        self._ports = ports or (0, 0, 0)
        self._keys = {name: base64.b64encode(secrets.token_bytes(32)).decode() for name in accounts}
        self._process: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def ports(self) -> tuple[int, int, int]:
        """The ports of blob, queue and table; zeros before the first start unless they were given."""
        return self._ports

    @property
    def connection_string(self) -> str:
        """The connection string of the first account, with its blob, queue and table endpoints."""
        return self.account(next(iter(self._keys)))

    def account(self, name: str) -> str:
        """The connection string of one of the accounts. Raises KeyError for any other name."""
        endpoints = "".join(
            f"{service}Endpoint=http://127.0.0.1:{port}/{name};"
            for service, port in zip(_SERVICES, self._ports, strict=True)
        )
        return f"DefaultEndpointsProtocol=http;AccountName={name};AccountKey={self._keys[name]};{endpoints}"

    def start(self) -> None:
        """Start, and return when blob, queue and table answer.

        Raises AzuriteMissing when it is not installed, AzuriteError when it ends or is not up in 15 seconds.
        """
        if self._process is not None:
            raise RuntimeError("this Azurite is running already")
        command = [_program(), *self._arguments()]
        # a file, not a pipe: nobody has to read along, and what it printed is there when it fails
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed in _end_process
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            env=self._environment(os.environ),
            start_new_session=True,
        )
        try:
            self._ports = self._wait_for_ports(self._process)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop it; data in a folder that was given stays. Stopping twice is fine."""
        self._end_process()
        if self._own_folder is not None:
            self._own_folder.cleanup()
            self._own_folder = None

    def restart(self) -> None:
        """Stop and start with the same ports and accounts; what is only in memory is lost."""
        self._end_process()
        self.start()

    def _end_process(self) -> None:
        if self._process is not None:
            _end_group(self._process)
            self._process = None
        if self._output is not None:
            self._output.close()
            self._output = None

    def _arguments(self) -> list[str]:
        # the SDKs speak newer API versions than Azurite knows, and it works nevertheless
        arguments = ["--skipApiVersionCheck", "--disableTelemetry", "--silent"]
        for service, port in zip(_SERVICES, self._ports, strict=True):
            arguments += [f"--{service.lower()}Host", "127.0.0.1", f"--{service.lower()}Port", str(port)]
        return [*arguments, *self._persistence()]

    def _persistence(self) -> list[str]:
        if self._in_memory:
            return ["--inMemoryPersistence"]
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            return ["--location", str(self._folder)]
        if self._own_folder is None:
            self._own_folder = tempfile.TemporaryDirectory(prefix="handover-azurite-")
        return ["--location", self._own_folder.name]

    def _environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        guard = str(_HERE / "exit_with_parent.cjs").replace("\\", "\\\\")
        return {
            **inherited,
            "AZURITE_ACCOUNTS": ";".join(f"{name}:{key}" for name, key in self._keys.items()),
            "NODE_OPTIONS": f'{inherited.get("NODE_OPTIONS", "")} --require "{guard}"'.strip(),
        }

    def _wait_for_ports(self, process: subprocess.Popen[bytes]) -> tuple[int, int, int]:
        give_up_at = time.monotonic() + _START_SECONDS
        while time.monotonic() < give_up_at:
            ended = process.poll() is not None
            printed = self._printed()
            found = {service: int(port) for service, port in _LISTENING.findall(printed)}
            if not ended and found.keys() >= set(_SERVICES):
                return found["Blob"], found["Queue"], found["Table"]
            if ended:
                raise AzuriteError(f"Azurite ended with {process.returncode}:\n{printed[-2000:]}")
            time.sleep(0.02)
        raise AzuriteError(f"Azurite was not up after {_START_SECONDS:.0f} s:\n{self._printed()[-2000:]}")

    def _printed(self) -> str:
        if self._output is None:
            return ""
        # pread leaves alone the file's position, which Azurite's own writes use
        return os.pread(self._output.fileno(), _PRINTED_BYTES, 0).decode(errors="replace")


def _program() -> str:
    """The program to start: $AZURITE, else the one of local/node_modules. Raises AzuriteMissing."""
    how = "run `make setup` (it needs Node 20 or newer with npm), or name Azurite's program in AZURITE"
    named = os.environ.get("AZURITE")
    if not named and shutil.which("node") is None:
        raise AzuriteMissing(f"Azurite needs Node, which is not on the PATH: {how}")
    program = shutil.which(named or _INSTALLED)
    if program is None:
        raise AzuriteMissing(f"Azurite is not installed ({named or _INSTALLED}): {how}")
    return program


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End the process and its whole group: kindly, so that data is written; for sure after 5 seconds."""
    try:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(_STOP_SECONDS)
    except ProcessLookupError:
        process.wait()
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    # only now: an earlier end of stdin would be a second SIGTERM, on which Azurite ends without writing
    if process.stdin is not None:
        process.stdin.close()
