"""What a decision asks to be done to the world: one effect at a time, each taking exactly one target."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.domain.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignLicence:
    """Give one user one product licence, first setting the usage location when policy names one."""

    user_id: str
    sku_id: str
    set_usage_location: str | None = None
    disabled_plan_ids: tuple[str, ...] = ()
    """Plans that stay switched off in it."""
    remove_sku_ids: tuple[str, ...] = ()
    """Products taken away in the same write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinLicenceGroup:
    """Make one user a member of the licence group, first setting the usage location when policy names one."""

    user_id: str
    group_id: str
    set_usage_location: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReprocessLicences:
    """Ask Microsoft Entra to work out one user's group licences again."""

    user_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveLicences:
    """Take directly assigned licences from one staging account."""

    user_id: str
    sku_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BindOwner:
    """Assign one Autopilot registration to its owner."""

    autopilot_id: str
    user_principal_name: str
    display_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncDevice:
    """Ask one device to check in now."""

    managed_device_id: str


class Matter(StrEnum):
    """What a user is told; each has its text, one file per language, in shared/notices/."""

    WIPE_COMING = "wipe_coming"
    WIPE_CALLED_OFF = "wipe_called_off"
    CONNECT_PERSONAL_DEVICE = "connect_personal_device"


@dataclass(frozen=True, slots=True, kw_only=True)
class TellOwner:
    """Send one mail to one user about one device. Repeating it sends it again: better twice than never."""

    matter: Matter
    case_id: str
    user_id: str
    user_principal_name: str
    display_name: str
    device_name: str
    serial_number: str
    mail_address: str | None = None
    """Where to; None: to the UPN."""
    happens_at: datetime | None = None
    """WIPE_COMING: not before this time."""
    deferrals_left: int = 0
    deferral_code: str | None = field(default=None, repr=False)
    """Whoever knows it may put the wipe off; it is in the mail and nowhere else, the case keeps its hash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeWipes:
    """Freeze all wipes until a person thaws them. Repeating it is harmless."""

    reason: Reason
    why: str


Effect = (
    AssignLicence
    | JoinLicenceGroup
    | ReprocessLicences
    | RemoveLicences
    | BindOwner
    | SyncDevice
    | TellOwner
    | FreezeWipes
)
"""A wipe is not among them: only the wipe protocol in shared/remedy/wipe.py can send one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The effect was carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The other side said no; repeating the same call would not help."""

    code: str
    message: str


Answer = Done | Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class WipeAccepted:
    """Intune queued the wipe (204)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WipeRefused:
    """A clean refusal that proves nothing was queued: 400, 401, 403, 404, 409 or 412 with Graph's error body."""

    status: int
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WipeUnknown:
    """Anything else: time-out, dropped connection, 429, 5xx. It may have happened; only reading can tell."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WipeNotSent:
    """Nothing left this machine: no token could be had, no connection was made, or all wipes were frozen."""

    why: str
    frozen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WipeNeedsApproval:
    """Nothing was wiped: Multi Admin Approval wants a second administrator to agree. Which status says so differs."""

    status: int
    code: str | None
    """The id of the approval request; None when the answer does not name it."""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Justified:
    """A wipe's first request. ``text`` is for the second administrator, where Intune wants one; else it wipes at once."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminApproved:
    """A wipe's second request, after the approval with this code."""

    code: str


WipeBacking = Justified | AdminApproved
WipeAnswer = WipeAccepted | WipeRefused | WipeNeedsApproval | WipeNotSent | WipeUnknown
