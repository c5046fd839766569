"""The operations page knows every reason for which a case can need a person, and every permission that can be granted."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.domain.reasons import Reason

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
CHAPTER = "## What to do when a case needs a person\n"

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _rows() -> list[str]:
    """The reasons in the first column of the chapter's table."""
    chapter = PAGE.split(CHAPTER)[1].split("\n## ")[0]
    first_cells = [line.split("|")[1] for line in chapter.splitlines() if line.startswith("| `")]
    return [reason for cell in first_cells for reason in re.findall(r"`([a-z_]+)`", cell)]


def _functions(tree: ast.AST) -> dict[str, Function]:
    return {node.name: node for node in ast.walk(tree) if isinstance(node, Function)}


def _called(node: ast.AST) -> str | None:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None


def _named_in(expression: ast.AST) -> set[str]:
    """Every ``Reason.X`` in it."""
    return {
        node.attr
        for node in ast.walk(expression)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Reason"
    }


def _values_of(name: str, function: Function) -> Iterator[ast.expr]:
    """What is assigned to this variable in the function."""
    for node in ast.walk(function):
        targets = (
            node.targets
            if isinstance(node, ast.Assign)
            else [node.target]
            if isinstance(node, ast.NamedExpr | ast.AnnAssign)
            else []
        )
        value = getattr(node, "value", None)
        if isinstance(value, ast.expr) and any(isinstance(each, ast.Name) and each.id == name for each in targets):
            yield value


def _reasons_of(call: ast.Call, function: Function, functions: dict[str, Function]) -> set[str]:
    """Which reasons the first argument can be: named there, by its variable, or by a function that gave the variable."""
    first = call.args[0]
    if named := _named_in(first):
        return named
    variable = first.value if isinstance(first, ast.Starred) else first
    found = set[str]()
    if isinstance(variable, ast.Name):
        for value in _values_of(variable.id, function):
            callees = [functions[name] for node in ast.walk(value) if (name := _called(node)) in functions]
            found |= _named_in(value).union(*map(_named_in, callees))
    return found


def _asked_for() -> dict[str, set[str]]:
    """Where a person is asked (file:line), and for which reasons."""
    asked = dict[str, set[str]]()
    for path in sorted((ROOT / "shared").rglob("*.py")):
        functions = _functions(ast.parse(path.read_text(encoding="utf-8")))
        for function in functions.values():
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and _called(node) == "ask_person":
                    place = f"{path.relative_to(ROOT)}:{node.lineno}"
                    asked[place] = {Reason[name].value for name in _reasons_of(node, function, functions)}
    return asked


ASKED_FOR = _asked_for()
REASONS = sorted({reason for reasons in ASKED_FOR.values() for reason in reasons})


def test_every_place_that_asks_a_person_says_for_which_reason():
    assert len(ASKED_FOR) > 30
    assert [place for place, reasons in ASKED_FOR.items() if not reasons] == []


@pytest.mark.parametrize("reason", REASONS)
def test_the_operations_page_says_what_a_person_does_for_each_reason(reason: str):
    assert _rows().count(reason) == 1


def test_the_operations_page_has_no_row_for_a_reason_that_asks_nobody():
    assert sorted(_rows()) == REASONS


def _roles() -> dict[str, str]:
    groups: dict[str, dict[str, object]] = json.loads((ROOT / "infra/graph-roles.json").read_text(encoding="utf-8"))
    return {role: group for group, roles in groups.items() for role in roles}


def test_the_operations_page_lists_every_permission_that_infra_can_grant():
    listed = re.findall(r"^\| `([A-Z][A-Za-z]+\.[A-Z][A-Za-z.]+)` \|", PAGE, flags=re.MULTILINE)

    assert sorted(listed) == sorted(_roles())


def test_the_permissions_of_report_mode_only_read():
    listed = re.findall(r"^\| `([A-Za-z.]+)` \| always \|", PAGE, flags=re.MULTILINE)

    assert sorted(listed) == sorted(role for role, group in _roles().items() if group == "report")
    assert all(".Read." in role for role in listed)
