"""Loading a v2 app: what it declares is read, and what the worker would refuse is refused."""

from pathlib import Path

import pytest

from local.host.app import HttpTrigger, QueueOutput, QueueTrigger, TimerTrigger, load
from local.host.configuration import HostError, connection_string, read_host_json
from local.host.host import Host
from tests.local.hosting import SAMPLE_APP, write_app


def test_triggers_and_outputs_are_read_from_the_app() -> None:
    functions = {function.name: function for function in load(SAMPLE_APP, {"RECEIPTS": "Receipts"})}
    assert functions["hello"].trigger == HttpTrigger(
        parameter="req", route="hello/{name}", methods=frozenset({"GET"}), auth_level="ANONYMOUS"
    )
    assert functions["take_order"].trigger == HttpTrigger(
        parameter="req", route="orders", methods=frozenset({"POST"}), auth_level="FUNCTION"
    )
    assert functions["fill_order"].trigger == QueueTrigger(
        parameter="order", queue="orders", connection="Storage", binary=False, plain=False
    )
    assert functions["fill_order"].outputs == [
        QueueOutput(parameter="receipt", queue="receipts", connection="Storage", annotation=str)
    ]
    assert functions["close_day"].trigger == TimerTrigger(
        parameter="timer", schedule="0 0 * * * *", run_on_startup=False, use_monitor=True, plain=False
    )


def test_a_setting_that_a_name_needs_must_be_there() -> None:
    with pytest.raises(HostError, match=r"fill_order.*RECEIPTS is missing"):
        load(SAMPLE_APP, {})


def test_functions_of_other_kinds_are_listed_but_not_run(tmp_path: Path) -> None:
    write_app(
        tmp_path,
        """
        @app.event_hub_message_trigger(arg_name="events", event_hub_name="logs", connection="Hub")
        def logs(events: func.EventHubEvent) -> None: ...

        @app.timer_trigger(arg_name="timer", schedule="0 0 * * * *")
        def off(timer: func.TimerRequest) -> None: ...
        """,
    )
    functions = load(tmp_path, {"AzureWebJobs.off.Disabled": "true"})
    assert [(function.name, function.trigger, function.not_run) for function in functions] == [
        ("logs", None, "eventHubTrigger is not supported here"),
        ("off", None, "disabled by AzureWebJobs.off.Disabled"),
    ]


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ("message: func.QueueMessage", "parameters"),
        ("message: func.QueueMessage, out: func.Out[str], more: str", "parameters"),
        ("message: func.QueueMessage, out: str", r"func\.Out"),
        ("message: func.Out[str], out: func.Out[str]", r"func\.Out"),
        ("message: func.QueueMessage, out: func.Out[list[str]]", r"typing\.List"),
        ("message: func.QueueMessage, out: func.Out[dict]", r"typing\.List"),
    ],
)
def test_a_signature_that_the_worker_refuses_is_refused(tmp_path: Path, parameters: str, complaint: str) -> None:
    write_app(
        tmp_path,
        f"""
        @app.queue_trigger(arg_name="message", queue_name="work", connection="Storage")
        @app.queue_output(arg_name="out", queue_name="next", connection="Storage")
        def work({parameters}) -> None: ...
        """,
    )
    with pytest.raises(HostError, match=f"cannot load the work function: .*{complaint}"):
        load(tmp_path, {})


def test_two_functions_of_one_name_are_refused(tmp_path: Path) -> None:
    write_app(tmp_path, "\n".join(['@app.route(route="x")\ndef x(req: func.HttpRequest) -> str: ...'] * 2))
    with pytest.raises(HostError, match="unique"):
        load(tmp_path, {})


@pytest.mark.parametrize("source", ["del app", "other = func.FunctionApp()"])
def test_there_must_be_exactly_one_app(tmp_path: Path, source: str) -> None:
    with pytest.raises(HostError, match="exactly one"):
        load(write_app(tmp_path, source), {})


def test_a_directory_without_app_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"function_app\.py"):
        load(tmp_path, {})


@pytest.mark.parametrize("suffix", ["__queueServiceUri", "__serviceUri", "__accountName"])
def test_a_host_says_that_it_does_no_identity_based_connections(suffix: str) -> None:
    environ = {f"Storage{suffix}": "https://x.queue.core.windows.net", "RECEIPTS": "receipts"}
    with pytest.raises(HostError, match="identity-based"):
        Host(SAMPLE_APP, environ=environ)


def test_a_host_says_which_connection_is_missing() -> None:
    with pytest.raises(HostError, match="Storage is not set"):
        Host(SAMPLE_APP, environ={"RECEIPTS": "receipts"})


def test_a_connection_is_looked_up_with_the_prefix_first() -> None:
    environ = {"AzureWebJobsStorage": "first", "Storage": "second", "Other": "UseDevelopmentStorage=true"}
    assert connection_string(environ, "Storage") == "first"
    assert connection_string(environ, "") == "first"
    assert "AccountName=devstoreaccount1;" in connection_string(environ, "Other")


def test_host_json_gives_queue_options_and_the_defaults_are_the_extensions(tmp_path: Path) -> None:
    defaults = read_host_json(tmp_path)
    assert (defaults.queues.batch_size, defaults.queues.max_dequeue_count) == (16, 5)
    assert (defaults.queues.visibility_timeout.total_seconds(), defaults.queues.message_encoding) == (0, "base64")
    assert (defaults.queues.max_polling_interval.total_seconds(), defaults.route_prefix) == (60, "api")
    write_app(tmp_path, "", queues={"visibilityTimeout": "00:00:30", "batchSize": 2, "newBatchThreshold": 0})
    given = read_host_json(tmp_path)
    assert (given.queues.visibility_timeout.total_seconds(), given.queues.batch_size) == (30, 2)
    assert given.queues.threshold == 0
    write_app(tmp_path, "", queues={"batchSize": 33})
    with pytest.raises(HostError, match="batchSize"):
        read_host_json(tmp_path)
