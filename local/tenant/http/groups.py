"""groups: reading, membership and delta."""

from typing import Literal

from pydantic import Field

from local.tenant.http.delta_query import changes
from local.tenant.http.directory_objects import USER_OBJECT
from local.tenant.http.licences import AssignLicense
from local.tenant.http.references import Reference, id_in
from local.tenant.http.request import NO_CONTENT, Body, Endpoint, GraphRequest, Reply
from local.tenant.http.shape import Shape, listed, one
from local.tenant.http.wire import Json, moment
from local.tenant.model.groups import Group
from local.tenant.model.operations import Operation
from local.tenant.model.refusal import bad_request


class GroupFields(Body):
    """What POST and PATCH have in common, reduced to what is used."""

    description: str | None = None
    membership_rule: str | None = None
    membership_rule_processing_state: Literal["On", "Paused"] | None = None


class GroupChange(GroupFields):
    """Body of a PATCH."""

    display_name: str | None = None


class NewGroup(GroupFields):
    """Body of POST groups."""

    display_name: str
    mail_enabled: Literal[False]
    mail_nickname: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    security_enabled: Literal[True]
    group_types: tuple[Literal["DynamicMembership"], ...] = ()


class GroupEndpoints:
    """Endpoints under /groups."""

    def endpoints(self) -> list[Endpoint]:
        """The table."""
        of = Operation
        rows = (
            ("GET", "/groups", of.GROUPS_LIST, self._list),
            ("GET", "/groups/delta", of.GROUPS_DELTA, self._delta),
            ("GET", "/groups/{id}", of.GROUPS_GET, self._get),
            ("POST", "/groups", of.GROUPS_CREATE, self._create),
            ("PATCH", "/groups/{id}", of.GROUPS_UPDATE, self._update),
            ("POST", "/groups/{id}/assignLicense", of.GROUPS_ASSIGN_LICENSE, self._license),
            ("GET", "/groups/{id}/members", of.GROUP_MEMBERS_LIST, self._members),
            ("POST", "/groups/{id}/members/$ref", of.GROUP_MEMBERS_ADD, self._add_member),
            ("DELETE", "/groups/{id}/members/{member}/$ref", of.GROUP_MEMBERS_REMOVE, self._remove_member),
        )
        return [
            Endpoint(method=method, path=path, operation=operation, handle=handle)
            for method, path, operation, handle in rows
        ]

    def _list(self, request: GraphRequest) -> Reply:
        size = min(request.query.top or 100, 999)
        page = request.tenant.groups.page(request.query.conditions, start=request.query.start, size=size)
        return listed(request, page, _SHAPE, "groups")

    def _get(self, request: GraphRequest) -> Reply:
        return one(request, request.tenant.groups.get(request.path["id"]), _SHAPE, "groups")

    def _create(self, request: GraphRequest) -> Reply:
        body = request.body(NewGroup)
        if bool(body.membership_rule) is not ("DynamicMembership" in body.group_types):
            raise bad_request("A membership rule needs the group type DynamicMembership, and the other way round.")
        group = Group(
            id=request.tenant.world.ids.guid(),
            name=body.display_name,
            created_at=request.tenant.clock.now(),
            description=body.description or "",
            rule=body.membership_rule or "",
            rule_is_on=body.membership_rule_processing_state == "On",
        )
        request.tenant.groups.create(group)
        request.tenant.assignment.look_again_later()
        return Reply(status=201, body=one(request, group, _SHAPE, "groups").body)

    def _update(self, request: GraphRequest) -> Reply:
        body = request.body(GroupChange)
        state = body.membership_rule_processing_state
        is_on = None if state is None else state == "On"
        request.tenant.groups.change(request.path["id"], rule=body.membership_rule, rule_is_on=is_on)
        request.tenant.assignment.look_again_later()
        return NO_CONTENT

    def _license(self, request: GraphRequest) -> Reply:
        body = request.body(AssignLicense)
        request.tenant.groups.license(request.path["id"], [each.sku_id for each in body.add_licenses])
        return Reply(status=202, body={"id": request.path["id"]})

    def _delta(self, request: GraphRequest) -> Reply:
        return changes(request, request.tenant.groups_log, _SHAPE, "groups", _members_delta)

    def _members(self, request: GraphRequest) -> Reply:
        size = min(request.query.top or 100, 999)
        page = request.tenant.groups.members(request.path["id"], start=request.query.start, size=size)
        return listed(request, page, USER_OBJECT, "directoryObjects")

    def _add_member(self, request: GraphRequest) -> Reply:
        request.tenant.groups.add_member(request.path["id"], id_in(request.body(Reference)))
        return NO_CONTENT

    def _remove_member(self, request: GraphRequest) -> Reply:
        request.tenant.groups.remove_member(request.path["id"], request.path["member"])
        return NO_CONTENT


def _members_delta(group: Group) -> dict[str, Json]:
    return {"members@delta": [{"@odata.type": "#microsoft.graph.user", "id": member} for member in group.member_ids]}


_SHAPE = Shape[Group](
    type_name="group",
    properties={
        "id": lambda group: group.id,
        "deletedDateTime": lambda _: None,
        "createdDateTime": lambda group: moment(group.created_at),
        "description": lambda group: group.description or None,
        "displayName": lambda group: group.name,
        "groupTypes": lambda group: ["DynamicMembership"] if group.rule else [],
        "membershipRule": lambda group: group.rule or None,
        "membershipRuleProcessingState": lambda group: ("On" if group.rule_is_on else "Paused") if group.rule else None,
        "mail": lambda _: None,
        "mailEnabled": lambda _: False,
        "mailNickname": lambda group: group.name.replace(" ", "").lower(),
        "securityEnabled": lambda _: True,
        "assignedLicenses": lambda group: [{"skuId": sku_id, "disabledPlans": []} for sku_id in group.sku_ids],
        "members": lambda _: [],
    },
    only_when_selected=frozenset({"assignedLicenses", "members"}),
)
