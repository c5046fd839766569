"""A hint becomes a case, wakes one, or is counted and dropped. Whatever happens, it is decided here and logged."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.domain.case import (
    Case,
    Decision,
    JournalEntry,
    case_id_for_autopilot,
    case_id_for_device,
    move,
)
from shared.domain.hint import Cause, Hint, Subject
from shared.domain.policy import Mode, Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.errors import AlreadyThere, Changed, RetryLater
from shared.ports import Autopilot, Clock, Devices
from shared.records.cases import CaseStore, Listed, Stored, reopened
from shared.records.gate import GraphGate
from shared.records.subscriptions import SubscriptionBook
from shared.remedy.messages import StepQueue
from shared.rules.decide import AFTER_THE_WIPE
from shared.rules.decisions import ask_person, wait
from shared.telemetry import event

log = logging.getLogger(__name__)

REPEAT_WITHIN = timedelta(minutes=15)
"""A hint about a case that ended this recently says nothing new; the sweep finds what it may have meant."""
GATE_WITHOUT_A_TIME = timedelta(seconds=30)
"""How long the gate stays closed when Graph says "too many requests" and not for how long."""
RESPECT_A_PERSON_FOR = timedelta(hours=24)
REMEMBER_AN_OWNER_FOR = timedelta(days=30)

_LICENCE_REASONS = frozenset(
    {
        Reason.NO_FREE_SEAT,
        Reason.NO_LICENCE_CONFIGURED,
        Reason.LICENCE_REFUSED,
        Reason.USAGE_LOCATION_MISSING,
        Reason.LICENCE_TOO_SLOW,
    }
)
_OWNER_REASONS = frozenset(
    {Reason.OWNER_UNKNOWN, Reason.OWNER_AMBIGUOUS, Reason.OWNER_NOT_FOUND, Reason.OWNER_DISABLED}
)
_BEFORE_OWNER = frozenset({CaseState.OPENED, CaseState.CHECKING_OWNER})


class Taken(StrEnum):
    """What became of one hint."""

    OPENED = "opened"
    REOPENED = "reopened"
    WOKEN = "woken"
    ALREADY_HANDLED = "already_handled"
    NO_SUCH_DEVICE = "no_such_device"
    AMBIGUOUS_DEVICE = "ambiguous_device"
    NOBODY_WAITS = "nobody_waits"
    SWEEP_ASKED = "sweep_asked"
    SWITCHED_OFF = "switched_off"


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeHint:
    """The use case behind every way in."""

    cases: CaseStore
    steps: StepQueue
    devices: Devices
    autopilot: Autopilot
    book: SubscriptionBook
    gate: GraphGate
    policy: Policy
    clock: Clock

    async def open_or_wake(self, hint: Hint) -> Taken:
        """Open, reopen or wake the case the hint is about. Raises RetryLater or AccessDenied when Graph or storage is away."""
        taken = await self._take(hint)
        event(
            log,
            "hint.taken",
            subject=hint.subject.value,
            cause=hint.cause.value,
            source=hint.source,
            outcome=taken.value,
        )
        return taken

    async def _take(self, hint: Hint) -> Taken:
        if self.policy.mode is Mode.OFF:
            return Taken.SWITCHED_OFF
        if hint.subject is Subject.USER:
            return await self._wake_cases_of(hint.key)
        if hint.subject is Subject.GROUP:
            # a notification does not say who joined; the sweep asks what changed in the group, within a minute
            await self.book.ask_to_sweep(self.clock.now())
            return Taken.SWEEP_ASKED
        if hint.subject is not Subject.MANAGED_DEVICE:
            await self._pass_gate()
        found = await self._found(hint)
        if isinstance(found, Taken):
            return found
        case_id, serial_number = found
        for _ in range(3):
            try:
                return await self._open_or_wake(case_id, serial_number, hint)
            except (AlreadyThere, Changed):
                continue
        return Taken.ALREADY_HANDLED

    async def _pass_gate(self) -> None:
        """Raise RetryLater while Graph wants to be left alone."""
        now = self.clock.now()
        if until := await self.gate.closed_until(now):
            raise RetryLater("Graph asked the whole tenant to wait", until - now)

    async def _found(self, hint: Hint) -> tuple[str, str | None] | Taken:
        try:
            return await self._find(hint)
        except RetryLater as error:
            if error.throttled:
                await self.gate.close(self.clock.now() + (error.after or GATE_WITHOUT_A_TIME))
            raise

    async def _find(self, hint: Hint) -> tuple[str, str | None] | Taken:
        """The case id and, for a PC before its first sign-in, its serial number."""
        if hint.subject is Subject.MANAGED_DEVICE:
            return case_id_for_device(hint.key), None
        if hint.subject is Subject.ENTRA_DEVICE:
            rows = await self.devices.with_entra_device(hint.key)
            return (case_id_for_device(rows[0].id), None) if rows else Taken.NO_SUCH_DEVICE
        enrolments = await self.devices.with_serial_number(hint.key)
        if enrolments:
            return case_id_for_device(enrolments[0].id), None
        registered = await self.autopilot.with_serial_number(hint.key)
        if len(registered) > 1:
            return Taken.AMBIGUOUS_DEVICE
        return (
            (case_id_for_autopilot(registered[0].id), registered[0].serial_number)
            if registered
            else Taken.NO_SUCH_DEVICE
        )

    async def _open_or_wake(self, case_id: str, serial_number: str | None, hint: Hint) -> Taken:
        stored = await self.cases.load(case_id)
        now = self.clock.now()
        if stored is None:
            case, entry = _new_case(case_id, serial_number, hint, now)
            await self.steps.send((await self.cases.open(case, entry)).case)
            return Taken.OPENED
        if stored.case.state.ended:
            return await self._reopen(stored, hint, now)
        return await self._tell_owner(stored, hint, now)

    async def _reopen(self, stored: Stored, hint: Hint, now: datetime) -> Taken:
        case = stored.case
        rest = RESPECT_A_PERSON_FOR if case.state is CaseState.CANCELLED else REPEAT_WITHIN
        new_owner = _names_another_owner(case, hint)
        if now - case.moved_at < rest and not new_owner:
            return Taken.ALREADY_HANDLED
        changes: dict[str, object] = {"cause": hint.cause, "heard_from": hint.source}
        if new_owner:
            changes |= {"named_owner": hint.owner, "named_at": hint.at}
        elif case.named_at is None or now - case.named_at > REMEMBER_AN_OWNER_FOR:
            changes |= {"named_owner": None, "named_at": None}
        decision = Decision(to=CaseState.OPENED, reason=Reason.HINT_TAKEN, says=_says(hint), changes=changes, due=now)
        again, entry = reopened(case, at=now, decision=decision, who=hint.source)
        await self._save(stored, again, entry)
        return Taken.REOPENED

    async def _tell_owner(self, stored: Stored, hint: Hint, now: datetime) -> Taken:
        """An explicit assignment can answer the question whose device it is, or contradict the answer; every other
        repeat changes nothing."""
        case = stored.case
        if not _names_another_owner(case, hint) or case.state in AFTER_THE_WIPE:
            return Taken.ALREADY_HANDLED
        named: dict[str, object] = {"named_owner": hint.owner, "named_at": hint.at}
        says, waits = _says(hint), case.state is CaseState.NEEDS_PERSON
        if waits and case.reason in _OWNER_REASONS:
            decision = Decision(to=CaseState.OPENED, reason=Reason.HINT_TAKEN, says=says, changes=named, due=now)
        elif waits or case.state in _BEFORE_OWNER:
            decision = Decision(to=case.state, reason=case.reason, says=says, changes=named, due=now)
        else:
            says = f"{hint.source} gives this device to {hint.owner} while it is being made ready for somebody else."
            decision = ask_person(
                Reason.OWNER_CONTRADICTED, says, approval=None, named_owner=hint.owner, named_at=hint.at
            )
        await self._save(stored, *move(case, decision, at=now, who=hint.source))
        return Taken.WOKEN

    async def _wake_cases_of(self, user_id: str) -> Taken:
        woken = False
        async for listed in self.cases.open_cases():
            if listed.owner_id.lower() == user_id and waits_for_licence(listed):
                woken |= await self._wake(listed.case_id)
        return Taken.WOKEN if woken else Taken.NOBODY_WAITS

    async def _wake(self, case_id: str) -> bool:
        stored = await self.cases.load(case_id)
        if stored is None or not waits_for_licence(stored.case):
            return False
        case, now = stored.case, self.clock.now()
        says = "The owner's user record changed; looking at the licence again."
        if case.state is CaseState.NEEDS_PERSON:
            decision = Decision(
                to=CaseState.OPENED, reason=Reason.HINT_TAKEN, says=says, changes={"opened_at": now}, due=now
            )
        else:
            decision = wait(case, case.reason, says, until=now)
        try:
            await self._save(stored, *move(case, decision, at=now, who="graph"))
        except Changed:
            return False
        return True

    async def _save(self, stored: Stored, case: Case, entry: JournalEntry) -> None:
        await self.steps.send((await self.cases.save(stored, case, [entry])).case)


def _names_another_owner(case: Case, hint: Hint) -> bool:
    """The hint is an assignment, newer than the one that is known, to somebody else than the case is for."""
    if hint.owner is None or (case.named_at is not None and hint.at <= case.named_at):
        return False
    named, found = {(case.named_owner or "").lower()}, set[str]()
    if case.owner is not None and not case.state.ended:
        found = {case.owner.user_id.lower(), case.owner.user_principal_name.lower()}
    # once an assignment contradicts the owner that was found, the owner of before is another one again
    known = named if case.named_owner and not named & found else named | found
    return hint.owner.lower() not in known


def waits_for_licence(case: Case | Listed) -> bool:
    return case.state is CaseState.AWAITING_SEAT or (
        case.state is CaseState.NEEDS_PERSON and case.reason in _LICENCE_REASONS
    )


def _new_case(case_id: str, serial_number: str | None, hint: Hint, now: datetime) -> tuple[Case, JournalEntry]:
    case = Case(
        id=case_id,
        state=CaseState.OPENED,
        reason=Reason.HINT_TAKEN,
        says=_says(hint),
        version=1,
        episode=1,
        cause=hint.cause,
        heard_from=hint.source,
        opened_at=now,
        moved_at=now,
        due_at=now,
        named_owner=hint.owner,
        named_at=hint.at if hint.owner is not None else None,
        serial_number=serial_number,
    )
    entry = JournalEntry(
        sequence=1,
        at=now,
        from_state=None,
        to_state=case.state,
        reason=case.reason,
        says=case.says,
        who=hint.source,
        evidence={"heard": hint.cause.value, "from": hint.source},
    )
    return case, entry


def _says(hint: Hint) -> str:
    if hint.source == "sweep" and hint.cause is Cause.NONCOMPLIANT:
        return "No event told of it, but the sweep found this device non-compliant. Looking."
    match hint.cause:
        case Cause.USER_ASSIGNED:
            return f"{hint.source} says that this device was given to {hint.owner}. Looking."
        case Cause.NONCOMPLIANT:
            return f"{hint.source} says that this device is non-compliant. Looking."
        case _:
            return f"{hint.source} names this device. Looking."
