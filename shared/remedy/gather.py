"""Read just the facts that a state's rule needs, each at most once per step."""

import logging
from dataclasses import dataclass, replace
from datetime import timedelta

from shared.domain.case import AUTOPILOT_PREFIX, Case, managed_device_id_of
from shared.domain.facts import MISSING, AutopilotDevice, Facts, Fleet, Missing, User, WipeTarget
from shared.domain.policy import LicenceWay, Mode, Policy
from shared.domain.states import CaseState
from shared.errors import AccessDenied, Unexpected
from shared.ports import Autopilot, Clock, Devices, Directory, Ids
from shared.records.attestations import AttestationBook
from shared.records.budget import BudgetBook
from shared.records.fleet import FleetBook
from shared.records.freeze import FreezeSwitch
from shared.records.tenant_facts import TenantFactsCache
from shared.remedy.gather_readiness import ReadinessReader
from shared.rules.decide import AFTER_THE_WIPE
from shared.rules.fence import READ_AGAIN_AFTER, readiness_is_old
from shared.rules.not_back import is_late
from shared.rules.owner_now import reads_owner_again
from shared.rules.ownership import owner_in, to_read
from shared.rules.plans import covers
from shared.rules.readiness import bad_of, checks
from shared.rules.reclaiming import staging_account_of, wants_reclaim
from shared.rules.returning import is_back
from shared.rules.watching import wants_policy_states
from shared.telemetry import event

log = logging.getLogger(__name__)

TENANT_FACTS_AT_MOST = timedelta(minutes=10)
SEATS_AT_MOST = timedelta(minutes=1)
FLEET_AT_MOST = timedelta(minutes=10)
"""Younger than the guardrail asks, so that the wiper, which cannot count, finds it young enough a moment later."""
MAY_TELL = frozenset({CaseState.BINDING, CaseState.GIVING_NOTICE, CaseState.CLEARED_TO_WIPE})
"""From these states the owner is told, with a code in the mail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gatherer:
    """Reads facts through the ports."""

    devices: Devices
    directory: Directory
    autopilot: Autopilot
    tenant: TenantFactsCache
    budget: BudgetBook
    fleet: FleetBook
    attestations: AttestationBook
    freeze: FreezeSwitch
    clock: Clock
    ids: Ids

    async def facts(self, case: Case, policy: Policy, known: Facts) -> Facts:
        """``known`` with what the case's state needs added; nothing is looked at while Handover is switched off.

        Raises RetryLater or AccessDenied.
        """
        if policy.mode is Mode.OFF and case.state not in AFTER_THE_WIPE:
            return known
        if policy.tells_owner and case.state in MAY_TELL and known.deferral_code is None:
            # two identifiers: 244 random bits
            known = replace(known, deferral_code=self.ids.new() + self.ids.new())
        if case.state in (CaseState.WIPE_UNKNOWN, CaseState.AWAITING_ADMIN_APPROVAL):
            return await self._with_what_became_of_the_wipe(case, known)
        if case.owner is not None and reads_owner_again(case, policy):
            known = await self._with_user_once(case.owner.user_id, known)
        return await self._needed(case, policy, known)

    async def _needed(self, case: Case, policy: Policy, known: Facts) -> Facts:  # noqa: PLR0912  # one branch a state
        match case.state:
            case CaseState.OPENED | CaseState.GIVING_NOTICE | CaseState.AWAITING_APPROVAL:
                return await self._with_device(case, known)
            case CaseState.WATCHING:
                return await self._with_cause(case, policy, known)
            case CaseState.CHECKING_OWNER:
                return await self._with_owner(case, policy, known)
            case CaseState.CHECKING_LICENCE | CaseState.AWAITING_SEAT:
                return await self._with_seats(case, policy, known)
            case CaseState.AWAITING_LICENCE:
                return await self._with_plans(case, known)
            case CaseState.RECLAIMING_LICENCE:
                return await self._with_staging_account(case, policy, known)
            case CaseState.CHECKING_READINESS | CaseState.NOT_READY:
                return await self._with_readiness(case, policy, known)
            case CaseState.BINDING if not case.bound:
                return await self._with_autopilot(case, known)
            case CaseState.CLEARED_TO_WIPE:
                return await self._with_guardrails(case, known)
            case CaseState.AWAITING_RETURN | CaseState.AWAITING_PROOF:
                return await self._with_enrolments(case, policy, known)
            case _:
                return known

    async def _with_enrolments(self, case: Case, policy: Policy, known: Facts) -> Facts:
        """Every enrolment of the serial number; and for one that is late and not there, what Intune refused meanwhile."""
        if known.same_serial is None:
            known = replace(known, same_serial=await self.devices.with_serial_number(case.serial_number or ""))
        if is_back(case, known) or not is_late(case, policy, self.clock.now()):
            return known
        try:
            return replace(known, enrolment_failures=await self.devices.enrolment_failures())
        except (AccessDenied, Unexpected) as error:
            event(log, "enrolment_failures.unreadable", level=logging.WARNING, why=str(error))
            return known

    async def fence(self, case: Case, policy: Policy) -> Facts:
        """The facts of the last look before a wipe, all read now but for those of the tenant (see TENANT_FACTS_AT_MOST)."""
        assert case.owner is not None
        known = Facts(device=await self.devices.reread(managed_device_id_of(case)), freeze=await self.freeze.read())
        known = await self._with_user(case.owner.user_id, known)
        if readiness_is_old(case, self.clock.now(), limit=READ_AGAIN_AFTER):
            return await self._with_gate(case, policy, known)
        return await self._reader.with_exclusion(case, policy, known, case.owner.user_id)

    @property
    def _reader(self) -> ReadinessReader:
        return ReadinessReader(devices=self.devices, directory=self.directory)

    async def _with_gate(self, case: Case, policy: Policy, known: Facts) -> Facts:
        known = replace(
            known,
            tenant=await self.tenant.get(at_most=TENANT_FACTS_AT_MOST),
            attestation=await self.attestations.newest(),
        )
        known = await self._with_autopilot(case, known)
        return await self._reader.with_gate(case, policy, known)

    async def _with_readiness(self, case: Case, policy: Policy, known: Facts) -> Facts:
        """The gate, and the device: in NOT_READY only at the moment when everything else is mended."""
        known = await self._with_gate(case, policy, known)
        if case.state is CaseState.NOT_READY and bad_of(checks(case, known, policy, self.clock.now())):
            return known
        return await self._with_device(case, known)

    async def _with_device(self, case: Case, known: Facts) -> Facts:
        if not case.enrolled or known.device is not None:
            return known
        return replace(known, device=await self.devices.read(managed_device_id_of(case)))

    async def _with_cause(self, case: Case, policy: Policy, known: Facts) -> Facts:
        """The device, and its compliance policies once nothing but them is left to read."""
        known = await self._with_device(case, known)
        if not wants_policy_states(case, known, policy, self.clock.now()):
            return known
        return replace(known, policy_states=await self.devices.policy_states(managed_device_id_of(case)))

    async def _with_what_became_of_the_wipe(self, case: Case, known: Facts) -> Facts:
        """The device, and the approval requests. After a lost answer these are read only if they can be: most tenants
        have none, and may not have granted it."""
        known = await self._with_device(case, known)
        if case.state is CaseState.AWAITING_ADMIN_APPROVAL:
            requests = await self.devices.approval_requests()
            if any(request.status == "approved" for request in requests):
                await self._fleet()  # the request that follows is weighed like every wipe
            return replace(known, admin_requests=requests, freeze=await self.freeze.read())
        if case.wipe is None or case.wipe.second_request:
            return known
        try:
            return replace(known, admin_requests=await self.devices.approval_requests())
        except (AccessDenied, Unexpected):
            return known

    async def _with_owner(self, case: Case, policy: Policy, known: Facts) -> Facts:
        known = await self._with_device(case, known)
        if case.named_owner is None:
            known = await self._with_autopilot(case, known)
        while (who := to_read(case, known, policy)) is not None:
            known = await self._with_user(who, known)
        if policy.exclusion_group is not None and (owner := owner_in(case, known, policy)) is not None:
            known = await self._with_autopilot(case, known)
            known = await self._reader.with_exclusion(case, policy, known, owner.user_id)
        return known

    async def _with_user(self, who: str, known: Facts) -> Facts:
        user: User | Missing = await self.directory.user(who)
        read = {who.lower(): user}
        if isinstance(user, User):
            read[user.id.lower()] = user
        return replace(known, users={**known.users, **read})

    async def _with_user_once(self, who: str, known: Facts) -> Facts:
        return known if who.lower() in known.users else await self._with_user(who, known)

    async def _with_seats(self, case: Case, policy: Policy, known: Facts) -> Facts:
        assert case.owner is not None
        known = replace(known, tenant=await self.tenant.get(at_most=SEATS_AT_MOST))
        user = known.users.get(case.owner.user_id.lower())
        if policy.licence_way is not LicenceWay.GROUP or not isinstance(user, User) or covers(user.enabled_plan_ids):
            return known
        group = await self.directory.licence_group(policy.licence_group) if policy.licence_group else MISSING
        return replace(known, licence_group=group)

    async def _with_plans(self, case: Case, known: Facts) -> Facts:
        """A group's licence is given, or not, on the user's record; a direct one shows among the plans."""
        assert case.owner is not None
        if case.licence is not None and case.licence.group_id is not None:
            known = await self._with_user(case.owner.user_id, known)
        return (
            known if known.plans is not None else replace(known, plans=await self.directory.plans(case.owner.user_id))
        )

    async def _with_staging_account(self, case: Case, policy: Policy, known: Facts) -> Facts:
        """What cannot be read keeps the licence where it is; a proven case waits for nothing but a busy Graph."""
        who = staging_account_of(case, policy)
        if who is None or not wants_reclaim(case, policy) or (case.reclaim is not None and case.reclaim.answered):
            return known
        try:
            known = await self._with_user(who, known)
            account = known.users.get(who.lower())
            if not isinstance(account, User):
                return known
            devices = await self.devices.of_user(account.id)
            return replace(known, staging_devices=devices, tenant=await self.tenant.get(at_most=SEATS_AT_MOST))
        except (AccessDenied, Unexpected):
            return known

    async def _with_autopilot(self, case: Case, known: Facts) -> Facts:
        if known.autopilot is not None:
            return known
        return replace(known, autopilot=await self._registrations(case))

    async def _registrations(self, case: Case) -> tuple[AutopilotDevice, ...]:
        known_id = case.autopilot_id or (None if case.enrolled else case.id.removeprefix(AUTOPILOT_PREFIX))
        if known_id is None:
            return await self.autopilot.with_serial_number(case.serial_number or "")
        registered = await self.autopilot.read(known_id)
        return () if registered is MISSING else (registered,)

    async def _fleet(self) -> Fleet | None:
        """A count that Graph refuses is told as it was known: the guardrail finds it too old."""
        try:
            return await self.fleet.look(at_most=FLEET_AT_MOST)
        except (AccessDenied, Unexpected) as error:
            event(log, "fleet.unreadable", level=logging.ERROR, why=str(error))
            return await self.fleet.known()

    async def _with_guardrails(self, case: Case, known: Facts) -> Facts:
        return replace(
            known,
            freeze=await self.freeze.read(),
            budget=await self.budget.view(target_of(case), self.clock.now()),
            fleet=await self._fleet(),
            nonce=self.ids.new(),
        )


def target_of(case: Case) -> WipeTarget:
    """What a wipe of this case is for, as far as a limit counts by it."""
    return WipeTarget(
        serial_number=case.device.serial_number if case.device is not None else case.serial_number or "",
        device_id=managed_device_id_of(case) if case.enrolled else None,
        user_id=case.owner.user_id if case.owner is not None else None,
        site=case.owner.site if case.owner is not None else None,
    )
