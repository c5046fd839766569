"""The door that every request passes: it counts, checks the caller's permissions and lets faults happen.

Two halves, so that a front end can let time pass in between: ``admit`` when the request arrives, ``run`` to apply it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime
from typing import TypeVar

from local.tenant.model.counts import Counts
from local.tenant.model.faults import ANSWERS, Fault, FaultKind, Faults
from local.tenant.model.naming import Named, Names
from local.tenant.model.operations import DELEGATED, EVERY_ROLE, ROLES, Operation, is_intune
from local.tenant.model.refusal import AnswerLost, GraphRefusal, Service
from local.tenant.model.world import World

T = TypeVar("T")
_READS_WITH_POST = frozenset({Operation.CHECK_MEMBER_GROUPS, Operation.CHECK_DEVICE_GROUPS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The application behind a token."""

    application_id: str = "00000000-0000-0000-0000-000000000001"
    roles: frozenset[str] = EVERY_ROLE
    user: str | None = None
    """The UPN of the administrator whose token it is; None is an application's own."""

    def may(self, operation: Operation) -> bool:
        """Whether the token's permissions allow the operation."""
        allowing = ROLES[operation] if self.user is None else DELEGATED[operation]
        return not self.roles.isdisjoint(allowing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request: what it does, who makes it, whom it is about."""

    operation: Operation
    caller: Caller = Caller()
    about: tuple[Named, ...] = ()
    writes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A request that is inside: what will happen to it, and how long it takes."""

    call: Call
    faults: tuple[Fault, ...] = ()
    takes: timedelta = timedelta()


class Gate:
    """Counts, permissions and faults for every operation."""

    def __init__(self, world: World, names: Names, faults: Faults, counts: Counts) -> None:
        self._world = world
        self._names = names
        self._faults = faults
        self._counts = counts

    def perform(self, call: Call, apply: Callable[[], T]) -> T:
        """Both halves at once. Raises GraphRefusal, and AnswerLost when the caller is to hear nothing."""
        return self.run(self.admit(call), apply)

    def admit(self, call: Call) -> Admitted:
        """Count a request and decide what will go wrong with it. Raises nothing: refusals come from ``run``."""
        serials = self._names.serials(call.about)
        self._count(call, serials)
        faults = self._faults.hit(call.operation, serials)
        if not faults:
            return Admitted(call=call)
        takes = sum((f.duration for f in faults if f.kind is FaultKind.SLOW), timedelta())
        return Admitted(call=call, faults=faults, takes=takes)

    def run(self, admitted: Admitted, apply: Callable[[], T]) -> T:
        """Apply an admitted request. Raises GraphRefusal or AnswerLost."""
        try:
            value = self._run(admitted, apply)
        except GraphRefusal as refusal:
            self._counts.answered(refusal.status)
            raise
        except AnswerLost:
            self._counts.lost_answers += 1
            raise
        self._counts.answered(200)
        return value

    def refused_at_the_door(self, status: int) -> None:
        """Count a request that named no operation, or came without a valid token."""
        self._counts.requests += 1
        self._counts.answered(status)

    def refusal_before(self, admitted: Admitted) -> GraphRefusal | AnswerLost | None:
        """What keeps an admitted request from being applied at all, or None."""
        operation = admitted.call.operation
        if not admitted.call.caller.may(operation):
            return _forbidden(operation)
        answer = _answer(admitted)
        if answer is not None and (answer.when == "before" or answer.kind is FaultKind.RESYNC):
            return self._failure(answer, applied=False)
        return None

    def _run(self, admitted: Admitted, apply: Callable[[], T]) -> T:
        refusal = self.refusal_before(admitted)
        if refusal is not None:
            raise refusal
        lag = self._lag(admitted)
        if not admitted.faults and not lag:
            return apply()  # sees the tenant as it is
        answer = _answer(admitted)
        kinds = {fault.kind for fault in admitted.faults}
        with self._world.replica.seen_with(
            lag=lag,
            empty_page=FaultKind.EMPTY_PAGE in kinds,
            repeat_rows=FaultKind.REPEAT_ROWS in kinds,
        ):
            value = apply()
        if answer is not None:
            raise self._failure(answer, applied=True)
        return value

    def _count(self, call: Call, serials: tuple[str, ...]) -> None:
        counts = self._counts
        counts.requests += 1
        counts.writes += call.writes and call.operation not in _READS_WITH_POST
        counts.by_operation[call.operation] += 1
        for serial in serials:
            counts.by_device[serial] += 1
        for user in self._names.users(call.about):
            counts.by_user[user] += 1
        if call.operation is Operation.WIPE:
            counts.wipe_posts += 1
            counts.wipe_posts_by_serial.update(serials)

    def _lag(self, admitted: Admitted) -> timedelta:
        if admitted.call.writes:
            return timedelta()
        behind = timedelta() if is_intune(admitted.call.operation) else self._world.delays.directory
        stale = (fault.duration for fault in admitted.faults if fault.kind is FaultKind.STALE_READ)
        return max((behind, *stale))

    def _failure(self, fault: Fault, *, applied: bool) -> GraphRefusal | AnswerLost:
        match fault.kind:
            case FaultKind.LOST_ANSWER if fault.drop:
                return AnswerLost(applied=applied)
            case FaultKind.LOST_ANSWER:
                return GraphRefusal(status=504, code="UnknownError", message="The gateway did not receive an answer.")
            case FaultKind.THROTTLE:
                return GraphRefusal(
                    status=429,
                    code="TooManyRequests",
                    message="Please retry again later.",
                    headers=self._retry_after(fault),
                )
            case FaultKind.RESYNC:
                return GraphRefusal(
                    status=410,
                    code="syncStateNotFound",
                    message="The sync state generation is not found.",
                    headers={"Location": "?$deltatoken="},
                )
            case _:
                return GraphRefusal(status=fault.status, code=fault.code, message=fault.message, headers=fault.headers)

    def _retry_after(self, fault: Fault) -> dict[str, str]:
        if fault.retry_after is None:
            return {}
        if fault.retry_after == "date":
            return {"Retry-After": format_datetime(self._world.now() + timedelta(seconds=10), usegmt=True)}
        return {"Retry-After": fault.retry_after}


def _answer(admitted: Admitted) -> Fault | None:
    return next((fault for fault in admitted.faults if fault.kind in ANSWERS), None) if admitted.faults else None


def _forbidden(operation: Operation) -> GraphRefusal:
    if is_intune(operation):
        scopes = ", ".join(sorted(ROLES[operation]))
        message = (
            "Application is not authorized to perform this operation. Application must have one of the following "
            f"scopes: {scopes}"
        )
        return GraphRefusal(status=403, code="Forbidden", message=message, service=Service.INTUNE)
    return GraphRefusal(
        status=403,
        code="Authorization_RequestDenied",
        message="Insufficient privileges to complete the operation.",
    )
