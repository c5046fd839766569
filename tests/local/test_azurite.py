"""Azurite as local/azurite.py starts and ends it: the real program, the real SDKs.

A test that starts one of its own asks for the ``azurite`` fixture too, which skips where Azurite is not installed.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueServiceClient

from local.azurite import Azurite, AzuriteError, AzuriteMissing

REPOSITORY = Path(__file__).parents[2]


def queue_names(connection_string: str) -> list[str]:
    with QueueServiceClient.from_connection_string(connection_string) as queues:
        return [queue.name for queue in queues.list_queues()]


def create_queue(connection_string: str, name: str) -> None:
    with QueueServiceClient.from_connection_string(connection_string) as queues:
        queues.create_queue(name).close()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until_silent(port: int) -> None:
    give_up_at = time.monotonic() + 10
    while answers(port):
        assert time.monotonic() < give_up_at, f"something still answers on port {port}"
        time.sleep(0.05)


def test_queues_and_tables_answer_the_real_sdks(azurite_account: str) -> None:
    create_queue(azurite_account, "case-steps")
    with TableServiceClient.from_connection_string(azurite_account) as tables:
        table = tables.create_table("cases")
        table.create_entity({"PartitionKey": "device", "RowKey": "case", "state": "confirming"})
        assert table.get_entity("device", "case")["state"] == "confirming"
    assert queue_names(azurite_account) == ["case-steps"]


def test_what_one_account_holds_no_other_account_sees(azurite: Azurite) -> None:
    with Azurite(accounts=("first", "second")) as emulator:
        create_queue(emulator.account("first"), "hints")
        assert queue_names(emulator.account("first")) == ["hints"]
        assert queue_names(emulator.account("second")) == []
        assert emulator.connection_string == emulator.account("first")


def test_a_wrong_key_is_refused(azurite_account: str) -> None:
    forged = re.sub("AccountKey=[^;]+", "AccountKey=d3Jvbmc=", azurite_account)
    with pytest.raises(ClientAuthenticationError):
        queue_names(forged)


def test_an_account_that_was_not_named_at_the_start_is_unknown(azurite: Azurite) -> None:
    with pytest.raises(KeyError):
        azurite.account("stranger")


def test_a_restart_keeps_ports_accounts_and_what_is_in_the_folder(azurite: Azurite, tmp_path: Path) -> None:
    with Azurite(in_memory=False, folder=tmp_path / "storage") as emulator:
        before = emulator.connection_string
        create_queue(before, "device-events")
        emulator.restart()
        assert emulator.connection_string == before
        assert queue_names(before) == ["device-events"]


def test_a_restart_in_memory_forgets(azurite: Azurite) -> None:
    with Azurite() as emulator:
        create_queue(emulator.connection_string, "device-events")
        emulator.restart()
        assert queue_names(emulator.connection_string) == []


def test_after_stop_nothing_answers_and_a_second_stop_is_fine(azurite: Azurite) -> None:
    with Azurite() as emulator:
        assert all(answers(port) for port in emulator.ports)
    emulator.stop()
    assert not any(answers(port) for port in emulator.ports)


def test_azurite_ends_when_the_process_that_started_it_is_killed(azurite: Azurite) -> None:
    program = "from local.azurite import Azurite as A; a = A(); a.start(); print(a.ports[1], flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as starter:
        assert starter.stdout is not None
        port = int(starter.stdout.readline())
        assert answers(port)
        starter.send_signal(signal.SIGKILL)
    wait_until_silent(port)


def test_a_port_that_is_taken_is_a_clear_error(azurite: Azurite) -> None:
    _, taken, _ = azurite.ports
    with pytest.raises(AzuriteError, match="EADDRINUSE"):
        Azurite(ports=(0, taken, 0)).start()


def test_a_program_that_ends_at_once_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "azurite"
    broken.write_text("#!/bin/sh\necho the disk is on fire\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("AZURITE", str(broken))
    with pytest.raises(AzuriteError, match=r"ended with 3:\s+the disk is on fire"):
        Azurite().start()


def test_a_missing_azurite_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURITE", os.devnull)
    with pytest.raises(AzuriteMissing, match="make setup"):
        Azurite().start()


def test_memory_and_a_folder_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="in_memory=False"):
        Azurite(folder=tmp_path)
