"""What the API answers, for the OpenAPI document; the use cases make the same as plain JSON values, and a test compares."""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from shared.domain.case import Case, JournalEntry
from shared.domain.checks import Check
from shared.domain.facts import Fleet
from shared.domain.states import CaseState
from shared.operate.search import Listed


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Status(_Shape):
    """Mode, switch and open cases."""

    mode: str
    why_not_auto: str | None
    auto_until: date | None
    policy: str
    frozen: bool
    frozen_by: str | None
    why: str | None
    fleet: Fleet | None
    open_cases: dict[str, int]
    time: datetime


class Proof(_Shape):
    """Of the cases proven this month."""

    cases: int
    hours_on_average: float | None
    within: dict[str, int]


class Figures(_Shape):
    """The figures at a glance."""

    time: datetime
    month: str
    open_cases: dict[str, int]
    open: int
    ended_this_month: dict[str, int]
    waiting_for_you: dict[str, int]
    proof_this_month: Proof
    found_by_sweep_percent: int | None


class Cases(_Shape):
    """A page of cases, newest move first; next: what to give as after for the page behind it."""

    cases: list[Listed]
    next: str | None


class ToApprove(_Shape):
    """What exactly an approval would do, and who may not give it."""

    proposal: str
    action: str
    not_possible: str | None
    not_by: list[str]
    approved_by: str | None
    still_needed: str


class ShownCase(BaseModel):
    """A case with its journal, and while it waits for an approval what that would do."""

    case: Case
    meaning: str
    possible: list[str]
    journal: list[JournalEntry]
    to_approve: ToApprove | None = None


class Moved(_Shape):
    """The case after what was done to it."""

    id: str
    state: CaseState
    version: int
    says: str


class Settled(_Shape):
    """What somebody did about a message."""

    how: str
    by: str
    by_id: str
    at: datetime
    why: str


class Parked(_Shape):
    """A message that was set aside, without its body."""

    id: str
    source: str
    reason: str
    at: datetime
    characters: int
    cut: bool
    settled: Settled | None


class ParkedWithBody(Parked):
    """The same with its body."""

    body: str


class ParkedPage(_Shape):
    """A page of them, oldest first."""

    parked: list[Parked]
    next: str | None


class Licence(_Shape):
    """A product of the tenant."""

    sku: str
    name: str
    seats: int
    used: int
    free: int
    enabled: bool
    has_intune: bool
    has_entra_p1: bool
    assigned_by_handover: bool


class Seats(_Shape):
    """Licences as they were read last."""

    read_at: datetime | None
    licences: list[Licence]


class Attestation(_Shape):
    """A person's word for the MDM user scope."""

    by: str
    on: date
    scope: str
    groups: list[str]
    valid_until: date
    valid: bool


class TenantNow(_Shape):
    """What is checked for every device."""

    read_at: datetime | None
    mdm_authority: str | None
    checks: list[Check]
    attestation: Attestation | None


class Report(BaseModel):
    """The report of some days; docs/operations.md describes its fields."""

    model_config = ConfigDict(extra="allow")

    mode: str
    cases: int
    left_out: int
    lines: list[dict[str, Any]]


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    status: int
    title: str
    detail: str
