"""The pages of messages that were set aside: the list of them, and one with its body."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from shared.console.assets import ROOT
from shared.console.case_list import Choice
from shared.console.case_page import Fact
from shared.console.times import Moment, Times
from shared.names import CASE_STEPS, INTUNE_LOGS, WIPE_STEPS
from shared.operate.principals import Principal, Role

Json = Mapping[str, Any]
"""A message as the use case tells it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedLine:
    """One message in the list."""

    url: str
    at: Moment
    source: str
    reason: str
    size: str
    settled: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedPage:
    """A page of the list."""

    lines: tuple[ParkedLine, ...]
    sources: tuple[Choice, ...]
    settled: bool
    next_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePage:
    """One message, and what this person may do about it."""

    id: str
    source: str
    reason: str
    body: str
    cut: bool
    facts: tuple[Fact, ...]
    may_replay: bool
    may_mend: bool
    may_discard: bool
    note: str


def parked_page(found: Json, sources: Sequence[str], *, source: str, settled: bool, times: Times) -> ParkedPage:
    """The list as it was read."""
    asked = {"source": source, "settled": "true" if settled else "", "after": found["next"] or ""}
    more = urlencode({name: value for name, value in asked.items() if value})
    return ParkedPage(
        lines=tuple(_line(each, times) for each in found["parked"]),
        sources=tuple(Choice(value=each, text=each, chosen=each == source) for each in sources),
        settled=settled,
        next_url=f"{ROOT}/parked?{more}" if found["next"] else "",
    )


def message_page(found: Json, who: Principal, times: Times) -> MessagePage:
    """One message with its body."""
    source, waits, may = str(found["source"]), found["settled"] is None, who.may(Role.OPERATOR)
    replayable = source != INTUNE_LOGS
    return MessagePage(
        id=str(found["id"]),
        source=source,
        reason=str(found["reason"]),
        body=str(found["body"]),
        cut=found["cut"] is True,
        facts=tuple(_facts(found, times)),
        may_replay=waits and may and replayable,
        may_mend=source not in (CASE_STEPS, WIPE_STEPS, INTUNE_LOGS),
        may_discard=waits and may,
        note=_note(waits, may, replayable),
    )


def _note(waits: bool, may: bool, replayable: bool) -> str:
    if not waits:
        return ""
    if not may:
        return f"You can look at this. To replay or discard it takes the app role {Role.OPERATOR.value}."
    return "" if replayable else "Records of Intune's logs are not replayed; the sweep finds what they told."


def _line(each: Json, times: Times) -> ParkedLine:
    settled = each["settled"]
    return ParkedLine(
        url=f"{ROOT}/parked/{each['id']}",
        at=times(datetime.fromisoformat(each["at"])),
        source=str(each["source"]),
        reason=str(each["reason"]),
        size=f"{each['characters']:,} characters",
        settled="" if settled is None else f"{settled['how']} by {settled['by']}",
    )


def _facts(found: Json, times: Times) -> list[Fact]:
    settled = found["settled"]
    facts = [
        Fact(name="Parked", value="", at=times(datetime.fromisoformat(found["at"]))),
        Fact(name="Why", value=str(found["reason"])),
        Fact(name="Id", value=str(found["id"]), code=True),
    ]
    if settled is not None:
        at = times(datetime.fromisoformat(settled["at"]))
        facts.append(Fact(name=str(settled["how"]).capitalize(), value=f"by {settled['by']}", at=at))
        facts.append(Fact(name="Because", value=str(settled["why"]) or "nothing was said"))
    return facts
