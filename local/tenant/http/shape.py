"""How a record becomes JSON: its properties, which exist on beta only, which come only when selected."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar, cast

from local.tenant.http.request import GraphRequest, Reply
from local.tenant.http.wire import Json, Version
from local.tenant.model.paging import Page
from local.tenant.model.refusal import GraphRefusal, Service
from local.tenant.model.tenant import TenantModel

T = TypeVar("T")
Render = Callable[[T], dict[str, Json]]


@dataclass(frozen=True)  # no slots: Python 3.11 cannot make a generic one with them
class OfTenant(Generic[T]):
    """A property that not the record alone tells."""

    read: Callable[[T, TenantModel], Json]


Property = Callable[[T], Json] | OfTenant[T]


@dataclass(frozen=True, kw_only=True)  # see OfTenant
class _Columns(Generic[T]):
    """How records are written for one $select: each property, and once more those that the tenant tells."""

    plain: tuple[tuple[str, Callable[[T], Json]], ...]
    of_tenant: tuple[tuple[str, Callable[[T, TenantModel], Json]], ...]


@dataclass(frozen=True, kw_only=True)  # see OfTenant
class Shape(Generic[T]):
    """One Graph type, the same for every tenant.

    ``hidden_in_lists`` come as null in list answers, as Intune does; ``always_null`` exist in Graph, and the tenant
    has nothing to say about them: they come as null, when they are selected.
    """

    type_name: str
    properties: Mapping[str, Property[T]]
    beta_only: frozenset[str] = frozenset()
    only_when_selected: frozenset[str] = frozenset()
    hidden_in_lists: frozenset[str] = frozenset()
    always_null: frozenset[str] = frozenset()
    service: Service = Service.DIRECTORY
    _known_columns: dict[object, _Columns[T]] = field(
        default_factory=dict[object, _Columns[T]], init=False, repr=False, compare=False
    )
    """What was worked out before: requests ask for the same few properties again and again."""

    def renderer(self, request: GraphRequest, *, in_list: bool = False) -> Render[T]:
        """A function that writes records as this request wants them. Raises 400 for unknown properties in $select."""
        asked = request.version, request.query.select, in_list
        columns = self._known_columns.get(asked)
        if columns is None:
            columns = self._known_columns[asked] = self._columns(self.selected(request), in_list=in_list)
        plain, of_tenant, tenant = columns.plain, columns.of_tenant, request.tenant

        def render(record: T) -> dict[str, Json]:
            row = {name: read(record) for name, read in plain}
            for name, read_in in of_tenant:
                row[name] = read_in(record, tenant)
            return row

        return render

    def _columns(self, names: tuple[str, ...], *, in_list: bool) -> _Columns[T]:
        hidden = self.hidden_in_lists if in_list else frozenset[str]()
        read = {name: _null if name in hidden else self.properties.get(name, _null) for name in names}
        return _Columns(
            plain=tuple((name, _null if isinstance(each, OfTenant) else each) for name, each in read.items()),
            of_tenant=tuple(
                (name, cast("OfTenant[T]", each).read) for name, each in read.items() if isinstance(each, OfTenant)
            ),
        )

    def selected(self, request: GraphRequest) -> tuple[str, ...]:
        """The names of the properties that this request gets, ``id`` first."""
        known = self._known(request.version)
        if request.query.select is None or "*" in request.query.select:
            return tuple(name for name in known if name not in self.only_when_selected)
        for name in request.query.select:
            if name not in known and name not in self.always_null:
                raise GraphRefusal(
                    status=400,
                    code="BadRequest",
                    message="Parsing OData Select and Expand failed: Could not find a property named "
                    f"'{name}' on type 'microsoft.graph.{self.type_name}'.",
                    service=self.service,
                )
        return tuple(dict.fromkeys(("id", *request.query.select)))

    def _known(self, version: Version) -> tuple[str, ...]:
        if version == "beta":
            return tuple(self.properties)
        return tuple(name for name in self.properties if name not in self.beta_only)


def _null(_record: object) -> Json:
    return None


def one(request: GraphRequest, record: T, shape: Shape[T], collection: str, extra: Render[T] | None = None) -> Reply:
    """A single record. ``extra`` adds what is no property, such as what was expanded."""
    body: dict[str, Json] = {"@odata.context": request.context(f"{collection}/$entity")}
    body.update(shape.renderer(request)(record))
    if extra is not None:
        body.update(extra(record))
    return Reply(body=body)


def many(request: GraphRequest, records: tuple[T, ...], shape: Shape[T], collection: str) -> Reply:
    """A whole collection on one page."""
    return listed(request, Page(rows=records), shape, collection)


def listed(
    request: GraphRequest,
    page: Page[T],
    shape: Shape[T],
    collection: str,
    *,
    skip: Literal["skip", "skiptoken"] = "skiptoken",
    extra: Render[T] | None = None,
) -> Reply:
    """One page of a collection; ``skip`` is the query option that the link to the next page uses."""
    render = shape.renderer(request, in_list=True)
    body: dict[str, Json] = {"@odata.context": request.context(collection)}
    if page.total is not None and (skip == "skip" or request.query.raw.get("$count") == "true"):
        body["@odata.count"] = page.total
    if page.next_start is not None:
        token = str(page.next_start) if skip == "skip" else f"P{page.next_start}"
        body["@odata.nextLink"] = request.link(**{"skiptoken": None, "skip": None, skip: token})
    body["value"] = [render(row) if extra is None else render(row) | extra(row) for row in page.rows]
    return Reply(body=body)
