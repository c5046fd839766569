"""The counts that Intune keeps of all devices: managedDeviceOverview and deviceCompliancePolicyDeviceStateSummary."""

from local.tenant.http.request import BOTH, Endpoint, GraphRequest, Reply
from local.tenant.http.shape import Shape, one
from local.tenant.model.fleet import Fleet
from local.tenant.model.operations import Operation
from local.tenant.model.refusal import Service

_OVERVIEW = "/deviceManagement/managedDeviceOverview"
_SUMMARY = "/deviceManagement/deviceCompliancePolicyDeviceStateSummary"


class FleetEndpoints:
    """Two singletons."""

    def endpoints(self) -> list[Endpoint]:
        """The table."""
        rows = (
            (_OVERVIEW, Operation.MANAGED_DEVICE_OVERVIEW, self._overview),
            (_SUMMARY, Operation.COMPLIANCE_STATE_SUMMARY, self._summary),
        )
        return [
            Endpoint(method="GET", path=path, operation=operation, handle=handle, versions=BOTH)
            for path, operation, handle in rows
        ]

    def _overview(self, request: GraphRequest) -> Reply:
        return one(request, request.tenant.fleet, _OVERVIEW_SHAPE, _OVERVIEW[1:])

    def _summary(self, request: GraphRequest) -> Reply:
        return one(request, request.tenant.fleet, _SUMMARY_SHAPE, _SUMMARY[1:])


_OVERVIEW_SHAPE = Shape[Fleet](
    type_name="managedDeviceOverview",
    service=Service.INTUNE,
    properties={
        "id": lambda _: "overview",
        "enrolledDeviceCount": lambda fleet: fleet.enrolled,
        "mdmEnrolledCount": lambda fleet: fleet.enrolled,
        "dualEnrolledDeviceCount": lambda _: 0,
    },
)
_SUMMARY_SHAPE = Shape[Fleet](
    type_name="deviceCompliancePolicyDeviceStateSummary",
    service=Service.INTUNE,
    properties={
        "id": lambda _: "summary",
        "compliantDeviceCount": lambda fleet: fleet.by_compliance("compliant"),
        "nonCompliantDeviceCount": lambda fleet: fleet.by_compliance("noncompliant"),
        "inGracePeriodCount": lambda fleet: fleet.by_compliance("inGracePeriod"),
        "unknownDeviceCount": lambda fleet: fleet.by_compliance("unknown"),
        "conflictDeviceCount": lambda fleet: fleet.by_compliance("conflict"),
        "errorDeviceCount": lambda fleet: fleet.by_compliance("error"),
        "configManagerCount": lambda fleet: fleet.by_compliance("configManager"),
        "notApplicableDeviceCount": lambda _: 0,
        "remediatedDeviceCount": lambda _: 0,
    },
)
