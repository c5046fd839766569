"""Multi Admin Approval: a second administrator must agree before a protected device action is carried out.

Source: "Use Multi Admin Approval with the Microsoft Graph API" (Intune documentation). Statuses differ between
tenants, so the scenario names the one to answer with.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from local.tenant.model.refusal import GraphRefusal, Service, resource_not_found
from local.tenant.model.world import World

Decision = Literal["approved", "rejected", "cancelled", "none"]
_REQUEST_LIFETIME = timedelta(days=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalPolicy:
    """What the tenant answers to a protected action, and what the second administrator decides and when."""

    id: str
    answer: int = 403
    decision: Decision = "approved"
    after: timedelta = timedelta(hours=1)
    names_code: bool = True
    """False: the request is filed, but the answer only says that one exists, without its code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalHeaders:
    """The two headers of the handshake: a justification files a request, a code resends the approved one."""

    justification: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRequest:
    """One operationApprovalRequest. ``fingerprint`` is the exact request that it stands for."""

    id: str
    status: str
    fingerprint: str
    justification: str
    requested_at: datetime
    expires_at: datetime
    application_id: str
    approver: str | None = None


class Approvals:
    """The approval policy of the tenant, if it has one, and the requests filed under it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.policy: ApprovalPolicy | None = None
        self._requests: dict[str, ApprovalRequest] = {}

    def policies(self) -> tuple[ApprovalPolicy, ...]:
        """GET (beta) operationApprovalPolicies."""
        return () if self.policy is None else (self.policy,)

    def requests(self) -> tuple[ApprovalRequest, ...]:
        """GET (beta) operationApprovalRequests."""
        return tuple(self._as_it_is_now(request) for request in self._requests.values())

    def get(self, request_id: str) -> ApprovalRequest:
        """GET (beta) operationApprovalRequests/{id}. Raises 404."""
        request = self._requests.get(request_id.lower())
        if request is None:
            raise resource_not_found(request_id, Service.INTUNE)
        return self._as_it_is_now(request)

    def check(self, fingerprint: str, headers: ApprovalHeaders, application_id: str) -> None:
        """Let a protected action pass, or file a request for it. Raises the tenant's refusal unless it is approved."""
        if self.policy is None:
            return
        if headers.code is not None:
            self._use(headers.code, fingerprint)
            return
        if any(r.fingerprint == fingerprint and r.status == "needsApproval" for r in self.requests()):
            raise _refused(409, "Conflict", "An active Approval Request already exists")
        if headers.justification is None:
            raise _refused(
                self.policy.answer,
                "ApprovalRequired",
                "This operation requires approval: send x-msft-approval-justification.",
            )
        request = self._file(self.policy, fingerprint, headers.justification, application_id)
        if not self.policy.names_code:
            raise _refused(self.policy.answer, "Conflict", "An active Approval Request already exists")
        raise GraphRefusal(
            status=self.policy.answer,
            code="ApprovalRequired",
            message=f"Approval is required. x-msft-approval-code: {request.id}",
            headers={"x-msft-approval-code": request.id},
            service=Service.INTUNE,
        )

    def decide(self, request_id: str, decision: Decision) -> None:
        """The second administrator decides; only a request that still needs approval changes."""
        request = self._as_it_is_now(self._requests[request_id])
        if request.status == "needsApproval" and decision != "none":
            self._requests[request_id] = replace(request, status=decision, approver="Second administrator")

    def decide_all(self, decision: Decision) -> None:
        """The second administrator decides on everything that is open."""
        for request_id in list(self._requests):
            self.decide(request_id, decision)

    def _use(self, code: str, fingerprint: str) -> None:
        request = self._requests.get(code.lower())
        if request is None or request.fingerprint != fingerprint:
            raise _refused(403, "Forbidden", "The approval code does not belong to this request.")
        status = self._as_it_is_now(request).status
        if status != "approved":
            raise _refused(403, "ApprovalRequired", f"The approval request is {status}.")
        self._requests[request.id] = replace(request, status="completed")

    def _file(
        self, policy: ApprovalPolicy, fingerprint: str, justification: str, application_id: str
    ) -> ApprovalRequest:
        now = self._world.now()
        request = ApprovalRequest(
            id=self._world.ids.guid(),
            status="needsApproval",
            fingerprint=fingerprint,
            justification=justification,
            requested_at=now,
            expires_at=now + _REQUEST_LIFETIME,
            application_id=application_id,
        )
        self._requests[request.id] = request
        self._world.clock.schedule(now + policy.after, lambda: self.decide(request.id, policy.decision))
        return request

    def _as_it_is_now(self, request: ApprovalRequest) -> ApprovalRequest:
        if request.status in {"needsApproval", "approved"} and self._world.now() > request.expires_at:
            return replace(request, status="expired")
        return request


def _refused(status: int, code: str, message: str) -> GraphRefusal:
    return GraphRefusal(status=status, code=code, message=message, service=Service.INTUNE)
