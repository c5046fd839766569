"""Reads tenant.toml: what the tenant shall be like. A key that nobody knows is an error that names it, never a guess."""

import re
import tomllib
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from shared.domain.tenant_setup import DesiredTenant, WantedGroup, WantedProfile, WantedStatusPage
from shared.errors import BadInput

Name = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\s\x00-\x1f](?:[^\x00-\x1f]*[^\s\x00-\x1f])?$")]
_TAG = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,126}$"


def rule_of_tag(group_tag: str) -> str:
    """The dynamic membership rule for the Autopilot devices of one group tag.

    Source: "Create device groups" of Windows Autopilot: a group tag shows on the device as [OrderID].
    """
    return f'(device.devicePhysicalIds -any (_ -eq "[OrderID]:{group_tag}"))'


class _Part(BaseModel):
    """A table of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _DeviceGroup(_Part):
    name: Name
    group_tag: str = Field(pattern=_TAG)


class _Profile(_Part):
    name: Name
    language: str = Field("os-default", pattern=r"^(os-default|[a-z]{2}(-[A-Z]{2})?)$")
    device_name_template: str = Field("", max_length=15 + len("%SERIAL%"))
    allow_pre_provisioning: bool = False
    skip_keyboard_page: bool = True

    @field_validator("device_name_template")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        """At most 15 letters, digits and hyphens, of which %SERIAL% or %RAND:x% make up some."""
        rest = re.sub(r"%SERIAL%|%RAND:\d{1,2}%", "", value)
        if not re.fullmatch(r"[A-Za-z0-9-]{0,14}", rest) or (value and (rest.isdigit() or value == rest)):
            raise ValueError("must be letters, digits and hyphens with %SERIAL% or %RAND:x%")
        return value


class _StatusPage(_Part):
    name: Name
    assign_to: Literal["device-group", "all-devices"] = "device-group"
    timeout_minutes: int = Field(60, ge=15, le=1440)
    allow_reset_on_error: bool = True
    allow_log_collection: bool = True
    error_message: str = Field("", max_length=10_000)
    priority: int = Field(1, ge=1, le=1000)


class _AutomaticEnrolment(_Part):
    scope: Literal["all", "some"] = "all"


class _LicenceGroup(_Part):
    name: Name
    products: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,64}$")]] = Field(min_length=1, max_length=20)


class _File(_Part):
    version: Literal[1]
    device_group: _DeviceGroup
    deployment_profile: _Profile
    status_page: _StatusPage
    automatic_enrolment: _AutomaticEnrolment = _AutomaticEnrolment()
    licence_groups: list[_LicenceGroup] = Field(default_factory=list[_LicenceGroup], max_length=20)

    @model_validator(mode="after")
    def _names_are_different(self) -> "_File":
        groups = [self.device_group.name, *(group.name for group in self.licence_groups)]
        if twice := {name for name in groups if groups.count(name) > 1}:
            raise ValueError(f"two groups have the name {', '.join(sorted(twice))}")
        return self


def read_desired(text: str) -> DesiredTenant:
    """The file's content. Raises BadInput with one line for each problem: the key's path and what is wrong."""
    try:
        found = _File.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"not TOML: {error}") from None
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False)
        raise BadInput(
            "\n".join(f"{_path(each['loc'])}: {_words(each['type'], each['msg'])}" for each in problems)
        ) from None
    page = found.status_page
    return DesiredTenant(
        device_group=WantedGroup(name=found.device_group.name, rule=rule_of_tag(found.device_group.group_tag)),
        profile=WantedProfile(**found.deployment_profile.model_dump()),
        status_page=WantedStatusPage(
            all_devices=page.assign_to == "all-devices", **page.model_dump(exclude={"assign_to"})
        ),
        mdm_scope=found.automatic_enrolment.scope,
        licence_groups=tuple(
            WantedGroup(name=group.name, products=tuple(group.products)) for group in found.licence_groups
        ),
    )


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "the file"


def _words(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "there is no such key"
    return "this key is missing" if kind == "missing" else message.removeprefix("Value error, ")
