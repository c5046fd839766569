"""How the tenant says no: one exception with what Graph would put in status, code, message and headers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Service(StrEnum):
    """Which service behind Graph answers; Intune wraps its messages in JSON text."""

    DIRECTORY = "directory"
    INTUNE = "intune"


@dataclass(kw_only=True)
class GraphRefusal(Exception):
    """A request that Graph answers with an error. Not frozen: Python sets the traceback on an exception."""

    status: int
    code: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    service: Service = Service.DIRECTORY

    def __str__(self) -> str:
        return f"{self.status} {self.code}: {self.message}"


@dataclass(kw_only=True)
class AnswerLost(Exception):
    """The request was carried out, or not, and its answer never arrives: the connection breaks."""

    applied: bool

    def __str__(self) -> str:
        return f"the answer was lost after the request was {'applied' if self.applied else 'dropped'}"


def bad_request(message: str, *, code: str = "Request_BadRequest") -> GraphRefusal:
    """400 as the directory words it."""
    return GraphRefusal(status=400, code=code, message=message)


def resource_not_found(what: str, service: Service = Service.DIRECTORY) -> GraphRefusal:
    """404: the directory names the object, Intune does not."""
    if service is Service.INTUNE:
        return GraphRefusal(status=404, code="ResourceNotFound", message="An error has occurred", service=service)
    message = f"Resource '{what}' does not exist or one of its queried reference-property objects are not present."
    return GraphRefusal(status=404, code="Request_ResourceNotFound", message=message)


def intune_bad_request(message: str = "An error has occurred") -> GraphRefusal:
    """400 as Intune words it: opaque unless a message is given."""
    return GraphRefusal(status=400, code="BadRequest", message=message, service=Service.INTUNE)
