"""The messages of the queue of notices: each points at one notice in the outbox."""

import json
import re

from shared.errors import BadInput
from shared.remedy.messages import fields_of

_MONTH = re.compile(r"\d{4}-\d{2}")
_KEY = re.compile(r"[A-Za-z0-9._-]{1,200}")


def write_pointer(month: str, key: str) -> str:
    """The message body."""
    return json.dumps({"v": 1, "month": month, "key": key}, separators=(",", ":"))


def read_pointer(body: str) -> tuple[str, str]:
    """Month and key of a notice. Raises BadInput for anything else."""
    fields = fields_of(body, "the message about a notice")
    month, key = fields.get("month"), fields.get("key")
    if not isinstance(month, str) or not isinstance(key, str):
        raise BadInput("the message about a notice has not the fields v=1, month and key")
    if _MONTH.fullmatch(month) is None or _KEY.fullmatch(key) is None:
        raise BadInput("the message names no notice")
    return month, key
