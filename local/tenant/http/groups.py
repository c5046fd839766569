"""groups: reading, membership and delta."""

from local.tenant.http.delta_query import changes
from local.tenant.http.directory_objects import USER_OBJECT
from local.tenant.http.references import Reference, id_in
from local.tenant.http.request import NO_CONTENT, Endpoint, GraphRequest, Reply
from local.tenant.http.shape import Shape, listed, one
from local.tenant.http.wire import Json, moment
from local.tenant.model.groups import Group
from local.tenant.model.operations import Operation
from local.tenant.model.tenant import TenantModel


class GroupEndpoints:
    """Endpoints under /groups."""

    def __init__(self, model: TenantModel) -> None:
        self._model = model

    def endpoints(self) -> list[Endpoint]:
        """The table."""
        of = Operation
        rows = (
            ("GET", "/groups", of.GROUPS_LIST, self._list),
            ("GET", "/groups/delta", of.GROUPS_DELTA, self._delta),
            ("GET", "/groups/{id}", of.GROUPS_GET, self._get),
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
        page = self._model.groups.page(request.query.conditions, start=request.query.start, size=size)
        return listed(request, page, _SHAPE, "groups")

    def _get(self, request: GraphRequest) -> Reply:
        return one(request, self._model.groups.get(request.path["id"]), _SHAPE, "groups")

    def _delta(self, request: GraphRequest) -> Reply:
        return changes(request, self._model.groups_log, _SHAPE, "groups", _members_delta)

    def _members(self, request: GraphRequest) -> Reply:
        size = min(request.query.top or 100, 999)
        page = self._model.groups.members(request.path["id"], start=request.query.start, size=size)
        return listed(request, page, USER_OBJECT, "directoryObjects")

    def _add_member(self, request: GraphRequest) -> Reply:
        self._model.groups.add_member(request.path["id"], id_in(request.body(Reference)))
        return NO_CONTENT

    def _remove_member(self, request: GraphRequest) -> Reply:
        self._model.groups.remove_member(request.path["id"], request.path["member"])
        return NO_CONTENT


def _members_delta(group: Group) -> dict[str, Json]:
    return {"members@delta": [{"@odata.type": "#microsoft.graph.user", "id": member} for member in group.member_ids]}


_SHAPE = Shape[Group](
    type_name="group",
    properties={
        "id": lambda group: group.id,
        "deletedDateTime": lambda _: None,
        "createdDateTime": lambda group: moment(group.created_at),
        "description": lambda _: None,
        "displayName": lambda group: group.name,
        "groupTypes": lambda _: [],
        "mail": lambda _: None,
        "mailEnabled": lambda _: False,
        "mailNickname": lambda group: group.name.replace(" ", "").lower(),
        "securityEnabled": lambda _: True,
        "assignedLicenses": lambda group: [{"skuId": sku_id, "disabledPlans": []} for sku_id in group.sku_ids],
        "members": lambda _: [],
    },
    only_when_selected=frozenset({"assignedLicenses", "members"}),
)
