"""Opens the way to Graph: credential, HTTP client and msgraph's request builders over it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:  # loading msgraph takes its time: only the first request to Graph pays for it
    import httpx
    from azure.core.credentials_async import AsyncTokenCredential
    from kiota_abstractions.authentication import AuthenticationProvider
    from kiota_http.httpx_request_adapter import HttpxRequestAdapter
    from msgraph.graph_service_client import GraphServiceClient

    from shared.settings import Settings

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
"""For one read or write on the socket and for a free connection of the pool."""

_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_PUBLIC_GRAPH = "https://graph.microsoft.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where Graph is. ``url`` has no trailing slash and no version."""

    url: str

    @classmethod
    def of(cls, base_url: str) -> "Endpoint":
        """From a setting. Raises ValueError unless it is https or on this machine: a token would leak."""
        parts = urlsplit(base_url)
        if parts.username or parts.query or parts.fragment or not parts.hostname:
            raise ValueError("GRAPH_BASE_URL must be a plain URL such as https://graph.microsoft.com")
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL_HOSTS):
            raise ValueError("GRAPH_BASE_URL must start with https:// (http:// is for this machine only)")
        return cls(url=base_url.rstrip("/"))

    @property
    def local(self) -> bool:
        """Whether this is a Graph on this machine: a simulated one."""
        return urlsplit(self.url).hostname in _LOCAL_HOSTS

    @property
    def scope(self) -> str:
        """What a token is asked for. Entra knows no port and no simulated Graph."""
        host = urlsplit(self.url).hostname
        return f"{_PUBLIC_GRAPH if self.local else f'https://{host}'}/.default"

    def holds(self, url: str) -> bool:
        """Whether ``url`` is on this very scheme, host and port, so that the token may go there."""
        try:
            return _origin(url) == _origin(self.url)
        except ValueError:
            return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """An open way to Graph. ``v1`` builds v1.0 requests; whoever opened it closes it."""

    endpoint: Endpoint
    credential: "AsyncTokenCredential"
    http: "httpx.AsyncClient"
    provider: "AuthenticationProvider"
    """Puts a token of the credential into a request."""
    adapter: "HttpxRequestAdapter"
    v1: "GraphServiceClient"

    async def close(self) -> None:
        """Close the connections to Graph and to the token endpoint."""
        await self.http.aclose()
        await self.credential.close()


def open_connection(
    endpoint: Endpoint, credential: "AsyncTokenCredential", network: "httpx.AsyncBaseTransport | None" = None
) -> Connection:
    """Build the clients; nothing is sent yet. ``network`` replaces the real one in tests.

    The HTTP client is ours: kiota's default one repeats a POST after 503 and 504, and would wipe twice.
    """
    import httpx
    from kiota_authentication_azure.azure_identity_authentication_provider import (
        AzureIdentityAuthenticationProvider,
    )
    from msgraph.graph_request_adapter import GraphRequestAdapter
    from msgraph.graph_service_client import GraphServiceClient

    http = httpx.AsyncClient(
        transport=network,
        follow_redirects=False,
        timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=32, max_keepalive_connections=16, keepalive_expiry=30.0),
        headers={"User-Agent": "handover"},
        trust_env=not endpoint.local,
    )
    host = urlsplit(endpoint.url).hostname or ""
    provider = AzureIdentityAuthenticationProvider(credential, scopes=[endpoint.scope], allowed_hosts=[host])
    adapter = GraphRequestAdapter(provider, client=http)
    adapter.base_url = f"{endpoint.url}/v1.0"
    client = GraphServiceClient(request_adapter=adapter)
    return Connection(
        endpoint=endpoint, credential=credential, http=http, provider=provider, adapter=adapter, v1=client
    )


def credential_for(settings: "Settings") -> "AsyncTokenCredential":
    """The credential that the settings ask for. Its own retries are few: the queue retries."""
    if settings.credential == "developer":
        from azure.identity.aio import DefaultAzureCredential

        return DefaultAzureCredential()
    from azure.identity.aio import ManagedIdentityCredential

    return ManagedIdentityCredential(
        client_id=settings.identity_client_id,
        retry_total=2,
        connection_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
    )


def _origin(url: str) -> tuple[str, str | None, int | None, bool]:
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, parts.hostname, port, parts.username is not None or parts.password is not None
