"""Licences of users: assignment, seats, and the minutes until the plans in them are provisioned."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from local.tenant.model.products import (
    ENTRA_PREMIUM_PLANS,
    INTUNE_PLANS,
    ServicePlan,
    SubscribedSku,
    SubscribedSkus,
)
from local.tenant.model.refusal import bad_request
from local.tenant.model.signal import Signal
from local.tenant.model.users import AssignedLicence, RemovedPlan, User, Users
from local.tenant.model.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceToAdd:
    """One entry of addLicenses."""

    sku_id: str
    disabled_plan_ids: frozenset[str] = field(default_factory=frozenset[str])


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanState:
    """A service plan of a licence with its provisioningStatus."""

    plan: ServicePlan
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceDetail:
    """One element of licenseDetails."""

    sku: SubscribedSku
    plans: tuple[PlanState, ...]


class Licences:
    """Who holds what. ``provisioned`` tells the id of a user whose new plans have just become Success."""

    def __init__(self, world: World, users: Users, skus: SubscribedSkus) -> None:
        self._world = world
        self._users = users
        self._skus = skus
        self.provisioned = Signal[str]()

    def details(self, id_or_upn: str) -> tuple[LicenceDetail, ...]:
        """GET users/{id}/licenseDetails. Raises 404."""
        return self.details_of(self._users.get(id_or_upn))

    def details_of(self, user: User) -> tuple[LicenceDetail, ...]:
        """Each product that the user holds, with the state of its plans."""
        found: list[LicenceDetail] = []
        for licence, sku in self._held(user):
            plans = tuple(PlanState(plan=plan, status=_status(licence, plan)) for plan in sku.product.plans)
            found.append(LicenceDetail(sku=sku, plans=plans))
        return tuple(found)

    def _held(self, user: User) -> Iterator[tuple[AssignedLicence, SubscribedSku]]:
        for licence in _one_for_each_sku(user):
            sku = self._skus.find(licence.sku_id)
            if sku is not None:
                yield licence, sku

    def usable_plan_ids(self, user: User) -> frozenset[str]:
        """Service plans that work for this user now."""
        return frozenset(
            plan.id
            for licence, sku in self._held(user)
            for plan in sku.product.plans
            if _status(licence, plan) == "Success"
        )

    def has_intune(self, user: User) -> bool:
        """Whether the user holds an Intune plan that is provisioned."""
        return bool(self.usable_plan_ids(user) & INTUNE_PLANS)

    def can_enrol_automatically(self, user: User) -> bool:
        """Whether Autopilot would enrol this user: Intune and Entra ID P1 or P2."""
        usable = self.usable_plan_ids(user)
        return bool(usable & INTUNE_PLANS) and bool(usable & ENTRA_PREMIUM_PLANS)

    def assign(self, id_or_upn: str, *, add: Sequence[LicenceToAdd], remove: Sequence[str]) -> User:
        """POST users/{id}/assignLicense: all or nothing. Returns the user as they now are. Raises 404 and 400."""
        user = self._users.require(id_or_upn)
        removed = {sku_id.lower() for sku_id in remove}
        self._check_removable(user, removed)
        for licence in add:
            self._check_addable(user, licence, removed)
        kept = tuple(lic for lic in user.licences if not (lic.sku_id in removed and lic.by_group is None))
        changed = self._with_added(replace(user, licences=kept), add)
        self._settle(user, changed)
        return self._users.require(user.id)

    def grant_by_group(self, user_id: str, sku_id: str, group_id: str) -> None:
        """Give a licence through a group; what stands in the way is written on the user, as group licensing does."""
        user = self._users.find(user_id)
        if user is None or any(lic.by_group == group_id and lic.sku_id == sku_id for lic in user.licences):
            return
        sku = self._skus.find(sku_id)
        error = None
        if user.usage_location is None:
            error = "ProhibitedInUsageLocationViolation"
        elif sku is None or (sku.free < 1 and not _holds(user, sku_id)):
            error = "CountViolation"
        licence = AssignedLicence(sku_id=sku_id, assigned_at=self._world.now(), by_group=group_id, error=error)
        self._settle(user, replace(user, licences=(*user.licences, licence)))

    def revoke_by_group(self, user_id: str, group_id: str) -> None:
        """Take away what a group gave."""
        user = self._users.find(user_id)
        if user is not None:
            kept = tuple(lic for lic in user.licences if lic.by_group != group_id)
            self._settle(user, replace(user, licences=kept))

    def require_bought(self, sku_ids: Sequence[str]) -> None:
        """Raises 400 for a product that the tenant has not bought."""
        for sku_id in sku_ids:
            if self._skus.find(sku_id) is None:
                raise bad_request(f"License {sku_id} does not correspond to a valid company License.")

    def retry_group_errors(self, id_or_upn: str) -> User:
        """POST users/{id}/reprocessLicenseAssignment: try again what a group could not give. Raises 404."""
        user = self._users.require(id_or_upn)
        for licence in user.licences:
            if licence.by_group is not None and licence.error is not None:
                self.revoke_by_group(user.id, licence.by_group)
                self.grant_by_group(user.id, licence.sku_id, licence.by_group)
        return self._users.require(user.id)

    def _check_removable(self, user: User, removed: set[str]) -> None:
        for sku_id in removed:
            held = [lic for lic in user.licences if lic.sku_id == sku_id]
            if not held:
                raise bad_request("User does not have a corresponding license.")
            if all(lic.by_group is not None for lic in held):
                raise bad_request(
                    "User license is inherited from a group membership and it cannot be removed directly from the user."
                )

    def _check_addable(self, user: User, licence: LicenceToAdd, removed: set[str]) -> None:
        sku_id = licence.sku_id.lower()
        sku = self._skus.find(sku_id)
        if sku is None:
            raise bad_request(f"License {sku_id} does not correspond to a valid company License.")
        if sku_id in removed:
            raise bad_request("A license cannot be both added and removed.")
        if licence.disabled_plan_ids - {plan.id for plan in sku.product.plans}:
            raise bad_request(f"License {sku_id} does not contain every one of the disabled service plans.")
        if user.usage_location is None:
            raise bad_request("License assignment cannot be done for user with invalid usage location.")
        if sku.free < 1 and not _holds(user, sku_id):
            raise bad_request(f"Subscription with SKU {sku_id} does not have any available licenses.")

    def _with_added(self, user: User, add: Sequence[LicenceToAdd]) -> User:
        licences = list(user.licences)
        for wanted in add:
            sku_id = wanted.sku_id.lower()
            held = next((lic for lic in licences if lic.sku_id == sku_id and lic.by_group is None), None)
            if held is None:
                held = AssignedLicence(sku_id=sku_id, assigned_at=self._world.now())
            else:
                licences.remove(held)
            licences.append(replace(held, disabled_plan_ids=wanted.disabled_plan_ids))
        return replace(user, licences=tuple(licences))

    def _settle(self, before: User, after: User) -> None:
        """Move the seats, remember lost plans, store the user and start provisioning what is new."""
        if after == before:
            return
        held, holds = _sku_ids(before), _sku_ids(after)
        for sku_id in held - holds:
            self._skus.take(sku_id, -1)
        for sku_id in holds - held:
            self._skus.take(sku_id, +1)
        self._users.store.put(after.id, replace(after, removed_plans=self._removed_plans(before, after)))
        new = {lic.assigned_at for lic in after.licences if not lic.provisioned and lic.error is None}
        for assigned_at in sorted(new - {lic.assigned_at for lic in before.licences if not lic.provisioned}):
            self._provision_later(after.id, assigned_at)

    def _removed_plans(self, before: User, after: User) -> tuple[RemovedPlan, ...]:
        had, has = self._plans(before), self._plans(after)
        lost = tuple(
            RemovedPlan(plan_id=plan.id, service=plan.service, removed_at=self._world.now())
            for plan_id, plan in had.items()
            if plan_id not in has
        )
        return tuple(plan for plan in (*before.removed_plans, *lost) if plan.plan_id not in has)

    def _plans(self, user: User) -> dict[str, ServicePlan]:
        skus = [self._skus.find(sku_id) for sku_id in sorted(_sku_ids(user))]
        return {plan.id: plan for sku in skus if sku is not None for plan in sku.product.plans}

    def _provision_later(self, user_id: str, assigned_at: datetime) -> None:
        self._world.clock.after(self._world.delays.provisioning, lambda: self._provision(user_id, assigned_at))

    def _provision(self, user_id: str, assigned_at: datetime) -> None:
        user = self._users.store.get(user_id)
        if user is None:
            return
        licences = tuple(
            replace(lic, provisioned=True) if lic.assigned_at == assigned_at and lic.error is None else lic
            for lic in user.licences
        )
        if licences != user.licences:
            self._users.store.put(user_id, replace(user, licences=licences))
            self.provisioned.emit(user_id)


def _holds(user: User, sku_id: str) -> bool:
    return sku_id in _sku_ids(user)


def _sku_ids(user: User) -> set[str]:
    return {licence.sku_id for licence in user.licences if licence.error is None}


def _one_for_each_sku(user: User) -> list[AssignedLicence]:
    by_sku: dict[str, AssignedLicence] = {}
    for licence in user.licences:
        if licence.error is None and (licence.sku_id not in by_sku or licence.provisioned):
            by_sku[licence.sku_id] = licence
    return list(by_sku.values())


def _status(licence: AssignedLicence, plan: ServicePlan) -> str:
    if plan.id in licence.disabled_plan_ids:
        return "Disabled"
    return "Success" if licence.provisioned else "PendingProvisioning"
