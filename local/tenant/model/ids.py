"""Identifiers drawn from the tenant's seeded generator, so that a seed always gives the same tenant."""

import random
from uuid import UUID


class Ids:
    """Fresh GUIDs and opaque strings."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def guid(self) -> str:
        """A random GUID in lower case."""
        return str(UUID(int=self._rng.getrandbits(128), version=4))

    def opaque(self) -> str:
        """32 hexadecimal digits that mean nothing."""
        return f"{self._rng.getrandbits(128):032x}"
