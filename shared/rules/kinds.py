"""Kinds of devices that Windows Autopilot does not set up for one user, or that are not set up by a wipe.

What is not known is no reason: v1.0 of Graph leaves out join type, device type and SKU family. Every value is compared
in any case.
"""

from shared.domain.facts import ManagedDevice
from shared.domain.reasons import Reason

USERLESS = frozenset({"windowsbulkuserless", "windowsazureadjoinusingdeviceauth"})
"""Values of deviceEnrollmentType for a kiosk or a shared device: nobody owns it."""
CO_MANAGED = frozenset({"windowscomanagement"})
NOT_ENTRA_JOINED = {"hybridazureadjoined": "Microsoft Entra hybrid joined", "azureadregistered": "only registered"}
"""Values of joinType; ``unknown`` is none of them."""


def is_cloud_pc(device: ManagedDevice) -> bool:
    """A PC of Windows 365."""
    return device.model.lower().startswith("cloud pc") or (device.device_type or "").lower() == "cloudpc"


def wrong_kind(device: ManagedDevice) -> tuple[Reason, str] | None:
    """Why a device of this kind is not re-enrolled, if so."""
    system, family = device.operating_system.lower(), (device.sku_family or "").lower()
    enrolment, join = (device.enrolment_type or "").lower(), (device.join_type or "").lower()
    appliance = f"{device.device_type or ''} {device.model} {family}".lower().replace(" ", "")
    kinds = (
        (
            "multisession" in family or "rdsh" in family,
            Reason.DEVICE_IS_MULTI_SESSION,
            "it runs Windows for many users at once",
        ),
        ("server" in system or "server" in family, Reason.DEVICE_IS_SERVER, "it runs Windows Server"),
        (
            any(word in appliance for word in ("surfacehub", "hololens", "holographic")),
            Reason.DEVICE_IS_APPLIANCE,
            "it is a Surface Hub or a HoloLens",
        ),
        (system != "windows", Reason.DEVICE_NOT_WINDOWS, f"it runs {device.operating_system or 'nothing known'}"),
        (
            enrolment in CO_MANAGED or device.management_agent.lower().startswith("configurationmanagerclient"),
            Reason.DEVICE_CO_MANAGED,
            "it is co-managed with Configuration Manager",
        ),
        (enrolment in USERLESS, Reason.DEVICE_IS_SHARED, "it was enrolled without a user, as a kiosk or shared device"),
        (
            join in NOT_ENTRA_JOINED,
            Reason.DEVICE_NOT_ENTRA_JOINED,
            f"it is {NOT_ENTRA_JOINED.get(join)}, not Microsoft Entra joined",
        ),
    )
    return next(((reason, why) for applies, reason, why in kinds if applies), None)
