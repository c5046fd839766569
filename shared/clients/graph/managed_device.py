"""What Graph says of a managed device becomes our value. A list has thousands of them, so this reading is made to be quick."""

from datetime import UTC, datetime
from typing import Any

from shared.clients.graph.values import Json, all_links, all_texts, all_words, link, moment, own_id, rows, text
from shared.domain.facts import ActionResult, Compliance, ManagedDevice

STABLE = (
    "id,azureADDeviceId,serialNumber,deviceName,userId,userPrincipalName,enrolledDateTime,lastSyncDateTime,"
    "complianceState,complianceGracePeriodExpirationDateTime,managementState,managementAgent,managedDeviceOwnerType,"
    "operatingSystem,model,enrollmentProfileName,deviceEnrollmentType,deviceActionResults"
)
"""Properties that v1.0 has."""

EVERYTHING = f"{STABLE},enrolledByUserPrincipalName,usersLoggedOn,joinType,deviceType,skuFamily"
"""With those that only beta has."""

LONG_AGO = datetime.min.replace(tzinfo=UTC)
"""Before any enrolment."""

_LINKS = ("azureADDeviceId", "userId")
_TEXTS = (
    "serialNumber", "deviceName", "complianceState", "managementState", "managementAgent", "managedDeviceOwnerType",
    "operatingSystem", "model",
)  # fmt: skip
_WORDS = (
    "userPrincipalName", "enrollmentProfileName", "enrolledByUserPrincipalName", "deviceEnrollmentType", "joinType",
    "deviceType", "skuFamily",
)  # fmt: skip
_COMPLIANCE = {state.value: state for state in Compliance}


class _NotYetFrozen:
    """Has the same slots as the value. A frozen dataclass sets each of its fields by a call, which takes as long as the rest
    of the reading: so they are set here, and then the value is made what it is."""

    __slots__ = ManagedDevice.__slots__


def managed_device(row: Json) -> ManagedDevice:
    """One managedDevice of v1.0 or beta. Raises Unexpected when it has no id."""
    device: Any = _NotYetFrozen()  # Any: it becomes the value at the end
    device.id = own_id(row)
    device.entra_device_id, device.user_id = all_links(row, _LINKS)
    (
        device.serial_number,
        device.name,
        compliance,
        device.management_state,
        device.management_agent,
        device.owner_type,
        device.operating_system,
        device.model,
    ) = all_texts(row, _TEXTS)
    (
        device.user_principal_name,
        device.enrolment_profile,
        device.enrolled_by,
        device.enrolment_type,
        device.join_type,
        device.device_type,
        device.sku_family,
    ) = all_words(row, _WORDS)
    device.compliance = _COMPLIANCE.get(compliance, Compliance.UNRECOGNISED)
    device.enrolled_at = moment(row, "enrolledDateTime")
    device.last_sync_at = moment(row, "lastSyncDateTime")
    device.grace_expires_at = moment(row, "complianceGracePeriodExpirationDateTime")
    device.logged_on_user_ids = _logged_on(row) if "usersLoggedOn" in row else ()
    device.actions = tuple([_action(each) for each in rows(row, "deviceActionResults")])
    device.__class__ = ManagedDevice
    return device


def _logged_on(row: Json) -> tuple[str, ...]:
    latest_first = sorted(
        rows(row, "usersLoggedOn"), key=lambda each: moment(each, "lastLogOnDateTime") or LONG_AGO, reverse=True
    )
    users = [user for each in latest_first if (user := link(each, "userId")) is not None]
    return tuple(dict.fromkeys(users))


def _action(row: Json) -> ActionResult:
    return ActionResult(
        name=text(row, "actionName"), state=text(row, "actionState"), started_at=moment(row, "startDateTime")
    )
