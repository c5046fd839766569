"""Which failing compliance setting a re-enrolment mends, and what mends the others. Data, and one function to weigh them.

Names are those of ``setting`` in deviceCompliancePolicyStates, compared in any case. A name that is not here is not known.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from shared.domain.facts import PolicyState


class MendedBy(StrEnum):
    """What makes a device pass a setting."""

    REENROLMENT = "reenrolment"
    CHECK_IN = "check-in"
    ON_THE_DEVICE = "on the device"
    """Configuration or an update. A PC that is set up anew gets it like any other: it stands in no re-enrolment's way."""
    BEFORE_ANYTHING = "before anything"
    """Hardware, firmware, or a threat: the PC would fail it after a wipe as before, or it must not be wiped now."""


class Stop(StrEnum):
    """Why the failing settings forbid a wipe."""

    UNKNOWN = "unknown"
    NOT_MENDED = "not mended"
    COMES_FIRST = "comes first"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """What mends one setting, in words, and the page of Microsoft's documentation that it is taken from."""

    by: MendedBy
    says: str
    source: str


_WINDOWS = "Device Compliance settings for Windows 10/11 in Intune"
_BUILT_IN = "Use compliance policies to set rules for devices you manage with Intune"


def _setting(by: MendedBy, says: str, source: str = _WINDOWS) -> Remedy:
    return Remedy(by=by, says=says, source=source)


_FIRMWARE, _HERE = MendedBy.BEFORE_ANYTHING, MendedBy.ON_THE_DEVICE

REMEDIES: dict[str, Remedy] = {
    "DefaultDeviceCompliancePolicy.RequireUserExistence": _setting(
        MendedBy.REENROLMENT,
        "the user who enrolled the device must exist and hold an Intune licence; that user only changes with a re-enrolment",
        _BUILT_IN,
    ),
    "DefaultDeviceCompliancePolicy.RequireDeviceCompliancePolicyAssigned": _setting(
        MendedBy.REENROLMENT,
        "a compliance policy must be assigned; one for users reaches a device only through the user who enrolled it",
        _BUILT_IN,
    ),
    "DefaultDeviceCompliancePolicy.RequireRemainContact": _setting(
        MendedBy.CHECK_IN, "the device must check in with Intune: switch it on, connect it and sync it", _BUILT_IN
    ),
    "Windows10CompliancePolicy.BitLockerEnabled": _setting(
        _HERE, "switch on BitLocker, by a disk encryption policy or on the device, and restart"
    ),
    "Windows10CompliancePolicy.StorageRequireEncryption": _setting(_HERE, "encrypt the device's drives"),
    "Windows10CompliancePolicy.OsMinimumVersion": _setting(_HERE, "install the Windows updates that it lacks"),
    "Windows10CompliancePolicy.OsMaximumVersion": _setting(
        _HERE, "its Windows is newer than the compliance policy allows: change the policy"
    ),
    "Windows10CompliancePolicy.ValidOperatingSystemBuildRanges": _setting(
        _HERE, "install a Windows build that the compliance policy allows"
    ),
    "Windows10CompliancePolicy.PasswordRequired": _setting(_HERE, "its user must set a password"),
    "Windows10CompliancePolicy.PasswordMinimumLength": _setting(_HERE, "its user must set a longer password"),
    "Windows10CompliancePolicy.PasswordRequiredType": _setting(_HERE, "its user must set a password of the right kind"),
    "Windows10CompliancePolicy.PasswordExpirationDays": _setting(_HERE, "its user must set a new password"),
    "Windows10CompliancePolicy.AntivirusRequired": _setting(_HERE, "switch on or install the antivirus"),
    "Windows10CompliancePolicy.AntiSpywareRequired": _setting(_HERE, "switch on or install the antispyware"),
    "Windows10CompliancePolicy.DefenderEnabled": _setting(_HERE, "switch on Microsoft Defender Antimalware"),
    "Windows10CompliancePolicy.DefenderVersion": _setting(_HERE, "update Microsoft Defender Antimalware"),
    "Windows10CompliancePolicy.SignatureOutOfDate": _setting(_HERE, "update the signatures of Microsoft Defender"),
    "Windows10CompliancePolicy.RtpEnabled": _setting(_HERE, "switch on real-time protection"),
    "Windows10CompliancePolicy.FirewallEnabled": _setting(_HERE, "switch on the firewall"),
    "Windows10CompliancePolicy.ActiveFirewallRequired": _setting(_HERE, "switch on the firewall"),
    "Windows10CompliancePolicy.SecureBootEnabled": _setting(_FIRMWARE, "switch on Secure Boot in the firmware"),
    "Windows10CompliancePolicy.CodeIntegrityEnabled": _setting(
        _FIRMWARE, "switch on code integrity; drivers that are not signed must go"
    ),
    "Windows10CompliancePolicy.TpmRequired": _setting(
        _FIRMWARE, "switch on the TPM in the firmware, or replace the PC"
    ),
    "Windows10CompliancePolicy.DeviceThreatProtectionLevel": _setting(
        _FIRMWARE, "Microsoft Defender for Endpoint sees a threat on it: investigate that first"
    ),
}

_BY_NAME = {name.lower(): remedy for name, remedy in REMEDIES.items()}

PASSES = frozenset({"compliant", "remediated", "notapplicable", "notassigned"})
FAILS = frozenset({"noncompliant", "error", "conflict"})
"""Graph's complianceStatus, lower case; anything else, unknown and unknownFutureValue too, says nothing."""

DECLARED = Remedy(
    by=MendedBy.REENROLMENT, says="policy names it as mended by a re-enrolment", source="HANDOVER_REENROL_FOR"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """What the failing settings say. ``stops``: why no re-enrolment; None: it mends something, and ``says`` what."""

    says: str
    failing: tuple[str, ...]
    stops: Stop | None = None


def weigh(states: Collection[PolicyState] | None, declared: Iterable[str] = ()) -> Weighed:
    """Whether a re-enrolment is worth its price to a device whose policies read like this; any doubt stops it.

    ``declared``: settings that an administrator names as mended by a re-enrolment, whatever the table says.
    """
    failing = tuple(dict.fromkeys(name for state in states or () for name in _failing_in(state)))
    by_policy = {name.lower() for name in declared}
    known = {name: DECLARED if name.lower() in by_policy else _BY_NAME.get(name.lower()) for name in failing}
    if not failing or not all(known.values()):
        unknown = ", ".join(name for name, remedy in known.items() if remedy is None)
        says = (
            f"Handover does not know what mends {unknown}"
            if unknown
            else "Intune does not tell which compliance setting fails"
        )
        return Weighed(says=f"{says}.", failing=failing, stops=Stop.UNKNOWN)
    return _weigh_known({name: remedy for name, remedy in known.items() if remedy is not None})


def _weigh_known(failing: dict[str, Remedy]) -> Weighed:
    names = tuple(failing)
    mended = [name for name, remedy in failing.items() if remedy.by is MendedBy.REENROLMENT]
    first = [name for name, remedy in failing.items() if remedy.by is MendedBy.BEFORE_ANYTHING]
    if not mended:
        says = f"A re-enrolment mends nothing that fails. {_remedies(failing, names)}"
        return Weighed(says=says, failing=names, stops=Stop.NOT_MENDED)
    if first:
        says = f"A re-enrolment would not make it compliant before this is mended. {_remedies(failing, first)}"
        return Weighed(says=says, failing=names, stops=Stop.COMES_FIRST)
    remain = [name for name in names if name not in mended]
    says = f"{' and '.join(mended)} {'fails' if len(mended) == 1 else 'fail'}"
    if remain:
        says += f"; what remains to be mended after it: {_remedies(failing, remain).rstrip('.')}"
    return Weighed(says=says, failing=names)


def _remedies(failing: dict[str, Remedy], names: Iterable[str]) -> str:
    return "; ".join(f"{name}: {failing[name].says}" for name in names) + "."


def _failing_in(state: PolicyState) -> list[str]:
    """The failing settings of one policy; a setting or policy whose state is not known fails under its own name."""
    named = [setting.name or state.name for setting in state.settings if setting.state.lower() not in PASSES]
    if not named and state.state.lower() not in PASSES:
        return [f"policy {state.name or 'without a name'} ({state.state or 'no state'})"]
    return named
