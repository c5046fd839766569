"""How a record becomes JSON: its properties, which exist on beta only, which come only when selected."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from local.tenant.http.request import GraphRequest, Reply
from local.tenant.http.wire import Json, Version
from local.tenant.model.paging import Page
from local.tenant.model.refusal import GraphRefusal, Service

T = TypeVar("T")
Render = Callable[[T], dict[str, Json]]


@dataclass(frozen=True, kw_only=True)  # no slots: Python 3.11 cannot make a generic one with them
class Shape(Generic[T]):
    """One Graph type.

    ``hidden_in_lists`` come as null in list answers, as Intune does; ``always_null`` exist in Graph, and the tenant
    has nothing to say about them: they come as null, when they are selected.
    """

    type_name: str
    properties: Mapping[str, Callable[[T], Json]]
    beta_only: frozenset[str] = frozenset()
    only_when_selected: frozenset[str] = frozenset()
    hidden_in_lists: frozenset[str] = frozenset()
    always_null: frozenset[str] = frozenset()
    service: Service = Service.DIRECTORY

    def renderer(self, request: GraphRequest, *, in_list: bool = False) -> Render[T]:
        """A function that writes records as this request wants them. Raises 400 for unknown properties in $select."""
        names = self.selected(request)
        hidden = self.hidden_in_lists if in_list else frozenset[str]()
        getters = [(name, None if name in hidden else self.properties.get(name)) for name in names]

        def render(record: T) -> dict[str, Json]:
            return {name: None if get is None else get(record) for name, get in getters}

        return render

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


def one(request: GraphRequest, record: T, shape: Shape[T], collection: str, extra: Render[T] | None = None) -> Reply:
    """A single record. ``extra`` adds what is no property, such as what was expanded."""
    body: dict[str, Json] = {"@odata.context": request.context(f"{collection}/$entity")}
    return Reply(body=body | shape.renderer(request)(record) | ({} if extra is None else extra(record)))


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
    body["value"] = [render(row) | ({} if extra is None else extra(row)) for row in page.rows]
    return Reply(body=body)
