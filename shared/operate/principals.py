"""Who acts: a signed-in person, and which of Handover's app roles they hold. Every action asks here first."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from shared.domain.people import same_person
from shared.errors import HandoverError


class Role(StrEnum):
    """App roles, as they are assigned to people in Microsoft Entra ID (infra/app-roles.json)."""

    READER = "Handover.Reader"
    APPROVER = "Handover.Approver"
    OPERATOR = "Handover.Operator"


MEANINGS = {
    Role.READER: "see cases, report and switches",
    Role.APPROVER: "approve and reject wipes",
    Role.OPERATOR: "cancel, retry and release cases, freeze and thaw all wipes, replay or discard what was set aside",
}


class NotSignedIn(HandoverError):
    """Nobody is signed in, or nobody who can be trusted to be who they say. The text is safe to show."""


class NotAllowed(HandoverError):
    """The person is signed in and lacks a role; the text names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A person. ``id`` never changes (Entra object id); ``name`` is their UPN, which may."""

    id: str
    name: str
    roles: frozenset[Role]
    other_names: frozenset[str] = frozenset()
    """More names of the same account (mail address, preferred user name), by which a requester may have been named."""

    def may(self, role: Role) -> bool:
        """Whether they hold this role; whoever holds any of them may read."""
        return role in self.roles or (role is Role.READER and bool(self.roles))

    def must(self, role: Role) -> None:
        """Raise NotAllowed, naming the role, unless they hold it."""
        if not self.may(role):
            raise NotAllowed(f"{self.name} may not {MEANINGS[role]}: the app role {role.value} is missing.")

    @property
    def known_as(self) -> Iterator[str]:
        """Everything that names this person: id, name and the others."""
        yield from (self.id, self.name, *sorted(self.other_names))

    def is_called(self, name: str) -> bool:
        """Whether this name, UPN or id is theirs, however it is written."""
        return any(same_person(name, own) for own in self.known_as)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Whose word is taken for who calls. With neither, everybody is refused."""

    by_platform: bool = False
    """App Service Authentication is on: the platform itself sets its headers, and drops those of callers."""
    development: Principal | None = None
    """A development machine only: who acts when a request names nobody."""


_DEVELOPMENT = re.compile(
    r"\s*(?P<name>[^\s;,][^;,]{0,98}[^\s;,])\s*;\s*(?P<roles>(?:Reader|Approver|Operator)(?:\s*,\s*(?:Reader|Approver|Operator))*)\s*"
)


def development_principal(text: str) -> Principal:
    """A person who is played on a development machine, from ``name;Approver,Operator``. Raises ValueError."""
    match = _DEVELOPMENT.fullmatch(text)
    if match is None or not text.isprintable():
        raise ValueError("must be like ann@contoso.com;Approver,Operator")
    roles = frozenset(Role(f"Handover.{role.strip()}") for role in match["roles"].split(","))
    return Principal(id=f"development:{match['name'].casefold()}", name=match["name"], roles=roles)
