"""Faults as a scenario file (or POST /_sim/faults) writes them."""

from datetime import datetime, timedelta
from typing import Literal, Self

from pydantic import Field, model_validator

from local.tenant.model.faults import NOTIFICATION, Fault, FaultKind
from local.tenant.model.operations import Operation
from local.tenant.scenario_tenant import Entry

_DURATIONS = {
    FaultKind.SLOW: timedelta(seconds=1),
    FaultKind.LATE: timedelta(minutes=10),
    FaultKind.STALE_READ: timedelta(hours=1),
}
_OF_NOTIFICATIONS = frozenset({FaultKind.LOST, FaultKind.DUPLICATE, FaultKind.LATE, FaultKind.REORDER})


class FaultEntry(Entry):
    """One fault; durations are ISO 8601, and ``from`` and ``until`` count from the start of the scenario."""

    on: str = "*"
    """The name of an operation, a pattern such as ``managedDevices.*``, ``*``, or ``notification``."""
    kind: FaultKind
    times: int | None = Field(default=None, ge=1)
    skip: int = Field(default=0, ge=0)
    from_: timedelta | None = Field(default=None, alias="from")
    until: timedelta | None = None
    device: str | None = None
    """Serial number: only requests that name this device."""
    when: Literal["before", "after"] | None = None
    """Before or after the request is applied; by default only a lost answer comes after."""
    status: int = Field(default=503, ge=400, le=599)
    code: str = "ServiceUnavailable"
    message: str = "The service is temporarily unavailable."
    headers: dict[str, str] = Field(default_factory=dict[str, str])
    retry_after: int | str | None = 10
    """Of throttle: seconds, text such as 2.128, ``date`` for a date, null for no header."""
    drop: bool = True
    """Of lost_answer: break the connection; false answers 504."""
    duration: timedelta | None = None
    """Of slow (default 1 s, real time), late (10 min) and stale_read (1 h): how much."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.on == NOTIFICATION) != (self.kind in _OF_NOTIFICATIONS):
            raise ValueError(f"kind {self.kind.value!r} does not go with on {self.on!r}")
        literal = not set(self.on) & set("*?[")
        if literal and self.on != NOTIFICATION and self.on not in set(Operation):
            raise ValueError(f"{self.on!r} is no operation of the tenant")
        return self

    def fault(self, start: datetime) -> Fault:
        """The fault as the model has it; offsets count from ``start``."""
        when = self.when or ("after" if self.kind is FaultKind.LOST_ANSWER else "before")
        return Fault(
            on=self.on,
            kind=self.kind,
            times=self.times,
            skip=self.skip,
            since=None if self.from_ is None else start + self.from_,
            until=None if self.until is None else start + self.until,
            serial=self.device,
            when=when,
            status=self.status,
            code=self.code,
            message=self.message,
            headers=self.headers,
            retry_after=None if self.retry_after is None else str(self.retry_after),
            drop=self.drop,
            duration=self.duration or _DURATIONS.get(self.kind, timedelta()),
        )
