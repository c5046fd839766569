"""The overview: how far Handover may go, what waits for a person, what is used up, and what Graph and the sweep do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.console.case_list import Filters, case_url
from shared.console.charts import Bar, Column, Ring, bar, columns, ring, used
from shared.console.tenant_page import Noted, seats_of
from shared.console.times import Times
from shared.console.words import ENDS, PHASES, Pill, state_pill, words
from shared.domain.facts import Freeze, Sku
from shared.domain.policy import Mode, Policy
from shared.domain.states import CaseState
from shared.operate.numbers import Numbers, Waiting
from shared.operate.principals import Principal, Role
from shared.records.counts import LONGER, WITHIN
from shared.records.subscriptions import KeptSubscription
from shared.rules.guardrails import wipes_a_day


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One number to look at first."""

    name: str
    value: str
    unit: str = ""
    note: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """One line with a bar that leads to the list."""

    name: str
    count: int
    bar: Bar
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseLines:
    """A phase with its states."""

    name: str
    lines: tuple[Count, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """A budget."""

    name: str
    value: int
    most: int
    bar: Bar
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """The freeze switch, and the form that turns it."""

    pill: Pill
    says: str
    may_set: bool
    was: str
    to: str
    label: str
    will: str
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingLine:
    """A case in the list of those that wait."""

    url: str
    device: str
    owner: str
    state: Pill
    says: str
    ago: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """How long it takes."""

    says: str
    about: str
    columns: tuple[Column, ...]
    spoken: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What only the sweep found."""

    says: str
    ring: Ring | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewPage:
    """Everything the template shows."""

    about: str
    mode: Pill
    mode_note: str
    waiting_title: str
    tiles: tuple[Tile, ...]
    waiting: tuple[WaitingLine, ...]
    waiting_more: tuple[Tile, ...]
    """Links to all of them, by state."""
    waiting_says: str
    open: int
    phases: tuple[PhaseLines, ...]
    ended: tuple[Count, ...]
    freeze: Switch
    budgets: tuple[Meter, ...]
    proof: Proof
    sweep: Swept
    seats: tuple[Meter, ...]
    graph: tuple[Noted, ...]


def overview_page(numbers: Numbers, who: Principal, times: Times) -> OverviewPage:
    """The page, from what was read."""
    policy, waits = numbers.policy, sum(numbers.open_by_state.get(state, 0) for state in numbers.yours)
    return OverviewPage(
        about=f"{MODES[policy.mode]} Policy {policy.version}.",
        mode=Pill(text=f"mode {policy.mode.value}", tone=_MODE_TONES[policy.mode]),
        mode_note=f"{policy.why_not_auto}, so a person approves each wipe." if policy.why_not_auto else "",
        tiles=tuple(_tiles(numbers, waits)),
        waiting_title="Waiting for a person"
        if not who.may(Role.APPROVER) and not who.may(Role.OPERATOR)
        else "Waiting for you",
        waiting=tuple(_waiting(each, times) for each in numbers.waiting),
        waiting_more=tuple(_more(state, numbers) for state in numbers.yours if numbers.open_by_state.get(state)),
        waiting_says=f"{waits} cases wait for a person." if waits != 1 else "1 case waits for a person.",
        open=sum(numbers.open_by_state.values()),
        phases=tuple(_phases(numbers.open_by_state)),
        ended=tuple(_counts(ENDS, numbers.ended_by_state)),
        freeze=_switch(numbers.freeze, who, times),
        budgets=tuple(_budgets(numbers)),
        proof=_proof(numbers),
        sweep=_sweep(numbers),
        seats=() if numbers.skus is None else tuple(_seats(numbers.skus, policy)),
        graph=tuple(_graph(numbers, times)),
    )


MODES = {
    Mode.OFF: "Handover looks at nothing.",
    Mode.REPORT: "Nothing is changed: what would happen is written down.",
    Mode.APPROVE: "A person approves each wipe.",
    Mode.AUTO: "Wipes go out within their guardrails; nobody is asked.",
}
SPANS = (*(name for _, name in WITHIN), LONGER)
"""How long a proof took, from quick to slow."""
_MODE_TONES = {Mode.OFF: "quiet", Mode.REPORT: "wait", Mode.APPROVE: "good", Mode.AUTO: "wipe"}


def _tiles(numbers: Numbers, waits: int) -> list[Tile]:
    proven = numbers.ended_by_state.get(CaseState.PROVEN, 0)
    tiles = [
        Tile(name="Waiting for a person", value=str(waits), note=_of(numbers)),
        Tile(name="Open cases", value=str(sum(numbers.open_by_state.values())), url=Filters().url()),
        Tile(
            name="Proven",
            value=str(proven),
            note="this month",
            url=Filters(state=CaseState.PROVEN.value).url(),
        ),
    ]
    if numbers.proof_hours is not None:
        note = "on average, from the first hint"
        tiles.append(Tile(name="Time to proof", value=_hours(numbers.proof_hours), note=note))
    if (fleet := numbers.fleet) is not None:
        note = f"of {fleet.enrolled:,} devices, usually {fleet.usual:,}"
        tiles.append(Tile(name="Non-compliant now", value=f"{fleet.noncompliant:,}", note=note))
    return tiles


_TO_DO = {CaseState.AWAITING_APPROVAL: "to approve", CaseState.NEEDS_PERSON: "to decide"}


def _of(numbers: Numbers) -> str:
    return ", ".join(f"{numbers.open_by_state.get(state, 0)} {_TO_DO[state]}" for state in numbers.yours)


def _more(state: CaseState, numbers: Numbers) -> Tile:
    count = numbers.open_by_state[state]
    return Tile(name=f"all {count} {_TO_DO[state]}", value=str(count), url=Filters(state=state.value).url())


def _hours(hours: float) -> str:
    return f"{hours / 24:.1f} days" if hours >= 48 else f"{hours:.1f} h"


def _waiting(each: Waiting, times: Times) -> WaitingLine:
    return WaitingLine(
        url=case_url(each.case_id),
        device=each.device,
        owner=each.owner,
        state=state_pill(each.state),
        says=each.says,
        ago=times.distance(each.since),
    )


def _phases(open_by_state: Mapping[CaseState, int]) -> list[PhaseLines]:
    """Only phases in which something is."""
    most = max(open_by_state.values(), default=0)
    found = [PhaseLines(name=phase.name, lines=tuple(_counts(phase.states, open_by_state, most))) for phase in PHASES]
    return [phase for phase in found if phase.lines]


def _counts(states: Sequence[CaseState], counts: Mapping[CaseState, int], most: int | None = None) -> list[Count]:
    most = max(counts.values(), default=0) if most is None else most
    return [
        Count(
            name=words(state.value),
            count=counts[state],
            bar=bar(counts[state], most, tone=state_pill(state).tone),
            url=Filters(state=state.value).url(),
        )
        for state in states
        if counts.get(state)
    ]


def _switch(freeze: Freeze, who: Principal, times: Times) -> Switch:
    may = who.may(Role.OPERATOR)
    if freeze.frozen:
        return Switch(
            pill=Pill(text="frozen", tone="bad"),
            says=frozen_since(freeze, times),
            may_set=may,
            was="true",
            to="false",
            label="Thaw",
            will="Wipes that are cleared go on, one after the other. The count of non-compliant devices is accepted as it is now.",
            tone="primary",
        )
    return Switch(
        pill=Pill(text="open", tone="good"),
        says="Wipes may be sent. Handover freezes by itself on a spike, on wipes that fail and on devices that do not return.",
        may_set=may,
        was="false",
        to="true",
        label="Freeze all wipes",
        will="No wipe is sent by any instance until somebody thaws. Everything else goes on.",
        tone="bad",
    )


def frozen_since(freeze: Freeze, times: Times) -> str:
    """Who froze, when and why."""
    by = f"by {freeze.by}" if freeze.by else ""
    at = f"{times.distance(freeze.at)}" if freeze.at is not None else ""
    head = " ".join(part for part in (by, at) if part)
    return ": ".join(part for part in (head, (freeze.why or "").rstrip(".")) if part) + "."


def _budgets(numbers: Numbers) -> list[Meter]:
    budget, policy = numbers.budget, numbers.policy
    if budget is None:
        return []
    a_day = policy.wipes_per_day if numbers.fleet is None else wipes_a_day(policy, numbers.fleet.enrolled)
    share = "" if a_day == policy.wipes_per_day else f"{policy.wipes_per_day_percent} % of the fleet"
    limits = (
        ("In an hour", budget.last_hour, policy.wipes_per_hour, ""),
        ("In a day", budget.last_day, a_day, share),
        ("Not yet back", budget.in_flight, policy.wipes_in_flight, ""),
    )
    return [Meter(name=n, value=v, most=most, bar=used(v, most), note=note) for n, v, most, note in limits]


def _proof(numbers: Numbers) -> Proof:
    within = [(name, numbers.proven_within.get(name, 0)) for name in SPANS]
    count = sum(number for _, number in within)
    if numbers.proof_hours is None or not count:
        return Proof(says="No case was proven this month.", about="", columns=(), spoken="")
    return Proof(
        says=f"{_hours(numbers.proof_hours)} on average.",
        about=f"{count} proven this month",
        columns=tuple(columns(within)),
        spoken="Proven within " + "; ".join(f"{name}: {number}" for name, number in within),
    )


def _sweep(numbers: Numbers) -> Swept:
    if (percent := numbers.by_sweep_percent) is None:
        return Swept(says="No case is open, and none ended this month.", ring=None)
    says = f"{percent} % of the cases that are open or ended this month were found by the sweep, and by no event."
    return Swept(says=says, ring=ring(percent / 100))


def _seats(skus: Sequence[Sku], policy: Policy) -> list[Meter]:
    return [
        Meter(
            name=each.name,
            value=sku.used,
            most=sku.seats,
            bar=used(sku.used, sku.seats),
            note=f"{sku.free_seats} free"
            + (", assigned by Handover" if sku.part_number in policy.licence_skus else ""),
        )
        for sku, each in seats_of(skus, policy)
        if each.covers
    ]


def _graph(numbers: Numbers, times: Times) -> list[Noted]:
    until = numbers.gate_closed_until
    gate = (
        Noted(name="Requests", pill=Pill(text="open", tone="good"), about="Graph takes requests.")
        if until is None
        else Noted(
            name="Requests",
            pill=Pill(text="throttled", tone="you"),
            about=f"Graph asked to wait; it is called again {times.distance(until)}.",
        )
    )
    return [gate, *(_subscription(kept, heard, times) for kept, heard in numbers.subscriptions)]


def _subscription(kept: KeptSubscription, heard: datetime | None, times: Times) -> Noted:
    left = kept.expires_at - times.now
    tone, text = (
        ("good", "live")
        if left > timedelta(hours=1)
        else ("bad", "expires")
        if left > timedelta()
        else ("bad", "expired")
    )
    said = "nothing heard yet" if heard is None else f"heard {times.distance(heard)}"
    return Noted(
        name=f"Subscription to {kept.resource}",
        pill=Pill(text=text, tone=tone),
        about=f"{said}, renewed {times.distance(kept.renewed_at)}, ends {times.distance(kept.expires_at)}.",
    )
