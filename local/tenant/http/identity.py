"""The platform's identity endpoint, as App Service and Functions have it, and the tokens it gives.

Source: "How to use managed identities for App Service and Azure Functions", REST endpoint 2019-08-01.
"""

import base64
import hashlib
import json
import time
from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from local.tenant.http.wire import Json
from local.tenant.model.gate import Caller
from local.tenant.model.refusal import GraphRefusal

PATH = "/msi/token"
HEADER = "identity-header-of-the-simulated-tenant"
_LIFETIME_S = 86_400


class Identities:
    """Gives tokens to the applications of the tenant and recognises them again."""

    def __init__(self, tenant_id: str, roles: Mapping[str, frozenset[str]]) -> None:
        self._tenant_id = tenant_id
        self._roles = {client_id.lower(): granted for client_id, granted in roles.items()}
        self._system_assigned = next(iter(self._roles))

    async def give_token(self, request: Request) -> Response:
        """GET /msi/token. Times are real: the client's token cache goes by the real clock."""
        query = request.query_params
        if request.headers.get("x-identity-header") != HEADER:
            return _problem(401, "The X-IDENTITY-HEADER is missing or wrong.")
        if not query.get("resource") or query.get("api-version") != "2019-08-01":
            return _problem(400, "resource and api-version=2019-08-01 are required.")
        client_id = query.get("client_id", self._system_assigned).lower()
        if client_id not in self._roles:
            return _problem(400, "No managed identity with this client_id is assigned to the app.")
        expires_on = int(time.time()) + _LIFETIME_S
        body: dict[str, Json] = {
            "access_token": self.token(client_id, str(query["resource"]), expires_on),
            "expires_on": str(expires_on),
            "resource": str(query["resource"]),
            "token_type": "Bearer",
            "client_id": client_id,
        }
        return JSONResponse(body)

    def token(self, client_id: str, resource: str, expires_on: int) -> str:
        """A token that looks like a JWT: header, claims with the roles, and a digest in place of a signature."""
        claims = {"idtyp": "app", "roles": sorted(self._roles[client_id.lower()])}
        return self._signed(claims | {"aud": resource, "appid": client_id, "exp": expires_on})

    async def sign_in(self, request: Request) -> Response:
        """POST /_sim/sign-in {"user": ..., "scopes": [...]}: an administrator consents to all of it at once."""
        asked = await request.json()
        expires_on = int(time.time()) + _LIFETIME_S
        return JSONResponse({"access_token": self.user_token(asked["user"], asked["scopes"]), "expires_on": expires_on})

    def user_token(self, user: str, scopes: Sequence[str]) -> str:
        """A token of a signed-in administrator with these delegated permissions."""
        claims: dict[str, Json] = {"idtyp": "user", "upn": user, "scp": " ".join(scopes), "appid": "cli"}
        return self._signed(claims | {"aud": "https://graph.microsoft.com", "exp": int(time.time()) + _LIFETIME_S})

    def _signed(self, claims: Mapping[str, Json]) -> str:
        claims = {"iss": f"https://sts.windows.net/{self._tenant_id}/", "tid": self._tenant_id, **claims}
        head = _encoded({"typ": "JWT", "alg": "none"}) + "." + _encoded(claims)
        return f"{head}.{self._seal(head)}"

    def caller(self, authorization: str | None) -> Caller:
        """The application behind an Authorization header. Raises 401."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _unauthorized("Access token is empty.")
        head, _, seal = token.rpartition(".")
        if not head or seal != self._seal(head):
            raise _unauthorized("Access token validation failure. Invalid signature.")
        claims = json.loads(_decoded(head.partition(".")[2]))
        if claims["exp"] < time.time():
            raise _unauthorized("Lifetime validation failed, the token is expired.")
        if claims["idtyp"] == "user":
            return Caller(application_id=claims["appid"], roles=frozenset(claims["scp"].split()), user=claims["upn"])
        return Caller(application_id=claims["appid"], roles=frozenset(claims["roles"]))

    def _seal(self, head: str) -> str:
        digest = hashlib.sha256(f"{self._tenant_id}.{head}".encode()).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _encoded(value: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _problem(status: int, message: str) -> Response:
    return JSONResponse({"statusCode": status, "message": message}, status)


def _unauthorized(message: str) -> GraphRefusal:
    return GraphRefusal(
        status=401,
        code="InvalidAuthenticationToken",
        message=message,
        headers={"WWW-Authenticate": 'Bearer realm="", authorization_uri="https://login.microsoftonline.com/"'},
    )
