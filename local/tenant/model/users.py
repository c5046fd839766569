"""Users of the directory."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from local.tenant.model.filters import Condition, Filterable, Table, holds, supported
from local.tenant.model.paging import Page, page_of
from local.tenant.model.refusal import bad_request, resource_not_found
from local.tenant.model.store import Store
from local.tenant.model.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignedLicence:
    """One product held by a user, directly or through a group."""

    sku_id: str
    assigned_at: datetime
    disabled_plan_ids: frozenset[str] = frozenset()
    by_group: str | None = None
    """The id of the group it comes from; None when it was assigned directly."""
    provisioned: bool = False
    error: str | None = None
    """Why a group could not give it, as licenseAssignmentStates says; such a licence grants nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedPlan:
    """A service plan that the user no longer holds; assignedPlans goes on showing it as Deleted."""

    plan_id: str
    service: str
    removed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A directory user."""

    id: str
    upn: str
    display_name: str
    created_at: datetime
    enabled: bool = True
    user_type: str = "Member"
    usage_location: str | None = None
    licences: tuple[AssignedLicence, ...] = ()
    removed_plans: tuple[RemovedPlan, ...] = ()
    office: str = ""


FILTERABLE: Table[User] = {
    "id": Filterable(operators=frozenset({"eq", "in"}), value_of=lambda user: user.id),
    "userPrincipalName": Filterable(operators=frozenset({"eq", "in", "startswith"}), value_of=lambda user: user.upn),
    "mail": Filterable(operators=frozenset({"eq", "in", "startswith"}), value_of=lambda user: user.upn),
    "displayName": Filterable(operators=frozenset({"eq", "in", "startswith"}), value_of=lambda user: user.display_name),
    "accountEnabled": Filterable(operators=frozenset({"eq"}), value_of=lambda user: user.enabled),
    "userType": Filterable(operators=frozenset({"eq"}), value_of=lambda user: user.user_type),
    "usageLocation": Filterable(operators=frozenset({"eq", "in"}), value_of=lambda user: user.usage_location),
}


class Users:
    """The users of the tenant."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.store = Store[User](world.clock, world.replica)
        self._id_of_upn: dict[str, str] = {}
        self.store.on_change(self._remember_upn)

    def seed(self, user: User) -> None:
        """Put a user that was there before time began."""
        self.store.seed(user.id, user)
        self._id_of_upn[user.upn.lower()] = user.id

    def find(self, id_or_upn: str) -> User | None:
        """The user as they truly are, by id or UPN in any case, or None."""
        return self.store.get(self._id_of_upn.get(id_or_upn.lower(), id_or_upn))

    def require(self, id_or_upn: str) -> User:
        """As ``find``. Raises 404 when there is no such user."""
        user = self.find(id_or_upn)
        if user is None:
            raise resource_not_found(id_or_upn)
        return user

    def get(self, id_or_upn: str) -> User:
        """GET users/{id or UPN}. Raises 404."""
        user = self.store.read(self._id_of_upn.get(id_or_upn.lower(), id_or_upn))
        if user is None:
            raise resource_not_found(id_or_upn)
        return user

    def page(self, conditions: Sequence[Condition] | None, *, start: int, size: int) -> Page[User]:
        """GET users. ``None`` conditions are a filter that could not be read. Raises 400 for what cannot be filtered."""
        if conditions is None or not supported(conditions, FILTERABLE):
            raise bad_request("Invalid filter clause", code="Request_UnsupportedQuery")
        rows = [user for user in self.store.readable() if holds(user, conditions, FILTERABLE)]
        return page_of(rows, self._world.replica, start=start, size=size)

    def update(
        self,
        id_or_upn: str,
        *,
        usage_location: str | None = None,
        enabled: bool | None = None,
        display_name: str | None = None,
        office: str | None = None,
    ) -> None:
        """PATCH users/{id}: what is None stays as it is. Raises 404, and 400 for a country that is none."""
        user = self.require(id_or_upn)
        if usage_location is not None and not (len(usage_location) == 2 and usage_location.isalpha()):
            raise bad_request("Invalid value specified for property 'usageLocation' of resource 'User'.")
        changed = replace(
            user,
            usage_location=user.usage_location if usage_location is None else usage_location.upper(),
            enabled=user.enabled if enabled is None else enabled,
            display_name=user.display_name if display_name is None else display_name,
            office=user.office if office is None else office,
        )
        self.store.put(user.id, changed)

    def rename(self, id_or_upn: str, new_upn: str) -> None:
        """Give the user another UPN; the id stays."""
        user = self.require(id_or_upn)
        self.store.put(user.id, replace(user, upn=new_upn))

    def delete(self, id_or_upn: str) -> None:
        """Remove the user (soft delete: it can no longer be read)."""
        self.store.remove(self.require(id_or_upn).id)

    def _remember_upn(self, _key: str, before: User | None, after: User | None) -> None:
        if before is not None and (after is None or after.upn != before.upn):
            self._id_of_upn.pop(before.upn.lower(), None)
        if after is not None:
            self._id_of_upn[after.upn.lower()] = after.id
