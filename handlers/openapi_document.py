"""The API described as OpenAPI 3.1, made of the table of operations and the models they name."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from handlers.answers import REQUEST_HEADER
from handlers.operations import OPERATIONS, Operation
from handlers.shapes import Problem

Json = dict[str, Any]
_PROBLEMS = {
    400: "The request cannot be used.",
    401: "Nobody is signed in.",
    403: "A role is missing.",
    404: "There is no such thing.",
    409: "Not possible as things are now.",
    412: "The case moved since it was looked at.",
    415: "The body is not application/json.",
    428: "It is not said what was looked at.",
    500: "Handover's log says why.",
    503: "Storage is not available.",
}
_OF_ACTIONS = frozenset({409, 412, 415, 428})


@cache
def document() -> Json:
    """The whole document."""
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = []
    for operation in OPERATIONS:
        models.extend((model, "validation") for model in (operation.query, operation.body) if model is not None)
        if operation.answer is not None:
            models.append((operation.answer, "serialization"))
    models.append((Problem, "serialization"))
    references, definitions = models_json_schema(
        list(dict.fromkeys(models)), ref_template="#/components/schemas/{model}"
    )
    schemas: Json = definitions["$defs"]
    paths: Json = {}
    for operation in OPERATIONS:
        where = paths.setdefault(f"/api/v1/{operation.path}", {})
        where[operation.method.lower()] = _described(operation, references, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Handover",
            "version": "1",
            "description": "GET shows and never acts; POST acts, as the person who is signed in, and says so in the journal.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "entra": {"type": "http", "scheme": "bearer", "description": "A token of Microsoft Entra ID."}
            },
        },
        "security": [{"entra": []}],
    }


def _described(operation: Operation, references: Any, schemas: Json) -> Json:
    described: Json = {
        "operationId": operation.name,
        "summary": operation.says,
        "description": f"Needs the app role {operation.role.value}.",
        "parameters": list(_parameters(operation, references, schemas)),
        "responses": {"200": _answer(operation, references)},
    }
    if operation.body is not None:
        content = {"application/json": {"schema": references[operation.body, "validation"]}}
        described["requestBody"] = {"required": True, "content": content}
    for status, says in _PROBLEMS.items():
        if operation.body is not None or status not in _OF_ACTIONS:
            content = {"application/problem+json": {"schema": references[Problem, "serialization"]}}
            described["responses"][str(status)] = {"description": says, "content": content}
    return described


def _answer(operation: Operation, references: Any) -> Json:
    schema: Json = {} if operation.answer is None else references[operation.answer, "serialization"]
    content = {
        kind: {"schema": schema if kind == "application/json" else {"type": "string"}} for kind in operation.kinds
    }
    return {"description": operation.says, "content": content}


def _parameters(operation: Operation, references: Any, schemas: Json) -> Iterator[Json]:
    for name in re.findall(r"\{(\w+)\}", operation.path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    if operation.query is not None:
        model = references[operation.query, "validation"]["$ref"].rpartition("/")[2]
        for name, schema in schemas[model]["properties"].items():
            yield {"name": name, "in": "query", "required": False, "schema": _without_null(schema)}
    if operation.on_a_case:
        pattern = {"type": "string", "pattern": r'^"[0-9]{1,9}"$'}
        yield {"name": "If-Match", "in": "header", "required": True, "schema": pattern}
    elif operation.body is not None:
        yield {"name": REQUEST_HEADER, "in": "header", "required": True, "schema": {"type": "string", "const": "1"}}


def _without_null(schema: Json) -> Json:
    """In a query a value is there or is not; null cannot be written."""
    options = [option for option in schema.get("anyOf", []) if option.get("type") != "null"]
    kept = {name: value for name, value in schema.items() if name not in ("anyOf", "title", "default")}
    return kept | options[0] if options else kept
