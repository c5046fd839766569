"""Groups of the directory, their members, and the licences that membership gives."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from local.tenant.model.filters import Condition, Filterable, Table, holds, supported
from local.tenant.model.licences import Licences
from local.tenant.model.paging import Page, page_of
from local.tenant.model.refusal import bad_request, resource_not_found
from local.tenant.model.store import Store
from local.tenant.model.users import User, Users
from local.tenant.model.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A security group; ``sku_ids`` are the licences its members inherit."""

    id: str
    name: str
    created_at: datetime
    member_ids: tuple[str, ...] = ()
    sku_ids: tuple[str, ...] = ()
    description: str = ""
    rule: str = ""
    rule_is_on: bool = False


FILTERABLE: Table[Group] = {
    "id": Filterable(operators=frozenset({"eq", "in"}), value_of=lambda group: group.id),
    "displayName": Filterable(operators=frozenset({"eq", "in", "startswith"}), value_of=lambda group: group.name),
    "groupTypes": Filterable(
        operators=frozenset({"eq"}), value_of=lambda group: "DynamicMembership" if group.rule else ""
    ),
}


class Groups:
    """The groups of the tenant."""

    def __init__(self, world: World, users: Users, licences: Licences) -> None:
        self._world = world
        self._users = users
        self._licences = licences
        self.store = Store[Group](world.clock, world.replica)
        users.store.on_change(self._forget_deleted_user)

    def seed(self, group: Group) -> None:
        """Put a group that was there before time began."""
        self.store.seed(group.id, group)

    def find(self, id_or_name: str) -> Group | None:
        """The group as it truly is, by id or display name, or None."""
        found = self.store.get(id_or_name)
        return found or next((group for group in self.store.values() if group.name == id_or_name), None)

    def get(self, group_id: str) -> Group:
        """GET groups/{id}. Raises 404."""
        group = self.store.read(group_id)
        if group is None:
            raise resource_not_found(group_id)
        return group

    def page(self, conditions: Sequence[Condition] | None, *, start: int, size: int) -> Page[Group]:
        """GET groups. Raises 400 for what cannot be filtered."""
        if conditions is None or not supported(conditions, FILTERABLE):
            raise bad_request("Invalid filter clause", code="Request_UnsupportedQuery")
        rows = [group for group in self.store.readable() if holds(group, conditions, FILTERABLE)]
        return page_of(rows, self._world.replica, start=start, size=size)

    def members(self, group_id: str, *, start: int, size: int) -> Page[User]:
        """GET groups/{id}/members. Raises 404."""
        found = (self._users.store.read(user_id) for user_id in self.get(group_id).member_ids)
        return page_of([user for user in found if user is not None], self._world.replica, start=start, size=size)

    def create(self, group: Group) -> None:
        """POST groups."""
        self.store.put(group.id, group)

    def change(self, group_id: str, *, rule: str | None, rule_is_on: bool | None) -> None:
        """PATCH groups/{id}: what is None stays. Raises 404, and 400 for a rule of a group that has none."""
        group = self._require(group_id)
        if rule and not group.rule:
            raise bad_request("A membership rule needs the group type DynamicMembership.")
        rule_is_on = group.rule_is_on if rule_is_on is None else rule_is_on
        self.store.put(group.id, replace(group, rule=group.rule if rule is None else rule, rule_is_on=rule_is_on))

    def license(self, group_id: str, sku_ids: Sequence[str]) -> None:
        """POST groups/{id}/assignLicense; its members get it later. Raises 404, and 400 for what was not bought."""
        group = self._require(group_id)
        self._licences.require_bought(sku_ids)
        self.store.put(group.id, replace(group, sku_ids=tuple(dict.fromkeys((*group.sku_ids, *sku_ids)))))
        for user_id in group.member_ids:
            for sku_id in sku_ids:
                self._licence_later(group.id, user_id, sku_id)

    def add_member(self, group_id: str, user_id: str) -> None:
        """POST groups/{id}/members/$ref. Raises 404, and 400 for somebody who is a member already."""
        group, user = self._require(group_id), self._users.require(user_id)
        if group.rule:
            raise bad_request("Insufficient privileges: the members of a dynamic group follow its rule.")
        if user.id in group.member_ids:
            raise bad_request(
                "One or more added object references already exist for the following modified properties: 'members'."
            )
        self.store.put(group.id, replace(group, member_ids=(*group.member_ids, user.id)))
        for sku_id in group.sku_ids:
            self._licence_later(group.id, user.id, sku_id)

    def remove_member(self, group_id: str, user_id: str) -> None:
        """DELETE groups/{id}/members/{user}/$ref. Raises 404."""
        group, user = self._require(group_id), self._users.require(user_id)
        if user.id not in group.member_ids:
            raise resource_not_found(user_id)
        self.store.put(group.id, replace(group, member_ids=tuple(m for m in group.member_ids if m != user.id)))
        self._licences.revoke_by_group(user.id, group.id)

    def memberships(self, id_or_upn: str, asked: Sequence[str]) -> tuple[str, ...]:
        """POST users/{id}/checkMemberGroups: those of the asked group ids. Raises 404, and 400 for over 20 ids."""
        return self.memberships_of(self._users.get(id_or_upn).id, asked)

    def memberships_of(self, object_id: str, asked: Sequence[str]) -> tuple[str, ...]:
        """checkMemberGroups of any object: through other groups, too. Raises 400 for over 20 ids."""
        if len(asked) > 20:
            raise bad_request("Too many child Ids provided. A maximum of 20 is allowed.")
        return tuple(group_id for group_id in asked if self._holds(group_id, object_id, frozenset()))

    def _holds(self, group_id: str, object_id: str, above: frozenset[str]) -> bool:
        """Whether the object is in the group or in a group inside it; groups may contain each other."""
        group = self.store.read(group_id)
        if group is None or group_id in above:
            return False
        inside = above | {group_id}
        return object_id in group.member_ids or any(self._holds(m, object_id, inside) for m in group.member_ids)

    def of_user(self, user_id: str) -> tuple[Group, ...]:
        """Every group that the user is a member of."""
        return tuple(group for group in self.store.values() if user_id in group.member_ids)

    def _require(self, group_id: str) -> Group:
        group = self.store.get(group_id)
        if group is None:
            raise resource_not_found(group_id)
        return group

    def _licence_later(self, group_id: str, user_id: str, sku_id: str) -> None:
        def grant() -> None:
            group = self.store.get(group_id)
            if group is not None and user_id in group.member_ids:
                self._licences.grant_by_group(user_id, sku_id, group_id)

        self._world.clock.after(self._world.delays.group_licence, grant)

    def _forget_deleted_user(self, user_id: str, before: User | None, after: User | None) -> None:
        if before is None or after is not None:
            return
        for group in self.of_user(before.id):
            kept = tuple(member for member in group.member_ids if member != user_id)
            self.store.put(group.id, replace(group, member_ids=kept))
