"""The OpenAPI description of Graph as JSON Schema, to check answers against; it lies beside this repository, not in it."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator, FormatChecker

Json = Any  # nested JSON of a schema
_OPENAPI_ONLY = frozenset({"nullable", "discriminator"})
_FOLDER = Path(__file__).parents[3] / "shared" / "data" / "graph-openapi"


@cache
def description(version: str) -> Json:
    """The OpenAPI document of one version; skips the test when it is not there."""
    file = _FOLDER / f"{version}.json"
    if not file.exists():
        pytest.skip("the OpenAPI description of Graph is not beside this repository")
    return json.loads(file.read_text("utf-8"))


def problems(version: str, path: str, method: str, status: int, body: Json) -> list[str]:
    """What of an answer's body is not as described. Raises KeyError for an operation that is not described."""
    responses = description(version)["paths"][path][method]["responses"]
    content = responses[str(status)].get("content", {}).get("application/json")
    if content is None:
        return [] if body is None else [f"{status} has no content"]
    schema = _as_json_schema(content["schema"]) | {"components": _components(version)}
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(body)]


def described(version: str) -> Iterator[tuple[str, str]]:
    """Every path and method of one version."""
    for path, item in description(version)["paths"].items():
        yield from ((path, method) for method in item if method in {"get", "post", "patch", "delete"})


@cache
def _components(version: str) -> Json:
    return _as_json_schema(description(version)["components"])


def _as_json_schema(node: Json) -> Json:
    """OpenAPI 3.0 writes nullable where JSON Schema has a type null, or an alternative that is null."""
    if isinstance(node, list):
        return [_as_json_schema(part) for part in cast("list[Json]", node)]
    if not isinstance(node, dict):
        return node
    fields = cast("dict[str, Json]", node)
    converted = {name: _as_json_schema(value) for name, value in fields.items() if name not in _OPENAPI_ONLY}
    return {"anyOf": [converted, {"type": "null"}]} if fields.get("nullable") else converted
