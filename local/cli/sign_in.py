"""How an administrator signs in: a device code, the Azure CLI, or the simulated tenant's own sign-in.

The Azure CLI's token holds no Intune permissions unless an administrator added them to its application: the device code, for
the application "Microsoft Graph Command Line Tools", asks for just what a command needs.
"""

import asyncio
import base64
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol

import httpx
from azure.core.credentials import AccessToken
from azure.identity import AzureCliCredential, DeviceCodeCredential

GRAPH_COMMAND_LINE = "14d82eec-204b-4c2f-b7e8-296a70dab67e"
"""Microsoft Graph Command Line Tools, a public client that Microsoft has in every tenant."""
SCOPES: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).parents[2] / "infra" / "graph-scopes.json").read_text(encoding="utf-8")
)
GRAPH = "https://graph.microsoft.com"

Way = Literal["device-code", "azure-cli", "simulated"]


class SyncCredential(Protocol):
    """What azure-identity's credentials are, as far as it is used."""

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:  # Any: azure-identity's own
        """A token, or an exception."""
        ...


@dataclass(slots=True)
class SignIn:
    """A credential for our Graph client: it asks for these scopes, whatever the client asks, and keeps the token."""

    credential: SyncCredential
    scopes: tuple[str, ...]
    _token: AccessToken | None = field(default=None)

    async def get_token(self, *_: str, **__: Any) -> AccessToken:  # Any: the protocol's own
        """The token, asked for in a thread: a device code waits for a person."""
        if self._token is None or self._token.expires_on < time.time() + 120:
            self._token = await asyncio.to_thread(self.credential.get_token, *self.scopes)
        return self._token

    async def who(self) -> str:
        """The UPN in the token; empty when it names nobody."""
        return upn_in((await self.get_token()).token)

    async def close(self) -> None:
        """Nothing is open."""

    async def __aenter__(self) -> "SignIn":
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.close()


@dataclass(frozen=True, slots=True)
class SimulatedSignIn:
    """The administrator of the simulated tenant, who consents to everything."""

    url: str
    user: str = "admin@contoso.example"

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:  # Any: as in SyncCredential
        """A delegated token of the simulated tenant."""
        asked = {"user": self.user, "scopes": list(scopes)}
        answer = httpx.post(f"{self.url}/_sim/sign-in", json=asked, timeout=10).raise_for_status().json()
        return AccessToken(answer["access_token"], int(answer["expires_on"]))


def sign_in(way: Way, command: str, *, graph: str, tenant_id: str | None, tell: Callable[[str], None]) -> SignIn:
    """The sign-in for one command, with the permissions of infra/graph-scopes.json that it needs."""
    scopes = tuple(SCOPES[command])
    match way:
        case "simulated":
            return SignIn(SimulatedSignIn(graph.rstrip("/")), scopes)
        case "azure-cli":
            return SignIn(AzureCliCredential(tenant_id=tenant_id or ""), (f"{GRAPH}/.default",))
        case "device-code":
            credential = DeviceCodeCredential(
                client_id=GRAPH_COMMAND_LINE,
                tenant_id=tenant_id or "organizations",
                prompt_callback=lambda uri, code, _expires: tell(f"Open {uri} and enter the code {code}."),
            )
            return SignIn(credential, full(scopes))


def full(scopes: Sequence[str]) -> tuple[str, ...]:
    """The scopes as Entra ID wants to be asked for them."""
    return tuple(f"{GRAPH}/{scope}" for scope in scopes)


def upn_in(token: str) -> str:
    """The user principal name that a token's claims hold. Only to say who asks: nothing is decided by it."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return str(claims.get("upn") or claims.get("unique_name") or claims.get("preferred_username") or "")
    except (IndexError, ValueError, AttributeError):
        return ""
