"""What the administrators decided, as one frozen value. Defaults are the careful choice; a policy has a version."""

import hashlib
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from shared.domain.weekly_hours import WeeklyHours


class Mode(StrEnum):
    """How far Handover may go."""

    OFF = "off"
    REPORT = "report"
    APPROVE = "approve"
    AUTO = "auto"

    @property
    def may_write(self) -> bool:
        """Licences, bindings and, under their guardrails, wipes are possible in this mode."""
        return self in (Mode.APPROVE, Mode.AUTO)


class LicenceWay(StrEnum):
    """How an owner without Intune and Entra ID P1 gets them."""

    NONE = "none"
    DIRECT = "direct"
    GROUP = "group"
    SWAP = "swap"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentAttestation:
    """A person's dated word for what no application permission can read: MDM scope and discovery URL.

    Source: the mobilityManagementPolicies pages of Microsoft Graph list delegated permissions only.
    """

    by: str
    on: date
    scope: str
    """``all``, ``some`` or ``none``: who automatic enrolment applies to."""
    valid_for: timedelta = timedelta(days=90)
    group_ids: tuple[str, ...] = ()
    """With ``some``: the groups it applies to."""
    discovery_url: str = ""
    """The MDM discovery URL that was seen; empty: nobody said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Everything a rule may need to know of the administrators' wishes. Durations are timedeltas."""

    mode: Mode = Mode.REPORT
    staging_accounts: tuple[str, ...] = ()
    """UPNs, shell-style patterns (``staging*@contoso.com``) or user ids of accounts that only enrol devices."""
    owners: tuple[tuple[str, str], ...] = ()
    """Serial number, lower case, and the UPN or id of its owner, as an administrator listed them."""
    excluded_devices: frozenset[str] = frozenset()
    """Serial numbers or device names, lower case, that are never touched."""
    excluded_users: frozenset[str] = frozenset()
    """UPNs, lower case, whose devices are never touched."""
    licence_skus: tuple[str, ...] = ()
    """skuPartNumbers to assign, best first. Empty: never assign a licence."""
    usage_location: str | None = None
    """Two-letter country for users without one. None: such a user waits for a person."""
    licence_way: LicenceWay = LicenceWay.DIRECT
    licence_group: str | None = None
    """LicenceWay.GROUP: the id of the group whose members inherit the licence."""
    licence_swap_from: tuple[str, ...] = ()
    """LicenceWay.SWAP: skuPartNumbers that may be taken from the owner in the same write."""
    reclaim_staging_licence: bool = False
    """After the proof, take the licences of ``licence_skus`` from the staging account, if it enrols nothing else."""
    enrolment_attestation: EnrolmentAttestation | None = None

    noncompliant_for: timedelta = timedelta(hours=72)
    readings_needed: int = 2
    last_sync_within: timedelta = timedelta(hours=24)
    licence_within: timedelta = timedelta(minutes=30)
    return_within: timedelta = timedelta(days=7)
    compliant_within: timedelta = timedelta(hours=24)
    wipe_seen_within: timedelta = timedelta(hours=24)
    approval_valid_for: timedelta = timedelta(hours=24)

    wipes_per_hour: int = 5
    wipes_per_day: int = 25
    wipes_in_flight: int = 10
    serial_rest: timedelta = timedelta(days=30)
    """One wipe of a serial number in this time."""
    exclusion_group: str | None = None
    """Id of a group whose users and devices are never touched."""
    recovery_key_required: bool = False
    """A wipe needs a BitLocker recovery key of the device in Entra ID."""
    approval_policy_expected: bool = False
    """A wipe needs a Multi Admin Approval policy for device wipes in the tenant."""

    approvals_by_one: int = 5
    """From the next one on in a UTC day, what this person approves needs a second person."""

    tells_owner: bool = False
    """A mailbox is configured, so users can be told by mail."""
    grace: timedelta = timedelta(hours=24)
    """How long the owner has after the mail, where one is sent. Nothing: owners are not told."""
    deferral: timedelta = timedelta(hours=24)
    deferrals: int = 2
    """How often the owner may put the wipe off."""
    wipe_hours: WeeklyHours | None = None
    """When wipes may be sent. None: at any time."""

    reenrol_for: frozenset[str] = frozenset()
    """Compliance settings, lower case, that a re-enrolment mends by an administrator's word."""

    auto_until: date | None = None
    """The last day, in UTC, on which mode auto is auto."""
    armed_days: int = 7
    """Mode auto is auto only when its last day is at most so many days ahead."""
    wipes_per_day_percent: int = 1
    """In 24 hours at most this share of all devices, but one at least."""
    ramp: tuple[int, ...] = (1, 2, 4, 8)
    """How many wipes each of the first steps of a policy has."""
    spike_percent: int = 5
    spike_devices: int = 100
    """Above the usual."""
    spike_factor: int = 3
    """Times the usual."""
    spike_floor: int = 5
    """So few non-compliant devices are never a spike."""
    error_free_wipes: int = 10
    """None of the first so many may fail."""
    error_percent: int = 10
    """Of the latest wipes after them."""
    unknown_wipes: int = 1
    """So many wipes at once may be in doubt."""
    back_percent: int = 90
    back_within: timedelta = timedelta(hours=72)
    """So many of the latest wiped devices come back in this time."""
    serial_wipes_per_year: int = 2
    user_rest: timedelta = timedelta(days=7)
    """One wipe of an owner's devices in this time."""
    site_wipes_per_hour: int = 3
    why_not_auto: str | None = None
    """Set by ``as_of``: why a policy with mode auto behaves as approve."""

    def as_of(self, now: datetime) -> "Policy":
        """The policy that holds at ``now``: auto without a last day, after it, or too long before it is approve."""
        if self.mode is not Mode.AUTO:
            return self
        today = now.astimezone(UTC).date()
        if self.auto_until is None:
            why = "Auto mode has no last day (HANDOVER_AUTO_UNTIL)"
        elif today > self.auto_until:
            why = f"Auto mode expired on {self.auto_until}"
        elif (self.auto_until - today).days > self.armed_days:
            why = f"Auto mode is to last until {self.auto_until}, more than {self.armed_days} days ahead"
        else:
            return self
        return replace(self, mode=Mode.APPROVE, why_not_auto=why)

    @property
    def version(self) -> str:
        """Short hash of every field: an approval is given for one policy version."""
        return _hash(self, frozenset[str]())

    @property
    def ramp_version(self) -> str:
        """The same without how long auto mode lasts: to arm it again does not begin the ramp anew."""
        return _hash(self, frozenset({"auto_until", "armed_days", "why_not_auto"}))


@lru_cache(maxsize=8)  # a process has one policy, and asks for its version in every step
def _hash(policy: Policy, without: frozenset[str]) -> str:
    named = [f.name for f in fields(policy) if f.name not in without]
    text = "\n".join(f"{name}={_stable(getattr(policy, name))}" for name in named)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _stable(value: object) -> str:
    return ",".join(sorted(map(str, value))) if isinstance(value, frozenset) else str(value)  # pyright: ignore[reportUnknownArgumentType]  # element type is irrelevant to str()
