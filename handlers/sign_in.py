"""Who is calling, from the headers of a request.

App Service Authentication puts ``X-MS-CLIENT-PRINCIPAL`` on every request and drops what a caller put there itself.
Where it is off anybody can write that header, so there it is not even looked at.
"""

import base64
import json
from collections.abc import Iterable, Mapping
from typing import cast

from shared.bootstrap import services
from shared.operate.principals import NotSignedIn, Principal, Role, development_principal

DEVELOPMENT_HEADER = "x-handover-development-principal"
"""``name;Approver,Operator``: on a development machine only, so that several people can be played."""
MOST_CHARACTERS = 100_000
_ID = ("http://schemas.microsoft.com/identity/claims/objectidentifier", "oid")
_ROLES = ("roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role")
_NAMES = (
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn",
    "upn",
    "preferred_username",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    "email",
)
_FORGED = "The sign-in that came with this request cannot be read."


def principal_of(headers: Mapping[str, str]) -> Principal:
    """The person who calls; ``headers`` are those of the request, in any case. Raises NotSignedIn, and nothing else.

    Source of the header's form: "Work with user identities in Azure App Service authentication".
    """
    given = {name.lower(): value for name, value in headers.items()}
    sign_in = services().sign_in
    if sign_in.by_platform:
        return _of_platform(given)
    if sign_in.development is not None:
        return _of_development(given, sign_in.development)
    raise NotSignedIn(
        "Nobody can sign in: App Service Authentication is off for this app, and without it Handover trusts no one."
    )


def _of_platform(headers: Mapping[str, str]) -> Principal:
    encoded = headers.get("x-ms-client-principal", "")
    if not encoded:
        raise NotSignedIn("Sign in with Microsoft Entra ID first.")
    claims = _claims(encoded)
    ids = [*_values(claims, _ID), headers.get("x-ms-client-principal-id", "")]
    names = [*_values(claims, _NAMES), headers.get("x-ms-client-principal-name", "")]
    known = [name for name in names if _is_word(name)]
    if not known or not _is_word(ids[0]):
        raise NotSignedIn("The sign-in does not say who it is: it has no object id or no name.")
    held = {role.value: role for role in Role}
    return Principal(
        id=ids[0].strip().lower(),
        name=known[0].strip(),
        roles=frozenset(held[value] for value in _values(claims, _ROLES) if value in held),
        other_names=frozenset(name.strip() for name in known[1:]) - {known[0].strip()},
    )


def _of_development(headers: Mapping[str, str], usual: Principal) -> Principal:
    played = headers.get(DEVELOPMENT_HEADER)
    if played is None:
        return usual
    try:
        return development_principal(played)
    except ValueError as error:
        raise NotSignedIn(f"The header {DEVELOPMENT_HEADER} {error}.") from error


def _claims(encoded: str) -> list[tuple[str, str]]:
    """Type and value of every claim. Raises NotSignedIn for anything that the platform would not write."""
    if len(encoded) > MOST_CHARACTERS:
        raise NotSignedIn(_FORGED)
    try:
        document: object = json.loads(base64.b64decode(encoded, validate=True))
    except (ValueError, RecursionError) as error:
        raise NotSignedIn(_FORGED) from error
    claims: object = cast("dict[str, object]", document).get("claims") if isinstance(document, dict) else None
    if not isinstance(claims, list):
        raise NotSignedIn(_FORGED)
    found: list[tuple[str, str]] = []
    for claim in cast("list[object]", claims):
        fields = cast("dict[str, object]", claim) if isinstance(claim, dict) else {}
        kind, value = fields.get("typ"), fields.get("val")
        if isinstance(kind, str) and isinstance(value, str):
            found.append((kind, value))
    return found


def _values(claims: Iterable[tuple[str, str]], kinds: tuple[str, ...]) -> list[str]:
    """The values of these kinds of claims, in the order of the kinds."""
    known = list(claims)
    return [value for kind in kinds for name, value in known if name == kind]


def _is_word(text: str) -> bool:
    """Something that can name a person in a journal: 1 to 320 printable characters."""
    return 1 <= len(text.strip()) <= 320 and text.isprintable()
