"""deviceEnrollmentConfigurations: Enrollment Status Pages (whole on beta only), limits and platform restrictions."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from pydantic import Field

from local.tenant.http.assignments import NewAssignment, Target, targets
from local.tenant.http.request import BETA, NO_CONTENT, Body, Endpoint, GraphRequest, Handler, Reply
from local.tenant.http.wire import Json, moment
from local.tenant.model.enrolment_configurations import ConfigurationType, EnrolmentConfiguration
from local.tenant.model.operations import Operation
from local.tenant.model.refusal import intune_bad_request

_COLLECTION = "/deviceManagement/deviceEnrollmentConfigurations"
_STATUS_PAGE = "windows10EnrollmentCompletionPageConfiguration"
_TYPES = {
    ConfigurationType.STATUS_PAGE: _STATUS_PAGE,
    ConfigurationType.DEFAULT_STATUS_PAGE: _STATUS_PAGE,
    ConfigurationType.LIMIT: "deviceEnrollmentLimitConfiguration",
    ConfigurationType.PLATFORMS: "deviceEnrollmentPlatformRestrictionsConfiguration",
}


class PageFields(Body):
    """What POST and PATCH of a status page have in common."""

    odata_type: Literal["#microsoft.graph.windows10EnrollmentCompletionPageConfiguration"] = Field(alias="@odata.type")
    description: str | None = None
    show_installation_progress: bool = False
    block_device_setup_retry_by_user: bool = False
    allow_device_reset_on_install_failure: bool = False
    allow_log_collection_on_install_failure: bool = False
    custom_error_message: str = ""
    install_progress_timeout_in_minutes: int = 60
    allow_device_use_on_install_failure: bool = False
    selected_mobile_app_ids: tuple[str, ...] = ()
    allow_non_blocking_app_installation: bool = False
    track_install_progress_for_autopilot_only: bool = False
    disable_user_status_tracking_after_first_user: bool = False
    install_quality_updates: bool = False
    role_scope_tag_ids: tuple[str, ...] | None = None


class PageChange(PageFields):
    """Body of a PATCH."""

    display_name: str | None = None


class NewPage(PageFields):
    """Body of a POST."""

    display_name: str


class NewAssignments(Body):
    """Body of assign."""

    enrollment_configuration_assignments: tuple[NewAssignment, ...]


class Priority(Body):
    """Body of setPriority."""

    priority: int


class EnrolmentConfigurationEndpoints:
    """Endpoints about enrolment configurations."""

    def endpoints(self) -> list[Endpoint]:
        """The table."""
        of = Operation
        return [
            Endpoint(method="GET", path=_COLLECTION, operation=of.CONFIGURATIONS_LIST, handle=self._list),
            Endpoint(method="GET", path=f"{_COLLECTION}/{{id}}", operation=of.CONFIGURATIONS_GET, handle=self._get),
            Endpoint(
                method="GET",
                path=f"{_COLLECTION}/{{id}}/assignments",
                operation=of.CONFIGURATIONS_ASSIGNMENTS,
                handle=self._assignments,
            ),
            _on_beta("POST", "", of.CONFIGURATIONS_CREATE, self._create),
            _on_beta("PATCH", "/{id}", of.CONFIGURATIONS_UPDATE, self._update),
            _on_beta("POST", "/{id}/assign", of.CONFIGURATIONS_ASSIGN, self._assign),
            _on_beta("POST", "/{id}/setPriority", of.CONFIGURATIONS_SET_PRIORITY, self._set_priority),
        ]

    def _create(self, request: GraphRequest) -> Reply:
        fresh = EnrolmentConfiguration(
            id=f"{request.tenant.world.ids.guid()}_Windows10EnrollmentCompletionPageConfiguration",
            type=ConfigurationType.STATUS_PAGE,
            name="",
            created_at=request.tenant.clock.now(),
            group_ids=(),
        )
        created = request.tenant.configurations.create(changed_page(fresh, request.body(NewPage)))
        return Reply(status=201, body=_written(request, created))

    def _update(self, request: GraphRequest) -> Reply:
        configuration = self._page(request)
        request.tenant.configurations.put(changed_page(configuration, request.body(PageChange)))
        return Reply(body=_written(request, self._page(request)))

    def _assign(self, request: GraphRequest) -> Reply:
        """Everything that was assigned before is replaced."""
        found = [each.target for each in request.body(NewAssignments).enrollment_configuration_assignments]
        groups = {each.group_id or "" for each in found if each.group_id is not None}
        if any(request.tenant.groups.find(group) is None for group in groups):
            raise intune_bad_request()
        everybody = [each for each in found if each.kind.startswith("all")]
        changed = replace(
            self._page(request),
            all_devices=any(each.kind == "allDevicesAssignmentTarget" for each in everybody),
            group_ids=None if everybody else _ids(found, "groupAssignmentTarget"),
            excluded_group_ids=_ids(found, "exclusionGroupAssignmentTarget"),
        )
        request.tenant.configurations.put(changed)
        return NO_CONTENT

    def _set_priority(self, request: GraphRequest) -> Reply:
        request.tenant.configurations.set_priority(self._page(request).id, request.body(Priority).priority)
        return NO_CONTENT

    def _page(self, request: GraphRequest) -> EnrolmentConfiguration:
        configuration = request.tenant.configurations.get(request.path["id"])
        if configuration.type is not ConfigurationType.STATUS_PAGE:
            raise intune_bad_request("The default configuration cannot be changed here.")
        return configuration

    def _list(self, request: GraphRequest) -> Reply:
        found = request.tenant.configurations.all(request.query.conditions)
        value = [_written(request, configuration) for configuration in found]
        return Reply(body={"@odata.context": request.context(_COLLECTION[1:]), "value": value})

    def _get(self, request: GraphRequest) -> Reply:
        return Reply(body=_written(request, request.tenant.configurations.get(request.path["id"])))

    def _assignments(self, request: GraphRequest) -> Reply:
        configuration = request.tenant.configurations.get(request.path["id"])
        return Reply(body={"@odata.context": request.context("assignments"), "value": _assignments(configuration)})


def changed_page(page: EnrolmentConfiguration, body: PageChange | NewPage) -> EnrolmentConfiguration:
    """The page with what the body says."""
    return replace(
        page,
        name=body.display_name or page.name,
        description=page.description if body.description is None else body.description,
        blocks_use=body.show_installation_progress and not body.allow_device_use_on_install_failure,
        blocks_retry=body.block_device_setup_retry_by_user,
        allows_reset=body.allow_device_reset_on_install_failure,
        collects_logs=body.allow_log_collection_on_install_failure,
        error_message=body.custom_error_message,
        timeout_minutes=body.install_progress_timeout_in_minutes,
        tracked_app_ids=body.selected_mobile_app_ids,
    )


def _ids(found: Sequence[Target], kind: str) -> tuple[str, ...]:
    return tuple(each.group_id for each in found if each.kind == kind and each.group_id is not None)


def _on_beta(method: str, tail: str, operation: Operation, handle: Handler) -> Endpoint:
    return Endpoint(method=method, path=f"{_COLLECTION}{tail}", operation=operation, handle=handle, versions=BETA)


def _assignments(configuration: EnrolmentConfiguration) -> list[Json]:
    return targets(
        configuration.id,
        configuration.group_ids,
        everybody="allDevicesAssignmentTarget" if configuration.all_devices else "allLicensedUsersAssignmentTarget",
        excluded=configuration.excluded_group_ids,
    )


def _written(request: GraphRequest, configuration: EnrolmentConfiguration) -> dict[str, Json]:
    beta = request.version == "beta"
    written: dict[str, Json] = {
        "@odata.type": f"#microsoft.graph.{_TYPES[configuration.type]}",
        "id": configuration.id,
        "displayName": configuration.name,
        "description": configuration.description,
        "priority": configuration.priority,
        "createdDateTime": moment(configuration.created_at),
        "lastModifiedDateTime": moment(configuration.created_at),
        "version": 1,
    }
    written |= _details(configuration, beta=beta)
    if beta:
        # the default status page reports the type without "default", and priority 0
        written["deviceEnrollmentConfigurationType"] = (
            _STATUS_PAGE if "status_page" in configuration.type.name.lower() else configuration.type.value
        )
        written["roleScopeTagIds"] = ["0"]
    if "assignments" in request.query.expand:
        written["assignments"] = _assignments(configuration)
    return written


def _details(configuration: EnrolmentConfiguration, *, beta: bool) -> dict[str, Json]:
    match configuration.type:
        case ConfigurationType.LIMIT:
            return {"limit": configuration.limit}
        case ConfigurationType.PLATFORMS:
            return {"windowsRestriction": _platform(blocked=configuration.windows_blocked)}
        case _:
            return _status_page(configuration) if beta else {"allowNonBlockingAppInstallation": False}


def _status_page(configuration: EnrolmentConfiguration) -> dict[str, Json]:
    """Blocking is stored as CIPP and the portal have it: blockDeviceSetupRetryByUser false means that use is blocked."""
    blocks = configuration.blocks_use
    return {
        "showInstallationProgress": blocks,
        "blockDeviceSetupRetryByUser": configuration.blocks_retry,
        "allowDeviceResetOnInstallFailure": configuration.allows_reset,
        "allowLogCollectionOnInstallFailure": configuration.collects_logs,
        "customErrorMessage": configuration.error_message,
        "installProgressTimeoutInMinutes": configuration.timeout_minutes,
        "allowDeviceUseOnInstallFailure": not blocks,
        "selectedMobileAppIds": list(configuration.tracked_app_ids),
        "allowNonBlockingAppInstallation": False,
        "trackInstallProgressForAutopilotOnly": True,
        "disableUserStatusTrackingAfterFirstUser": True,
        "installQualityUpdates": False,
    }


def _platform(*, blocked: bool) -> Json:
    return {
        "platformBlocked": blocked,
        "personalDeviceEnrollmentBlocked": False,
        "osMinimumVersion": None,
        "osMaximumVersion": None,
        "blockedManufacturers": [],
        "blockedSkus": [],
    }
