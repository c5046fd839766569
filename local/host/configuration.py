"""What host.json and app settings tell the host: queue options, route prefix, `%SETTING%`, connections."""

import json
import os
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

# Account name and key that Microsoft publishes for its storage emulator; they protect nothing.
_DEVELOPMENT_STORAGE = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
    "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
    "QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;"
)
_IDENTITY_SUFFIXES = ("__queueServiceUri", "__serviceUri", "__accountName")


class HostError(Exception):
    """The app or its settings cannot be hosted; the text tells the developer what to mend."""


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


class _HostJsonPart(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class QueueOptions(_HostJsonPart):
    """`extensions.queues` of host.json, with the defaults of the Storage Queues extension 5.x."""

    batch_size: int = Field(default=16, ge=1, le=32)
    new_batch_threshold: int | None = Field(default=None, ge=0)
    max_polling_interval: timedelta = Field(default=timedelta(minutes=1), ge=timedelta(milliseconds=100))
    max_dequeue_count: int = Field(default=5, ge=1)
    visibility_timeout: timedelta = Field(default=timedelta(), ge=timedelta(), le=timedelta(days=7))
    """Only the wait between a failure and the next try; the lease of a running message is fixed."""
    message_encoding: Annotated[Literal["base64", "none"], BeforeValidator(_lower)] = "base64"

    @property
    def threshold(self) -> int:
        """The next batch is fetched when no more than this many messages are running."""
        if self.new_batch_threshold is not None:
            return self.new_batch_threshold
        return self.batch_size // 2 * (os.cpu_count() or 1)


class _HttpOptions(_HostJsonPart):
    route_prefix: str = "api"


class _Extensions(_HostJsonPart):
    queues: QueueOptions = QueueOptions()
    http: _HttpOptions = _HttpOptions()


class HostJson(_HostJsonPart):
    """The parts of host.json that this host obeys; everything else is ignored."""

    extensions: _Extensions = _Extensions()

    @property
    def queues(self) -> QueueOptions:
        """Options of all queue triggers and outputs."""
        return self.extensions.queues

    @property
    def route_prefix(self) -> str:
        """First part of every HTTP route, without slashes; may be empty."""
        return self.extensions.http.route_prefix.strip("/")


def read_host_json(app_dir: Path) -> HostJson:
    """The app's host.json, or the defaults when there is none. Raises HostError when it is not usable."""
    path = app_dir / "host.json"
    try:
        return HostJson.model_validate_json(path.read_text("utf-8")) if path.exists() else HostJson()
    except ValidationError as error:
        raise HostError(f"{path} is not usable: {error}") from error


def read_local_settings(path: Path) -> dict[str, str]:
    """`Values` of a local.settings.json, as strings. Raises HostError when it is encrypted or not JSON."""
    try:
        document = json.loads(path.read_text("utf-8"))
        if document.get("IsEncrypted"):
            raise HostError(f"{path} is encrypted: run 'func settings decrypt' first")
        return {name: str(value) for name, value in document.get("Values", {}).items()}
    except (ValueError, AttributeError) as error:
        raise HostError(f"{path} is not usable: {error}") from error


def expand(text: str, environ: Mapping[str, str]) -> str:
    """Replace each `%NAME%` by that app setting. Raises HostError when the setting is missing."""

    def value_of(match: re.Match[str]) -> str:
        try:
            return environ[match[1]]
        except KeyError:
            raise HostError(f"'{match[0]}' does not resolve: app setting {match[1]} is missing") from None

    return re.sub(r"%([^%\s]+)%", value_of, text)


def connection_string(environ: Mapping[str, str], name: str) -> str:
    """The storage connection string that a binding's `connection` names; empty means AzureWebJobsStorage.

    As in the real host, `AzureWebJobs<name>` is looked up before `<name>`. Raises HostError when neither is
    set, and for identity-based connections (`<name>__queueServiceUri` and the like), which are not done here.
    """
    name = name or "AzureWebJobsStorage"
    for candidate in (f"AzureWebJobs{name}", name):
        if value := environ.get(candidate):
            return _DEVELOPMENT_STORAGE if value.strip(" ;").lower() == "usedevelopmentstorage=true" else value
        if any(candidate + suffix in environ for suffix in _IDENTITY_SUFFIXES):
            raise HostError(f"connection {name} is identity-based; this host needs a connection string in {name}")
    raise HostError(f"connection {name} is not set: put a storage connection string in the app setting {name}")
