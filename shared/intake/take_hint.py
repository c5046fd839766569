"""A hint becomes a case, wakes one, or is counted and dropped. Whatever happens, it is decided here and logged."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.domain.case import (
    Case,
    Decision,
    JournalEntry,
    move,
)
from shared.domain.hint import Cause, Hint, Subject
from shared.domain.policy import Mode, Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.errors import AlreadyThere, Changed, RetryLater
from shared.intake.find_device import FIND_AGAIN_AFTER, FindDevice, Found, NotFound
from shared.intake.second_look import SecondLook
from shared.ports import Clock
from shared.records.asked import AskedBook
from shared.records.cases import CaseStore, Listed, Stored, reopened
from shared.records.subscriptions import SubscriptionBook
from shared.remedy.messages import StepQueue
from shared.rules.decide import AFTER_THE_WIPE
from shared.rules.decisions import ask_person, wait
from shared.telemetry import event
from shared.tracing import span

log = logging.getLogger(__name__)

REPEAT_WITHIN = timedelta(minutes=15)
"""A hint about a case that ended this recently may say nothing new; the case is looked at again once this has passed."""
WAKE_AGAIN_AFTER = timedelta(minutes=5)
"""The cases of one user are woken at once, and by whatever comes then only once more after this."""
RESPECT_A_PERSON_FOR = timedelta(hours=24)
OTHERS_MOVE_FOR = timedelta(seconds=30)
REMEMBER_AN_OWNER_FOR = timedelta(days=30)

_LICENCE_REASONS = frozenset(
    {
        Reason.NO_FREE_SEAT,
        Reason.NO_LICENCE_CONFIGURED,
        Reason.LICENCE_REFUSED,
        Reason.USAGE_LOCATION_MISSING,
        Reason.LICENCE_TOO_SLOW,
        Reason.LICENCE_MISSING,
        Reason.USAGE_LOCATION_PROHIBITED,
        Reason.LICENCE_PLANS_EXCLUSIVE,
        Reason.LICENCE_PLANS_DEPEND,
        Reason.LICENCE_INHERITED,
        Reason.LICENCE_NOT_UNIQUE,
        Reason.LICENCE_GROUP_UNFIT,
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
    LATER = "later"
    """We have just looked; the hint comes again when that look is old."""
    REPEATED = "repeated"
    """We have just looked, and another hint about the same comes again already."""
    NO_SUCH_DEVICE = "no_such_device"
    AMBIGUOUS_DEVICE = "ambiguous_device"
    NOBODY_WAITS = "nobody_waits"
    SWEEP_ASKED = "sweep_asked"
    SWITCHED_OFF = "switched_off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Untaken:
    """Hints that could not be taken now, and why."""

    hints: tuple[Hint, ...]
    error: RetryLater


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeHint:
    """The use case behind every way in."""

    cases: CaseStore
    steps: StepQueue
    find_device: FindDevice
    asked: AskedBook
    second_look: SecondLook
    book: SubscriptionBook
    policy: Policy
    clock: Clock

    async def open_or_wake(self, hint: Hint, delivery: str | None = None) -> Taken:
        """Open, reopen or wake the case the hint is about. Raises RetryLater or AccessDenied when Graph or storage is away.

        ``delivery`` is the id of the message that the hint came with, the same when it is delivered again.
        """
        if hint.subject is Subject.USER:
            taken = (await self._wake_cases_of([hint], delivery))[0]
        else:
            taken = await self._take(hint, delivery)
        _tell(Counter({(hint.subject, hint.cause, hint.source, taken): 1}))
        return taken

    async def take_all(self, hints: Sequence[Hint], delivery: str | None = None) -> Untaken | None:
        """Every hint of one message; the worklist is read once for all users among them. Returns what has to come again."""
        users = [hint for hint in hints if hint.subject is Subject.USER]
        others = [hint for hint in hints if hint.subject is not Subject.USER]
        told: Counter[tuple[Subject, Cause, str, Taken]] = Counter()
        left = (*users, *others)
        try:
            for hint, taken in zip(users, await self._wake_cases_of(users, delivery) if users else (), strict=True):
                told[hint.subject, hint.cause, hint.source, taken] += 1
            left = tuple(others)
            for number, hint in enumerate(others):
                left = tuple(others[number:])
                told[hint.subject, hint.cause, hint.source, await self._take(hint, delivery)] += 1
        except RetryLater as error:
            return Untaken(hints=left, error=error)
        finally:
            _tell(told)
        return None

    async def _take(self, hint: Hint, delivery: str | None) -> Taken:
        with span("hint", source=hint.source, cause=hint.cause.value):
            return await self._taken(hint, delivery)

    async def _taken(self, hint: Hint, delivery: str | None) -> Taken:
        if self.policy.mode is Mode.OFF:
            return Taken.SWITCHED_OFF
        if hint.subject is Subject.GROUP:
            # a notification does not say who joined; the sweep asks what changed in the group, within a minute
            await self.book.ask_to_sweep(self.clock.now())
            return Taken.SWEEP_ASKED
        found = await self.find_device.find(hint)
        if isinstance(found, NotFound):
            return await self._not_found(hint, found, delivery)
        for _ in range(3):
            try:
                return await self._open_or_wake(found, hint, delivery)
            except (AlreadyThere, Changed):
                continue
        # whoever was quicker may not know what this hint tells: an assignment is told once
        raise RetryLater("others move this case right now", OTHERS_MOVE_FOR)

    async def _not_found(self, hint: Hint, why: NotFound, delivery: str | None) -> Taken:
        match why:
            case NotFound.NO_SUCH_DEVICE:
                return Taken.NO_SUCH_DEVICE
            case NotFound.AMBIGUOUS:
                return Taken.AMBIGUOUS_DEVICE
            case NotFound.LOOKED_A_MOMENT_AGO:
                return await self._later(hint, self.clock.now() + FIND_AGAIN_AFTER, delivery)

    async def _later(self, hint: Hint, at: datetime, delivery: str | None) -> Taken:
        return Taken.LATER if await self.second_look.ask(hint, at, delivery) else Taken.REPEATED

    async def _open_or_wake(self, found: Found, hint: Hint, delivery: str | None) -> Taken:
        stored = await self.cases.load(found.case_id)
        now = self.clock.now()
        if stored is None:
            case, entry = _new_case(found, hint, now)
            await self.steps.send((await self.cases.open(case, entry)).case)
            return Taken.OPENED
        if stored.case.state.ended:
            return await self._reopen(stored, hint, now, delivery)
        return await self._tell_owner(stored, hint, now)

    async def _reopen(self, stored: Stored, hint: Hint, now: datetime, delivery: str | None) -> Taken:
        case = stored.case
        rest = RESPECT_A_PERSON_FOR if case.state is CaseState.CANCELLED else REPEAT_WITHIN
        new_owner = _names_another_owner(case, hint)
        if now - case.moved_at < rest and not new_owner:
            if case.state is CaseState.CANCELLED:
                return Taken.ALREADY_HANDLED
            return await self._later(hint, case.moved_at + rest, delivery)
        changes: dict[str, object] = {"cause": hint.cause, "heard_from": hint.source, "first_approval": None}
        if new_owner:
            changes |= {"named_owner": hint.owner, "named_at": hint.at, "requested_by": _requested_by(hint)}
        elif case.named_at is None or now - case.named_at > REMEMBER_AN_OWNER_FOR:
            changes |= {"named_owner": None, "named_at": None, "requested_by": ()}
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
        named: dict[str, object] = {
            "named_owner": hint.owner,
            "named_at": hint.at,
            "requested_by": (*case.requested_by, *_requested_by(hint)),
        }
        says, waits = _says(hint), case.state is CaseState.NEEDS_PERSON
        if waits and case.reason in _OWNER_REASONS:
            decision = Decision(to=CaseState.OPENED, reason=Reason.HINT_TAKEN, says=says, changes=named, due=now)
        elif waits or case.state in _BEFORE_OWNER:
            decision = Decision(to=case.state, reason=case.reason, says=says, changes=named, due=now)
        else:
            says = f"{hint.source} gives this device to {hint.owner} while it is being made ready for somebody else."
            decision = ask_person(
                Reason.OWNER_CONTRADICTED,
                says,
                approval=None,
                first_approval=None,
                requested_by=named["requested_by"],
                named_owner=hint.owner,
                named_at=hint.at,
            )
        await self._save(stored, *move(case, decision, at=now, who=hint.source))
        return Taken.WOKEN

    async def _wake_cases_of(self, hints: Sequence[Hint], delivery: str | None) -> list[Taken]:
        """What became of each hint about a user; the worklist is read once."""
        if self.policy.mode is Mode.OFF:
            return [Taken.SWITCHED_OFF] * len(hints)
        waiting: dict[str, list[str]] = {hint.key.lower(): [] for hint in hints}
        async for listed in self.cases.open_cases():
            if listed.owner_id.lower() in waiting and waits_for_licence(listed):
                waiting[listed.owner_id.lower()].append(listed.case_id)
        return [await self._wake_all(hint, waiting[hint.key.lower()], delivery) for hint in hints]

    async def _wake_all(self, hint: Hint, case_ids: Sequence[str], delivery: str | None) -> Taken:
        if not case_ids:
            return Taken.NOBODY_WAITS
        # noted before they are woken: if we die in between, the message is delivered again, and comes once more later
        wakes, asked = await self.asked.begin_to_look(
            hint.subject, hint.key, self.clock.now(), unless_within=WAKE_AGAIN_AFTER
        )
        if not wakes:
            assert asked.looked_at is not None
            return await self._later(hint, asked.looked_at + WAKE_AGAIN_AFTER, delivery)
        with span("hint", source=hint.source, cause=hint.cause.value):
            woken = [await self._wake(case_id) for case_id in case_ids]
        return Taken.WOKEN if any(woken) else Taken.NOBODY_WAITS

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


def _tell(told: Counter[tuple[Subject, Cause, str, Taken]]) -> None:
    for (subject, cause, source, taken), count in told.items():
        event(
            log,
            "hint.taken",
            subject=subject.value,
            cause=cause.value,
            source=source,
            outcome=taken.value,
            count=count,
        )


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


def _new_case(found: Found, hint: Hint, now: datetime) -> tuple[Case, JournalEntry]:
    case = Case(
        id=found.case_id,
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
        requested_by=_requested_by(hint),
        serial_number=found.serial_number,
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


def _requested_by(hint: Hint) -> tuple[str, ...]:
    return () if hint.owner is None or hint.requested_by is None else (hint.requested_by,)


def _says(hint: Hint) -> str:
    if hint.source == "sweep" and hint.cause is Cause.USER_ASSIGNED:
        return "No event told of it, but the sweep found this PC assigned to somebody in Windows Autopilot. Looking."
    if hint.source == "sweep" and hint.cause is Cause.NONCOMPLIANT:
        return "No event told of it, but the sweep found this device non-compliant. Looking."
    match hint.cause:
        case Cause.USER_ASSIGNED if hint.owner is not None:
            return f"{hint.source} says that this device was given to {hint.owner}. Looking."
        case Cause.NONCOMPLIANT:
            return f"{hint.source} says that this device is non-compliant. Looking."
        case _:
            return f"{hint.source} names this device. Looking."
