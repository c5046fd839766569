"""The people who operate Handover in tests."""

from shared.operate.principals import Principal, Role


def person(name: str, *roles: Role) -> Principal:
    """Somebody of this name, who may do everything unless roles are named."""
    return Principal(id=f"id-of-{name.strip().casefold()}", name=name, roles=frozenset(roles or Role))


ADA, BOB, EVE = person("Ada"), person("Bob"), person("Eve")
