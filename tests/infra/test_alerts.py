"""Alerts and workbook ask for events and fields that the code really logs, and each alert says what to do."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from shared.domain.reasons import Reason
from shared.domain.states import CaseState

REPOSITORY = Path(__file__).parents[2]
INFRA = REPOSITORY / "infra"
ALERTS: dict[str, Any] = json.loads((INFRA / "alerts.json").read_text())  # Any: nested JSON
WORKBOOK: dict[str, Any] = json.loads((INFRA / "modules" / "workbook.json").read_text())
OF_INTUNE = {"IntuneAuditLogs"}
BY_CHOICE = {"subscription.created", "subscription.adopted", "subscription.renewed"}  # named by a variable in the code


def queries() -> dict[str, str]:
    found = {rule["name"]: "\n".join(rule["query"]) for rule in ALERTS["rules"]}
    for item in WORKBOOK["items"]:
        if item["type"] == 3:
            found[item["name"]] = item["content"]["query"]
    return found


def events_of_the_code() -> dict[str, set[str]]:
    """The events that are logged, each with its fields."""
    found: dict[str, set[str]] = {}
    for file in (REPOSITORY / "shared").rglob("*.py"):
        for call in ast.walk(ast.parse(file.read_text())):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "event":
                name = call.args[1]
                fields = {keyword.arg for keyword in call.keywords if keyword.arg and keyword.arg != "level"}
                if isinstance(name, ast.Constant):
                    found.setdefault(str(name.value), set()).update(fields)
    return found


@pytest.mark.parametrize("name", queries())
def test_a_query_names_only_events_and_fields_that_are_logged(name: str) -> None:
    query = queries()[name]
    logged = events_of_the_code()
    named = set(re.findall(r"event == '([\w.]+)'", query))
    assert named, "it asks for no event"
    assert named - BY_CHOICE <= set(logged)
    fields = set(re.findall(r"\be\.(\w+)|\be\['(\w+)'\]", query.replace(ALERTS["events"], "")))
    assert {one or other for one, other in fields} <= set[str]().union(*(logged[each] for each in named))


@pytest.mark.parametrize("name", queries())
def test_a_query_is_well_formed_as_far_as_can_be_told_here(name: str) -> None:
    query = queries()[name]
    assert query.count("(") == query.count(")")
    assert query.count("'") % 2 == 0
    assert set(re.findall(r"\b(?:App\w+|Intune\w+)\b", query)) - {"AppTraces", "Intune"} <= OF_INTUNE


def test_states_and_reasons_in_the_queries_exist() -> None:
    everything = "\n".join(queries().values())
    states = {
        word
        for each in re.findall(r"e\.(?:state|before)\) (?:==|!=|in) \(?([^)|\n]*)", everything)
        for word in re.findall(r"'(\w+)'", each)
    }
    reasons = set(re.findall(r"e\.reason\) == '(\w+)'", everything))
    assert states and states <= {state.value for state in CaseState}
    assert reasons and reasons <= {reason.value for reason in Reason}


def test_every_alert_stands_in_the_operations_page() -> None:
    page = (REPOSITORY / "docs" / "operations.md").read_text()
    assert [rule["name"] for rule in ALERTS["rules"] if f"`{rule['name']}`" not in page] == []


def tiles() -> dict[str, set[str]]:
    """The tiles of the workbook, each with the events that it asks for."""
    of_workbook = {item["name"] for item in WORKBOOK["items"] if item["type"] == 3}
    return {
        name: set(re.findall(r"event == '([\w.]+)'", query)) for name, query in queries().items() if name in of_workbook
    }


def tiles_of_the_page() -> dict[str, set[str]]:
    """As the operations page describes them: a row for each tile, with its events."""
    page = (REPOSITORY / "docs" / "operations.md").read_text()
    rows = re.search(r"\| tile \| from \|.*?\n\n", page, re.DOTALL)
    assert rows, "the operations page has no table of tiles"
    found = re.findall(r"^\| ([^|]+) \| ([^|]+) \|", rows[0], re.MULTILINE)[1:]
    return {tile: set(re.findall(r"`([\w.]+)`", events)) for tile, events in found if set(tile) != {"-"}}


def test_the_operations_page_describes_the_tiles_of_the_workbook_and_no_others() -> None:
    assert tiles_of_the_page() == tiles()


def test_what_the_sweep_found_and_no_event_told_has_a_tile() -> None:
    query = queries()["Found by the sweep, not by an event"]
    assert (
        "countif(tostring(e.source) == 'sweep')" in query
        and {"hint.taken"} == tiles()["Found by the sweep, not by an event"]
    )


def test_an_alert_looks_back_at_least_as_far_as_it_is_apart() -> None:
    lengths = {"PT5M": 5, "PT15M": 15, "PT30M": 30, "PT1H": 60, "PT6H": 360, "P2D": 2880}
    assert all(lengths[rule["window"]] >= lengths[rule["every"]] for rule in ALERTS["rules"])
    assert all(0 <= rule["severity"] <= 4 for rule in ALERTS["rules"])


def test_the_workbook_holds_what_the_portal_expects() -> None:
    assert WORKBOOK["version"] == "Notebook/1.0"
    assert all({"type", "name", "content"} <= set(item) for item in WORKBOOK["items"])
    assert len({item["name"] for item in WORKBOOK["items"]}) == len(WORKBOOK["items"])
