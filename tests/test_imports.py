"""The house's direction: who may import whom, read from the source, and what importing the app may do."""

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
PRODUCT = ("function_app.py", "handlers", "shared")
OUTSIDE = ("local", "tests")

NOUNS = {"shared.domain", "shared.errors", "shared.names"}
BELOW_USE_CASES = {*NOUNS, "shared.rules", "shared.ports", "shared.records", "shared.telemetry", "shared.tracing"}
USE_CASES = {"shared.intake", "shared.remedy", "shared.operate", "shared.upkeep", "shared.tenant_setup"}

# Each part of the product and the other parts that it may import. A part is a package or a module.
MAY_IMPORT = {
    "function_app": {"handlers", "shared.names", "shared.settings"},
    "handlers": {*USE_CASES, *NOUNS, "shared.bootstrap", "shared.console", "shared.telemetry", "shared.tracing"},
    "shared.bootstrap": {
        "shared.services",
        "shared.ports",
        "shared.remedy",
        "shared.clients",
        "shared.settings",
        "shared.telemetry",
        "shared.tracing",
        *NOUNS,
    },
    "shared.services": {*USE_CASES, *BELOW_USE_CASES, "shared.notices", "shared.settings"},
    # what runs by the clock, and what people do, drive the cases; a case's step knows neither
    "shared.upkeep": {*BELOW_USE_CASES, "shared.intake", "shared.notices", "shared.remedy"},
    # the tenant itself, on request: it knows no case, and no step of a case knows it
    "shared.tenant_setup": BELOW_USE_CASES,
    "shared.operate": {*BELOW_USE_CASES, "shared.intake", "shared.remedy"},
    "shared.intake": {*BELOW_USE_CASES, "shared.remedy"},
    "shared.remedy": {*BELOW_USE_CASES, "shared.notices"},
    # what people are told, as text: it knows what there is to say and nothing of how it travels
    "shared.notices": {*NOUNS, "shared.rules"},
    # pages, as pure functions from what was read: it asks nobody
    "shared.console": {*NOUNS, "shared.rules", "shared.records", "shared.operate"},
    "shared.clients": {*NOUNS, "shared.ports", "shared.settings", "shared.telemetry", "shared.tracing"},
    # rules: what is counted and spent in one conditional write asks the very rule that decided
    "shared.records": {*NOUNS, "shared.ports", "shared.rules", "shared.telemetry"},
    "shared.telemetry": {*NOUNS, "shared.tracing"},
    "shared.tracing": set[str](),
    "shared.settings": {"shared.domain", "shared.names"},
    "shared.ports": {"shared.domain", "shared.errors"},
    "shared.rules": {"shared.domain"},
    "shared.domain": set[str](),
    "shared.errors": set[str](),
    "shared.names": set[str](),
}
PURE = ("shared.domain", "shared.rules", "shared.ports", "shared.errors", "shared.names")

VENDORS = ("azure", "msgraph", "msgraph_core", "msgraph_beta", "msal", "kiota", "httpx", "aiohttp", "opentelemetry")
MAY_IMPORT_VENDORS = ("shared.clients", "shared.bootstrap", "shared.telemetry")
MAY_IMPORT_FUNCTION_TYPES = ("function_app", "handlers")

NAMED_FOR_NOTHING = {"util", "utils", "common", "helper", "helpers", "misc", "tools"}


def python_files(*parts: str) -> Iterator[Path]:
    for part in parts:
        path = REPOSITORY / part
        files = [path] if path.suffix else path.rglob("*.py")
        yield from (file for file in files if "node_modules" not in file.parts)


def module_name(file: Path) -> str:
    return ".".join(file.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")


PRODUCT_MODULES = {module_name(file): ast.parse(file.read_text()) for file in python_files(*PRODUCT)}


def imports(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported, at the top or inside a function, for running or for types only."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"line {node.lineno}: a relative import"
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name if name in PRODUCT_MODULES else node.module for name in names)


def is_in(module: str, parts: tuple[str, ...]) -> bool:
    return any(module == part or module.startswith(part + ".") for part in parts)


def part_of(module: str) -> str:
    """The part of the product that the module belongs to; a new part has to be given its place above."""
    found = [part for part in MAY_IMPORT if is_in(module, (part,))]
    assert found or module == "shared", f"{module} has no place in MAY_IMPORT"
    return found[0] if found else module


ALL_IMPORTS = [
    (module, imported) for module, tree in PRODUCT_MODULES.items() for imported in dict.fromkeys(imports(tree))
]


def test_imports_go_one_way() -> None:
    product = tuple(Path(part).stem for part in PRODUCT)
    arrows_up = [
        f"{module} imports {imported}"
        for module, imported in ALL_IMPORTS
        if is_in(imported, product) and part_of(imported) not in {part_of(module), *MAY_IMPORT[part_of(module)]}
    ]
    assert arrows_up == []


def test_nothing_in_the_product_knows_the_tools_around_it() -> None:
    assert [pair for pair in ALL_IMPORTS if is_in(pair[1], OUTSIDE)] == []


def test_only_clients_bootstrap_and_telemetry_know_vendors() -> None:
    def is_vendor(imported: str) -> bool:
        return is_in(imported, VENDORS) or imported.startswith("kiota_")

    def may(module: str, imported: str) -> bool:
        return is_in(module, MAY_IMPORT_VENDORS) or (
            is_in(module, MAY_IMPORT_FUNCTION_TYPES) and imported == "azure.functions"
        )

    assert [pair for pair in ALL_IMPORTS if is_vendor(pair[1]) and not may(*pair)] == []


def test_the_pure_floors_import_only_the_standard_library_and_themselves() -> None:
    known = {*sys.stdlib_module_names, "shared"}
    foreign = [pair for pair in ALL_IMPORTS if is_in(pair[0], PURE) and pair[1].split(".")[0] not in known]
    assert foreign == []


def test_no_module_imports_itself_through_others() -> None:
    graph: dict[str, set[str]] = {module: set() for module in PRODUCT_MODULES}
    for module, imported in ALL_IMPORTS:
        if imported in PRODUCT_MODULES and imported != module:
            graph[module].add(imported)
    tuple(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError, which names the circle


def test_only_settings_reads_the_environment() -> None:
    def reads_environment(node: ast.AST) -> bool:
        words = {"environ", "environb", "getenv", "getenvb"}
        if isinstance(node, ast.ImportFrom):
            return node.module == "os" and any(alias.name in words for alias in node.names)
        return isinstance(node, ast.Attribute) and node.attr in words

    readers = {module for module, tree in PRODUCT_MODULES.items() if any(map(reads_environment, ast.walk(tree)))}
    assert readers <= {"shared.settings"}


def test_every_module_is_named_for_a_thing() -> None:
    files = python_files(*PRODUCT, *OUTSIDE)
    named_for_nothing = [
        str(file.relative_to(REPOSITORY))
        for file in files
        if NAMED_FOR_NOTHING & set(file.relative_to(REPOSITORY).with_suffix("").parts)
    ]
    assert named_for_nothing == []


def test_importing_the_app_loads_no_graph_client_and_talks_to_nobody() -> None:
    program = """
import sys

def refuse(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}:
        raise AssertionError(f"{event} {arguments} while importing")

sys.addaudithook(refuse)
import function_app

heavy = sorted(name for name in sys.modules if name.partition(".")[0].partition("_")[0] in {"msgraph", "kiota", "jinja2"})
assert not heavy, heavy
"""
    # an environment without any setting: nothing may be needed at import
    process = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, env={}, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
