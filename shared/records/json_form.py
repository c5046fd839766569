"""How values of one type are written as JSON and read back: pydantic's TypeAdapter, made at the first use."""

import json
from collections.abc import Collection
from functools import cached_property
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")

compact = json.JSONEncoder(separators=(",", ":")).encode
"""A document as JSON, as short as it can be; ``json.dumps`` would make an encoder each time."""


class JsonForm(Generic[T]):
    """What it does is TypeAdapter's. Working out a type takes milliseconds, and most processes write few of them."""

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind

    @cached_property
    def _adapter(self) -> TypeAdapter[T]:
        return TypeAdapter(self._kind)

    def dump_json(self, value: T, *, only: Collection[str] | None = None) -> bytes:
        """The value as JSON, or ``only`` these of its fields."""
        return self._adapter.dump_json(value, include=None if only is None else set(only))

    def dump_python(self, value: T) -> Any:  # Any: as of TypeAdapter
        """The value as what ``json.dumps`` takes."""
        return self._adapter.dump_python(value, mode="json")

    def validate_json(self, text: str) -> T:
        """The value that was written as ``text``. Raises ValueError."""
        return self._adapter.validate_json(text)

    def validate_python(self, document: object) -> T:
        """The value that was written as ``document``. Raises ValueError."""
        return self._adapter.validate_python(document, strict=False)
