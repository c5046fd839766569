"""OData query options: $select, $filter, $top, $skip, $expand and the tokens of paging and delta."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from local.tenant.model.filters import Condition, Operator, Scalar
from local.tenant.model.refusal import bad_request

_LITERAL = r"'(?:[^']|'')*'|[^\s(),']+"
_COMPARISON = re.compile(rf"\s*(?P<name>[\w/]+)\s+(?P<op>eq|ne|lt|le|gt|ge)\s+(?P<value>{_LITERAL})\s*", re.I)
_FUNCTION = re.compile(
    rf"\s*(?P<op>contains|startswith)\(\s*(?P<name>[\w/]+)\s*,\s*(?P<value>{_LITERAL})\s*\)\s*", re.I
)
_MEMBERSHIP = re.compile(rf"\s*(?P<name>[\w/]+)\s+in\s*\((?P<values>(?:\s*(?:{_LITERAL})\s*,?)+)\)\s*", re.I)
_ANY = re.compile(rf"\s*(?P<name>\w+)/any\(\s*(\w+)\s*:\s*\2\s+(?P<op>eq)\s+(?P<value>{_LITERAL})\s*\)\s*", re.I)
_AND = re.compile(r"and\b", re.I)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """The query options of one request. ``conditions`` is None when the filter cannot be read."""

    raw: Mapping[str, str]
    select: tuple[str, ...] | None = None
    expand: frozenset[str] = frozenset()
    conditions: tuple[Condition, ...] | None = ()
    top: int | None = None
    start: int = 0


def read_query(raw: Mapping[str, str]) -> Query:
    """The options of a query string. Raises 400 for numbers that are none."""
    select = raw.get("$select")
    expand = raw.get("$expand", "")
    top = raw.get("$top")
    return Query(
        raw=raw,
        select=tuple(name.strip() for name in select.split(",") if name.strip()) if select else None,
        expand=frozenset(part.partition("(")[0].strip() for part in expand.split(",") if part.strip()),
        conditions=read_filter(raw.get("$filter", "")),
        top=None if top is None else _number("$top", top),
        start=_number("$skip", raw["$skip"]) if "$skip" in raw else _skip_token(raw.get("$skiptoken")),
    )


def read_filter(text: str) -> tuple[Condition, ...] | None:
    """Comparisons joined by ``and``; None for anything else."""
    conditions: list[Condition] = []
    rest = text.strip()
    while rest:
        parsed = _one(rest)
        if parsed is None:
            return None
        condition, rest = parsed
        conditions.append(condition)
        if rest:
            joint = _AND.match(rest)
            if joint is None or not rest[joint.end() :].strip():
                return None
            rest = rest[joint.end() :]
    return tuple(conditions)


def _one(text: str) -> tuple[Condition, str] | None:
    found = _ANY.match(text) or _FUNCTION.match(text) or _COMPARISON.match(text)
    if found is not None:
        operator = cast("Operator", found["op"].lower())
        return Condition(property=found["name"], operator=operator, value=_value(found["value"])), text[found.end() :]
    found = _MEMBERSHIP.match(text)
    if found is not None:
        values = tuple(_value(v) for v in re.findall(_LITERAL, found["values"]))
        return Condition(property=found["name"], operator="in", value=values), text[found.end() :]
    return None


def _value(literal: str) -> Scalar:
    if literal.startswith("'"):
        return literal[1:-1].replace("''", "'")
    if literal in {"true", "false"}:
        return literal == "true"
    if literal == "null":
        return None
    if _TIME.match(literal):
        try:
            return datetime.fromisoformat(literal)
        except ValueError:
            return literal
    return int(literal) if literal.isdigit() else literal


def _number(option: str, text: str) -> int:
    if not text.isdigit():
        raise bad_request(f"Invalid value '{text}' for {option} query option found.", code="BadRequest")
    return int(text)


def _skip_token(token: str | None) -> int:
    return int(token[1:]) if token is not None and re.fullmatch(r"P\d+", token) else 0
