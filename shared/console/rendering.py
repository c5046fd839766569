"""Fills in the templates beside this file. Every value is escaped, and every unseen character in it spelt out."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from shared.console.assets import asset_url
from shared.console.plain import plain, shortened


def render(template: str, values: Mapping[str, object]) -> str:
    """One page. Raises jinja2.UndefinedError for a value that the template names and nobody gave."""
    return _environment().get_template(template).render(values)


def _shown(value: object) -> object:
    """What every expression of a template goes through."""
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _as_it_is(text: str) -> Markup:
    """A text to be edited: escaped, and not a character changed. A newline first, which a browser drops."""
    return Markup("\n") + escape(text)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Jinja2 types both as no more than what it has itself
    cast("dict[str, object]", environment.globals).update(asset=asset_url)
    cast("dict[str, object]", environment.filters).update(as_it_is=_as_it_is, shortened=shortened)
    return environment
