"""One request to Graph as an endpoint sees it, its reply, and what an endpoint is."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from local.tenant.http.query import Query
from local.tenant.http.wire import Json, Version
from local.tenant.model.gate import Caller
from local.tenant.model.naming import Kind, Named
from local.tenant.model.operations import Operation, is_intune
from local.tenant.model.refusal import GraphRefusal, Service
from local.tenant.model.subscriptions import Handshake, HandshakeAnswer
from local.tenant.model.tenant import TenantModel

BOTH: frozenset[Version] = frozenset({"v1.0", "beta"})
BETA: frozenset[Version] = frozenset({"beta"})


class Body(BaseModel):
    """A request body: camel-case names, unknown ones refused."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, frozen=True)


B = TypeVar("B", bound=Body)


@dataclass(slots=True, kw_only=True)
class GraphRequest:
    """One authenticated request to one tenant. ``path`` holds the ids in its path, ``base`` scheme and host."""

    tenant: TenantModel
    operation: Operation
    version: Version
    path: Mapping[str, str]
    query: Query
    headers: Mapping[str, str]
    caller: Caller
    base: str
    url_path: str
    content: bytes = b""
    handshakes: tuple[tuple[Handshake, HandshakeAnswer], ...] | GraphRefusal = ()
    """The validation requests that were made for a new subscription, or why none were."""

    def body(self, of: type[B]) -> B:
        """The body. Raises 400 as Graph words it: unknown property, missing parameter, wrong type, no JSON."""
        try:
            return of.model_validate_json(self.content or b"{}")
        except ValidationError as invalid:
            raise self._unreadable(invalid) from invalid

    def link(self, **changes: str | None) -> str:
        """This request's URL with other query options (without the $; None removes one)."""
        options = dict(self.query.raw)
        for name, value in changes.items():
            options.pop(f"${name}", None)
            if value is not None:
                options[f"${name}"] = value
        return f"{self.base}{self.url_path}?{urlencode(options, safe='$')}"

    def context(self, suffix: str) -> str:
        """The @odata.context of an answer."""
        return f"{self.base}/{self.version}/$metadata#{suffix}"

    def _unreadable(self, invalid: ValidationError) -> GraphRefusal:
        error = invalid.errors(include_url=False)[0]
        place = [str(part) for part in error["loc"]]
        name = place[-1] if place else ""
        match error["type"]:
            case "extra_forbidden" if len(place) == 1:
                message = (
                    f"The parameter '{name}' in the request payload is not a valid parameter for the operation "
                    f"'{self.operation}'."
                )
            case "extra_forbidden":
                message = f"The property '{name}' does not exist on type 'microsoft.graph.{place[0]}'."
            case "missing":
                message = (
                    f"One or more parameters of the operation '{self.operation}' are missing from the request "
                    f"payload. The missing parameters are: {name}."
                )
            case "json_invalid":
                message = (
                    "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is "
                    "of valid JSON format."
                )
            case _:
                message = f"Cannot convert the value of '{name}' to the expected type: {error['msg']}."
        service = Service.INTUNE if is_intune(self.operation) else Service.DIRECTORY
        return GraphRefusal(status=400, code="BadRequest", message=message, service=service)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What to answer. ``body`` None is an answer without content."""

    status: int = 200
    body: Json = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


NO_CONTENT = Reply(status=204)


Handler = Callable[[GraphRequest], Reply]
Validate = Callable[[Handshake], Awaitable[HandshakeAnswer]]
"""Makes one validation request to an endpoint that wants to subscribe."""


def _about_nothing(_request: GraphRequest) -> tuple[Named, ...]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One operation on one path, in any tenant. ``prepare`` runs before the request is applied and may wait."""

    method: str
    path: str
    operation: Operation
    handle: Handler
    versions: frozenset[Version] = BOTH
    about: Callable[[GraphRequest], tuple[Named, ...]] = _about_nothing
    prepare: Callable[[GraphRequest, Validate], Awaitable[None]] | None = None


def names(kind: Kind, parameter: str = "id") -> Callable[[GraphRequest], tuple[Named, ...]]:
    """``about`` of an endpoint whose path parameter names one thing."""

    def about(request: GraphRequest) -> tuple[Named, ...]:
        return (Named(kind=kind, value=request.path[parameter]),)

    return about


def names_in_filter(kinds: Mapping[str, Kind]) -> Callable[[GraphRequest], tuple[Named, ...]]:
    """``about`` of a list whose filter may name things: property -> what it names."""

    def about(request: GraphRequest) -> tuple[Named, ...]:
        return tuple(
            Named(kind=kinds[condition.property], value=condition.value)
            for condition in request.query.conditions or ()
            if condition.property in kinds and isinstance(condition.value, str)
        )

    return about
