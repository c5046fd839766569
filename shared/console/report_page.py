"""The page of the report: what became, or would have become, of the cases of the last days, group by group."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.console.case_list import Choice, case_url
from shared.console.charts import Bar, bar
from shared.console.times import Times
from shared.console.words import Pill, state_pill
from shared.domain.policy import Mode
from shared.domain.states import CaseState
from shared.rules.summary import WIPE, Counted, Line, Summary

DAYS = (1, 7, 14, 31, 92)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number to look at first."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedLine:
    """Something, how often, and a bar."""

    what: str
    count: int
    bar: Bar


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportLine:
    """One case of a group."""

    url: str
    device: str
    serial_number: str
    owner: str
    state: Pill
    happened: tuple[str, ...]
    missing: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Cases with which the same would happen."""

    title: str
    about: str
    lines: tuple[ReportLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPage:
    """Everything the template shows."""

    about: str
    chosen: int
    days: tuple[Choice, ...]
    figures: tuple[Figure, ...]
    missing: tuple[CountedLine, ...]
    not_ready: tuple[CountedLine, ...]
    happened: str
    groups: tuple[Group, ...]
    left_out: int
    whole: bool


_S = CaseState
_WAITS = {
    _S.AWAITING_SEAT.value,
    _S.AWAITING_LICENCE.value,
    _S.NOT_READY.value,
    _S.WATCHING.value,
}
_GROUPS: tuple[tuple[str, str, Callable[[Line], bool]], ...] = (
    (
        "Would be wiped",
        "Everything is ready: in another mode each of these devices would be reset once, after everything before it.",
        lambda line: line.state == _S.REPORTED.value and WIPE in line.happened,
    ),
    (
        "Would be changed, not wiped",
        "A licence, an assignment or a mail would be enough.",
        lambda line: line.state == _S.REPORTED.value and bool(line.happened) and not line.missing,
    ),
    (
        "Not ready",
        "Something has to be mended first; nothing would be wiped.",
        lambda line: line.state == _S.REPORTED.value or bool(line.missing),
    ),
    (
        "Needs a person",
        "Handover cannot go on alone.",
        lambda line: line.state in (_S.NEEDS_PERSON.value, _S.AWAITING_APPROVAL.value),
    ),
    (
        "Proven, or ready to go",
        "The device is its owner's, or will be at the first sign-in.",
        lambda line: line.state in (_S.PROVEN.value, _S.READY_TO_GO.value, _S.INSTRUCTED.value),
    ),
    ("Waiting", "Handover goes on by itself.", lambda line: line.state in _WAITS),
    (
        "Not touched",
        "Nothing has to be done, or Handover does not touch this kind of device.",
        lambda line: line.state in (_S.NO_ACTION_NEEDED.value, _S.REFUSED.value, _S.CANCELLED.value),
    ),
    ("Under way", "On the way to the wipe, or back from it.", lambda line: bool(line.case_id)),
)
"""The first that fits takes the case."""


def report_page(summary: Summary, days: int, times: Times, *, whole: bool = True) -> ReportPage:
    """The page of a report on the last ``days`` days; not ``whole``: of the latest cases in each state only."""
    report = summary.mode == Mode.REPORT.value
    since, until = times(summary.since), times(summary.until)
    return ReportPage(
        about=f"{since.said} to {until.said}, mode {summary.mode}, {'' if whole else 'the latest '}{summary.cases:,} cases",
        chosen=days,
        days=tuple(Choice(value=str(d), text=_days(d), chosen=d == days) for d in sorted({*DAYS, days})),
        figures=tuple(_figures(summary, report)),
        missing=tuple(_counted(summary.licences_missing)),
        not_ready=tuple(_counted(summary.not_ready)),
        happened="Would happen" if report else "Happened",
        groups=tuple(_groups(summary.lines)),
        left_out=summary.left_out,
        whole=whole,
    )


def _days(days: int) -> str:
    return "day" if days == 1 else f"{days} days"


def _figures(summary: Summary, report: bool) -> list[Figure]:
    median = summary.hours_to_proof_median
    first = (
        Figure(name="Would be wiped", value=f"{summary.would_be_wiped:,}")
        if report
        else Figure(name="Wipes sent", value=f"{summary.wipes:,}")
    )
    return [
        first,
        Figure(name="Wipes avoided by a cheaper fix", value=f"{summary.wipes_avoided:,}"),
        Figure(name="Proven", value=f"{summary.proven:,}"),
        Figure(name="Median hours to proof", value="none yet" if median is None else f"{median}"),
    ]


def _counted(counted: Sequence[Counted]) -> list[CountedLine]:
    most = max((each.count for each in counted), default=0)
    return [CountedLine(what=each.what, count=each.count, bar=bar(each.count, most)) for each in counted]


def _groups(lines: Sequence[Line]) -> list[Group]:
    groups: dict[str, list[ReportLine]] = {title: [] for title, _, _ in _GROUPS}
    for line in lines:
        title = next(title for title, _, takes in _GROUPS if takes(line))
        groups[title].append(_line(line))
    return [Group(title=title, about=about, lines=tuple(groups[title])) for title, about, _ in _GROUPS if groups[title]]


def _line(line: Line) -> ReportLine:
    return ReportLine(
        url=case_url(line.case_id),
        device=line.device or line.serial_number or line.case_id,
        serial_number=line.serial_number,
        owner=line.owner,
        state=state_pill(CaseState(line.state)),
        happened=line.happened,
        missing=", ".join(line.missing),
        why=line.why,
    )
