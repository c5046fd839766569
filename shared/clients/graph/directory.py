"""Users of the directory and their licences."""

from collections.abc import Iterator

from shared.clients.graph.memberships import GraphMemberships
from shared.clients.graph.rounds import delta_page
from shared.clients.graph.transport import Transport
from shared.clients.graph.values import (
    Json,
    is_guid,
    is_user_key,
    moment,
    own_id,
    quoted,
    rows,
    same,
    text,
    word,
    words,
)
from shared.domain.effects import Answer, Done, Refused
from shared.domain.facts import MISSING, HeldLicence, LicenceGroup, Missing, PlanStatus, User
from shared.domain.pages import Page
from shared.errors import Unexpected

PROPERTIES = (
    "id,userPrincipalName,displayName,accountEnabled,userType,usageLocation,assignedLicenses,assignedPlans,mail,"
    "officeLocation,licenseAssignmentStates"
)
"""Most of them only come when they are selected."""

_NO_USER = Refused(code="invalid_id", message="not the id or UPN of a user")


class GraphDirectory:
    """The port Directory over Graph."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._memberships = GraphMemberships(transport)

    async def user(self, id_or_upn: str) -> User | Missing:
        """See the port. Raises RetryLater, AccessDenied or Unexpected."""
        if not is_user_key(id_or_upn):
            return MISSING
        builder = self._transport.v1.users.by_user_id(id_or_upn)
        row = await self._transport.read("directory.user", builder, {"select": PROPERTIES})
        if isinstance(row, Missing):
            return MISSING
        user = directory_user(row)
        if not (same(user.id, id_or_upn) or same(user.user_principal_name, id_or_upn)):
            raise Unexpected("Graph returned another user than the one asked for")
        return user

    async def plans(self, user_id: str) -> tuple[PlanStatus, ...]:
        """() for a user who is not there. Raises RetryLater, AccessDenied or Unexpected."""
        if not is_user_key(user_id):
            return ()
        builder = self._transport.v1.users.by_user_id(user_id).license_details
        licences = await self._transport.all_rows("directory.plans", builder, missing_is_empty=True)
        return tuple(plan for licence in licences for plan in licence_plans(licence))

    async def groups_of_user(self, user_id: str, group_ids: tuple[str, ...]) -> frozenset[str] | Missing:
        """See the port and memberships.py."""
        return await self._memberships.of_user(user_id, group_ids)

    async def groups_of_device(self, entra_device_id: str, group_ids: tuple[str, ...]) -> frozenset[str] | Missing:
        """See the port and memberships.py."""
        return await self._memberships.of_device(entra_device_id, group_ids)

    async def recovery_keys(self, entra_device_id: str) -> int:
        """See the port and memberships.py."""
        return await self._memberships.recovery_keys(entra_device_id)

    async def set_usage_location(self, user_id: str, country: str) -> Answer:
        """See the port. Raises RetryLater, AccessDenied or Unexpected."""
        if not is_user_key(user_id):
            return _NO_USER
        builder = self._transport.v1.users.by_user_id(user_id)
        return await self._transport.write("directory.set_usage_location", "PATCH", builder, {"usageLocation": country})

    async def assign_licence(
        self,
        user_id: str,
        sku_id: str,
        *,
        disabled_plan_ids: tuple[str, ...] = (),
        remove_sku_ids: tuple[str, ...] = (),
    ) -> Answer:
        """See the port. Raises RetryLater, AccessDenied or Unexpected."""
        licence: Json = {"skuId": sku_id, "disabledPlans": disabled_plan_ids}
        return await self._change_licences("directory.assign_licence", user_id, (licence,), remove_sku_ids)

    async def remove_licences(self, user_id: str, sku_ids: tuple[str, ...]) -> Answer:
        """See the port. Raises RetryLater, AccessDenied or Unexpected."""
        return await self._change_licences("directory.remove_licences", user_id, (), sku_ids)

    async def _change_licences(
        self, operation: str, user_id: str, add: tuple[Json, ...], remove: tuple[str, ...]
    ) -> Answer:
        if not is_user_key(user_id):
            return _NO_USER
        builder = self._transport.v1.users.by_user_id(user_id).assign_license
        body = {"addLicenses": add, "removeLicenses": remove}  # Graph wants both lists
        return await self._transport.write(operation, "POST", builder, body)

    async def licence_group(self, group_id: str) -> LicenceGroup | Missing:
        """See the port. Raises RetryLater, AccessDenied or Unexpected."""
        if not is_guid(group_id):
            return MISSING
        builder = self._transport.v1.groups.by_group_id(group_id)
        row = await self._transport.read(
            "directory.licence_group", builder, {"select": "id,displayName,assignedLicenses"}
        )
        if isinstance(row, Missing):
            return MISSING
        if not same(own_id(row), group_id):
            raise Unexpected("Graph returned another group than the one asked for")
        return LicenceGroup(
            id=own_id(row),
            name=text(row, "displayName"),
            products=tuple((sku, disabled) for sku, disabled in _products(row)),
        )

    async def add_to_group(self, group_id: str, user_id: str) -> Answer:
        """See the port. Raises RetryLater, AccessDenied or Unexpected."""
        if not (is_guid(group_id) and is_guid(user_id)):
            return _NO_USER
        builder = self._transport.v1.groups.by_group_id(group_id).members.ref
        body = {"@odata.id": self._transport.v1_url(f"directoryObjects/{user_id}")}
        answer = await self._transport.write("directory.add_to_group", "POST", builder, body)
        there = isinstance(answer, Refused) and "already exist" in answer.message.lower()
        return Done() if there else answer

    async def reprocess_licences(self, user_id: str) -> Answer:
        """See the port. Raises RetryLater, AccessDenied or Unexpected."""
        if not is_user_key(user_id):
            return _NO_USER
        builder = self._transport.v1.users.by_user_id(user_id).reprocess_license_assignment
        return await self._transport.write("directory.reprocess_licences", "POST", builder)

    async def changed_users(self, link: str | None) -> Page[str]:
        """See the port. Raises ResyncNeeded, RetryLater, AccessDenied or Unexpected."""
        builder, query = self._transport.v1.users.delta, {"select": "id,assignedLicenses"}
        return await delta_page(self._transport, "directory.changed_users", builder, query, link, _changed_user)

    async def changed_members(self, group_ids: tuple[str, ...], link: str | None) -> Page[str]:
        """See the port. Raises what ``changed_users`` raises."""
        wanted = " or ".join(f"id eq {quoted(group_id)}" for group_id in group_ids if is_guid(group_id))
        if not wanted:
            raise Unexpected("directory.changed_members: without a group this would be every group of the tenant")
        builder, query = self._transport.v1.groups.delta, {"select": "id,members", "filter": wanted}
        return await delta_page(self._transport, "directory.changed_members", builder, query, link, _changed_members)

    async def touch(self, id_or_upn: str, note: str) -> Answer:
        """See the port. Raises RetryLater, AccessDenied or Unexpected."""
        if not is_user_key(id_or_upn):
            return _NO_USER
        builder = self._transport.v1.users.by_user_id(id_or_upn)
        return await self._transport.write("directory.touch", "PATCH", builder, {"officeLocation": note})


def directory_user(row: Json) -> User:
    """One user. Raises Unexpected when it has no id.

    ``disabledPlans`` of the licences need no look: Graph does not list such a plan as Enabled, unless another
    licence gives it, and then the user has it.
    """
    plans = [
        (plan, moment(each, "assignedDateTime"))
        for each in rows(row, "assignedPlans")
        if text(each, "capabilityStatus") == "Enabled" and (plan := word(each, "servicePlanId"))
    ]
    return User(
        id=own_id(row),
        user_principal_name=text(row, "userPrincipalName"),
        display_name=text(row, "displayName"),
        enabled=row.get("accountEnabled") is True,
        user_type=text(row, "userType"),
        usage_location=word(row, "usageLocation"),
        sku_ids=tuple(sku for each in rows(row, "assignedLicenses") if (sku := word(each, "skuId"))),
        enabled_plan_ids=frozenset(plan for plan, _ in plans),
        plans_assigned_at=tuple((plan, at) for plan, at in plans if at is not None),
        mail_address=word(row, "mail"),
        office=word(row, "officeLocation"),
        licences=_held_licences(row),
    )


def _products(row: Json) -> Iterator[tuple[str, frozenset[str]]]:
    for each in rows(row, "assignedLicenses"):
        if sku_id := word(each, "skuId"):
            yield sku_id, frozenset(words(each, "disabledPlans"))


def _held_licences(row: Json) -> tuple[HeldLicence, ...]:
    """From licenseAssignmentStates; what only assignedLicenses tells is not known to be direct."""
    held = [
        HeldLicence(
            sku_id=sku_id,
            direct=word(each, "assignedByGroup") is None,
            group_id=word(each, "assignedByGroup"),
            error=_error(each),
            disabled_plan_ids=frozenset(words(each, "disabledPlans")),
        )
        for each in rows(row, "licenseAssignmentStates")
        if (sku_id := word(each, "skuId"))
    ]
    told = {each.sku_id for each in held}
    untold = [
        HeldLicence(sku_id=sku_id, direct=False, disabled_plan_ids=disabled)
        for sku_id, disabled in _products(row)
        if sku_id not in told
    ]
    return (*held, *untold)


def _error(state: Json) -> str | None:
    """Graph writes the text None where there is no error; a state of Error without a word is one all the same."""
    written = word(state, "error")
    error = None if written in (None, "None") else written
    return error or ("Other" if text(state, "state") == "Error" else None)


def licence_plans(row: Json) -> tuple[PlanStatus, ...]:
    """The service plans of one licenseDetails."""
    return tuple(
        PlanStatus(
            sku_id=text(row, "skuId"),
            plan_id=text(plan, "servicePlanId"),
            name=text(plan, "servicePlanName"),
            status=text(plan, "provisioningStatus"),
        )
        for plan in rows(row, "servicePlans")
    )


def _changed_user(row: Json) -> tuple[str, ...]:
    user_id = text(row, "id")
    return (user_id.lower(),) if is_guid(user_id) else ()


def _changed_members(row: Json) -> tuple[str, ...]:
    """Who joined or left one group. A large change is split over several rows and pages."""
    members = [text(member, "id") for member in rows(row, "members@delta")]
    return tuple(member.lower() for member in members if is_guid(member))
