"""deviceEnrollmentConfigurations: Enrollment Status Pages (whole on beta only), limits and platform restrictions."""

from local.tenant.http.assignments import targets
from local.tenant.http.request import Endpoint, GraphRequest, Reply
from local.tenant.http.wire import Json, moment
from local.tenant.model.enrolment_configurations import ConfigurationType, EnrolmentConfiguration
from local.tenant.model.operations import Operation
from local.tenant.model.tenant import TenantModel

_COLLECTION = "/deviceManagement/deviceEnrollmentConfigurations"
_STATUS_PAGE = "windows10EnrollmentCompletionPageConfiguration"
_TYPES = {
    ConfigurationType.STATUS_PAGE: _STATUS_PAGE,
    ConfigurationType.DEFAULT_STATUS_PAGE: _STATUS_PAGE,
    ConfigurationType.LIMIT: "deviceEnrollmentLimitConfiguration",
    ConfigurationType.PLATFORMS: "deviceEnrollmentPlatformRestrictionsConfiguration",
}


class EnrolmentConfigurationEndpoints:
    """Endpoints about enrolment configurations."""

    def __init__(self, model: TenantModel) -> None:
        self._model = model

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
        ]

    def _list(self, request: GraphRequest) -> Reply:
        found = self._model.configurations.all(request.query.conditions)
        value = [_written(request, configuration) for configuration in found]
        return Reply(body={"@odata.context": request.context(_COLLECTION[1:]), "value": value})

    def _get(self, request: GraphRequest) -> Reply:
        return Reply(body=_written(request, self._model.configurations.get(request.path["id"])))

    def _assignments(self, request: GraphRequest) -> Reply:
        configuration = self._model.configurations.get(request.path["id"])
        return Reply(body={"@odata.context": request.context("assignments"), "value": _assignments(configuration)})


def _assignments(configuration: EnrolmentConfiguration) -> list[Json]:
    return targets(
        configuration.id,
        configuration.group_ids,
        everybody="allLicensedUsersAssignmentTarget",
        excluded=configuration.excluded_group_ids,
    )


def _written(request: GraphRequest, configuration: EnrolmentConfiguration) -> dict[str, Json]:
    beta = request.version == "beta"
    written: dict[str, Json] = {
        "@odata.type": f"#microsoft.graph.{_TYPES[configuration.type]}",
        "id": configuration.id,
        "displayName": configuration.name,
        "description": "",
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
        "blockDeviceSetupRetryByUser": False,
        "allowDeviceResetOnInstallFailure": True,
        "allowLogCollectionOnInstallFailure": True,
        "customErrorMessage": "",
        "installProgressTimeoutInMinutes": 60,
        "allowDeviceUseOnInstallFailure": not blocks,
        "selectedMobileAppIds": [],
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
