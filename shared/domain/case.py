"""The case: one device enrolment, one row, one append-only journal. ``move`` is the only door that changes its state."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from shared.domain.checks import Check
from shared.domain.effects import Effect, Matter
from shared.domain.hint import Cause
from shared.domain.reasons import Reason
from shared.domain.states import CaseState, IllegalMove, check_move

Evidence = Mapping[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceIdentity:
    """The triple that must not change under a case, and the enrolment it belongs to."""

    managed_device_id: str
    entra_device_id: str | None
    serial_number: str
    name: str
    enrolled_at: datetime | None
    enrolment_user_id: str | None
    enrolment_user: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose device it should be, and who said so."""

    user_id: str
    user_principal_name: str
    display_name: str
    source: str
    mail_address: str | None = None
    site: str | None = None
    """Their office (officeLocation), for the limit per site."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """How often and since when the device was read as non-compliant, without a compliant reading between."""

    count: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceRequest:
    """The licence that was asked for, and the refusal if there was one."""

    sku_id: str
    part_number: str
    requested_at: datetime
    refused: str | None = None
    group_id: str | None = None
    """The group that is to give it; None for a direct assignment."""
    reprocessed_at: datetime | None = None
    """When Microsoft Entra was asked to work out the group's licences again; once for each request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reclaim:
    """Licences that were asked back from the staging account, and what came of it."""

    user_id: str
    sku_ids: tuple[str, ...]
    done: bool = False
    refused: str | None = None

    @property
    def answered(self) -> bool:
        """Microsoft Entra has said yes or no."""
        return self.done or self.refused is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A person's yes to exactly one proposal; used up by the wipe it allowed."""

    proposal: str
    by: str
    at: datetime
    expires_at: datetime
    used: bool = False
    by_id: str | None = None
    """Their object id, which stays when their name changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WipeAttempt:
    """One written-down intention to wipe. ``nonce`` tells our own write from another worker's."""

    number: int
    nonce: str
    intended_at: datetime
    allowed_by: str
    sent_at: datetime | None = None
    outcome: str | None = None
    admin_asked_at: datetime | None = None
    """When it was sent first, if Intune then wanted a second administrator's approval."""
    admin_code: str | None = None
    """The approval request in Intune; goes with the second request."""
    admin_approved_at: datetime | None = None
    """When that approval was read; from then on the attempt is in its second, last request."""

    @property
    def second_request(self) -> bool:
        """What is sent now is the wipe that a second administrator approved."""
        return self.admin_approved_at is not None

    @property
    def may_have_wiped(self) -> bool:
        """It was sent, and nothing says that it was refused or that it failed."""
        return self.sent_at is not None and self.outcome not in ("refused", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What the owner was told last, and how long the wipe waits for them."""

    matter: Matter
    decided_at: datetime
    sent: bool = False
    """The mail was accepted for delivery."""
    refused: str | None = None
    wipe_not_before: datetime | None = None
    deferrals: int = 0
    """How often the owner has put the wipe off."""
    code_hash: str | None = None
    """SHA-256 of the code in the mail's link."""


class Journey(StrEnum):
    """What a case can lead to; decided when it is confirmed."""

    RE_ENROL = "re_enrol"
    READY_TO_GO = "ready_to_go"
    """Nobody has enrolled the PC yet."""
    PREPARE = "prepare"
    """A staging account enrolled it, it has got a user, and it is compliant: no wipe."""
    CLOUD_PC = "cloud_pc"
    PERSONAL = "personal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One device's remediation. All times are UTC. ``version`` grows with every save."""

    id: str
    state: CaseState
    reason: Reason
    says: str
    version: int
    episode: int
    cause: Cause
    heard_from: str
    opened_at: datetime
    moved_at: datetime
    due_at: datetime | None
    """When the next step is due; None while the case rests or has ended."""

    entered_at: datetime | None = None
    """When the case came into its state; waiting there does not change it."""
    named_owner: str | None = None
    """User id or UPN that an explicit assignment event named."""
    named_at: datetime | None = None
    """When that assignment was made, by the event's own time."""
    requested_by: tuple[str, ...] = ()
    """Who asked for that assignment or let the case go on; none of them may approve its wipe."""
    serial_number: str | None = None
    device: DeviceIdentity | None = None
    autopilot_id: str | None = None
    owner: Owner | None = None
    readings: Readings | None = None
    licence: LicenceRequest | None = None
    licence_seen_at: datetime | None = None
    """When Intune and Entra ID P1 were last read as provisioned."""
    licence_losses: int = 0
    """How often the owner lost it again in this try."""
    reclaim: Reclaim | None = None
    ready_at: datetime | None = None
    """When every readiness check was last ok."""
    checks: tuple[Check, ...] = ()
    """What the readiness checks found when they were last made."""
    bound: bool = False
    binding_refused: str | None = None
    proposal: str | None = None
    approval: Approval | None = None
    first_approval: Approval | None = None
    """The yes of one person where two are needed; it clears nothing by itself."""
    wipe: WipeAttempt | None = None
    returned_device_id: str | None = None
    returned_at: datetime | None = None
    would_do: tuple[str, ...] = ()
    """Report mode: the writes that would have been made, in order."""
    stumbles: int = 0
    """Steps in a row that ended in "try later"."""
    notice: Notice | None = None
    journey: Journey = Journey.RE_ENROL
    instructed_at: datetime | None = None
    """When the owner of a personal device was told last; a new episode remembers it."""

    @property
    def enrolled(self) -> bool:
        """The case is about an Intune enrolment, not about a PC that has not signed in yet."""
        return not self.id.startswith(AUTOPILOT_PREFIX)


DEVICE_PREFIX = "device-"
AUTOPILOT_PREFIX = "autopilot-"


def case_id_for_device(managed_device_id: str) -> str:
    """The case of one Intune enrolment; a re-enrolled device has a new id and so a new case."""
    return DEVICE_PREFIX + managed_device_id.lower()


def case_id_for_autopilot(autopilot_id: str) -> str:
    """The case of a registered PC that nobody has enrolled yet."""
    return AUTOPILOT_PREFIX + autopilot_id.lower()


def managed_device_id_of(case: Case) -> str:
    """The Intune id inside the case id; raises ValueError for a case without an enrolment."""
    if not case.enrolled:
        raise ValueError(f"{case.id} has no enrolment")
    return case.id.removeprefix(DEVICE_PREFIX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a rule decided: where to, why, on what evidence, what to do, and when to look again.

    ``due`` None means: go on at once, unless the state rests.
    """

    to: CaseState
    reason: Reason
    says: str
    evidence: Evidence = field(default_factory=dict[str, "str | int | float | bool | None"])
    changes: Mapping[str, object] = field(default_factory=dict[str, object])
    """Case fields to set; never ``state``, ``version`` or the fields that move() itself keeps."""
    effect: Effect | None = None
    due: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One move or wait, as it was decided."""

    sequence: int
    at: datetime
    from_state: CaseState | None
    to_state: CaseState
    reason: Reason
    says: str
    who: str
    evidence: Evidence
    who_id: str | None = None
    """Object id of the person; None where Handover did it, or the owner by the link in their mail."""


_KEPT_BY_MOVE = frozenset({"id", "state", "reason", "says", "version", "episode", "moved_at", "entered_at", "due_at"})


def move(
    case: Case, decision: Decision, *, at: datetime, who: str = "handover", who_id: str | None = None
) -> tuple[Case, JournalEntry]:
    """Apply a decision; raises IllegalMove for a move that is not in the table or a change to a kept field."""
    check_move(case.state, decision.to)
    if forbidden := _KEPT_BY_MOVE & decision.changes.keys():
        raise IllegalMove(f"{sorted(forbidden)} may not be set by a rule")
    by_move: dict[str, object] = {
        "state": decision.to,
        "reason": decision.reason,
        "says": decision.says,
        "version": case.version + 1,
        "moved_at": at,
        "entered_at": case.entered_at if decision.to is case.state else at,
        "due_at": None if decision.to.rests else decision.due or at,
    }
    moved = replace(case, **{**decision.changes, **by_move})
    entry = JournalEntry(
        sequence=moved.version,
        at=at,
        from_state=case.state,
        to_state=decision.to,
        reason=decision.reason,
        says=decision.says,
        who=who,
        evidence=decision.evidence,
        who_id=who_id,
    )
    return moved, entry


def proposal_of(case: Case, policy_version: str) -> str:
    """What exactly a wipe of this case would be, as a hash: triple, enrolment, owner, flags, policy version.

    Raises ValueError when device or owner are not known yet.
    """
    if case.device is None or case.owner is None:
        raise ValueError("nothing to propose yet")
    device = case.device
    parts = (
        case.id,
        str(case.episode),
        device.managed_device_id,
        str(device.entra_device_id),
        device.serial_number,
        str(device.enrolled_at),
        case.owner.user_id,
        WIPE_FLAGS,
        policy_version,
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


WIPE_FLAGS = "keepEnrollmentData=false keepUserData=false"
