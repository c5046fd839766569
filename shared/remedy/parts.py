"""What a part may not ask of Microsoft Graph, refused here already: a token that could do more is then of no use."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Never

from shared.domain.effects import Answer, Done, WipeAnswer, WipeBacking, WipeRefused
from shared.domain.facts import AdminApprovalRequest, EnrolmentFailure, ManagedDevice, Missing, PolicyState, WipeAudit
from shared.domain.pages import DeviceChange, FoundDevice, Page
from shared.errors import AccessDenied
from shared.ports import Devices


@dataclass(frozen=True, slots=True, kw_only=True)
class UnprivilegedDevices:
    """The port Devices without what needs DeviceManagementManagedDevices.PrivilegedOperations.All: wipe and sync."""

    devices: Devices

    async def read(self, managed_device_id: str) -> ManagedDevice | Missing:
        """See the port."""
        return await self.devices.read(managed_device_id)

    async def reread(self, managed_device_id: str) -> ManagedDevice | Missing:
        """See the port."""
        return await self.devices.reread(managed_device_id)

    async def with_serial_number(self, serial_number: str) -> tuple[ManagedDevice, ...]:
        """See the port."""
        return await self.devices.with_serial_number(serial_number)

    async def policy_states(self, managed_device_id: str) -> tuple[PolicyState, ...]:
        """See the port."""
        return await self.devices.policy_states(managed_device_id)

    async def with_entra_device(self, entra_device_id: str) -> tuple[ManagedDevice, ...]:
        """See the port."""
        return await self.devices.with_entra_device(entra_device_id)

    async def of_user(self, user_id: str) -> tuple[ManagedDevice, ...]:
        """See the port."""
        return await self.devices.of_user(user_id)

    def enrolled_since(self, since: datetime) -> AsyncIterator[ManagedDevice]:
        """See the port."""
        return self.devices.enrolled_since(since)

    async def sync(self, managed_device_id: str) -> Answer:  # noqa: ARG002  # the port has it
        """Left out: a device checks in by itself every 8 hours, so the case only takes longer, and ends the same."""
        return Done()

    async def wipe(
        self,
        managed_device_id: str,  # noqa: ARG002  # the port has it
        backing: WipeBacking,  # noqa: ARG002  # the port has it
        *,
        not_after: datetime | None = None,  # noqa: ARG002  # the port has it
    ) -> WipeAnswer:
        """Refused before anything is sent: only the wiper wipes."""
        return WipeRefused(status=0, code="not_this_part", message="this part of Handover never wipes")

    async def approval_requests(self) -> tuple[AdminApprovalRequest, ...]:
        """See the port."""
        return await self.devices.approval_requests()

    async def wipe_audits(self) -> tuple[WipeAudit, ...]:
        """See the port."""
        return await self.devices.wipe_audits()

    async def enrolment_failures(self) -> tuple[EnrolmentFailure, ...]:
        """See the port."""
        return await self.devices.enrolment_failures()

    async def changes(self, link: str | None) -> Page[DeviceChange]:
        """See the port."""
        return await self.devices.changes(link)

    async def noncompliant(self, link: str | None) -> Page[FoundDevice]:
        """See the port."""
        return await self.devices.noncompliant(link)


class NoGraph:
    """Any port of Graph in a part that has no use for it: whatever is asked of it raises AccessDenied."""

    def __getattr__(self, name: str) -> Never:
        raise AccessDenied(f"{name}: this part of Handover does not call Microsoft Graph")
