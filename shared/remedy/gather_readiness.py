"""Reads what the readiness checks need beside tenant and registration, and only what settings or the tenant itself
make decisive: in a plain tenant that is nothing at all."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace

from shared.domain.case import Case
from shared.domain.facts import MISSING, Facts, Memberships, Missing, Unreadable
from shared.domain.policy import Policy
from shared.errors import AccessDenied
from shared.ports import Devices, Directory
from shared.rules.attesting import with_newest_word
from shared.rules.device_checks import points_elsewhere
from shared.rules.effective import groups_of_device, groups_of_owner
from shared.rules.exclusion import entra_devices_of
from shared.rules.user_checks import entra_device_of, limit_matters


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadinessReader:
    """Adds to facts through the ports."""

    devices: Devices
    directory: Directory

    async def with_gate(self, case: Case, policy: Policy, known: Facts) -> Facts:
        """``known`` with everything that the readiness checks may ask of owner and device. Raises RetryLater."""
        known = await self._with_groups(case, policy, known)
        if case.owner is not None and known.tenant is not None and limit_matters(known, known.tenant):
            known = replace(known, owner_devices=await self.devices.of_user(case.owner.user_id))
        registered = known.autopilot or ()
        if case.enrolled and len(registered) == 1 and points_elsewhere(case, registered[0]):
            known = replace(known, same_serial=await self.devices.with_serial_number(case.serial_number or ""))
        if policy.recovery_key_required and case.enrolled:
            known = replace(known, recovery_keys=await self._recovery_keys(case))
        return known

    async def with_exclusion(self, case: Case, policy: Policy, known: Facts, owner_id: str) -> Facts:
        """``known`` with whether owner and device are in the exclusion group; nothing is read when none is set."""
        if policy.exclusion_group is None:
            return known
        groups = (policy.exclusion_group.lower(),)
        known = await self._with_owner_groups(owner_id, groups, known)
        return await self._with_device_groups(entra_devices_of(case, known), groups, known)

    async def _with_groups(self, case: Case, policy: Policy, known: Facts) -> Facts:
        if case.owner is not None and (asked := groups_of_owner(with_newest_word(policy, known), known.tenant)):
            known = await self._with_owner_groups(case.owner.user_id, asked, known)
        if asked := groups_of_device(policy, known.tenant):
            decisive = entra_device_of(case, known)
            of_pages = () if decisive is None else (decisive.lower(),)
            # of two Entra devices either may be excluded, but only one decides which status page is shown
            ids = entra_devices_of(case, known) if policy.exclusion_group is not None else of_pages
            known = await self._with_device_groups(ids, asked, known)
        return known

    async def _with_owner_groups(self, owner_id: str, asked: tuple[str, ...], known: Facts) -> Facts:
        if known.owner_groups is not None and frozenset(asked) <= known.owner_groups.asked:
            return known
        read = await _memberships(asked, self.directory.groups_of_user(owner_id, asked))
        return replace(known, owner_groups=read)

    async def _with_device_groups(self, ids: Sequence[str], asked: tuple[str, ...], known: Facts) -> Facts:
        for entra_device_id in ids:
            before = known.device_groups.get(entra_device_id)
            if before is not None and frozenset(asked) <= before.asked:
                continue
            read = await _memberships(asked, self.directory.groups_of_device(entra_device_id, asked))
            known = replace(known, device_groups={**known.device_groups, entra_device_id: read})
        return known

    async def _recovery_keys(self, case: Case) -> int | Unreadable:
        if case.device is None or case.device.entra_device_id is None:
            return Unreadable(why="the device has no Entra device id")
        try:
            return await self.directory.recovery_keys(case.device.entra_device_id)
        except AccessDenied as denied:
            return Unreadable(why=str(denied))


async def _memberships(asked: tuple[str, ...], reading: Awaitable[frozenset[str] | Missing]) -> Memberships:
    """A refused reading is a fact, too: the case waits for the permission instead of asking a person."""
    try:
        found = await reading
    except AccessDenied as denied:
        return Memberships(unreadable=str(denied))
    if found is MISSING:
        return Memberships(unreadable="Entra ID does not know it, or knows it twice")
    return Memberships(asked=frozenset(asked), found=found)
