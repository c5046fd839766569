"""Actions on managed devices: wipe, retire, sync and the others. 204 means queued."""

from local.tenant.http.managed_devices import COLLECTION
from local.tenant.http.request import NO_CONTENT, Body, Endpoint, GraphRequest, Handler, Reply, names
from local.tenant.model.approvals import ApprovalHeaders
from local.tenant.model.device_actions import WipeFlags
from local.tenant.model.operations import Operation


class Wipe(Body):
    """Body of wipe on v1.0. The eSIM plan and the macOS code mean nothing on Windows."""

    keep_enrollment_data: bool | None = None
    keep_user_data: bool | None = None
    mac_os_unlock_code: str | None = None
    persist_esim_data_plan: bool | None = None


class BetaWipe(Wipe):
    """Body of wipe on beta."""

    use_protected_wipe: bool | None = None
    obliteration_behavior: str | None = None


class CleanWindowsDevice(Body):
    """Body of cleanWindowsDevice."""

    keep_user_data: bool | None = None


class NoBody(Body):
    """An action without parameters."""


class DeviceActionEndpoints:
    """POST managedDevices/{id}/<action>."""

    def endpoints(self) -> list[Endpoint]:
        """The table."""
        actions: dict[Operation, Handler] = {
            Operation.WIPE: self._wipe,
            Operation.RETIRE: self._retire,
            Operation.SYNC_DEVICE: self._sync,
            Operation.CLEAN_WINDOWS_DEVICE: self._clean,
            Operation.REBOOT_NOW: self._simple,
            Operation.SHUT_DOWN: self._simple,
            Operation.REMOTE_LOCK: self._simple,
        }
        return [
            Endpoint(
                method="POST",
                path=f"{COLLECTION}/{{id}}/{operation}",
                operation=operation,
                handle=handle,
                about=names("managed_device"),
            )
            for operation, handle in actions.items()
        ]

    def _wipe(self, request: GraphRequest) -> Reply:
        body = request.body(BetaWipe if request.version == "beta" else Wipe)
        flags = WipeFlags(
            keep_enrollment_data=bool(body.keep_enrollment_data),
            keep_user_data=bool(body.keep_user_data),
            use_protected_wipe=isinstance(body, BetaWipe) and bool(body.use_protected_wipe),
        )
        approval = ApprovalHeaders(
            justification=request.headers.get("x-msft-approval-justification"),
            code=request.headers.get("x-msft-approval-code"),
        )
        request.tenant.actions.wipe(
            request.path["id"], flags, application_id=request.caller.application_id, approval=approval
        )
        return NO_CONTENT

    def _retire(self, request: GraphRequest) -> Reply:
        request.body(NoBody)
        request.tenant.actions.retire(request.path["id"], application_id=request.caller.application_id)
        return NO_CONTENT

    def _sync(self, request: GraphRequest) -> Reply:
        request.body(NoBody)
        request.tenant.actions.sync(request.path["id"])
        return NO_CONTENT

    def _clean(self, request: GraphRequest) -> Reply:
        request.body(CleanWindowsDevice)
        return self._act(request)

    def _simple(self, request: GraphRequest) -> Reply:
        request.body(NoBody)
        return self._act(request)

    def _act(self, request: GraphRequest) -> Reply:
        request.tenant.actions.simple(
            request.path["id"], request.operation, application_id=request.caller.application_id
        )
        return NO_CONTENT
