"""Enrolment configurations: Enrollment Status Pages, device limit and platform restrictions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from local.tenant.model.filters import Condition, Filterable, Table, holds, supported
from local.tenant.model.refusal import Service, intune_bad_request, resource_not_found


class ConfigurationType(StrEnum):
    """deviceEnrollmentConfigurationType."""

    STATUS_PAGE = "windows10EnrollmentCompletionPageConfiguration"
    DEFAULT_STATUS_PAGE = "defaultWindows10EnrollmentCompletionPageConfiguration"
    LIMIT = "defaultLimit"
    PLATFORMS = "defaultPlatformRestrictions"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentConfiguration:
    """One configuration; which fields mean something depends on ``type``. ``group_ids`` None means everybody."""

    id: str
    type: ConfigurationType
    name: str
    created_at: datetime
    priority: int = 0
    group_ids: tuple[str, ...] | None = None
    excluded_group_ids: tuple[str, ...] = ()
    blocks_use: bool = True
    limit: int = 15
    windows_blocked: bool = False
    description: str = ""
    all_devices: bool = False
    """With ``group_ids`` None: assigned to all devices, not to all users."""
    blocks_retry: bool = False
    allows_reset: bool = True
    collects_logs: bool = True
    error_message: str = ""
    timeout_minutes: int = 60
    tracked_app_ids: tuple[str, ...] = ()


FILTERABLE: Table[EnrolmentConfiguration] = {
    "deviceEnrollmentConfigurationType": Filterable(
        operators=frozenset({"eq"}),
        value_of=lambda configuration: (
            "windows10EnrollmentCompletionPageConfiguration"
            if configuration.type is ConfigurationType.DEFAULT_STATUS_PAGE
            else configuration.type
        ),
    ),
}


class EnrolmentConfigurations:
    """The enrolment configurations of the tenant."""

    def __init__(self, configurations: Sequence[EnrolmentConfiguration]) -> None:
        self._by_id = {configuration.id: configuration for configuration in configurations}

    @property
    def device_limit(self) -> int:
        """How many devices one user may enrol."""
        limits = [c.limit for c in self._by_id.values() if c.type is ConfigurationType.LIMIT]
        return min(limits, default=15)

    @property
    def windows_blocked(self) -> bool:
        """Whether the platform restriction lets no Windows device enrol."""
        return any(c.windows_blocked for c in self._by_id.values() if c.type is ConfigurationType.PLATFORMS)

    def change(self, type_: ConfigurationType, **fields: object) -> None:
        """An administrator changes every configuration of a type."""
        for configuration in self._by_id.values():
            if configuration.type is type_:
                self._by_id[configuration.id] = replace(configuration, **fields)

    def create(self, configuration: EnrolmentConfiguration) -> EnrolmentConfiguration:
        """POST (beta) deviceEnrollmentConfigurations, a status page: it comes last."""
        created = replace(configuration, priority=len(self._pages()) + 1)
        self._by_id[created.id] = created
        return created

    def put(self, configuration: EnrolmentConfiguration) -> None:
        """Replace one that is there. Raises 404."""
        self._by_id[self.get(configuration.id).id] = configuration

    def set_priority(self, configuration_id: str, priority: int) -> None:
        """POST (beta) .../setPriority. Raises 404, and 400 for a priority that no page can have."""
        chosen = self.get(configuration_id)
        pages = self._pages()
        if chosen not in pages or not 1 <= priority <= len(pages):
            raise intune_bad_request("The priority is not valid.")
        pages.remove(chosen)
        pages.insert(priority - 1, chosen)
        for number, page in enumerate(pages, 1):
            self._by_id[page.id] = replace(page, priority=number)

    def _pages(self) -> list[EnrolmentConfiguration]:
        pages = [c for c in self._by_id.values() if c.type is ConfigurationType.STATUS_PAGE]
        return sorted(pages, key=lambda page: page.priority)

    def all(self, conditions: Sequence[Condition] | None) -> tuple[EnrolmentConfiguration, ...]:
        """GET deviceEnrollmentConfigurations. Raises 400 for what cannot be filtered."""
        if conditions is None or not supported(conditions, FILTERABLE):
            raise intune_bad_request()
        return tuple(c for c in self._by_id.values() if holds(c, conditions, FILTERABLE))

    def get(self, configuration_id: str) -> EnrolmentConfiguration:
        """GET deviceEnrollmentConfigurations/{id}. Raises 404."""
        found = self._by_id.get(configuration_id)
        if found is None:
            raise resource_not_found(configuration_id, Service.INTUNE)
        return found
