"""`python -m local.docs`: writes the documents that are generated from the code: the state diagram, the settings, the API."""

import ast
import inspect
from itertools import pairwise
from pathlib import Path

import typer

from handlers.operations import OPERATIONS, Operation
from shared import settings as settings_module
from shared.domain.states import TRANSITIONS, CaseState
from shared.settings import Settings

DOCS = Path(__file__).parent.parent / "docs"


def documents() -> dict[Path, str]:
    """Every generated document and what it must contain."""
    return {DOCS / "states.md": states_page(), DOCS / "settings.md": settings_page(), DOCS / "api.md": api_page()}


def states_page() -> str:
    """The life of a case as a Mermaid diagram and a table, from the transition table."""
    lines = [
        "# The life of a case",
        "",
        "Generated from `shared/domain/states.py` by `python -m local.docs`.",
        "",
        "```mermaid",
        "stateDiagram-v2",
        "    [*] --> opened",
    ]
    # A person can stop a case in almost every state; drawn as a table instead, those arrows would hide the others.
    for state, targets in TRANSITIONS.items():
        drawn = sorted(target.value for target in targets - {CaseState.NEEDS_PERSON, CaseState.CANCELLED})
        lines += [f"    {state.value} --> {target}" for target in drawn]
        if state.ended:
            lines.append(f"    {state.value} --> [*]")
    lines += ["```", "", "| state | meaning | can be handed to a person | can be cancelled |", "|---|---|---|---|"]
    for state in CaseState:
        to = TRANSITIONS[state]
        marks = ["yes" if target in to else "" for target in (CaseState.NEEDS_PERSON, CaseState.CANCELLED)]
        ending = " *(ended)*" if state.ended else ""
        lines.append(f"| `{state.value}`{ending} | {state.meaning} | {marks[0]} | {marks[1]} |")
    lines += ["", "An ended case is opened again, as its next episode, when the world names its device again.", ""]
    return "\n".join(lines)


def settings_page() -> str:
    """Every app setting: name, default, meaning."""
    meanings = _meanings()
    lines = [
        "# Settings",
        "",
        "Generated from `shared/settings.py` by `python -m local.docs`. Lists are separated by commas. A value that cannot",
        "be read stops the app with every problem named; it is never replaced by something that allows more.",
        "",
        "| setting | default | meaning |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        shown = field.validation_alias if isinstance(field.validation_alias, str) else f"HANDOVER_{name.upper()}"
        lines.append(f"| `{shown}` | {_default(field.get_default())} | {meanings[name]} |")
    return "\n".join([*lines, ""])


def api_page() -> str:
    """Every operation: what it does, who may, what it is told."""
    lines = [
        "# The API",
        "",
        "Generated from `handlers/operations.py` by `python -m local.docs`. `GET /api/v1/openapi.json` is the whole description (OpenAPI 3.1).",
        "",
        "- Who calls is the person who is signed in; [operations.md](operations.md) says how, and who may what. On Azure a program sends",
        "  `Authorization: Bearer TOKEN`, as `az account get-access-token --scope api://CLIENT-ID/.default` gives it.",
        "- GET shows and never acts; POST acts, takes `application/json` only, and writes into the journal who did it.",
        '- An action on a case sends the ETag of the case that was looked at as `If-Match` (`"7"`): 428 without, 412 when the case moved',
        "  since. Every other POST sends the header `X-Handover-Request: 1`. So no page of another site can act in a person's name.",
        "- Errors are problem documents (RFC 9457): `detail` is a sentence. 400 cannot be used, 401 nobody is signed in, 403 a role is",
        "  missing, 404 not there, 409 not possible now, 503 try again later.",
        "- Lists have pages: what an answer calls `next` is the `after` of the following one. A page with a filter may be short.",
        "",
        "| request | needs | does |",
        "|---|---|---|",
    ]
    lines += [
        f"| `{one.method} /api/v1/{one.path}{_told(one)}` | {one.role.value.removeprefix('Handover.')} | {one.says} |"
        for one in OPERATIONS
    ]
    return "\n".join([*lines, ""])


def _told(operation: Operation) -> str:
    if operation.body is not None:
        return " {" + ", ".join(f'"{name}": ...' for name in operation.body.model_fields) + "}"
    names = () if operation.query is None else operation.query.model_fields
    return f"?{'&'.join(names)}" if names else ""


def _default(value: object) -> str:
    if value is None or value == () or type(value).__name__ == "PydanticUndefinedType":
        return "*required*" if type(value).__name__ == "PydanticUndefinedType" else ""
    return f"`{', '.join(map(str, value)) if isinstance(value, tuple) else value}`"  # pyright: ignore[reportUnknownArgumentType]  # any tuple can be shown


def _meanings() -> dict[str, str]:
    """The text under each field of the Settings class, read from its source."""
    tree = ast.parse(inspect.getsource(settings_module))
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Settings")
    found: dict[str, str] = {}
    for field, text in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            found[field.target.id] = " ".join(str(ast.literal_eval(text.value)).split())
    return found


def main() -> None:
    """Write the generated documents."""
    for path, text in documents().items():
        path.write_text(text, encoding="utf-8")
        typer.echo(f"Wrote {path}")


if __name__ == "__main__":
    typer.run(main)
