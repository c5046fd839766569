"""The page of one case: its story, what is known of device, owner and licence, and what the person who looks may do."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.console.plain import shortened
from shared.console.times import Moment, Times
from shared.console.words import Pill, state_pill, way_in, words
from shared.domain.case import WIPE_FLAGS, Case, Journey
from shared.domain.checks import Check, Verdict
from shared.operate.see_case import Seen

HANDOVER = "handover"

JOURNEYS = {
    Journey.RE_ENROL: "Re-enrolment",
    Journey.READY_TO_GO: "Made ready before the first sign-in",
    Journey.PREPARE: "Prepared while it is compliant",
    Journey.CLOUD_PC: "Cloud PC: licence only",
    Journey.PERSONAL: "Personal device: never wiped",
}
_VERDICTS = {
    Verdict.OK: Pill(text="ok", tone="good"),
    Verdict.WRONG: Pill(text="wrong", tone="bad"),
    Verdict.CANNOT_VERIFY: Pill(text="cannot verify", tone="you"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One line of what is known. ``code``: an id, shown in a fixed-width face."""

    name: str
    value: str
    code: bool = False
    at: Moment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckLine:
    """One readiness check."""

    name: str
    verdict: Pill
    found: str
    mend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One entry of the journal."""

    at: Moment
    who: str
    by_person: bool
    state: Pill
    moved: bool
    """False: the case stayed where it was and looked again."""
    reason: str
    says: str
    evidence: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Facts under one heading."""

    title: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CasePage:
    """Everything the template shows, but for what can be done (actions.py)."""

    id: str
    title: str
    serial_number: str
    owner: str
    version: int
    state: Pill
    reason: str
    says: str
    journey: str
    moved: Moment
    moved_ago: str
    due: Moment | None
    due_in: str
    panels: tuple[Panel, ...]
    checks: tuple[CheckLine, ...]
    checks_bad: int
    would_do: tuple[str, ...]
    story: tuple[Happening, ...]
    left_out: int


MOST_ENTRIES = 400
"""A case that waits for weeks has thousands of entries; the first and the latest are shown."""


def case_page(seen: Seen, times: Times) -> CasePage:
    """The page of a case as it was read."""
    case = seen.case
    story, left_out = _story(seen, times)
    return CasePage(
        id=case.id,
        title=name_of(case),
        serial_number=case.serial_number or "",
        owner=case.owner.display_name if case.owner is not None else "",
        version=case.version,
        state=state_pill(case.state),
        reason=words(case.reason.value),
        says=case.says,
        journey=JOURNEYS[case.journey],
        moved=times(case.moved_at),
        moved_ago=times.distance(case.moved_at),
        due=times.maybe(case.due_at),
        due_in="" if case.due_at is None else times.distance(case.due_at),
        panels=tuple(panel for panel in _panels(case, times) if panel.facts),
        checks=tuple(check_line(check) for check in case.checks),
        checks_bad=sum(check.verdict is not Verdict.OK for check in case.checks),
        would_do=case.would_do,
        story=story,
        left_out=left_out,
    )


def name_of(case: Case) -> str:
    """What people call the case: by its device, its serial number, or at worst its id."""
    name = case.device.name.strip() if case.device is not None else ""
    return shortened(name or (case.serial_number or "").strip() or case.id, 120)


def check_line(check: Check) -> CheckLine:
    """A check; how to mend it only where it is not ok."""
    mend = "" if check.verdict is Verdict.OK else check.mend
    return CheckLine(name=check.name, verdict=_VERDICTS[check.verdict], found=check.found, mend=mend)


def _story(seen: Seen, times: Times) -> tuple[tuple[Happening, ...], int]:
    """The newest entry first."""
    entries = seen.journal
    left_out = max(0, len(entries) - MOST_ENTRIES)
    kept = entries if not left_out else [*entries[: MOST_ENTRIES // 2], *entries[-MOST_ENTRIES // 2 :]]
    return tuple(
        Happening(
            at=times(entry.at),
            who="Handover" if entry.who == HANDOVER else entry.who,
            by_person=entry.who != HANDOVER,
            state=state_pill(entry.to_state),
            moved=entry.from_state is not entry.to_state,
            reason=words(entry.reason.value),
            says=entry.says,
            evidence=tuple(Fact(name=name, value=_value(value)) for name, value in entry.evidence.items()),
        )
        for entry in reversed(kept)
    ), left_out


def _value(value: object) -> str:
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return shortened(str(value), 2_000)


def _panels(case: Case, times: Times) -> Sequence[Panel]:
    return (
        Panel(title="Device", facts=tuple(_device(case, times))),
        Panel(title="Owner", facts=tuple(_owner(case))),
        Panel(title="Licence", facts=tuple(_licence(case, times))),
        Panel(title="Wipe", facts=tuple(_wipe(case, times))),
        Panel(title="Case", facts=tuple(_case(case, times))),
    )


def _device(case: Case, times: Times) -> list[Fact]:
    device = case.device
    facts = [Fact(name="Serial number", value=case.serial_number, code=True)] if case.serial_number else []
    if device is not None:
        facts += [
            Fact(name="Name", value=device.name or "none"),
            Fact(name="Intune device", value=device.managed_device_id, code=True),
            Fact(name="Entra device", value=device.entra_device_id or "not known", code=True),
            Fact(name="Enrolled by", value=device.enrolment_user or "not known"),
            Fact(name="Enrolled", value="not known", at=times.maybe(device.enrolled_at)),
        ]
    if case.autopilot_id is not None:
        facts.append(Fact(name="Autopilot registration", value=case.autopilot_id, code=True))
    if case.readings is not None:
        seen = f"{case.readings.count} readings in a row, the first"
        facts.append(Fact(name="Non-compliant", value=seen, at=times(case.readings.first_at)))
    return facts


def _owner(case: Case) -> list[Fact]:
    owner = case.owner
    if owner is None:
        return [Fact(name="Named by an event", value=case.named_owner)] if case.named_owner else []
    facts = [
        Fact(name="Name", value=owner.display_name),
        Fact(name="User principal name", value=owner.user_principal_name),
        Fact(name="Found by", value=words(owner.source)),
    ]
    if owner.site:
        facts.append(Fact(name="Office", value=owner.site))
    if case.requested_by:
        facts.append(Fact(name="Asked for by", value=", ".join(case.requested_by)))
    return facts


def _licence(case: Case, times: Times) -> list[Fact]:
    facts: list[Fact] = []
    if (asked := case.licence) is not None:
        facts.append(Fact(name="Asked for", value=asked.part_number, at=times(asked.requested_at)))
        if asked.group_id is not None:
            facts.append(Fact(name="Through group", value=asked.group_id, code=True))
        if asked.refused is not None:
            facts.append(Fact(name="Refused", value=asked.refused))
    if case.licence_seen_at is not None:
        facts.append(Fact(name="Intune and Entra ID P1", value="provisioned, read", at=times(case.licence_seen_at)))
    if case.reclaim is not None:
        taken = "taken back" if case.reclaim.done else case.reclaim.refused or "asked back"
        facts.append(Fact(name="Staging account's licence", value=taken))
    return facts


def _wipe(case: Case, times: Times) -> list[Fact]:
    facts: list[Fact] = []
    if (first := case.first_approval) is not None:
        facts.append(Fact(name="First approval", value=first.by, at=times(first.at)))
    if (approval := case.approval) is not None:
        facts.append(Fact(name="Approved by", value=approval.by, at=times(approval.at)))
        facts.append(Fact(name="Approval ends", value="used" if approval.used else "", at=times(approval.expires_at)))
    if (notice := case.notice) is not None:
        told = "told by mail" if notice.sent else f"not told: {notice.refused}" if notice.refused else "being told"
        facts.append(Fact(name="Owner", value=told, at=times(notice.decided_at)))
        if notice.wipe_not_before is not None:
            facts.append(Fact(name="Not before", value="", at=times(notice.wipe_not_before)))
        if notice.deferrals:
            facts.append(Fact(name="Put off by the owner", value=f"{notice.deferrals} times"))
    if (wipe := case.wipe) is not None:
        facts += [
            Fact(name="Attempt", value=f"number {wipe.number}, written down", at=times(wipe.intended_at)),
            Fact(name="Sent", value="not yet", at=times.maybe(wipe.sent_at)),
            Fact(name="Outcome", value=wipe.outcome or "not known yet"),
        ]
    if case.returned_at is not None:
        facts.append(Fact(name="Came back", value=case.returned_device_id or "", code=True, at=times(case.returned_at)))
    return facts


def _case(case: Case, times: Times) -> list[Fact]:
    return [
        Fact(name="Id", value=case.id, code=True),
        Fact(name="Heard from", value=f"{way_in(case.heard_from)}: {words(case.cause.value)}"),
        Fact(name="Opened", value="", at=times(case.opened_at)),
        Fact(name="Episode and version", value=f"{case.episode}, {case.version}"),
        *([Fact(name="Wipe flags", value=WIPE_FLAGS, code=True)] if case.proposal is not None else []),
    ]
