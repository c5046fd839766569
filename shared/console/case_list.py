"""The list of cases: filters that live in the address, one line per case, pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from shared.console.assets import ROOT
from shared.console.times import Moment, Times
from shared.console.words import ENDS, PHASES, Pill, state_pill, words
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.operate.asked import Asked
from shared.records.cases import Listed

MOST_CHARACTERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What is asked for; empty texts ask for everything."""

    text: str = ""
    state: str = ""
    reason: str = ""
    after: str = ""

    @property
    def empty(self) -> bool:
        """Nothing narrows the list."""
        return not (self.text or self.state or self.reason)

    def url(self, *, after: str = "") -> str:
        """The address of the list with these filters."""
        given = {"q": self.text, "state": self.state, "reason": self.reason, "after": after}
        asked = urlencode({name: value for name, value in given.items() if value})
        return f"{ROOT}/cases?{asked}" if asked else f"{ROOT}/cases"


def read_filters(query: Mapping[str, str]) -> tuple[Filters, str]:
    """The filters of an address, and what is wrong with it, in words. An unknown state or reason asks for nothing."""
    text = query.get("q", "").strip()[:MOST_CHARACTERS]
    state, reason = query.get("state", ""), query.get("reason", "")
    wrong = [
        what for what, known in (("state", _known(state, CaseState)), ("reason", _known(reason, Reason))) if not known
    ]
    filters = Filters(
        text=text,
        state="" if "state" in wrong else state,
        reason="" if "reason" in wrong else reason,
        after=query.get("after", "")[:2_000],
    )
    return filters, f"There is no such {' and no such '.join(wrong)}: it was left out." if wrong else ""


def _known(value: str, kind: type[CaseState] | type[Reason]) -> bool:
    return not value or value in set(kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the list."""

    url: str
    device: str
    serial_number: str
    owner: str
    state: Pill
    reason: str
    moved: Moment
    moved_ago: str
    due_in: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One entry of a list to choose from."""

    value: str
    text: str
    chosen: bool


def case_url(case_id: str) -> str:
    """The page of a case."""
    return f"{ROOT}/cases/{case_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage:
    """Everything the template shows."""

    filters: Filters
    states: tuple[tuple[str, tuple[Choice, ...]], ...]
    reasons: tuple[Choice, ...]
    lines: tuple[Line, ...]
    about: str
    first_url: str
    next_url: str


def list_page(found: Sequence[Listed], filters: Filters, *, after: str | None, times: Times) -> ListPage:
    """A page of the list; ``after`` is where the next one begins, empty for none."""
    return ListPage(
        filters=filters,
        states=tuple(_states_to_choose(filters.state)),
        reasons=tuple(_reasons_to_choose(filters.reason)),
        lines=tuple(_line(each, times) for each in found),
        about=_about(filters),
        first_url=filters.url() if filters.after else "",
        next_url=filters.url(after=after) if after else "",
    )


def _about(filters: Filters) -> str:
    """What the list holds, in words."""
    if filters.text or filters.state:
        return "Cases of any age that fit, those that moved last first."
    return "Open cases, and those that ended this month."


def asked_by(filters: Filters) -> Asked:
    """The question to the search."""
    return Asked(
        name=filters.text,
        state=CaseState(filters.state) if filters.state else None,
        reason=Reason(filters.reason) if filters.reason else None,
        after=filters.after,
    )


def _line(found: Listed, times: Times) -> Line:
    return Line(
        url=case_url(found.case_id),
        device=found.device.strip() or found.serial_number.strip() or found.case_id,
        serial_number=found.serial_number,
        owner=found.owner,
        state=state_pill(found.state),
        reason=words(found.reason.value),
        moved=times(found.moved_at),
        moved_ago=times.distance(found.moved_at),
        due_in="" if found.due_at is None else times.distance(found.due_at),
    )


def _states_to_choose(chosen: str) -> list[tuple[str, tuple[Choice, ...]]]:
    """Every state, under the name of its phase."""
    groups = [(phase.name, phase.states) for phase in PHASES] + [("Ended", ENDS)]
    return [
        (name, tuple(Choice(value=s.value, text=words(s.value), chosen=s.value == chosen) for s in states))
        for name, states in groups
    ]


def _reasons_to_choose(chosen: str) -> list[Choice]:
    """Every reason, by its words."""
    return [Choice(value=r.value, text=words(r.value), chosen=r.value == chosen) for r in sorted(Reason)]
