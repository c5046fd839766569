"""The report: what became, or would have become, of the cases of a period, counted and one by one. Pure."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.case import Case, JournalEntry
from shared.domain.policy import Mode, Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState

WIPE = "wipe the device once"
"""How report mode writes a wipe among what it would do (rules/readiness.py)."""
_ASSIGN = re.compile(r"assign (?P<sku>\S+) to ")
_NOT_OK = ("wrong: ", "cannot verify: ")
_SEATS = re.compile(r"\d+ of \d+ seats used")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Something and how often."""

    what: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One case in one line."""

    case_id: str
    device: str
    serial_number: str
    owner: str
    state: str
    reason: str
    heard_from: str
    happened: tuple[str, ...]
    """What would have happened, in report mode; what happened, in the others."""
    why: str
    missing: tuple[str, ...]
    """What is not ready or not there: names of checks, licences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The whole report. Counts are of all cases of the period; ``left_out`` of them have no line and no details."""

    mode: str
    since: datetime
    until: datetime
    cases: int
    left_out: int
    by_state: tuple[Counted, ...]
    by_reason: tuple[Counted, ...]
    heard_from: tuple[Counted, ...]
    would_be_wiped: int
    """Report mode: devices that would have been wiped."""
    wipes_avoided: int
    """Cases that ended because a licence or a check-in was enough."""
    wipes: int
    proven: int
    hours_to_proof_median: float | None
    licences_missing: tuple[Counted, ...]
    not_ready: tuple[Counted, ...]
    lines: tuple[Line, ...] = field(default=())


def summarise(
    found: Sequence[tuple[Case, Sequence[JournalEntry]]],
    *,
    policy: Policy,
    since: datetime,
    until: datetime,
    listed: Sequence[tuple[CaseState, Reason]],
) -> Summary:
    """The report of the cases that were read, newest move first; ``listed`` are state and reason of all of them."""
    episodes = [(case, _of_this_episode(case, journal)) for case, journal in found]
    lines = tuple(_line(case, journal, policy) for case, journal in episodes)
    missing = Counter(sku for case, journal in episodes for sku in _licences_missing(case, journal))
    return Summary(
        mode=policy.mode.value,
        since=since,
        until=until,
        cases=len(listed),
        left_out=len(listed) - len(found),
        by_state=_counted(Counter(state.value for state, _ in listed)),
        by_reason=_counted(Counter(reason.value for _, reason in listed)),
        heard_from=_counted(Counter(case.heard_from for case, _ in episodes)),
        would_be_wiped=sum(case.state is CaseState.REPORTED and WIPE in case.would_do for case, _ in episodes),
        wipes_avoided=sum(reason is Reason.MENDED_WITHOUT_WIPE for _, reason in listed),
        wipes=sum(_was_sent(case, since) for case, _ in episodes),
        proven=sum(state is CaseState.PROVEN for state, _ in listed),
        hours_to_proof_median=_hours_to_proof([case for case, _ in episodes]),
        licences_missing=_counted(missing),
        not_ready=_counted(Counter(check for _, journal in episodes for check in _not_ready(journal))),
        lines=lines,
    )


def _of_this_episode(case: Case, journal: Sequence[JournalEntry]) -> list[JournalEntry]:
    return [entry for entry in journal if entry.at >= case.opened_at]


def _line(case: Case, journal: Sequence[JournalEntry], policy: Policy) -> Line:
    device, owner = case.device, case.owner
    return Line(
        case_id=case.id,
        device=device.name if device is not None else "",
        serial_number=case.serial_number or (device.serial_number if device is not None else ""),
        owner=owner.user_principal_name if owner is not None else "",
        state=case.state.value,
        reason=case.reason.value,
        heard_from=case.heard_from,
        happened=case.would_do if case.would_do or policy.mode is Mode.REPORT else _done(journal),
        why=_why(case, journal),
        missing=tuple(dict.fromkeys([*_licences_missing(case, journal), *_not_ready(journal)])),
    )


_DEEDS = frozenset(
    {
        Reason.LICENCE_MISSING,
        Reason.READY,
        Reason.TELLING_OWNER,
        Reason.OWNER_DEFERRED,
        Reason.APPROVED,
        Reason.WIPE_ACCEPTED,
        Reason.WIPE_SEEN,
        Reason.BACK_UNDER_OWNER,
        Reason.COMPLIANT_UNDER_OWNER,
    }
)


def _done(journal: Sequence[JournalEntry]) -> tuple[str, ...]:
    """The sentences of the journal in which something was done."""
    return tuple(dict.fromkeys(entry.says for entry in journal if entry.reason in _DEEDS))


def _why(case: Case, journal: Sequence[JournalEntry]) -> str:
    """The sentence that gives the cause where one was found, else the one the case rests with."""
    causes = [entry.says for entry in journal if entry.reason is Reason.EVIDENCE_COMPLETE]
    if causes:
        return causes[-1]
    return case.says if not case.says.startswith("Report mode.") else _first_sentence(journal) or case.says


def _first_sentence(journal: Sequence[JournalEntry]) -> str:
    return next((entry.says for entry in journal if entry.reason is Reason.DEVICE_NOT_COMPLIANT), "")


def _licences_missing(case: Case, journal: Sequence[JournalEntry]) -> list[str]:
    """Part numbers that the owner lacks: that would be assigned, or of which no seat is free."""
    found = [match["sku"] for deed in case.would_do if (match := _ASSIGN.match(deed))]
    if case.reason is Reason.NO_FREE_SEAT:
        last = next((entry for entry in reversed(journal) if entry.reason is Reason.NO_FREE_SEAT), None)
        evidence: Mapping[str, object] = last.evidence if last is not None else {}
        found += [name for name, value in evidence.items() if isinstance(value, str) and _SEATS.fullmatch(value)]
    return list(dict.fromkeys(found))


def _not_ready(journal: Sequence[JournalEntry]) -> list[str]:
    """The checks that were not ok when they were made last."""
    for entry in reversed(journal):
        verdicts = {name: str(value) for name, value in entry.evidence.items() if _is_verdict(value)}
        if verdicts:
            return [name for name, value in verdicts.items() if value.startswith(_NOT_OK)]
    return []


def _is_verdict(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("ok: ", *_NOT_OK))


def _was_sent(case: Case, since: datetime) -> bool:
    wipe = case.wipe
    return wipe is not None and wipe.sent_at is not None and wipe.sent_at >= since and wipe.outcome != "refused"


def _hours_to_proof(cases: Sequence[Case]) -> float | None:
    """From the first hint to the proof, for those that came so far."""
    hours = sorted(
        (case.moved_at - case.opened_at).total_seconds() / 3600 for case in cases if case.state is CaseState.PROVEN
    )
    # importing the module statistics takes its time at every cold start, that of the webhook as well
    return round((hours[(len(hours) - 1) // 2] + hours[len(hours) // 2]) / 2, 1) if hours else None


def _counted(counts: Counter[str]) -> tuple[Counted, ...]:
    """Most often first; equals by name."""
    return tuple(Counted(what=what, count=count) for what, count in sorted(counts.items(), key=lambda c: (-c[1], c[0])))
