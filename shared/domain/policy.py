"""What the administrators decided, as one frozen value. Defaults are the careful choice; a policy has a version."""

import hashlib
from dataclasses import dataclass, fields
from datetime import date, timedelta
from enum import StrEnum


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Everything a rule may need to know of the administrators' wishes. Durations are timedeltas."""

    mode: Mode = Mode.REPORT
    staging_accounts: tuple[str, ...] = ()
    """UPNs or shell-style patterns (``staging*@contoso.com``) of accounts that only enrol devices."""
    excluded_devices: frozenset[str] = frozenset()
    """Serial numbers or device names, lower case, that are never touched."""
    excluded_users: frozenset[str] = frozenset()
    """UPNs, lower case, whose devices are never touched."""
    licence_skus: tuple[str, ...] = ()
    """skuPartNumbers to assign, best first. Empty: never assign a licence."""
    usage_location: str | None = None
    """Two-letter country for users without one. None: such a user waits for a person."""
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

    @property
    def version(self) -> str:
        """Short hash of every field: an approval is given for one policy version."""
        text = "\n".join(f"{f.name}={_stable(getattr(self, f.name))}" for f in fields(self))
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def _stable(value: object) -> str:
    return ",".join(sorted(map(str, value))) if isinstance(value, frozenset) else str(value)  # pyright: ignore[reportUnknownArgumentType]  # element type is irrelevant to str()
