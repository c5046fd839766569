"""The product has no way to wipe more than one device at a time, nor to lose one in another way: read from the source."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.clients.graph.devices import GraphDevices
from shared.clients.graph.wipe import wipe
from shared.ports import Devices
from shared.remedy.parts import UnprivilegedDevices

REPOSITORY = Path(__file__).parents[1]
PRODUCT = [
    REPOSITORY / "function_app.py",
    *(REPOSITORY / "handlers").rglob("*.py"),
    *(REPOSITORY / "shared").rglob("*.py"),
]
CLIENTS = [file for file in PRODUCT if file.is_relative_to(REPOSITORY / "shared/clients")]

PASSES_IT_ON = {"shared/clients/graph/devices.py": "wipe(self._transport"}
"""The port's own implementation, which is one call of the one function that sends."""
LOSES_A_DEVICE = re.compile(
    r"retire|cleanWindowsDevice|clean_windows_device|removeCompanyData|deleteUserFromShared", re.IGNORECASE
)
MANY_AT_ONCE = re.compile(r"\$batch|batch_request|BatchRequest|executeAction|execute_action", re.IGNORECASE)
MAY_DELETE = {"shared/clients/graph/subscriptions.py"}
"""Of what Graph holds, only our own subscriptions."""


def name_of(file: Path) -> str:
    return file.relative_to(REPOSITORY).as_posix()


def code_of(file: Path) -> str:
    """The source without comments and docstrings; other texts stay, since paths and methods are texts."""
    return ast.unparse(_WithoutWords().visit(ast.parse(file.read_text(encoding="utf-8"))))


class _WithoutWords(ast.NodeTransformer):
    def visit_Expr(self, node: ast.Expr) -> ast.AST:  # the name that ast calls
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return ast.copy_location(ast.Pass(), node) if is_text else self.generic_visit(node)


def uses_of_wipe(file: Path) -> Iterator[str]:
    """Every ``x.wipe`` that is called or passed on, as it is written; ``advance.wipe`` is the protocol."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr == "wipe" and "devices" in ast.unparse(node.value).lower():
            yield ast.unparse(node)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr" and "wipe" in ast.unparse(node):
            yield ast.unparse(node)


def test_only_the_wipe_protocol_asks_for_a_wipe_and_at_one_place() -> None:
    uses = {name_of(file): found for file in PRODUCT if (found := list(uses_of_wipe(file)))}
    assert uses == {"shared/remedy/wipe.py": ["self.devices.wipe"]}


def test_only_one_function_builds_the_request_of_a_wipe() -> None:
    building = re.compile(r"device\.wipe\b|/wipe\b|managed_devices.*\.wipe\b")
    assert [name_of(file) for file in PRODUCT if building.search(code_of(file))] == ["shared/clients/graph/wipe.py"]
    callers = [
        name_of(file) for file in PRODUCT if re.search(r"(?<![\w.])wipe\(", code_of(file).replace("def wipe(", ""))
    ]
    assert callers == list(PASSES_IT_ON)
    assert code_of(REPOSITORY / callers[0]).count(PASSES_IT_ON[callers[0]]) == 1


def test_the_protocol_does_not_wipe_in_a_loop() -> None:
    tree = ast.parse((REPOSITORY / "shared/remedy/wipe.py").read_text(encoding="utf-8"))
    loops = (ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
    assert [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, loops)] == []


@pytest.mark.parametrize("taker", [Devices.wipe, GraphDevices.wipe, UnprivilegedDevices.wipe, wipe])
def test_a_wipe_takes_exactly_one_device(taker: object) -> None:
    parameters = inspect.signature(taker).parameters  # pyright: ignore[reportArgumentType]  # each is a function
    assert parameters["managed_device_id"].annotation in (str, "str")
    assert set(parameters) - {"self", "transport"} == {"managed_device_id", "backing", "not_after"}
    kinds = {each.kind for each in parameters.values()}
    assert kinds <= {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize("file", CLIENTS, ids=name_of)
def test_no_client_can_do_many_at_once_or_lose_a_device(file: Path) -> None:
    code = code_of(file)
    assert MANY_AT_ONCE.findall(code) == []
    assert LOSES_A_DEVICE.findall(code) == []
    if "graph" in file.parts:
        assert name_of(file) in MAY_DELETE or not re.search(r"""['"]DELETE['"]|\.delete\b""", code)


def test_nothing_of_the_product_does_many_at_once() -> None:
    found = {name_of(file): MANY_AT_ONCE.findall(code_of(file)) for file in PRODUCT}
    assert {name: words for name, words in found.items() if words} == {}
