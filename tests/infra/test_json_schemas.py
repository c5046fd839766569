"""host.json and the workbook against schemas of what may stand in them: neither host nor portal says where it is wrong."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

REPOSITORY = Path(__file__).parents[2]
SCHEMAS = Path(__file__).with_name("schemas")


def read(file: Path) -> Any:  # Any: nested JSON
    return json.loads(file.read_text(encoding="utf-8"))


DOCUMENTS = {
    "host": read(REPOSITORY / "host.json"),
    "workbook": read(REPOSITORY / "infra" / "modules" / "workbook.json"),
}


def problems(name: str, document: Any) -> list[str]:
    schema = read(SCHEMAS / f"{name}.schema.json")
    Draft202012Validator.check_schema(schema)
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(document)]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_file_is_what_its_schema_asks_for(name: str) -> None:
    assert problems(name, DOCUMENTS[name]) == []


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("host", ("version",), "1.0"),
        ("host", ("functionTimeout",), "5 minutes"),
        ("host", ("extensions", "queues", "batchSize"), 33),
        ("host", ("extensions", "queues", "batchsize"), 8),
        ("host", ("extensions", "queues", "maxPollingInterval"), 2000),
        ("host", ("extensions", "queues", "messageEncoding"), "Base64"),
        ("host", ("extensions", "http", "routePrefix"), "/api"),
        ("host", ("extensionBundle", "version"), "4.*"),
        ("host", ("logging", "applicationInsights", "samplingSettings", "excludedTypes"), "Trace,Request"),
        ("host", ("logging", "applicationInsights", "samplingExcludedTypes"), "Trace"),
        ("workbook", ("version",), "Notebook/2.0"),
        ("workbook", ("items", 2, "type"), 4),
        ("workbook", ("items", 2, "content", "visualization"), "bars"),
        ("workbook", ("items", 2, "content", "querry"), "AppTraces"),
        ("workbook", ("items", 1, "content", "parameters", 0, "value"), "P7D"),
    ],
)
def test_the_schema_refuses_what_would_not_work(name: str, path: tuple[str | int, ...], value: object) -> None:
    spoilt = copy.deepcopy(DOCUMENTS[name])
    place = spoilt
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert problems(name, spoilt)


def test_no_trace_is_sampled_since_the_record_of_a_wipe_is_one() -> None:
    sampling = DOCUMENTS["host"]["logging"]["applicationInsights"]["samplingSettings"]
    assert {"Trace", "Exception"} <= set(sampling["excludedTypes"].split(";"))
