"""The device-events contract: CloudEvents 1.0 in JSON, from ITSM, HR, Logic Apps and scripts. docs/device-events.md shows it."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from shared.domain.hint import Cause, Hint, Subject
from shared.errors import BadInput

Guid = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
SerialNumber = Annotated[str, Field(pattern=r"^ *[A-Za-z0-9._-][A-Za-z0-9 ._-]*$", max_length=64)]
UserName = Annotated[str, Field(pattern=r"^[^\s/\\?#%]{1,113}$")]
"""A user id or UPN; at most 113 characters, as Microsoft Entra allows."""

TYPES = {
    "device.noncompliant": Cause.NONCOMPLIANT,
    "device.user-assigned": Cause.USER_ASSIGNED,
    "user.licence-changed": Cause.USER_CHANGED,
}


class EventData(BaseModel):
    """Which device or user the event is about. One way of naming the device is enough."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel, defer_build=True)

    managed_device_id: Guid | None = None
    entra_device_id: Guid | None = None
    serial_number: SerialNumber | None = None
    user_id: Guid | None = None
    user_principal_name: UserName | None = None
    requested_by: UserName | None = None


class CloudEvent(BaseModel):
    """The CloudEvents 1.0 envelope, structured mode, as far as it is used."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)

    specversion: Literal["1.0"]
    id: str = Field(min_length=1, max_length=256)
    source: str = Field(min_length=1, max_length=1024)
    type: Literal["device.noncompliant", "device.user-assigned", "user.licence-changed"]
    time: datetime | None = None
    data: EventData

    @model_validator(mode="after")
    def _names_somebody(self) -> "CloudEvent":
        data = self.data
        names_device = data.managed_device_id or data.entra_device_id or data.serial_number
        names_user = data.user_id or data.user_principal_name
        if self.type == "user.licence-changed":
            if data.user_id is None:
                raise ValueError("user.licence-changed needs data.userId")
        elif not names_device:
            raise ValueError("data names no device: managedDeviceId, entraDeviceId or serialNumber is needed")
        if self.type == "device.user-assigned" and not names_user:
            raise ValueError("device.user-assigned needs data.userId or data.userPrincipalName")
        return self


def read_device_event(body: str, now: datetime) -> Hint:
    """One event as a hint. Raises BadInput, with a text that names the wrong field and holds no value of it."""
    try:
        event = CloudEvent.model_validate_json(body)
    except ValidationError as error:
        problems = "; ".join(
            _problem(e["loc"], e["msg"]) for e in error.errors(include_input=False, include_url=False)[:5]
        )
        raise BadInput(f"not a device event: {problems}") from None
    subject, key = _subject(event.data, event.type)
    return Hint(
        subject=subject,
        key=key,
        cause=TYPES[event.type],
        source="device-events",
        at=now if event.time is None else min(_utc(event.time), now),
        owner=event.data.user_id or event.data.user_principal_name if event.type == "device.user-assigned" else None,
        requested_by=event.data.requested_by if event.type == "device.user-assigned" else None,
    )


def _subject(data: EventData, event_type: str) -> tuple[Subject, str]:
    if event_type == "user.licence-changed" and data.user_id:
        return Subject.USER, data.user_id.lower()
    if data.managed_device_id:
        return Subject.MANAGED_DEVICE, data.managed_device_id.lower()
    if data.entra_device_id:
        return Subject.ENTRA_DEVICE, data.entra_device_id.lower()
    return Subject.SERIAL_NUMBER, (data.serial_number or "").strip()


def _utc(time: datetime) -> datetime:
    """Raises BadInput for the first and the last hours of the calendar, which are outside of it in UTC."""
    try:
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except OverflowError:
        raise BadInput("not a device event: time: there is no such time in UTC") from None


def _problem(location: tuple[Any, ...], message: str) -> str:
    """What is wrong and where, in words for whoever mends the event."""
    said = message.removeprefix("Value error, ")
    return f"{'.'.join(str(part) for part in location)}: {said}" if location else said
