"""The text files beside this one, filled in by Jinja2 with every value escaped."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:  # only who writes a text pays for loading Jinja2; the webhook never does
    from jinja2 import Environment

LANGUAGES = ("en", "de")


def fill_in(template: str, values: Mapping[str, object], *, block: str | None = None) -> str:
    """The text of one file as HTML; of one block of it, as one line of plain text.

    Raises jinja2.UndefinedError for a value that the text names and nobody gave.
    """
    text = _environment().get_template(template)
    if block is None:
        return text.render(values)
    return " ".join(unescape("".join(text.blocks[block](text.new_context(dict(values))))).split())


def local_time(at: datetime | None, time_zone: str) -> str | None:
    """A moment as people there write it; the numbers are the same in every language."""
    return None if at is None else at.astimezone(ZoneInfo(time_zone)).strftime("%Y-%m-%d %H:%M (%Z)")


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
